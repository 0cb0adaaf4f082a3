"""Which tokens decided: integrated gradients (Sundararajan et al. 2017, arXiv:1703.01365), computed by captum."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle
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


def decision(
    found: Record, tokens: Tokens, labels: Mapping[Any, str], *, writes: bool, answer: Sequence[int | None] = ()
) -> Decision | None:
    """The decision of a model about one sequence.

    Args:
        found: What the model computed for it.
        tokens: The tokens of the sequence.
        labels: The model's names of its classes.
        writes: Whether the logits are those of tokens.
        answer: The tokens that an encoder-decoder has written, one for each logit; None for those that do not count.
    Returns:
        The class with the highest logit; for tags, the surest one that is not `O`; for spans, where the answer starts
        and ends; for a decoder, the next token; for an encoder-decoder, its answer. None if all tags are `O`, or if
        nothing was written.
    """
    if "start_logits" in found.logits:
        start, end = (int(found.logits[name][0].argmax()) for name in ("start_logits", "end_logits"))
        name = f"the start at {tokens.tokens[start]!r} and the end at {tokens.tokens[end]!r}"
        return Decision(name, lambda said: said.start_logits[:, start] + said.end_logits[:, end])
    logits = found.logits["logits"][0]
    if len(found.stacks) > 1:
        places = [place for place, one in enumerate(answer) if one is not None]
        said = [one for one in answer if one is not None]
        name = "the log-probability of the answer"
        return Decision(name, lambda out: out.logits.log_softmax(-1)[:, places, said].sum(-1)) if said else None
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
        model: In evaluation mode. Of an encoder-decoder, the tokens are those that its encoder reads.
        batch: The arguments of its forward, of one sequence.
        asked: The decision.
        tokenizer: Its mask token takes the place of ordinary tokens, else its padding token.
    Raises:
        UsageError: captum is not installed.
    """
    try:
        from captum.attr import IntegratedGradients
    except ImportError:
        hint = "pip install captum (the extra trace brings it)"
        raise UsageError("attribution needs captum, which is not installed", where="attribution", hint=hint) from None
    ids = batch["input_ids"]
    others = {name: tensor for name, tensor in batch.items() if name != "input_ids"}
    reader: Any = model.get_encoder() if model.config.is_encoder_decoder else model
    embeddings = reader.get_input_embeddings()
    filler = next(one for one in (tokenizer.mask_token_id, tokenizer.pad_token_id) if one is not None)
    special = torch.isin(ids, torch.tensor(tokenizer.all_special_ids, device=ids.device))

    def forward(states: Tensor, *given: Tensor) -> Tensor:
        with _replaced(embeddings, states):
            return asked.output(model(input_ids=ids.expand(len(states), -1), **dict(zip(others, given, strict=True))))

    explain = IntegratedGradients(forward)
    given = tuple(others.values())
    with torch.no_grad():
        read, blank = (embeddings(tokens) for tokens in (ids, torch.where(special, ids, torch.full_like(ids, filler))))
        output, baseline = (float(forward(states, *given)) for states in (read, blank))
    for steps in STEPS:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # captum warns of what torch does not need
            found = explain.attribute(read, blank, None, given, n_steps=steps, internal_batch_size=AT_ONCE)
        values = found.sum(-1)[0].tolist()
        error = abs(sum(values) - (output - baseline)) / max(abs(output - baseline), 1e-6)
        if error <= COMPLETE:
            break
    name = str(tokenizer.convert_ids_to_tokens(filler))
    return Attribution(asked.name, values, output, baseline, name, error)


def _replaced(embeddings: nn.Module, states: Tensor) -> RemovableHandle:
    """Let embeddings give these states for the first ids: an encoder and its decoder may share them, in this order."""
    left = [states]
    return embeddings.register_forward_hook(lambda module, args, output: left.pop() if left else output)
