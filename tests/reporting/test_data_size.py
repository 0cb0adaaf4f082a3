"""What the scores on several numbers of rows say of more labels."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from luthier.learning_curves.data_size import DataSizes, Scale
from luthier.reporting.data_size import Scored, SizeAdvice, advise
from tests.learning_curves.test_data_size import ROWS, SHARE, falling, made

SCORED = Scored("accuracy", 300, Path("runs/d"), Path("runs/d/rows-1000-1"))
AGAIN = "luthier datasize runs/d/datasize.toml --run-dir runs/d"
SAME = f"{AGAIN} --at 100,250,500,1000 --repeats"


def advice(found: DataSizes, scored: Scored = SCORED) -> SizeAdvice:
    return advise(found, scored)


def test_what_twice_and_four_times_the_rows_would_add_is_told_with_intervals() -> None:
    found = made()
    told = advice(found)
    assert told.verdict == "more" and told.command is None
    assert told.text.startswith("More labels would probably help: twice the training rows (2,000) would raise ")
    for gain in (found.gain(2), found.gain(4)):
        assert f"about {gain.value:.3f} ({gain.low:.3f}-{gain.high:.3f})" in told.text
    assert told.to_dict() == {"verdict": "more", "text": told.text, "command": None}


def test_a_small_gain_may_help_and_none_sends_to_the_errors() -> None:
    little = advice(made(lambda n: 0.1 + 3 / n**0.7, held_out=0.004))
    assert little.verdict == "perhaps" and little.text.startswith("More labels may help a little: ")
    enough = advice(made(lambda n: 0.15))
    assert enough.verdict == "enough" and "would hardly help" in enough.text and "at most 0.0" in enough.text
    assert enough.command == "luthier report runs/d/rows-1000-1"


def test_a_metric_that_falls_is_lowered() -> None:
    found = made(lambda n: 10 * falling(n), held_out=0.02, scale=Scale(greater_is_better=False, best=0.0))
    assert (
        "would lower the mean absolute error of 1.5"
        in advice(found, Scored("mae", *list(vars(SCORED).values())[1:])).text
    )


@pytest.mark.parametrize(
    ("found", "words", "command"),
    [
        (
            made(rows=(250, 500, 1000)),
            ["3 sizes do not determine a curve", "From 500 to 1,000 rows"],
            f"{AGAIN} --at 250,354,500,1000 --repeats 3",
        ),
        (made(repeats=1), ["no size was trained more than once"], f"{SAME} 3"),
        (
            DataSizes(ROWS, [[0.9, 1.0], [1.0, 1.0], [1.0, 1.0], [1.0]], 0.02**2 * np.eye(7), SHARE),
            ["accuracy is already the best possible", "add test rows"],
            None,
        ),
        (made(lambda n: falling(n) + 0.1 * (n == 500)), ["follow no power law"], None),
        (made(lambda n: 0.15, held_out=0.03), ["not significant", "300 held-out rows: add test rows"], None),
        (made(lambda n: 0.15, noise=0.02), ["from 100 to 1,000 rows, the gain was"], f"{SAME} 6"),
        (
            made(lambda n: 0.02 + 3 * n**-0.4, noise=0.03, held_out=0.01, seed=7),
            ["twice the rows would gain", "From 500 to 1,000 rows"],
            f"{SAME} 6",
        ),
    ],
)
def test_why_nothing_can_be_said_and_how_to_find_out_more(
    found: DataSizes, words: Sequence[str], command: str | None
) -> None:
    told = advice(found)
    assert told.verdict == "unclear" and told.command == command
    assert told.text.startswith("Cannot say whether more labels would help: ")
    assert all(word in told.text for word in words)
