"""Tiny models of every architecture with the heads of their family, and batches for them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import transformers
from torch import Tensor
from transformers import PreTrainedModel

from luthier.data.batches import IGNORED
from luthier.engines.objective import Objective
from tests.matrix.models import ARCHITECTURES, FAMILIES, OTHERS, build

ALL = ARCHITECTURES | OTHERS
HEADS = {
    "encoder": ("SequenceClassification", "TokenClassification"),
    "decoder": ("CausalLM",),
    "encoder-decoder": ("Seq2SeqLM",),
}
CELLS = [(name, head) for name, made in ALL.items() for head in HEADS[FAMILIES[made[1]]]]


def load(name: str, head: str, folder: Path) -> PreTrainedModel:
    """A model of an architecture, built once a test session."""
    where = folder / name.replace(" ", "-")
    if not (where / "config.json").is_file():
        build(name, where)
    torch.manual_seed(0)
    model: PreTrainedModel = getattr(transformers, f"AutoModelFor{head}").from_pretrained(where)
    for parameter in model.parameters():  # weights of 0.02 would hide what goes wrong
        if parameter.dim() > 1:
            torch.nn.init.normal_(parameter, std=0.2)
    model.config.use_cache = False
    return model.eval()


def padded(lengths: Sequence[int], words: int, *, left: bool = False) -> tuple[Tensor, Tensor]:
    """Random ids [b, t] and their attention mask."""
    width = max(lengths)
    ids = torch.randint(3, words, (len(lengths), width), generator=torch.Generator().manual_seed(1))
    mask = torch.tensor([[int(width - n <= i if left else i < n) for i in range(width)] for n in lengths])
    return ids, mask


def batch_for(model: PreTrainedModel, head: str, lengths: Sequence[int], *, left: bool = False) -> dict[str, Tensor]:
    """A batch of rows of these lengths, with labels."""
    words = model.config.get_text_config().vocab_size
    ids, mask = padded(lengths, words, left=left)
    batch = {"input_ids": ids, "attention_mask": mask}
    if head == "SequenceClassification":
        return {**batch, "labels": torch.arange(len(lengths)) % 2}
    if head == "TokenClassification":
        return {**batch, "labels": (ids % 2).masked_fill(mask == 0, IGNORED)}
    if head == "CausalLM":
        return {**batch, "labels": ids.masked_fill(mask == 0, IGNORED)}
    written, real = padded(list(reversed(lengths)), words)
    return {**batch, "decoder_input_ids": written, "labels": written.masked_fill(real == 0, IGNORED)}


def summed(outputs: Any, batch: Any) -> Tensor:
    """Cross-entropy of the labels; of a decoder for the token itself, which is as good for a comparison."""
    logits, labels = outputs.logits, batch["labels"]
    return torch.nn.functional.cross_entropy(
        logits.flatten(0, -2), labels.flatten(), ignore_index=IGNORED, reduction="sum"
    )


def loss_and_gradient(model: PreTrainedModel, objective: Objective, batch: dict[str, Tensor]) -> tuple[float, Tensor]:
    """The loss of a batch, and its gradient for all parameters as one vector."""
    model.zero_grad()
    loss = objective(model, batch)[1]
    assert loss is not None
    loss.backward()
    parts = [p.grad.flatten() if p.grad is not None else torch.zeros(p.numel()) for p in model.parameters()]
    return float(loss), torch.cat(parts)


def same(one: tuple[float, Tensor], other: tuple[float, Tensor]) -> bool:
    """Whether losses and gradients agree to 1e-5, relative to the largest."""
    losses = abs(one[0] - other[0]) <= 1e-5 * abs(other[0])
    return losses and bool((one[1] - other[1]).abs().max() <= 1e-5 * other[1].abs().max())
