import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.learning_curves.diagnose import diagnose
from luthier.learning_curves.facts import Facts
from luthier.learning_curves.record import Series
from tests.learning_curves.shapes import evaluation, found, learns, train


def test_healthy():
    findings = found(train(learns), evaluation(0.8, 0.5, 0.35, 0.28, 0.25, 0.24, 0.238, 0.237, 0.237, 0.236))
    assert list(findings) == ["healthy-curves"]
    assert "lowest (0.236) at step 300" in findings["healthy-curves"].message
    assert findings["healthy-curves"].severity == "info"


def test_overfitting_says_by_how_much_and_since_when():
    findings = found(
        train(lambda x: 0.02 + 1.4 * np.exp(-x / 60), noise=0.01),
        evaluation(0.8, 0.5, 0.4, 0.42, 0.47, 0.52, 0.55, 0.6, 0.62, 0.64),
    )
    assert list(findings) == ["overfitting"]
    finding = findings["overfitting"]
    assert finding.severity == "warning"
    assert "since step 90" in finding.message and "0.400 to 0.640" in finding.message and "60.0 %" in finding.message
    assert "max_steps = 90" in finding.action


def test_overfitting_when_the_training_loss_is_at_its_floor():
    findings = found(train(lambda x: 0.001 + 1.4 * np.exp(-x / 8), noise=0), evaluation(0.5, 0.4, 0.5, 0.6, 0.7))
    assert findings["overfitting"].severity == "warning"


def test_a_rise_of_both_losses_within_noise_is_only_possible_overfitting():
    findings = found(train(lambda x: np.where(x < 40, 1.5, 0.5), noise=0.05), evaluation(1.0, 0.7, 0.5, 0.5, 0.54))
    assert findings["overfitting"].severity == "info"
    assert "Possible overfitting" in findings["overfitting"].message


def test_underfitting_when_the_loss_hardly_moves():
    findings = found(train(lambda x: 0.69 + 0 * x), evaluation(0.69, 0.692, 0.691, 0.69))
    assert findings["underfitting"].severity == "warning"
    assert "hardly moved" in findings["underfitting"].message
    assert "learning_rate" in findings["underfitting"].action
    assert "healthy-curves" not in findings


def test_underfitting_when_both_losses_still_fall():
    findings = found(
        train(lambda x: 2 - x / 200, noise=0.02), evaluation(1.9, 1.75, 1.6, 1.45, 1.3, 1.2, 1.1, 1.0, 0.9, 0.8)
    )
    assert list(findings) == ["underfitting"]
    assert "still falling" in findings["underfitting"].message and "0.900 to 0.800" in findings["underfitting"].message


def test_noise():
    findings = found(train(lambda x: 1.0 - 0.3 * (x > 60), noise=0.45), evaluation(0.9, 0.71, 0.7, 0.7, 0.7))
    assert "noisy-loss" in findings
    assert "batch_size" in findings["noisy-loss"].action


def test_divergence_comes_alone():
    findings = found(
        train(lambda x: np.where(x < 150, learns(x), 0.15 + (x - 150) / 60)), evaluation(0.5, 0.3, 0.9, 1.8)
    )
    assert list(findings) == ["divergence"]
    assert findings["divergence"].severity == "error"


def test_plateau():
    findings = found(train(lambda x: 0.6 + 0.4 * np.exp(-x / 15), noise=0.02), evaluation(0.62, 0.61, 0.61, 0.61))
    assert "plateau" in findings
    assert "since step 151" in findings["plateau"].message


@pytest.mark.parametrize(
    ("epochs", "last_rate", "words"),
    [
        (0.3, 0.0, ["at least one epoch", "only 0.3 epochs", "decayed"]),
        (0.3, 1e-3, ["at least one epoch", "only 0.3 epochs"]),
        (3.0, 0.0, ["decayed", "more epochs"]),
        (3.0, 1e-3, ["More steps alone will not help"]),
    ],
)
def test_advice_on_a_plateau_reads_the_epochs_and_the_schedule(epochs, last_rate, words):
    flat = train(lambda x: 0.6 + 0.4 * np.exp(-x / 15), noise=0.02)
    flat.epochs = list(np.linspace(0, epochs, len(flat.steps)))
    rates = Series(flat.steps, list(np.linspace(1e-3, last_rate, len(flat.steps))))
    curves = {"train/loss": flat, "train/learning_rate": rates, "eval/loss": evaluation(0.62, 0.61, 0.61, 0.61)}
    action = next(finding.action for finding in diagnose(curves) if finding.id == "plateau")
    assert all(word in action for word in words)
    assert ("More steps alone" in action) == (words[0].startswith("More steps"))


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_values_that_are_not_finite(value):
    series = train(learns)
    series.values[41] = value
    findings = found(series, evaluation(0.8, 0.5, 0.35, 0.3))
    assert next(iter(findings)) == "non-finite"
    assert findings["non-finite"].severity == "error"
    assert "train/loss at steps 42" in findings["non-finite"].message
    assert "healthy-curves" not in findings


def test_a_gradient_norm_that_is_not_finite_counts_too():
    curves = {"train/loss": train(learns), "train/grad_norm": Series([1, 2, 3], [1.0, math.inf, 2.0])}
    assert "train/grad_norm at steps 2" in diagnose(curves)[0].message


def test_too_few_points_are_not_judged():
    assert diagnose({}) == []
    few = found(train(learns, n=8), evaluation(0.5, 0.9))
    assert set(few) == {"too-few-steps", "too-few-evaluations"}
    assert "2 evaluations" in few["too-few-evaluations"].message
    once = found(train(learns), Series())
    assert set(once) == {"too-few-evaluations"}


@given(
    st.lists(st.floats(allow_nan=True, allow_infinity=True, width=32), max_size=60),
    st.lists(st.floats(allow_nan=True, allow_infinity=True, width=32), max_size=8),
)
def test_any_curves_are_read_without_a_crash(losses, evaluations):
    curves = {
        "train/loss": Series(list(range(1, len(losses) + 1)), losses),
        "eval/loss": Series(list(range(5, 5 * len(evaluations) + 1, 5)), evaluations),
    }
    findings = diagnose(curves)
    assert bool(findings) == bool(losses or evaluations)
    assert all(finding.message and finding.action and "nan" not in finding.action for finding in findings)
    assert len({finding.id for finding in findings}) == len(findings)


@given(st.integers(0, 200))
def test_noise_of_a_flat_end_is_no_divergence_or_overfitting(seed):
    findings = found(train(learns, noise=0.1, seed=seed), evaluation(0.8, 0.4, 0.3, 0.28, 0.281, 0.279, 0.283))
    assert not {"divergence", "overfitting", "underfitting"} & set(findings)


def test_while_a_run_goes_on_nothing_is_said_of_its_end():
    falling = train(lambda x: 2 - x / 200, noise=0.02), evaluation(1.9, 1.75, 1.6, 1.45, 1.3)
    assert list(found(*falling, Facts(done=0.5))) == ["healthy-curves"]
    assert "so far" in found(*falling, Facts(done=0.5))["healthy-curves"].message
    flat = train(lambda x: 0.69 + 0 * x), evaluation(0.69, 0.692, 0.691)
    assert "underfitting" not in found(*flat, Facts(done=0.3))
    assert "underfitting" in found(*flat, Facts(done=0.6))
    assert found(train(n=8), Series(), Facts(done=0.1)) == {}
