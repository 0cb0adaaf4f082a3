"""Training and prediction batches. The training order depends only on seed and step, so it needs no saved state."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from transformers import PreTrainedTokenizerBase

from luthier import processes
from luthier.arrays import IntArray

FeatureRow = Mapping[str, Any]
Batch = dict[str, Tensor]  # the arguments of a model's forward, with `labels` if the rows have them
Collate = Callable[[Sequence[FeatureRow]], Batch]

IGNORED = -100  # label value that the loss ignores, as in transformers
POOL = 50  # batches sorted by length together: enough to reduce padding, few enough to keep the order random


@dataclass(frozen=True)
class BatchPlan:
    """The rows of every optimizer step, divided over processes and micro-batches.

    The same seed gives the same rows in the same step for any `parts` and `processes`: 4 micro-batches of 4 rows
    have the same rows as 1 of 16.

    With a token budget, the batches are made once and shuffled in every epoch (as fairseq does), so that every epoch
    has the same number of steps.

    Args:
        lengths: [n] tokens of each row.
        batch_size: Rows in one optimizer step; None if `tokens` is set.
        parts: Micro-batches per process and step.
        seed: Determines the order.
        grouping: Whether to batch rows of similar length together.
        rank: Rank of this process.
        processes: Number of processes.
        tokens: Maximum tokens in one optimizer step, all rows padded to the longest; a single row may exceed it.
    """

    lengths: IntArray
    batch_size: int | None
    parts: int = 1
    seed: int = 0
    grouping: bool = True
    rank: int = 0
    processes: int = 1
    tokens: int | None = None

    @property
    def steps_per_epoch(self) -> int:
        return len(self._by_tokens) if self.batch_size is None else -(-len(self.lengths) // self.batch_size)

    @property
    def most_rows(self) -> int:
        """Rows of the largest step."""
        sizes = map(len, self._by_tokens)
        return max(sizes) if self.batch_size is None else min(self.batch_size, len(self.lengths))

    def epoch(self, step: int) -> float:
        """Passes over the data completed after `step` optimizer steps."""
        return step / self.steps_per_epoch

    def rows(self, step: int) -> IntArray:
        """The rows of one step (0-based), shortest first."""
        epoch, position = divmod(step, self.steps_per_epoch)
        return self._epoch_order(epoch)[position]

    def micro_batch_size(self, step: int | None = None) -> int:
        """Rows of the largest micro-batch of one step; of the largest step if it is None."""
        rows = self.most_rows if step is None else len(self.rows(step))
        return -(-rows // (self.parts * self.processes))

    def extent(self, step: int) -> tuple[int, int]:
        """Tokens with padding of the largest micro-batch of one step in any process, and of its longest row."""
        lengths = self.lengths[self.rows(step)]
        pieces = np.array_split(lengths, self.parts * self.processes)
        return max(piece.size * int(piece.max(initial=0)) for piece in pieces), int(lengths[-1])

    def micro_batches(self, step: int) -> list[list[int]]:
        """This process's rows of one step, in `parts` micro-batches of similar length.

        An empty micro-batch gets a filler row, so that every process runs the same number of micro-batches: the
        first row of the step, encoded as `-1 - row`, whose labels are ignored.
        """
        rows = self.rows(step)
        pieces = np.array_split(rows, self.parts * self.processes)
        mine = pieces[self.rank :: self.processes]
        return [piece.tolist() if len(piece) else [-1 - int(rows[0])] for piece in mine]

    @cached_property
    def _epoch_order(self) -> Callable[[int], list[IntArray]]:
        return lru_cache(maxsize=2)(self._order)

    def _order(self, epoch: int) -> list[IntArray]:
        generator = np.random.default_rng([self.seed, epoch])
        if self.batch_size is None:
            return [self._by_tokens[i] for i in generator.permutation(len(self._by_tokens))]
        order = generator.permutation(len(self.lengths))
        if not self.grouping:
            starts = range(0, len(order), self.batch_size)
            return [self._sorted(order[start : start + self.batch_size]) for start in starts]
        pool = POOL * self.batch_size
        batches = []
        for start in range(0, len(order), pool):
            rows = self._sorted(order[start : start + pool])
            batches += [rows[at : at + self.batch_size] for at in range(0, len(rows), self.batch_size)]
        # Only the last batch of the last pool can be incomplete; the shuffle below moves it to a random position.
        return [batches[i] for i in generator.permutation(len(batches))]

    @cached_property
    def _by_tokens(self) -> list[IntArray]:
        """Batches of as many rows as the token budget takes, shortest row first."""
        if self.tokens is None:
            return []
        order = np.random.default_rng(self.seed).permutation(len(self.lengths))
        pool = int(POOL * self.tokens / max(1.0, self.lengths.mean())) if self.grouping else len(order)
        batches = []
        for start in range(0, len(order), pool):
            rows = order[start : start + pool]
            rows = self._sorted(rows) if self.grouping else rows
            while len(rows):
                longest_so_far = np.maximum.accumulate(np.maximum(self.lengths[rows[: self.tokens]], 1))
                places = longest_so_far * np.arange(1, len(longest_so_far) + 1)
                taken = max(1, int(np.searchsorted(places, self.tokens, side="right")))
                batches.append(self._sorted(rows[:taken]))
                rows = rows[taken:]
        return batches

    def _sorted(self, rows: IntArray) -> IntArray:
        """Rows, shortest first."""
        return rows[np.argsort(self.lengths[rows], kind="stable")]


@dataclass(frozen=True)
class MicroBatch:
    """A batch for one forward pass, with its label and token counts.

    Args:
        tensors: Collated tensors, on the CPU; missing labels are `IGNORED`.
        n_labels: Labels that count in the loss.
        n_tokens: Tokens without padding, including those of the decoder.
        n_places: Tokens with padding, including those of the decoder.
    """

    tensors: Batch
    n_labels: int
    n_tokens: int
    n_places: int


class _Rows(Dataset[Any]):
    """Map-style dataset of encoded rows, in which a negative index is a filler row without labels."""

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


def _counted(collate: Collate, rows: Sequence[FeatureRow]) -> MicroBatch:
    """Collate rows and count labels and tokens while the batch is still on the CPU."""
    batch = collate(rows)
    tokens, places = sum(len(flat(row["input_ids"])) for row in rows), batch["input_ids"].numel()
    if "decoder_input_ids" in batch:
        tokens += sum(len(row["labels"]) for row in rows)
        places += batch["decoder_input_ids"].numel()
    return MicroBatch(batch, int(batch["labels"].ne(IGNORED).sum()), tokens, places)


@dataclass(frozen=True)
class _MicroBatches:
    """The rows of the micro-batches of steps `start` to `stop`, made as they are asked for."""

    plan: BatchPlan
    start: int
    stop: int

    def __len__(self) -> int:
        return (self.stop - self.start) * self.plan.parts

    def __iter__(self) -> Iterator[list[int]]:
        for step in range(self.start, self.stop):
            yield from self.plan.micro_batches(step)


def train_loader(
    plan: BatchPlan, rows: Sequence[FeatureRow], collate: Collate, *, start: int, stop: int, workers: int = 0
) -> DataLoader[MicroBatch]:
    """Data loader of micro-batches for steps `start` (inclusive) to `stop` (exclusive), `plan.parts` per step.

    The batches are the same for any number of workers, and loading them does not change the global random state.
    """
    return DataLoader(
        _Rows(rows),
        batch_sampler=_MicroBatches(plan, start, stop),
        collate_fn=partial(_counted, collate),
        num_workers=workers,
        generator=torch.Generator().manual_seed(plan.seed),
    )


def groups(loader: DataLoader[MicroBatch], parts: int) -> Iterator[list[MicroBatch]]:
    """Group micro-batches by optimizer step."""
    batches = iter(loader)
    while group := list(islice(batches, parts)):
        yield group


def amounts(group: Sequence[MicroBatch]) -> list[int]:
    """Labels, tokens without and tokens with padding of an optimizer step, over all processes."""
    return processes.totals(
        sum(batch.n_labels for batch in group),
        sum(batch.n_tokens for batch in group),
        sum(batch.n_places for batch in group),
    )


def by_length(lengths: IntArray, *, rows: int | None = None, tokens: int | None = None) -> list[IntArray]:
    """Batch rows of similar length for prediction, longest first, so that running out of memory shows at once.

    Args:
        lengths: [n] tokens of each row.
        rows: Maximum rows per batch; None for no limit.
        tokens: Maximum tokens per batch, including padding; a single row may exceed it. None for no limit.
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
    """The token ids of a row, concatenated if it has several sequences (`[choices][tokens]`)."""
    return [token for part in ids for token in flat(part)] if ids and not isinstance(ids[0], int) else list(ids)


