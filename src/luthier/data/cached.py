"""Computed columns of a dataset, cached on disk by what determines them."""

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import tokenizers
import transformers
from datasets import Dataset, disable_progress_bars, enable_progress_bars
from datasets import config as datasets_config
from datasets.utils import are_progress_bars_disabled

from luthier.storage.disk import make_directory

FORM = "3"  # version of the columns; a new one invalidates what is cached
VERSIONS = f"{transformers.__version__} {tokenizers.__version__}"  # another version may tokenize in another way


def cached(
    examples: Dataset,
    function: Callable[[Mapping[str, Sequence[Any]], list[int]], Mapping[str, Any]],
    key: str,
    *,
    batch: int = 1_000,
    processes: int = 1,
) -> Dataset:
    """Apply a function to a dataset in batches, or take the result from the cache of `datasets`.

    Args:
        examples: The dataset.
        function: From columns and positions of a batch of rows to new columns, which replace the others.
        key: Everything that determines the result.
        batch: Rows of a batch.
        processes: Processes to use.
    """
    place = _place(key)
    try:
        make_directory(place.parent)
        file = str(place) if os.access(place.parent, os.W_OK) else None
    except OSError:
        file = None
    bars = not are_progress_bars_disabled()
    disable_progress_bars()
    try:
        return examples.map(
            function,
            with_indices=True,
            batched=True,
            batch_size=batch,
            remove_columns=examples.column_names,
            num_proc=processes if processes > 1 else None,
            cache_file_name=file,
            new_fingerprint=place.stem,
            keep_in_memory=file is None,
        )
    finally:
        if bars:
            enable_progress_bars()


def is_cached(key: str) -> bool:
    """Whether `cached` has a result on disk for a key."""
    return _place(key).exists()


def _place(key: str) -> Path:
    fingerprint = hashlib.sha256(f"{key} {FORM} {VERSIONS}".encode()).hexdigest()[:32]
    return Path(datasets_config.HF_DATASETS_CACHE) / "luthier" / f"{fingerprint}.arrow"
