"""Recipes of nested tables: errors, dotted keys, TOML, defaults, and what may change on resume."""

from typing import Annotated, Any, Literal, Self

import pytest
from pydantic import Field, model_validator

from luthier.engines.checkpoints import differences
from luthier.errors import RecipeError
from luthier.recipe import Recipe
from luthier.recipe.tables import MayChange, Section, needed, put

Values = dict[str, Any]


class Adapter(Section):
    kind: Literal["lora", "prefix"] = Field("lora", description="kind of adapter")
    rank: Annotated[int, Field(ge=1)] = Field(8, description="rank of the adapter")
    modules: dict[str, int] = Field({}, description="rank of each module")


class Group(Section):
    match: str = Field(description="glob pattern")
    rate: float | None = Field(None, description="learning rate of the group")
    rank: int | None = Field(None, description="rank of the group")

    @model_validator(mode="after")
    def _one(self) -> Self:
        if self.rate and self.rank:
            raise ValueError("rate and rank are both set")
        return self


class Model(Section):
    name: str | None = Field(None, description="name of the model")
    adapter: Adapter | None = Field(None, description="an adapter")
    logged: MayChange[Adapter] = Field(Adapter(), description="a table that may change")


class Tree(Section):
    seed: int = Field(1, description="the seed")
    model: Model = Model()
    groups: list[Group] = Field([], description="parameter groups")


@pytest.mark.parametrize(
    ("values", "what", "where", "hint"),
    [
        ({"model": {"adapter": {"knd": 1}}}, "no recipe key 'model.adapter.knd'", "r.toml", "did you mean 'kind'?"),
        ({"model": {"rank": 1}}, "no recipe key 'model.rank'", "r.toml", "did you mean 'model.logged.rank'?"),
        ({"groups": [{"match": "a"}, {"match": "b", "rats": 1}]}, "'groups.1.rats'", "r.toml", "did you mean 'rate'?"),
        ({"modell": {}}, "no recipe key 'modell'", "r.toml", "did you mean 'model'?"),
        (
            {"model": {"adapter": {"rank": 0}}},
            "model.adapter.rank must be at least 1, got 0",
            "r.toml",
            "model.adapter.rank: rank of the adapter",
        ),
        (
            {"model": {"adapter": {"modules": {"x": "y"}}}},
            "model.adapter.modules.x must be a whole number, got 'y'",
            "r.toml",
            "of each",
        ),
        ({"seed": 1.5}, "seed must be a whole number, got 1.5", "r.toml", "seed: the seed"),
        ({"groups": [{"match": 3}]}, "groups.0.match must be text, got 3", "r.toml", "glob pattern"),
        ({"groups": [{"match": "a", "rate": "x"}]}, "rate must be a number, got 'x'", "r.toml", "learning rate"),
        ({"model": {"adapter": {"modules": 3}}}, "modules must be a table, got 3", "r.toml", "of each module"),
        ({"model": {"adapter": 3}}, "model.adapter is a table, not a value", "r.toml", "write [model.adapter] and"),
        ({"groups": [3]}, "groups.0 is a table, not a value", "r.toml", "write [[groups]] and"),
        ({"groups": {"match": "a"}}, "groups is a list of tables", "r.toml", "write [[groups]]"),
        ({"groups": [{}]}, "groups.0.match is not set", "r.toml", "groups.0.match: glob pattern"),
        ({"groups": [{"match": "a", "rate": 1, "rank": 2}]}, "both set", "r.toml, [groups.0]", "change one"),
    ],
)
def test_an_error_names_its_place_at_any_depth(values: Values, what: str, where: str, hint: str) -> None:
    with pytest.raises(RecipeError) as caught:
        Tree.build(values, where="r.toml")
    assert what in caught.value.what
    assert caught.value.where == where
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("key", "full"),
    [
        ("seed", "seed"),
        ("name", "model.name"),
        ("adapter.kind", "model.adapter.kind"),
        ("model.adapter", "model.adapter"),
        ("groups", "groups"),
        ("groups.0.match", "groups.0.match"),
        ("model.adapter.modules.query", "model.adapter.modules.query"),
        ("adapter.modules.query", "model.adapter.modules.query"),
    ],
)
def test_a_key_may_be_given_without_its_tables(key: str, full: str) -> None:
    assert Tree.full_key(key) == full


