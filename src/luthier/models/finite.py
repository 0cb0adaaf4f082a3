"""Whether the weights of a model are finite, and what it computes from them."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from transformers import LogitsProcessor, PreTrainedModel

from luthier.errors import ModelError, NonFiniteError
from luthier.text import plural


def all_finite(tensors: Iterable[Tensor]) -> bool:
    """Whether every number of some tensors is finite: one pass over them, and one wait for the device.

    The smallest and largest value of each tensor tell, because nan is both. Unlike a sum or a norm, they do not
    overflow, and they are faster to compute than `isfinite`.
    """
    extremes = [
        extreme.float()
        for tensor in tensors
        if tensor.is_floating_point() and tensor.numel()
        for extreme in torch.aminmax(tensor.detach())
    ]
    return not extremes or bool(torch.isfinite(torch.stack(extremes)).all())


def require_finite(model: PreTrainedModel, name: str) -> None:
    """Refuse a model that was loaded with weights that are not finite: its answers would look like those of any other.

    Args:
        model: The model.
        name: Its name, for the error.
    Raises:
        ModelError: A weight is nan or infinite.
    """
    if not all_finite(model.parameters()):
        bad = [key for key, weight in model.named_parameters() if not all_finite([weight])]
        what = f"the model has weights that are not finite, in {plural(len(bad), 'parameter')}, such as {bad[0]}"
        raise ModelError(what, where=name, hint="download the model again, or choose another one")


def overflowed(where: str, model: nn.Module) -> NonFiniteError:
    """The error of a model that computes something that is no number.

    Args:
        where: Names the inputs.
        model: The model.
    """
    half = next(model.parameters()).dtype == torch.float16
    hint = "predict with --precision fp32, the default" if half else "train again with a lower learning rate"
    return NonFiniteError(
        "the model's outputs are not finite, so that its answers mean nothing", where=where, hint=hint
    )


class Overflow(LogitsProcessor):
    """Notes whether the logits of generated tokens are nan: the most likely token would be the first of all."""

    def __init__(self) -> None:
        self._found: Tensor | None = None

    def __call__(self, input_ids: torch.LongTensor, scores: torch.FloatTensor) -> torch.FloatTensor:
        here = scores.isnan().any()
        self._found = here if self._found is None else self._found | here  # stays on the device
        return scores

    def __bool__(self) -> bool:
        return self._found is not None and bool(self._found)
