"""Text to token ids, in batches and once: what was encoded is found again by its content."""

import hashlib
import io
import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from datasets import Dataset, disable_progress_bars, enable_progress_bars
from datasets import config as datasets_config
from datasets.utils import are_progress_bars_disabled
from transformers import BatchEncoding, PreTrainedTokenizerBase, __version__
from typing_extensions import Buffer

from luthier.data.batches import IntArray

Encode = Callable[[Mapping[str, list[Any]], PreTrainedTokenizerBase, int | None], BatchEncoding]

ROWS_PER_PROCESS = 50_000  # below that a process takes longer to start than to tokenize
LENGTH, UNKNOWN = "full_length", "unknown"


@dataclass(frozen=True)
class Encoded:
    """Rows as the model reads them.

    Args:
        rows: Features, one row an example.
        lengths: [n] tokens of each row after cutting.
        full_lengths: [n] tokens before cutting.
        unknown: [n] unknown tokens before cutting.
    """

    rows: Dataset
    lengths: IntArray
    full_lengths: IntArray
    unknown: IntArray


def measure(examples: Dataset, encode: Encode, tokenizer: PreTrainedTokenizerBase, salt: str) -> Encoded:
    """Encode without cutting, so that lengths are known before one is chosen.

    Args:
        examples: Canonical examples of a task.
        encode: The task's.
        tokenizer: The model's.
        salt: What else decides the features, such as the labels.
    """

    def whole(batch: Mapping[str, list[Any]]) -> dict[str, Any]:
        features = dict(encode(batch, tokenizer, None))
        unknown = tokenizer.unk_token_id
        features[LENGTH] = [len(ids) for ids in features["input_ids"]]
        features[UNKNOWN] = [ids.count(unknown) if unknown is not None else 0 for ids in features["input_ids"]]
        return features

    rows = _mapped(examples, whole, tokenizer, salt)
    full, unknown = np.asarray(rows[LENGTH], dtype=np.int64), np.asarray(rows[UNKNOWN], dtype=np.int64)
    return Encoded(rows.remove_columns([LENGTH, UNKNOWN]), full, full, unknown)


def cut(
    encoded: Encoded, examples: Dataset, encode: Encode, tokenizer: PreTrainedTokenizerBase, length: int, salt: str
) -> Encoded:
    """The same rows with at most `length` tokens each; nothing is done where none is longer."""
    if not (encoded.full_lengths > length).any():
        return encoded
    rows = _mapped(examples, lambda batch: dict(encode(batch, tokenizer, length)), tokenizer, f"{salt} {length}")
    lengths = np.asarray([len(ids) for ids in rows["input_ids"]], dtype=np.int64)
    return Encoded(rows, lengths, encoded.full_lengths, encoded.unknown)


def content_digest(examples: Dataset) -> str:
    """SHA-256 of the values of every row and column."""
    sink = _Hashing()
    table = examples.with_format("arrow")[:]
    with pa.ipc.new_stream(pa.PythonFile(sink, mode="w"), table.schema) as writer:
        writer.write_table(table)
    return sink.hash.hexdigest()


def tokenizer_digest(tokenizer: PreTrainedTokenizerBase) -> str:
    """SHA-256 of everything that decides the tokens."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    written = backend.to_str() if backend is not None else repr(sorted(tokenizer.get_vocab().items()))
    return hashlib.sha256(f"{type(tokenizer).__name__} {written}".encode()).hexdigest()


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
    function: Callable[[Mapping[str, list[Any]]], dict[str, Any]],
    tokenizer: PreTrainedTokenizerBase,
    salt: str,
) -> Dataset:
    decides = " ".join([content_digest(examples), tokenizer_digest(tokenizer), salt, __version__])
    fingerprint = hashlib.sha256(decides.encode()).hexdigest()[:32]
    cache = Path(datasets_config.HF_DATASETS_CACHE) / "luthier"
    try:
        cache.mkdir(parents=True, exist_ok=True)
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
