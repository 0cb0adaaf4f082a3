"""Models from scratch: configurations of architectures in three sizes, and their initial weights."""

import inspect
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import torch
import transformers
from torch import nn
from transformers import CONFIG_MAPPING, GenerationConfig, PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

from luthier.errors import ModelError
from luthier.models import architectures
from luthier.models.architectures import architecture_named
from luthier.models.families import supports
from luthier.models.loading import set_dropout, told
from luthier.models.quiet import quiet
from luthier.text import count, plural

DEFAULT_ARCHITECTURE = architectures.DEFAULTS
DROPOUT = 0.1
HEAD = 64  # width of an attention head
POSITIONS = 1024  # maximum tokens of a row


@dataclass(frozen=True)
class Shape:
    """The size of a model: its hidden width, and the layers of each stack."""

    width: int
    layers: int


ONE_STACK = {"tiny": Shape(128, 2), "small": Shape(384, 6), "base": Shape(768, 12)}
RATES = {"tiny": 1e-3, "small": 5e-4, "base": 2e-4}  # peak learning rates of AdamW
TWO_STACKS = {"tiny": Shape(128, 2), "small": Shape(256, 4), "base": Shape(512, 6)}

# Names of the same setting in different transformers configurations; each has one or some of them.
WIDTH = ("hidden_size", "embedding_size", "d_model", "n_embd", "dim")
LAYERS = ("num_hidden_layers", "num_layers", "n_layers", "n_layer", "num_decoder_layers")
LAYERS_OF_TWO = ("encoder_layers", "decoder_layers")
HEADS = ("num_attention_heads", "num_key_value_heads", "num_heads", "n_heads", "n_head")
HEADS_OF_TWO = ("encoder_attention_heads", "decoder_attention_heads")
HEAD_WIDTH = ("head_dim", "d_kv", "query_pre_attn_scalar")
INNER = ("intermediate_size", "n_inner", "hidden_dim", "d_ff", "encoder_ffn_dim", "decoder_ffn_dim")
WORDS = ("vocab_size", "decoder_vocab_size")
PLACES = ("max_position_embeddings", "n_positions")


def shape_of(size: str, family: str) -> Shape:
    """The shape of a new model of a size."""
    return (TWO_STACKS if family == "encoder-decoder" else ONE_STACK)[size]


