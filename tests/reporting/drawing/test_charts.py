"""Pictures of panels: what they are drawn from, what they leave out and what they say of it."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from luthier.learning_curves.plot import MOST_POINTS, Figure
from luthier.reporting.drawing.charts import MOST_DOTS, histogram, parts, ranges, reliability, scatter, tradeoff
from luthier.reporting.panels import Bin, Histogram, Panel, Reliability, Scatter, Score, Tradeoff

LENGTHS = Histogram([0, 1, 3], [4, 5], "Lengths", unit="tokens", note="A note.")


def values(figure: Figure, layer: int) -> list[dict[str, Any]]:
    spec = figure.spec()
    # The data of all layers may stand once, above them.
    found: list[dict[str, Any]] = (spec["layer"][layer].get("data") or spec["data"])["values"]
    return found


def marks(figure: Figure) -> list[str]:
    return [layer["mark"]["type"] for layer in figure.spec()["layer"]]


def axes(figure: Figure, layer: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = figure.spec()["layer"][layer]["encoding"]
    return found


def test_panels_are_valid_vega_lite(bbc_panels: Sequence[Panel]) -> None:
    scattered = Scatter([0.0, 1.0], [0.5, 0.7])
    (reliable,) = [panel for panel in bbc_panels if isinstance(panel, Reliability)]
    for figure in (histogram(LENGTHS, mark=2, mark_name="limit"), scatter(scattered), reliability(reliable)):
        assert figure.chart.to_dict(validate=True)["layer"]


def test_numbers_are_drawn_around_the_line_on_which_they_agree() -> None:
    figure = scatter(Scatter([0.0, 5.0], [1.0, 4.5], unit="points", title="Stars"))
    assert figure.title == "Stars" and not figure.wide and marks(figure) == ["line", "circle"]
    assert values(figure, 1) == [{"true": 0.0, "predicted": 1.0}, {"true": 5.0, "predicted": 4.5}]
    # Four hundredths of room on either side, the same on both axes.
    assert [tuple(row.values()) for row in values(figure, 0)] == [(-0.2, -0.2), (5.2, 5.2)]
    assert [axes(figure)[axis]["scale"]["domain"] for axis in "xy"] == [[-0.2, 5.2]] * 2
    assert all("points" in axes(figure)[axis]["title"] for axis in "xy")


def test_pairs_that_are_not_finite_are_left_out() -> None:
    figure = scatter(Scatter([1.0, math.nan, 3.0, 4.0], [1.0, 2.0, math.inf, 4.0]))
    assert [row["true"] for row in values(figure, 1)] == [1.0, 4.0]
    assert axes(figure)["x"]["title"] == "true"


@pytest.mark.parametrize(("numbers", "domain"), [([], [0.0, 1.0]), ([3.0], [2.5, 3.5])])
def test_the_axes_of_one_value_or_of_none_have_a_width(numbers: list[float], domain: list[float]) -> None:
    assert axes(scatter(Scatter(numbers, numbers)))["x"]["scale"]["domain"] == domain


def test_of_many_rows_some_are_drawn_evenly_from_the_first_to_the_last_which_is_said() -> None:
    n = MOST_DOTS + 1
    many = [float(i) for i in range(n)]
    figure = scatter(Scatter(many, many))
    drawn = [row["true"] for row in values(figure, 1)]
    assert (len(drawn), drawn[0], drawn[-1]) == (MOST_DOTS, 0.0, n - 1) and drawn == sorted(set(drawn))
    assert "2,000" in figure.caption and "2,001" in figure.caption
    assert "2,000" not in scatter(Scatter(many[1:], many[1:])).caption


def test_more_predictions_than_true_numbers_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="zip"):
        scatter(Scatter([1.0], [1.0, 2.0]))


def test_empty_bins_are_left_out_and_the_error_is_said() -> None:
    figure = reliability(Reliability([Bin(0.4, 0.5, 10), Bin(0.6, 0.0, 0), Bin(0.912345678, 1.0, 1)], 0.0213))
    assert marks(figure) == ["line", "line", "circle"]
    assert values(figure, 1) == values(figure, 2) == [
        {"confidence": 0.4, "accuracy": 0.5, "count": 10, "scores": "calibrated"},
        {"confidence": 0.91235, "accuracy": 1.0, "count": 1, "scores": "calibrated"},
    ]  # fmt: skip
    assert axes(figure, 1)["color"]["legend"] is None
    assert [axes(figure)[axis]["scale"]["domain"] for axis in "xy"] == [[0, 1]] * 2
    assert "0.021" in figure.caption and figure.title == "Calibration"


def test_calibrated_scores_are_drawn_over_those_before_with_a_legend() -> None:
    before = Reliability([Bin(0.95, 0.75, 4)], 0.2)
    figure = reliability(Reliability([Bin(0.75, 0.75, 4)], 0.0, before=before))
    assert [(row["scores"], row["confidence"]) for row in values(figure, 1)] == [
        ("before calibration", 0.95),
        ("calibrated", 0.75),
    ]
    assert axes(figure, 1)["color"]["legend"]["orient"] == "top"
    assert "error 0.000 (0.200 before calibration)" in figure.caption
    assert figure.chart.to_dict(validate=True)["layer"]


def test_a_tradeoff_is_a_line_with_chance_and_the_threshold_in_use() -> None:
    panel = Tradeoff([0, 0.5, 1], [0, 1, 1], ("a", "b"), ((0, 0), (1, 1)), (0.5, 1), Score(0.75, 0.5, 1.0), "Curve")
    figure = tradeoff(panel)
    assert marks(figure) == ["line", "line", "circle"] and values(figure, 0) == [{"a": 0, "b": 0}, {"a": 1, "b": 1}]
    assert [(row["a"], row["b"]) for row in values(figure, 1)] == [(0, 0), (0.5, 1), (1, 1)]
    assert values(figure, 2) == [{"a": 0.5, "b": 1}]
    assert "0.750 (0.500-1.000)" in figure.caption and "threshold in use" in figure.caption
    undefined = tradeoff(replace(panel, chosen=None))
    assert marks(undefined) == ["line", "line"] and "in use" not in undefined.caption
    many = np.linspace(0, 1, 5000).tolist()
    assert len(values(tradeoff(replace(panel, x=many, y=many)), 1)) == MOST_POINTS


def test_bars_span_their_ranges() -> None:
    figure = histogram(LENGTHS)
    assert figure.wide and figure.caption == "A note." and marks(figure) == ["bar"]
    assert values(figure, 0) == [{"low": 0.0, "high": 1.0, "rows": 4}, {"low": 1.0, "high": 3.0, "rows": 5}]
    assert axes(figure)["x"]["title"] == "tokens" and axes(figure)["y"]["title"] == "rows"


@pytest.mark.parametrize(("mark", "drawn"), [(2, True), (3, True), (0, True), (3.5, False), (None, False)])
def test_a_value_is_marked_where_it_lies_within_the_bars(mark: float | None, drawn: bool) -> None:
    figure = histogram(LENGTHS, mark=mark, mark_name="where rows are cut")
    assert marks(figure) == (["bar", "rule"] if drawn else ["bar"])
    assert ("where rows are cut" in figure.caption) == drawn
    assert not drawn or values(figure, 1) == [{"low": mark}]


@pytest.mark.parametrize(("limit", "drawn"), [(25, True), (26, False)])
def test_ranges_are_drawn_below_each_other_and_the_limit_where_it_lies_within(limit: float, drawn: bool) -> None:
    figure = ranges("Lengths", "A note.", "tokens", {"a": (1, 2, 3, 4, 9), "b": (2, 5, 7, 9, 25)}, limit)
    assert marks(figure) == ["rule", "bar", "tick"] + ["rule"] * drawn
    assert values(figure, 1)[1] == {"name": "b", "p5": 2, "p25": 5, "median": 7, "p75": 9, "p95": 25}
    assert axes(figure)["y"]["sort"] == ["a", "b"] and axes(figure)["x"]["title"] == "tokens"
    assert ("Dashed: 25" in figure.caption) == drawn
    assert figure.chart.to_dict(validate=True)["layer"]


def test_parts_are_stacked_in_their_order() -> None:
    figure = parts("Use", "A note.", "tokens", {"a": {"used": 3, "unused": 1}, "b": {"used": 2, "unused": 5}})
    assert marks(figure) == ["bar"] and axes(figure)["x"]["stack"] == "zero"
    assert values(figure, 0)[3] == {"name": "b", "part": "unused", "amount": 5, "place": 1}
    assert axes(figure)["color"]["scale"]["domain"] == ["used", "unused"]
    assert figure.chart.to_dict(validate=True)["layer"]
