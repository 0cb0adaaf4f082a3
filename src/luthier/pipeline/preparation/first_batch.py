"""The first training batch as the model gets it."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from torch import Tensor
from transformers import PreTrainedTokenizerBase

from luthier.data.batches import IGNORED, Batch, train_loader
from luthier.engines.base import Training
from luthier.pipeline.preparation.prepare import Prepared

MOST_LABELS = 40


def first_batch(prepared: Prepared, training: Training) -> dict[str, Any]:
    """Describe the first batch of a training that is at step 0.

    Returns:
        `tensors`: name, shape and dtype of each tensor. `row`: the first row, decoded with its special tokens.
        `labels`: its labels, by name where the model has names for them; ignored ones are `-`.
    """
    loader = train_loader(training.plan, training.rows, training.collate, start=0, stop=1)
    batch: Batch = next(iter(loader)).tensors
    names: Mapping[int, str] = prepared.task.model_config().get("id2label", {})
    return {
        "tensors": [
            {"name": name, "shape": list(tensor.shape), "dtype": str(tensor.dtype).removeprefix("torch.")}
            for name, tensor in batch.items()
        ],
        "row": _decoded(batch["input_ids"][0], prepared.task.tokenizer),
        "labels": _labels(batch["labels"][0], names),
    }


def _decoded(ids: Tensor, tokenizer: PreTrainedTokenizerBase) -> str:
    sequences = ids if ids.dim() > 1 else ids[None]
    return "\n".join(str(tokenizer.decode(one.tolist())) for one in sequences)


def _labels(labels: Tensor, names: Mapping[int, str]) -> str:
    values: Sequence[Any] = labels.tolist() if labels.dim() else [labels.item()]
    whole = not labels.is_floating_point()
    told = ["-" if value == IGNORED else names.get(value, str(value)) if whole else f"{value:g}" for value in values]
    # Runs are counted, as most labels of a row are ignored or alike.
    runs = [(name, len(list(run))) for name, run in groupby(told)]
    parts = [f"{name} x {n}" if n > 1 else name for name, n in runs]
    more = [f"and {len(parts) - MOST_LABELS} more"] if len(parts) > MOST_LABELS else []
    return ", ".join([*parts[:MOST_LABELS], *more])
