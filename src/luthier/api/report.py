"""`report`: write the report of a run, complete or not; and keep it fresh while the run trains."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from luthier.console import Console
from luthier.engines.events import Event, Events
from luthier.pipeline.samples import read_samples
from luthier.pipeline.several.seeds import conclude
from luthier.reporting.page import write_report
from luthier.reporting.samples import sample_panels
from luthier.run_directory.predictions import read_predictions
from luthier.run_directory.run import Run, as_path
from luthier.run_directory.run_set import RunSet
from luthier.tasks.registry import find, restore


def report(run_dir: Path | str) -> Path:
    """Write or update `report.html` of a run from the current contents of its directory.

    Args:
        run_dir: The run directory, or one of several seeds that are complete; runs of `datasize` have a page each.
    Returns:
        The page.
    Raises:
        RunError: It is not a run directory, one of several seeds is not complete, or it has runs of `datasize`.
        UsageError: The package that the task came from is not installed.

    Example:
        >>> luthier.report("runs/first")
    """
    if (runs := RunSet.at(as_path(run_dir, "run_dir"))) is not None:
        runs.check_seeds()
        return conclude(runs).report_path
    run = Run.open(run_dir)
    kind = find(str(run.recipe.task), run.task_package, where=str(run.path))
    predictions = read_predictions(run.predictions_file)
    saved = run.read_json(run.task_file)
    task = restore(saved) if saved else None
    panels = task.panels(predictions) if task and predictions else []
    words = task.words(run.path) if task else kind.page_words()
    return write_report(run, words, [*panels, *sample_panels(read_samples(run.samples_file))])


FIRST = 100.0  # seconds of training before the first page
SHARE = 0.02  # of the time, at most, is spent on pages


@dataclass
class FreshReport:
    """Writes the report again and again while a run trains, in a small share of the time. Open pages reload it.

    A page that cannot be written is said once, and never stops the training.
    """

    run: Run
    console: Console
    clock: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        self._due = self.clock() + FIRST

    def listen(self, events: Events) -> None:
        """Write the report after steps and evaluations from now on."""
        events.on("step", self._look)
        events.on("evaluation", self._look)

    def _look(self, _: Event) -> None:
        began = self.clock()
        if began < self._due:
            return
        try:
            report(self.run.path)
        except Exception as error:  # of a panel of another package, or a full disk
            self.console.warn(f"the report is not updated during training: {error}")
            self._due = math.inf
        else:
            ended = self.clock()
            self._due = ended + (ended - began) / SHARE
