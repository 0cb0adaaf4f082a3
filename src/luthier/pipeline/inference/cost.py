"""Estimate what a run would cost, from a few real batches of each of its parts."""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from torch import nn

from luthier import processes
from luthier.arrays import FloatArray
from luthier.console import Console
from luthier.engines import engine_named
from luthier.engines.base import Step, Training
from luthier.pipeline.inference.embed import is_embedded
from luthier.pipeline.inference.infer import Asked, answer, asked_of, evenly
from luthier.pipeline.inference.score import PROBED, score
from luthier.pipeline.preparation.prepare import Prepared
from luthier.pipeline.training.head import ROWS, may_fit
from luthier.recipe import TrainingRecipe
from luthier.recipe.training import Strategy, steps_between
from luthier.run_directory.environment import peak_memory
from luthier.tasks.registry import shapes_using

MEASURED = 4  # batches of each part; the first quarter of them warms up
MOST_STEPS = 200  # to measure, if more time is given
WRITTEN = 16  # rows of the larger batch of generated answers
LEARNED, SCORED = 2_000, 200  # rows for the baselines
CALIBRATE = "evaluation.calibrate"


@dataclass(frozen=True)
class Part:
    """The cost of a part of a run, in seconds.

    Args:
        low: By the fastest of the measured batches.
        high: By the slowest one.
        expected: By all of them together.
        times: How often it is done.
        rows: Rows each time; for the training, of a step.
    """

    low: float
    high: float
    expected: float
    times: int
    rows: int


@dataclass(frozen=True)
class Pace:
    """Seconds of a mean row or step: by the fastest and the slowest of the measured batches, and by all of them."""

    low: float
    high: float
    expected: float

    @classmethod
    def of(cls, seconds: Sequence[float], amounts: Sequence[float], mean: float) -> "Pace":
        """The pace of batches, each with its seconds and its amount of tokens or rows; `mean` is that of one."""
        per_one = [mean * one / amount for one, amount in zip(seconds, amounts, strict=True)]
        return cls(min(per_one), max(per_one), mean * sum(seconds) / sum(amounts))

    def part(self, times: int, rows: int, *, each: int = 1, more: float = 0.0) -> Part:
        """A part of a run that takes this pace for each of so many, and some more seconds, each time."""
        low, high, expected = (times * (each * one + more) for one in (self.low, self.high, self.expected))
        return Part(low, high, expected, times, rows)


@dataclass(frozen=True)
class Cost:
    """The estimated cost of a run after its data was prepared.

    Args:
        steps: Optimizer steps.
        seconds_per_step: Mean of the measured steps, for a batch of mean length.
        parts: Parts of the run, such as `training` and `evaluation`, to their cost.
        peak_memory_bytes: Peak of the memory so far.
    """

    steps: int
    seconds_per_step: float
    parts: Mapping[str, Part]
    peak_memory_bytes: int | None

    def to_dict(self) -> dict[str, Any]:
        """What `inspect --json` says: also `low`, `high` and `seconds`, which are expected, of all parts together."""
        low, high, seconds = (
            sum(getattr(part, name) for part in self.parts.values()) for name in ("low", "high", "expected")
        )
        parts = {name: asdict(part) for name, part in self.parts.items()}
        return asdict(self) | {"seconds": seconds, "low": low, "high": high, "parts": parts}


def measure_cost(
    prepared: Prepared, training: Training, train_rows: int | None = None, *, seconds: float = 0.0
) -> Cost:
    """Run a few batches of each part of a run, to estimate its cost. Every process must call this.

    Args:
        prepared: The data; where it is a sample, the cost is that of all rows.
        training: Assembled for this alone, as steps change its weights. Its number of steps is set.
        train_rows: Rows that the recipe trains on, if the data is a sample; None for all.
        seconds: Time for measuring training steps; with little time, four of them are measured.
    """
    sizes = _sizes(prepared, train_rows)
    factor = sizes["train"] / len(prepared.splits["train"])
    per_epoch = max(1, round(training.plan.steps_per_epoch * factor))
    training.total_steps = prepared.recipe.training.total_steps(per_epoch)
    # The first step puts the model into the precision of the training, which neither of these has.
    head = processes.on_main(lambda: _fitted_head(prepared, training, sizes))
    scoring = processes.on_main(lambda: _scoring(prepared, training, sizes))
    step = _steps(training, seconds)
    whole = {"training": step.part(training.total_steps, training.plan.most_rows)}
    during = processes.on_main(lambda: _evaluations(prepared, training, sizes, per_epoch))
    parts = whole | head | during | scoring
    return processes.on_main(lambda: Cost(training.total_steps, step.expected, parts, peak_memory(training.device)))


