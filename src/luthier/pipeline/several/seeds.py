"""The result of several runs that differ by their seeds: means, standard deviations, and the best one on validation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from luthier.engines.ranking import Evaluated
from luthier.learning_curves.record import read_curves
from luthier.metrics.seeds.spread import Spread, spread
from luthier.pipeline.inference.predictor import Predictor, load
from luthier.pipeline.results import Result
from luthier.reporting.several.seeds import write_seeds_report
from luthier.reporting.terminal.display import Fields, Piece, Shown
from luthier.reporting.terminal.seeds import seeds_pieces
from luthier.run_directory.run import Run
from luthier.run_directory.run_set import RunSet
from luthier.storage.atomic import write_json
from luthier.tasks.registry import find
from luthier.text import typed


@dataclass(frozen=True, repr=False)
class SeedsResult(Shown):
    """The result of several seeds. The repr is a table; a notebook shows it as one.

    Args:
        values: What `--json` prints.
        runs: The runs and their directory.
    """

    values: dict[str, Any] = field(repr=False)
    runs: RunSet

    def __fspath__(self) -> str:
        return str(self.runs.path)

    @cached_property
    def metrics(self) -> dict[str, Spread]:
        """Metric to its mean over the seeds: `.mean`, `.sd`, `.low`, `.high`, and `.values` for each seed."""
        return {metric: Spread.of(entry) for metric, entry in self.values["metrics"].items()}

    @property
    def results(self) -> list[Result]:
        """The result of each seed."""
        found = ((run, run.read_json(run.result_file)) for run in self.runs.done)
        return [Result(values, run) for run, values in found if values is not None]

    @property
    def best(self) -> Run | None:
        """The run with the best score on the validation rows; None if no run was evaluated on such rows."""
        found = self.values["best"]
        return None if found is None else Run(Path(found["run"]))

    @property
    def report_path(self) -> Path:
        return self.runs.report_file

    def predictor(self) -> Predictor:
        """The model of the best run, ready to predict."""
        return load(self.runs)

    def to_dict(self) -> dict[str, Any]:
        """What `--json` prints."""
        return self.values

    def _pieces(self) -> list[Piece]:
        places = [("runs", str(self.runs.path)), ("report", str(self.report_path))]
        return [*seeds_pieces(self.values), Fields(places)]


def conclude(runs: RunSet) -> SeedsResult:
    """Summarise runs that are all complete, and write the summary and its page.

    Raises:
        RunError: One of them is not complete.
    """
    runs.check_done()
    values = summary(runs)
    kind = find(values["task"], runs.done[0].task_package, where=str(runs.path))
    write_seeds_report(runs.report_file, values, kind.page_words().metrics)
    write_json(runs.result_file, values)  # written last: the set is complete with it
    return SeedsResult(values, runs)


def summary(runs: RunSet) -> dict[str, Any]:
    """What `train --seeds --json` prints, from the files of complete runs.

    Returns:
        `run` (the directory), `task`, `seeds`, `metric_for_best`, `metrics` {name: {`mean`, `sd`, `low`, `high`,
        `n_seeds`, `values`; `value`, which is the mean; `n`, `split`, `greater_is_better`}}, `runs` with the score of
        each, `best`, `baselines` (of the best run, or the first), `seconds` in all, and `report`.
    """
    results = [(run, run.read_json(run.result_file) or {}) for run in runs.done]
    first = results[0][1]
    name = first["metric_for_best"] or results[0][0].recipe.evaluation.metric_for_best
    greater = bool((first["metrics"].get(name) or {}).get("greater_is_better", False))
    seen = [validation_score(run, result, name) for run, result in results]
    place = _best(seen, greater=greater)
    rows = [
        {
            "run": str(run.path),
            "seed": run.recipe.seed,
            "validation": score.value if score is not None and score.defined else None,
            **{key: result[key] for key in ("metrics", "best_step", "steps", "seconds", "report")},
        }
        for (run, result), score in zip(results, seen, strict=True)
    ]
    path = runs.path if place is not None else results[0][0].path
    best = None if place is None else {key: rows[place][key] for key in ("run", "seed", "validation")}
    return {
        "run": str(runs.path),
        "task": results[0][0].recipe.task,
        "seeds": [row["seed"] for row in rows],
        "metric_for_best": name,
        "metrics": {metric: over_seeds(metric, [row["metrics"] for row in rows]) for metric in first["metrics"]},
        "runs": rows,
        "best": best,
        "baselines": results[place or 0][1]["baselines"],
        "seconds": sum(row["seconds"] for row in rows),
        "report": str(runs.report_file),
        "next": f"luthier predict {typed(path)} --file DATA",
    }


def validation_score(run: Run, result: Mapping[str, Any], metric: str | None) -> Evaluated | None:
    """The score on the validation rows of the weights that became the model of a run."""
    step, averaging = result.get("best_step"), result.get("averaging")
    if step is None or metric is None:
        return None
    if averaging is not None:
        value = averaging["scores"][averaging["chosen"]]["value"]
        return None if value is None else Evaluated(step, value, float("inf"))
    curves = read_curves(run.curves_file)
    at = {
        name: dict(zip(curves[f"eval/{name}"].steps, curves[f"eval/{name}"].values, strict=True))
        for name in {metric, "loss"}
        if f"eval/{name}" in curves
    }
    return Evaluated.of(step, {name: values[step] for name, values in at.items() if step in values}, metric)


def _best(scores: Sequence[Evaluated | None], *, greater: bool) -> int | None:
    """The place of the best score; equal ones go to the lower validation loss, then to the first."""
    best: int | None = None
    for place, score in enumerate(scores):
        if score is not None and score.beats(None if best is None else scores[best], greater=greater):
            best = place
    return best


def over_seeds(metric: str, runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The entry of a metric in a summary, from the metrics of each run."""
    entries = [run.get(metric) or {} for run in runs]
    low, high = entries[0].get("limits") or (None, None)  # runs of earlier versions have none
    found = spread([entry.get("value") for entry in entries], (low, high))
    same = {key: entries[0].get(key) for key in ("n", "split", "greater_is_better", "limits")}
    return {"value": found.mean, **found.to_dict(), **same}
