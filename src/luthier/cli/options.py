"""The options that several commands share, and how options become recipe keys."""

import tomllib
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from typer import Argument, Option

from luthier.errors import UsageError

OUTPUT = "Output"
COLUMNS = "Data"

Data = Annotated[list[str], Argument(metavar="DATA...", help="Files, folders or data sets; - is standard input.")]
Json = Annotated[bool, Option("--json", help="One JSON object on standard output.", rich_help_panel=OUTPUT)]
Quiet = Annotated[bool, Option("--quiet", "-q", help="Only warnings and errors.", rich_help_panel=OUTPUT)]
Verbose = Annotated[bool, Option("--verbose", "-v", help="Say more.", rich_help_panel=OUTPUT)]
Task = Annotated[str | None, Option(help="What to tune the model to do; found from the data.")]
Model = Annotated[str | None, Option(help="Short name, local directory or hub name.")]
Scratch = Annotated[str | None, Option("--from-scratch", metavar="SIZE", help="A new model: tiny, small or base.")]
TextColumns = Annotated[
    str | None, Option("--text", metavar="A[,B]", help="Column of the text, or of both.", rich_help_panel=COLUMNS)
]
LabelColumns = Annotated[
    str | None, Option("--label", metavar="A[,B...]", help="Column(s) of the label.", rich_help_panel=COLUMNS)
]
Validation = Annotated[
    list[str] | None, Option("--valid", metavar="DATA", help="Validation data; repeatable.", rich_help_panel=COLUMNS)
]
Test = Annotated[
    list[str] | None, Option("--test", metavar="DATA", help="Test data; repeatable.", rich_help_panel=COLUMNS)
]
Allow = Annotated[list[str] | None, Option(metavar="ID", help="A finding that shall not stop this; repeatable.")]
Set = Annotated[list[str] | None, Option("--set", metavar="KEY=VALUE", help="Any other recipe key; repeatable.")]


def overrides(
    options: Mapping[str, Any], text: str | None, label: str | None, settings: Sequence[str]
) -> dict[str, Any]:
    """Recipe keys for what was given on the command line.

    Args:
        options: Dotted recipe key to value; None where the option was not given.
        text: The text column, or two with a comma between.
        label: The label column, or several with commas between.
        settings: Pairs `key=value`.
    Returns:
        Dotted recipe key to value, without the options that were not given.
    Raises:
        UsageError: A pair has no `=`, a key is unknown, or a key is given twice.
    """
    given = {key: value for key, value in options.items() if value is not None and value != []}
    given |= _columns(text, label) if text is not None or label is not None else {}
    for setting in settings:
        key, value = _parse(setting)
        if key in given:
            raise UsageError(f"{key} is given twice", where=f"--set {setting}", hint="keep one of the two")
        given[key] = value
    return given


def _columns(text: str | None, label: str | None) -> dict[str, Any]:
    from luthier.pipeline.settings import columns_of

    texts = None if text is None else _names(text, "--text")
    return columns_of(texts, None if label is None else _names(label, "--label"))


def _names(value: str, option: str) -> list[str]:
    names = [name.strip() for name in value.split(",")]
    if not all(names):
        raise UsageError("a column name is empty", where=f"{option} {value!r}", hint="name columns as A or A,B")
    return names


def _parse(setting: str) -> tuple[str, Any]:
    from luthier.recipe import Recipe

    key, equals, value = setting.partition("=")
    if not equals:
        raise UsageError(f"no value in {setting!r}", where="--set", hint="write --set key=value")
    key = Recipe.full_key(key.strip())
    try:
        return key, tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return key, value.strip()
