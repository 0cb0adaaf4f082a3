"""Rules on the learning rate."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.learning_curves.facts import Facts
from luthier.learning_curves.record import Series
from tests.learning_curves.shapes import RATE, N, evaluation, flat, found, learns, rates, train

LEVEL = evaluation(0.69, 0.691, 0.69, 0.69)
GOOD = evaluation(0.8, 0.5, 0.35, 0.28, 0.25, 0.24, 0.238, 0.237, 0.237, 0.236)
USUAL = Facts(usual_rate=RATE)


@pytest.mark.parametrize(
    ("peak", "name", "words", "factor"),
    [
        (1e-7, "rate-too-low", "1e-07, is 1/1,000 of the usual one for this model (0.0001)", 1000),
        (1e-4, "underfitting", "0.0001, is near the usual one", 1),
        (1e-3, "rate-too-high", "0.001, is 10 times the usual one", 0.1),
    ],
)
def test_a_loss_that_does_not_move_is_judged_by_the_rate(peak, name, words, factor):
    findings = found(train(flat), LEVEL, USUAL, learning_rate=rates(peak))
    assert [one for one in findings if one in ("rate-too-low", "rate-too-high", "underfitting")] == [name]
    assert findings[name].severity == "warning"
    assert words in findings[name].message
    assert findings[name].rate_factor == pytest.approx(factor)


def test_a_collapsed_model_is_never_told_to_train_with_a_higher_rate():
    norms = Series(list(range(1, N + 1)), [8.0] * 20 + [0.05] * (N - 20))
    findings = found(train(flat), LEVEL, Facts(), learning_rate=rates(1e-3), grad_norm=norms)
    assert "fell from 8 in the first fifth to 0.05" in findings["rate-too-high"].message
    assert findings["rate-too-high"].rate_factor < 1
    assert "underfitting" not in findings


@given(st.floats(1e-8, 1.0))
def test_the_higher_the_rate_the_less_it_is_raised(peak):
    findings = found(train(flat), LEVEL, USUAL, learning_rate=rates(peak))
    (finding,) = (one for one in findings.values() if one.severity == "warning")
    suggested = peak * finding.rate_factor
    assert suggested <= max(peak, 1.01 * RATE) or peak < RATE / 2
    assert suggested >= peak or peak > 2 * RATE


def jumps(x):
    return learns(x) + 1.2 * np.exp(-(((x - 25) / 8) ** 2))


def test_a_jump_without_warm_up_and_one_with_a_high_rate():
    short = found(train(jumps), GOOD, USUAL, learning_rate=rates(3 * RATE, warmup=0))
    assert "Warm-up: 0 steps" in short["short-warm-up"].message and "rate-too-high" not in short
    assert all(10 < step < 40 for step in short["short-warm-up"].steps)
    high = found(train(jumps), GOOD, USUAL, learning_rate=rates(10 * RATE))
    assert high["rate-too-high"].rate_factor < 1
    assert "short-warm-up" not in high


@given(st.integers(0, 200), st.sampled_from([0.0, 0.1]), st.floats(0.0, 0.3))
def test_noise_is_no_jump(seed, warmup, noise):
    findings = found(train(seed=seed, noise=noise), GOOD, USUAL, learning_rate=rates(warmup=warmup))
    assert not {"short-warm-up", "rate-too-high", "rate-too-low"} & set(findings)


def test_a_schedule_that_ends_before_the_training():
    early = found(train(), GOOD, USUAL, learning_rate=rates(end=0.6))
    assert "from step 17" in early["schedule-ended-early"].message
    assert "schedule-ended-early" not in found(train(), GOOD, USUAL, learning_rate=rates())
    cosine = Series(list(range(1, N + 1)), (RATE * 0.5 * (1 + np.cos(np.pi * np.arange(N) / N))).tolist())
    assert "schedule-ended-early" not in found(train(), GOOD, USUAL, learning_rate=cosine)


def test_a_loss_that_moves_less_than_its_noise_moved_if_the_evaluations_fell():
    """As in fine-tuning a language model, where single batches differ more than the whole training changes."""
    slow = train(lambda x: 3.2 - 0.05 * x / N, noise=0.15)
    assert "underfitting" in found(slow, evaluation(3.2, 3.2, 3.19), USUAL, learning_rate=rates())
    assert not {"underfitting", "rate-too-high"} & set(
        found(slow, evaluation(3.2, 3.12, 3.1, 3.1), USUAL, learning_rate=rates())
    )


def test_a_collapse_at_chance_level_is_no_progress_although_the_first_evaluation_was_worse():
    """A char encoder trained from scratch at ten times the usual rate: 0.71, then 0.693, an accuracy of a half."""
    facts = Facts("accuracy", validation_rows=100, usual_rate=RATE)
    collapsed = found(
        train(lambda x: 0.7 + 0 * x, noise=0.05),
        evaluation(0.71, 0.7, 0.75, 0.696, 0.694, 0.693, 0.695),
        facts,
        learning_rate=rates(10 * RATE),
        accuracy=evaluation(0.49, 0.49, 0.51, 0.51, 0.49, 0.51, 0.51),
    )
    assert collapsed["rate-too-high"].rate_factor < 1
