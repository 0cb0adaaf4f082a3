"""Whether a model keeps documents apart that lie in one row, told by nothing but positions that start again."""

import torch
from torch import Tensor
from transformers import PreTrainedModel

# A model that keeps documents apart is off by rounding, a millionth or so of what the neighbours would do.
TOLERANCE = 1e-3
DOCUMENTS = ((7, 9), (12, 1, 3))  # tokens of each document in each row; what is left of a row is padding
ROW = 20


def packs(model: PreTrainedModel) -> bool:
    """Whether documents packed into one row get the logits that each gets alone.

    Rows are packed by `position_ids` that start again at 0 with each document, and at the padding after the last one,
    with no attention mask and no cache: transformers makes the mask of each document from that. Architectures that make
    no use of the positions, or take none, fail here. One small batch tells, in float32 and without dropout.

    Args:
        model: With a causal language-modelling head; left in the mode in which it was.
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
    """The largest difference of a logit between documents in rows and each alone.

    Args:
        model: In evaluation mode.
        restart: Whether positions start again with each document; without, documents see those before.
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
    """Logits [b, s, v] of token ids [b, s]; b rows, s tokens, v words."""
    positions = None if positions is None else positions.to(model.device)
    return model(input_ids=ids.to(model.device), position_ids=positions, use_cache=False).logits.float()
