"""Examples to token ids, in batches and once: what was encoded is found again by its content."""

import hashlib
import io
import json
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from datasets import Dataset, disable_progress_bars, enable_progress_bars
from datasets import config as datasets_config
from datasets.utils import are_progress_bars_disabled
from transformers import PreTrainedTokenizerBase, __version__
from typing_extensions import Buffer

from luthier.arrays import IntArray
from luthier.data.batches import IGNORED, flat, longest
from luthier.storage.disk import make_directory

ROWS_PER_PROCESS = 50_000  # below that a process takes longer to start than to tokenize
# Examples beside the model's own. A task gives the first three where it has them; the others are measured here.
EXAMPLES, TARGETS, TARGET_LENGTH = "examples", "targets", "target_length"
COST, LENGTH, UNKNOWN, WORDS = "cost", "full_length", "unknown", "words_only"

FORM = "3"  # of the features: another one makes what was encoded before of no use

Examples = Mapping[str, Sequence[Any]]
Features = dict[str, list[Any]]


@dataclass(frozen=True)
class Limits:
    """How much the model is given at once.

    Args:
        length: Most tokens of a row; of the source, with an encoder-decoder.
        target: Most tokens of the target, with an encoder-decoder; None elsewhere.
        stride: Tokens that two windows of one long example share.
    """

    length: int
    target: int | None = None
    stride: int = 0


# A task's way from examples to features. Uncut, each example is one row. Within limits a task may give several rows for
# an example, or one for several: it then says in the column `examples` which ones (positions in this call) a row comes
# from. It may say in `targets` how much a row has to learn, and in `target_length` how many tokens a decoder reads
# beside the row's own.
Encode = Callable[[Examples], Features]


def owner(row: Mapping[str, Any], place: int) -> int:
    """The example that a row is of: the first it names, or that of its own place."""
    return int(row[EXAMPLES][0]) if EXAMPLES in row else place


@dataclass(frozen=True)
class Encoded:
    """Examples as the model reads them.

    Args:
        rows: Features; the column `examples` says which examples a row comes from, where that is not its own place.
        lengths: [rows] tokens of each row in all, those of its target too: what it costs.
        full_lengths: [examples] tokens before cutting, of the longest sequence of a row that has several.
        full_targets: [examples] tokens of the target before cutting; None where there is no target of its own.
        unknown: [examples] unknown tokens before cutting.
        words: [examples] tokens before cutting that are not special, unknown ones among them.
    """

    rows: Dataset
    lengths: IntArray
    full_lengths: IntArray
    full_targets: IntArray | None
    unknown: IntArray
    words: IntArray

    @cached_property
    def owners(self) -> list[list[int]] | None:
        """The examples of each row; None where row and example are the same."""
        return list(self.rows[EXAMPLES]) if EXAMPLES in self.rows.column_names else None

    @cached_property
    def without_target(self) -> list[int]:
        """Examples of which nothing is left to learn."""
        if TARGETS not in self.rows.column_names:
            return []
        left = np.zeros(len(self.full_lengths), dtype=np.int64)
        for row, targets in enumerate(self.rows[TARGETS]):
            left[self.owners[row] if self.owners is not None else [row]] += targets
        return np.flatnonzero(left == 0).tolist()

    def to_examples(self, rows: Sequence[int]) -> list[int]:
        """The examples that rows come from, each once."""
        if self.owners is None:
            return list(rows)
        return list(dict.fromkeys(example for row in rows for example in self.owners[row]))

    def learnable(self) -> "Encoded":
        """The rows that have a label: a batch without one has no loss."""
        if TARGETS not in self.rows.column_names:
            return self
        kept = [i for i, labels in enumerate(self.rows["labels"]) if any(label != IGNORED for label in labels)]
        if len(kept) == len(self.rows):
            return self
        rows = self.rows
        if EXAMPLES not in rows.column_names:
            rows = rows.add_column(EXAMPLES, [[i] for i in range(len(rows))])
        return replace(self, rows=rows.select(kept), lengths=self.lengths[kept])


