"""The tracker `tensorboard`: event files in the run directory, so that `tensorboard --logdir runs` shows every run."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from luthier.run_directory.run import State
from luthier.tracking.base import Point, TrackedRun, require


class TensorBoardTracker:
    """Scalars, and the recipe and the environment as texts. The files of the run are beside it."""

    def __init__(self) -> None:
        require("tensorboard", "tensorboard")

    def begin(self, run: TrackedRun) -> Mapping[str, int]:
        from torch.utils.tensorboard import SummaryWriter

        directory = run.directory / "tensorboard"
        held = _held(directory)
        self._writer = SummaryWriter(str(directory))
        if not held:
            about = {"name": run.name, "tags": list(run.tags)}
            for title, values in (("run", about), ("recipe", run.recipe), ("environment", run.environment)):
                text = json.dumps(values, indent=2, ensure_ascii=False, default=str)
                self._writer.add_text(title, "    " + text.replace("\n", "\n    "))  # a block of code in Markdown
        return held

    def points(self, points: Sequence[Point]) -> None:
        for point in points:
            self._writer.add_scalar(point.name, point.value, point.step, point.time)
        self._writer.flush()

    def artefacts(self, paths: Sequence[Path]) -> None:
        pass

    def end(self, state: State) -> None:
        self._writer.close()


def _held(directory: Path) -> dict[str, int]:
    from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

    files = sorted(directory.glob("events.out.tfevents.*"), key=lambda path: path.stat().st_mtime)
    events = (event for file in files for event in EventFileLoader(str(file)).Load())
    return {value.tag: event.step for event in events for value in event.summary.value}
