"""`runs`: a summary of each run in a directory."""

from pathlib import Path
from typing import Any

from luthier.errors import LuthierError, RunError
from luthier.run_directory.run import Run, list_runs


def runs(parent: Path | str = "runs") -> list[dict[str, Any]]:
    """Summarize the runs in a directory, oldest first.

    Args:
        parent: The directory that holds run directories.
    Returns:
        For each run `run`, `state`, `task`, `model`, `started`, `steps`, and `metric` with its name and score.
    Raises:
        RunError: There is no such directory.

    Example:
        >>> [run["run"] for run in luthier.runs() if run["state"] == "stopped"]
    """
    parent = Path(parent)
    if not parent.is_dir():
        raise RunError("no such runs directory", where=str(parent), hint="`luthier train DATA` creates the first run")
    found = [_summary(run) for run in list_runs(parent)]
    return sorted(found, key=lambda summary: (summary["started"] or "", summary["run"]))


def _summary(run: Run) -> dict[str, Any]:
    try:
        recipe = run.recipe
        scores = run.read_json(run.metrics_file)
        result = run.read_json(run.result_file)
        started = run.read_json(run.environment_file)
    except LuthierError as error:
        return {"run": str(run.path), "state": f"damaged: {error.what}", "started": None}
    metric = None
    if scores and scores["metric_for_best"] in scores["metrics"]:
        metric = {"name": scores["metric_for_best"], **scores["metrics"][scores["metric_for_best"]]}
    return {
        "run": str(run.path),
        "state": run.state(),
        "task": recipe.task,
        "model": recipe.model.name,
        "started": started["started"] if started else None,
        "steps": result["steps"] if result else None,
        "metric": metric,
    }
