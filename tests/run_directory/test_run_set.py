"""Several runs in one directory: created once, removed if nothing begins, and read again."""

import json
import shutil
from pathlib import Path

import pytest

from luthier.errors import DamagedError, ModelError, RunError
from luthier.run_directory.run import Run
from luthier.run_directory.run_set import RUNS, RunSet, best_run, check_set_unused, list_sets
from luthier.storage.atomic import write_json, write_text


def made(path: Path, *begun: str, done: bool = False) -> RunSet:
    runs = RunSet(path, "seeds", {"seed-1": {"seed": 1}, "seed-2": {"seed": 2}})
    with runs.created():
        for name in begun or ("seed-1",):
            write_text(Run.create(path / name).recipe_file, "")
            if done:
                write_json(path / name / "result.json", {})
    return runs


def test_a_set_is_read_as_it_was_written(tmp_path: Path) -> None:
    runs = made(tmp_path / "set")
    assert RunSet.at(tmp_path / "set") == runs
    assert [run.path.name for run in runs.begun] == ["seed-1"] and runs.done == [] and runs.state() == "stopped"
    assert list_sets(tmp_path) == [runs.path] and list_sets(tmp_path / "missing") == []
    with runs.lock():
        assert runs.state() == "running"


def test_what_is_no_set_is_none_and_a_damaged_one_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path, tmp_path / "missing", tmp_path / "file"):
        assert RunSet.at(path) is None
    named = ('["seed-1"]', '{"seed-1": 5}', "{}", '{"../other/seed-1": {}}', "5")
    for damage in ("{broken", "[]", "{}", *(f'{{"kind": "seeds", "runs": {runs}}}' for runs in named)):
        (tmp_path / RUNS).write_text(damage)
        with pytest.raises(DamagedError, match="damaged") as caught:
            RunSet.at(tmp_path)
        assert caught.value.hint == "restore it from a backup, or delete it"


def test_a_set_in_which_nothing_has_begun_is_removed_or_used_again(tmp_path: Path) -> None:
    place = tmp_path / "set"
    runs = RunSet(place, "seeds", {"seed-1": {"seed": 1}})
    with pytest.raises(ZeroDivisionError), runs.created():
        raise ZeroDivisionError
    assert not place.exists()
    place.mkdir()
    with pytest.raises(ZeroDivisionError), runs.created():
        raise ZeroDivisionError
    assert list(place.iterdir()) == [], "an empty directory of the user stays"
    (place / RUNS).write_text(
        json.dumps({"kind": "seeds", "runs": {"seed-1": {"seed": 1}}})
    )  # of a start that was killed
    check_set_unused(place)
    made(place)
    with pytest.raises(RunError, match="already contains runs"):
        check_set_unused(place)
    with pytest.raises(RunError, match="already contains runs"), runs.created():
        pass
    assert (place / "seed-1").is_dir()


def test_a_start_that_is_refused_leaves_another_one_that_has_just_begun(tmp_path: Path) -> None:
    first, second = (RunSet(tmp_path / "set", "seeds", {f"seed-{seed}": {"seed": seed}}) for seed in (1, 2))
    with first.created():
        with pytest.raises(RunError, match="another process"), second.created():
            pass
        assert RunSet.at(first.path) == first
        write_text(Run.create(first.path / "seed-1").recipe_file, "")
    assert first.begun


def test_runs_of_an_earlier_plan_are_kept_and_its_summary_is_not(tmp_path: Path) -> None:
    made(tmp_path / "set", done=True)
    write_json(tmp_path / "set" / "result.json", {"metric": "accuracy"})
    other = RunSet(tmp_path / "set", "sizes", {"rows-20-1": {"data.train_rows": 20}})
    with pytest.raises(ZeroDivisionError), other.created(anew=True):
        raise ZeroDivisionError
    assert RunSet.at(other.path) == other and other.summary() == {} and other.state() == "stopped"
    assert (other.path / "seed-1" / "result.json").is_file()
    with pytest.raises(RunError, match="already contains runs"):
        check_set_unused(other.path)


def test_the_best_run_stands_for_the_set_once_it_is_complete(tmp_path: Path) -> None:
    place = tmp_path / "set"
    runs = made(place, "seed-1", "seed-2", done=True)
    runs.check_done()
    assert best_run(tmp_path / "other") == tmp_path / "other"
    with pytest.raises(ModelError, match="not complete"):
        best_run(place)
    write_json(runs.result_file, {"best": {"run": "elsewhere/seed-2"}})
    assert best_run(place) == place / "seed-2" and runs.state() == "done"
    write_json(runs.result_file, {"best": None})
    with pytest.raises(ModelError, match="none of the runs"):
        best_run(place)


def test_how_many_runs_are_complete_is_said(tmp_path: Path) -> None:
    runs = made(tmp_path / "set")
    with pytest.raises(RunError, match="0 of 2 runs are complete") as caught:
        runs.check_done()
    assert "luthier resume" in caught.value.hint


def test_a_set_that_has_lost_a_run_is_not_done(tmp_path: Path) -> None:
    runs = made(tmp_path / "set", "seed-1", "seed-2", done=True)
    write_json(runs.result_file, {"best": {"run": "seed-2"}})
    assert runs.state() == "done" and best_run(runs.path).name == "seed-2"
    shutil.rmtree(runs.path / "seed-2")
    assert runs.state() == "stopped"
    with pytest.raises(ModelError, match="not complete yet") as caught:
        best_run(runs.path)
    assert "luthier resume" in str(caught.value.hint)
