"""The texts of training rows: read in each pass, in chunks, with every row accounted for."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from luthier.console import Progress
from luthier.data import texts as module
from luthier.data.reading.sources import open_source
from luthier.data.records import Record, Skipped
from luthier.data.texts import Texts
from tests.conftest import write_csv


def example(record: Record) -> dict[str, Any] | Skipped:
    if not record.values["text"]:
        return Skipped(record.source, record.row, "empty-text", "")
    return {"text": record.values["text"]}


def column(examples: Mapping[str, list[Any]]) -> Iterable[str]:
    return examples["text"]


class Counted(Progress):
    rows = 0

    def advance(self, n: int = 1, **fields: str) -> None:
        self.rows += n


def test_every_pass_reads_all_rows_in_chunks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK", 4)
    rows = [{"text": "" if i == 3 else f"text {i}", "label": "a"} for i in range(10)]
    source, progress = open_source(write_csv(tmp_path / "a.csv", rows)), Counted()
    texts = Texts([source, source], example, column, progress=progress)
    once = [f"text {i}" for i in range(10) if i != 3]
    assert list(texts) == list(texts) == once * 2
    assert progress.rows == 36
    assert texts.account.to_dict() == {"read": 20, "kept": 18, "skipped": {"empty-text": 2}}


def test_a_pass_that_is_left_is_not_counted(tmp_path: Path) -> None:
    source = open_source(write_csv(tmp_path / "a.csv", [{"text": "one", "label": "a"}, {"text": "two", "label": "b"}]))
    texts = Texts([source], example, column)
    assert next(iter(texts)) == "one" and texts.account.read == 0


def test_rows_of_other_splits_are_left_out(tmp_path: Path) -> None:
    rows = [{"text": f"text {part}", "part": part} for part in ("train", "test", "validation", "train")]
    texts = Texts([open_source(write_csv(tmp_path / "a.csv", rows))], example, column, "part")
    assert list(texts) == ["text train"] * 2
    assert (texts.account.read, texts.account.kept) == (2, 2)
