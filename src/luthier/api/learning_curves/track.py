"""`track`: send a run to trackers after the fact, or what they did not receive."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from luthier.errors import ResourceError, UsageError
from luthier.pipeline.training.tracked import describe, ending_of
from luthier.run_directory.run import Run, as_path
from luthier.run_directory.run_set import RunSet
from luthier.text import plural, typed
from luthier.tracking.registry import make_trackers
from luthier.tracking.sending import Sender, why


def track(
    run_dir: Path | str,
    to: str | Sequence[str] = (),
    *,
    project: str | None = None,
    run_name: str | None = None,
) -> dict[str, int]:
    """Send the curves of a run, and its scores if it is complete, to trackers. What they hold already is not sent.

    Args:
        run_dir: The run directory, or one of several runs, which are sent one by one.
        to: Names of trackers (default: those of the run's recipe).
        project: Project or experiment (default: that of the recipe).
        run_name: Name of the run there (default: that of the recipe); one of several adds its own.
    Returns:
        Points that each tracker holds now; of several runs, of all of them.
    Raises:
        RunError: It is not a run directory.
        UsageError: A tracker is unknown, not installed or has no key; or the run is sending to it now.
        ResourceError: A tracker failed; the others have received everything.

    Example:
        >>> luthier.track("runs/first", "csv")
    """
    path, found = as_path(run_dir, "run_dir"), Counter[str]()
    several = RunSet.at(path)
    for run in [Run.open(path)] if several is None else several.begun:
        found.update(_track(run, path, to, project, run_name))
    return dict(found)


def _track(run: Run, asked: Path, to: str | Sequence[str], project: str | None, run_name: str | None) -> dict[str, int]:
    recipe, state = run.recipe, run.state()
    names = [to] if isinstance(to, str) else list(to) or recipe.tracking.trackers
    if not names:
        raise UsageError("no tracker is named", where="--to", hint=f"luthier track {typed(asked)} --to tensorboard")
    if state == "running" and (busy := [name for name in names if name in recipe.tracking.trackers]):
        what = f"the run is still training, and sends its curves to {busy[0]} itself"
        raise UsageError(what, where=str(run.path), hint="run this command again when it has ended")
    for key, value in (("project", project), ("run_name", run_name)):
        if value is not None:
            setattr(recipe.tracking, key, value)
    found, failed = {}, {}
    for name, tracker in make_trackers(names, "--to").items():
        sender = Sender(name, tracker, describe(run, recipe), run.curves_file)
        try:
            sender.send(ending_of(run, recipe, state))
        except (Exception, SystemExit) as error:  # a library can raise anything
            failed[name] = f"{name} failed after {plural(sender.done, 'point')}: {why(error)}"
        found[name] = sender.done
    if failed:
        again = " ".join(f"--to {name}" for name in failed)
        hint = f"once that is fixed, `luthier track {typed(asked)} {again}` sends what is missing"
        raise ResourceError("; ".join(failed.values()), where=str(run.path), hint=hint)
    return found
