"""Test whether a model keeps packed documents apart, given only positions that restart."""

import torch
from torch import Tensor
from transformers import PreTrainedModel

# A model that keeps documents apart only has rounding errors, about a millionth of the neighbours' effect.
TOLERANCE = 1e-3
DOCUMENTS = ((7, 9), (12, 1, 3))  # tokens of each document in each row; the rest of a row is padding
ROW = 20


def packs(model: PreTrainedModel) -> bool:
    """Whether documents packed into one row get the logits that each gets alone.

    Rows are packed with `position_ids` that restart at 0 with each document, and at the padding after the last one,
    without attention mask and cache: transformers derives the mask of each document from that. Architectures that
    ignore the positions, or take none, fail here. The test is one small batch, in float32 and without dropout.

    Args:
        model: A model with a causal language-modelling head; its mode is restored.
    """
    training = model.training
    model.eval()
    try:
        with torch.no_grad(), torch.autocast(model.device.type, enabled=False):
            return _error(model, restart=True) <= TOLERANCE * _error(model, restart=False)
    except (TypeError, ValueError, IndexError, RuntimeError):
        return False  # it takes no positions, or other inputs
    finally:
        model.train(training)


def _error(model: PreTrainedModel, *, restart: bool) -> float:
    """The largest difference of a logit between packed documents and the same documents alone.

    Args:
        model: In evaluation mode.
        restart: Whether positions restart with each document; if not, documents attend to those before.
    """
    generator = torch.Generator().manual_seed(0)
    words = model.config.get_text_config().vocab_size
    ids = torch.randint(words, (len(DOCUMENTS), ROW), generator=generator)
    positions = torch.stack([_positions(lengths) if restart else torch.arange(ROW) for lengths in DOCUMENTS])
    packed = _logits(model, ids, positions)
    worst = 0.0
    for row, lengths in enumerate(DOCUMENTS):
        start = 0
        for length in lengths:
            alone = _logits(model, ids[row : row + 1, start : start + length])
            difference = packed[row, start : start + length] - alone[0]
            worst = max(worst, float(difference.abs().max()))
            start += length
    return worst


def _positions(lengths: tuple[int, ...]) -> Tensor:
    return torch.cat([torch.arange(length) for length in (*lengths, ROW - sum(lengths))])


def _logits(model: PreTrainedModel, ids: Tensor, positions: Tensor | None = None) -> Tensor:
    """Logits [b, s, v] of token ids [b, s]; b rows, s tokens, v vocabulary size."""
    positions = None if positions is None else positions.to(model.device)
    return model(input_ids=ids.to(model.device), position_ids=positions, use_cache=False).logits.float()
