"""A model directory: what plain transformers loads, with a card that says which task it was tuned for."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from luthier.errors import DamagedError
from luthier.models.quiet import quiet
from luthier.storage.atomic import write_directory

TASK_CARD = "luthier.json"


def save_model(
    directory: Path, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, task: Mapping[str, Any], card: str
) -> None:
    """Write a model directory whole or not at all, with a manifest of its digests.

    Args:
        directory: Where.
        model: With its configuration.
        tokenizer: Its `model_max_length` becomes the length that the model was tuned at.
        task: What is needed to predict: the task's name, its own words and `max_length`.
        card: The README.
    """
    tokenizer.model_max_length = task["max_length"]

    def fill(aside: Path) -> None:
        with quiet():
            model.save_pretrained(aside)
        tokenizer.save_pretrained(aside)

    texts = {TASK_CARD: json.dumps(dict(task), indent=2, ensure_ascii=False), "README.md": card}
    write_directory(directory, fill, texts)


def read_task_card(directory: Path) -> dict[str, Any] | None:
    """The task card of a model directory; None where somebody else made it.

    Raises:
        DamagedError: The card is not readable.
    """
    try:
        card: dict[str, Any] = json.loads((directory / TASK_CARD).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise DamagedError(
            f"the task card cannot be read: {error}",
            where=str(directory / TASK_CARD),
            hint="take it from a copy, or train again",
        ) from None
    return card
