"""The metric of each evaluation on paired resamples: intervals as those of `difference`, and a resume loses none."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from luthier.metrics.base import AnyMetric, ResampledMetric, average
from luthier.metrics.bootstrap import difference
from luthier.pipeline.evaluations import MOST, RESAMPLES, Evaluations, not_separated

N = 60


def right(share: float, seed: int) -> AnyMetric:
    return average("accuracy", (np.random.default_rng(seed).random(N) < share).astype(float))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=10)
@given(shares=st.lists(st.floats(0.1, 1), min_size=2, max_size=5))
def test_a_step_is_named_if_its_paired_difference_holds_zero(shares: list[float], tmp_path: Path) -> None:
    file = tmp_path / "evaluations.parquet"
    file.unlink(missing_ok=True)
    metrics = {step: right(share, step) for step, share in enumerate(shares, start=1)}
    evaluations = Evaluations(file, 0, greater=True)
    for step, metric in metrics.items():
        evaluations.add(step, metric)
    found = not_separated(file, 1)
    paired = {step: difference(metric, metrics[1], resamples=RESAMPLES) for step, metric in metrics.items()}
    expected = [step for step, one in paired.items() if step != 1 and one.low is not None and not one.excludes_zero]
    assert found == {"steps": expected, "rows": N}


def test_what_was_written_after_the_checkpoint_is_written_again(tmp_path: Path) -> None:
    whole, broken = tmp_path / "whole.parquet", tmp_path / "broken.parquet"
    for file, stop in ((whole, 9), (broken, 4)):
        evaluations = Evaluations(file, 0, greater=True)
        for step in range(1, stop):
            evaluations.add(step, right(0.5 + step / 20, step))
    evaluations = Evaluations(broken, 2, greater=True)
    for step in range(3, 9):
        evaluations.add(step, right(0.5 + step / 20, step))
        evaluations.add(step, right(0.5 + step / 20, step))  # an evaluation that a signal interrupted is repeated
    assert broken.read_bytes() == whole.read_bytes()


@pytest.mark.parametrize("greater", [True, False])
def test_of_many_evaluations_the_best_ones_are_kept(tmp_path: Path, greater: bool) -> None:
    file = tmp_path / "evaluations.parquet"
    evaluations, values = Evaluations(file, 0, greater=greater), {}
    for step in range(1, MOST + 11):
        metric = right(0.5, step)
        values[step] = float(metric.on(np.ones((1, N)))[0])
        evaluations.add(step, metric)
    ranked = sorted(values, key=lambda step: -values[step] if greater else values[step])
    assert not_separated(file, ranked[0]) is not None
    assert not_separated(file, ranked[-1]) is None
    assert file.stat().st_size < 5000 * MOST


def test_nothing_is_said_of_metrics_without_paired_values(tmp_path: Path) -> None:
    file = tmp_path / "evaluations.parquet"
    evaluations = Evaluations(file, 0, greater=True)
    evaluations.add(1, None)
    evaluations.add(1, ResampledMetric("mine", N, lambda rows: 0.5, max_resamples=200))
    evaluations.add(1, ResampledMetric("odd", N, lambda rows: float("nan")))
    assert not file.exists() and not_separated(file, 1) is None
    evaluations.add(2, right(0.5, 2))
    assert not_separated(file, 1) is None and not_separated(file, None) is None
    assert not_separated(file, 2) == {"steps": [], "rows": N}
