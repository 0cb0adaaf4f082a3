"""Every failure is at most six lines that say what, where and what to do, and the exit code of its kind."""

import errno
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from luthier import errors
from luthier.cli import main
from luthier.cli.failures import as_luthier_error, lines
from tests.tasks.smallest import Stance


class OutOfMemoryError(RuntimeError):
    """As torch's, by name."""


@pytest.mark.parametrize(
    ("words", "what", "hint"),
    [
        (["trian", "a.csv"], "no such command 'trian'", "'train'"),
        (["train"], "missing argument", "--help"),
        (["train", "a.csv", "--bach-size", "8"], "no such option: --bach-size", "--batch-size"),
        (["train", "a.csv", "--lr", "fast"], "invalid value for '--lr': must be a number", "--help"),
        (["train", "a.csv", "--lr"], "'--lr' requires an argument", "--help"),
        (["train", "a.csv", "--set", "weight_decy=1"], "no recipe key 'weight_decy'", "'weight_decay'"),
        (["train", "a.csv", "--set", "weight_decay"], "no value in 'weight_decay'", "key=value"),
        (["train", "a.csv", "--lr", "1", "--set", "learning_rate=2"], "learning_rate is set twice", "remove one"),
        (["train", "a.csv", "--text", "a,b,c"], "at most two", "--column"),
        (["train", "a.csv", "--label", "a,,b"], "a column name is empty", "A,B"),
        (["train", "a.csv", "--column", "stars"], "no role in 'stars'", "role=name"),
        (["train", "a.csv", "--column", "=stars"], "no role in '=stars'", "role=name"),
        (["train", "a.csv", "--column", "label="], "a column name is empty", "A,B"),
        (["train", "a.csv", "--text", "a", "--column", "text=b"], "data.columns.text is set twice", "remove one"),
        (["runs", "--quiet", "--verbose"], "cannot be combined", "use one"),
        (["compare", "runs/a"], "at least two runs", "another run"),
        (["predict", "runs/a"], "nothing to predict", "--file"),
        (["tasks", "all"], "unexpected argument: all", "--help"),
        (["predict", "runs/a", "text", "--file", "f.csv"], "cannot be combined", "use one"),
        (["predict", "runs/a", "text", "--output", "o.jsonl"], "--output requires --file", "pass --file"),
        (["predict", "runs/a", "one", "two", "--pair", "three"], "its own --pair", "one --pair for each"),
    ],
)
def test_wrong_usage(words, what, hint, capsys):
    assert main(words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    first, *rest = err.splitlines()
    assert first.startswith("error: ")
    assert what in first
    assert rest[-1].startswith("hint: ")
    assert hint in rest[-1]
    assert len(err.splitlines()) <= 6
    assert main([words[0], "--json", *words[1:]]) == 2
    found = json.loads(capsys.readouterr().out)["error"]
    assert found["exit"] == 2
    assert what in found["message"]
    assert hint in found["hint"]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.ColumnError("no column 'lable'", where="a.csv, header", hint="did you mean 'label'?"), 3),
        (errors.ModelError("no such model"), 2),
        (errors.ResourceError("the disk is full"), 4),
        (errors.InterruptedRun("stopped"), 5),
        (KeyboardInterrupt(), 130),
        (MemoryError(), 4),
        (OutOfMemoryError("CUDA out of memory"), 4),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 4 bytes"), 4),
        (OSError(errno.ENOSPC, "No space left on device", "/x/model.safetensors"), 4),
        (ZeroDivisionError("division by zero"), 1),
        (OSError(errno.EACCES, "Permission denied", "/x"), 1),
    ],
)
def test_exit_codes(stub, error, code, capsys):
    stub("train", train=error)
    assert main(["train", "a.csv"]) == code
    err = capsys.readouterr().err
    assert err.startswith("error: ")
    assert "Traceback" not in err
    assert len(err.splitlines()) <= 6
    assert main(["train", "a.csv", "--json"]) == code
    assert json.loads(capsys.readouterr().out)["error"]["exit"] == code


def test_an_error_says_what_where_and_what_to_do(stub, capsys):
    stub("train", train=errors.ColumnError("no column 'lable'", where="a.csv, header", hint="did you mean 'label'?"))
    main(["train", "a.csv"])
    expected = "error: no column 'lable'\nwhere: a.csv, header\nhint: did you mean 'label'?\n"
    assert capsys.readouterr().err == expected


