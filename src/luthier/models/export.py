"""Model directories: loadable with plain transformers, with a card for the task they were fine-tuned for."""

import json
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from luthier.errors import DamagedError, NonFiniteError
from luthier.models.adapters.add import has_adapter, save_adapter
from luthier.models.finite import all_finite
from luthier.models.quiet import quiet
from luthier.storage.atomic import write_directory

TASK_CARD = "luthier.json"
LOWER_THE_RATE = "train again with a lower learning rate"


def save_model(
    directory: Path, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, task: Mapping[str, Any], card: str
) -> None:
    """Write a model directory atomically, with a manifest of checksums. Of a model with an adapter, only the adapter.

    Args:
        directory: The directory to write.
        model: The model, with its configuration.
        tokenizer: Its `model_max_length` is set to what the model reads.
        task: The task card, which prediction needs: the task's name, what it learned, and `max_length`.
        card: The text of the README.
    Raises:
        NonFiniteError: A weight is nan or infinite; nothing is written.
    """
    if not all_finite(model.parameters()):
        raise NonFiniteError("the model has weights that are not finite", where=str(directory), hint=LOWER_THE_RATE)
    tokenizer.model_max_length = task["max_length"]

    def fill(aside: Path) -> None:
        with quiet():
            if has_adapter(model):
                _save_beside_base(model, aside)
            else:
                model.save_pretrained(aside)
        tokenizer.save_pretrained(aside)

    texts = {TASK_CARD: json.dumps(dict(task), indent=2, ensure_ascii=False), "README.md": card}
    write_directory(directory, fill, texts)


def _save_beside_base(model: PreTrainedModel, directory: Path) -> None:
    """Save an adapter, and the configuration that its base model is loaded with."""
    save_adapter(model, directory)
    config = deepcopy(model.config)
    config.architectures = [type(model).__name__]  # the adapter has its head
    if hasattr(config, "quantization_config"):
        del config.quantization_config  # the base model's files are not quantized
    config.save_pretrained(directory)
    if model.can_generate():
        model.generation_config.save_pretrained(directory)


def read_task_card(directory: Path) -> dict[str, Any] | None:
    """The task card of a model directory; None if there is none.

    Raises:
        DamagedError: The card cannot be read.
    """
    try:
        card = json.loads((directory / TASK_CARD).read_text(encoding="utf-8"))
        if not isinstance(card, dict):
            raise ValueError("it is not an object")
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise DamagedError(
            f"the task card cannot be read: {error}",
            where=str(directory / TASK_CARD),
            hint="restore it from a backup, or train again",
        ) from None
    return card
