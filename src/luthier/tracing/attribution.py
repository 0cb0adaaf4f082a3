"""Which tokens decided: integrated gradients (Sundararajan et al. 2017, arXiv:1703.01365), computed by captum."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from luthier.errors import UsageError
from luthier.tracing.record import Record
from luthier.tracing.text import Tokens

STEPS = 32, 128, 512  # of the integral; more where its parts do not add up yet
COMPLETE = 0.02  # the error that is good enough, as a share of the difference
AT_ONCE = 16  # steps in a batch
Output = Callable[[Any], Tensor]  # from a model's outputs for b sequences to [b]


@dataclass(frozen=True)
class Decision:
    """An output of a model that can be explained.

    Args:
        name: What it is, such as `the logit of good`.
        output: Takes it out of the model's outputs.
    """

    name: str
    output: Output


@dataclass(frozen=True)
class Attribution:
    """How much each token of a sequence adds to an output.

    Args:
        of: What is explained.
        values: [t]; they add up to `output` - `baseline` but for `error`.
        output: The model's output for the sequence.
        baseline: Its output where every ordinary token is replaced.
        filler: The token in their place.
        error: By how much the values do not add up, as a share of the difference.
    """

    of: str
    values: Sequence[float]
    output: float
    baseline: float
    filler: str
    error: float


def decision(found: Record, tokens: Tokens, labels: Mapping[Any, str], *, writes: bool) -> Decision | None:
    """The decision of a model about one sequence.

    Args:
        found: What the model computed for it.
        tokens: The tokens of the sequence.
        labels: The model's names of its classes.
        writes: Whether the logits are those of tokens.
    Returns:
        The class with the highest logit; for tags, the surest one that is not `O`; for spans, where the answer starts
        and ends; for a model that writes, the next token. None if all tags are `O`.
    """
    if "start_logits" in found.logits:
        start, end = (int(found.logits[name][0].argmax()) for name in ("start_logits", "end_logits"))
        name = f"the start at {tokens.tokens[start]!r} and the end at {tokens.tokens[end]!r}"
        return Decision(name, lambda said: said.start_logits[:, start] + said.end_logits[:, end])
    logits = found.logits["logits"][0]
    if writes:
        best = int(logits[-1].argmax())
        return Decision(f"the logit of the next token {best}", lambda said: said.logits[:, -1, best])
    if logits.dim() == 1:
        best = int(logits.argmax())
        name = f"the logit of {labels.get(best, best)}" if len(logits) > 1 else "the number"
        return Decision(name, lambda said: said.logits[:, best])
    odds = logits.softmax(-1)
    odds[torch.tensor(tokens.special)] = 0
    odds[:, [place for place, name in labels.items() if name == "O"]] = 0
    if not float(odds.max()):
        return None
    at, best = divmod(int(odds.argmax()), odds.shape[1])
    if best != int(logits[at].argmax()):
        return None
    return Decision(f"the logit of {labels.get(best, best)} at {tokens.tokens[at]!r}", lambda s: s.logits[:, at, best])


def attribute(
    model: PreTrainedModel, batch: Mapping[str, Tensor], asked: Decision, tokenizer: PreTrainedTokenizerBase
) -> Attribution:
    """Attribute a decision to the tokens.

    Args:
        model: An encoder or a decoder, in evaluation mode.
        batch: The arguments of its forward, of one sequence.
        asked: The decision.
        tokenizer: Its mask token takes the place of ordinary tokens, else its padding token.
    Raises:
        UsageError: captum is not installed.
    """
    try:
        from captum.attr import LayerIntegratedGradients
    except ImportError:
        hint = "pip install captum (the extra trace brings it)"
        raise UsageError("attribution needs captum, which is not installed", where="attribution", hint=hint) from None
    ids = batch["input_ids"]
    others = {name: tensor for name, tensor in batch.items() if name != "input_ids"}
    filler = next(one for one in (tokenizer.mask_token_id, tokenizer.pad_token_id) if one is not None)
    special = torch.isin(ids, torch.tensor(tokenizer.all_special_ids, device=ids.device))

    def forward(tokens: Tensor, *given: Tensor) -> Tensor:
        return asked.output(model(input_ids=tokens, **dict(zip(others, given, strict=True))))

    explain = LayerIntegratedGradients(forward, model.get_input_embeddings())
    blank = torch.where(special, ids, torch.full_like(ids, filler))
    given = tuple(others.values())
    with torch.no_grad():
        output, baseline = (float(forward(tokens, *given)) for tokens in (ids, blank))
    for steps in STEPS:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # captum warns of what torch does not need
            found = explain.attribute(ids, blank, None, given, n_steps=steps, internal_batch_size=AT_ONCE)
        values = found.sum(-1)[0].tolist()
        error = abs(sum(values) - (output - baseline)) / max(abs(output - baseline), 1e-6)
        if error <= COMPLETE:
            break
    name = str(tokenizer.convert_ids_to_tokens(filler))
    return Attribution(asked.name, values, output, baseline, name, error)