def make_config(
    architecture: str, size: str, tokenizer: PreTrainedTokenizerBase, *, positions: int = POSITIONS
) -> PretrainedConfig:
    """Make the configuration of a new model, in the usual proportions, with a dropout of 0.1.

    Args:
        architecture: Its `model_type`, such as `bert`, `llama` or `t5`.
        size: `tiny` (0.4 M parameters without embeddings, 0.9 M in two stacks), `small` (11 or 7 M) or `base` (85 or
            44 M).
        tokenizer: Gives the vocabulary and the ids of the special tokens.
        positions: Maximum tokens that the model takes.
    Raises:
        ModelError: No new model of the architecture can be made.
    """
    traits = architecture_named(architecture)
    shape = shape_of(size, traits.family)
    # A gated layer has three matrices instead of two, so each is narrower.
    inner = 64 * round(shape.width * 8 / 3 / 64) if traits.gated else 4 * shape.width
    wanted: dict[str, Any] = {
        **dict.fromkeys(WIDTH, shape.width),
        **dict.fromkeys((*LAYERS, *LAYERS_OF_TWO), shape.layers),
        **dict.fromkeys((*HEADS, *HEADS_OF_TWO), shape.width // HEAD),
        **dict.fromkeys(HEAD_WIDTH, HEAD),
        **dict.fromkeys(INNER, inner),
        **dict.fromkeys(WORDS, len(tokenizer)),
        **dict.fromkeys(PLACES, positions + traits.spare_positions),
        # Embeddings are a large part of a small model, so input and output share one matrix.
        "tie_word_embeddings": True,
        **_special_ids(tokenizer),
    }
    if traits.start is not None:
        wanted["decoder_start_token_id"] = wanted[f"{traits.start}_token_id"]
    kind = CONFIG_MAPPING[architecture]
    known = inspect.signature(kind).parameters
    taken = {key: value for key, value in wanted.items() if key in known}
    config: PretrainedConfig = kind(**taken, **traits.settings)
    if traits.start is not None:
        config.decoder_start_token_id = wanted["decoder_start_token_id"]  # not every class takes it as an argument
    set_dropout(config, DROPOUT)
    return config


def training_defaults(architecture: str, size: str, optimizer: str | None = None) -> dict[str, Any]:
    """Training defaults of a new model: dotted recipe key to value.

    Training from scratch takes larger steps than fine-tuning, and more of them.

    Args:
        architecture: Its `model_type`.
        size: Its size: larger models take smaller steps (Kaplan et al. 2020, appendix D.6).
        optimizer: The recipe's, if it names one.
    """
    usual = {"training.learning_rate": RATES[size], "training.warmup_ratio": 0.1, "training.epochs": 10.0}
    own = architecture_named(architecture).training
    return {**usual, **own} if optimizer in (None, own.get("training.optimizer")) else usual


def make_model(auto_class: str, config: PretrainedConfig, *, dropout: float | None = None) -> PreTrainedModel:
    """Make a model with new weights, in float32. The random state of torch determines them.

    Args:
        auto_class: Class name after `AutoModelFor`, such as `CausalLM`.
        config: From `make_config`, with what the head needs, such as `num_labels`.
        dropout: Rate for every dropout layer; None leaves that of the configuration.
    """
    config = deepcopy(config)  # what is changed in one model, such as its attention, is not in the next one
    if dropout is not None:
        set_dropout(config, dropout)
    with quiet():
        model: PreTrainedModel = getattr(transformers, f"AutoModelFor{auto_class}").from_config(
            config, dtype=torch.float32
        )
    return model


def parameters_of(config: PretrainedConfig) -> int:
    """The number of parameters of a model, without a head if it can be without; no weight is loaded or made.

    Raises:
        ModelError: The configuration is not one of a model.
    """
    headed = () if type(config) in transformers.MODEL_MAPPING else ("Seq2SeqLM", "CausalLM")
    name = next((f"AutoModelFor{head}" for head in headed if supports(config, head)), "AutoModel")
    with torch.device("meta"), told(str(config.name_or_path), "model"):
        return int(getattr(transformers, name).from_config(config).num_parameters())


def renew_embeddings(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, taken_over: Mapping[int, int] | None = None
) -> None:
    """Give a model new embeddings for another tokenizer, with the standard deviation of the old ones.

    Args:
        model: Its embeddings, and the ids in its configuration and generation configuration, are replaced.
        tokenizer: Gives the vocabulary and the ids of the special tokens.
        taken_over: New id to old id, of the tokens that keep their embedding.
    """
    before = [(head.weight.detach().clone(), _bias(head)) for head in _ends(model)]
    for module in model.modules():
        if isinstance(module, nn.Embedding) and module.num_embeddings == model.config.vocab_size:
            module.padding_idx = None  # it may lie outside of the new vocabulary
    model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    kept = {new: old for new, old in (taken_over or {}).items() if old < min(len(weight) for weight, _ in before)}
    new, old = list(kept), list(kept.values())
    with torch.no_grad():
        for head, (weight, bias) in zip(_ends(model), before, strict=True):
            nn.init.normal_(head.weight, std=weight.std().item())
            head.weight[new] = weight[old]
            if bias is not None:
                nn.init.zeros_(head.bias)
                head.bias[new] = bias[old]
        for name, buffer in model.named_buffers():
            if name.endswith("final_logits_bias"):
                buffer.zero_()  # biases of the old tokens
    _replace_ids(model, tokenizer)


def grow_embeddings(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> int:
    """Make room for tokens that were added to a model's own tokenizer, such as those of a chat template.

    Their embeddings begin near the mean of the others. Models may have more rows than tokens; those are kept.

    Returns:
        How many rows were added.
    """
    embeddings: Any = model.get_input_embeddings()
    missing = max(0, len(tokenizer) - embeddings.num_embeddings)
    if missing:
        with quiet():
            model.resize_token_embeddings(len(tokenizer))
    return missing


def refuse_tokens_without_embedding(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
    """Have a finished model refuse the tokens of its tokenizer that its embeddings lack, once one occurs.

    Models are published with a few tokens too many, which most texts do not have. In torch, the first such token is an
    error without its name, and on a GPU one that ends the process. A model with an embedding for every token stays as
    it is.

    Args:
        model: As it is used; nothing is added.
        tokenizer: Its own.
    """
    embeddings: Any = model.get_input_embeddings()
    rows = embeddings.num_embeddings
    if len(tokenizer) <= rows:
        return

    def check(_: nn.Module, inputs: tuple[Any, ...]) -> None:
        highest = int(inputs[0].max()) if inputs[0].numel() else 0
        if highest >= rows:
            token = tokenizer.convert_ids_to_tokens(highest)
            raise ModelError(
                f"the model has {count(rows)} embeddings, but its tokenizer has {plural(len(tokenizer), 'token')}: "
                f"{token!r} has none",
                where=str(tokenizer.name_or_path),
                hint="use the tokenizer that belongs to the model, or train: `luthier train` adds embeddings",
            )

    embeddings.register_forward_pre_hook(check)


def _ends(model: PreTrainedModel) -> list[Any]:
    """The input embeddings of a model and, if it generates text, its output embeddings."""
    return [end for end in (model.get_input_embeddings(), model.get_output_embeddings()) if end is not None]


def _bias(head: Any) -> torch.Tensor | None:
    bias = getattr(head, "bias", None)
    return None if bias is None else bias.detach().clone()


def _replace_ids(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
    config = model.config
    ids = _special_ids(tokenizer)
    start = getattr(config, "decoder_start_token_id", None)
    if start is not None:
        role = next((role for role in ("pad", "eos") if start == getattr(config, f"{role}_token_id")), "bos")
        config.decoder_start_token_id = ids[f"{role}_token_id"]
    for key, value in ids.items():
        if hasattr(config, key):
            setattr(config, key, value)
    if model.can_generate():
        model.generation_config = GenerationConfig.from_model_config(config)


def _special_ids(tokenizer: PreTrainedTokenizerBase) -> dict[str, int | None]:
    """The ids of special tokens, by their names in configurations."""
    start = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else tokenizer.cls_token_id
    end = tokenizer.eos_token_id if tokenizer.eos_token_id is not None else tokenizer.sep_token_id
    return {
        "pad_token_id": tokenizer.pad_token_id,
        "bos_token_id": start,
        "eos_token_id": end,
        "cls_token_id": tokenizer.cls_token_id,
        "sep_token_id": tokenizer.sep_token_id,
        "forced_eos_token_id": end,
    }
