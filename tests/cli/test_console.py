"""What the console writes: one line a fact, nothing that markup could break, bars only on a terminal."""

import io

import pytest
from rich.console import Console as Terminal

from luthier.cli import console as module
from luthier.cli.console import PlainProgress, RichConsole
from luthier.findings import Decision, Finding


def make(*, terminal: bool = False, **options: bool) -> tuple[RichConsole, io.StringIO]:
    stream = io.StringIO()
    return RichConsole(Terminal(file=stream, force_terminal=terminal, width=80, highlight=False), **options), stream


DECISION = Decision("text column", "[bold]review[/bold]", "the longest text of each row, " * 5)
WARNING = Finding("near-equal-labels", "warning", "'Yes ' and 'yes' differ by whitespace", "make them one", (3, 9))
NOTE = Finding("duplicates", "info", "98 rows stand twice", "")


def test_a_decision_is_one_line_however_long_and_not_markup():
    console, stream = make()
    console.decision(DECISION)
    assert stream.getvalue().count("\n") == 1
    assert stream.getvalue().startswith("text column: [bold]review[/bold] (the longest")


def test_a_finding_has_severity_action_and_id():
    console, stream = make()
    console.finding(WARNING)
    assert stream.getvalue() == (
        "warning: 'Yes ' and 'yes' differ by whitespace [near-equal-labels]\n  hint: make them one\n"
    )


def test_verbose_adds_rows():
    console, stream = make(verbose=True)
    console.finding(WARNING)
    assert stream.getvalue().splitlines()[2] == "  rows 3, 9"


def test_quiet_says_only_what_should_not_be_missed():
    console, stream = make(quiet=True)
    console.decision(DECISION)
    console.finding(NOTE)
    console.say("words")
    with console.progress("train", 10) as bar:
        bar.advance(10)
    assert stream.getvalue() == ""
    console.finding(WARNING)
    console.warn("careful")
    assert [line.split(":")[0] for line in stream.getvalue().splitlines()] == ["warning", "  hint", "warning"]


def test_no_colour_outside_a_terminal():
    console, stream = make()
    console.finding(WARNING)
    assert "\x1b" not in stream.getvalue()


def test_no_colour_where_the_user_wants_none(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    console, stream = make(terminal=True)
    console.finding(WARNING)
    assert "\x1b[33m" not in stream.getvalue()


def test_bars_may_stand_inside_one_another_on_a_terminal():
    console, stream = make(terminal=True)
    with console.progress("train", 2, "steps") as train:
        train.advance(1, loss="0.412")
        with console.progress("evaluate", 4) as evaluate:
            evaluate.advance(4)
        train.advance(1, loss="0.398")
    shown = stream.getvalue()
    for part in ("train", "evaluate", "loss 0.412", "2/2"):
        assert part in shown
    with console.progress("again", None) as bar:
        bar.advance(3)
    assert "again" in stream.getvalue()


@pytest.fixture
def clock(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    return now


def test_plain_lines_come_with_a_tenth_of_the_work_but_not_too_often(clock):
    console, stream = make()
    bar = PlainProgress(console, "train", 1000, "steps", 0)
    for _ in range(1000):
        clock[0] += 0.05
        bar.advance(1, loss="0.4")
    lines = stream.getvalue().splitlines()
    assert 3 <= len(lines) <= 5
    assert lines[0] == "train: 200/1,000 steps (20.0 %), loss 0.4, 40 s left"


def test_the_total_may_change(clock):
    console, stream = make()
    bar = PlainProgress(console, "train", 1000, "steps", 0)
    clock[0] += 31
    bar.advance(100, total=500)
    assert stream.getvalue().startswith("train: 100/500 steps (20.0 %)")
    console, stream = make(terminal=True)
    with console.progress("train", 4, "steps") as train:
        train.advance(1, total=8)
        train.advance(1)
    assert "2/8" in stream.getvalue()


def test_slow_work_is_told_of_every_half_minute(clock):
    console, stream = make()
    bar = PlainProgress(console, "train", 1000, "steps", 500)
    for _ in range(9):
        clock[0] += 10
        bar.advance(1)
    assert len(stream.getvalue().splitlines()) == 3
    assert stream.getvalue().startswith("train: 503/1,000 steps (50.3 %), 1 h 22 min left")


def test_work_without_an_end_counts(clock):
    console, stream = make()
    bar = PlainProgress(console, "predict", None, "rows", 0)
    clock[0] += 31
    bar.advance(64)
    assert stream.getvalue() == "predict: 64 rows\n"
