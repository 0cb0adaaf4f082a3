"""Metrics of several runs on the rows that all of them scored."""

from pathlib import Path

import numpy as np
import pytest

from luthier.errors import RunError
from luthier.metrics.bootstrap import value_of
from luthier.pipeline.inference.scored_rows import ScoredRows, metrics_of, on_shared_rows
from luthier.run_directory.predictions import read_predictions, write_predictions
from luthier.run_directory.run import Run
from luthier.storage.atomic import write_json
from tests.api.written import begun, finished, wrong_on


def without(run: Run, *positions: int) -> Run:
    """The run as if it had not scored some rows, and the others in another order."""
    columns = read_predictions(run.predictions_file)
    assert columns is not None
    kept = [i for i in range(len(columns["row"])) if i not in positions][::-1]
    write_predictions(run.predictions_file, {name: [column[i] for i in kept] for name, column in columns.items()})
    return run


def test_the_rows_that_all_runs_scored_count_in_the_same_order(tmp_path: Path) -> None:
    a = finished(tmp_path / "a", wrong_on(0, 1, 2))
    b = without(finished(tmp_path / "b", wrong_on(2, 3)), 0, 10)
    metrics = [found["accuracy"] for found in on_shared_rows([a, b])]
    assert [metric.n for metric in metrics] == [18, 18]
    assert [value_of(metric) for metric in metrics] == pytest.approx([16 / 18, 16 / 18])
    both = np.stack([metric.on(np.eye(18)) for metric in metrics])  # each row alone
    assert both.sum(axis=1).tolist() == [16, 16] and (both.sum(axis=0) == 0).sum() == 1


def test_the_same_rows_in_another_order_are_the_same(tmp_path: Path) -> None:
    a = ScoredRows.of(finished(tmp_path / "a", wrong_on(0)))
    turned = ScoredRows.of(without(finished(tmp_path / "b", wrong_on(0, 5))))
    fewer = ScoredRows.of(without(finished(tmp_path / "c", wrong_on(0)), 3))
    assert a is not None and turned is not None and fewer is not None
    assert turned.same_as(a) and not fewer.same_as(a) and not a.same_as(fewer)
    (found,) = metrics_of([turned], a, a.places)
    assert np.flatnonzero(found["accuracy"].on(np.eye(20)) == 0).tolist() == [0, 5], "in the order of the first"
    assert ScoredRows.of(begun(tmp_path / "begun")) is None


def test_what_cannot_be_compared_is_refused(tmp_path: Path) -> None:
    a = finished(tmp_path / "a", wrong_on(0))
    with pytest.raises(RunError, match="no row in common"):
        on_shared_rows([a, without(finished(tmp_path / "none", wrong_on(0)), *range(20))])
    with pytest.raises(RunError, match="has no predictions"):
        on_shared_rows([a, begun(tmp_path / "begun")])
    other = finished(tmp_path / "other", wrong_on(0))
    saved = other.read_json(other.task_file)
    assert saved is not None
    saved["learned"]["names"] = ["bad", "fair", "good"]
    write_json(other.task_file, saved)
    with pytest.raises(RunError, match="trained on other labels than other"):
        on_shared_rows([a, other])
