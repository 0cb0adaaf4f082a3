"""`compare`: scores side by side, and paired differences where runs were scored on the same rows."""

from pathlib import Path
from typing import Any

import pytest

from luthier.api.compare import compare
from luthier.errors import RunError, UsageError
from luthier.pipeline.results import MetricScore
from luthier.run_directory.predictions import read_predictions, write_predictions
from luthier.run_directory.run import Run
from luthier.storage.atomic import write_json
from tests.api.written import GOLD, ROWS, begun, finished, wrong_on


@pytest.fixture
def a(tmp_path: Path) -> Run:
    """Right on 12 of 20 rows."""
    return finished(tmp_path / "a", wrong_on(*range(12, 20)))


@pytest.fixture
def b(tmp_path: Path) -> Run:
    """Right on 18 of 20 rows: on all where `a` is, and on 6 more."""
    return finished(tmp_path / "b", wrong_on(18, 19), training__learning_rate=1e-3)


def test_scores_stand_side_by_side(a: Run, b: Run) -> None:
    found = compare([a.path, str(b.path)])
    assert found.values["runs"] == ["a", "b"]
    assert found.values["task"] == "text-classification"
    accuracy = found.metrics["accuracy"]
    assert {run: (score.value, score.n, score.split) for run, score in accuracy.items()} == {
        "a": (0.6, 20, "test"),
        "b": (0.9, 20, "test"),
    }
    assert isinstance(accuracy["a"], MetricScore)
    head, _, first, *_ = repr(found).splitlines()
    assert head.split() == ["metric", "a", "b"] and first.split()[:2] == ["accuracy", "0.600"]
    assert "<table>" in found._repr_html_()


@pytest.mark.parametrize("wrong", ["runs/a", None, 3, [None, 3]])
def test_runs_are_given_as_a_list_of_paths(wrong: Any) -> None:
    with pytest.raises(UsageError, match=r"must be a (list of paths|path), got"):
        compare(wrong)


def test_a_difference_is_paired_and_to_the_first_run(a: Run, b: Run) -> None:
    difference = compare([a.path, b.path]).differences["accuracy"]["b"]
    # b is right on 6 of 20 rows where a is wrong, never the other way: 95 % of Binomial(20, 0.3) is from 2 to 10.
    assert difference.value == pytest.approx(0.3)
    assert (difference.low, difference.high) == pytest.approx((2 / 20, 10 / 20))
    assert difference.excludes_zero and difference.n == 20
    back = compare([b.path, a.path]).differences["accuracy"]["a"]
    assert (back.value, back.low, back.high) == pytest.approx((-0.3, -10 / 20, -2 / 20))


def test_equal_scores_on_other_rows_differ_by_chance_alone(a: Run, tmp_path: Path) -> None:
    other = finished(tmp_path / "other", wrong_on(*range(8)))
    difference = compare([a.path, other.path]).differences["accuracy"]["other"]
    assert difference.value == 0 and not difference.excludes_zero
    assert difference.low is not None and difference.low < -0.2
    same = finished(tmp_path / "same", wrong_on(*range(12, 20)))
    difference = compare([a.path, same.path]).differences["accuracy"]["same"]
    assert (difference.value, difference.low, difference.high) == (0, 0, 0), "of runs with the same predictions"


def test_the_order_of_the_rows_does_not_matter(a: Run, b: Run) -> None:
    expected = compare([a.path, b.path])
    columns = read_predictions(b.predictions_file)
    assert columns is not None
    write_predictions(b.predictions_file, {name: column[::-1] for name, column in columns.items()})
    assert compare([a.path, b.path]).differences == expected.differences


@pytest.mark.parametrize(("column", "value"), [("row", 21), ("source", "other.jsonl"), ("gold", "good")])
def test_runs_on_other_rows_have_no_paired_difference(column: str, value: object, a: Run, b: Run) -> None:
    columns = read_predictions(b.predictions_file)
    assert columns is not None and columns["gold"][0] == "bad"
    columns[column][0] = value
    write_predictions(b.predictions_file, columns)
    found = compare([a.path, b.path])
    assert found.differences == {}
    (note,) = found.values["notes"]
    assert note.startswith("b was scored on ") and note.endswith(" rows than a: no paired difference")
    assert set(found.metrics["accuracy"]) == {"a", "b"}, "the scores are there all the same"


def test_runs_that_know_other_labels_have_no_paired_difference(a: Run, b: Run, tmp_path: Path) -> None:
    more: list[dict[str, object]] = [{"text": f"neither nor {i}", "label": "neutral"} for i in range(4)]
    third = finished(tmp_path / "third", GOLD, trained_on=[*ROWS, *more])
    found = compare([a.path, b.path, third.path])
    assert set(found.differences["accuracy"]) == {"b"}
    assert [note.split()[0] for note in found.values["notes"]] == ["third"]


def test_a_first_run_without_predictions_is_noted(a: Run, b: Run) -> None:
    a.predictions_file.unlink()
    found = compare([a.path, b.path])
    assert (found.differences, found.values["notes"]) == ({}, ["a has no predictions"])


def test_a_metric_of_one_run_alone_is_shown_without_a_difference(a: Run, b: Run) -> None:
    scores = b.read_json(b.metrics_file)
    assert scores is not None
    scores["metrics"]["own"] = scores["metrics"]["accuracy"]
    write_json(b.metrics_file, scores)
    found = compare([a.path, b.path])
    assert {run: score.value for run, score in found.metrics["own"].items()} == {"b": 0.9}
    assert "own" not in found.differences and "accuracy" in found.differences


def test_only_settings_that_differ_are_shown(a: Run, b: Run) -> None:
    assert compare([a.path, b.path]).values["recipes"] == {"training.learning_rate": {"a": 5e-5, "b": 1e-3}}


def test_runs_that_are_called_alike_are_named_by_their_paths(tmp_path: Path) -> None:
    runs = [finished(tmp_path / place / "run", GOLD) for place in ("one", "two")]
    found = compare([run.path for run in runs])
    assert found.values["runs"] == [str(tmp_path / "one" / "run"), str(tmp_path / "two" / "run")]
    assert set(found.metrics["accuracy"]) == set(found.values["runs"])


def test_a_page_is_written_where_it_is_asked_for(a: Run, b: Run, tmp_path: Path) -> None:
    found = compare([a.path, b.path], output=tmp_path / "page.html")
    assert found.page == tmp_path / "page.html"
    assert found.to_dict() == found.values | {"page": str(found.page)}
    page = found.page.read_text(encoding="utf-8")
    assert "0.600" in page and "0.900" in page and "Training loss" in page
    assert compare([a.path, b.path]).to_dict()["page"] is None


def test_the_same_run_twice_is_refused_however_it_is_spelled(a: Run, b: Run) -> None:
    for paths in ([a.path], [a.path, a.path], [a.path, b.path, b.path / ".." / "a"]):
        with pytest.raises(UsageError, match="two different runs"):
            compare(paths)


def test_a_run_without_a_score_is_refused(a: Run, tmp_path: Path) -> None:
    stopped = begun(tmp_path / "stopped")
    with pytest.raises(RunError, match="no score yet") as caught:
        compare([a.path, stopped.path])
    assert (caught.value.where, f"luthier resume {stopped.path}" in caught.value.hint) == (str(stopped.path), True)
