"""`resume`: continue a run from its newest intact checkpoint."""

from collections.abc import Sequence
from pathlib import Path

from luthier import processes
from luthier.api.report import report
from luthier.api.train import carry_out
from luthier.console import Console
from luthier.engines.events import Callback, Events
from luthier.pipeline.journal import blamed_on, discard_checkpoints, same_data
from luthier.pipeline.prepare import prepare
from luthier.pipeline.results import Result
from luthier.pipeline.training.finish import take_part
from luthier.pipeline.training.time_limit import time_limit
from luthier.pipeline.training.tracked import still_there
from luthier.run_directory import clock
from luthier.run_directory.edited import refuse_edited
from luthier.run_directory.log import Tee
from luthier.run_directory.run import Run
from luthier.tasks.registry import find


def resume(run_dir: Path | str, *, console: Console | None = None, callbacks: Sequence[Callback] = ()) -> Result:
    """Resume a run from its newest intact checkpoint; completed steps are not repeated.

    Args:
        run_dir: The run directory.
        console: As in `train`.
        callbacks: As in `train`.
    Returns:
        As `train`.
    Raises:
        RunError: It is not a run directory, or another process is writing to it.
        FingerprintError: The data or the recipe has changed, also of a run that is complete.
        UsageError: The package that the task came from is not installed.
        DamagedError: There are checkpoints, but none of them is intact.

    Example:
        >>> luthier.resume("runs/2026-11-23-reviews-text-classification-k3f9")
    """
    events = Events.listening(callbacks)
    with clock.running(), processes.together():
        return _continue(run_dir, events, Tee(console or Console())) if processes.is_main() else take_part()


def _continue(run_dir: Path | str, events: Events, console: Tee) -> Result:
    """Continue a run from its newest intact checkpoint."""
    run = Run.open(run_dir)
    find(str(run.recipe.task), run.task_package, where=str(run.path))
    events.check_engine(run.recipe.training.engine)
    with run.lock(), blamed_on(run):
        console.write_to(run.log_file)
        done = run.read_json(run.result_file)
        if done is not None:
            refuse_edited(run)
            if not run.report_file.exists():
                report(run.path)  # the run was killed while it was written
            discard_checkpoints(run, console)
            console.say(f"the run is already complete: {run.report_file}")
            result = Result(done, run)
            return processes.on_main(lambda: result)
        trackers = still_there(run, run.recipe, console)
        prepared = prepare(run.recipe, console)
        same_data(run, prepared)
        processes.on_main(lambda: (run, prepared.recipe))
        return carry_out(run, prepared, trackers, events, console, time_limit(run, prepared, console))
