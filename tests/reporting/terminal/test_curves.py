"""What `curves` prints."""

from typing import Any

from luthier.reporting.terminal.curves import curves_pieces
from luthier.reporting.terminal.display import as_text

LOSS = {"points": 1200, "first": {"step": 1, "value": 0.75}, "last": {"step": 1200, "value": 0.00025}}
EXTREMES = {"lowest": {"step": 1200, "value": 0.00025}, "highest": {"step": 7, "value": "inf"}}
FINDING = {"id": "plateau", "severity": "info", "message": "It is flat.", "action": "Wait.", "rows": [], "steps": [7]}


def shown(**others: Any) -> str:
    found = {"state": "running", "findings": [FINDING], "curves": {"train/loss": LOSS | EXTREMES}, **others}
    return as_text(curves_pieces(found))


def test_findings_come_first_and_values_have_their_steps() -> None:
    lines = shown(picture="loss.svg").splitlines()
    assert lines[:2] == ["info: It is flat. [plateau]", "  hint: Wait."]
    assert [line.split() for line in lines if "train/loss" in line] == [
        ["train/loss", "0.00025", "(1,200)", "0.00025", "(1,200)", "inf", "(7)"]
    ]
    assert lines[-1].split() == ["picture", "loss.svg"]


def test_the_curves_of_a_long_run_fit_a_terminal() -> None:
    long = {"step": 123_456, "value": 1234.5}
    speed = {"points": 9, "last": long, "lowest": long | {"value": 123.456}, "highest": long}
    text = shown(curves={"train/tokens_per_second": speed})
    assert "1.2 k (123,456)" in text and max(map(len, text.splitlines())) <= 80


def test_a_curve_of_no_finite_value_and_a_run_of_no_steps() -> None:
    nothing = {"points": 1, "last": {"step": 1, "value": "nan"}, "lowest": None, "highest": None}
    assert "nan (1)" in shown(curves={"eval/f1": nothing})
    assert shown(curves={}) == "No curves yet: the run is running, and no step was recorded."
