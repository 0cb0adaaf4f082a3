"""The parts of a model: its layers, what is before and after them, and their parameters."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn
from transformers import PreTrainedModel


@dataclass(frozen=True)
class Part:
    """A part of a model.

    Args:
        name: A layer, such as `encoder.layer.0`; or the module that the parameters belong to.
        kind: Class of the module.
        parameters: Their number; shared ones count in the first part that has them.
        n_bytes: Their size in memory.
        shares: Other parts whose parameters it uses.
    """

    name: str
    kind: str
    parameters: int
    n_bytes: int
    shares: tuple[str, ...] = ()


@dataclass(frozen=True)
class Anatomy:
    """A model, from its configuration and its weights.

    Args:
        name: As it was given.
        architecture: Its `model_type`.
        family: Encoder, decoder or encoder-decoder.
        task: The task that it was fine-tuned for.
        stacks: Layers of each stack.
        width: Of its hidden states.
        heads: Attention heads of a layer.
        vocabulary: Tokens that its embeddings have.
        parameters: Their number.
        parts: Its parts in order.
    """

    name: str
    architecture: str
    family: str
    task: str
    stacks: Sequence[int]
    width: int
    heads: int
    vocabulary: int
    parameters: int
    parts: Sequence[Part]


def anatomy(model: PreTrainedModel, name: str, family: str, task: str) -> Anatomy:
    """The anatomy of a model."""
    config, found = model.config.get_text_config(), parts(model)
    return Anatomy(
        name,
        config.model_type,
        family,
        task,
        [len(layers) for _, layers in stacks(model)],
        config.hidden_size,
        config.num_attention_heads,
        config.vocab_size,
        sum(part.parameters for part in found),
        found,
    )


def stacks(model: nn.Module) -> list[tuple[str, list[nn.Module]]]:
    """The stacks of layers of a model: the name of each, and its layers in order."""
    outer: list[tuple[str, list[nn.Module]]] = []
    for name, module in model.named_modules():
        if isinstance(module, nn.ModuleList) and not any(name.startswith(f"{other}.") for other, _ in outer):
            outer.append((name, list(module)))
    most = max((len(layers) for _, layers in outer), default=0)
    config = getattr(model, "config", None)
    sizes = {most, *(getattr(config, name, 0) for name in ("num_hidden_layers", "encoder_layers", "decoder_layers"))}
    return [(name, layers) for name, layers in outer if len(layers) in sizes]


def parts(model: PreTrainedModel) -> list[Part]:
    """The parts of a model in order: one for each layer, and one for each other module with parameters of its own."""
    modules, found_stacks = dict(model.named_modules()), stacks(model)
    found: dict[str, Part] = {}
    owner: dict[int, str] = {}
    for name, parameter in model.named_parameters(remove_duplicate=False):
        part = _part_of(name, found_stacks)
        kind = type(modules[part]).__name__
        known = found.setdefault(part, Part(part, kind, 0, 0))
        if id(parameter) in owner:
            shares = {**dict.fromkeys(known.shares), owner[id(parameter)]: None}
            shares.pop(part, None)
            found[part] = Part(part, kind, known.parameters, known.n_bytes, tuple(shares))
            continue
        owner[id(parameter)] = part
        size = parameter.numel() * parameter.element_size()
        found[part] = Part(part, kind, known.parameters + parameter.numel(), known.n_bytes + size, known.shares)
    return list(found.values())


def _part_of(parameter: str, known: Sequence[tuple[str, Sequence[nn.Module]]]) -> str:
    for name, layers in known:
        if parameter.startswith(f"{name}."):
            index = parameter.removeprefix(f"{name}.").partition(".")[0]
            if index.isdigit() and int(index) < len(layers):
                return f"{name}.{index}"
    return parameter.rpartition(".")[0]


def groups(parts: Sequence[Part]) -> list[list[Part]]:
    """Parts in order, with the layers of a stack together."""
    found: dict[str, list[Part]] = {}
    for part in parts:
        found.setdefault(_stack_of(part), []).append(part)
    return list(found.values())


def _stack_of(part: Part) -> str:
    """The stack that a layer belongs to; of another part its own name."""
    stack, _, last = part.name.rpartition(".")
    return stack if last.isdigit() else part.name
