"""A learning rate range test, as `lr-find` prints it."""

from pathlib import Path

import numpy as np

from luthier.learning_curves.rate_range import RateRange
from luthier.reporting.terminal.display import Fields, Grid, Piece
from luthier.text import number

ROWS_A_DECADE = 2


def rate_pieces(test: RateRange, usual: float, picture: Path | None = None) -> list[Piece]:
    """Show the smoothed loss at some rates, and the suggestion with its evidence.

    Args:
        test: The test; without a step, only that it failed.
        usual: The rate that `train` would use by default.
        picture: Where the losses were drawn.
    """
    drawn = [("picture", str(picture))] if picture else []
    if not test.losses:
        return [Fields([("suggestion", _words(test)), *drawn])]
    decades = np.log10(test.rates)
    wanted = np.arange(decades[0], decades[-1], 1 / ROWS_A_DECADE)
    marks = {test.lowest: "lowest"} | ({} if test.steepest is None else {test.steepest: "falls fastest"})
    places = sorted({int(np.abs(decades - one).argmin()) for one in wanted} | set(marks))
    rows = [[f"{test.rates[i]:.2g}", number(float(test.smoothed[i])), marks.get(i, "")] for i in places]
    about = [("suggestion", _words(test)), ("default", f"{usual:.2g}"), *drawn]
    return [Grid(["learning rate", "loss, smoothed", ""], rows, (0, 1)), Fields(about)]


def _words(test: RateRange) -> str:
    """The suggestion with its evidence, or why there is none."""
    if not test.losses:
        return "none: the loss of the first step is not finite"
    low = f"{number(float(test.smoothed[test.lowest]))} at {test.rates[test.lowest]:.2g}"
    if test.suggestion is None:
        return (
            f"none: the loss, {number(test.start)} at the lowest rates, does not fall by more than the noise of single "
            f"steps (lowest: {low}); try more --steps"
        )
    assert test.steepest is not None
    fast = f"the loss falls fastest at {test.rates[test.steepest]:.2g}, from {number(test.start)} to {low}"
    most = "at most a third of the rate with the lowest loss, because a training is longer than this test"
    return f"{test.suggestion:.2g}: {fast}; {most}"
