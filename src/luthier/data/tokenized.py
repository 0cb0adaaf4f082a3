"""Tokenize examples in batches; the results are cached by content."""

import hashlib
import io
import json
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from datasets import Dataset
from transformers import PreTrainedTokenizerBase
from typing_extensions import Buffer

from luthier.arrays import IntArray
from luthier.data.batches import IGNORED, flat, longest
from luthier.data.cached import cached
from luthier.data.examples import numbers_of, values_of
from luthier.interrupts import check

ROWS_PER_PROCESS = 50_000  # below this, a process takes longer to start than to tokenize
# Columns besides the model's inputs. A task provides the first three if it needs them; the others are measured here.
EXAMPLES, TARGETS, TARGET_LENGTH = "examples", "targets", "target_length"
COST, LENGTH, UNKNOWN, WORDS = "cost", "full_length", "unknown", "words_only"
# Arguments of a slow tokenizer that say where it lies, not what it does; the names of its files are its own.
PLACED = ("name_or_path", "tokenizer_file", "is_local", "local_files_only")

Examples = Mapping[str, Sequence[Any]]
Features = dict[str, list[Any]]


@dataclass(frozen=True)
class Limits:
    """Length limits of the model's inputs.

    Args:
        length: Maximum tokens of a row; for an encoder-decoder, of the source.
        target: Maximum tokens of the target of an encoder-decoder; None for other models.
        stride: Tokens by which two windows of a long example overlap.
        reads: Maximum tokens of an input once the model is trained, if it takes more than `length`.
    """

    length: int
    target: int | None = None
    stride: int = 0
    reads: int | None = None

    @property
    def most(self) -> int:
        """Maximum tokens of an input once the model is trained."""
        return self.reads or self.length


# A task's function from examples to features. Without limits, each example gives one row. Within limits, an example may
# give several rows, or several examples one row; the column `examples` then lists the examples of each row (positions
# in this call). The optional column `targets` is the number of targets in a row, and `target_length` the number of
# tokens that a decoder reads in addition to the row's own.
Encode = Callable[[Examples], Features]


def owner(row: Mapping[str, Any], place: int) -> int:
    """The example of a row: the first one it lists, or the one at the row's own position."""
    return int(row[EXAMPLES][0]) if EXAMPLES in row else place


@dataclass(frozen=True)
class Encoded:
    """Tokenized examples, with their lengths before truncation.

    Args:
        rows: Features; the column `examples` lists the examples of each row, unless each row is its own example.
        lengths: [rows] all tokens of each row, including its target; a measure of its cost.
        full_lengths: [examples] tokens before truncation, of the longest sequence if there are several.
        full_targets: [examples] tokens of the target before truncation; None if there is no separate target.
        unknown: [examples] unknown tokens before truncation.
        words: [examples] tokens before truncation without special tokens, but with unknown ones.
    """

    rows: Dataset
    lengths: IntArray
    full_lengths: IntArray
    full_targets: IntArray | None
    unknown: IntArray
    words: IntArray

    @cached_property
    def owners(self) -> list[list[int]] | None:
        """The examples of each row; None if each row is its own example."""
        return list(values_of(self.rows, EXAMPLES)) if EXAMPLES in self.rows.column_names else None

    @cached_property
    def without_target(self) -> list[int]:
        """Examples without any target left to learn."""
        if TARGETS not in self.rows.column_names:
            return []
        left = np.zeros(len(self.full_lengths), dtype=np.int64)
        for row, targets in enumerate(values_of(self.rows, TARGETS)):
            left[self.owners[row] if self.owners is not None else [row]] += targets
        return np.flatnonzero(left == 0).tolist()

    def to_examples(self, rows: Sequence[int]) -> list[int]:
        """The examples of given rows, without duplicates."""
        if self.owners is None:
            return list(rows)
        return list(dict.fromkeys(example for row in rows for example in self.owners[row]))

    def learnable(self) -> "Encoded":
        """Keep only rows with a label, since the loss of a batch without labels is undefined."""
        if TARGETS not in self.rows.column_names:
            return self
        kept = [
            i for i, labels in enumerate(values_of(self.rows, "labels")) if any(label != IGNORED for label in labels)
        ]
        if len(kept) == len(self.rows):
            return self
        rows = self.rows
        if EXAMPLES not in rows.column_names:
            rows = rows.add_column(EXAMPLES, [[i] for i in range(len(rows))])
        return replace(self, rows=rows.select(kept), lengths=self.lengths[kept])


