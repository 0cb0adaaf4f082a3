"""What a model that generates text has to choose from, token by token, and what each layer would choose."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from luthier.tracing.anatomy import stacks

CANDIDATES = 8
TOLERANCE = 1e-4  # of the logits that the lens reads from the last layer, relative to their largest


@dataclass(frozen=True)
class Candidate:
    """A token that could come next.

    Args:
        id: Its id.
        token: Its name in the vocabulary.
        text: What it says alone.
        probability: By the model, before any setting of sampling.
    """

    id: int
    token: str
    text: str
    probability: float


@dataclass(frozen=True)
class Choice:
    """One step of generation.

    Args:
        chosen: The token that was taken.
        candidates: The most probable ones, best first.
    """

    chosen: Candidate
    candidates: Sequence[Candidate]


@dataclass(frozen=True)
class Writing:
    """What a model that generates text has to choose from.

    Args:
        candidates: The most probable next tokens, after the prompt of a decoder.
        paths: `greedy` and `sampled`, what a decoder goes on to write; `answer`, of an encoder-decoder.
        layers: What each layer of a decoder would say next if it were the last; None where it cannot be read.
    """

    candidates: Sequence[Candidate]
    paths: Mapping[str, Sequence[Choice]]
    layers: Sequence[Sequence[Candidate]] | None = None


def candidates(logits: Tensor, tokenizer: PreTrainedTokenizerBase, most: int = CANDIDATES) -> list[Candidate]:
    """The most probable next tokens by the logits of one position, [v]."""
    odds = logits.float().softmax(-1)
    best = odds.topk(min(most, len(odds)))
    return [_candidate(int(i), float(p), tokenizer) for p, i in zip(best.values, best.indices, strict=True)]


def choices(logits: Tensor, ids: Sequence[int], tokenizer: PreTrainedTokenizerBase) -> list[Choice]:
    """The choices of a path.

    Args:
        logits: [n, v], each before the token that was chosen.
        ids: The n tokens that were chosen.
        tokenizer: Names the tokens.
    """
    odds = logits.float().softmax(-1)
    chosen = [_candidate(one, float(odds[step, one]), tokenizer) for step, one in enumerate(ids)]
    return [Choice(one, candidates(logits[step], tokenizer)) for step, one in enumerate(chosen)]


def follow(model: PreTrainedModel, prompt: Sequence[int], path: Sequence[int]) -> Tensor:
    """The logits [n, v] before each of the n tokens that a decoder has written after a prompt."""
    ids = torch.tensor([[*prompt, *path]], device=model.device)
    with torch.inference_mode():
        logits: Tensor = model(input_ids=ids, attention_mask=torch.ones_like(ids), use_cache=False).logits
    return logits[0, len(prompt) - 1 : -1]


def lens(model: PreTrainedModel, batch: Mapping[str, Tensor]) -> Tensor | None:
    """What each layer of a decoder would say if it were the last one: [layers, v] for the last token of one sequence.

    The logit lens of nostalgebraist (2020): the final normalization and the output embeddings read each layer's hidden
    state. None where the last layer read like this does not give the model's own logits.

    Args:
        model: A decoder with a language-modeling head, in evaluation mode.
        batch: The arguments of its forward, of one sequence without padding.
    """
    head, found = model.get_output_embeddings(), stacks(model)
    if head is None or not found:
        return None
    name, layers = found[-1]
    beside = model.get_submodule(name.rpartition(".")[0]).children()
    norms = [module for module in beside if "norm" in type(module).__name__.lower()]
    called: list[tuple[nn.Module, Tensor]] = []
    with ExitStack() as hooks:
        for module in [*layers, *norms]:
            hooks.enter_context(module.register_forward_hook(partial(_keep, called)))
        with torch.inference_mode():
            logits = model(**batch, use_cache=False).logits[0, -1]
    last = max(place for place, (module, _) in enumerate(called) if module is layers[-1])
    norm = next((module for module, _ in called[last + 1 :]), None)
    states = torch.stack([state[0, -1] for module, state in called if module not in norms])
    cap = getattr(model.config, "final_logit_softcapping", None)
    with torch.inference_mode():
        read: Tensor = head(states if norm is None else norm(states))
        read = torch.tanh(read / cap) * cap if cap else read
    error = (read[-1] - logits).abs().max() / logits.abs().max()
    return read if float(error) < TOLERANCE else None


def _keep(called: list[tuple[nn.Module, Tensor]], module: nn.Module, _: Any, output: Any) -> None:
    called.append((module, output[0] if isinstance(output, tuple) else output))


def _candidate(one: int, probability: float, tokenizer: PreTrainedTokenizerBase) -> Candidate:
    name = str(tokenizer.convert_ids_to_tokens(one))
    return Candidate(one, name, str(tokenizer.decode([one])), probability)
