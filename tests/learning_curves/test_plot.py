import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.errors import UsageError
from luthier.learning_curves.plot import BLUE, MOST_POINTS, Line, figures, picture, save, smooth, thin
from luthier.learning_curves.record import Series

finite = st.floats(-1e6, 1e6, allow_nan=False)


def falling(n=200):
    rng = np.random.default_rng(0)
    steps = list(range(1, n + 1))
    return Series(steps, (1.5 * np.exp(-np.arange(n) / 40) + 0.1 * rng.random(n)).tolist())


def marks(spec):
    return [layer["mark"]["type"] for layer in spec["layer"]]


def values_of(spec):
    return [row for layer in spec["layer"] for row in layer["data"]["values"]]


def test_each_picture_says_its_unit():
    names = ("eval/perplexity", "eval/bleu", "eval/rouge1", "train/grad_norm")
    found = figures(dict.fromkeys(names, Series([10, 20], [3.0, 2.0])))
    units = {figure.title: figure.spec()["layer"][0]["encoding"]["y"]["title"] for figure in found}
    assert units == {
        "bleu": "score (0-100)",
        "perplexity": "perplexity",
        "rouge1": "score",
        "Gradient norm": "L2 norm before clipping",
    }


def test_train_and_evaluation_loss_share_a_picture_with_raw_points_under_the_smoothed_line():
    curves = {"train/loss": falling(), "eval/loss": Series([50, 100, 150, 200], [0.9, 0.5, 0.4, 0.41])}
    loss = figures(curves, best_step=150)[0]
    spec = loss.spec()
    assert loss.title == "Loss" and loss.wide
    assert marks(spec) == ["rule", "circle", "line", "text", "circle", "line", "text", "circle", "point"]
    raw, smoothed = spec["layer"][1]["data"]["values"], spec["layer"][2]["data"]["values"]
    assert [row["value"] for row in raw] == pytest.approx(curves["train/loss"].values, rel=1e-4)
    assert len(smoothed) == len(raw) and np.std(np.diff([r["value"] for r in smoothed])) < 0.02
    assert {row["label"] for row in values_of(spec) if "label" in row} == {"train", "evaluation"}
    assert "step 150" in loss.caption and "moving average over 11 steps" in loss.caption
    assert spec["layer"][1]["encoding"]["y"]["title"] == "loss (nats)"


def test_averaged_weights_share_the_pictures_of_those_as_trained():
    points = Series([50, 100], [0.9, 0.5])
    names = ("train/loss", "eval/loss", "eval/ema_loss", "eval/f1", "eval/ema_f1", "eval/ema_index")
    loss, index, f1 = figures(dict.fromkeys(names, points))
    assert (loss.title, f1.title, index.title) == ("Loss", "f1", "ema_index")
    assert {row["label"] for row in values_of(loss.spec()) if "label" in row} == {"train", "evaluation", "EMA"}
    assert {row["label"] for row in values_of(f1.spec()) if "label" in row} == {"raw", "EMA"}


def test_charts_are_valid_vega_lite():
    curves = {"train/loss": falling(), "eval/loss": Series([50, 100], [0.9, 0.5]), "eval/f1": Series([50], [0.5])}
    for figure in figures(curves, best_step=100):
        assert figure.chart.to_dict(validate=True)["layer"]


def test_every_other_curve_has_its_own_small_picture_metrics_first():
    curves = {
        "train/learning_rate": Series([1, 2], [1e-5, 5e-5]),
        "train/grad_norm": falling(),
        "eval/f1_macro": Series([10, 20], [0.5, 0.6]),
        "train/tokens_per_second": falling(),
        "train/loss": falling(),
    }
    found = figures(curves, metric_name=lambda name: {"f1_macro": "Macro F1"}[name])
    assert [figure.title for figure in found] == ["Loss", "Macro F1", "Learning rate", "Gradient norm", "Speed"]
    assert [figure.wide for figure in found] == [True, False, False, False, False]


def test_the_picture_of_one_evaluation_is_left_out_and_a_flat_curve_keeps_its_value_on_the_axis():
    curves = {"eval/accuracy": Series([10], [0.676]), "eval/f1": Series([10, 20], [0.676, 0.676])}
    (figure,) = figures(curves)
    low, high = figure.spec()["layer"][0]["encoding"]["y"]["scale"]["domain"]
    assert figure.title == "f1" and low < 0.676 < high and high - low < 0.2


def test_the_loss_says_its_unit():
    (figure,) = figures({"train/loss": falling()}, loss_unit="squared error")
    assert figure.spec()["layer"][0]["encoding"]["y"]["title"] == "loss (squared error)"


def test_no_curves_no_pictures():
    assert figures({}) == []
    assert figures({"train/loss": Series([1, 2], [math.nan, math.inf])}) == []


def test_values_that_are_not_finite_are_named_and_left_out():
    series = Series([1, 2, 3], [1.0, math.nan, 0.5])
    figure = picture("Loss", [Line("train", series, BLUE)], unit="loss")
    assert all(math.isfinite(row["value"]) for row in values_of(figure.spec()) if "value" in row)
    assert "1 value not finite (not drawn), at steps 2" in figure.caption


def test_the_specification_names_no_address():
    spec = str(figures({"train/loss": falling()})[0].spec())
    assert "http" not in spec and "$schema" not in spec


@given(st.lists(finite, min_size=1, max_size=300))
def test_smoothing_keeps_the_steps_and_stays_within_the_values(values):
    series = Series(list(range(len(values))), values)
    window, smoothed = smooth(series)
    assert window % 2 == 1 and smoothed.steps == series.steps
    slack = 1e-6 * max(1.0, *(abs(value) for value in values))
    assert min(values) - slack <= min(smoothed.values) <= max(smoothed.values) <= max(values) + slack


def test_smoothing_does_not_lag():
    _, smoothed = smooth(Series(list(range(400)), [float(i) for i in range(400)]))
    assert smoothed.values[10:-10] == pytest.approx(range(10, 390))


@given(st.integers(1, 5000), st.randoms())
def test_thinning_keeps_ends_and_extremes(n, random):
    values = [random.random() for _ in range(n)]
    thinned, note = thin(Series(list(range(n)), values))
    assert len(thinned.steps) <= MOST_POINTS
    assert thinned.steps[0] == 0 and thinned.steps[-1] == n - 1
    assert min(thinned.values) == min(values) and max(thinned.values) == max(values)
    assert thinned.steps == sorted(set(thinned.steps))
    assert bool(note) == (n > MOST_POINTS)


def test_labels_of_near_lines_do_not_overlap():
    lines = [Line(key, Series([1, 2, 3], [1.0, 0.5, end]), BLUE) for key, end in (("A", 0.2), ("B", 0.201), ("C", 0.9))]
    spec = picture("Loss", lines, unit="loss").spec()
    shifts = {
        layer["data"]["values"][0]["label"]: layer["mark"]["dy"]
        for layer in spec["layer"]
        if layer["mark"]["type"] == "text"
    }
    assert abs(shifts["A"] - shifts["B"]) >= 13


def test_files(tmp_path):
    figure = figures({"train/loss": falling(60)})[0]
    assert save(figure, tmp_path / "loss.png").read_bytes().startswith(b"\x89PNG")
    svg = save(figure, tmp_path / "loss.svg").read_text()
    assert svg.startswith("<svg") and "optimizer step" in svg and ">train<" in svg
    with pytest.raises(UsageError, match=r"\.png or \.svg"):
        save(figure, tmp_path / "loss.gif")