def longest(ids: Sequence[Any]) -> int:
    """Number of tokens of a row, or of its longest sequence; length limits apply to this number."""
    return max(map(longest, ids)) if ids and not isinstance(ids[0], int) else len(ids)


def pad_inputs(
    rows: Sequence[FeatureRow], tokenizer: PreTrainedTokenizerBase, side: str | None = None
) -> dict[str, Tensor]:
    """Pad tokenized rows, on the tokenizer's own side unless `side` is given.

    Returns:
        Each input as [rows, tokens of the longest]; [rows, sequences, tokens] if rows have several sequences.
    """
    inputs = [{name: row[name] for name in tokenizer.model_input_names if name in row} for row in rows]
    if not isinstance(inputs[0]["input_ids"][0], list):
        return dict(tokenizer.pad(inputs, padding_side=side, return_tensors="pt"))
    each = [dict(zip(row, sequence, strict=True)) for row in inputs for sequence in zip(*row.values(), strict=True)]
    batch = tokenizer.pad(each, padding_side=side, return_tensors="pt")
    return {name: tensor.view(len(rows), -1, tensor.shape[-1]) for name, tensor in batch.items()}


def padded(rows: Iterable[Sequence[Any]], value: int = IGNORED) -> Tensor:
    """Rows of numbers as a tensor [rows, longest], filled up at their ends with a value."""
    rows = list(rows)
    width = max(map(len, rows))
    return torch.tensor([[*row, *[value] * (width - len(row))] for row in rows])


def tensor_of(labels: Sequence[Any]) -> Tensor:
    """The labels of rows as a tensor [rows, ...], padded with `IGNORED` if they are lists."""
    return padded(labels) if isinstance(labels[0], list) else torch.tensor(labels)
