"""The options that several commands share, and how options become recipe keys."""

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from inspect import Parameter, Signature, signature
from typing import Annotated, Any

from typer import Argument, Option

from luthier.cli.output import Output
from luthier.errors import UsageError
from luthier.text import toml_value

# The panels of the help
TASK = "Task and model"
DATA = "Data"
TRAINING = "Training"
EVALUATION = "Evaluation"
RUN = "Recipe and run"
TRACKING = "Tracking"
GENERATION = "Text generation (default: the model's own settings)"
GENERAL = "General"

Target = Annotated[str, Argument(metavar="RUN|MODEL", help="Run, model directory or Hub name.")]
DataOrRecipe = Annotated[list[str], Argument(metavar="DATA|RECIPE.toml", help="Data or one recipe; - is stdin.")]
Data = Annotated[list[str], Argument(metavar="DATA", help="Files, folders or datasets; - is stdin.")]
Json = Annotated[
    bool, Option("--json", metavar="", help="Print one JSON object to standard output.", rich_help_panel=GENERAL)
]
Quiet = Annotated[
    bool, Option("--quiet", "-q", metavar="", help="Print only warnings and errors.", rich_help_panel=GENERAL)
]
Verbose = Annotated[
    bool,
    Option(
        "--verbose", "-v", metavar="", help="More detail, such as the rows behind findings.", rich_help_panel=GENERAL
    ),
]


def with_output(command: Callable[..., int]) -> Callable[..., int]:
    """A command with the options `--json`, `--quiet` and `--verbose`, which become its argument `out`."""

    @wraps(command)
    def run(json: bool, quiet: bool, verbose: bool, **given: Any) -> int:
        return command(Output(as_json=json, quiet=quiet, verbose=verbose), **given)

    own = [one for one in signature(command).parameters.values() if one.name != "out"]
    general = {"json": Json, "quiet": Quiet, "verbose": Verbose}.items()
    added = [Parameter(name, Parameter.POSITIONAL_OR_KEYWORD, default=False, annotation=kind) for name, kind in general]
    run.__signature__ = Signature([*own, *added])  # type: ignore[attr-defined]  # what typer reads
    return run


def overrides(
    options: Mapping[str, Any],
    text: str | None,
    label: str | None,
    columns: Sequence[str] | None,
    settings: Sequence[str] | None,
) -> dict[str, Any]:
    """Convert command-line options to recipe keys.

    Args:
        options: Dotted recipe key to value; None if the option was not given.
        text: The text column, or two separated by a comma.
        label: The label column, or several separated by commas.
        columns: Pairs `role=name`; several names separated by commas, or in repeated pairs.
        settings: Pairs `key=value`.
    Returns:
        Dotted recipe key to value, without the options that were not given.
    Raises:
        UsageError: A pair has no `=`, a key is unknown, or a key is set twice.
    """
    given = {key: value for key, value in options.items() if value is not None and value != []}
    given |= _columns(text, label) if text is not None or label is not None else {}
    _add(given, _roles(columns or []), "--column")
    pairs = [_split(setting) for setting in settings or []]
    told = {key.rpartition(".")[2]: value for key, value in given.items()}
    told |= {name: toml_value(value) for name, value in pairs}
    for (name, value), setting in zip(pairs, settings or [], strict=True):
        _add(given, _value(name, value, told), f"--set {setting}")
    return given


def _add(given: dict[str, Any], more: Mapping[str, Any], where: str) -> None:
    for key, value in more.items():
        if key in given:
            raise UsageError(f"{key} is set twice", where=where, hint="remove one of the two")
        given[key] = value


def _columns(text: str | None, label: str | None) -> dict[str, Any]:
    from luthier.pipeline.settings import columns_of

    texts = None if text is None else _names(text, f"--text {text!r}")
    return columns_of(texts, None if label is None else _names(label, f"--label {label!r}"))


def _roles(pairs: Sequence[str]) -> dict[str, Any]:
    """The columns of each role. The task knows its roles, so they are checked once the task is known."""
    columns: dict[str, list[str]] = {}
    for pair in pairs:
        role, equals, names = pair.partition("=")
        if not equals or not role.strip():
            raise UsageError(
                f"no role in {pair!r}", where="--column", hint="write --column role=name, such as --column label=stars"
            )
        columns.setdefault(f"data.columns.{role.strip()}", []).extend(_names(names, f"--column {pair!r}"))
    return {key: names if len(names) > 1 else names[0] for key, names in columns.items()}


def names_of_labels(pairs: Sequence[str] | None) -> dict[str, str] | None:
    """Names of labels by code, from pairs `code=name` separated by commas; None if there are none.

    Raises:
        UsageError: A pair has no `=`, or a code is named twice.
    """
    where = "--label-names"
    names: dict[str, str] = {}
    for pair in [pair for several in pairs or [] for pair in several.split(",")]:
        code, equals, name = (part.strip() for part in pair.partition("="))
        if not (code and equals and name):
            hint = (
                "write --label-names 0=negative,1=positive; for names with a comma, --set 'label_names={0 = \"a, b\"}'"
            )
            raise UsageError(f"no code and name in {pair!r}", where=where, hint=hint)
        if code in names:
            raise UsageError(f"label {code!r} is named twice", where=where, hint="remove one of the two")
        names[code] = name
    return names or None


def _names(value: str, where: str) -> list[str]:
    names = [name.strip() for name in value.split(",")]
    if not all(names):
        raise UsageError("a column name is empty", where=where, hint="write the names as A or A,B")
    return names


def _value(name: str, text: str, told: Mapping[str, Any]) -> dict[str, Any]:
    """The full key of a setting, and its value."""
    from luthier.recipe import Recipe

    key = Recipe.full_key(name, given=told)
    return {key: Recipe.parse(key, text)}


def _split(setting: str) -> tuple[str, str]:
    key, equals, value = setting.partition("=")
    if not equals:
        raise UsageError(f"no value in {setting!r}", where="--set", hint="write --set key=value")
    return key.strip(), value
