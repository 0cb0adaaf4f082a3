"""Traces of scored rows: what is written, what a long row and an odd model do."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import luthier
from luthier.errors import ResourceError
from luthier.pipeline.inference.predictor import load
from luthier.pipeline.training import trace_rows as module
from luthier.reporting.telling import traced_rows
from luthier.run_directory.predictions import read_predictions
from luthier.run_directory.run import Run
from tests.conftest import review_rows
from tests.listener import Listener
from tests.matrix.data import rows as drawn
from tests.tasks import by_hand
from tests.tasks.conftest import built as built  # noqa: PLC0414  # a fixture, for this module too


def test_the_pages_trace_rows_of_the_file_with_the_answers_that_were_scored(tiny_model: Path, tmp_path: Path) -> None:
    path = by_hand.run(tmp_path, tiny_model, review_rows(60), texts=False, training__epochs=1)
    found = traced_rows(Run(path))
    assert found and {row.kind for row in found} <= {"right", "error", "close"}
    predictions = read_predictions(path / "predictions.parquet") or {}
    for row in found:
        at = predictions["row"].index(row.row)
        assert (row.gold, row.prediction) == (predictions["gold"][at], predictions["prediction"][at])
        assert row.score == predictions["score"][at]
        page = (path / "traces" / row.page).read_text()
        assert f"luthier trace {path} --file {tmp_path / 'run.jsonl'} --row {row.row}" in page
        again = luthier.trace(path, tmp_path / "run.jsonl", rows=[row.row])
        assert again.answer["score"] == pytest.approx(row.score, abs=1e-5)
        assert len(page) < 5e6
    assert luthier.report(path).read_text().count('href="traces/') == len(found)


@pytest.mark.parametrize(("task", "model"), [("summarization", "T5"), ("token-classification", "BERT")])
def test_other_tasks(task: str, model: str, built: Callable[[str], Path], tmp_path: Path) -> None:
    settings: dict[str, Any] = {"task": task, "training__max_steps": 2}
    path = by_hand.run(tmp_path, built(model), drawn(task, 40), texts=task == "summarization", **settings)
    kinds = [row.kind for row in traced_rows(Run(path))]
    assert kinds == ["best", "worst"] if task == "summarization" else set(kinds) & {"right", "error", "close"}


def test_an_adapter(tiny_model: Path, tmp_path: Path) -> None:
    path = by_hand.run(tmp_path, tiny_model, review_rows(40), texts=False, model__adapter__rank=2, training__epochs=1)
    assert traced_rows(Run(path))
    assert load(path).predict(["the film"])


def test_rows_that_are_long_are_not_traced(tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LONGEST", 3)
    path = by_hand.run(tmp_path, tiny_model, review_rows(40), texts=False, training__epochs=1)
    assert "traces: none, because every test row has more than 3 tokens" in (path / "log.txt").read_text()
    assert not (path / "traces").exists()
    assert 'href="traces/' not in luthier.report(path).read_text()


def test_a_model_that_cannot_be_traced_costs_the_pages_and_not_the_run(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def odd(*_: Any, **__: Any) -> Any:
        raise AttributeError("this model has no layers")

    monkeypatch.setattr(module, "traced", odd)
    told = Listener()
    file = by_hand.write(tmp_path / "rows.jsonl", review_rows(40))
    overrides = by_hand.QUICK | by_hand.QUICK_BATCHES | {"model.name": str(tiny_model), "training.epochs": 1}
    with by_hand.quickly(tmp_path):
        path = luthier.train(file, run_dir=tmp_path / "run", console=told, **overrides).run.path
    assert "the report links no traces of rows: AttributeError: this model has no layers" in told.warned
    assert json.loads((path / "result.json").read_text())["stopped"]
    assert not (path / "traces").exists()


def test_a_full_disk_is_said_as_everywhere(tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> Any:
        raise ResourceError("the disk is full")

    monkeypatch.setattr(module, "write_directory", full)
    with pytest.raises(ResourceError, match="disk is full"):
        by_hand.run(tmp_path, tiny_model, review_rows(40), texts=False, training__epochs=1)
