"""Estimate what a run would cost, from a few real batches of each of its parts."""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from luthier import processes
from luthier.arrays import FloatArray
from luthier.console import Console
from luthier.engines import engine_named
from luthier.engines.base import Step, Training
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
        times: How often it is done.
        rows: Rows each time; for the training, of a step.
    """

    low: float
    high: float
    times: int
    rows: int


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
        """What `inspect --json` says: also `low` and `high` of all parts together, and `seconds`, which is between."""
        low, high = (sum(getattr(part, name) for part in self.parts.values()) for name in ("low", "high"))
        parts = {name: asdict(part) for name, part in self.parts.items()}
        return asdict(self) | {"seconds": (low + high) / 2, "low": low, "high": high, "parts": parts}


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
    per_step, mean = _steps(training, seconds)
    rows = training.plan.most_rows

    def parts() -> dict[str, Part]:
        found = {"training": _part(per_step, training.total_steps, rows)}
        if may_fit(prepared):
            fitted = min(sizes["train"], ROWS)
            found["fitted_head"] = _part([fitted * one for one in _forward(prepared, training, "train")], 1, fitted)
        found |= _evaluations(prepared, training, sizes, per_epoch)
        return found | _scoring(prepared, training, sizes)

    return processes.on_main(lambda: Cost(training.total_steps, mean, parts(), peak_memory(training.device)))


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


def _steps(training: Training, seconds: float) -> tuple[list[float], float]:
    """Seconds of a mean step, by each of a few steps and by all of them."""
    # Batches differ in length, so time is measured per token.
    tokens = float(training.plan.lengths.sum()) / training.plan.steps_per_epoch
    total, training.total_steps = training.total_steps, min(training.total_steps, MOST_STEPS if seconds else MEASURED)
    clock, found, weights = [time.perf_counter()], [], []

    def measure(step: Step) -> bool:
        float(step.loss)  # waits for the device
        clock.append(time.perf_counter())
        weights.append(max(step.tokens, 1))
        found.append((clock[-1] - clock[-2]) / weights[-1] * tokens)
        return processes.on_main(lambda: len(found) >= MEASURED and clock[-1] - clock[0] >= seconds)

    engine_named(training.recipe.engine)(training, measure)
    training.total_steps = total
    cold = math.ceil(len(found) / 4) if len(found) > 1 else 0
    return found[cold:], float(np.average(found[cold:], weights=weights[cold:]))


def _evaluations(prepared: Prepared, training: Training, sizes: Mapping[str, int], per_epoch: int) -> dict[str, Part]:
    """The evaluations during training, and the answers generated in them."""
    n = evaluations(training.recipe, training.total_steps, per_epoch) if "validation" in sizes else 0
    if not n:
        return {}
    rows = sizes["validation"]
    samples = rows if prepared.ranked_by_answers else min(prepared.recipe.evaluation.samples, rows)
    parts = {"evaluation": _part([rows * one for one in _forward(prepared, training, "validation")], n, rows)}
    written = _written(prepared, training, "validation", samples)
    return parts | ({"samples": _part([samples * one for one in written], n, samples)} if written else {})


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
        whole = seconds * max(sizes["train"] / len(some), rows / len(answers))
        parts["baselines"] = Part(seconds, whole, 1, sizes["train"])
    start = time.perf_counter()
    score(task, answers, examples, recipe, split=split, baselines=baselines)
    metrics = (time.perf_counter() - start) * rows / len(answers)
    said = [rows * one for one in _forward(prepared, training, split)]
    parts["final_score"] = _part([one + metrics for one in said], 1, rows)
    generated = min(rows, rows if recipe.evaluation.generated_rows is None else recipe.evaluation.generated_rows)
    written = [generated * one for one in _written(prepared, training, split, generated)]
    if written:
        parts["generated_answers"] = _part(written, 1, generated)
    if recipe.evaluation.calibrate and "validation" in sizes and task.shape in shapes_using(task.kind, CALIBRATE):
        times = _forward(prepared, training, "validation")
        parts["calibration"] = _part([sizes["validation"] * one for one in times], 1, sizes["validation"])
    if baselines and recipe.model.name is not None and task.untuned(lambda: []):
        again = Part(min(said) + min(written or [0]), max(said) + max(written or [0]), 1, rows)
        parts["model_before_fine_tuning"] = again
    if baselines and recipe.model.name is not None and task.probe(_no_embeddings, some[:], examples):
        texts = min(sizes["train"], PROBED) + rows
        parts["frozen_features"] = _part([one / rows * texts for one in said], 1, texts)
    return parts


def _no_embeddings(texts: Sequence[str]) -> FloatArray:
    return np.zeros((len(texts), 1))


def _forward(prepared: Prepared, training: Training, split: str) -> list[float]:
    """Seconds of the answer to a mean row of a split, by each of a few batches, without generated ones."""
    encoded, rows = prepared.encoded[split], len(prepared.splits[split])
    size = prepared.recipe.evaluation.eval_batch_size
    by_length = np.argsort(encoded.full_lengths, kind="stable")  # as in a pass over all rows
    mean, found = float(encoded.lengths.sum()) / rows, []
    places = evenly(rows - size, MEASURED) if rows > size else [0] * MEASURED
    for first in places:
        asked = _some(prepared, split, by_length[first : first + size].tolist())
        start = time.perf_counter()
        training.model.eval()
        answer(prepared.task, training.model, asked, prepared.recipe, generated=0)
        found.append((time.perf_counter() - start) / float(asked.lengths.sum()) * mean)
    return found[1:] or found


def _written(prepared: Prepared, training: Training, split: str, rows: int) -> list[float]:
    """Seconds of a generated answer, by a smaller and a larger batch; empty for tasks that generate none."""
    found = []
    for n in sorted({min(rows, prepared.recipe.evaluation.samples), min(rows, WRITTEN)} - {0}):
        asked = _some(prepared, split, evenly(len(prepared.splits[split]), n))
        training.model.eval()
        start = time.perf_counter()
        written = prepared.task.write(training.model, asked.examples, Console())
        if not written:
            return []
        found.append((time.perf_counter() - start) / n)
    return found


def _some(prepared: Prepared, split: str, positions: Sequence[int]) -> Asked:
    examples = prepared.splits[split].select(positions)[:]
    return asked_of(examples, prepared.task.encode(examples, training=False))


def _part(seconds: Sequence[float], times: int, rows: int) -> Part:
    return Part(times * min(seconds), times * max(seconds), times, rows)