def test_the_shallowest_key_of_a_name_is_meant() -> None:
    class Training(Section):
        rank: int = Field(1, description="the rank")
        inner: Tree = Tree()

    class Whole(Section):
        training: Training = Training()

    assert Whole.full_key("rank") == "training.rank"
    assert Whole.full_key("groups.1.rank") == "training.inner.groups.1.rank"


@pytest.mark.parametrize(
    ("key", "what", "hint"),
    [
        ("kind", "'kind' is in several tables", "write model.adapter.kind or model.logged.kind"),
        ("model.adapter.knd", "no recipe key 'model.adapter.knd'", "did you mean 'kind'?"),
        ("groups.first.match", "no recipe key 'groups.first.match'", "did you mean 'match'?"),
        ("seed.more", "no recipe key 'seed.more'", "prints every key"),
        ("model", "no recipe key 'model'", "model is a table: set its keys"),
    ],
)
def test_an_unknown_key_is_refused(key: str, what: str, hint: str) -> None:
    with pytest.raises(RecipeError) as caught:
        Tree.full_key(key)
    assert caught.value.what == what
    assert hint in caught.value.hint


def test_an_entry_of_a_list_is_set_by_its_index() -> None:
    groups = [{"match": "classifier.*"}, {"match": "*"}]
    values: Values = {}
    put(values, "groups", groups)
    put(values, "groups.1.rate", 1e-3)
    put(values, "groups.0", {"match": "a", "rank": 2})
    built = Tree.build(values)
    assert built == Tree(groups=[Group(match="a", rank=2), Group(match="*", rate=1e-3)])
    assert groups == [{"match": "classifier.*"}, {"match": "*"}], "the caller's values stay as they were"
    for key in ("groups.2.rate", "groups.x.rate", "groups.2"):
        with pytest.raises(RecipeError, match="in a list of 2") as caught:
            put(values, key, 1)
        assert caught.value.where == key and "set the whole list" in caught.value.hint
    absent: Values = {}
    put(absent, "groups.0.rate", 1e-3)
    with pytest.raises(RecipeError, match="groups is a list of tables") as caught:
        Tree.build(absent)
    assert "groups = [{" in caught.value.hint
    with pytest.raises(RecipeError, match="seed is a table, not a value"):
        put({"seed": 1}, "seed.more", 1)


def test_the_toml_has_every_description_and_tables_after_values() -> None:
    recipe = Tree.build({"groups": [{"match": "a.*"}, {"match": "*", "rate": 0.1}], "model": {"adapter": {}}})
    assert recipe.to_toml().splitlines() == [
        "seed = 1 # the seed",
        "",
        "[model]",
        "# name is not set: name of the model",
        "",
        "[model.adapter] # an adapter",
        'kind = "lora" # kind of adapter',
        "rank = 8 # rank of the adapter",
        "modules = {} # rank of each module",
        "",
        "[model.logged] # a table that may change",
        'kind = "lora" # kind of adapter',
        "rank = 8 # rank of the adapter",
        "modules = {} # rank of each module",
        "",
        "[[groups]] # parameter groups",
        'match = "a.*" # glob pattern',
        "# rate is not set: learning rate of the group",
        "# rank is not set: rank of the group",
        "",
        "[[groups]] # parameter groups",
        'match = "*" # glob pattern',
        "rate = 0.1 # learning rate of the group",
        "# rank is not set: rank of the group",
    ]


