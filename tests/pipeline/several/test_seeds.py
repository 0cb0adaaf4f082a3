"""The summary of several seeds: how each one is ranked, on validation rows alone."""

import json
from pathlib import Path
from typing import Any

import pytest

from luthier.engines.ranking import Evaluated
from luthier.errors import RunError
from luthier.learning_curves.record import CurveWriter
from luthier.pipeline.several.seeds import SeedsResult, conclude, summary, validation_score
from luthier.run_directory.run import Run
from luthier.run_directory.run_set import RUNS, RunSet
from luthier.storage.atomic import write_json
from tests.api.written import finished, wrong_on


def seed(path: Path, number: int, wrong: int, validation: float | None, loss: float = 0.5) -> Run:
    """A run that is wrong on some test rows; it was evaluated at step 2, its best one, and at step 3."""
    run = finished(path, wrong_on(*range(wrong)), seed=number)
    if validation is not None:
        curves = CurveWriter(run.curves_file, run.curves_file.stat().st_size)
        for step, value in ((2, validation), (3, 1.0)):
            curves.add(step, step / 3, {"eval/accuracy": value, "eval/loss": loss})
        curves.close()
    scores = run.read_json(run.metrics_file) or {}
    more = {"best_step": None if validation is None else 2, "seconds": 1.5, "report": str(run.report_file)}
    kept = {key: scores[key] for key in ("metric_for_best", "metrics", "baselines")}
    write_json(run.result_file, {**(run.read_json(run.result_file) or {}), **kept, **more})
    return run


def made(path: Path, *seeds: tuple[int, float | None, float]) -> RunSet:
    """A set of seeds, each by its wrong test rows, and its accuracy and loss on validation rows."""
    path.mkdir()
    changes = {f"seed-{number}": {"seed": number} for number in range(1, len(seeds) + 1)}
    (path / RUNS).write_text(json.dumps({"kind": "seeds", "runs": changes}))
    for number, given in enumerate(seeds, start=1):
        seed(path / f"seed-{number}", number, *given)
    return RunSet(path, "seeds", changes)


@pytest.mark.parametrize(
    ("seeds", "best"),
    [
        (((0, 0.7, 0.5), (5, 0.9, 0.5)), 2),  # the one that is worse on test rows
        (((0, 0.9, 0.5), (0, 0.9, 0.4)), 2),  # the lower loss
        (((0, 0.9, 0.5), (0, 0.9, 0.5)), 1),
        (((0, None, 0.5), (0, 0.1, 0.5)), 2),
        (((0, None, 0.5), (0, None, 0.5)), None),
    ],
)
def test_the_best_seed_is_that_of_the_validation_rows(seeds: Any, best: int | None, tmp_path: Path) -> None:
    found = summary(made(tmp_path / "set", *seeds))
    assert (found["best"] or {}).get("seed") == best
    assert [run["validation"] for run in found["runs"]] == [given[1] for given in seeds]


def test_the_summary_is_written_with_its_page_once_all_are_complete(tmp_path: Path) -> None:
    runs = made(tmp_path / "set", (0, 0.7, 0.5), (4, 0.9, 0.5))
    result = conclude(runs)
    assert isinstance(result, SeedsResult) and runs.state() == "done" and runs.report_file.is_file()
    accuracy = result.values["metrics"]["accuracy"]
    assert (accuracy["values"], accuracy["mean"], accuracy["n"]) == ([1.0, 0.8], 0.9, 20)
    assert result.values["seconds"] == 3.0 and result.values["next"].startswith("luthier predict")
    assert [one.metrics["accuracy"].value for one in result.results] == [1.0, 0.8]
    (runs.path / "seed-1" / "result.json").unlink()
    with pytest.raises(RunError, match="1 of 2"):
        conclude(runs)


def test_averaged_weights_are_ranked_by_their_own_score(tmp_path: Path) -> None:
    run = seed(tmp_path / "run", 1, 0, 0.7)
    result: dict[str, Any] = {"best_step": 2}
    assert validation_score(run, result, "accuracy") == Evaluated(2, 0.7, 0.5)
    result["averaging"] = {"chosen": "ema", "scores": {"ema": {"value": 0.8, "steps": [2]}}}
    assert validation_score(run, result, "accuracy") == Evaluated(2, 0.8, float("inf"))
    result["averaging"]["scores"]["ema"]["value"] = None
    assert validation_score(run, result, "accuracy") is None
    assert validation_score(run, {"best_step": 2}, None) is None
