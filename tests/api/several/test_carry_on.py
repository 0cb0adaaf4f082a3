"""The runs of a set, one after the other: each is begun or resumed once, with a time and listeners of its own."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from luthier.api.several import carry_on as module
from luthier.api.several.carry_on import carry_on
from luthier.engines.events import Events
from luthier.recipe import Recipe
from luthier.run_directory import clock
from luthier.run_directory.run import Run
from luthier.run_directory.run_set import RunSet
from luthier.storage.atomic import write_json, write_text
from tests.listener import Listener


def test_what_is_left_is_begun_or_resumed_and_the_time_starts_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = RunSet(
        tmp_path, "seeds", {name: {"seed": place} for place, name in enumerate(("done", "half", "new", "last"))}
    )
    for name in ("done", "half"):
        write_text(Run.create(tmp_path / name).recipe_file, "")
    write_json(tmp_path / "done" / "result.json", {})
    now, calls, times = [100.0], [], []

    def work(what: str, path: Path, events: Events) -> Any:
        times.append(clock.elapsed())
        calls.append((what, path.name, events))
        now[0] += 10
        return SimpleNamespace(run=Run(path), metrics={}, seconds=10)

    def begun(recipe: Recipe, spool: Path, run_dir: Path, events: Events, log: Any) -> Any:
        log.say(f"seed {recipe.seed}")
        log.warn("slow")
        return work("begin", run_dir, events)

    monkeypatch.setattr(clock.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(module, "begin", begun)
    monkeypatch.setattr(module, "go_on", lambda path, events, log: work("go on", path, events))
    console = Listener()
    with clock.running():
        now[0] += 5  # what the command took before
        carry_on(runs, lambda name: Recipe(seed=runs.changes[name]["seed"]), tmp_path, (), console)
    assert [call[:2] for call in calls] == [("go on", "done"), ("go on", "half"), ("begin", "new"), ("begin", "last")]
    assert times[1:] == [15, 0, 0], "a run that was trained here is not counted in the next one"
    assert len({id(call[2]) for call in calls}) == 4
    assert console.said == [
        "run 1 of 4: done is complete",
        "run 2 of 4: half",
        "run 3 of 4: new",
        "new: done, 10 s",
        "run 4 of 4: last",
        "last: done, 10 s",
    ], "only the first one says what it decides"
    assert console.warned == ["new (3 of 4): slow", "last (4 of 4): slow"]
