"""Begin a run, or go on with one that stopped: what the commands that train share."""

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from luthier import processes
from luthier.api.report import FreshReport, report
from luthier.engines.events import Events
from luthier.models.device import choose_device, gpus
from luthier.pipeline.journal import (
    STDIN,
    blamed_on,
    claimed,
    data_name,
    discard_checkpoints,
    keep_data,
    same_data,
    write_skipped,
)
from luthier.pipeline.preparation.prepare import Prepared, prepare, refuse
from luthier.pipeline.results import Result
from luthier.pipeline.training.assemble import decide_precision
from luthier.pipeline.training.finish import finish
from luthier.pipeline.training.time_limit import TimeLimit, time_limit
from luthier.pipeline.training.tracked import still_there, tracked
from luthier.recipe import Recipe
from luthier.run_directory.edited import refuse_edited
from luthier.run_directory.environment import environment
from luthier.run_directory.log import Tee
from luthier.run_directory.run import Run, new_path
from luthier.storage.atomic import write_json, write_text
from luthier.tasks.registry import find, restore
from luthier.tracking.base import Tracker
from luthier.tracking.registry import make_trackers


def begin(recipe: Recipe, spool: Path, run_dir: Path | str | None, events: Events, console: Tee) -> Result:
    """Start a new run, by default in a new directory of `runs`; `spool` is the folder of data given in memory."""
    with ExitStack() as stack:
        events.check_engine(recipe.training.engine)
        trackers = make_trackers(recipe.tracking.trackers)
        asked = None if run_dir is None else stack.enter_context(claimed(run_dir))
        choose_device(recipe.device)  # a device that does not exist is refused before the data is read
        prepared = prepare(recipe, console, spool_to=spool / STDIN)
        refuse(prepared.stopping, prepared.sources)
        decide_precision(prepared, console)
        run = asked or stack.enter_context(claimed(new_path(prepared.task.name, data_name(prepared))))
        with blamed_on(run):
            console.write_to(run.log_file)
            keep_data(prepared, spool, run)
            write_json(run.environment_file, environment([name for _, name, _ in gpus()], prepared.task.kind.package))
            write_json(run.data_file, prepared.to_dict())
            write_skipped(prepared, run)
            processes.on_main(lambda: (run, prepared.recipe))
            limit = time_limit(run, prepared, console)
            # Written last: a run with a recipe has everything that a resume does not write again.
            write_text(run.recipe_file, prepared.recipe.to_toml())
            return _carry_out(run, prepared, trackers, events, console, limit)


def go_on(run_dir: Path | str, events: Events, console: Tee) -> Result:
    """Continue a run from its newest intact checkpoint; of one that is complete, return the result."""
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
            result = Result(done | _places(run), run)
            return processes.on_main(lambda: result)
        trackers = still_there(run, run.recipe, console)
        prepared = prepare(run.recipe, console)
        same_data(run, prepared)
        processes.on_main(lambda: (run, prepared.recipe))
        return _carry_out(run, prepared, trackers, events, console, time_limit(run, prepared, console))


def _places(run: Run) -> dict[str, str]:
    """Where a complete run is now: it may have been moved since its result was written."""
    saved = run.read_json(run.task_file)
    following = {"next": restore(saved).words(run.path).next_command} if saved else {}
    return {"run": str(run.path), "report": str(run.report_file), **following}


def _carry_out(
    run: Run, prepared: Prepared, trackers: Mapping[str, Tracker], events: Events, console: Tee, limit: TimeLimit | None
) -> Result:
    """Train the remaining steps of a new or resumed run, score, report and track it."""
    FreshReport(run, console).listen(events)
    with tracked(run, prepared.recipe, trackers, events, console, limit) as sent:
        result = finish(run, prepared, events, console, limit)
        report(run.path)
        discard_checkpoints(run, console)
    return result.with_tracking(sent)
