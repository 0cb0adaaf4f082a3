"""What happens between the steps: reading metrics, evaluating, saving, and stopping early."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from luthier import interrupts, processes
from luthier.engines import checkpoints
from luthier.engines.averages import EMA, Ema, evaluated
from luthier.engines.base import Step, Training, check_weights
from luthier.engines.events import CheckpointSaved, EvaluationNumbers, Events, Replan, StepNumbers, Stop, TrainingEnded
from luthier.engines.optimizers.schedules import step_after_evaluation
from luthier.engines.ranking import Evaluated
from luthier.errors import InterruptedRun, NonFiniteError
from luthier.learning_curves.record import CurveWriter
from luthier.recipe.training import Strategy, steps_between
from luthier.run_directory.run import COMPLETED
from luthier.text import typed


@dataclass
class Supervisor:
    """Called by an engine after each step, in every process: all decide alike, but only rank 0 writes and reports.

    Args:
        training: The training.
        directory: The run's `checkpoints`.
        curves: Writes the learning curves.
        fingerprint: What determines the result of the run.
        evaluate: Returns the metrics on the validation rows, including `loss`; None if there are no such rows.
        metric_for_best: Name of the metric that selects the best checkpoint.
        greater_is_better: Whether a higher value of it is better.
        name_rows: Describes which source rows a step's rows are.
        events: The listeners.
        tolerance: The last weights become the best ones if their metric is worse than the best by this at most.
    """

    training: Training
    directory: Path
    curves: CurveWriter
    fingerprint: Mapping[str, Any]
    evaluate: Callable[[], Mapping[str, float]] | None
    metric_for_best: str
    greater_is_better: bool
    name_rows: Callable[[Sequence[int]], str]
    events: Events = field(default_factory=Events)
    tolerance: float = 0.0

    def __post_init__(self) -> None:
        self._pending: list[Step] = []
        self._clock = self._read_at = time.perf_counter()

    @contextmanager
    def watch(self) -> Iterator[None]:
        """Catch signals during training, and notify the listeners when it ends.

        Raises:
            InterruptedRun: A signal was caught.
        """
        with interrupts.watched(), interrupts.deferred():
            self._start()
            self._clock = self._read_at = time.perf_counter()
            yield
            interrupted = interrupts.agreed()
        state = self.training.state
        if interrupted:
            raise processes.alike(
                InterruptedRun(
                    f"stopped by {interrupted.name} after step {state.step} of {self.training.total_steps};"
                    " everything is saved",
                    where=str(self.directory.parent),
                    hint=f"`luthier resume {typed(self.directory.parent)}` resumes from here",
                )
            )
        ended = TrainingEnded(state.step, state.stopped or COMPLETED)
        processes.on_main(lambda: self.events.emit("end", ended))

    @property
    def ended(self) -> bool:
        """Whether no step is to be done: all are, or training was stopped. All processes must ask."""
        state = self.training.state
        return bool(state.step >= self.training.total_steps or state.stopped or interrupts.agreed())

    def __call__(self, step: Step) -> bool:
        training, recipe = self.training, self.training.recipe
        now = time.perf_counter()
        training.state.seconds += now - self._clock
        self._pending.append(step)
        interrupted = interrupts.agreed() is not None  # a signal after this counts in the evaluation or the next step
        last = step.step >= training.total_steps
        evaluate = self.evaluate is not None and (
            last or step.evaluate or self._due(recipe.eval_strategy, recipe.eval_steps)
        )
        save = last or step.save or self._due(recipe.save_strategy, recipe.save_steps) or interrupted

        # On a CPU the values are available; elsewhere reading them waits for the device, so it is done rarely.
        if evaluate or save or step.loss.device.type == "cpu" or step.step % recipe.logging_steps == 0:
            asked = self._read_numbers(now)
            evaluate = evaluate or (asked and self.evaluate is not None)
        if evaluate:
            save = self._evaluate() or save
            interrupted = interrupts.agreed() is not None
        ends = last or bool(training.state.stopped)
        to_average = recipe.average_best is not None and step.step in training.state.best_steps
        if ends and recipe.save_strategy == "no" and not interrupted and not to_average:
            processes.on_main(self.curves.sync)  # no checkpoint: the end takes the weights of the last step from memory
        elif ends or save or interrupted:
            self._save()
        self._clock = time.perf_counter()
        return bool(last or training.state.stopped or interrupted)

    def _due(self, strategy: Strategy, every: float) -> bool:
        training = self.training
        steps = steps_between(strategy, every, training.total_steps, training.plan.steps_per_epoch)
        return steps is not None and training.state.step % steps == 0

    def _read_numbers(self, now: float) -> bool:
        """Record the steps since the last call; returns whether a listener stops the training with an evaluation."""
        rate = sum(step.tokens for step in self._pending) / max(now - self._read_at, 1e-9)
        self._read_at = now
        pending, self._pending = self._pending, []
        evaluate = False
        for step in pending:
            epoch = self.training.plan.epoch(step.step)
            loss, norm = float(step.loss), float(step.grad_norm)
            self.curves.add(
                step.step,
                epoch,
                {"train/loss": loss, "train/learning_rate": step.learning_rate, "train/grad_norm": norm},
            )
            if not bool(step.healthy):
                processes.on_main(self.curves.sync)
                self._refuse(step.step, loss, norm)
            numbers = StepNumbers(step.step, epoch, self.training.total_steps, loss, norm, step.learning_rate, rate)
            evaluate = self._heed("step", numbers) or evaluate
        self.curves.add(pending[-1].step, epoch, {"train/tokens_per_second": rate})
        self.curves.flush()
        return evaluate

    def _refuse(self, step: int, loss: float, norm: float) -> None:
        rows = self.name_rows(self.training.plan.rows(step - 1).tolist())
        raise processes.alike(
            NonFiniteError(
                f"step {step}: the loss is {loss} and the gradient's norm {norm}; the update was not applied",
                where=rows,
                hint="check these rows, lower the learning rate, or use --precision fp32;"
                " earlier checkpoints are intact",
            )
        )

    def _start(self) -> None:
        """Evaluate before the first step, if asked to, or repeat the evaluation that a signal interrupted."""
        state = self.training.state
        if state.evaluation_due:
            self._evaluate()
            self._save()
        elif self.training.recipe.eval_on_start and not state.step and self.evaluate is not None:
            metrics = self._measure()
            if metrics is not None:
                self._tell(metrics, best=False)  # it has no checkpoint that could be the best one

    def _measure(self) -> Mapping[str, float] | None:
        """Compute the metrics on the validation rows; None if a signal interrupted this, in any process."""
        check_weights(self.training)
        # Random numbers drawn by a metric must not change those of dropout.
        randomness = checkpoints.random_state(self.training.device)
        self.training.model.eval()
        ema = self.training.ema
        # The samples that are kept are of the last evaluation, so the raw weights come last.
        averaged = {} if ema is None else self._metrics_of(ema)
        metrics = None if averaged is None else self._metrics_of(None)
        if metrics and averaged:
            metrics = {**metrics, **{f"{EMA}_{name}": value for name, value in averaged.items()}}
        self.training.model.train()
        checkpoints.set_random_state(randomness, self.training.device)
        return metrics

    def _metrics_of(self, ema: Ema | None) -> Mapping[str, float] | None:
        with evaluated(self.training.optimizer, ema):
            return None if interrupts.agreed() else processes.on_main(self._metrics_or_none)

    def _metrics_or_none(self) -> Mapping[str, float] | None:
        assert self.evaluate is not None
        with suppress(interrupts.Interrupted):
            return self.evaluate()
        return None

    def _tell(self, metrics: Mapping[str, float], *, best: bool, ema_best: bool = False, near: bool = False) -> None:
        state = self.training.state
        epoch = self.training.plan.epoch(state.step)
        self.curves.add(state.step, epoch, {f"eval/{name}": value for name, value in metrics.items()})
        self._heed("evaluation", EvaluationNumbers(state.step, epoch, metrics, best, ema_best, near))

    def _evaluate(self) -> bool:
        """Evaluate, and return whether these weights or their average are among the best so far."""
        state, metrics = self.training.state, self._measure()
        state.evaluation_due = metrics is None
        if metrics is None:
            return False
        greater = self.greater_is_better
        found = Evaluated.of(state.step, metrics, self.metric_for_best)
        averaged = Evaluated.of(state.step, metrics, self.metric_for_best, f"{EMA}_")  # nan without an average
        gains = found.gains(state.top, greater=greater)
        near = not gains and found.near(state.top, self.tolerance, greater=greater)
        if gains:
            state.top = found
        gain = gains or near or averaged.gains(state.ema_best, greater=greater)
        better = near or found.beats(state.best, greater=greater)
        if better:
            state.best_step, state.best_value, state.best_loss = state.step, found.value, found.loss
        ema_better = averaged.beats(state.ema_best, greater=greater)
        if ema_better:
            state.ema_best = averaged
        state.ranked = found.among(state.ranked, self.training.recipe.average_best or 0, greater=greater)
        if gain:
            state.evaluations_without_gain = 0
        elif found.defined or averaged.defined:
            state.evaluations_without_gain += 1
        step_after_evaluation(self.training.scheduler, found.loss)
        self._tell(metrics, best=better, ema_best=ema_better, near=near)
        patience = self.training.recipe.early_stopping_patience
        if patience and state.evaluations_without_gain >= patience:
            state.stopped = f"{self.metric_for_best} did not improve in {patience} evaluations"
        self._read_at = time.perf_counter()
        return state.step in state.best_steps

    def _save(self) -> None:
        state = self.training.state
        state.curves_length = processes.on_main(self.curves.sync)
        saved = checkpoints.save(self.training, self.directory, self.fingerprint, self.training.recipe.save_total_limit)
        self._heed("checkpoint", CheckpointSaved(state.step, saved.path))
        self._read_at = time.perf_counter()

    def _heed(self, name: Any, event: Any) -> bool:
        """Tell the listeners, and stop or change the steps if one asks for it; returns whether to evaluate too."""
        wish = processes.on_main(lambda: self.events.emit(name, event))
        if isinstance(wish, Replan):
            self.training.end_with(wish.total_steps)
        if not isinstance(wish, Stop) or self.training.state.stopped:
            return False
        self.training.state.stopped = wish.reason
        return wish.evaluate
