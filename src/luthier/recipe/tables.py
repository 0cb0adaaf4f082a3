"""Tables of a recipe, nested to any depth: validation, dotted keys, defaults, TOML."""

import re
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from copy import deepcopy
from typing import Annotated, Any, Self, TypeVar, get_args, get_origin

import tomlkit
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo

from luthier.errors import LIKE, RecipeError, closest
from luthier.text import plural, toml_value

PRINTS = "`luthier train DATA --dry-run` prints every key"
T = TypeVar("T")
_WORDS = {  # pydantic's to ours
    "a valid boolean": "true or false",
    "a valid dictionary": "a table",
    "a valid integer": "a whole number",
    "a valid list": "a list",
    "a valid number": "a number",
    "a valid string": "text",
    "a valid tuple": "a list",
}


class OnResume:
    """Marks a field whose value may differ when a run is resumed, because it changes no weight."""


MayChange = Annotated[T, OnResume]
Share = Annotated[float, Field(ge=0, lt=1)]
Positive = Annotated[int, Field(ge=1)]


class Section(BaseModel):
    """A table of the recipe.

    A field holds a value, a table (`Table`, or `Table | None`) or a list of tables (`list[Table]`). Unknown keys are
    refused, and assigned values are validated.

    Raises:
        RecipeError: From `build`, if a key is unknown, a value is invalid, or keys contradict each other.
    """

    model_config = ConfigDict(extra="forbid", validate_assignment=True, allow_inf_nan=False)

    def __setattr__(self, name: str, value: Any) -> None:
        """Set a field. A value that is refused changes nothing.

        Raises:
            RecipeError: As `build`.
        """
        values, told = dict(self.__dict__), set(self.model_fields_set)
        try:
            super().__setattr__(name, value)
        except ValidationError as error:
            # pydantic checks the fields against each other once the value is set.
            self.__dict__.update(values)
            self.__pydantic_fields_set__.intersection_update(told)
            raise _recipe_error(type(self), error, {name: value}, f"{name} = {value!r}") from None

    @classmethod
    def build(cls, values: Mapping[str, Any], *, where: str | Callable[[str], str] = "recipe") -> Self:
        """Validate nested values.

        Args:
            values: Tables as in the TOML file.
            where: The place that an error names: a file or an option; or a function of the key.
        """
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise _recipe_error(cls, error, values, where) from None

    @classmethod
    def known_keys(cls) -> dict[str, FieldInfo]:
        """Dotted key to field, for every described field; `*` stands for an index into a list of tables."""
        found: dict[str, FieldInfo] = {}
        for name, field in cls.model_fields.items():
            if field.description:
                found[name] = field
            table, is_list = _table_type(field.annotation)
            if table:
                prefix = f"{name}.*" if is_list else name
                found |= {f"{prefix}.{key}": inner for key, inner in table.known_keys().items()}
        return found

    @classmethod
    def full_key(cls, key: str, where: str = "", given: Mapping[str, Any] | None = None) -> str:
        """Complete a key whose tables may be left out, such as `weight_decay`.

        Args:
            key: Dotted or not.
            where: Where the key was given, for errors (default: `--set KEY`).
            given: Every key that was given with it, and its value, for hints.
        Raises:
            RecipeError: The key is unknown or is in several tables.
        """
        prefixes = {known[: i + 1] for known in cls.known_keys() for i, char in enumerate(known) if char == "."} | {""}
        matches = [above + key for above in prefixes if "*" not in above and _is_key(cls, above + key)]
        depth = min((match.count(".") for match in matches), default=0)
        matches = sorted(match for match in matches if match.count(".") == depth)
        where = where or f"--set {key}"
        if len(matches) > 1:
            raise RecipeError(f"{key!r} is in several tables", where=where, hint=f"write {' or '.join(matches)}")
        if not matches:
            path = key.split(".")
            field, rest = _find(cls, path)
            is_table = field is not None and not rest
            hint = f"{key} is a table: set its keys" if is_table else cls.elsewhere(path[-1], given or {}, where)
            hint = hint or _near_key(cls, path, with_table=False)
            raise RecipeError(f"no recipe key {key!r}", where=where, hint=hint)
        return matches[0]

    @classmethod
    def parse(cls, key: str, text: str) -> Any:
        """The value that a text stands for: TOML, but the text itself if the key takes no numbers, only text.

        Args:
            key: A full key.
            text: Such as `0.1`, `true` or `['a', 'b']`; `1` is the text `1` for a label.
        """
        value, (field, _) = toml_value(text), _find(cls, key.split("."))
        only_text = field is not None and _types(field.annotation) & {str, bool, int, float} == {str}
        return text.strip() if only_text and not isinstance(value, str | list | dict) else value

    @classmethod
    def elsewhere(cls, name: str, given: Mapping[str, Any], where: str) -> str:
        """What to use for a key that other tools have; empty if they have none of this name.

        Args:
            name: The last part of the unknown key.
            given: As in `full_key`.
            where: Where the key was given.
        """
        return ""

    def flatten(self, *, may_change: bool = True) -> dict[str, Any]:
        """Dotted key to value. Optional tables and lists of tables also have an entry with their number of tables.

        Args:
            may_change: Include the fields that may change when a run is resumed.
        """
        flat: dict[str, Any] = {}
        for name, field in type(self).model_fields.items():
            if OnResume in field.metadata and not may_change:
                continue
            value = getattr(self, name)
            tables = _tables(name, value)
            if not tables:
                flat[name] = value
            elif field.annotation is not type(value):
                flat[name] = plural(len(tables), "table")
            for place, table in tables:
                flat |= {f"{place}.{key}": leaf for key, leaf in table.flatten(may_change=may_change).items()}
        return flat

    def is_open(self, name: str) -> bool:
        """Whether a field was not set. None is as if it was not set: a file cannot hold it, and must say the same."""
        return name not in self.model_fields_set or getattr(self, name) is None

    def takes_default(self, name: str, value: Any) -> bool:
        """Whether a default may be set: the field was not set, and the default does not contradict what was."""
        return self.is_open(name)

    def with_defaults(self, defaults: Mapping[str, Any]) -> Self:
        """Copy, and set each key that takes a default. Defaults inside an absent table have no effect.

        Args:
            defaults: Dotted key to value; the value of a table is a mapping.
        Raises:
            RecipeError: A default contradicts a value that was set.
        """
        copy = self.model_copy(deep=True)
        for key, value in defaults.items():
            _fill(copy, key, value)
        return copy

    def to_toml(self) -> str:
        """Write every key with its description; keys without a value are comments."""
        return "\n".join(_lines(self, "")) + "\n"


