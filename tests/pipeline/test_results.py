"""The results of `train` and `evaluate`: typed scores and a readable repr."""

from pathlib import Path
from typing import Any

import pytest

from luthier.metrics.bootstrap import Score
from luthier.pipeline.results import Evaluation, MetricScore, Result, Scores
from luthier.run_directory.run import Run
from tests.reporting.conftest import build_run, cut_short


def entry(value: float | None, low: float | None = None, high: float | None = None, **more: Any) -> dict[str, Any]:
    return {"value": value, "low": low, "high": high, "n": 40, "split": "test", "greater_is_better": True, **more}


def values() -> dict[str, Any]:
    """Values as in `metrics.json` and `result.json`."""
    return {
        "metrics": {"accuracy": entry(0.9, 0.8, 0.95), "mcc": entry(None)},
        "baselines": {"majority": {"accuracy": 0.5, "mcc": None}},
        "differences": {"majority": {"accuracy": {"value": 0.4, "low": 0.3, "high": 0.45, "n": 40}}},
        "steps": 12,
        "seconds": 3.5,
    }


def test_scores_are_typed() -> None:
    scores = Scores(values())
    assert scores.metrics == {
        "accuracy": MetricScore(0.9, 0.8, 0.95, 40, "test"),
        "mcc": MetricScore(None, None, None, 40, "test"),
    }
    assert MetricScore.of(entry(0.1, signature="nrefs:1")) == MetricScore(0.1, None, None, 40, "test")
    assert scores.baselines == {"majority": {"accuracy": 0.5, "mcc": None}}
    assert scores.differences == {"majority": {"accuracy": Score(0.4, 0.3, 0.45, 40)}}
    assert scores.differences["majority"]["accuracy"].excludes_zero
    assert scores.to_dict() == values()


def test_a_result_without_scores_says_so_in_its_repr() -> None:
    scores = Scores({"metrics": {}, "baselines": {}, "differences": {}})
    assert (scores.metrics, scores.baselines, scores.differences) == ({}, {}, {})
    assert "not scored" in repr(scores)


def test_a_result_has_the_paths_of_its_run(tmp_path: Path) -> None:
    result = Result(values(), Run(tmp_path))
    assert (result.steps, result.seconds) == (12, 3.5)
    assert result.model_path == tmp_path / "model"
    assert result.report_path == tmp_path / "report.html"


def test_a_result_that_beats_no_baseline_has_advice_and_shows_it(tmp_path: Path) -> None:
    run = cut_short(build_run(tmp_path / "run", upto="curves"))
    assert Result(values(), run).advice is None
    worse = values() | {"differences": {"majority": {"accuracy": {"value": -0.1, "low": -0.2, "high": -0.1, "n": 40}}}}
    found = Result(worse, run)
    assert found.advice is not None
    assert found.advice.command == f"luthier train {run.recipe_file} --epochs 9"
    shown = " ".join(repr(found).split())
    assert f"retrain {found.advice.command}" in shown.replace("- ", "-") and found.advice.why in shown


@pytest.mark.parametrize("kind", ["result", "evaluation"])
def test_the_repr_is_the_score_table_followed_by_the_paths(kind: str, tmp_path: Path) -> None:
    shown = Result(values(), Run(tmp_path)) if kind == "result" else Evaluation(values(), tmp_path)
    lines = [line.split() for line in repr(shown).splitlines() if line.strip()]
    (head,) = [line for line in lines if line[0] == "metric"]
    assert head == ["metric", "model,", "40", "test", "rows", "majority"]
    (accuracy,) = [line for line in lines if line[0] == "accuracy"]
    assert accuracy[1] == "0.900" and accuracy[-1] == "0.500"
    paths = [["run", str(tmp_path)], ["report", str(tmp_path / "report.html")]]
    assert lines[-2:] == paths if kind == "result" else lines[-1] == ["directory", str(tmp_path)]
    page = shown._repr_html_()
    assert "<table>" in page and str(tmp_path) in page
