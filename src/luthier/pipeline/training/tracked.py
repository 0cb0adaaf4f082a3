"""Send a run to its trackers while it is trained, and its scores and files once it is complete."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from luthier.console import Console
from luthier.engines.events import Event, Events
from luthier.errors import UsageError
from luthier.findings import Decision
from luthier.pipeline.training.time_limit import TimeLimit
from luthier.recipe import Recipe
from luthier.run_directory.run import Run, State
from luthier.storage.append import whole_lines
from luthier.text import count, duration, plural, typed
from luthier.tracking.base import Point, TrackedRun, Tracker
from luthier.tracking.registry import make_trackers
from luthier.tracking.sending import Ending, Sender

SOON = 5.0  # seconds to wait at most for the trackers of a run that was stopped
Sent = dict[str, dict[str, int]]  # tracker to its numbers of points, `sent` and `not_sent`


@contextmanager
def tracked(
    run: Run,
    recipe: Recipe,
    trackers: Mapping[str, Tracker],
    events: Events,
    console: Console,
    limit: TimeLimit | None = None,
) -> Iterator[Sent]:
    """Send a run to trackers, each on a thread of its own, while a block trains it. No tracker stops or delays it.

    Returns:
        What was sent; filled when the block ends.
    """
    tracking = _Tracking(run, recipe, trackers, console)
    events.on("step", tracking.news, every=recipe.training.logging_steps)
    events.on("evaluation", tracking.news)
    sent: Sent = {}
    state: State = "stopped"
    try:
        yield sent
        state = "done"
    finally:
        wait = min(recipe.tracking.wait, SOON) if state == "stopped" else recipe.tracking.wait
        left = wait if limit is None else limit.seconds - limit.used
        sent |= tracking.end(state, max(0.0, min(wait, left)))


class _Tracking:
    """The trackers of a run; without any, it does nothing."""

    def __init__(self, run: Run, recipe: Recipe, trackers: Mapping[str, Tracker], console: Console) -> None:
        self._run, self._recipe, self._console = run, recipe, console
        self._faulty: set[str] = set()
        self._senders = [
            Sender(name, tracker, replace(describe(run, recipe), wait=recipe.tracking.wait), run.curves_file)
            for name, tracker in trackers.items()
        ]
        if trackers:
            why = f"the curves are sent every {plural(recipe.training.logging_steps, 'step')}"
            console.decision(Decision("trackers", ", ".join(trackers), why))
        for sender in self._senders:
            sender.start()

    def news(self, event: Event) -> None:
        """There are new points."""
        for sender in self._senders:
            sender.tell()
            self._warn(sender, sender.failure)

    def end(self, state: State, seconds: float) -> Sent:
        """Send the rest, but wait only so long for it."""
        if not self._senders:
            return {}
        ending = ending_of(self._run, self._recipe, state)
        for sender in self._senders:
            sender.finish(ending)
        deadline = time.monotonic() + seconds
        for sender in self._senders:
            sender.join(max(0.0, deadline - time.monotonic()))
        points = whole_lines(self._run.curves_file)[0] if self._run.curves_file.exists() else 0
        sent: Sent = {}
        for sender in self._senders:
            self._warn(sender, sender.failure or f"it did not finish within {duration(seconds)}" * sender.is_alive())
            total, done = points + len(ending.points), sender.done
            sent[sender.name] = {"sent": done, "not_sent": total - done}
            self._console.say(f"tracker {sender.name}: {count(done)} of {plural(total, 'point')} sent")
        return sent

    def _warn(self, sender: Sender, why: str) -> None:
        """Warn of a tracker that failed, once."""
        if why and sender.name not in self._faulty:
            self._faulty.add(sender.name)
            later = f"`luthier track {typed(self._run.path)} --to {sender.name}` sends what is missing"
            self._console.warn(f"tracker {sender.name}: {why}; the run is not affected, and {later}")


def still_there(run: Run, recipe: Recipe, console: Console) -> dict[str, Tracker]:
    """The trackers of a run that is resumed. One that cannot start any more is warned of, and does not stop it."""
    found: dict[str, Tracker] = {}
    for name in recipe.tracking.trackers:
        try:
            found |= make_trackers([name])
        except UsageError as error:
            later = f"`luthier track {typed(run.path)} --to {name}` sends the curves later"
            console.warn(f"tracker {name}: {error.what} ({error.hint}); {later}")
    return found


def describe(run: Run, recipe: Recipe) -> TrackedRun:
    """What trackers are told of a run."""
    environment, tracking = run.read_json(run.environment_file) or {}, recipe.tracking
    return TrackedRun(
        id=environment.get("id", run.name()),  # runs of earlier versions have none
        name=run.name(tracking.run_name),
        project=tracking.project,
        tags=tracking.tags,
        directory=run.path.absolute(),
        recipe=recipe.model_dump(mode="json"),
        environment=environment,
    )


def ending_of(run: Run, recipe: Recipe, state: State) -> Ending:
    """What is sent after the curves: once a run is complete, its scores with their intervals, and files on demand."""
    if state != "done":
        return Ending([], [], state)
    result: dict[str, Any] = run.read_json(run.result_file) or {}
    scores = {
        f"{score['split']}/{name}{ending}": score[key]
        for name, score in result["metrics"].items()
        for key, ending in (("value", ""), ("low", "_low"), ("high", "_high"))
    }
    at = result["steps"], result["epochs"], time.time()
    points = [Point(*at, name, value) for name, value in scores.items() if value is not None]
    paths = {"report": run.report_file, "model": run.model}
    return Ending(points, [paths[name] for name in recipe.tracking.artefacts], state)
