"""The sides of a comparison: a run, or several runs of one recipe that differ by their seeds."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from luthier.metrics.seeds.spread import MOST_SEEDS
from luthier.reporting import names
from luthier.run_directory.run import Run
from luthier.run_directory.run_set import RunSet
from luthier.text import count, plural


@dataclass(frozen=True)
class Side:
    """What is compared: a run, or one run for each seed."""

    name: str
    runs: Sequence[Run]


def sides_of(paths: Sequence[Path]) -> list[Side]:
    """The sides of a comparison, in order.

    Plain runs whose recipes differ by the seed alone are one side, unless no other side would be left.

    Raises:
        RunError: A path is no run, one of several seeds is not complete, or several runs are no seeds.
    """
    alone: list[Side] = []
    for path in paths:
        runs = RunSet.at(path)
        if runs is not None:
            runs.check_seeds()
            runs.check_done()
        alone.append(Side(path.name, [Run.open(path)] if runs is None else runs.done))
    if len({side.name for side in alone}) < len(alone):
        alone = [Side(str(path), side.runs) for path, side in zip(paths, alone, strict=True)]
    together: dict[str, list[Side]] = {}
    for side in alone:
        several = len(side.runs) > 1
        together.setdefault(str(side.runs[0].path) if several else _recipe_of(side.runs[0]), []).append(side)
    joined = [_joined(group) for group in together.values()]
    return joined if len(joined) > 1 and all(map(_has_seeds, joined)) else alone


def _recipe_of(run: Run) -> str:
    """What runs of one recipe have in common."""
    decisive = run.recipe.flatten(may_change=False)
    return json.dumps({key: value for key, value in decisive.items() if key != "seed"})


def _joined(group: Sequence[Side]) -> Side:
    more = f" and {plural(len(group) - 1, 'more seed')}" if len(group) > 1 else ""
    return Side(group[0].name + more, [run for side in group for run in side.runs])


def _has_seeds(side: Side) -> bool:
    return len({run.recipe.seed for run in side.runs}) == len(side.runs)


def remarks(
    sides: Sequence[Side], metric: str, differences: Mapping[str, Mapping[str, Mapping[str, Any]]]
) -> list[str]:
    """What the seeds can show of the metric that ranks models, a sentence each; the first side is the reference."""
    alone = [side.name for side in sides if len(side.runs) == 1]
    if len(alone) == len(sides):
        return [
            "One seed each cannot show how much the seed matters: the intervals only account for the choice of test "
            "rows. `luthier train --seeds 5` trains several."
        ]
    said = [f"{name} has one seed; it is assumed to vary as much as the other side." for name in alone]
    for side in sides[1:]:
        found = differences.get(metric, {}).get(side.name) or {}
        apart = names.number(metric, abs(found.get("value") or 0.0)) != names.number(metric, 0.0)
        if found.get("seeds_error") is not None and apart:
            said.append(_needed(metric, side, sides[0], found))
    return said


def _needed(metric: str, side: Side, reference: Side, found: Mapping[str, Any]) -> str:
    size = names.number(metric, abs(found["value"]))
    have = f"{len(side.runs)} and {len(reference.runs)}"
    what = f"A difference in {names.metric(metric)} of {size} between {side.name} and {reference.name}"
    if found["seeds_needed"] is None:
        most = f"not even with {count(MOST_SEEDS)} seeds each (there are {have})"
        return f"{what} cannot be detected on these {plural(found['n'], 'row')}, {most}: more test rows are needed."
    return f"{what} needs {plural(found['seeds_needed'], 'seed')} each to be detected (power 0.8); there are {have}."