def put(values: dict[str, Any], key: str, value: Any) -> None:
    """Set a dotted key in nested values, and create the tables that it needs.

    Args:
        values: Changed in place.
        key: Numbers in it count the entries of an existing list from 0, as in `training.groups.0.learning_rate`.
        value: Copied.
    Raises:
        RecipeError: The key leads through something that is not a table, or to an entry that does not exist.
    """
    *path, leaf = key.split(".")
    table: Any = values
    for depth, part in enumerate(path, start=1):
        table = table[_index(table, part, key)] if isinstance(table, list) else table.setdefault(part, {})
        if not isinstance(table, dict | list):
            raise _not_a_table(path[:depth], key)
    table[_index(table, leaf, key) if isinstance(table, list) else leaf] = deepcopy(value)


def _index(entries: Sequence[Any], part: str, key: str) -> int:
    if part.isdecimal() and int(part) < len(entries):
        return int(part)
    raise RecipeError(
        f"no entry {part!r} in a list of {len(entries)}", where=key, hint="count from 0, or set the whole list"
    )


def _fill(section: Section, key: str, value: Any) -> None:
    name, _, below = key.partition(".")
    table = getattr(section, name)
    if isinstance(table, Section):
        for inner, default in ({below: value} if below else value or {}).items():
            _fill(table, inner, default)
    elif not below and section.takes_default(name, value):
        try:
            setattr(section, name, deepcopy(value))
        except RecipeError as error:
            raise RecipeError(error.what, where=f"default {error.where}", hint=error.hint) from None


def _table_type(annotation: Any) -> tuple[type[Section] | None, bool]:
    """The table in a field's type, and whether the field holds a list of them."""
    if isinstance(annotation, type):
        return (annotation if issubclass(annotation, Section) else None), False
    for argument in get_args(annotation):
        table, is_list = _table_type(argument)
        if table:
            return table, is_list or get_origin(annotation) is list
    return None, False


def _types(annotation: Any) -> set[Any]:
    """Every type in a field's type."""
    return {annotation}.union(*map(_types, get_args(annotation))) if isinstance(annotation, Hashable) else set()


def _is_key(kind: type[Section], key: str) -> bool:
    """Whether a value can be set there: a described field, or a key of its dict."""
    field, rest = _find(kind, key.split("."))
    if field is None or not field.description:
        return False
    types = (field.annotation, *get_args(field.annotation))
    return not rest or (len(rest) == 1 and any(get_origin(part) is dict for part in types))


def _tables(name: str, value: Any) -> list[tuple[str, Section]]:
    """The tables in a field's value, each with its place."""
    if isinstance(value, list):
        return [(f"{name}.{i}", item) for i, item in enumerate(value) if isinstance(item, Section)]
    return [(name, value)] if isinstance(value, Section) else []


def _find(kind: type[Section], path: Sequence[str]) -> tuple[FieldInfo | None, Sequence[str]]:
    """The field that a path leads to, if there is one, and the rest of the path, such as the key of a dict."""
    name, *rest = path
    field = kind.model_fields.get(name)
    if field is None:
        return None, rest
    table, is_list = _table_type(field.annotation)
    if is_list and rest:
        index, *rest = rest
        if not index.isdecimal():
            return None, rest
    return _find(table, rest) if table and rest else (field, rest)


