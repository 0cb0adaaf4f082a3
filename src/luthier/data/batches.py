"""Which rows go into which batch. The order is a function of the seed and the step alone, so it needs no state."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from transformers import PreTrainedTokenizerBase

from luthier import processes
from luthier.arrays import IntArray

FeatureRow = Mapping[str, Any]
Batch = dict[str, Tensor]  # the arguments of a model's forward, and `labels` where the rows have them
Collate = Callable[[Sequence[FeatureRow]], Batch]

IGNORED = -100  # the label value that takes part in no loss, as in transformers
POOL = 50  # batches that are sorted by length together: enough to save padding, few enough to stay random


@dataclass(frozen=True)
class BatchPlan:
    """The rows of every optimizer step, and how a step is divided over processes and accumulation.

    The same seed gives the same rows in the same step for any `parts` and `processes`; so 4x4 is 1x16.

    Args:
        lengths: [n] tokens of each row.
        batch_size: Rows in one optimizer step.
        parts: Micro-batches that one process runs in a step.
        seed: Decides the order.
        grouping: Whether rows of like length share a batch.
        rank: This process.
        processes: How many processes share a step.
    """

    lengths: IntArray
    batch_size: int
    parts: int = 1
    seed: int = 0
    grouping: bool = True
    rank: int = 0
    processes: int = 1
    _epoch_order: Callable[[int], list[IntArray]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_epoch_order", lru_cache(maxsize=2)(self._order))

    @property
    def steps_per_epoch(self) -> int:
        return -(-len(self.lengths) // self.batch_size)

    def epoch(self, step: int) -> float:
        """Passes over the data that are done after `step` optimizer steps."""
        return step / self.steps_per_epoch

    def rows(self, step: int) -> IntArray:
        """The rows of one step (0-based), shortest first."""
        epoch, position = divmod(step, self.steps_per_epoch)
        return self._epoch_order(epoch)[position]

    def micro_batches(self, step: int) -> list[list[int]]:
        """The rows of one step that this process runs, in `parts` micro-batches of like length.

        A micro-batch for which no row is left gets a filler, so that every process runs equally often: the first
        row of the step, written as `-1 - row`; its labels are ignored.
        """
        rows = self.rows(step)
        pieces = np.array_split(rows, self.parts * self.processes)
        mine = pieces[self.rank :: self.processes]
        return [piece.tolist() if len(piece) else [-1 - int(rows[0])] for piece in mine]

    def _order(self, epoch: int) -> list[IntArray]:
        generator = np.random.default_rng([self.seed, epoch])
        order = generator.permutation(len(self.lengths))
        if not self.grouping:
            batches = [order[start : start + self.batch_size] for start in range(0, len(order), self.batch_size)]
            return [batch[np.argsort(self.lengths[batch], kind="stable")] for batch in batches]
        pool = POOL * self.batch_size
        batches = []
        for start in range(0, len(order), pool):
            rows = order[start : start + pool]
            rows = rows[np.argsort(self.lengths[rows], kind="stable")]
            batches += [rows[at : at + self.batch_size] for at in range(0, len(rows), self.batch_size)]
        # An incomplete batch may arise only once, at the end of the last pool: the shuffle below moves it anywhere.
        return [batches[i] for i in generator.permutation(len(batches))]


@dataclass(frozen=True)
class MicroBatch:
    """What the model runs at once.

    Args:
        tensors: What the collator made, on the CPU; the labels are `IGNORED` where there is none.
        n_labels: Labels that count in the loss.
        n_tokens: Real tokens, those of the decoder too.
        n_places: The same with padding.
    """

    tensors: Batch
    n_labels: int
    n_tokens: int
    n_places: int


class _Rows(Dataset[Any]):
    """A map-style view of encoded rows in which a negative index is a filler row without labels."""

    def __init__(self, rows: Sequence[FeatureRow]) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> FeatureRow:
        if index >= 0:
            return self._rows[index]
        row = dict(self._rows[-1 - index])
        row["labels"] = np.full_like(np.asarray(row["labels"]), IGNORED).tolist()
        return row


class _Collator:
    """Collates rows and counts what is in the batch while it is still on the CPU."""

    def __init__(self, collate: Collate) -> None:
        self._collate = collate

    def __call__(self, rows: Sequence[FeatureRow]) -> MicroBatch:
        batch = self._collate(rows)
        tokens, padded_tokens = sum(len(flat(row["input_ids"])) for row in rows), batch["input_ids"].numel()
        if "decoder_input_ids" in batch:
            tokens += sum(len(row["labels"]) for row in rows)
            padded_tokens += batch["decoder_input_ids"].numel()
        return MicroBatch(batch, int(batch["labels"].ne(IGNORED).sum()), tokens, padded_tokens)


def train_loader(
    plan: BatchPlan, rows: Sequence[FeatureRow], collate: Collate, *, start: int, stop: int, workers: int = 0
) -> DataLoader[MicroBatch]:
    """A loader of micro-batches for the steps `start` (inclusive) to `stop` (exclusive), `plan.parts` to a step.

    The batches are the same for any number of workers, and drawing them leaves the global random state alone.
    """
    order = [micro for step in range(start, stop) for micro in plan.micro_batches(step)]
    return DataLoader(
        _Rows(rows),
        batch_sampler=order,
        collate_fn=_Collator(collate),
        num_workers=workers,
        generator=torch.Generator().manual_seed(plan.seed),
        persistent_workers=False,
    )


def groups(loader: DataLoader[MicroBatch], parts: int) -> Iterator[list[MicroBatch]]:
    """The micro-batches of one optimizer step after another."""
    group: list[MicroBatch] = []
    for batch in loader:
        group.append(batch)
        if len(group) == parts:
            yield group
            group = []


def amounts(group: Sequence[MicroBatch]) -> list[int]:
    """Labels, real tokens and tokens with padding of an optimizer step, over all processes. No device is touched."""
    return processes.totals(
        sum(batch.n_labels for batch in group),
        sum(batch.n_tokens for batch in group),
        sum(batch.n_places for batch in group),
    )


def by_length(lengths: IntArray, *, rows: int | None = None, tokens: int | None = None) -> list[IntArray]:
    """Rows in batches of like length, longest first, for predicting: an overflow of memory shows at once.

    Args:
        lengths: [n] tokens of each row.
        rows: Most rows in a batch; None for any number.
        tokens: Most tokens in a batch, with padding; a single row may have more. None for any number.
    """
    order = np.argsort(-lengths, kind="stable")
    batches, start = [], 0
    while start < len(order):
        fitting = tokens // max(1, int(lengths[order[start]])) if tokens is not None else len(order)
        size = max(1, min(fitting, rows or len(order)))
        batches.append(order[start : start + size])
        start += size
    return batches


def flat(ids: Sequence[Any]) -> list[int]:
    """The token ids of a row: its own, or those of all of its sequences where it has several (`[choices][tokens]`)."""
    return [token for part in ids for token in flat(part)] if ids and not isinstance(ids[0], int) else list(ids)


def longest(ids: Sequence[Any]) -> int:
    """Tokens of a row, or of the longest of its sequences: what limits are about."""
    return max(map(longest, ids)) if ids and not isinstance(ids[0], int) else len(ids)


def pad_inputs(
    rows: Sequence[FeatureRow], tokenizer: PreTrainedTokenizerBase, side: str | None = None
) -> dict[str, Tensor]:
    """What the tokenizer made of rows, padded at its own side or another.

    Returns:
        Each input as [rows, tokens of the longest]; [rows, sequences, tokens] where a row has several sequences.
    """
    inputs = [{name: row[name] for name in tokenizer.model_input_names if name in row} for row in rows]
    if not isinstance(inputs[0]["input_ids"][0], list):
        return dict(tokenizer.pad(inputs, padding_side=side, return_tensors="pt"))
    each = [dict(zip(row, sequence, strict=True)) for row in inputs for sequence in zip(*row.values(), strict=True)]
    padded = tokenizer.pad(each, padding_side=side, return_tensors="pt")
    return {name: tensor.view(len(rows), -1, tensor.shape[-1]) for name, tensor in padded.items()}


def pad_labels(rows: Sequence[FeatureRow], width: int | None = None) -> Tensor:
    """The labels of rows, [rows, width]; what pads them is ignored. Without a width, that of the longest."""
    width = max(len(row["labels"]) for row in rows) if width is None else width
    return torch.tensor([[*row["labels"], *[IGNORED] * (width - len(row["labels"]))] for row in rows])
