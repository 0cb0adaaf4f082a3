"""The command `luthier`: its commands and their help, the version, and what processes other than the first say."""

from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import typer

import luthier
from luthier.cli import main
from luthier.cli.app import COMMANDS, GROUPS, build
from luthier.errors import ColumnError
from tests.cli.conftest import CapSys, Stub

NAMES = [command.__name__.replace("_", "-") for commands in COMMANDS.values() for command in commands]


def commands() -> list[Any]:
    """The commands as they are parsed, with those of groups in place of the groups."""
    root: Any = typer.main.get_command(build())
    found = [getattr(command, "commands", {command.name: command}) for command in root.commands.values()]
    return [command for several in found for command in several.values()]


def test_the_commands_are_those_of_the_design() -> None:
    assert {panel: [command.__name__ for command in commands] for panel, commands in COMMANDS.items()} == {
        "Train": ["train", "resume", "lr_find", "datasize"],
        "Understand": ["inspect", "evaluate", "compare", "curves", "report", "trace", "watch"],
        "Use": ["predict", "chat", "merge"],
        "Look around": ["runs", "track", "prune", "tasks", "doctor"],
    }
    assert len(build().registered_commands) == len(NAMES)
    groups = {name: [command.__name__ for command in commands] for name, (_, _, commands) in GROUPS.items()}
    assert groups == {"tokenizer": ["train", "compare"]}


@pytest.mark.parametrize("command", NAMES)
def test_each_command_has_help_and_the_three_common_options(command: str, capsys: CapSys) -> None:
    assert main([command, "--help"]) == 0
    shown = capsys.readouterr().out
    for option in ("--json", "--quiet", "--verbose"):
        assert option in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_help_lines_have_at_most_nine_words() -> None:
    for command in commands():
        lines = [command.help.partition("\n")[0], *(param.help for param in command.params)]
        assert [line for line in lines if len(line.split()) > 9] == [], command.name


def test_the_panels_of_a_command_fit_a_glance() -> None:
    for command in commands():
        panels = Counter(param.rich_help_panel for param in command.params)
        assert max(panels.values()) <= 10, command.name


def test_without_a_command_the_help_is_shown(capsys: CapSys) -> None:
    assert main([]) == 0
    bare = capsys.readouterr().out
    assert all(command in bare for command in NAMES)
    assert main(["-h"]) == 0


def test_a_group_without_a_command_shows_its_help_and_errors_name_the_command(capsys: CapSys) -> None:
    assert main(["tokenizer"]) == 0
    bare = capsys.readouterr().out
    assert main(["tokenizer", "--help"]) == 0
    assert capsys.readouterr().out.split() == bare.split() and "train" in bare
    for words, where, hint in (
        (["tokenizer", "trian"], "luthier tokenizer", "did you mean 'train'?"),
        (["tokenizer", "train", "a.csv", "--vocabsize", "9"], "luthier tokenizer train", "did you mean --vocab-size?"),
        (["tokenizer", "train", "a.csv"], "luthier tokenizer train", "`luthier tokenizer train --help`"),
        (["tokenizr"], "luthier", "did you mean 'tokenizer'?"),
    ):
        assert main(words) == 2
        told = capsys.readouterr().err
        assert f"where: {where}\n" in told and hint in told


def test_the_version_is_printed(capsys: CapSys) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"luthier {luthier.__version__}\n"


def test_a_name_that_is_no_unicode_is_printed_in_escapes(stub: Stub, capsys: CapSys) -> None:
    stub("report", report=Path("runs/caf\udce9/report.html"))
    assert main(["report", "runs/caf\udce9"]) == 0
    assert capsys.readouterr().out == "runs/caf\\udce9/report.html\n"


@pytest.fixture
def second_of_two(monkeypatch: pytest.MonkeyPatch) -> None:
    """This process is one that a launcher started beside the first."""
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "1")


@pytest.mark.usefixtures("second_of_two")
@pytest.mark.parametrize("words", [[], ["--version"], ["tasks"], ["trian"], ["train", "a.csv", "--bach-size", "8"]])
def test_another_process_leaves_answers_and_usage_errors_to_the_first(words: list[str], capsys: CapSys) -> None:
    assert main(words) == 0
    assert capsys.readouterr() == ("", "")


@pytest.mark.usefixtures("second_of_two")
def test_another_process_takes_part_in_training_and_prints_errors_alone(
    stub: Stub, result: SimpleNamespace, capsys: CapSys
) -> None:
    calls = stub("train", train=result)
    assert main(["train", "a.csv", "--json"]) == 0
    assert calls["train"].args == (["a.csv"],)
    assert capsys.readouterr() == ("", "")
    stub("resume", resume=ColumnError("no column 'label'", where="a.csv"))
    assert main(["resume", "runs/a"]) == 3
    assert capsys.readouterr() == ("", "error: no column 'label'\nwhere: a.csv\n")


@pytest.mark.usefixtures("second_of_two")
def test_another_process_does_nothing_that_the_first_does_alone(stub: Stub, capsys: CapSys) -> None:
    calls = stub("evaluate", evaluate=ColumnError("never raised"))
    assert main(["evaluate", "runs/a"]) == 0
    assert calls == {}
    assert capsys.readouterr() == ("", "")
