"""`compare`: runs, or several seeds of recipes, side by side; with paired differences on the same rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from luthier.api.several.sides import Side, remarks, sides_of
from luthier.errors import UsageError
from luthier.learning_curves.record import mean_curves, read_curves
from luthier.metrics.bootstrap import Score, difference
from luthier.metrics.seeds.difference import SeedsDifference, seeds_difference
from luthier.pipeline.inference.scored_rows import ScoredRows, metrics_of
from luthier.pipeline.results import MetricScore
from luthier.pipeline.several.seeds import over_seeds
from luthier.reporting.comparison import write_comparison
from luthier.reporting.terminal.comparison import comparison_pieces
from luthier.reporting.terminal.display import Piece, Shown
from luthier.run_directory.run import as_paths
from luthier.tasks.registry import find


@dataclass(frozen=True, repr=False)
class Comparison(Shown):
    """Runs side by side. The repr is a table; a notebook shows it as one.

    Args:
        values: What `--json` prints, see `compare`.
        page: The comparison page, if one was requested.
    """

    values: dict[str, Any]
    page: Path | None

    @property
    def metrics(self) -> dict[str, dict[str, MetricScore]]:
        """Metric to the score of each run."""
        found = self.values["metrics"]
        return {metric: {run: MetricScore.of(entry) for run, entry in runs.items()} for metric, runs in found.items()}

    @property
    def differences(self) -> dict[str, dict[str, Score]]:
        """Metric to the paired difference of each run to the first, for runs that were scored on the same rows.

        Of several seeds, it is a `SeedsDifference`, which also has `.seeds_needed`.
        """
        found = self.values["differences"]
        return {metric: {run: _difference(entry) for run, entry in runs.items()} for metric, runs in found.items()}

    def to_dict(self) -> dict[str, Any]:
        return self.values | {"page": str(self.page) if self.page else None}

    def _pieces(self) -> list[Piece]:
        return comparison_pieces(self.to_dict())


def compare(run_dirs: Sequence[Path | str], *, output: Path | None = None) -> Comparison:
    """Compare runs with the first one, the reference.

    A directory of several seeds stands for all of them: their means are compared, with an interval that holds seeds and
    test rows. So do plain runs whose recipes differ by the seed alone, if there are runs of other recipes too.

    Args:
        run_dirs: Two or more runs or directories of several seeds, each with a score.
        output: Where to write the page with the curves; none by default.
    Returns:
        `runs` (names), `metrics` (metric -> run -> score), `differences` (metric -> run -> paired difference to the
        first run, for runs that were scored on the same rows), `notes`, `recipes` (key -> run -> value, for the keys
        that differ), `seeds` (run -> its seeds) and `remarks` on what they can show.
    Raises:
        UsageError: Fewer than two runs, or the same one twice.
        DamagedError: The scores of a run are missing or cannot be read.
        RunError: A run is not complete.

    Example:
        >>> luthier.compare(["runs/first", "runs/second"]).differences["accuracy"]["second"].excludes_zero
        >>> luthier.compare(["runs/five-seeds", "runs/five-others"]).differences["accuracy"]["five-others"].seeds_needed
    """
    sides = sides_of(as_paths(run_dirs, "run_dirs"))
    opened = [run for side in sides for run in side.runs]
    if len(sides) < 2 or len({run.path.resolve() for run in opened}) < len(opened):
        raise UsageError(
            "compare needs at least two different runs",
            where=" ".join(str(run.path) for run in opened),
            hint="add another run; `luthier runs` lists them",
        )
    names = [side.name for side in sides]
    scores = {side.name: [run.scores() for run in side.runs] for side in sides}
    metrics = {
        metric: {name: _entry(metric, found) for name, found in scores.items() if metric in found[0]["metrics"]}
        for metric in dict.fromkeys(metric for found in scores.values() for metric in found[0]["metrics"])
    }
    reference = scores[names[0]][0]
    kind = find(reference["task"], opened[0].task_package, where=str(opened[0].path))
    differences, notes = _differences(sides)
    values = {
        "runs": names,
        "task": reference["task"],
        "metrics": metrics,
        "differences": differences,
        "notes": notes,
        "recipes": _recipes(sides),
        "seeds": {side.name: [run.recipe.seed for run in side.runs] for side in sides},
        "remarks": remarks(sides, reference["metric_for_best"], differences),
    }
    curves = {side.name: mean_curves([read_curves(run.curves_file) for run in side.runs]) for side in sides}
    page = write_comparison(output, values | {"curves": curves, "words": kind.page_words().metrics}) if output else None
    return Comparison(values, page)


def _entry(metric: str, found: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The score of a side: that of its run, or the mean over its seeds."""
    return found[0]["metrics"][metric] if len(found) == 1 else over_seeds(metric, [one["metrics"] for one in found])


def _difference(entry: Mapping[str, Any]) -> Score:
    return SeedsDifference(**entry) if "seeds_needed" in entry else Score(**entry)


def _differences(sides: Sequence[Side]) -> tuple[dict[str, dict[str, Any]], list[str]]:
    differences: dict[str, dict[str, Any]] = {}
    notes: list[str] = []
    several = [[ScoredRows.of(run) for run in side.runs] for side in sides]
    first = several[0][0]
    if first is None:
        return {}, [f"{sides[0].name} has no predictions"]
    same = [[rows for rows in of_side if rows is not None and rows.same_as(first)] for of_side in several]
    if len(same[0]) < len(several[0]):
        return {}, [f"the runs of {sides[0].name} were scored on different rows: no paired difference"]
    own = metrics_of(same[0], first, first.places)
    for side, of_side in zip(sides[1:], same[1:], strict=True):
        if len(of_side) < len(side.runs):
            notes.append(f"{side.name} was scored on different rows than {sides[0].name}: no paired difference")
            continue
        theirs = metrics_of(of_side, first, first.places)
        for name in theirs[0]:
            a, b = ([run[name] for run in runs if name in run] for runs in (theirs, own))
            if len(a) == len(theirs) and len(b) == len(own) and len({metric.n for metric in (*a, *b)}) == 1:
                found = seeds_difference(a, b) or difference(a[0], b[0])
                differences.setdefault(name, {})[side.name] = found.to_dict()
    return differences, notes


def _recipes(sides: Sequence[Side]) -> dict[str, dict[str, Any]]:
    """The keys in which the recipes differ, each with its values; of several seeds, those of the first one."""
    flat = {side.name: side.runs[0].recipe.flatten() for side in sides}
    first = flat[sides[0].name]
    own = ("seed",) if any(len(side.runs) > 1 for side in sides) else ()
    return {
        key: {name: recipe.get(key) for name, recipe in flat.items()}
        for key in dict.fromkeys(key for recipe in flat.values() for key in recipe)
        if key not in own and any(recipe.get(key) != first.get(key) for recipe in flat.values())
    }