@pytest.mark.parametrize(
    ("key", "words", "where"),
    [
        ("training.tokens_per_batch", ["train", "r.toml"], "r.toml, training.tokens_per_batch"),
        ("training.tokens_per_batch", ["train", "r.toml", "--tokens-per-batch", "9"], "--tokens-per-batch"),
        ("training.tokens_per_batch", ["train", "r.toml", "--tokens-per-batch=9"], "--tokens-per-batch"),
        ("training.tokens_per_batch", ["train", "a.csv", "--set", "tokens_per_batch=9"], "--set tokens_per_batch"),
        ("data.max_length", ["train", "a.csv", "--set", "data.max_length=9"], "--set max_length"),
        ("data.max_length", ["train", "r.toml"], "data.max_length"),
        ("training.learning_rate=", ["evaluate", "run", "t.csv", "--lr", "1"], "--lr"),
        ("training.learning_rate=", ["evaluate", "run", "t.csv", "--set", "learning_rate=1"], "--set learning_rate"),
        ("task", ["train", "r.toml"], "r.toml, task"),
        ("task", ["train", "r.toml", "--task", "chat"], "--task"),
        ("device", ["train", "lost.toml"], "device"),
        ("training.loss", ["train", "r.toml"], "training.loss"),
        ("r.toml, [training]", ["train", "r.toml"], "r.toml, [training]"),
    ],
)
def test_a_recipe_key_is_named_with_the_place_where_it_was_set(key, words, where, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("r.toml").write_text('task = "chat"\n[training]\ntokens_per_batch = 9\n', encoding="utf-8")
    assert as_luthier_error(errors.RecipeError("too few", where=key), "luthier train", words).where == where


def test_a_long_story_is_cut_to_six_lines_and_keeps_where_and_what_to_do():
    story = "\n".join(f"line {n}" for n in range(40))
    shown = lines(errors.ModelError(story, where="here\nand there", hint="do this")).splitlines()
    assert len(shown) == 6
    assert shown[:2] == ["error: line 0", "line 1"]
    assert shown[-2:] == ["where: here and there", "hint: do this"]


def test_a_bug_keeps_its_traceback_in_a_file(stub, capsys):
    stub("train", train=ZeroDivisionError("division by zero"))
    assert main(["train", "a.csv"]) == 1
    what, where, hint = capsys.readouterr().err.splitlines()
    assert what == "error: internal error: ZeroDivisionError: division by zero"
    assert hint == "hint: please report it, with this file"
    assert "Traceback" in Path(where.removeprefix("where: ")).read_text()


def test_a_bug_on_a_full_disk_is_still_a_message(stub, capsys, monkeypatch):
    def full(path, data):
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr("luthier.cli.failures.write", full)
    stub("train", train=ZeroDivisionError("division by zero"))
    assert main(["train", "a.csv"]) == 1
    what, where, _ = capsys.readouterr().err.splitlines()
    assert what == "error: internal error: ZeroDivisionError: division by zero"
    assert re.fullmatch(r"where: \w+\.py, line \d+; the traceback cannot be kept: No space left on device", where)


def test_a_bug_of_a_plug_in_names_its_task_and_package():
    from luthier.tasks.registry import provisional

    task = Stance()
    try:
        task.encode(None, None, training=False)
    except AttributeError as caught:
        error = caught
    with provisional(task):
        told = as_luthier_error(error, "luthier train")
    assert re.match(r"the task 'stance' of the package tests \(smallest\.py, line \d+\) failed: Attr", told.what)
    assert "authors of that package" in told.hint and told.exit_code == 1
    assert as_luthier_error(error, "luthier train").what.startswith("internal error: AttributeError"), "it is not there"


@pytest.mark.parametrize(
    ("command", "hint"),
    [
        ("train", "`luthier resume RUN` resumes one"),
        ("evaluate", "repeat the command"),
        ("tokenizer train", "repeat the command"),
    ],
)
def test_ctrl_c_says_how_to_go_on(command, hint):
    assert as_luthier_error(KeyboardInterrupt(), f"luthier {command}").hint.endswith(hint)


def test_a_bug_of_a_run_is_kept_in_its_log(tmp_path):
    error = ValueError("first line\nsecond line")
    error.add_note(f"run: {tmp_path}")
    (tmp_path / "log.txt").write_text("before\n")
    told = as_luthier_error(error, "luthier train")
    assert told.where == str(tmp_path / "log.txt")
    assert "second" not in told.what
    log = (tmp_path / "log.txt").read_text()
    assert log.startswith("before\n")
    assert "ValueError: first line\nsecond line" in log


def test_stdout_is_put_back_after_a_failure_under_json(stub):
    stub("train", train=ValueError("x"))
    before = sys.stdout
    main(["train", "a.csv", "--json"])
    assert sys.stdout is before


@pytest.mark.parametrize("words", [["--version"], ["tasks"]])
def test_a_reader_that_has_had_enough_ends_it_quietly(words):
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "luthier", *words], stdout=writer, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(writer)
    assert done.returncode == 141
    assert done.stderr == ""
