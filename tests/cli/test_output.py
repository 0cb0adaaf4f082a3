"""The streams of a command: results on standard output, everything else on standard error."""

import io
import json
import math
import os
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from luthier.cli.output import Output, check_output, dumps
from luthier.errors import UsageError
from luthier.reporting.terminal.display import Grid
from tests.cli.conftest import CapSys


@pytest.fixture(autouse=True)
def standard_output(capsys: CapSys) -> Iterator[None]:
    """Standard output is put back: with JSON, it is standard error from then on."""
    before = sys.stdout
    yield
    sys.stdout = before


def test_results_and_messages_go_to_different_streams(capsys: CapSys) -> None:
    out = Output()
    out.text("the [b]result[/b]")
    out.text()
    out.console.say("a message")
    print("a library speaks")
    assert capsys.readouterr() == ("the [b]result[/b]\n\na library speaks\n", "a message\n")


def test_with_json_the_result_stands_alone_on_its_stream(capsys: CapSys) -> None:
    out = Output(as_json=True)
    out.console.say("a message")
    print("a library speaks")
    out.json({"name": "Zoë\n", "value": None})
    shown, errors = capsys.readouterr()
    assert shown == '{"name": "Zoë\\n", "value": null}\n'
    assert errors == "a message\na library speaks\n"


@pytest.mark.parametrize(("as_json", "shown"), [(False, "a\nb\n"), (True, '{"n": 2}\n')])
def test_a_result_is_an_object_or_lines(capsys: CapSys, as_json: bool, shown: str) -> None:
    Output(as_json=as_json).lines({"n": 2}, ["a", "b"])
    assert capsys.readouterr().out == shown


def test_quiet_leaves_warnings_and_the_result(capsys: CapSys) -> None:
    out = Output(quiet=True)
    out.console.say("a message")
    out.console.warn("careful")
    out.text("the result")
    assert capsys.readouterr() == ("the result\n", "warning: careful\n")


def test_quiet_and_verbose_exclude_each_other() -> None:
    with pytest.raises(UsageError, match="--quiet and --verbose cannot be combined"):
        Output(quiet=True, verbose=True)


def test_a_piece_is_read_as_soon_as_it_is_written() -> None:
    behind = io.BytesIO()
    sys.stdout = io.TextIOWrapper(behind, encoding="utf-8")
    Output().piece("the ")
    assert behind.getvalue() == b"the "


def test_a_table_aligns_numbers_and_keeps_markup_and_whole_cells(capsys: CapSys) -> None:
    name = "a-name-without-a-space-" * 2
    rows = [[name, "9", "[b]one[/b]"], ["b", "1,234", "two " * 20]]
    Output().show([Grid(["name", "n", "about"], rows, numbers=[1], whole=[0])])
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines() if line.strip()]
    assert lines[0].split() == ["name", "n", "about"]
    assert lines[2].split() == [name, "9", "[b]one[/b]"]
    end = lines[2].index(" 9 ") + 2
    assert lines[3][:end].endswith(" 1,234")
    assert max(map(len, lines)) <= 80
    assert len(lines) > 4, "words are broken into lines"


class Gone(io.StringIO):
    """A pipe that nobody reads any more."""

    def write(self, text: str) -> int:
        raise BrokenPipeError


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_pipe_that_nobody_reads_raises_where_it_is_written() -> None:
    sys.stdout = Gone()
    out = Output()
    with pytest.raises(BrokenPipeError):
        out.text("a")
    with pytest.raises(BrokenPipeError):
        out.show([Grid(["a"], [["b"]])])


def test_json_has_dates_as_text_and_no_number_that_json_lacks() -> None:
    assert json.loads(dumps({"day": date(2026, 1, 31)})) == {"day": "2026-01-31"}
    for value in (math.nan, math.inf):
        with pytest.raises(ValueError, match="not JSON compliant"):
            dumps({"value": value})


def test_an_output_is_checked_before_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check_output(None, "a picture", [".png"])
    check_output(tmp_path / "a.png", "a picture", [".png"])
    with pytest.raises(UsageError, match=r"a picture cannot be written as \.pdf"):
        check_output(tmp_path / "a.pdf", "a picture", [".png"])
    with pytest.raises(UsageError, match="no such directory"):
        check_output(tmp_path / "none" / "a.png", "a picture", [".png"])
    monkeypatch.setattr(os, "access", lambda path, mode: path != tmp_path)  # root may write anywhere
    with pytest.raises(UsageError, match="permission denied"):
        check_output(tmp_path / "a.png", "a picture", [".png"])
