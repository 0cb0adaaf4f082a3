"""What the scores on several numbers of rows say of more labels, in words, with the figures behind it."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from luthier.learning_curves.data_size import FEWEST, TIMES, DataSizes, Estimate, Verdict
from luthier.reporting import names
from luthier.text import count, plural, typed

MORE = {"more": "More labels would probably help", "perhaps": "More labels may help a little"}
RECIPE = "datasize.toml"  # what the user set, in the directory of the runs
REPEATS = 3  # with fewer, the spread between runs is hardly known


@dataclass(frozen=True)
class Scored:
    """What was scored, for the words about it.

    Args:
        metric: Name of the metric.
        held_out: Rows that all runs were scored on.
        directory: The directory of the runs.
        largest: A run on the most rows.
    """

    metric: str
    held_out: int
    directory: Path
    largest: Path


@dataclass(frozen=True)
class SizeAdvice:
    """Whether more labels would help.

    Args:
        verdict: `more`, `perhaps`, `enough` or `unclear`.
        text: The advice with its figures.
        command: What to do next, ready to run; None if no command helps.
    """

    verdict: Verdict
    text: str
    command: str | None

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def advise(found: DataSizes, scored: Scored) -> SizeAdvice:
    """Say whether more labels would help."""
    if found.undetermined:
        return _unclear(found, scored)
    gain, further = (found.gain(times) for times in TIMES)
    metric, now = names.metric(scored.metric), names.number(scored.metric, float(found.values[-1]))
    verb = "raise" if found.scale.greater_is_better else "lower"
    twice = f"twice the training rows ({count(TIMES[0] * found.rows[-1])}) would {verb} the {metric} of {now} by"
    if found.verdict == "enough":
        text = f"More labels of this kind would hardly help: {twice} at most {_number(scored, gain.high)}."
        look = "Look at the errors instead: labels can be wrong, and the rest may need another model or other texts."
        return SizeAdvice("enough", f"{text} {look}", f"luthier report {typed(scored.largest)}")
    text = f"{MORE[found.verdict]}: {twice} about {_score(scored, gain)}, four times the rows by about"
    return SizeAdvice(found.verdict, f"{text} {_score(scored, further)}.", None)


def _unclear(found: DataSizes, scored: Scored) -> SizeAdvice:
    """Why nothing can be said, what was measured, and how to find out more."""
    first, before, last = (count(found.rows[place]) for place in (0, -2, -1))
    step = f"From {before} to {last} rows, the gain was {_score(scored, found.last_step)}."
    if found.scale.best and found.last_step.high - found.last_step.low > found.scale.best:
        step = ""  # an interval wider than the metric says nothing
    command: str | None = None
    match found.undetermined:
        case "few-sizes":
            why = f"{count(len(found.rows))} sizes do not determine a curve, {FEWEST} or more do"
            command = _more_sizes(found, scored)
        case "no-repeats":
            why = "no size was trained more than once, so it is unknown how much the scores vary by chance"
            command = again(scored.directory, found.rows, REPEATS)
        case "no-errors":
            why = f"the {names.metric(scored.metric)} is already the best possible on the held-out rows"
        case "misfit":
            why = "the scores follow no power law of the rows: they jump, or get worse with more rows"
        case "no-rise":
            why = f"from {first} to {last} rows, the gain was {_score(scored, found.rise)}, which is not significant"
            step, command = "", _narrower(found, scored)
        case _:
            why = f"twice the rows would gain {_score(scored, found.gain(TIMES[0]))}"
            command = _narrower(found, scored)
    limit = f"Most of the uncertainty is due to the {plural(scored.held_out, 'held-out row')}: add test rows."
    more = limit if found.undetermined in ("no-errors", "no-rise", "wide") and command is None else ""
    text = " ".join(part for part in (f"Cannot say whether more labels would help: {why}.", step, more) if part)
    return SizeAdvice("unclear", text, command)


def _more_sizes(found: DataSizes, scored: Scored) -> str | None:
    """The command with as many sizes as a curve needs, in the widest gaps; None if these are too close."""
    sizes = list(found.rows)
    while len(sizes) < FEWEST:
        below, above = max(pairwise(sizes), key=lambda pair: pair[1] / pair[0])
        between = round(math.sqrt(below * above))
        if between in (below, above):
            return None
        sizes = sorted([*sizes, between])
    return again(scored.directory, sizes, REPEATS)


def again(directory: Path, rows: Sequence[int], repeats: int) -> str:
    """The command that goes on in a directory of runs.

    Args:
        directory: The directory.
        rows: Its sizes.
        repeats: Runs of each size.
    """
    at = ",".join(map(str, sorted(set(rows))))
    return f"luthier datasize {typed(directory / RECIPE)} --run-dir {typed(directory)} --at {at} --repeats {repeats}"


def _narrower(found: DataSizes, scored: Scored) -> str | None:
    """The command that narrows the intervals; None if more runs would not."""
    if not found.mostly_runs():
        return None
    return again(scored.directory, found.rows, 2 * max(REPEATS, *map(len, found.scores)))


def _number(scored: Scored, value: float) -> str:
    return names.number(scored.metric, value)


def _score(scored: Scored, found: Estimate) -> str:
    return names.score(scored.metric, found.value, found.low, found.high)
