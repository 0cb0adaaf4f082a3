"""A head that starts well: fitted to the frozen model's features before the first step."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import torch
from accelerate.utils import send_to_device
from numpy.typing import NDArray
from torch import Tensor, nn

from luthier import processes
from luthier.arrays import FloatArray
from luthier.console import Console
from luthier.data.batches import IGNORED, Batch, by_length
from luthier.engines.base import Training
from luthier.engines.objective import LABELS, Objective
from luthier.findings import Decision
from luthier.interrupts import check
from luthier.metrics.baselines.linear import Linear
from luthier.pipeline.inference.infer import evenly
from luthier.pipeline.preparation.prepare import Prepared
from luthier.tasks.registry import shapes_using
from luthier.text import plural

# Features that differ little need large weights, which make large changes of the outputs of small ones of the features.
NORM = 1.0
ROWS, TARGETS = 2_000, 20_000  # to fit at most; a row of tags has a target for each word
FIT_HEAD = "training.fit_head"


def may_fit(prepared: Prepared) -> bool:
    """Whether a head is fitted if it turns out to be new and linear."""
    recipe, task = prepared.recipe, prepared.task
    asked = recipe.training.fit_head and recipe.model.name is not None
    return asked and task.shape in shapes_using(task.kind, FIT_HEAD)


def fit_head(prepared: Prepared, training: Training, console: Console) -> None:
    """Replace the random weights of a new linear head by a linear model of its inputs, logistic or ridge regression.

    Where its weights are large, they are made smaller (see `NORM`): it then answers the same, with less confidence.

    A random head sends random gradients through the pretrained layers until it has learned to use them, which distorts
    what they know (Kumar et al. 2022, arXiv:2202.10054). Nothing is done for a head that comes with the checkpoint, for
    a model that is not pretrained, and for a head of another form. Every process must call this.

    Args:
        prepared: The data; its recipe may forbid it.
        training: At step 0. Its model, and its EMA, get the head.
        console: Receives what was done.
    """
    if not may_fit(prepared):
        scratch = prepared.recipe.model.name is None
        _say_why_not(
            prepared, console, "a new model has no features to fit it to" if scratch else "the task has no such head"
        )
        return
    model = training.model.eval()
    nn.Module.to(model, training.device)
    head = _head(training)
    fitted = None if isinstance(head, str) else processes.on_main(lambda: _fit(prepared, training, head, console))
    model.train()
    if isinstance(head, str) or fitted is None:
        _say_why_not(prepared, console, head if isinstance(head, str) else "no linear model of the features was found")
        return
    with torch.no_grad():
        head.weight.copy_(torch.from_numpy(fitted.weight))
        head.bias.copy_(torch.from_numpy(fitted.bias))
    if training.ema is not None:
        training.ema.restart()


def _say_why_not(prepared: Prepared, console: Console, why: str) -> None:
    """Say why no head is fitted to those who asked for one."""
    if prepared.recipe.training.fit_head and not prepared.recipe.training.is_open("fit_head"):
        console.decision(Decision("head", "not fitted", why))


def _head(training: Training) -> nn.Linear | str:
    """The linear layer that gives the logits, if it is new, or why there is none to fit."""
    with _seen(training.model) as seen:
        _, logits = _run(training, [0])
    head = next((layer for layer, (_, output) in seen.items() if output is logits), None)
    if head is None or head.bias is None:
        return "the head is no linear layer with a bias"
    if not head.weight.requires_grad:
        return "it is frozen"
    return "it comes with the checkpoint" if head.bias.any() else head  # transformers begins with a bias of zeros


def _fit(prepared: Prepared, training: Training, head: nn.Linear, console: Console) -> Linear | None:
    features, labels = _features(prepared, training, head, console)
    if not np.isfinite(features).all():
        return None  # the first step will tell
    some = evenly(len(labels), TARGETS)
    fitted = prepared.task.head(features[some], labels[some])
    if fitted is None:
        return None
    rows = plural(min(len(training.rows), ROWS), "training row")
    why = f"to the pretrained model's features of {rows}; --set fit_head=false starts at random"
    console.decision(Decision("head", "fitted", why))
    return fitted.shrunk(NORM)


def _features(
    prepared: Prepared, training: Training, head: nn.Linear, console: Console
) -> tuple[FloatArray, NDArray[Any]]:
    """The inputs of the head `[n, d]` and the labels of `n` rows, or tokens, in an order that is always the same."""
    features, labels = [], []
    rows = np.array(evenly(len(training.rows), ROWS))
    batches = by_length(prepared.encoded["train"].lengths[rows], rows=prepared.recipe.evaluation.eval_batch_size)
    with _seen(head) as seen, console.progress("fit the head", len(rows)) as bar:
        for chosen in batches:
            check()
            batch, _ = _run(training, rows[chosen].tolist())
            inputs, targets = seen[head][0], batch[LABELS]
            if targets.dim() == inputs.dim() - 1:
                learned = targets.ne(IGNORED)
                inputs, targets = inputs[learned], targets[learned]
            features.append(inputs.double().cpu().numpy())
            labels.append(targets.cpu().numpy())
            bar.advance(len(chosen))
    return np.concatenate(features), np.concatenate(labels)


def _run(training: Training, rows: Sequence[int]) -> tuple[Batch, Tensor]:
    """A batch of training rows, and its logits in float32."""
    batch = send_to_device(training.collate([training.rows[i] for i in rows]), training.device)
    with torch.inference_mode():
        outputs, _ = Objective()(training.model, batch)
    return batch, outputs.logits


@contextmanager
def _seen(model: nn.Module) -> Iterator[dict[nn.Linear, tuple[Tensor, Tensor]]]:
    """The last input and output of each linear layer, collected while the block runs."""
    seen: dict[nn.Linear, tuple[Tensor, Tensor]] = {}

    def see(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        assert isinstance(layer, nn.Linear)
        seen[layer] = inputs[0], output

    with ExitStack() as hooks:
        for layer in model.modules():
            if isinstance(layer, nn.Linear):
                hooks.enter_context(layer.register_forward_hook(see))
        yield seen
