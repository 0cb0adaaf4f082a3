"""`report`: write the report of a run, complete or not."""

from pathlib import Path

from luthier.pipeline.samples import read_samples
from luthier.reporting.page import write_report
from luthier.reporting.samples import sample_panels
from luthier.run_directory.predictions import read_predictions
from luthier.run_directory.run import Run
from luthier.tasks.registry import find, restore


def report(run_dir: Path | str) -> Path:
    """Write or update `report.html` of a run from the current contents of its directory.

    Args:
        run_dir: The run directory.
    Returns:
        The page.
    Raises:
        RunError: It is not a run directory.
        UsageError: The package that the task came from is not installed.

    Example:
        >>> luthier.report("runs/first")
    """
    run = Run.open(run_dir)
    kind = find(str(run.recipe.task), run.task_package, where=str(run.path))
    predictions = read_predictions(run.predictions_file)
    saved = run.read_json(run.task_file)
    task = restore(saved) if saved else None
    panels = task.panels(predictions) if task and predictions else []
    words = task.words(run.path) if task else kind.page_words()
    return write_report(run, words, [*panels, *sample_panels(read_samples(run.samples_file))])