def measure(examples: Dataset, encode: Encode, tokenizer: PreTrainedTokenizerBase, key: str) -> Encoded:
    """Tokenize without truncation, so that lengths are known before a limit is chosen.

    Args:
        examples: Canonical examples of a task.
        encode: The task's function, without limits.
        tokenizer: The model's tokenizer.
        key: Whatever determines the features besides the examples, such as `tokenizer_digest`.
    """

    unknown = tokenizer.unk_token_id
    special = set(tokenizer.all_special_ids) - {unknown}

    def whole(batch: Examples, indices: list[int]) -> Features:
        check()
        features = encode(batch)
        features.pop(EXAMPLES, None)  # each row is its own example
        ids = [flat(row) for row in features["input_ids"]]
        features[COST] = [len(row) for row in ids]
        features[LENGTH] = [longest(row) for row in features["input_ids"]]
        features[UNKNOWN] = [row.count(unknown) if unknown is not None else 0 for row in ids]
        features[WORDS] = [sum(token not in special for token in row) for row in ids]
        features.setdefault(TARGET_LENGTH, [0] * len(ids))
        return features

    rows = _mapped(examples, whole, tokenizer, key)
    measured = (COST, LENGTH, TARGET_LENGTH, UNKNOWN, WORDS)
    cost, full, targets, unknowns, words = (numbers_of(rows, name) for name in measured)
    rows = rows.remove_columns(list(measured))
    return Encoded(rows, cost + targets, full, targets if targets.any() else None, unknowns, words)


def cut(
    encoded: Encoded,
    examples: Dataset,
    encode: Encode,
    tokenizer: PreTrainedTokenizerBase,
    limits: Limits,
    key: str,
    *,
    packed: bool = False,
) -> Encoded:
    """Tokenize the same examples within length limits.

    Args:
        encoded: The result of `measure`.
        examples: As in `measure`.
        encode: The task's function, within the limits.
        tokenizer: As in `measure`.
        limits: Length limits of a row.
        key: As in `measure`.
        packed: Whether the task packs several examples into one row; if so, encode even if none is too long.
    """
    long = bool((encoded.full_lengths > limits.length).any())
    if encoded.full_targets is not None and limits.target is not None:
        long = long or bool((encoded.full_targets > limits.target).any())
    if not long and not packed:
        return encoded

    def within(batch: Examples, indices: list[int]) -> Features:
        check()
        features = encode(batch)
        if EXAMPLES in features:
            features[EXAMPLES] = [[indices[i] for i in owners] for owners in features[EXAMPLES]]
        targets = features.pop(TARGET_LENGTH, [0] * len(features["input_ids"]))
        features[COST] = [len(flat(ids)) + n for ids, n in zip(features["input_ids"], targets, strict=True)]
        return features

    rows = _mapped(examples, within, tokenizer, f"{key} {limits}")
    if not len(rows):  # a result without rows has no columns
        rows = Dataset.from_dict({name: [] for name in {*encoded.rows.column_names, EXAMPLES, COST}})
    lengths = numbers_of(rows, COST)
    return replace(encoded, rows=rows.remove_columns(COST), lengths=lengths)


def content_digest(examples: Dataset) -> str:
    """SHA-256 of the values of every row and column."""
    sink = _Hashing()
    table = examples.with_format("arrow")[:]
    with pa.ipc.new_stream(pa.PythonFile(sink, mode="w"), table.schema) as writer:
        writer.write_table(table)
    return sink.hash.hexdigest()


def tokenizer_digest(tokenizer: PreTrainedTokenizerBase) -> str:
    """SHA-256 of everything that determines a row's features, including the chat template."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        placed = {*PLACED, *tokenizer.vocab_files_names}
        state = {key: value for key, value in tokenizer.init_kwargs.items() if key not in placed}
        state["vocabulary"] = tokenizer.get_vocab()
    else:
        # The state also holds the truncation and padding of the last call, which do not matter.
        state = json.loads(backend.to_str()) | {"truncation": None, "padding": None}
    decides = {
        "class": type(tokenizer).__name__,
        "state": state,
        "chat_template": tokenizer.chat_template,
        "truncation_side": tokenizer.truncation_side,
        "model_input_names": tokenizer.model_input_names,  # BERT reads token types, DistilBERT does not
    }
    return hashlib.sha256(json.dumps(decides, sort_keys=True, default=str).encode()).hexdigest()


class _Hashing(io.RawIOBase):
    """A file object that hashes what is written to it and keeps only the digest."""

    def __init__(self) -> None:
        super().__init__()
        self.hash = hashlib.sha256()

    def writable(self) -> bool:
        return True

    def write(self, data: Buffer, /) -> int:
        self.hash.update(data)
        return len(memoryview(data))


def _mapped(
    examples: Dataset,
    function: Callable[[Examples, list[int]], Features],
    tokenizer: PreTrainedTokenizerBase,
    key: str,
) -> Dataset:
    # Fast tokenizers use all cores by themselves; only slow ones benefit from several processes.
    processes = 1 if tokenizer.is_fast else max(1, min(os.cpu_count() or 1, len(examples) // ROWS_PER_PROCESS))
    logging.getLogger("transformers.tokenization_utils_base").setLevel(logging.ERROR)  # no "longer than the maximum"
    return cached(examples, function, f"{content_digest(examples)} {key}", processes=processes)
