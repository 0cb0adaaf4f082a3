"""The curves of a run: what was added is read again, whatever the numbers are and wherever a kill cut the file."""

import json
import math
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.errors import DamagedError, ResourceError
from luthier.learning_curves.record import (
    CurveFollower,
    CurveWriter,
    Series,
    first_and_last_time,
    mean_curves,
    read_curves,
)
from luthier.storage import disk

NAMES = st.sampled_from(["train/loss", "eval/f1", "eval/größe\n\u2028"])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file of the losses 0.5 at step 1 and 0.25 at step 2."""
    path = tmp_path / "curves.jsonl"
    with closing(CurveWriter(path)) as writer:
        for step in (1, 2):
            writer.add(step, step / 2, {"train/loss": 0.5**step})
    return path


def test_a_point_is_a_line_of_json(file: Path) -> None:
    first, second = (json.loads(line) for line in file.read_text().splitlines())
    assert {key: first[key] for key in ("step", "epoch", "name", "value")} == {
        "step": 1, "epoch": 0.5, "name": "train/loss", "value": 0.5,
    }  # fmt: skip
    assert 1.7e9 < first["time"] <= second["time"]
    assert first_and_last_time(file) == (first["time"], second["time"])


def test_without_a_file_there_are_no_curves(tmp_path: Path) -> None:
    assert read_curves(tmp_path / "curves.jsonl") == {} and first_and_last_time(tmp_path / "curves.jsonl") == (0, 0)
    (tmp_path / "empty.jsonl").touch()
    assert read_curves(tmp_path / "empty.jsonl") == {}


@given(st.lists(st.tuples(st.integers(0, 10**7), st.dictionaries(NAMES, st.floats(), max_size=3)), max_size=10))
def test_what_was_added_is_read_again(
    tmp_path_factory: pytest.TempPathFactory, points: list[tuple[int, dict[str, float]]]
) -> None:
    path = tmp_path_factory.mktemp("curves") / "curves.jsonl"
    expected: dict[str, Series] = {}
    with closing(CurveWriter(path)) as writer:
        for step, values in points:
            writer.add(step, 0.5, values)
            for name, value in values.items():
                series = expected.setdefault(name, Series())
                series.epochs.append(0.5)
                series.steps.append(step)
                series.values.append(value)
    # Compared as text, as nan is not nan.
    assert repr(read_curves(path)) == repr(expected)


@pytest.mark.parametrize(("value", "written"), [(math.nan, '"nan"'), (math.inf, '"inf"'), (-math.inf, '"-inf"')])
def test_a_value_that_is_not_finite_is_json_all_the_same(tmp_path: Path, value: float, written: str) -> None:
    with closing(CurveWriter(tmp_path / "curves.jsonl")) as writer:
        writer.add(1, 1.0, {"train/loss": value})
    assert (tmp_path / "curves.jsonl").read_text().endswith(f'"value": {written}}}\n')


def test_a_line_that_is_only_half_written_is_left_out(file: Path) -> None:
    whole = file.read_bytes()
    first = whole.index(b"\n") + 1
    for length in range(first, len(whole) - 1):
        file.write_bytes(whole[:length])
        assert read_curves(file) == {"train/loss": Series([1], [0.5], [0.5])}, length


@pytest.mark.parametrize("line", ["[1, 2]", "{}", "5", "null", '"text"', "{", "", "\0\0"])
def test_a_line_that_is_no_point_is_named(file: Path, line: str) -> None:
    first, second = file.read_text().splitlines()
    times = first_and_last_time(file)
    file.write_text(f"{first}\n{line}\n{second}\n")
    with pytest.raises(DamagedError, match="a point cannot be read") as caught:
        read_curves(file)
    assert caught.value.where == f"{file}, line 2"
    assert first_and_last_time(file) == times, "a resume drops it with the points after its checkpoint"


@pytest.mark.parametrize(
    "change", [('"step": 1', '"step": null'), ("0.5}", '"a number"}'), ("0.5}", "1" + "0" * 400 + "}")]
)
def test_a_point_with_another_value_is_damaged(file: Path, change: tuple[str, str]) -> None:
    text = file.read_text()
    assert change[0] in text
    file.write_text(text.replace(*change, 1))
    with pytest.raises(DamagedError, match="a point cannot be read"):
        read_curves(file)


def test_a_damaged_line_that_is_followed_is_named_by_its_number_in_the_file(file: Path) -> None:
    follower = CurveFollower(file)
    follower.update()
    with file.open("a") as end:
        end.write("{\n")
    with pytest.raises(DamagedError) as caught:
        follower.update()
    assert caught.value.where == f"{file}, line 3"


def test_a_resumed_run_drops_the_points_after_its_checkpoint(file: Path) -> None:
    first = file.read_bytes().index(b"\n") + 1
    with closing(CurveWriter(file, first)) as writer:
        writer.add(2, 1.0, {"train/loss": 0.125})
    assert read_curves(file) == {"train/loss": Series([1, 2], [0.5, 0.125], [0.5, 1.0])}


@pytest.mark.parametrize("missing", [1, 20])
def test_a_file_that_has_lost_points_is_refused_and_left_as_it_is(file: Path, missing: int) -> None:
    whole = file.read_bytes()
    with pytest.raises(DamagedError, match=str(len(whole) + missing)) as caught:
        CurveWriter(file, len(whole) + missing)
    assert caught.value.where == str(file) and file.read_bytes() == whole


def test_a_run_whose_curves_were_deleted_goes_on_without_the_earlier_points(tmp_path: Path) -> None:
    with closing(CurveWriter(tmp_path / "curves.jsonl", 100)) as writer:
        writer.add(7, 1.0, {"train/loss": 0.5})
    assert read_curves(tmp_path / "curves.jsonl")["train/loss"].steps == [7]


def test_a_full_disk_is_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = CurveWriter(tmp_path / "curves.jsonl")

    def full(operation: str, path: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(disk, "before_change", full)
    writer.add(1, 1.0, {"train/loss": 0.5})
    steps: tuple[Callable[[], object], ...] = (writer.flush, writer.sync)
    for step in steps:
        with pytest.raises(ResourceError, match="No space left"):
            step()
    writer.close()


def test_what_another_process_appends_is_followed(file: Path) -> None:
    follower = CurveFollower(file)
    assert follower.update() and follower.curves["train/loss"] == Series([1, 2], [0.5, 0.25], [0.5, 1.0])
    assert not follower.update()
    with closing(CurveWriter(file, file.stat().st_size)) as writer:
        writer.add(3, 1.5, {"train/loss": 0.125, "eval/loss": 0.5})
    assert follower.update()
    assert follower.curves == read_curves(file)
    assert follower.curves["train/loss"].times == sorted(follower.curves["train/loss"].times)


def test_a_line_is_followed_when_it_is_whole(file: Path) -> None:
    whole, part = file.read_bytes(), file.with_name("part.jsonl")
    follower = CurveFollower(part)
    assert not follower.update(), "there is no file yet"
    for length in range(len(whole) + 1):
        part.write_bytes(whole[:length])
        follower.update()
    assert follower.curves == read_curves(file)


def test_a_resumed_run_is_read_again_from_its_checkpoint(file: Path) -> None:
    first = file.read_bytes().partition(b"\n")[0] + b"\n"
    follower = CurveFollower(file)
    follower.update()
    file.write_bytes(first)
    follower.update()
    assert follower.curves == {"train/loss": Series([1], [0.5], [0.5])}


def test_curves_of_several_runs_are_averaged_where_all_have_a_point() -> None:
    one = {"a": Series([1, 2, 3], [1.0, 2.0, 3.0], [0.1, 0.2, 0.3], [0.0] * 3), "b": Series([1], [1.0], [0.1], [0.0])}
    other = {"a": Series([1, 3], [3.0, 5.0], [0.1, 0.3], [0.0] * 2)}
    assert mean_curves([one, other]) == {"a": Series([1, 3], [2.0, 4.0], [0.1, 0.3])}
    assert mean_curves([one]) == one
