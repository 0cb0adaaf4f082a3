"""Which evaluation is better: the metric, then the loss; nan never."""

import math

import pytest

from luthier.engines.ranking import ANY, Evaluated


@pytest.mark.parametrize(
    ("value", "loss", "gains", "beats"),
    [
        (0.8, 9.0, True, True),
        (0.7, 0.4, False, True),
        (0.7, 0.5, False, False),
        (0.6, 0.1, False, False),
        (math.nan, 0.1, False, False),
        (0.7, math.nan, False, False),
    ],
)
def test_the_metric_decides_and_then_the_loss(value: float, loss: float, gains: bool, beats: bool) -> None:
    best, found = Evaluated(5, 0.7, 0.5), Evaluated(10, value, loss)
    assert (found.gains(best, greater=True), found.beats(best, greater=True)) == (gains, beats)
    assert found.beats(None, greater=True) is not math.isnan(value)
    lower_is_better = found.beats(best, greater=False)
    assert lower_is_better is (value < 0.7 or (value == 0.7 and loss < 0.5))


def test_an_undefined_metric_is_worse_than_any_and_close_to_all_if_the_last_is_taken_anyway() -> None:
    undefined, low, high = Evaluated(1, math.nan, 0.1), Evaluated(2, 0.1, 0.5), Evaluated(3, 0.9, 0.5)
    assert low.gains(undefined, greater=True) and low.beats(undefined, greater=False)
    assert not undefined.gains(undefined, greater=True) and not undefined.beats(low, greater=True)
    for tolerance, close in ((0.5, False), (ANY, True), (2 * ANY, True)):
        assert undefined.near(high, tolerance, greater=True) is close
        assert low.near(high, tolerance, greater=True) is close
        assert not undefined.near(None, tolerance, greater=True)


def test_the_best_are_ranked_and_the_first_of_equals_comes_first() -> None:
    ranked: list[Evaluated] = []
    for step, value in enumerate([0.1, 0.3, math.nan, 0.3, 0.2, 0.4], start=1):
        ranked = Evaluated(step, value, 1.0).among(ranked, 3, greater=True)
    assert [one.step for one in ranked] == [6, 2, 4]
    assert Evaluated(7, 0.0, 1.0).among(ranked, 2, greater=False) == [Evaluated(7, 0.0, 1.0), ranked[0]]


def test_it_is_read_from_the_metrics_of_an_evaluation_and_from_json() -> None:
    metrics = {"loss": 0.5, "f1": 0.7, "ema_loss": 0.4, "ema_f1": 0.8}
    assert Evaluated.of(3, metrics, "f1") == Evaluated(3, 0.7, 0.5)
    assert Evaluated.of(3, metrics, "f1", "ema_") == Evaluated(3, 0.8, 0.4)
    missing = Evaluated.of(3, {}, "f1")
    assert math.isnan(missing.value) and missing.loss == math.inf
    assert Evaluated.read({"step": 3, "value": 0.7, "loss": 0.5}) == Evaluated(3, 0.7, 0.5)
