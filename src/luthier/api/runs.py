"""`runs`: a summary of each run in a directory."""

from pathlib import Path
from typing import Any

from luthier.errors import LuthierError, RunError
from luthier.reporting.panels import Score
from luthier.reporting.verdict import main_metric, strongest
from luthier.run_directory.files import directory_size
from luthier.run_directory.run import Run, as_path, list_runs
from luthier.run_directory.run_set import SIZES, RunSet, list_sets


def runs(parent: Path | str = "runs") -> list[dict[str, Any]]:
    """Summarize the runs in a directory, oldest first.

    Args:
        parent: The directory that holds run directories.
    Returns:
        For each run `run`, `state`, `task`, `model`, `started`, `steps`, `metric` with its name and score,
        `verdict`: the best `baseline` on this metric, and whether the model is significantly better (`says`), and
        `size_bytes`. Several runs of one command are one entry: `kind` is `seeds` or `sizes`, `runs` has their names,
        `seeds` their seeds, `metric` the mean over the seeds, or the score of the most training rows.
    Raises:
        RunError: There is no such directory.

    Example:
        >>> [run["run"] for run in luthier.runs() if run["state"] == "stopped"]
    """
    parent = as_path(parent, "parent")
    if not parent.is_dir():
        raise RunError("no such runs directory", where=str(parent), hint="`luthier train DATA` creates the first run")
    found = [*map(_summary, list_runs(parent)), *map(_of_set, list_sets(parent))]
    return sorted(found, key=lambda summary: (summary["started"] or "", summary["run"]))


def _summary(run: Run) -> dict[str, Any]:
    try:
        recipe = run.recipe
        scores = run.read_json(run.metrics_file)
        result = run.read_json(run.result_file)
        started = run.read_json(run.environment_file)
        metric, verdict = _scored(scores) if scores else (None, None)
        steps, began = result["steps"] if result else None, started["started"] if started else None
    except LuthierError as error:
        return _damaged(run.path, error.what)
    except (KeyError, TypeError, AttributeError) as error:
        return _damaged(run.path, f"a JSON file of the run does not have the form that Luthier writes ({error})")
    return {
        "run": str(run.path),
        "state": run.state(),
        "task": recipe.task,
        "model": recipe.model.title,
        "started": began,
        "steps": steps,
        "metric": metric,
        "verdict": verdict,
        "size_bytes": run.size(),
    }


def _of_set(path: Path) -> dict[str, Any]:
    """The summary of several runs, by the files of the first one and the result of all."""
    try:
        runs = RunSet.at(path)
        assert runs is not None
        found = runs.summary()
    except LuthierError as error:
        return _damaged(path, error.what)
    first = next(map(_summary, runs.begun), {})
    return {
        "run": str(path),
        "state": runs.state(),
        **{key: first.get(key) for key in ("task", "model", "started", "steps")},
        "metric": _score(runs.kind, found),
        "verdict": None,
        "size_bytes": directory_size(path),
        "kind": runs.kind,
        "runs": list(runs.changes),
        "runs_done": len(runs.done),
        "seeds": [change["seed"] for change in runs.changes.values() if "seed" in change],
    }


def _score(kind: str, summary: dict[str, Any]) -> dict[str, Any] | None:
    """The mean over all seeds, or the score of the most training rows."""
    if kind == SIZES:
        return {"name": summary["metric"], **summary["sizes"][-1]} if summary else None
    name, entry = main_metric(summary)
    return {"name": name, **entry} if entry else None


def _damaged(path: Path, what: str) -> dict[str, Any]:
    return {"run": str(path), "state": f"damaged: {what}", "started": None}


def _scored(scores: dict[str, Any]) -> tuple[dict[str, Any] | None, dict[str, str] | None]:
    """The main metric with its score, and the verdict on it."""
    name, entry = main_metric({key: scores[key] for key in ("metric_for_best", "metrics")})
    if entry is None:
        return None, None
    return {"name": name, **entry}, _verdict(scores, name)


def _verdict(scores: dict[str, Any], name: str) -> dict[str, str] | None:
    rival = strongest(scores, name)
    found = scores["differences"].get(rival, {}).get(name) if rival else None
    if not rival or not found:
        return None
    difference = Score(found["value"], found["low"], found["high"])
    says = difference.verdict(scores["metrics"][name]["greater_is_better"]) or "not tested"
    return {"baseline": rival, "says": says}
