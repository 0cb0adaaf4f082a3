"""How many rows of a file of answers were truncated or failed; for what is written see `tests/api/test_predict.py`."""

import pytest

from luthier.errors import FindingError
from luthier.pipeline.inference.answers_file import Tally
from tests.listener import Listener


def tally(*answers: dict[str, object]) -> Tally:
    found = Tally()
    for answer in answers:
        found.add(answer)
    return found


GOOD, CUT = {"prediction": "good"}, {"prediction": "good", "truncated": True}
MISSING, ODD = ({"prediction": None, "error": reason} for reason in ("missing-text: a", "not-text: b"))


def test_rows_are_counted_by_their_answers() -> None:
    assert tally(GOOD, CUT, MISSING, ODD, CUT) == Tally(rows=5, truncated=2, failed=2, reason="missing-text: a")


def test_rows_that_were_cut_are_told() -> None:
    console = Listener()
    tally(GOOD, CUT).tell("t.csv", console)
    tally(CUT, CUT).tell_truncated(console, "--json marks which")
    assert console.warned == [
        "1 row was truncated to the model's max_length: see `truncated` in the output",
        "2 rows were truncated to the model's max_length: --json marks which",
    ]


def test_rows_that_failed_are_told_and_are_an_error_if_all_did() -> None:
    console = Listener()
    tally(GOOD, GOOD).tell("t.csv", console)
    Tally().tell("t.csv", console)
    assert console.warned == []
    tally(GOOD, MISSING).tell("t.csv", console)
    assert console.warned == ["1 of 2 rows was not predicted: see `error` in the output"]
    with pytest.raises(FindingError, match="no row could be predicted: missing-text: a") as caught:
        tally(MISSING, ODD).tell("t.csv", console)
    assert caught.value.where == "t.csv, 2 rows"
