"""The fast path of a task and a model: what both allow of what the recipe wants."""

from typing import Any

import torch
from transformers import PreTrainedModel

from luthier import allocator
from luthier.engines.objective import Objective
from luthier.fast import Fast, fast
from luthier.fast.varlen import core_for
from luthier.findings import Decision
from luthier.recipe import FastRecipe, Recipe, TrainingRecipe
from luthier.tasks.phases import Bound

NAMES = {
    "unpad": "unpadding",
    "attention": "attention",
    "dropout_masks": "dropout masks",
    "embeddings": "embedding gradients",
    "last_layer": "last layer",
    "logits": "logits",
    "pages": "memory pages",
}
READS_PADDING = "the task's loss depends on the padding"
ON_CPU = "it is for CPUs"
NEEDS_LOGITS = "R-Drop and fp16 need them"
OFF = "the recipe turns it off"


def allowed(task: Bound[Any], wanted: FastRecipe) -> FastRecipe:
    """What a task allows: only one that ignores padding can be computed without it."""
    off = {} if task.kind.ignores_padding else {"unpad": False, "last_layer": False}
    return wanted.model_copy(update=off)


def inference(
    task: Bound[Any],
    model: PreTrainedModel,
    wanted: FastRecipe,
    training: TrainingRecipe | None = None,
    *,
    logits: bool = False,
) -> Objective:
    """How a model is run over rows that it does not learn from.

    Args:
        task: The task.
        model: In evaluation mode.
        wanted: The parts of the recipe.
        training: Says what loss is summed; None for answers alone.
        logits: Whether logits are read, so that they cannot be left out.
    """
    passes = fast(model, allowed(task, wanted))
    if not logits:
        passes = passes.asking(task.token_targets(), training.label_smoothing if training else 0.0)
    return Objective(task.loss(training) if training else None, passes, passes.targets is None)


def keeps_pages(recipe: Recipe, device: torch.device) -> str:
    """Why memory is not kept for the next step of a training; empty if it is."""
    if not recipe.fast.pages:
        return OFF
    if device.type != "cpu":
        return ON_CPU
    if recipe.training.gradient_checkpointing:  # less memory, slower steps
        return "gradient checkpointing returns memory at once"
    return "" if allocator.available() else "the allocator is not glibc's"


def _padded_attention(model: PreTrainedModel, device: torch.device) -> str:
    """Why a model's rows are padded for attention in training on a GPU; empty if they are not."""
    core = core_for(device)
    if core is None:
        return "neither flash-attn nor torch's varlen_attn works here"
    rates = (value for key, value in model.config.to_dict().items() if "att" in key and "drop" in key)
    drops = any(isinstance(rate, float | int) and rate > 0 for rate in rates)
    return "the model drops attention weights, which takes flash-attn" if drops and not core.drops else ""


def decide(task: Bound[Any], passes: Fast, wanted: FastRecipe, device: torch.device, pages: str) -> Decision:
    """What is on in training, and why something is off. `pages` says why memory is not kept; empty if it is."""
    why = dict(passes.able.why_not)
    varlen = why.pop("varlen", "")
    if task.token_targets() is None:
        why["logits"] = ""  # nothing to leave out
    elif passes.targets is None:
        why.setdefault("logits", NEEDS_LOGITS)
    if device.type != "cpu":
        why |= dict.fromkeys(("dropout_masks", "embeddings"), ON_CPU)
        padded = varlen or _padded_attention(passes.model, device)
        why |= {"attention": padded} if padded else {}
    elif not passes.embeddings:
        why["embeddings"] = ""  # no large table of its own is trained, in one process
    if pages:
        why["pages"] = pages
    if not task.kind.ignores_padding:
        why |= dict.fromkeys(("unpad", "last_layer"), READS_PADDING)
    why |= {part: OFF for part in NAMES if not getattr(wanted, part)}
    on = [name for part, name in NAMES.items() if part not in why]
    off = [f"{NAMES[part]}: {reason}" for part, reason in why.items() if reason]
    return Decision("fast path", ", ".join(on) or "off", "; ".join(off) and f"off are {'; '.join(off)}")
