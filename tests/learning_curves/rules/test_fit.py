"""Underfitting, overfitting and plateaus; most of these rules are tested on whole diagnoses in `test_diagnose`."""

import pytest

from luthier.learning_curves.facts import Facts
from tests.learning_curves.shapes import RATE, evaluation, found, rates, train

LOSSES = (0.8, 0.5, 0.4, 0.42, 0.47, 0.52, 0.55, 0.6, 0.62, 0.64)


def memorizes(x):
    return 0.02 + 1.4 * 0.98**x


@pytest.mark.parametrize(
    ("measured", "rows", "severity"),
    [
        ((0.6, 0.7, 0.8, 0.8, 0.8, 0.8, 0.8, 0.8, 0.81, 0.81), 1000, "info"),
        ((0.6, 0.7, 0.8, 0.8, 0.8, 0.75, 0.72, 0.71, 0.7, 0.7), 1000, "warning"),
        ((0.6, 0.7, 0.8, 0.8, 0.8, 0.8, 0.8, 0.8, 0.8, 0.5), 1000, "info"),
        ((0.6, 0.7, 0.8, 0.8, 0.8, 0.75, 0.72, 0.71, 0.7, 0.7), 20, "info"),
    ],
    ids=["the metric holds", "it falls", "it fell once", "it falls by less than 20 rows can tell"],
)
def test_overfitting_is_a_warning_if_the_metric_gets_worse(measured, rows, severity):
    facts = Facts("accuracy", validation_rows=rows)
    findings = found(train(memorizes, 0.01), evaluation(*LOSSES), facts, accuracy=evaluation(*measured))
    assert findings["overfitting"].severity == severity
    assert ("did not get significantly worse (0.800 then" in findings["overfitting"].message) == (severity == "info")
    assert findings["overfitting"].steps == (90,)


def test_a_metric_whose_lowest_value_is_the_best_gets_worse_by_rising():
    facts = Facts("perplexity", greater_is_better=False, validation_rows=1000)
    rising = evaluation(3, 2, 1.5, 1.6, 1.7, 1.8, 1.9, 2, 2, 2)
    findings = found(train(memorizes, 0.01), evaluation(*LOSSES), facts, perplexity=rising)
    assert findings["overfitting"].severity == "warning"


def test_a_flat_loss_at_a_low_or_high_rate_asks_for_the_usual_one():
    flat = train(lambda x: 0.6 + 0.4 * 0.93**x, noise=0.02), evaluation(0.62, 0.61, 0.61, 0.61)
    low = found(*flat, Facts(usual_rate=RATE), learning_rate=rates(RATE / 10))["plateau"]
    assert "Set learning_rate to about 0.0001" in low.action and low.rate_factor == pytest.approx(10)
    high = found(*flat, Facts(usual_rate=RATE), learning_rate=rates(RATE * 10))["plateau"]
    assert "is 10 times the usual one" in high.action and high.rate_factor == pytest.approx(0.1)
    usual = found(*flat, Facts(usual_rate=RATE), learning_rate=rates(RATE))["plateau"]
    assert usual.rate_factor == 1 and "higher" not in usual.action
