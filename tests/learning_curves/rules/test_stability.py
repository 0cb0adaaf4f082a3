"""Losses that rise, jump or are noisy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.learning_curves.facts import Facts
from tests.learning_curves.shapes import RATE, N, evaluation, found, learns, rates, train

GOOD = evaluation(0.8, 0.5, 0.35, 0.28, 0.25, 0.24, 0.238, 0.237, 0.237, 0.236)


def test_a_loss_that_explodes_in_the_first_steps_has_diverged_however_noisy_it_is():
    noise = np.random.default_rng(0).exponential(25, N)
    findings = found(
        train(lambda x: np.where(x < 3, 0.66, 2 + noise)),
        evaluation(69, 56, 70, 61),
        Facts(usual_rate=RATE),
        learning_rate=rates(1.0),
    )
    assert list(findings) == ["divergence"]
    assert "is 10,000 times the usual one" in findings["divergence"].message
    assert findings["divergence"].rate_factor == pytest.approx(RATE)
    assert findings["divergence"].severity == "error"


def test_the_batch_at_which_a_loss_turns_up_is_named():
    diverged = found(train(lambda x: np.where(x < 200, learns(x), 2.0)), GOOD)["divergence"]
    assert diverged.steps == (200,)


@given(st.sets(st.integers(40, N), min_size=1, max_size=5), st.integers(0, 50))
def test_each_spike_is_found_and_is_no_alarm(steps, seed):
    def spiky(x):
        return learns(x) + 4.0 * np.isin(x, sorted(steps))

    findings = found(train(spiky, seed=seed), GOOD)
    assert findings["loss-spikes"].steps == tuple(sorted(steps))
    assert findings["loss-spikes"].severity == "info"
    assert all(finding.severity == "info" for finding in findings.values())


@given(st.integers(0, 200), st.floats(0.0, 0.5))
def test_noise_has_no_spikes(seed, noise):
    assert "loss-spikes" not in found(train(noise=noise, seed=seed), GOOD)


@given(st.integers(0, 100))
def test_batches_of_one_row_are_noisy_and_show_nothing_else(seed):
    """Losses of single rows are mostly tiny and sometimes large, at the same mean throughout."""
    losses = np.random.default_rng(seed).choice([0.01, 0.7, 4.0], N, p=[0.6, 0.25, 0.15])
    facts = Facts("accuracy", validation_rows=300, usual_rate=RATE)
    measured = evaluation(0.6, 0.7, 0.75, 0.8)
    findings = found(
        train(lambda x: losses), evaluation(0.67, 2, 1, 1), facts, learning_rate=rates(), accuracy=measured
    )
    assert "noisy-loss" in findings
    assert all(finding.severity == "info" for finding in findings.values()), findings
