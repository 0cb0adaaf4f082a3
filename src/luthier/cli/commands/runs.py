"""`luthier runs`: the list of runs."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from typer import Argument

from luthier.cli.options import Json, Quiet, Verbose
from luthier.cli.output import Output
from luthier.reporting.names import score


def runs(
    directory: Annotated[Path, Argument(metavar="DIR", help="Directory of runs.")] = Path("runs"),
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """List the runs in a directory with their scores."""
    out = Output(as_json=json, quiet=quiet, verbose=verbose)

    from luthier.api.runs import runs as list_runs

    found = list_runs(directory)
    if json:
        out.json({"runs": found})
    elif found:
        out.table(["run", "state", "model", "metric", "score"], [_row(run) for run in found])
    else:
        out.text(f"no runs in {directory}; `luthier train DATA` creates one")
    return 0


def _row(run: Mapping[str, Any]) -> list[str]:
    metric = run.get("metric")
    scored = score(metric["name"], metric.get("value"), metric.get("low"), metric.get("high")) if metric else ""
    return [run["run"], run["state"], run.get("model") or "", metric["name"] if metric else "", scored]