def evaluations(recipe: TrainingRecipe, total_steps: int, per_epoch: int) -> int:
    """How often a training evaluates weights, averaged ones too, if it is not stopped early."""
    before = max(0, scheduled(recipe, total_steps, per_epoch) - 1)
    return before * _compared(recipe) + last_evaluations(recipe, total_steps, per_epoch)


def scheduled(recipe: TrainingRecipe, total_steps: int, per_epoch: int) -> int:
    """How often a training evaluates on schedule, the raw and the EMA weights together."""
    during = _during(recipe, total_steps, per_epoch)
    return during and during + recipe.eval_on_start


def last_evaluations(recipe: TrainingRecipe, total_steps: int, per_epoch: int) -> int:
    """How many of all evaluations are done from the last scheduled one on."""
    during = _during(recipe, total_steps, per_epoch)
    if not during:
        return 0
    compared = _compared(recipe)
    return compared + (min(recipe.average_best, during) + compared - 1 if recipe.average_best else 0)


def _during(recipe: TrainingRecipe, total_steps: int, per_epoch: int) -> int:
    """The scheduled evaluations after a step."""
    return occasions(recipe.eval_strategy, recipe.eval_steps, total_steps, per_epoch)


def _compared(recipe: TrainingRecipe) -> int:
    """The raw weights, and the EMA weights if there are any."""
    return 1 if recipe.ema_decay is None else 2


def checkpoints(recipe: TrainingRecipe, total_steps: int, per_epoch: int) -> int:
    """How often a training saves a checkpoint, if each evaluation is the best one so far."""
    saved = occasions(recipe.save_strategy, recipe.save_steps, total_steps, per_epoch)
    return max(saved, _during(recipe, total_steps, per_epoch))


def occasions(strategy: Strategy, every: float, total_steps: int, per_epoch: int) -> int:
    """How often something is done that is done at the last step too."""
    steps = steps_between(strategy, every, total_steps, per_epoch)
    return 0 if steps is None else math.ceil(total_steps / steps)


def _sizes(prepared: Prepared, train_rows: int | None) -> dict[str, int]:
    """Rows of each split; those of a sample grow to the estimated number."""
    kept = {split: len(rows) for split, rows in prepared.splits.items()}
    if prepared.sample is None:
        return kept
    return prepared.sample.sizes(kept, prepared.table.accounts, train_rows)


def _steps(training: Training, seconds: float) -> Pace:
    """The pace of the steps, by a few of them."""
    # Batches differ in length, so time is measured per token.
    mean = float(training.plan.lengths.sum()) / training.plan.steps_per_epoch
    total, training.total_steps = training.total_steps, min(training.total_steps, MOST_STEPS if seconds else MEASURED)
    clock, tokens = [time.perf_counter()], []

    def measure(step: Step) -> bool:
        float(step.loss)  # waits for the device
        clock.append(time.perf_counter())
        tokens.append(max(step.tokens, 1))
        return processes.on_main(lambda: len(tokens) >= MEASURED and clock[-1] - clock[0] >= seconds)

    engine_named(training.recipe.engine)(training, measure)
    training.total_steps = total
    cold = math.ceil(len(tokens) / 4) if len(tokens) > 1 else 0
    return Pace.of(np.diff(clock)[cold:].tolist(), tokens[cold:], mean)


def _fitted_head(prepared: Prepared, training: Training, sizes: Mapping[str, int]) -> dict[str, Part]:
    """The features that a new head is fitted to."""
    rows = min(sizes["train"], ROWS)
    return {"fitted_head": _forward(prepared, training, "train").part(1, rows, each=rows)} if may_fit(prepared) else {}


def _evaluations(prepared: Prepared, training: Training, sizes: Mapping[str, int], per_epoch: int) -> dict[str, Part]:
    """The evaluations during training, and the answers generated in them."""
    n = evaluations(training.recipe, training.total_steps, per_epoch) if "validation" in sizes else 0
    if not n:
        return {}
    rows = sizes["validation"]
    samples = rows if prepared.ranked_by_answers else min(prepared.recipe.evaluation.samples, rows)
    parts = {"evaluation": _forward(prepared, training, "validation").part(n, rows, each=rows)}
    written = _written(prepared, training, "validation", samples)
    return parts | ({"samples": written.part(n, samples, each=samples)} if written else {})


