"""`train`: from a table of text to a model, a score on held-out rows and a report."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from luthier import processes
from luthier.api.report import FreshReport, report
from luthier.console import Console
from luthier.data.reading.memory import Data
from luthier.engines.events import Callback, Events
from luthier.engines.optimizers.groups import Group
from luthier.engines.optimizers.make import groups_to_train
from luthier.engines.optimizers.schedules import rates
from luthier.models.adapters.add import describe
from luthier.models.device import choose_device, gpus
from luthier.pipeline.journal import (
    STDIN,
    blamed_on,
    claimed,
    data_name,
    discard_checkpoints,
    keep_data,
    write_skipped,
)
from luthier.pipeline.prepare import Prepared, prepare, refuse
from luthier.pipeline.recipes import build_recipe
from luthier.pipeline.results import Result
from luthier.pipeline.training.assemble import assemble, batch_plan, decide_precision
from luthier.pipeline.training.finish import finish, take_part
from luthier.pipeline.training.time_limit import TimeLimit, time_limit
from luthier.pipeline.training.tracked import tracked
from luthier.recipe import Recipe
from luthier.run_directory import clock
from luthier.run_directory.environment import environment
from luthier.run_directory.log import Tee
from luthier.run_directory.run import Run, as_path, check_unused, new_path
from luthier.storage.atomic import write_json, write_text
from luthier.storage.temporary import temporary_directory
from luthier.tracking.base import Tracker
from luthier.tracking.registry import make_trackers


def train(
    data: Data | Recipe,
    *,
    run_dir: Path | str | None = None,
    console: Console | None = None,
    callbacks: Sequence[Callback] = (),
    **settings: Any,
) -> Result:
    """Inspect, split, tokenize, train, evaluate and report.

    Args:
        data: What to learn from: one path or several (files, folders, names of datasets), a list of dicts, a dict of
            columns, a pandas or polars data frame, a `datasets.Dataset` or `DatasetDict`, a `Recipe`, or the path of a
            recipe file. Data in memory is kept in the run directory, so that the run can be resumed and repeated.
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
        The scores, and where the model and the report are.
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

        A custom metric is a function of a file or module; with one argument, it gets what `compute_metrics` of the
        Hugging Face `Trainer` gets (see `luthier.metrics.custom`):

        >>> # mine.py: def compute_metrics(p): return {"top": (np.argmax(p.predictions, axis=1) == p.label_ids).mean()}
        >>> luthier.train(rows, metrics=["mine.py:compute_metrics:max"], metric_for_best="top").metrics["top"].value
    """
    events = Events.listening(callbacks)
    console = Tee(console or Console())
    with clock.running(), processes.together():
        return _begin(data, settings, run_dir, events, console) if processes.is_main() else take_part()


def _begin(data: Any, settings: Mapping[str, Any], run_dir: Path | str | None, events: Events, console: Tee) -> Result:
    """Start a new run."""
    with temporary_directory() as folder, ExitStack() as stack:
        spool = Path(folder)
        recipe = build_recipe(data, settings, spool, console)
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
            return carry_out(run, prepared, trackers, events, console, limit)


def carry_out(
    run: Run,
    prepared: Prepared,
    trackers: Mapping[str, Tracker],
    events: Events,
    console: Console,
    limit: TimeLimit | None,
) -> Result:
    """Train the remaining steps of a new or resumed run, score, report and track it."""
    FreshReport(run, console).listen(events)
    with tracked(run, prepared.recipe, trackers, events, console, limit) as sent:
        result = finish(run, prepared, events, console, limit)
        report(run.path)
        discard_checkpoints(run, console)
    return result.with_tracking(sent)


@dataclass(frozen=True)
class Plan:
    """What `train` would run.

    Args:
        recipe: The complete recipe.
        groups: The parameter groups of the optimizer.
        rates: The learning rate of each step; empty for a schedule that follows a metric.
    """

    recipe: Recipe
    groups: Sequence[Group]
    rates: Sequence[float]

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
        return {"recipe": self.recipe.model_dump(mode="json"), "groups": groups, "steps": len(self.rates) or None}


def plan(
    data: Data | Recipe, *, run_dir: Path | str | None = None, console: Console | None = None, **settings: Any
) -> Plan:
    """What `train` would run, with everything decided. Nothing is written; raises like `train`."""
    console = console or Console()
    if run_dir is not None:
        check_unused(as_path(run_dir, "run_dir"))
    with temporary_directory() as folder:
        recipe = build_recipe(data, settings, Path(folder), console)
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
    )
