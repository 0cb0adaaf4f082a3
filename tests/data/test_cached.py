"""Computed columns come from the cache, if what determines them is the same."""

from pathlib import Path

import pytest
from datasets import Dataset, config

from luthier.data import cached as module
from luthier.data.cached import cached, is_cached

ROWS = Dataset.from_dict({"text": ["a", "bb", "ccc"]})


class Lengths:
    """A function that counts its calls."""

    calls = 0

    def __call__(self, batch: dict[str, list[str]], places: list[int]) -> dict[str, list[int]]:
        self.calls += 1
        return {"length": [len(text) for text in batch["text"]], "place": places}


@pytest.mark.usefixtures("cache")
def test_the_same_key_is_computed_once() -> None:
    function = Lengths()
    first = cached(ROWS, function, "lengths", batch=2)
    assert first[:] == {"length": [1, 2, 3], "place": [0, 1, 2]}
    assert function.calls == 2  # batches
    assert is_cached("lengths") and not is_cached("others")
    assert cached(ROWS, function, "lengths", batch=2)[:] == first[:]
    assert function.calls == 2
    cached(ROWS, function, "others")
    assert function.calls == 3


@pytest.mark.usefixtures("cache")
def test_other_versions_of_the_libraries_compute_it_again(monkeypatch: pytest.MonkeyPatch) -> None:
    function = Lengths()
    cached(ROWS, function, "lengths")
    monkeypatch.setattr(module, "VERSIONS", "6.0.0 1.0.0")
    cached(ROWS, function, "lengths")
    assert function.calls == 2


def test_without_a_cache_it_is_computed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "file"
    file.touch()
    monkeypatch.setattr(config, "HF_DATASETS_CACHE", file)  # no directory can be made there
    function = Lengths()
    for _ in range(2):
        assert cached(ROWS, function, "lengths")["length"] == [1, 2, 3]
    assert function.calls == 2