def measure(examples: Dataset, encode: Encode, tokenizer: PreTrainedTokenizerBase, key: str) -> Encoded:
    """Encode without cutting, so that lengths are known before one is chosen.

    Args:
        examples: Canonical examples of a task.
        encode: The task's, without limits.
        tokenizer: The model's.
        key: What decides the features beside the examples and the tokenizer.
    """

    unknown = tokenizer.unk_token_id
    special = set(tokenizer.all_special_ids) - {unknown}

    def whole(batch: Examples, indices: list[int]) -> Features:
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
    cost, full, targets, unknowns, words = (np.asarray(rows[name], dtype=np.int64) for name in measured)
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
    """The same examples within limits.

    Args:
        encoded: What `measure` gave.
        examples: As in `measure`.
        encode: The task's, within the limits.
        tokenizer: As in `measure`.
        limits: What a row may have.
        key: As in `measure`.
        packed: Whether the task lays several examples in one row, so that there is work even where none is too long.
    """
    long = bool((encoded.full_lengths > limits.length).any())
    if encoded.full_targets is not None and limits.target is not None:
        long = long or bool((encoded.full_targets > limits.target).any())
    if not long and not packed:
        return encoded

    def within(batch: Examples, indices: list[int]) -> Features:
        features = encode(batch)
        if EXAMPLES in features:
            features[EXAMPLES] = [[indices[i] for i in owners] for owners in features[EXAMPLES]]
        targets = features.pop(TARGET_LENGTH, [0] * len(features["input_ids"]))
        features[COST] = [len(flat(ids)) + n for ids, n in zip(features["input_ids"], targets, strict=True)]
        return features

    rows = _mapped(examples, within, tokenizer, f"{key} {limits}")
    if not len(rows):  # and so without columns
        rows = Dataset.from_dict({name: [] for name in {*encoded.rows.column_names, EXAMPLES, COST}})
    lengths = np.asarray(rows[COST], dtype=np.int64)
    return replace(encoded, rows=rows.remove_columns(COST), lengths=lengths)


def content_digest(examples: Dataset) -> str:
    """SHA-256 of the values of every row and column."""
    sink = _Hashing()
    table = examples.with_format("arrow")[:]
    with pa.ipc.new_stream(pa.PythonFile(sink, mode="w"), table.schema) as writer:
        writer.write_table(table)
    return sink.hash.hexdigest()


def tokenizer_digest(tokenizer: PreTrainedTokenizerBase) -> str:
    """SHA-256 of everything that decides the tokens, the chat template among it."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        written = repr(sorted(tokenizer.get_vocab().items()))
    else:
        # How the last call cut and padded is kept in there too, and decides nothing.
        state = json.loads(backend.to_str()) | {"truncation": None, "padding": None}
        written = json.dumps(state, sort_keys=True)
    template = tokenizer.chat_template or ""
    return hashlib.sha256(f"{type(tokenizer).__name__} {written} {template}".encode()).hexdigest()


class _Hashing(io.RawIOBase):
    """A file that keeps only the digest of what is written to it."""

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
    decides = " ".join([content_digest(examples), tokenizer_digest(tokenizer), key, FORM, __version__])
    fingerprint = hashlib.sha256(decides.encode()).hexdigest()[:32]
    cache = Path(datasets_config.HF_DATASETS_CACHE) / "luthier"
    try:
        make_directory(cache)
        file = str(cache / f"{fingerprint}.arrow") if os.access(cache, os.W_OK) else None
    except OSError:
        file = None
    # Fast tokenizers use every core by themselves; processes pay only for the others.
    processes = 1 if tokenizer.is_fast else max(1, min(os.cpu_count() or 1, len(examples) // ROWS_PER_PROCESS))
    logging.getLogger("transformers.tokenization_utils_base").setLevel(logging.ERROR)  # "longer than the maximum"
    bars = not are_progress_bars_disabled()
    disable_progress_bars()
    try:
        return examples.map(
            function,
            with_indices=True,
            batched=True,
            remove_columns=examples.column_names,
            num_proc=processes if processes > 1 else None,
            cache_file_name=file,
            new_fingerprint=fingerprint,
            keep_in_memory=file is None,
        )
    finally:
        if bars:
            enable_progress_bars()
