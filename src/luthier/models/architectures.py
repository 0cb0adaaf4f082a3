"""Properties of architectures for training from scratch: special tokens, proportions, start token."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from luthier.errors import ModelError, nearest
from luthier.models.families import Family
from luthier.recipe import TokenizerKind

TURN_START, TURN_END = "<|im_start|>", "<|im_end|>"  # around a turn, as in ChatML


@dataclass(frozen=True)
class Markup:
    """The special tokens of an architecture.

    Args:
        tokens: Role to token, in the order of their ids.
        single: Template of one text with special tokens.
        pair: Template of a pair of texts.
        turns: Tokens that the default chat template puts around a turn.
    """

    tokens: Mapping[str, str]
    single: str
    pair: str
    turns: tuple[str, ...] = ()


BERT = Markup(
    {
        "pad_token": "[PAD]",
        "unk_token": "[UNK]",
        "cls_token": "[CLS]",
        "sep_token": "[SEP]",
        "mask_token": "[MASK]",
    },
    "[CLS] $A [SEP]",
    "[CLS] $A [SEP] $B:1 [SEP]:1",
)
# Texts may contain HTML such as <s>, so models that generate any text have other special tokens.
GPT = Markup(
    {"pad_token": "<|pad|>", "bos_token": "<|startoftext|>", "eos_token": "<|endoftext|>", "unk_token": "<|unknown|>"},
    "<|startoftext|> $A",
    "<|startoftext|> $A $B",
    (TURN_START, TURN_END),
)
T5 = Markup(
    {"pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>", "bos_token": "<s>"},
    "$A </s>",
    "$A </s> $B </s>",
)
BART = Markup(
    {
        "bos_token": "<s>",
        "pad_token": "<pad>",
        "eos_token": "</s>",
        "unk_token": "<unk>",
        "mask_token": "<mask>",
        "cls_token": "<s>",
        "sep_token": "</s>",
    },
    "<s> $A </s>",
    "<s> $A </s> </s> $B </s>",
)


@dataclass(frozen=True)
class Architecture:
    """How to build a new model and its tokenizer.

    Args:
        family: Encoder, decoder or encoder-decoder.
        tokenizer: The kind of tokenizer. Byte-level BPE often replaces the papers' Unigram: it encodes any text and
            decodes it exactly, including line breaks.
        markup: Its special tokens.
        token_types: Whether it has token type embeddings, to distinguish the two texts of a pair.
        gated: Whether its feed-forward layers are gated: three matrices instead of two, so each is narrower.
        spare_positions: Positions that it has but never uses.
        start: First token of the decoder, for encoder-decoders.
        settings: Further entries of its configuration.
        training: Recipe keys to value that differ from the usual training defaults.
    """

    family: Family
    tokenizer: TokenizerKind
    markup: Markup
    token_types: bool = False
    gated: bool = False
    spare_positions: int = 0
    start: Literal["pad", "eos"] | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)


_ROBERTA = Architecture("encoder", "byte-bpe", BART, spare_positions=2)  # it counts positions from its padding id
_SCALED = {"scale_embedding": True}  # as in the published models; otherwise fixed positions outweigh the words at first
_DECODER = Architecture("decoder", "byte-bpe", GPT, gated=True)
ARCHITECTURES: Mapping[str, Architecture] = {
    "bert": Architecture("encoder", "wordpiece", BERT, token_types=True),
    "distilbert": Architecture("encoder", "wordpiece", BERT),
    "electra": Architecture("encoder", "wordpiece", BERT, token_types=True),
    "roberta": _ROBERTA,
    "xlm-roberta": _ROBERTA,
    "modernbert": Architecture("encoder", "byte-bpe", BERT, gated=True),
    "gpt2": Architecture("decoder", "byte-bpe", GPT),
    "llama": _DECODER,
    "gemma": _DECODER,
    "gemma2": _DECODER,
    "gemma3_text": _DECODER,
    "smollm3": _DECODER,
    "qwen3": _DECODER,
    "mistral": _DECODER,
    "bart": Architecture("encoder-decoder", "byte-bpe", BART, start="eos"),
    # T5 1.1: gated. Its query weights start a hundred times smaller than its embeddings, so steps of equal size, as in
    # Adam, are too large for the queries and too small for the embeddings.
    "t5": Architecture(
        "encoder-decoder",
        "byte-bpe",
        T5,
        gated=True,
        start="pad",
        settings={"feed_forward_proj": "gated-gelu"},
        training={"training.optimizer": "adafactor", "training.learning_rate": 1e-2, "training.weight_decay": 0.0},
    ),
    "marian": Architecture("encoder-decoder", "byte-bpe", T5, start="pad", settings=_SCALED),
    "pegasus": Architecture("encoder-decoder", "byte-bpe", T5, start="pad", settings=_SCALED),
    "mbart": Architecture("encoder-decoder", "unigram", BART, start="eos", settings=_SCALED),
}
DEFAULTS: Mapping[str, str] = {"encoder": "bert", "decoder": "llama", "encoder-decoder": "t5"}


def architecture_named(name: str) -> Architecture:
    """How to build a new model of an architecture.

    Raises:
        ModelError: Luthier cannot train this architecture from scratch.
    """
    if name not in ARCHITECTURES:
        hint = nearest(name, ARCHITECTURES)
        raise ModelError(
            f"cannot create a new model of the architecture {name!r}", where="model.architecture", hint=hint
        )
    return ARCHITECTURES[name]


def architecture_like(name: str | None, family: str) -> Architecture:
    """As `architecture_named`, but the family's default for an unknown architecture."""
    return ARCHITECTURES.get(name or "", ARCHITECTURES[DEFAULTS[family]])
