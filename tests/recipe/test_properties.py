"""Properties of recipes of random tables: TOML, dotted keys, defaults, what may change on resume, near misses."""

import tomllib
from collections.abc import Iterator
from typing import Annotated, Any

import pytest
import tomlkit
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import Field, create_model

from luthier.engines.checkpoints import differences
from luthier.errors import RecipeError
from luthier.recipe.tables import MayChange, Section, put

Values = dict[str, Any]
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
SCALARS: list[tuple[Any, Any, st.SearchStrategy[Any]]] = [  # type, default, values
    (bool, False, st.booleans()),
    (int, 3, st.integers(-(2**63), 2**63 - 1)),
    (float, 1e-5, NUMBERS),
    (str, "auto", TEXT),
    (Annotated[int, Field(ge=1)] | None, None, st.integers(1, 9)),
    (str | None, None, TEXT),
    (list[str], [], st.lists(TEXT, max_size=3)),
    (dict[str, float], {}, st.dictionaries(TEXT, NUMBERS, max_size=3)),
    (dict[str, str | list[str]], {}, st.dictionaries(TEXT, TEXT | st.lists(TEXT, max_size=2), max_size=3)),
]
NAMES = ["a", "b", "kind", "free", "free_too"]  # those named `free` may change on resume


@st.composite
def kinds(draw: st.DrawFn, depth: int = 3) -> tuple[type[Section], st.SearchStrategy[Values]]:
    """A random type of table, and nested values for it."""
    fields: dict[str, Any] = {}
    values: dict[str, st.SearchStrategy[Any]] = {}
    for name in draw(st.lists(st.sampled_from(NAMES), min_size=1, unique=True)):
        form = draw(st.sampled_from(["value", "table", "optional", "list"] if depth else ["value"]))
        annotation: Any
        if form == "value":
            annotation, default, values[name] = draw(st.sampled_from(SCALARS))
        else:
            table, strategy = draw(kinds(depth=depth - 1))
            annotation, default, values[name] = {
                "table": (table, table(), strategy),
                "optional": (table | None, None, strategy),
                "list": (list[table], [], st.lists(strategy, max_size=3)),  # type: ignore[valid-type]
            }[form]
        if name.startswith("free"):
            annotation = MayChange[annotation]
        fields[name] = (annotation, Field(default, description=f"the {name}"))
    return create_model("Table", __base__=Section, **fields), st.fixed_dictionaries({}, optional=values)


@st.composite
def recipes(draw: st.DrawFn, n: int) -> tuple[Any, ...]:
    """A random type of table, and nested values for it, n times."""
    kind, values = draw(kinds())
    return kind, *(draw(values) for _ in range(n))


def leaves(recipe: Section, values: Values, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted key to value for what was set; a table stands as an empty one before what is in it."""
    for name, value in values.items():
        key, held = f"{prefix}{name}", getattr(recipe, name)
        if isinstance(held, Section):
            yield key, {}
            yield from leaves(held, value, f"{key}.")
        elif isinstance(held, list) and held and isinstance(held[0], Section):
            yield key, [{} for _ in held]
            for i, table in enumerate(held):
                yield from leaves(table, value[i], f"{key}.{i}.")
        else:
            yield key, value


def inline(value: Any) -> str:
    """What one types after `--set key=`."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{tomlkit.item(key).as_string()} = {inline(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(inline, value)) + "]"
    return tomlkit.item(value).as_string()


def typed(value: Any) -> Any:
    return tomllib.loads(f"value = {inline(value)}")["value"]


def merged(recipe: Section, said: Values, defaults: Values) -> Values:
    """Nested values in which what was said wins, table by table."""
    both = {**defaults, **said}
    for name in both:
        if isinstance(getattr(recipe, name), Section):
            both[name] = merged(getattr(recipe, name), said.get(name, {}), defaults.get(name, {}))
    return both


def decisive(section: Section) -> Values:
    """Nested values without those that may change."""

    def of(value: Any) -> Any:
        if isinstance(value, list):
            return [of(item) for item in value]
        return decisive(value) if isinstance(value, Section) else value

    return {name: of(value) for name, value in section if not name.startswith("free")}


thorough = settings(max_examples=50, suppress_health_check=list(HealthCheck))


@thorough
@given(recipes(1))
def test_a_recipe_is_read_back_from_toml_as_it_was(drawn: tuple[type[Section], Values]) -> None:
    kind, values = drawn
    recipe = kind.build(values)
    again = kind.build(tomllib.loads(recipe.to_toml()))
    assert again == recipe
    assert again.flatten() == recipe.flatten()
    assert again.to_toml() == recipe.to_toml()


@thorough
@given(recipes(1))
def test_setting_every_leaf_equals_building_from_nested_values(drawn: tuple[type[Section], Values]) -> None:
    kind, nested = drawn
    values: Values = {}
    for key, value in leaves(kind.build(nested), nested):
        assert kind.full_key(key) == key
        put(values, key, typed(value))
    assert values == nested
    assert kind.build(values) == kind.build({key: typed(value) for key, value in nested.items()}) == kind.build(nested)


@thorough
@given(recipes(2), st.booleans())
def test_defaults_never_overwrite_explicit_values(drawn: tuple[type[Section], Values, Values], dotted: bool) -> None:
    kind, said, defaults = drawn
    recipe = kind.build(said)
    expected = kind.build(merged(recipe, said, defaults))
    found = recipe.with_defaults(dict(flat(recipe, defaults)) if dotted else defaults)
    assert found == expected
    assert recipe == kind.build(said)


def flat(recipe: Section, values: Values, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted key to value, down to the tables that the recipe has."""
    for name, value in values.items():
        held = getattr(recipe, name)
        if isinstance(held, Section):
            yield from flat(held, value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


@thorough
@given(recipes(2), st.data())
def test_the_fingerprint_changes_if_and_only_if_an_unmarked_value_does(
    drawn: tuple[type[Section], Values, Values], data: st.DataObject
) -> None:
    kind, first, other = drawn
    changed = data.draw(st.sets(st.sampled_from(sorted(kind.model_fields))))
    second = {**first, **{name: value for name, value in other.items() if name in changed}}
    before, after = kind.build(first), kind.build(second)
    prints = before.flatten(may_change=False), after.flatten(may_change=False)
    assert (prints[0] != prints[1]) == bool(differences(*prints)) == (decisive(before) != decisive(after))
    assert prints[0].keys() <= before.flatten().keys()


@thorough
@given(recipes(1), st.data())
def test_a_mistyped_key_is_answered_with_the_nearest_one_of_its_table(
    drawn: tuple[type[Section], Values], data: st.DataObject
) -> None:
    kind, nested = drawn
    keys = [key for key, _ in leaves(kind.build(nested), nested) if key.rpartition(".")[2] == "kind"]
    if not keys:
        return
    *path, _ = data.draw(st.sampled_from(keys)).split(".")
    values: Values = {}
    for key, value in leaves(kind.build(nested), nested):
        put(values, key, value)
    wrong = ".".join([*path, "knid"])
    put(values, wrong, 1)
    with pytest.raises(RecipeError) as caught:
        kind.build(values, where="r.toml")
    assert (caught.value.what, caught.value.where) == (f"no recipe key {wrong!r}", "r.toml")
    assert caught.value.hint == "did you mean 'kind'?"
