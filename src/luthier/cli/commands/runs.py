"""`luthier runs`: the list of runs."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from typer import Argument

from luthier.cli.output import Output
from luthier.reporting import names
from luthier.reporting.verdict import than
from luthier.text import plural, size


def runs(
    out: Output,
    directory: Annotated[Path, Argument(metavar="DIR", help="Directory of runs.")] = Path("runs"),
) -> int:
    """List the runs in a directory with their scores."""
    from luthier.api.runs import runs as list_runs

    found = list_runs(directory)
    if out.as_json:
        out.json({"runs": found})
    elif found:
        for run in found:
            kept = f"  {size(run['size_bytes'])}" if "size_bytes" in run else ""
            out.text(f"{run['run']}  {_state(run)}{kept}")
            if told := _told(run):
                out.text(f"    {told}")
    else:
        out.text(f"no runs in {directory}; `luthier train DATA` creates one")
    return 0


def _state(run: Mapping[str, Any]) -> str:
    """The state of a run; of several, also how many there are, and how many are complete."""
    if "runs" not in run:
        return str(run["state"])
    kind = plural(len(run["runs"]), "seed" if run["kind"] == "seeds" else "run")
    left = "" if run["state"] == "done" else f" ({run['runs_done']} complete)"
    return f"{run['state']}, {kind}{left}"


def _told(run: Mapping[str, Any]) -> str:
    """The model of a run, its score, and whether it beats the best baseline."""
    parts = [run["model"]] if run.get("model") else []
    if metric := run.get("metric"):
        scored = names.scored(metric["name"], metric)
        mean = "mean " if "mean" in metric else ""
        parts.append(f"{mean}{names.metric(metric['name'])} {scored}")
    if (verdict := run.get("verdict")) and verdict["says"] != "not tested":
        parts.append(than(verdict["says"], verdict["baseline"]))
    return ", ".join(parts)
