"""`luthier compare`: runs side by side."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from typer import Argument, Option

from luthier.cli.options import Json, Quiet, Verbose
from luthier.cli.output import Output
from luthier.errors import UsageError
from luthier.reporting.names import score
from luthier.reporting.panels import Score


def compare(
    runs: Annotated[list[Path], Argument(metavar="RUN", help="Two or more runs; the first is the reference.")],
    output: Annotated[Path | None, Option(metavar="FILE", help="Write a page with the learning curves.")] = None,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Compare the scores, recipes and curves of runs."""
    out = Output(as_json=json, quiet=quiet, verbose=verbose)
    if len(runs) == 1:
        raise UsageError("compare needs at least two runs", where=str(runs[0]), hint="add another run")

    from luthier.api.compare import compare as compare_runs

    found = compare_runs(runs, output=output)
    if json:
        out.json(found.to_dict())
    else:
        _print(out, found.to_dict())
    return 0


def _print(out: Output, found: Mapping[str, Any]) -> None:
    names: Sequence[str] = found["runs"]
    places = range(1, 1 + len(names))
    scores: Mapping[str, Mapping[str, Any]] = found["metrics"]
    out.table(
        ["metric", *names],
        [[metric, *(_score(metric, runs.get(name)) for name in names)] for metric, runs in scores.items()],
        numbers=places,
    )
    differences = [
        [metric, name, _score(metric, difference), _verdict(difference, scores[metric][name])]
        for metric, runs in found["differences"].items()
        for name, difference in runs.items()
    ]
    if differences:
        out.table(["metric", "run", f"difference to {names[0]}", "95 % interval"], differences, numbers=(2,))
    for note in found["notes"]:
        out.text(note)
    recipes: Mapping[str, Mapping[str, Any]] = found["recipes"]
    if recipes:
        out.table(
            ["recipe", *names], [[key, *(_setting(values[name]) for name in names)] for key, values in recipes.items()]
        )
    if found.get("page"):
        out.text(f"page  {found['page']}")


def _setting(value: Any) -> str:
    return "not set" if value is None else str(value)


def _score(metric: str, value: Mapping[str, float] | None) -> str:
    return score(metric, value.get("value"), value.get("low"), value.get("high")) if value else ""


def _verdict(difference: Mapping[str, float], measured: Mapping[str, Any]) -> str:
    tested = Score(difference.get("value"), difference.get("low"), difference.get("high"))
    return tested.verdict(measured.get("greater_is_better"))
