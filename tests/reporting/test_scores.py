"""The table of scores: the order of its rows, the baselines, the differences and the scales of the drawings."""

from typing import Any

import pytest

from luthier.reporting.panels import Score
from luthier.reporting.scores import Row, ScoreTable, score_table


def entry(value: float, low: float, high: float, *, better: bool | None = True) -> dict[str, Any]:
    return {"value": value, "low": low, "high": high, "n": 100, "split": "test", "greater_is_better": better}


def table(metrics: dict[str, Any], own: dict[str, str] | None = None, **rest: Any) -> ScoreTable:
    found = score_table({"metrics": metrics, **rest}, own or {})
    assert found is not None
    return found


def only(metrics: dict[str, Any], **rest: Any) -> Row:
    (row,) = table(metrics, **rest).rows
    return row


def test_without_scores_there_is_no_table() -> None:
    assert score_table({}, {}) is None and score_table({"metrics": {}}, {}) is None


def test_the_metric_that_ranks_models_comes_first_and_the_others_keep_their_order() -> None:
    metrics = {name: entry(0.5, 0.4, 0.6) for name in ("accuracy", "f1_macro", "mcc")}
    found = table(metrics, metric_for_best="mcc")
    assert [(row.metric, row.main) for row in found.rows] == [("mcc", True), ("accuracy", False), ("f1_macro", False)]
    assert [row.name for row in found.rows] == ["Matthews correlation", "Accuracy", "Macro F1"]


def test_a_task_may_call_its_metrics_otherwise() -> None:
    assert [row.name for row in table({"f1": entry(0.5, 0.4, 0.6)}, {"f1": "entity F1"}).rows] == ["Entity F1"]


def test_the_baselines_stand_beside_and_the_best_one_is_drawn_and_subtracted() -> None:
    row = only(
        {"accuracy": entry(0.8, 0.7, 0.9)},
        baselines={"majority": {"accuracy": 0.3}, "tfidf": {"accuracy": 0.5}, "copy": {"bleu": 5.0}, "mean": None},
        differences={
            "majority": {"accuracy": {"value": 0.5, "low": 0.4, "high": 0.6}},
            "tfidf": {"accuracy": {"value": 0.3, "low": 0.2, "high": 0.4}},
        },
    )
    assert row.baselines == (Score(0.3), Score(0.5), None, None)
    assert row.difference == Score(0.3, 0.2, 0.4) and "better" in row.verdict
    # From 0.5, the best baseline, to 0.9: the majority class far below is no end of the scale.
    assert (row.scale.low, row.scale.high) == (0.5, 0.9)
    assert row.drawing is not None and row.drawing.ticks == (4.0,)


def test_a_baseline_without_a_value_is_not_defined_and_is_no_rival() -> None:
    row = only({"mcc": entry(0.8, 0.7, 0.9)}, baselines={"majority": {"mcc": None}})
    assert row.baselines == (Score(None),) and row.difference is None and row.verdict == ""
    assert row.drawing is not None and row.drawing.ticks == ()


@pytest.mark.parametrize(
    ("greater", "ends", "word"),
    [
        (True, (0.1, 0.3), "better"),
        (False, (-0.3, -0.1), "better"),
        (True, (-0.3, -0.1), "worse"),
        (False, (0.1, 0.3), "worse"),
        (True, (-0.1, 0.3), "not"),
        (False, (-0.3, 0.1), "not"),
    ],
)
def test_the_verdict_follows_the_direction_of_the_metric(greater: bool, ends: tuple[float, float], word: str) -> None:
    low, high = ends
    difference = {"value": (low + high) / 2, "low": low, "high": high}
    row = only(
        {"rmse": entry(1.0, 0.9, 1.1, better=greater)},
        baselines={"mean": {"rmse": 1.2}},
        differences={"mean": {"rmse": difference}},
    )
    assert word in row.verdict


def test_a_difference_without_an_interval_has_no_verdict() -> None:
    found = {"value": 0.2, "low": None, "high": None}
    row = only({"f1": entry(0.5, 0.4, 0.6)}, baselines={"tfidf": {"f1": 0.3}}, differences={"tfidf": {"f1": found}})
    assert row.difference == Score(0.2) and row.verdict == ""


def test_without_a_direction_nothing_is_compared() -> None:
    row = only(
        {"wer": entry(0.2, 0.1, 0.3, better=None)},
        baselines={"copy": {"wer": 0.6}},
        differences={"copy": {"wer": {"value": -0.4, "low": -0.5, "high": -0.3}}},
    )
    assert (row.difference, row.verdict, row.baselines) == (None, "", (Score(0.6),))


def test_a_metric_that_is_not_defined_has_a_row_and_no_drawing() -> None:
    found = table({"pearson": None, "accuracy": entry(0.5, 0.4, 0.6)}, metric_for_best="pearson")
    first, second = found.rows
    assert (first.score, first.drawing, first.difference) == (Score(None), None, None)
    assert second.drawing is not None and found.scale == first.scale == second.scale


def test_drawings_of_one_unit_share_a_scale() -> None:
    loss, bleu, chrf = table(
        {
            "loss": entry(2.1, 2.05, 2.15, better=False),
            "bleu": entry(27.4, 26.1, 28.9),
            "chrf": entry(51.0, 50.0, 52.0),
        },
        metric_for_best="loss",
        baselines={"copy": {"bleu": 5.1, "chrf": 16.2}},
    ).rows
    assert (bleu.scale.low, bleu.scale.high) == (chrf.scale.low, chrf.scale.high) == (0.0, 60.0)
    assert loss.scale.low <= 2.05 and 2.15 <= loss.scale.high < 3
    assert loss.baselines == (None,) and bleu.baselines == (Score(5.1),)


def test_the_scale_of_the_table_is_the_one_that_all_its_drawings_share() -> None:
    assert table({"f1": entry(0.5, 0.4, 0.6), "exact_match": entry(0.3, 0.2, 0.4)}).scale is not None
    assert table({"f1": entry(0.5, 0.4, 0.6), "loss": entry(2.1, 2.0, 2.2)}).scale is None
    own = table({"f1": entry(0.5, 0.4, 0.6), "words a minute": entry(180.0, 170.0, 190.0)})
    assert own.scale is None and [row.scale.high for row in own.rows] == [0.6, 190.0]
