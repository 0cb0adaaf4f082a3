"""Run a model over encoded rows, batch by batch, and get its answers."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from accelerate.utils import send_to_device
from torch import nn
from transformers import PreTrainedModel

from luthier.arrays import IntArray, array_of
from luthier.console import Console
from luthier.data.batches import IGNORED, Collate, by_length, flat
from luthier.data.tokenized import TARGET_LENGTH, Encoded, Examples, Features
from luthier.engines.objective import Objective
from luthier.errors import NonFiniteError
from luthier.interrupts import check
from luthier.pipeline.fast_path import inference
from luthier.pipeline.inference.outputs import RawOutputs
from luthier.recipe import Recipe
from luthier.tasks.phases import Answer, Bound
from luthier.text import listing, plural

MOST_TOKENS = 8_192  # per batch of long rows, whatever is computed for each token
MOST_NUMBERS = 1 << 26  # output values per batch: a quarter of a gigabyte in float32


@dataclass(frozen=True)
class Asked:
    """Examples and their features, ready to run a model on.

    Args:
        examples: Canonical columns.
        rows: Their features.
        lengths: [rows] tokens of each row.
    """

    examples: Examples
    rows: Sequence[Mapping[str, Any]]
    lengths: IntArray

    @classmethod
    def of(cls, examples: Examples, encoded: Encoded) -> "Asked":
        return cls(examples, encoded.rows, encoded.lengths)

    @property
    def size(self) -> int:
        return len(next(iter(self.examples.values()), ()))


def asked_of(examples: Examples, features: Features) -> Asked:
    """Combine examples with the features that a task made of them."""
    rows = [{key: column[i] for key, column in features.items()} for i in range(len(features["input_ids"]))]
    lengths = np.array([len(flat(row["input_ids"])) + row.get(TARGET_LENGTH, 0) for row in rows])
    return Asked(examples, rows, lengths)


def infer(
    task: Bound[Any],
    model: nn.Module,
    asked: Asked,
    batches: Sequence[IntArray],
    collate: Collate,
    objective: Objective,
    console: Console | None = None,
    raw: RawOutputs | None = None,
) -> tuple[list[Any], float | None]:
    """Run a model over rows. The same rows and batches give bit-identical results.

    Args:
        task: Selects what to collect.
        model: In evaluation mode.
        asked: The rows.
        batches: Indices of the rows in each batch; every row is in exactly one.
        collate: Pads rows to a batch.
        objective: Runs the model, and sums its loss if there is one.
        console: Shows the progress.
        raw: Collects the raw outputs and label ids.
    Returns:
        What the task keeps of the outputs, for each row; the mean loss over all labels, None without labels.
    """
    device = next(model.parameters()).device
    collected: list[Any] = [None] * len(asked.rows)
    total, labels_seen = 0.0, 0
    with torch.inference_mode(), (console or Console()).progress("evaluate", len(asked.rows)) as bar:
        for chosen in batches:
            check()
            batch = send_to_device(collate([asked.rows[int(i)] for i in chosen]), device)
            outputs, loss_sum = objective(model, batch)
            if loss_sum is not None:
                total += float(loss_sum)
                labels_seen += int(batch["labels"].ne(IGNORED).sum())
            for i, value in zip(chosen, task.collect(outputs, batch), strict=True):
                collected[int(i)] = value
            if raw is not None:
                raw.add(chosen, *(list(map(array_of, tensors)) for tensors in task.trainer_outputs(outputs, batch)))
            bar.advance(len(chosen))
    return collected, total / labels_seen if labels_seen else None


def batches_of(
    task: Bound[Any], model: PreTrainedModel, lengths: IntArray, rows: int, *, logits: bool = True
) -> list[IntArray]:
    """Batches for a pass, with fewer rows if each token has outputs for a whole vocabulary.

    Args:
        task: Gives the number of outputs per token.
        model: Its vocabulary size counts.
        lengths: [n] tokens of each row.
        rows: Maximum rows per batch.
        logits: Whether these outputs are computed at all.
    """
    width = task.outputs_per_token(model)
    most = max(1, MOST_NUMBERS // width) if width and logits else MOST_TOKENS
    return by_length(lengths, rows=rows, tokens=most if width else None)


def answer(
    task: Bound[Any],
    model: PreTrainedModel,
    asked: Asked,
    recipe: Recipe,
    *,
    generated: int | None = None,
    console: Console | None = None,
    raw: RawOutputs | None = None,
) -> tuple[list[Answer], float | None]:
    """The answers to examples that have labels, and the mean loss.

    Args:
        task: The task of the model.
        model: In evaluation mode.
        asked: The examples.
        recipe: Its evaluation and training settings are used.
        generated: Number of examples to generate answers for, if the task generates, evenly spaced; None for all.
        console: Shows the progress.
        raw: Collects the raw outputs and label ids, or generated ids.
    Raises:
        NonFiniteError: The loss is nan or infinite, so that the answers mean nothing.
    """
    collate = task.collator(model)
    objective = inference(task, model, recipe.fast, recipe.training, logits=raw is not None)
    batches = batches_of(task, model, asked.lengths, recipe.evaluation.eval_batch_size, logits=objective.logits)
    collected, loss = infer(task, model, asked, batches, collate, objective, console, raw)
    if loss is not None and not math.isfinite(loss):
        raise NonFiniteError(
            f"the loss on {plural(asked.size, 'held-out row')} is {loss}: the model's outputs overflow",
            where=listing(list(dict.fromkeys(asked.examples["source"])), 3),
            hint="train again with a lower learning rate, or with --precision fp32",
        )
    answers = task.answers(asked.examples, asked.rows, collected)
    positions = evenly(asked.size, generated)
    chosen = {name: [column[i] for i in positions] for name, column in asked.examples.items()}
    written = task.write(model, chosen, console or Console())
    if written is None:
        return answers, loss
    if raw is not None:
        raw.generated(positions, [one.ids for one in written])
    texts = {position: one.text for position, one in zip(positions, written, strict=True)}
    return [answer | {"prediction": texts.get(i)} for i, answer in enumerate(answers)], loss


def evenly(n: int, most: int | None) -> list[int]:
    """At most `most` of n positions, evenly spaced and deterministic."""
    if most is None or most >= n:
        return list(range(n))
    return np.unique(np.linspace(0, n - 1, most).astype(int)).tolist() if most else []
