"""The steps that `train` and `resume` share: train the remaining steps, score, save the model."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

from transformers import PreTrainedModel

from luthier import allocator, processes
from luthier.console import Console
from luthier.data.table import describe_rows
from luthier.engines import checkpoints, engine_named
from luthier.engines.averages import EMA
from luthier.engines.base import Training
from luthier.engines.events import EvaluationNumbers, Events, MicroBatchHalved, StepNumbers
from luthier.engines.ranking import ANY
from luthier.engines.supervise import Supervisor
from luthier.errors import DamagedError, FingerprintError
from luthier.fast import Fast
from luthier.learning_curves.record import CurveWriter
from luthier.models.adapters.add import describe
from luthier.models.adapters.load import BASE, Base, base_of
from luthier.models.export import save_model
from luthier.models.learned import trainable
from luthier.pipeline.evaluations import Evaluations, not_separated
from luthier.pipeline.fast_path import decide, keeps_pages
from luthier.pipeline.inference.infer import evenly
from luthier.pipeline.inference.score import Scored, quick_metrics, score_split
from luthier.pipeline.preparation.prepare import Prepared, prepare
from luthier.pipeline.results import Result
from luthier.pipeline.samples import Samples
from luthier.pipeline.training.assemble import assemble, fingerprint
from luthier.pipeline.training.best import Best, best_model
from luthier.pipeline.training.head import fit_head
from luthier.pipeline.training.memory import Memory, MemoryEstimate, estimate_memory, held
from luthier.pipeline.training.peak import PeakMemory
from luthier.pipeline.training.time_limit import TimeLimit, time_limit
from luthier.pipeline.training.time_watch import watch_time
from luthier.pipeline.training.trace_rows import trace_rows
from luthier.reporting.averaging import CHECKPOINT
from luthier.reporting.card import model_card
from luthier.run_directory.environment import log_threads, warn_of_versions
from luthier.run_directory.predictions import write_predictions
from luthier.run_directory.run import COMPLETED, Run
from luthier.storage.atomic import sweep, write_json
from luthier.tasks.phases import Bound
from luthier.text import count, number, plural, quantity, share

SPARE = 10.0  # seconds that a time limit must leave for traces of rows
BEST = ", the best so far"


def take_part() -> Result:
    """Run every process but rank 0: wait for its decisions, then take part in the training steps."""
    told: Any = processes.on_main(lambda: None)
    if isinstance(told, Result):
        return told  # the run is already complete
    run, recipe = told
    prepared = prepare(recipe, Console())
    return finish(run, prepared, Events(), Console(), time_limit(run, prepared, Console()))


def finish(run: Run, prepared: Prepared, events: Events, console: Console, limit: TimeLimit | None = None) -> Result:
    """Do everything after preparing the data: train the remaining steps, score, save the model."""
    with limit.kept() if limit is not None and processes.is_main() else nullcontext():
        return _finish(run, prepared, events, console, limit)


def _finish(run: Run, prepared: Prepared, events: Events, console: Console, limit: TimeLimit | None) -> Result:
    training = assemble(prepared)
    base = base_of(prepared.recipe.model, training.model)
    if training.recipe.gradient_checkpointing and training.device.type == "cpu":  # less memory, slower steps
        allocator.give_back_at_once()
    pages = keeps_pages(prepared.recipe, training.device)
    log_threads(run, training.device, console)
    warn_of_versions(run, console)
    if isinstance(passes := training.objective.around, Fast):
        console.decision(decide(prepared.task, passes, prepared.recipe.fast, training.device, pages))
    if prepared.recipe.model.adapter is not None:
        console.decision(describe(training.model, prepared.recipe.model.adapter))
    console.say(_share(training.model))
    decides = fingerprint(prepared, training.model)
    _same_everywhere(decides)
    if not _go_on(run, training, decides, console):
        fit_head(prepared, training, console)
    supervisor = _supervise(run, prepared, training, decides, events)
    estimate = processes.on_main(lambda: _estimate(training, console))
    engine, peak = engine_named(prepared.recipe.training.engine), PeakMemory(training.device)
    peak.begin(events, held(training))
    if limit is not None:
        watch_time(limit, training, events, console)
    with supervisor.watch(), _progress(console, prepared, training, events):
        if not supervisor.ended:
            with nullcontext() if pages else allocator.kept():
                engine(training, supervisor, events)
    supervisor.curves.close()
    memory = Memory(estimate, peak)
    values = processes.on_main(lambda: _conclude(run, prepared, training, memory, base, limit, console))
    return Result(values, run)


def _estimate(training: Training, console: Console) -> MemoryEstimate | None:
    """Estimate the memory that the remaining steps need, and say it."""
    if training.state.step >= training.total_steps:
        return None
    estimate = estimate_memory(training)
    if estimate is not None:
        console.say(f"memory: {estimate}")
    return estimate


def _share(model: PreTrainedModel) -> str:
    """How many parameters learn, of how many."""
    learn, own = trainable(model), model.num_parameters()
    of_all = f" of {quantity(own, '')} ({share(learn / own)})" if learn < own else ""
    return f"{quantity(learn, 'trainable parameters')}{of_all}"


def _conclude(
    run: Run,
    prepared: Prepared,
    training: Training,
    memory: Memory,
    base: Base | None,
    limit: TimeLimit | None,
    console: Console,
) -> dict[str, Any]:
    """Score and save the model; return what `--json` prints."""
    memory.say(console)
    best = best_model(run, prepared, training, console)
    prepared.task.finish(best.model)
    prepared = replace(prepared, task=prepared.task.finished(best.model))
    task, scored = _score(prepared, best.model, console)
    if scored is not None:
        write_predictions(run.predictions_file, scored.predictions)
        write_json(run.metrics_file, scored.to_dict(task.name))
    card = {**task.card(), **({} if base is None else {BASE: base.to_dict()})}
    write_json(run.task_file, card)
    write_json(run.settings_file, prepared.recipe.flatten())
    save_model(run.model, best.model, task.tokenizer, card, model_card(run, task.words(run.path)))
    if scored is not None and (limit is None or limit.seconds - limit.used > SPARE):
        trace_rows(run, replace(prepared, task=task), best.model, scored, console)
    values = _result(run, task, training, memory, scored, best)
    if limit is not None:
        console.say(limit.words(training.state.step, training.total_steps))
        values["time"] = limit.to_dict(training.total_steps)
    write_json(run.result_file, values)
    return values


def _supervise(
    run: Run, prepared: Prepared, training: Training, decides: Mapping[str, Any], events: Events
) -> Supervisor:
    """The supervisor that evaluates, saves and records between the steps."""
    recipe, task = prepared.recipe, prepared.task
    evaluate, best = None, prepared.metric_for_best
    if "validation" in prepared.splits and recipe.training.eval_strategy != "no":
        samples, rows = Samples(run.samples_file, training.state.step), prepared.splits["validation"]
        kept = evenly(len(rows), recipe.evaluation.samples)
        shown = rows.select(kept)[:]
        evaluations = Evaluations(run.evaluations_file, training.state.step, greater=prepared.greater_is_better)

        def evaluate() -> dict[str, float]:
            found = quick_metrics(prepared, training.model, "validation")
            samples.add(training.state.step, task.samples(shown, [found.answers[i] for i in kept]))
            evaluations.add(training.state.step, next((one for one in found.metrics if one.name == best), None))
            return found.values

    return Supervisor(
        training=training,
        directory=run.checkpoints,
        curves=CurveWriter(run.curves_file if processes.is_main() else Path(os.devnull), training.state.curves_length),
        fingerprint=decides,
        evaluate=evaluate,
        metric_for_best=best,
        greater_is_better=prepared.greater_is_better,
        tolerance=recipe.evaluation.best_tolerance,
        name_rows=lambda rows: describe_rows(prepared.splits["train"], prepared.encoded["train"].to_examples(rows)),
        events=events,
    )


def _same_everywhere(decides: Mapping[str, Any]) -> None:
    """Check that every process has the same data, settings and weights before the first step.

    Raises:
        FingerprintError: Another process differs, such as one on a host with an older copy of the data.
    """
    for rank, theirs in enumerate(processes.gather(dict(decides))):
        changed = checkpoints.differences(decides, theirs)
        if changed:
            raise processes.alike(
                FingerprintError(
                    f"process {rank} would train on different inputs than process 0: {changed}",
                    where=f"process {rank}",
                    hint="every host must have the same data, model and code",
                )
            )


def _go_on(run: Run, training: Training, decides: Mapping[str, Any], console: Console) -> bool:
    """Restore the newest intact checkpoint, if there are any; returns whether there is one."""
    newest = processes.on_main(lambda: _newest(run, decides, console))
    if newest is not None:
        checkpoints.restore(training, newest)
        done, planned = count(training.state.step), count(training.total_steps)
        console.say(f"resuming from step {done} of {planned} ({newest.path.name})")
    return newest is not None


def _newest(run: Run, decides: Mapping[str, Any], console: Console) -> checkpoints.Checkpoint | None:
    """The newest intact checkpoint, which must be of this run; None if nothing was saved yet.

    Raises:
        DamagedError: There are checkpoints, but none is intact.
        FingerprintError: Data or settings that affect the result have changed.
    """
    sweep(run.checkpoints)
    newest, damaged = checkpoints.newest_whole(run.checkpoints)
    for error in damaged:
        console.warn(f"checkpoint ignored: {error.what} ({error.where})")
    if newest is None:
        if damaged:
            raise DamagedError(
                "no intact checkpoint", where=damaged[0].where, hint="start the run again with `luthier train`"
            )
        return None
    checkpoints.check_fingerprint(newest, decides)
    return newest


def _score(prepared: Prepared, model: PreTrainedModel, console: Console) -> tuple[Bound[Any], Scored | None]:
    """The final score, on the test rows, or on the validation rows if there are no test rows."""
    split = next((name for name in ("test", "validation") if name in prepared.splits), None)
    return score_split(prepared, model, split, console) if split else (prepared.task.tuned(None, console), None)


@contextmanager
def _progress(console: Console, prepared: Prepared, training: Training, events: Events) -> Iterator[None]:
    """Show a progress bar over the steps, with loss, metric and speed."""
    tolerance, ranks = prepared.recipe.evaluation.best_tolerance, prepared.metric_for_best
    near, top = (f", within {tolerance:g} of the best", BEST) if tolerance < ANY else ("", "")
    with console.progress("train", training.total_steps, "steps", training.state.step) as bar:
        metric: dict[str, str] = {}

        def step(event: StepNumbers) -> None:
            speed = quantity(event.tokens_per_second, "tokens/s")
            bar.advance(1, total=event.total_steps, loss=number(event.loss), **metric, speed=speed)

        def evaluation(event: EvaluationNumbers) -> None:
            shown = {name: number(value) for name, value in event.metrics.items()}
            raw = {name: value for name, value in shown.items() if not name.startswith(f"{EMA}_")}
            ema = {name.removeprefix(f"{EMA}_"): shown[name] for name in shown if name not in raw}
            line = f"step {event.step}, epoch {event.epoch:.1f}: validation {_first(raw, ranks)}"
            best = near if event.near else top if event.best else ""
            console.say(line + best + (f"; EMA: {_first(ema, ranks)}{BEST if event.ema_best else ''}" if ema else ""))
            metric.update({ranks: raw[ranks]} if ranks in raw and ranks != "loss" else list(raw.items())[1:2])

        def halved(event: MicroBatchHalved) -> None:
            console.say(
                f"step {event.step} ran out of memory: from here on, micro-batches of {plural(event.rows, 'row')}"
                f" instead of {count(event.before)}; the batches stay the same"
            )

        events.on("step", step)
        events.on("evaluation", evaluation)
        events.on("micro_batch", halved)
        yield


def _first(metrics: Mapping[str, str], ranks: str) -> str:
    """Three metrics, among them the one that ranks checkpoints."""
    names = sorted(metrics, key=lambda name: name not in ("loss", ranks))[:3]
    return ", ".join(f"{name} {metrics[name]}" for name in metrics if name in names)


def _result(
    run: Run, task: Bound[Any], training: Training, memory: Memory, scored: Scored | None, best: Best
) -> dict[str, Any]:
    state = training.state
    raw = best.averaging is None or best.averaging["chosen"] == CHECKPOINT
    alike = not_separated(run.evaluations_file, best.step) if raw else None
    written = scored.to_dict("") if scored else {"metrics": {}, "baselines": {}, "differences": {}}
    return {
        "run": str(run.path),
        "metric_for_best": written.get("metric_for_best"),
        "metrics": written["metrics"],
        "baselines": written["baselines"],
        "differences": written["differences"],
        **({"all_rows": written["all_rows"]} if "all_rows" in written else {}),
        "steps": state.step,
        "epochs": training.plan.epoch(state.step),
        "best_step": best.step,
        **({"not_separated": alike} if alike else {}),
        **({"averaging": best.averaging} if best.averaging else {}),
        "stopped": state.stopped or COMPLETED,
        "seconds": state.seconds,
        "tokens_per_second": state.tokens / max(state.seconds, 1e-9),
        "padding_share": 1 - state.tokens / max(state.padded_tokens, 1),
        "micro_batch_size": training.plan.micro_batch_size(),
        **memory.to_dict(),
        "parameters": best.model.num_parameters(),
        "trainable_parameters": trainable(training.model),
        "report": str(run.report_file),
        "next": task.words(run.path).next_command,
    }
