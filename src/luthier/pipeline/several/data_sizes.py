"""The trainings on parts of the training rows: which sizes, which runs, and what each one sets."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from luthier.errors import DataError, UsageError
from luthier.pipeline.defaults import decide_training
from luthier.pipeline.inference.cost import Cost
from luthier.pipeline.parts import with_defaults
from luthier.pipeline.preparation.prepare import Prepared, basis_of, row_counts
from luthier.pipeline.preparation.split import distinct, names_of
from luthier.recipe import Recipe
from luthier.text import count, listing, plural

SHARES = 0.1, 0.25, 0.5, 1.0
LEAST = 20  # rows of the smallest size, unless sizes are given
SIZES = 4
SEEDS = 2**32


@dataclass(frozen=True)
class SizedRun:
    """A training on some of the rows.

    Args:
        name: Name of its directory.
        rows: Training rows.
        changes: What its recipe sets: dotted key to value.
        steps: Its optimizer steps, if it is not stopped early.
        batch_size: Examples of each.
    """

    name: str
    rows: int
    changes: dict[str, Any]
    steps: int
    batch_size: int


def sized_runs(recipe: Recipe, prepared: Prepared, at: Sequence[float] | None, repeats: int) -> list[SizedRun]:
    """The runs of each size, the smallest first.

    All have the splits of the recipe. The runs of a size differ in their training rows and in the seed of everything
    else; those of the same number have nested rows. The largest possible size has no other rows, and is trained once.

    Args:
        recipe: As the user gave it.
        prepared: The data, prepared by this recipe.
        at: Shares of the training rows, or numbers of them; None for the default sizes.
        repeats: Runs of each size, but for the largest possible one.
    Raises:
        UsageError: A size is not possible.
        DataError: There are too few rows.
    """
    rows = distinct(prepared.splits["train"], prepared.task)
    strata = prepared.task.strata(rows)
    least = 1 if strata is None else len(set(strata))
    sizes = sizes_of(at, len(rows), least, names_of(prepared.sources))
    found = []
    for size in sizes:
        training = training_on(recipe, prepared, size)
        for repeat in range(1 if size == len(rows) else repeats):
            changes = {
                "seed": (recipe.seed + repeat) % SEEDS,
                "data.split_seed": recipe.split_seed,
                "data.sample_seed": (recipe.sample_seed + repeat) % SEEDS,
                "data.train_rows": size,
            }
            found.append(SizedRun(f"rows-{size}-{repeat + 1}", size, changes, training.steps, training.batch_size))
    return found


@dataclass(frozen=True)
class Planned:
    """The steps of a training, and the examples of each."""

    steps: int
    batch_size: int


def training_on(recipe: Recipe, prepared: Prepared, rows: int) -> Planned:
    """What the default settings make of a number of training rows; arguments as above."""
    kind, train = prepared.task.kind, prepared.encoded["train"]
    given = recipe.model_copy(deep=True)
    given.data.shape, given.model = prepared.recipe.data.shape, prepared.recipe.model.model_copy(deep=True)
    with_task, _ = with_defaults(given, kind)
    windows = math.ceil(rows * len(train.rows) / len(prepared.splits["train"]))
    counted = row_counts(kind, prepared.splits, prepared.encoded) | {"train": windows}
    basis = basis_of(prepared.task, prepared.splits, train, counted, prepared.config)
    training = decide_training(with_task, basis)[0].training
    per_epoch = training.steps_per_epoch(windows, basis.mean_length)
    return Planned(training.total_steps(per_epoch), training.batch_size or math.ceil(windows / per_epoch))


def seconds_of(runs: Sequence[SizedRun], cost: Cost, whole: Planned) -> float:
    """About how long some runs take, by the cost and the steps of a training on all rows."""
    total, training = (
        sum(part.expected for part in parts) for parts in (cost.parts.values(), [cost.parts["training"]])
    )
    an_example = training / (whole.steps * whole.batch_size)
    return sum(total - training + an_example * run.steps * run.batch_size for run in runs)


def check_sizes(at: Sequence[float] | None, repeats: int) -> None:
    """Refuse what no data could make right.

    Raises:
        UsageError: A size is not a share or a number of rows, or there are too few of them.
    """
    where = "--at"
    if repeats < 1:
        raise UsageError(f"repeats is {repeats}", where="--repeats", hint="use 1 or more; 3 is the default")
    if at is None:
        return
    for size in at:
        number = isinstance(size, int | float) and not isinstance(size, bool) and math.isfinite(size)
        if not number or size <= 0 or (size > 1 and size != int(size)):
            shown = f"{size:g}" if number else size
            what = f"a size of {shown} is neither a share of the training rows nor a number of them"
            raise UsageError(what, where=where, hint="write sizes as --at 0.1,0.25,0.5,1 or --at 200,1000,2000")
    if len(at) < 2:
        what = f"{plural(len(at), 'size')} cannot show what more rows add"
        raise UsageError(what, where=where, hint=f"give at least {SIZES} sizes, such as --at 0.1,0.25,0.5,1")


def sizes_of(at: Sequence[float] | None, available: int, labels: int, where: str) -> list[int]:
    """The sizes in rows, increasing."""
    if at is None:
        least = max(LEAST, labels)
        if available < SIZES * least:
            what = f"{plural(available, 'different training row')} are too few to train on parts of them"
            hint = (
                f"label more rows (from {count(SIZES * least)} training rows on, it works), or choose sizes with --at"
            )
            raise DataError(what, where=where, hint=hint)
        shares = [round(share * available) for share in SHARES]
        return shares if shares[0] >= least else np.geomspace(least, available, SIZES).round().astype(int).tolist()
    sizes = sorted(max(1, round(size * available)) if size <= 1 else int(size) for size in at)
    if sizes[-1] > available:
        what = f"a size of {count(sizes[-1])} is more than the {plural(available, 'different training row')}"
        raise UsageError(what, where="--at", hint="use smaller sizes, or shares of the rows such as 0.5")
    if twice := [size for size, after in pairwise(sizes) if size == after]:
        what = f"two sizes are {plural(twice[0], 'row')}, of {count(available)}"
        raise UsageError(what, where="--at", hint=f"remove one of them: {listing([f'{one:g}' for one in at], 9)}")
    if sizes[0] < labels:
        what = f"a size of {plural(sizes[0], 'row')} cannot hold all {count(labels)} labels"
        raise UsageError(what, where="--at", hint=f"use sizes of {count(labels)} rows or more")
    return sizes
