"""Send a run to its trackers while it is trained, and its scores and files once it is complete."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from luthier.console import Console
from luthier.engines.events import Event, Events
from luthier.errors import UsageError
from luthier.pipeline.training.time_limit import TimeLimit
from luthier.recipe import Recipe
from luthier.run_directory.run import Run
from luthier.storage.append import whole_lines
from luthier.text import count, duration, plural, typed
from luthier.tracking.base import Point, State, TrackedRun, Tracker
from luthier.tracking.registry import make_trackers
from luthier.tracking.sending import Ending, Sender

Tracked = dict[str, dict[str, Any]]  # what became of the points, by tracker


@contextmanager
def tracked(
    run: Run,
    recipe: Recipe,
    trackers: Mapping[str, Tracker],
    events: Events,
    console: Console,
    limit: TimeLimit | None = None,
) -> Iterator[Tracked]:
    """Send a run to trackers, each on a thread of its own, during a block that trains it. None of them can stop it.

    Args:
        run: The run, which has the curves.
        recipe: Its recipe.
        trackers: Name to tracker; may be empty.
        events: Tell when there are new points.
        console: Receives a warning for each tracker that fails.
        limit: The time that is left for the run.
    Returns:
        Points sent and not sent; filled when the block ends.
    """
    about = describe(run, recipe)
    senders = [Sender(name, tracker, about, run.curves_file) for name, tracker in trackers.items()]
    silent = set(trackers)

    def news(event: Event | None = None) -> None:
        for sender in senders:
            sender.tell()
            if sender.failure and sender.name in silent:
                silent.remove(sender.name)
                console.warn(f"the tracker {sender.name} failed, and the training goes on: {sender.failure}")

    events.on("step", news, every=recipe.training.logging_steps)
    events.on("evaluation", news)
    for sender in senders:
        sender.start()
    found: Tracked = {}
    state: State = "stopped"
    try:
        yield found
        state = "done"
    finally:
        wait = recipe.tracking.wait
        if limit is not None:
            wait = max(1.0, min(wait, limit.seconds - limit.used))
        ending = ending_of(run, recipe, state) if senders else None
        deadline = time.monotonic() + wait
        for sender in senders:
            assert ending is not None
            sender.finish(ending)
        for sender in senders:
            sender.join(max(0.0, deadline - time.monotonic()))
        for sender in senders:
            assert ending is not None
            total = _points(run) + len(ending.points)
            found[sender.name] = {"sent": sender.done, "not_sent": max(0, total - sender.done)}
            if sender.is_alive() or sender.failure:
                why = sender.failure or f"it did not finish within {duration(wait)}"
                left = plural(found[sender.name]["not_sent"], "point")
                console.warn(
                    f"tracker {sender.name}: {left} of {count(total)} not sent ({why});"
                    f" send what is missing with `luthier track {typed(run.path)} --to {sender.name}`"
                )


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
    environment = run.read_json(run.environment_file) or {}
    tracking = recipe.tracking
    return TrackedRun(
        id=environment.get("id", run.path.name),  # runs of earlier versions have none
        name=tracking.run_name or run.path.resolve().name,
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
    result = run.read_json(run.result_file) or {}
    values = {
        f"{score['split']}/{name}{part and '_'}{part}": score[part or "value"]
        for name, score in result.get("metrics", {}).items()
        for part in ("", "low", "high")
    }
    now = time.time()
    points = [
        Point(result["steps"], result["epochs"], now, name, value)
        for name, value in values.items()
        if value is not None
    ]
    paths = {"report": run.report_file, "model": run.model}
    return Ending(points, [paths[name] for name in recipe.tracking.artefacts], state)


def _points(run: Run) -> int:
    return whole_lines(run.curves_file)[0] if run.curves_file.exists() else 0
