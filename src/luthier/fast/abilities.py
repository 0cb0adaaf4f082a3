"""Which parts of the fast path give the same numbers with a model, found by trying them on a few rows."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import PreTrainedModel

from luthier.data.batches import IGNORED
from luthier.fast import attention, vocabulary
from luthier.fast.last_layer import Selection, places, reads_first
from luthier.fast.layout import Asked, Forward, Side, first_tokens, running, sides
from luthier.fast.unpad import Stack
from luthier.fast.varlen import BY_ROWS, Core
from luthier.fast.vocabulary import has_output_layer
from luthier.text import shorten
from luthier.tracing.anatomy import stacks

LENGTHS, WRITTEN = (5, 9, 3, 8), (2, 6, 7, 4)  # tokens of the rows of a trial, and of what a decoder writes to them
ROUNDING = 1_000  # units in the last place of the largest number; a wrong mask changes far more
MOST_ROUNDING = 0.05  # of it, in bf16 and fp16
LARGE = 1_000.0  # what logits are multiplied by, so that a soft cap shows
FAILURES = (AttributeError, IndexError, KeyError, NotImplementedError, RuntimeError, TypeError, ValueError)
DIFFERS = "its results would differ"
LAYERS = ("attention", "unpad", "varlen", "last_layer")


@dataclass(frozen=True)
class Abilities:
    """What a model can do.

    Args:
        logits: Whether its logits are a linear function of hidden states and no more, so that they can be left out.
        attention: Whether its layers take part in fast passes at all.
        unpad: Whether they run without padding.
        varlen: Whether their attention too, given a core that can (`luthier.fast.varlen`).
        last_layer: Whether the last layer can run for the first tokens alone.
        reads_first: Whether the head reads the first token of each row, be it padding or not, and no other.
        why_not: Part to the reason why the model cannot do it.
    """

    logits: bool = False
    attention: bool = False
    unpad: bool = False
    varlen: bool = False
    last_layer: bool = False
    reads_first: bool = False
    why_not: Mapping[str, str] = field(default_factory=dict)


_KNOWN: WeakKeyDictionary[nn.Module, Abilities] = WeakKeyDictionary()


def abilities(model: PreTrainedModel) -> Abilities:
    """What a model can do. It is tried once; from then on, its layers take part in fast passes."""
    found = stacks(model)
    if not found:
        return Abilities(why_not=dict.fromkeys(LAYERS, "the model has no stack of layers"))
    last = found[-1][1][-1]  # which copies of a model share
    if last not in _KNOWN:
        training = model.training
        model.eval()
        try:
            with torch.autocast(model.device.type, enabled=False):
                _KNOWN[last] = _tried(model, [Stack(held, decoder=_decodes(model, name)) for name, held in found])
        finally:
            model.train(training)
    return _KNOWN[last]


def _decodes(model: PreTrainedModel, stack: str) -> bool:
    return bool(model.config.is_encoder_decoder) and "decoder" in stack.split(".")


def _tried(model: PreTrainedModel, found: Sequence[Stack]) -> Abilities:
    try:
        trial = _Trial(model, [stack.layers[-1] for stack in found])
    except FAILURES as error:  # it needs other inputs than token ids
        return Abilities(why_not=dict.fromkeys(("logits", *LAYERS), shorten(str(error), 80)))
    why_not = {"logits": _no_losses(model, trial)}
    why_not["attention"] = _no_attention(model, found, trial)
    if why_not["attention"]:
        why_not |= dict.fromkeys(LAYERS, why_not["attention"])
    else:
        why_not["unpad"] = _no_unpadding(model, trial)
        why_not["varlen"] = why_not["unpad"] or _no_varlen(model, trial)
        why_not["last_layer"] = _no_selection(found, trial, unpadded=not why_not["unpad"])
    able = {part: not why for part, why in why_not.items()}
    return Abilities(**able, reads_first=trial.reads_first, why_not={k: why for k, why in why_not.items() if why})


def _no_attention(model: PreTrainedModel, found: Sequence[Stack], trial: "_Trial") -> str:
    """Why the layers cannot take part in fast passes; empty if they can, which they then do."""
    before = model.config._attn_implementation  # no public name for reading it
    if before == attention.NAME:  # a copy, with the hooks of the model
        return "" if trial.agrees(trial.forward(unpad=False)) else DIFFERS
    if before != "sdpa":
        return f"its attention is {before}, not sdpa"
    if not all(stack.hands_on for stack in found):
        return "its layers do not hand arguments on to their attention"
    attention.register()
    model.set_attn_implementation(attention.NAME)
    handles = [handle for stack in found for handle in stack.hook()]
    if trial.agrees(trial.forward(unpad=False)):
        return ""
    for handle in handles:
        handle.remove()
    model.set_attn_implementation(before)
    return DIFFERS


def _no_unpadding(model: PreTrainedModel, trial: "_Trial") -> str:
    """Why the layers cannot run without padding; empty if they can."""
    if any(value for name, value in model.config.to_dict().items() if name.endswith("layerdrop")):
        return "layers are left out at random"  # among them the last, which pads again
    return "" if trial.agrees(trial.forward(unpad=True)) else DIFFERS


def _no_varlen(model: PreTrainedModel, trial: "_Trial") -> str:
    """Why attention cannot run over packed rows; empty if it can.

    A window is longer than the rows of a trial. That a model tells its attention of it, and of all else that its mask
    says, is what transformers asks of one that supports flash attention.
    """
    if not torch.cuda.is_available():
        return "it is for GPUs"  # a trial would delay the first step
    if not model._supports_flash_attn:  # no public name for reading it
        return "transformers does not run it with flash attention"
    return "" if trial.agrees(trial.forward(unpad=True, core=BY_ROWS)) else DIFFERS


def _no_losses(model: PreTrainedModel, trial: "_Trial") -> str:
    """Why the losses of labels cannot be computed without their logits; empty if they can, which they then are."""
    if not has_output_layer(model):
        return "it has no linear output layer over a vocabulary"
    if not trial.leaves_logits(model.get_output_embeddings()):
        return "it changes its logits"
    if trial.has_losses():  # a copy, with the hooks of the model
        return ""
    handles = vocabulary.hook(model)
    if trial.has_losses():
        return ""
    for handle in handles:
        handle.remove()
    return DIFFERS


def _no_selection(found: Sequence[Stack], trial: "_Trial", *, unpadded: bool) -> str:
    """Why the last layer cannot run for the first tokens alone; empty if it can, which it then does."""
    if not trial.reads_first:
        return "the head reads other tokens than the first"
    passes = [trial.forward(unpad=unpad, read=True) for unpad in {False, unpadded}]
    if all(map(trial.agrees, passes)):  # a copy, with the hooks of the model
        return ""
    for place in places(trial.layers[-1], lambda: trial.run(None)):
        handle = Selection(found[-1]).before(place)
        if all(map(trial.agrees, passes)):
            return ""
        handle.remove()
    return "nothing in the last layer can leave tokens out"


class _Trial:
    """Runs a model on a few rows, in a fast pass and as it is.

    Args:
        model: In evaluation mode.
        layers: The last layer of each stack.
    """

    def __init__(self, model: PreTrainedModel, layers: Sequence[nn.Module]) -> None:
        self.layers = layers
        self._model = model
        self._batch, self._both = _batch(model), bool(model.config.is_encoder_decoder)
        self._inputs = {name: value for name, value in self._batch.items() if name != "labels"}
        self._plain = self.run(None)

    def forward(self, *, unpad: bool, read: bool = False, core: Core | None = None) -> Forward:
        """A fast pass over the rows."""
        own, written = sides(self._batch, cross=self._both) if unpad else (None, None)
        tokens = first_tokens(self._batch, own) if read else None
        shape = len(LENGTHS), max(LENGTHS)
        own_side = Side(own, None, tokens, shape, explicit=True, core=core)
        return Forward(own_side, Side(written, own, explicit=True, core=core))

    def run(self, forward: Forward | None) -> tuple[list[Tensor], Tensor]:
        """The outputs of the last layers, [b, t, d], and the logits.

        Args:
            forward: None to run the model as it is.
        """
        found: list[Tensor] = []
        with ExitStack() as hooks, running(forward):
            for layer in self.layers:
                hooks.enter_context(layer.register_forward_hook(_keep(found)))
            outputs = self._model(**self._inputs)
        return found, next(value for name, value in outputs.items() if name.endswith("logits"))

    def agrees(self, forward: Forward) -> bool:
        """Whether a fast pass has the outputs of the plain one, with gradients and without."""
        try:
            return all(self._agrees(forward, gradients) for gradients in (True, False))
        except FAILURES:
            return False

    def _agrees(self, forward: Forward, gradients: bool) -> bool:
        with torch.set_grad_enabled(gradients):
            hidden, logits = self.run(forward)
        plain, plain_logits = self._plain
        if forward.encoder.read is not None:
            return _close(logits, plain_logits)
        reals = [self._batch[name] for name in ("attention_mask", "labels") if name in self._batch]
        return len(hidden) == len(plain) and all(
            _close(new[_real(mask)], old[_real(mask)]) for new, old, mask in zip(hidden, plain, reals, strict=True)
        )

    def leaves_logits(self, layer: nn.Module) -> bool:
        """Whether the logits are what the output layer makes, also where it is large, as it is after training."""
        made: list[Tensor] = []

        def enlarge(module: nn.Module, args: Any, output: Tensor) -> Tensor:
            made.append(output * LARGE)
            return made[-1]

        with layer.register_forward_hook(enlarge), torch.no_grad():
            _, logits = self.run(None)
        return len(made) == 1 and torch.equal(logits, made[0])

    def has_losses(self) -> bool:
        """Whether the model computes the losses that belong to its logits."""
        ids, real = self._batch["input_ids"], self._batch["attention_mask"]
        targets = self._batch["labels"] if self._both else ids.masked_fill(~_real(real), IGNORED)
        wanted = functional.cross_entropy(
            self._plain[1].flatten(0, -2).float(), targets.flatten(), ignore_index=IGNORED, reduction="none"
        )
        try:
            with torch.no_grad(), running(Forward(asked=Asked(targets))):
                found = self._model(**self._inputs)
        except FAILURES:
            return False
        losses = getattr(found, "losses", None)
        return losses is not None and _close(losses, wanted[targets.flatten().ne(IGNORED)], self._plain[1].dtype)

    @cached_property
    def reads_first(self) -> bool:
        """Whether the logits, one for each row and class, depend on the first tokens alone."""
        with torch.enable_grad():
            (hidden, *_), logits = self.run(None)
        return logits.dim() == 2 and hidden.requires_grad and reads_first(hidden, logits)


def _batch(model: PreTrainedModel) -> dict[str, Tensor]:
    """A few rows of random tokens, padded on the right."""
    generator = torch.Generator().manual_seed(0)
    words = model.config.get_text_config().vocab_size

    def padded(lengths: Sequence[int]) -> tuple[Tensor, Tensor]:
        ids = torch.randint(words, (len(lengths), max(lengths)), generator=generator)
        real = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
        return ids.to(model.device), real.to(model.device)

    ids, real = padded(LENGTHS)
    batch = {"input_ids": ids, "attention_mask": real.long()}
    if model.config.is_encoder_decoder:
        ids, real = padded(WRITTEN)
        batch |= {"decoder_input_ids": ids, "labels": ids.masked_fill(~real, IGNORED)}
    return batch


def _real(mask: Tensor) -> Tensor:
    return mask.ne(IGNORED) if mask.lt(0).any() else mask.ne(0)


def _keep(found: list[Tensor]) -> Callable[[nn.Module, Any, Any], None]:
    def hook(module: nn.Module, args: Any, output: Any) -> None:
        found.append(output[0] if isinstance(output, tuple) else output)

    return hook


def _close(new: Tensor, old: Tensor, dtype: torch.dtype | None = None) -> bool:
    """Whether two results agree within the rounding errors of a type, by default their own."""
    part = min(ROUNDING * torch.finfo(dtype or old.dtype).eps, MOST_ROUNDING)
    return bool((new - old).abs().max() <= part * old.abs().max())
