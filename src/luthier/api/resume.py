"""`resume`: continue a run from its newest intact checkpoint."""

from collections.abc import Sequence
from pathlib import Path

from luthier import processes
from luthier.api.learning_curves.datasize import resume_sizes
from luthier.api.one_run import go_on
from luthier.api.several.seeds import resume_seeds, take_part_in_seeds
from luthier.console import Console
from luthier.engines.events import Callback, Events
from luthier.errors import RunError
from luthier.pipeline.results import Result
from luthier.pipeline.several.seeds import SeedsResult
from luthier.pipeline.several.size_scores import DataSizeTest
from luthier.pipeline.training.finish import take_part
from luthier.run_directory import clock
from luthier.run_directory.log import Tee
from luthier.run_directory.run import as_path
from luthier.run_directory.run_set import SEEDS, SIZES, RunSet
from luthier.text import typed

STARTS = {SEEDS: "luthier train DATA --seeds N", SIZES: "luthier datasize DATA"}


def resume(
    run_dir: Path | str, *, console: Console | None = None, callbacks: Sequence[Callback] = ()
) -> Result | SeedsResult | DataSizeTest:
    """Resume a run from its newest intact checkpoint; completed steps are not repeated.

    Args:
        run_dir: The run directory, or one of several runs, made by `train` with `seeds` or by `datasize`: those that
            are complete are not trained again.
        console: As in `train`.
        callbacks: As in `train`.
    Returns:
        As `train`, or as `datasize`.
    Raises:
        RunError: It is not a run directory, another process is writing to it, or none of several runs has begun.
        FingerprintError: The data or the recipe has changed, also of a run that is complete.
        UsageError: The package that the task came from is not installed.
        DamagedError: There are checkpoints, but none of them is intact.

    Example:
        >>> luthier.resume("runs/2026-11-23-reviews-text-classification-k3f9")
    """
    path, console = as_path(run_dir, "run_dir"), console or Console()
    with clock.running(), processes.together():
        runs = RunSet.at(path)
        if runs is not None and not runs.begun:
            hint = f"start it again with `{STARTS[runs.kind]} --run-dir {typed(path)}`"
            raise RunError("it was stopped before its first run began", where=str(path), hint=hint)
        if runs is not None and runs.kind == SIZES:
            return resume_sizes(runs, callbacks, console)
        if not processes.is_main():
            return take_part() if runs is None else take_part_in_seeds(len(runs.changes))
        if runs is not None:
            return resume_seeds(runs, callbacks, console)
        return go_on(path, Events.listening(callbacks), Tee(console))
