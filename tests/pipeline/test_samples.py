"""`samples.jsonl`: written at each evaluation, ordered by step, and read back unchanged for any text."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.errors import DamagedError
from luthier.pipeline.samples import Samples, read_samples

TEXTS = st.text(st.characters(), max_size=20)  # lone surrogates among them


def sample(text: str, row: int = 1) -> dict[str, Any]:
    return {"row": row, "asked": {"prompt": "Once"}, "text": text}


def steps(path: Path) -> list[tuple[int, str]]:
    return [(one["step"], one["text"]) for one in read_samples(path)]


def test_no_file_is_written_without_samples(tmp_path: Path) -> None:
    path = tmp_path / "samples.jsonl"
    Samples(path, 0).add(5, [])
    assert list(read_samples(path)) == [] and not path.exists()


def test_samples_are_read_in_the_order_of_the_steps(tmp_path: Path) -> None:
    path = tmp_path / "samples.jsonl"
    samples = Samples(path, 0)
    samples.add(0, [sample("a", 4), sample("b", 9)])
    assert steps(path) == [(0, "a"), (0, "b")], "written at once"
    samples.add(10, [sample("c", 4), sample("d", 9)])
    assert steps(path) == [(0, "a"), (0, "b"), (10, "c"), (10, "d")]
    assert next(read_samples(path)) == {"step": 0, "row": 4, "asked": {"prompt": "Once"}, "text": "a"}
    assert [one.name for one in tmp_path.iterdir()] == ["samples.jsonl"]


@given(st.lists(TEXTS, min_size=1, max_size=4))
def test_any_text_is_read_back_unchanged(tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> None:
    path = tmp_path_factory.mktemp("samples") / "samples.jsonl"
    Samples(path, 0).add(1, [sample(text) for text in texts])
    assert [text for _, text in steps(path)] == texts


@pytest.mark.parametrize("text", ["one\u2028line\x85\r\n", "half a pair \ud83d", "\x00 <b>&amp;", ""])
def test_unusual_characters_are_read_back_unchanged(tmp_path: Path, text: str) -> None:
    Samples(tmp_path / "samples.jsonl", 0).add(1, [sample(text)])
    assert steps(tmp_path / "samples.jsonl") == [(1, text)]


def test_a_resumed_run_drops_the_samples_after_its_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "samples.jsonl"
    killed = Samples(path, 0)
    for step in (0, 5, 10):
        killed.add(step, [sample(f"first {step}")])
    resumed = Samples(path, 5)
    assert len(steps(path)) == 3, "nothing is written until the next evaluation"
    resumed.add(8, [sample("again 8")])
    assert steps(path) == [(0, "first 0"), (5, "first 5"), (8, "again 8")]


def test_a_repeated_evaluation_replaces_the_earlier_samples(tmp_path: Path) -> None:
    path = tmp_path / "samples.jsonl"
    Samples(path, 0).add(5, [sample("first")])
    Samples(path, 5).add(5, [sample("second")])
    assert steps(path) == [(5, "second")]


def test_the_error_for_a_damaged_file_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "samples.jsonl"
    path.write_text(json.dumps({"step": 1, **sample("a")}) + "\n{\n")
    with pytest.raises(DamagedError) as caught:
        list(read_samples(path))
    assert caught.value.where == f"{path}, line 2"
    with pytest.raises(DamagedError):
        Samples(path, 1)
