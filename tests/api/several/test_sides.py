"""Which runs are compared as one, and what is said of their seeds; the runs are written down, not trained."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from luthier.api.compare import compare
from luthier.api.several.sides import sides_of
from luthier.errors import RunError
from luthier.metrics.seeds.difference import SeedsDifference
from luthier.run_directory.run import Run
from luthier.run_directory.run_set import RUNS
from tests.api.written import finished, wrong_on


def several(path: Path, *wrong: int, **given: Any) -> Path:
    """A set of seeds, each wrong on so many rows."""
    path.mkdir()
    names = {f"seed-{seed}": {"seed": seed} for seed in range(1, len(wrong) + 1)}
    (path / RUNS).write_text(json.dumps({"kind": "seeds", "runs": names}))
    for (name, change), n in zip(names.items(), wrong, strict=True):
        finished(path / name, wrong_on(*range(n)), seed=change["seed"], **given)
    return path


@pytest.fixture
def a(tmp_path: Path) -> Path:
    return several(tmp_path / "a", 8, 9, 10)


@pytest.fixture
def b(tmp_path: Path) -> Path:
    return several(tmp_path / "b", 1, 2, 3, training__learning_rate=1e-3)


def test_sets_are_compared_by_their_means(a: Path, b: Path, tmp_path: Path) -> None:
    found = compare([a, b], output=tmp_path / "page.html")
    assert found.values["runs"] == ["a", "b"] and found.values["seeds"] == {"a": [1, 2, 3], "b": [1, 2, 3]}
    entry = found.values["metrics"]["accuracy"]["b"]
    assert entry["mean"] == pytest.approx(0.9) and entry["values"] == pytest.approx([0.95, 0.9, 0.85])
    difference = found.differences["accuracy"]["b"]
    assert isinstance(difference, SeedsDifference)
    assert difference.value == pytest.approx(0.35) and difference.excludes_zero
    assert difference.seeds_error == pytest.approx(0.05 * np.sqrt(2 / 3))
    assert difference.seeds_needed is not None and difference.seeds_needed <= 3
    assert found.values["recipes"] == {"training.learning_rate": {"a": 5e-5, "b": 1e-3}}
    (remark,) = found.values["remarks"]
    assert "A difference in accuracy of 0.350 between b and a needs" in remark and "there are 3 and 3" in remark
    page = (tmp_path / "page.html").read_text()
    assert remark in page and "accounts for the choice of seeds and rows" in page
    assert remark[:40] in repr(found)


def test_a_small_difference_needs_many_seeds_or_more_rows(a: Path, tmp_path: Path) -> None:
    near = several(tmp_path / "near", 8, 9, 9, training__learning_rate=1e-3)
    found = compare([a, near])
    difference = found.differences["accuracy"]["near"]
    assert isinstance(difference, SeedsDifference) and not difference.excludes_zero
    assert difference.seeds_needed is None or difference.seeds_needed > 3
    (remark,) = found.values["remarks"]
    assert "not even with 1,000 seeds each" in remark or "needs" in remark


def test_plain_runs_that_differ_by_the_seed_are_one_side(tmp_path: Path) -> None:
    one = [finished(tmp_path / f"one-{seed}", wrong_on(seed), seed=seed).path for seed in (1, 2)]
    other = finished(tmp_path / "other", wrong_on(0), seed=1, training__learning_rate=1e-3).path
    found = compare([*one, other])
    assert found.values["runs"] == ["one-1 and 1 more seed", "other"]
    assert found.values["remarks"][0] == "other has one seed; it is assumed to vary as much as the other side."
    assert [side.name for side in sides_of(one)] == ["one-1", "one-2"], "without another recipe, each is its own"
    again = finished(tmp_path / "again", wrong_on(1), seed=1).path
    assert [side.name for side in sides_of([*one, again, other])] == ["one-1", "one-2", "again", "other"], (
        "seed 1 twice"
    )


def test_one_seed_each_is_compared_as_ever_and_told(tmp_path: Path) -> None:
    runs = [finished(tmp_path / name, wrong_on(n), training__learning_rate=rate).path
            for n, (name, rate) in enumerate({"x": 1e-4, "y": 1e-3}.items())]  # fmt: skip
    found = compare(runs)
    assert not isinstance(found.differences["accuracy"]["y"], SeedsDifference)
    (remark,) = found.values["remarks"]
    assert remark.startswith("One seed each cannot show") and "--seeds 5" in remark


def test_sides_of_one_name_are_named_by_their_paths(a: Path, tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    other = several(tmp_path / "below" / "a", 1, 2, training__learning_rate=1e-3)
    assert [side.name for side in sides_of([a, other])] == [str(a), str(other)]


def test_a_set_that_is_not_complete_is_refused(a: Path, b: Path) -> None:
    (b / "seed-2" / "result.json").unlink()
    with pytest.raises(RunError, match="2 of 3 runs are complete"):
        compare([a, b])


def test_seeds_on_other_rows_have_no_paired_difference(a: Path, b: Path) -> None:
    Run(b / "seed-2").predictions_file.unlink()
    found = compare([a, b])
    assert found.differences == {} and found.values["remarks"] == []
    assert found.values["notes"] == ["b was scored on different rows than a: no paired difference"]
    back = compare([b, a]).values["notes"]
    assert back == ["the runs of b were scored on different rows: no paired difference"]
    Run(b / "seed-1").predictions_file.unlink()
    assert compare([b, a]).values["notes"] == ["b has no predictions"]