def test_defaults_of_an_absent_table_have_no_effect_and_assigned_values_are_explicit() -> None:
    defaults = {"model.adapter.rank": 4, "model": {"name": "usual", "logged": {"rank": 5}}}
    assert Tree().with_defaults(defaults).model == Model(name="usual", logged=Adapter(rank=5))
    recipe = Tree.build({"model": {"adapter": {"kind": "prefix"}}})
    recipe.model.name = "mine"
    found = recipe.with_defaults(defaults).model
    assert (found.name, found.adapter) == ("mine", Adapter(kind="prefix", rank=4))
    with pytest.raises(RecipeError, match="rate and rank are both set"):
        Group(match="a", rate=0.1).with_defaults({"rank": 3})


def test_a_value_that_is_refused_changes_nothing() -> None:
    group, tree = Group(match="a", rate=0.1), Tree()
    with pytest.raises(RecipeError, match="rate and rank are both set"):
        group.rank = 3
    assert group == Group(match="a", rate=0.1) and "rank" not in group.model_fields_set
    with pytest.raises(RecipeError, match="seed must be a whole number, got 'x'"):
        tree.seed = "x"  # type: ignore[assignment]
    with pytest.raises(RecipeError, match="no recipe key 'sead'"):
        tree.sead = 3  # type: ignore[attr-defined]
    assert tree == Tree() and not tree.model_fields_set


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("data.positive_label", "1", "1"),
        ("data.positive_label", " true ", "true"),
        ("data.positive_label", "'1'", "1"),
        ("data.columns.text", "2020-01-01", "2020-01-01"),
        ("seed", "1", 1),
        ("training.class_weights", "{a = 1.0}", {"a": 1.0}),
        ("training.lr_scheduler_kwargs.power", "2", 2),
        ("model.freeze", "['a']", ["a"]),
        ("training.max_steps", "x", "x"),
    ],
)
def test_a_text_is_read_as_what_the_key_takes(key: str, text: str, value: Any) -> None:
    assert Recipe.parse(key, text) == value


@pytest.mark.parametrize(
    ("message", "wanted"),
    [
        ("Input should be a valid integer, unable to parse string as an integer", "a whole number"),
        ("Input should be a valid boolean, unable to interpret input", "true or false"),
        ("Input should be 'loop' or 'trainer'", "'loop' or 'trainer'"),
        ("Value error, both are set", ""),
    ],
)
def test_the_messages_of_pydantic_are_said_in_our_words(message: str, wanted: str) -> None:
    assert needed(message) == wanted


def test_a_marked_table_may_change_as_a_whole() -> None:
    old, new = Tree(), Tree.build({"model": {"logged": {"rank": 3}}})
    assert old.flatten(may_change=False) == new.flatten(may_change=False)
    grown = Tree.build({"model": {"adapter": {}}})
    changed = differences(old.flatten(may_change=False), grown.flatten(may_change=False))
    assert changed.startswith("model.adapter: None -> 1 table; model.adapter.kind: None -> lora")


def test_settings_that_change_no_weight_may_change_on_resume() -> None:
    recipe = Recipe()
    assert recipe.flatten().keys() - recipe.flatten(may_change=False).keys() == {
        "data.train",
        "data.validation",
        "data.test",
        "data.allow",
        "model.name",
        "model.tokenizer",
        "training.logging_steps",
        "training.save_strategy",
        "training.save_steps",
        "training.save_total_limit",
        "training.keep_checkpoints",
        "training.dataloader_num_workers",
        "evaluation.calibrate",
        "training.planned_for",
        "training.replanned",
        "evaluation.resamples",
        "evaluation.baselines",
        *(key for key in Recipe.known_keys() if key.startswith("tracking.")),
    }


def test_every_key_of_the_recipe_is_described() -> None:
    known = Recipe.known_keys()
    of_every_recipe = {key for key in known if "*" not in key and not key.startswith("model.adapter.")}
    assert of_every_recipe == Recipe().flatten().keys()
    assert {key for key in known if "*" not in key} == Recipe.build({"model": {"adapter": {}}}).flatten().keys()
    assert all(field.description for field in known.values())
