"""New weights for the head of a classifier or tagger."""

from copy import deepcopy

import torch
from transformers import PreTrainedModel


def renew_head(model: PreTrainedModel) -> None:
    """Give new weights to the parameters whose shapes depend on the number of labels, as transformers begins them.

    These are the ones that transformers replaces where a checkpoint has another number of labels. The random state of
    torch determines them.
    """
    before, after = (_shapes(model, more) for more in (0, 1))
    for prefix, module in model.named_modules():
        own = dict(module.named_parameters(prefix, recurse=False))
        if any(name in before and before[name] != after[name] for name in own):
            for parameter in own.values():
                parameter._is_hf_initialized = False  # its mark of what was loaded
            model._init_weights(module)


def _shapes(model: PreTrainedModel, more: int) -> dict[str, torch.Size]:
    """The shape of each parameter of a model with so many more labels; nothing is made."""
    config = deepcopy(model.config)
    config.num_labels = (config.num_labels or 0) + more
    with torch.device("meta"):
        return {name: parameter.shape for name, parameter in type(model)(config).named_parameters()}