def _lines(section: Section, prefix: str) -> Iterator[str]:
    """The lines of a table. TOML demands that the tables in it follow its values."""
    nested: list[tuple[str, str, Section]] = []
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        comment = f" # {field.description}" if field.description else ""
        if tables := _tables(name, value):
            key = f"{prefix}{name}"
            header = f"[[{key}]]" if isinstance(value, list) else f"[{key}]"
            nested += [(header + comment, f"{key}.", table) for _, table in tables]
        elif value is None:
            yield f"# {name} is not set{comment.replace(' #', ':', 1)}"
        else:
            yield f"{name} = {_toml(value)}{comment}"
    for header, inner, table in nested:
        yield from ("", header)
        yield from _lines(table, inner)


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        inline = tomlkit.inline_table()
        inline.update(value)
        return inline.as_string()
    return tomlkit.item(value).as_string()


def _recipe_error(
    kind: type[Section], error: ValidationError, values: Mapping[str, Any], place: str | Callable[[str], str]
) -> RecipeError:
    first = error.errors()[0]
    path = _place(first["loc"], values) + ([str(first["loc"][-1])] if first["type"] == "missing" else [])
    key = ".".join(path)
    where = place if isinstance(place, str) else place(key)
    field = _find(kind, path)[0] if path else None
    about = f"{key}: {field.description}" if field and field.description else ""
    message = first["msg"].removeprefix("Value error, ")
    match first["type"]:
        case "extra_forbidden" | "no_such_attribute":
            hint = kind.elsewhere(path[-1], dict(_leaves(values)), where) or _near_key(kind, path)
            return RecipeError(f"no recipe key {key!r}", where=where, hint=hint)
        case "missing":
            return RecipeError(f"{key} is not set", where=where, hint=about)
        case "value_error":
            place = f"{where}, [{key}]" if key else where
            of_one = field is not None and _table_type(field.annotation)[0] is None
            hint = about if of_one else "change one of the two settings"
            return RecipeError(message, where=place, hint=hint)
        case "model_type":
            return _not_a_table(path, where)
        case "list_type" if field and _table_type(field.annotation)[0]:
            hint = f"write [[{key}]] and the keys of each table below, or {key} = [{{key = value}}]"
            return RecipeError(f"{key} is a list of tables", where=where, hint=hint)
    same = [one["msg"] for one in error.errors() if _place(one["loc"], values) == path]  # one for each type of a union
    if all(map(needed, same)):
        what = f"{key} must be {' or '.join(dict.fromkeys(map(needed, same)))}, got {first['input']!r}"
    else:
        what = f"{key} cannot be {first['input']!r}: {message[:1].lower()}{message[1:]}"
    options = re.findall(r"'([^']+)'", what.partition(", got ")[0]) if isinstance(first["input"], str) else []
    near = closest(str(first["input"]), options)
    return RecipeError(what, where=where, hint=f"did you mean {near!r}?" if near else about)


def needed(message: str) -> str:
    """What a value must be, as users say it, from a message of pydantic; empty for a message of another kind."""
    wanted = message.partition("Input should be ")[2].partition(", unable to ")[0].partition(", got a number")[0]
    wanted = wanted.replace("greater than or equal to", "at least").replace("less than or equal to", "at most")
    return _WORDS.get(wanted, wanted)


def _place(loc: Sequence[str | int], values: Any) -> list[str]:
    """The keys in an error's place; pydantic also puts the members of a union there."""
    path: list[str] = []
    for part in loc:
        if isinstance(values, Mapping) and part in values:
            values = values[str(part)]
        elif isinstance(values, list) and isinstance(part, int) and part < len(values):
            values = values[part]
        else:
            continue
        path.append(str(part))
    return path


def _leaves(values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Each key of nested tables, without the tables above it, and its value."""
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _leaves(value)
        else:
            yield key, value


def _not_a_table(path: Sequence[str], where: str) -> RecipeError:
    key = ".".join(path)
    header = ".".join(part for part in path if not part.isdecimal())
    header = f"[{header}]" if header == key else f"[[{header}]]"
    return RecipeError(f"{key} is a table, not a value", where=where, hint=f"write {header} and its keys below")


def _near_key(kind: type[Section], path: Sequence[str], *, with_table: bool = True) -> str:
    """A suggestion for a mistyped key: from its own table, or else from any table."""
    *above, name = path
    table = kind if with_table else None
    if above:
        field, rest = _find(kind, above)
        table = _table_type(field.annotation)[0] if field and not rest else None
    shallowest_last = sorted(kind.known_keys(), key=lambda key: (key.count("*"), key.count(".")), reverse=True)
    anywhere = {key.rpartition(".")[2]: key for key in shallowest_last}
    near = closest(name, table.model_fields, least=LIKE) if table else None
    if near is None and (near := closest(name, anywhere, least=LIKE)) and with_table:
        near = anywhere[near]
    return f"did you mean {near!r}?" if near else PRINTS
