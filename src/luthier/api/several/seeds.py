"""`train --seeds`: the same recipe with several seeds, as one result. What varies is the training, not the rows."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from luthier import processes
from luthier.api.several.carry_on import carry_on
from luthier.console import Console
from luthier.engines.events import Callback
from luthier.errors import RecipeError, UsageError
from luthier.findings import Decision
from luthier.pipeline.journal import name_of_data
from luthier.pipeline.recipes import build_recipe, with_changes
from luthier.pipeline.several.seeds import SeedsResult, conclude
from luthier.pipeline.training.finish import take_part
from luthier.recipe import Recipe
from luthier.recipe.durations import duration_of
from luthier.run_directory.run import as_path, new_path
from luthier.run_directory.run_set import SEEDS, RunSet
from luthier.storage.temporary import temporary_directory
from luthier.text import count, listing

MOST = 2**32  # seeds are below
MOST_RUNS = 1_000


def train_seeds(
    data: Any,
    settings: Mapping[str, Any],
    seeds: int,
    run_dir: Path | str | None,
    callbacks: Sequence[Callback],
    console: Console,
) -> SeedsResult:
    """Train a recipe with several seeds, a run directory each, and summarise them; arguments as in `train`."""
    with temporary_directory() as folder:
        spool = Path(folder)
        recipe = for_seeds(build_recipe(data, settings, spool, console), seeds, console)
        path = new_path(SEEDS, name_of_data(next(iter(recipe.data.train), "data")))
        path = path if run_dir is None else as_path(run_dir, "run_dir")
        runs = RunSet(path, SEEDS, {f"seed-{seed}": {"seed": seed} for seed in range(recipe.seed, recipe.seed + seeds)})
        with runs.created():
            try:
                carry_on(runs, partial(_recipe_of, runs, recipe), spool, callbacks, console)
            except RecipeError as error:
                if error.where == "training.max_time":
                    error.hint += f"; this is the time of one of {seeds} seeds"
                raise
            result = conclude(runs)
            return processes.on_main(lambda: result)


def resume_seeds(runs: RunSet, callbacks: Sequence[Callback], console: Console) -> SeedsResult:
    """Finish the seeds that are left, and summarise them; arguments as in `resume`."""
    with temporary_directory() as folder, runs.lock():
        carry_on(runs, partial(_recipe_of, runs, None), Path(folder), callbacks, console)
        result = conclude(runs)
        return processes.on_main(lambda: result)


def take_part_in_seeds(seeds: int) -> SeedsResult:
    """Take part in each run, in every process but rank 0; as `take_part`."""
    for _ in range(seeds):
        take_part()
    result: Any = processes.on_main(lambda: None)
    return result


def check_seeds(seeds: Any) -> None:
    """Check a number of seeds.

    Raises:
        UsageError: It is not a number from 2 to 1,000.
    """
    if not isinstance(seeds, int) or isinstance(seeds, bool) or not 2 <= seeds <= MOST_RUNS:
        what = f"seeds must be a number of runs from 2 to {count(MOST_RUNS)}, got {seeds!r}"
        raise UsageError(what, where="--seeds", hint="--seeds 5; for a single run, choose its seed with --seed")


def for_seeds(recipe: Recipe, seeds: int, console: Console) -> Recipe:
    """A recipe whose runs share the splits and divide the time; what that means is said.

    Raises:
        RecipeError: The last seed is too large, or the time too short to be divided.
    """
    first, last = recipe.seed, recipe.seed + seeds - 1
    if last >= MOST:
        raise RecipeError(
            f"the last of {seeds} seeds would be {last}",
            where="--seed",
            hint=f"--seed {MOST - seeds} is the largest one",
        )
    changes: dict[str, Any] = {"data.split_seed": recipe.split_seed}
    why = f"one run each, on the splits of seed {recipe.split_seed}; new weights, dropout and the order of rows vary"
    console.decision(Decision("seeds", listing(list(range(first, last + 1)), 10), why))
    limit = recipe.training.max_seconds
    if limit is not None:
        changes["training.max_time"] = duration_of(limit / seeds)
        why = f"max_time {recipe.training.max_time} divided among {seeds} seeds"
        console.decision(Decision("time for a run", changes["training.max_time"], why))
    return with_changes(recipe, changes)


def _recipe_of(runs: RunSet, recipe: Recipe | None, name: str) -> Recipe:
    """The recipe of a run: that of the first one, where everything is decided, once that has begun."""
    begun = runs.begun
    base = begun[0].recipe if begun else recipe
    assert base is not None
    return with_changes(base, runs.changes[name])
