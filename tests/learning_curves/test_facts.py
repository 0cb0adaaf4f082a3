"""What is known of a run besides its curves, at every stage of it."""

from pathlib import Path
from typing import Any

import pytest

from luthier.learning_curves.facts import Facts, disagreement
from luthier.learning_curves.record import Series
from luthier.recipe import Recipe
from luthier.run_directory.run import Run
from luthier.storage.atomic import write_json, write_text

CURVES = {name: Series([1], [1.0]) for name in ("train/loss", "eval/loss", "eval/f1", "eval/odd")}
DATA: dict[str, Any] = {"splits": {"train": 90, "validation": 40}, "usual_learning_rate": 1e-4, "findings": []}


@pytest.fixture
def run(tmp_path: Path) -> Run:
    made = Run.create(tmp_path / "run")
    write_text(made.recipe_file, Recipe.build({"data": {"train": ["a.csv"]}}).to_toml())
    return made


def test_before_the_scores_the_first_metric_counts(run: Run) -> None:
    assert Facts.of(run, {}) == Facts(done=0.0)
    write_json(run.data_file, DATA)
    assert Facts.of(run, CURVES) == Facts("f1", validation_rows=40, usual_rate=1e-4, done=0.0)
    assert Facts.of(run, {"eval/loss": Series(), "eval/perplexity": Series()}).greater_is_better is False


def test_while_a_run_trains_its_data_say_which_metric_counts_and_its_direction(run: Run) -> None:
    write_json(run.data_file, {**DATA, "metric_for_best": "odd", "greater_is_better": False})
    found = Facts.of(run, CURVES)
    assert (found.metric, found.greater_is_better) == ("odd", False)


def test_the_scores_say_which_metric_counts_and_its_direction(run: Run) -> None:
    write_json(run.metrics_file, {"metric_for_best": "odd", "metrics": {"odd": {"greater_is_better": False}}})
    found = Facts.of(run, CURVES)
    assert (found.metric, found.greater_is_better) == ("odd", False)
    write_json(run.metrics_file, {"metric_for_best": "loss"})
    assert Facts.of(run, CURVES).metric == ""


@pytest.mark.parametrize(("severity", "leak"), [("error", True), ("warning", False)])
def test_a_leak_counts_if_its_rows_stay(run: Run, severity: str, leak: bool) -> None:
    write_json(run.data_file, {**DATA, "findings": [{"id": "leak", "severity": severity}]})
    assert Facts.of(run, CURVES).leak is leak


def test_the_more_rows_the_smaller_the_differences_that_show() -> None:
    assert (
        Facts(validation_rows=100).resolution == pytest.approx(1.96 * disagreement(100)) == pytest.approx(0.062, 0.01)
    )
    assert Facts(validation_rows=400).resolution < Facts(validation_rows=100).resolution
    assert Facts("mse", validation_rows=100).resolution == 0, "it is in the unit of the data"


def test_a_run_is_done_by_its_steps_or_its_result(run: Run) -> None:
    half = {"train/loss": Series([1, 30], [1.0, 0.5], [0.05, 1.5])}
    assert Facts.of(run, half).done == 0.5, "three epochs of 20 steps"
    assert not Facts.of(run, half).ended
    write_json(run.result_file, {})
    assert Facts.of(run, half).ended
