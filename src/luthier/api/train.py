"""`train`: from a table of text to a model, a score on held-out rows and a report."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, overload

from luthier import processes
from luthier.api.one_run import begin
from luthier.api.several.seeds import check_seeds, for_seeds, take_part_in_seeds, train_seeds
from luthier.console import Console
from luthier.data.reading.memory import Data
from luthier.engines.events import Callback, Events
from luthier.engines.optimizers.groups import Group
from luthier.engines.optimizers.make import groups_to_train
from luthier.engines.optimizers.schedules import rates
from luthier.models.adapters.add import describe
from luthier.pipeline.preparation.prepare import prepare, refuse
from luthier.pipeline.recipes import build_recipe
from luthier.pipeline.results import Result
from luthier.pipeline.several.seeds import SeedsResult
from luthier.pipeline.training.assemble import assemble, batch_plan, decide_precision
from luthier.pipeline.training.finish import take_part
from luthier.recipe import Recipe
from luthier.run_directory import clock
from luthier.run_directory.log import Tee
from luthier.run_directory.run import as_path
from luthier.run_directory.run_set import check_set_unused
from luthier.storage.temporary import temporary_directory
from luthier.tracking.registry import make_trackers


@overload
def train(
    data: Data | Recipe,
    *,
    seeds: None = None,
    run_dir: Path | str | None = None,
    console: Console | None = None,
    callbacks: Sequence[Callback] = (),
    **settings: Any,
) -> Result: ...


@overload
def train(
    data: Data | Recipe,
    *,
    seeds: int,
    run_dir: Path | str | None = None,
    console: Console | None = None,
    callbacks: Sequence[Callback] = (),
    **settings: Any,
) -> SeedsResult: ...


def train(
    data: Data | Recipe,
    *,
    seeds: int | None = None,
    run_dir: Path | str | None = None,
    console: Console | None = None,
    callbacks: Sequence[Callback] = (),
    **settings: Any,
) -> Result | SeedsResult:
    """Inspect, split, tokenize, train, evaluate and report.

    Args:
        data: What to learn from: one path or several (files, folders, names of datasets), a list of dicts, a dict of
            columns, a pandas or polars data frame, a `datasets.Dataset` or `DatasetDict`, a `Recipe`, or the path of a
            recipe file. Data in memory is kept in the run directory, so that the run can be resumed and repeated.
        seeds: Train this many runs, with the seeds from `seed` on, in directories below `run_dir`; 2 or more. They
            share the splits and divide `max_time`.
        run_dir: Run directory; by default a new one in `runs`.
        console: Receives decisions, findings and progress; silent by default.
        callbacks: Pairs of event name and function. The events are `step`, `evaluation`, `checkpoint`, `micro_batch`
            and `end`; see `luthier.engines.events` for what each one carries. A function that returns a `Stop` ends
            the training.
            With `engine="trainer"` also `TrainerCallback`s of transformers: `state` is the run's own, also after a
            resume, `on_evaluate` gets the metrics as `eval_accuracy` and so on, `on_save` the directory as
            `checkpoint`, and `control` can stop, evaluate or save after the step; `args.output_dir` is temporary, and
            what a callback holds is not saved. With several processes, process 0 alone calls them.
        **settings: Recipe keys: by their last name (`epochs=1`, `model="minilm"`, `test="test.csv"`), as a table
            (`training={"epochs": 1}`), or dotted (`**{"training.epochs": 1}`). `text` and `label` name the columns.
    Returns:
        The scores, and where the model and the report are; with `seeds`, the mean of each metric over them, and the
        best run by its score on the validation rows.
    Raises:
        LuthierError: See its subclasses; the run directory keeps what was written until then.

    Example:
        >>> def watch(event):
        ...     print(event.step, event.metrics["accuracy"])
        ...     return luthier.Stop("good enough") if event.metrics["accuracy"] > 0.95 else None
        >>> rows = [{"text": "The strings are worn.", "label": "bad"}, ...]
        >>> result = luthier.train(rows, model="minilm", epochs=1, callbacks=[("evaluation", watch)])
        >>> result.metrics["accuracy"].value
        >>> result.predictor().predict(["It sounds lovely."])
        >>> class Patience(transformers.TrainerCallback):
        ...     def on_evaluate(self, args, state, control, metrics, **kwargs):
        ...         control.should_training_stop = state.global_step >= 100 and metrics["eval_loss"] < 0.1
        >>> luthier.train(rows, engine="trainer", callbacks=[Patience()])

        >>> luthier.train("reviews.csv", seeds=5).metrics["accuracy"].sd

        A custom metric is a function of a file or module; with one argument, it gets what `compute_metrics` of the
        Hugging Face `Trainer` gets (see `luthier.metrics.custom`):

        >>> # mine.py: def compute_metrics(p): return {"top": (np.argmax(p.predictions, axis=1) == p.label_ids).mean()}
        >>> luthier.train(rows, metrics=["mine.py:compute_metrics:max"], metric_for_best="top").metrics["top"].value
    """
    console = console or Console()
    if seeds is not None:
        check_seeds(seeds)
    with clock.running(), processes.together(), temporary_directory() as folder:
        if not processes.is_main():
            return take_part() if seeds is None else take_part_in_seeds(seeds)
        if seeds is not None:
            return train_seeds(data, settings, seeds, run_dir, callbacks, console)
        events, log = Events.listening(callbacks), Tee(console)
        return begin(build_recipe(data, settings, Path(folder), log), Path(folder), run_dir, events, log)


@dataclass(frozen=True)
class Plan:
    """What `train` would run.

    Args:
        recipe: The complete recipe.
        groups: The parameter groups of the optimizer.
        rates: The learning rate of each step; empty for a schedule that follows a metric.
        seeds: The seed of each run, if there are several.
    """

    recipe: Recipe
    groups: Sequence[Group]
    rates: Sequence[float]
    seeds: Sequence[int] = ()

    def to_dict(self) -> dict[str, Any]:
        """What `--dry-run --json` prints."""
        groups = [
            {
                "name": group.name,
                "parameters": group.size,
                "learning_rate": group.learning_rate,
                "weight_decay": group.weight_decay,
            }
            for group in self.groups
        ]
        several = {"seeds": list(self.seeds)} if self.seeds else {}
        values = {"recipe": self.recipe.model_dump(mode="json"), "groups": groups, "steps": len(self.rates) or None}
        return values | several


def plan(
    data: Data | Recipe,
    *,
    seeds: int | None = None,
    run_dir: Path | str | None = None,
    console: Console | None = None,
    **settings: Any,
) -> Plan:
    """What `train` would run, with everything decided. Nothing is written; raises like `train`."""
    console = console or Console()
    if seeds is not None:
        check_seeds(seeds)
    if run_dir is not None:
        check_set_unused(as_path(run_dir, "run_dir"))
    with temporary_directory() as folder:
        recipe = build_recipe(data, settings, Path(folder), console)
        recipe = recipe if seeds is None else for_seeds(recipe, seeds, console)
        make_trackers(recipe.tracking.trackers)
        prepared = prepare(recipe, console)
    refuse(prepared.stopping, prepared.sources)
    decide_precision(prepared, console)
    if prepared.recipe.training.max_time and not prepared.recipe.training.planned:
        console.say("max_time: the steps that fit are measured when the training starts; the schedule shown ignores it")
    recipe, model = prepared.recipe, assemble(prepared).model  # as in training, for what it refuses
    if recipe.model.adapter is not None:
        console.decision(describe(model, recipe.model.adapter))
    return Plan(
        recipe,
        groups_to_train(model, recipe.training),
        rates(recipe.training, recipe.training.total_steps(batch_plan(prepared).steps_per_epoch)),
        range(recipe.seed, recipe.seed + (seeds or 0)),
    )