def _scoring(prepared: Prepared, training: Training, sizes: Mapping[str, int]) -> dict[str, Part]:
    """The final score: the model's answers, the metrics, and the baselines."""
    split = next((name for name in ("test", "validation") if name in sizes), None)
    if split is None:
        return {}
    recipe, task, rows = prepared.recipe.model_copy(deep=True), prepared.task, sizes[split]
    recipe.evaluation.metrics = []  # those of the user may need outputs of the model
    examples = _some(prepared, split, evenly(len(prepared.splits[split]), SCORED)).examples
    answers, baselines, parts = task.perfect(examples), {}, {}
    if recipe.evaluation.baselines:
        train = prepared.splits["train"]
        some = train.select(evenly(len(train), LEARNED))
        start = time.perf_counter()
        baselines = task.baselines(some[:], examples)
        seconds = time.perf_counter() - start
        larger = sizes["train"] / len(some), rows / len(answers)  # than what was measured: what is learned, and scored
        expected = seconds * (sizes["train"] + rows) / (len(some) + len(answers))
        parts["baselines"] = Part(min(larger) * seconds, max(larger) * seconds, expected, 1, sizes["train"])
    start = time.perf_counter()
    score(task, answers, examples, recipe, split=split, baselines=baselines)
    metrics = (time.perf_counter() - start) * rows / len(answers)
    said = _forward(prepared, training, split)
    parts["final_score"] = said.part(1, rows, each=rows, more=metrics)
    generated = min(rows, rows if recipe.evaluation.generated_rows is None else recipe.evaluation.generated_rows)
    written = _written(prepared, training, split, generated)
    if written:
        parts["generated_answers"] = written.part(1, generated, each=generated)
    if recipe.evaluation.calibrate and "validation" in sizes and task.shape in shapes_using(task.kind, CALIBRATE):
        known = sizes["validation"]
        parts["calibration"] = _forward(prepared, training, "validation").part(1, known, each=known)
    if baselines and recipe.model.name is not None and task.untuned(lambda: []):
        more = written.expected * generated if written else 0.0
        parts["model_before_fine_tuning"] = said.part(1, rows, each=rows, more=more)
    if baselines and recipe.model.name is not None and not _has_features(prepared, split):
        texts = min(sizes["train"], PROBED) + rows
        parts["frozen_features"] = said.part(1, texts, each=texts)
    return parts


def _has_features(prepared: Prepared, split: str) -> bool:
    """Whether no frozen features are to be computed: they are in the cache, or the task compares with none."""
    asked: list[str] = []

    def note(texts: Sequence[str]) -> FloatArray:
        asked.extend(texts)
        return np.zeros((len(texts), 1))

    train, test = prepared.splits["train"], prepared.splits[split]
    prepared.task.probe(note, train.select(evenly(len(train), PROBED))[:], test[:])
    return not asked or is_embedded(prepared, asked)


def _forward(prepared: Prepared, training: Training, split: str) -> Pace:
    """The pace of the answers to the rows of a split, by a few batches, without generated ones."""
    encoded, rows = prepared.encoded[split], len(prepared.splits[split])
    size = prepared.recipe.evaluation.eval_batch_size
    by_length = np.argsort(encoded.full_lengths, kind="stable")  # as in a pass over all rows
    seconds, tokens = [], []
    places = evenly(rows - size, MEASURED) if rows > size else [0] * MEASURED
    nn.Module.to(training.model.eval(), training.device)
    for first in (places[-1], *places):  # the first one warms up
        asked = _some(prepared, split, by_length[first : first + size].tolist())
        start = time.perf_counter()
        answer(prepared.task, training.model, asked, prepared.recipe, generated=0)
        seconds.append(time.perf_counter() - start)
        tokens.append(float(asked.lengths.sum()))
    return Pace.of(seconds[1:], tokens[1:], float(encoded.lengths.sum()) / rows)


def _written(prepared: Prepared, training: Training, split: str, rows: int) -> Pace | None:
    """The pace of generated answers, by a smaller and a larger batch; None for tasks that generate none."""
    seconds, sizes = [], []
    for n in sorted({min(rows, prepared.recipe.evaluation.samples), min(rows, WRITTEN)} - {0}):
        asked = _some(prepared, split, evenly(len(prepared.splits[split]), n))
        start = time.perf_counter()
        written = prepared.task.write(training.model, asked.examples, Console())
        if not written:
            return None
        seconds.append(time.perf_counter() - start)
        sizes.append(n)
    return Pace.of(seconds, sizes, 1.0) if sizes else None


def _some(prepared: Prepared, split: str, positions: Sequence[int]) -> Asked:
    examples = prepared.splits[split].select(positions)[:]
    return asked_of(examples, prepared.task.encode(examples, training=False))
