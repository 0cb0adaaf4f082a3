"""The run directory: how it is made and opened, who may write it, what state it is in and how it is listed."""

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.errors import DamagedError, RecipeError, RunError, UsageError
from luthier.recipe import Recipe
from luthier.run_directory.run import Inside, Run, as_paths, list_runs, new_path, timestamp


def made(path: Path) -> Run:
    """A run with a recipe."""
    run = Run.create(path)
    run.recipe_file.write_text(Recipe(seed=7).to_toml(), encoding="utf-8")
    return run


def test_a_new_run_is_an_empty_directory_with_a_place_for_checkpoints(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "runs" / "first")
    assert [path.name for path in run.path.iterdir()] == ["checkpoints"] and run.checkpoints.is_dir()
    (tmp_path / "empty").mkdir()
    assert Run.create(tmp_path / "empty").path == tmp_path / "empty"


def test_a_directory_that_holds_a_run_is_resumed_not_made_again(tmp_path: Path) -> None:
    run = made(tmp_path / "first")
    with pytest.raises(RunError) as caught:
        Run.create(run.path)
    assert f"luthier resume {run.path}" in caught.value.hint and caught.value.where == str(run.path)


def test_a_directory_that_holds_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(RunError) as caught:
        Run.create(tmp_path)
    assert "resume" not in caught.value.hint and caught.value.where == str(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


@pytest.mark.parametrize("place", ["file", "file/run"])
def test_a_run_cannot_be_made_where_a_file_is(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(RunError) as caught:
        Run.create(tmp_path / place)
    assert "--run-dir" in caught.value.hint and (tmp_path / "file").read_text() == "mine"


def test_a_run_is_opened_by_its_path(tmp_path: Path) -> None:
    run = made(tmp_path / "first")
    assert Run.open(run.path) == Run.open(str(run.path)) == run


def test_a_mistyped_run_is_told_the_nearest_one(tmp_path: Path) -> None:
    made(tmp_path / "2026-bbc-k3f9")
    made(tmp_path / "other")
    with pytest.raises(RunError) as caught:
        Run.open(tmp_path / "2026-bbc-k3f8")
    assert "2026-bbc-k3f9" in caught.value.hint
    with pytest.raises(RunError) as caught:
        Run.open(tmp_path / "nowhere" / "run")
    assert "luthier runs" in caught.value.hint


@pytest.mark.parametrize("kind", ["directory", "file"])
def test_what_is_no_run_says_what_it_lacks(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "first"
    path.mkdir() if kind == "directory" else path.touch()
    with pytest.raises(RunError, match=r"no recipe\.toml") as caught:
        Run.open(path)
    assert caught.value.where == str(path)


def test_a_directory_without_permission_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(self: Path) -> bool:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "is_dir", refused)
    monkeypatch.setattr(Path, "is_file", refused)
    for look in (Run.create, Run.open, list_runs):
        with pytest.raises(RunError, match="no permission") as caught:
            look(tmp_path)
        assert caught.value.where == str(tmp_path)


def test_each_file_of_a_run_has_a_place_of_its_own_in_its_directory(tmp_path: Path) -> None:
    run = Run(tmp_path)
    named = {name for name, kind in vars(Run).items() if isinstance(kind, Inside)}
    places = [getattr(run, name) for name in named]
    assert len(set(places)) == len(places) > 10 and {place.parent for place in places} == {tmp_path}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("wrong", [None, 3, b"runs/a", ["runs/a"]])
def test_what_is_no_path_is_refused(wrong: Any) -> None:
    with pytest.raises(UsageError, match="run_dir must be a path, got") as caught:
        Run.open(wrong)
    assert caught.value.where == "run_dir="
    for several in ([wrong], 3, "runs/a"):
        with pytest.raises(UsageError, match="runs must be a "):
            as_paths(several, "runs")
    assert as_paths(["a", Path("b"), Run(Path("c"))], "runs") == [Path("a"), Path("b"), Path("c")]


def test_the_package_of_the_task_is_read_from_the_environment(tmp_path: Path) -> None:
    run = Run(tmp_path)
    assert run.task_package == ""
    for told, found in (({}, ""), ({"task_package": None}, ""), ({"task_package": "stance==1.0"}, "stance==1.0")):
        run.environment_file.write_text(json.dumps(told))
        assert run.task_package == found


def test_the_recipe_is_read_if_it_is_whole(tmp_path: Path) -> None:
    run = made(tmp_path / "first")
    assert run.recipe.seed == 7
    run.recipe_file.write_text("seed = 7\n")
    with pytest.raises(RecipeError) as caught:
        assert run.recipe
    assert caught.value.where == str(run.recipe_file)


def test_json_is_read_if_it_is_there_and_whole(tmp_path: Path) -> None:
    run = made(tmp_path / "first")
    assert run.read_json(run.data_file) is None
    run.data_file.write_text('{"größe": 1}', encoding="utf-8")
    assert run.read_json(run.data_file) == {"größe": 1}
    for damaged in (b"", b'{"a": ', b"\xff\xfe", b"[1]"):
        run.data_file.write_bytes(damaged)
        with pytest.raises(DamagedError) as caught:
            run.read_json(run.data_file)
        assert caught.value.where == str(run.data_file)


def test_a_run_is_stopped_running_or_done(tmp_path: Path) -> None:
    run = made(tmp_path / "first")
    assert run.state() == "stopped"
    with run.lock():
        assert run.state() == "running"
    assert run.state() == "stopped"
    run.result_file.write_text("{}")
    assert run.state() == "done"
    with run.lock():
        assert run.state() == "done"


def test_one_process_writes_a_run_at_a_time(tmp_path: Path) -> None:
    run = made(tmp_path / "first")
    with run.lock(), pytest.raises(RunError, match=f"process {os.getpid()}"), run.lock():
        pytest.fail("the lock was given twice")
    with run.lock():
        assert run.state() == "running"


def test_who_takes_the_lock_removes_what_a_killed_process_left_half_written(tmp_path: Path) -> None:
    run = made(tmp_path / "first")
    for directory in (run.path, run.checkpoints):
        (directory / ".metrics.json.12.tmp").touch()
        (directory / ".step-10.old").mkdir()
        (directory / ".hidden").touch()
    (run.checkpoints / "step-20").mkdir()
    with run.lock():
        assert {path.name for path in run.checkpoints.iterdir()} == {".hidden", "step-20"}
        assert not {".metrics.json.12.tmp", ".step-10.old"} & {path.name for path in run.path.iterdir()}
        assert run.recipe_file.exists() and (run.path / ".hidden").exists()


@pytest.mark.parametrize(
    ("data", "slug"),
    [("bbc", "bbc"), ("My Data (v2)", "my-data-v2"), ("../../etc", "etc"), ("данные", "data"), ("", "data")],
)
def test_a_run_is_named_by_its_day_its_data_and_its_task(data: str, slug: str) -> None:
    name = new_path("chat", data, Path("somewhere"))
    assert name.parent == Path("somewhere")
    assert re.fullmatch(rf"\d{{4}}-\d\d-\d\d-{slug}-chat-[a-z2-9]{{4}}", name.name)
    assert new_path("chat", data).parent == Path("runs")


@given(st.text())
def test_any_name_of_data_gives_a_short_plain_name_directly_below_the_parent(data: str) -> None:
    path = new_path("chat", data)
    assert path.parent == Path("runs") and len(path.name) <= len("2026-11-23-") + 40 + len("-chat-k3f9")
    assert re.fullmatch(r"[a-z0-9-]+", path.name)


def test_names_of_one_day_differ() -> None:
    assert len({new_path("chat", "bbc") for _ in range(20)}) > 1


def test_the_runs_of_a_directory_are_listed_by_name(tmp_path: Path) -> None:
    for name in ("b", "a", "c"):
        made(tmp_path / name)
    made(tmp_path / "deep" / "run")
    (tmp_path / "notes.txt").touch()
    assert [run.path.name for run in list_runs(tmp_path)] == ["a", "b", "c"]
    assert list_runs(tmp_path / "missing") == list_runs(tmp_path / "notes.txt") == []


def test_a_time_is_in_utc_to_the_second() -> None:
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", timestamp())
