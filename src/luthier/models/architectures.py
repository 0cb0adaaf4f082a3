"""What tells architectures apart when a model is made new: how its text is marked up, its proportions, its start."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from luthier.errors import ModelError, nearest
from luthier.models.families import Family

TURN_START, TURN_END = "<|im_start|>", "<|im_end|>"  # around a turn, as in ChatML
Kind = Literal["bpe", "unigram", "wordpiece", "word", "character"]


@dataclass(frozen=True)
class Markup:
    """The special tokens of a text.

    Args:
        tokens: Role to token, in the order of their ids.
        single: What is put around a text.
        pair: What is put around two.
        turns: What the default chat template puts around a turn.
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
# Texts hold HTML such as <s>, so the marks of models that write any text are none of it.
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
    """What a new model and its tokenizer are made by.

    Args:
        family: Encoder, decoder or encoder-decoder.
        tokenizer: The kind of tokenizer. Where its papers use Unigram, byte-level BPE stands in: it knows every text
            and gives back what was written, line breaks among it.
        markup: Its special tokens.
        token_types: Whether it tells the first text of a pair from the second by their own embeddings.
        gated: Whether its feed-forward layers are gated: three matrices instead of two, so each is narrower.
        spare_positions: Positions that it has and never uses.
        start: The token that a decoder of an encoder-decoder begins with.
        settings: Further entries of its configuration.
        training: Recipe keys by which it is trained other than the rest.
    """

    family: Family
    tokenizer: Kind
    markup: Markup
    token_types: bool = False
    gated: bool = False
    spare_positions: int = 0
    start: Literal["pad", "eos"] | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)


_ROBERTA = Architecture("encoder", "bpe", BART, spare_positions=2)  # it counts positions from its padding id on
_SCALED = {"scale_embedding": True}  # as the published ones; else fixed positions drown the words at first
_DECODER = Architecture("decoder", "bpe", GPT, gated=True)
ARCHITECTURES: Mapping[str, Architecture] = {
    "bert": Architecture("encoder", "wordpiece", BERT, token_types=True),
    "distilbert": Architecture("encoder", "wordpiece", BERT),
    "electra": Architecture("encoder", "wordpiece", BERT, token_types=True),
    "roberta": _ROBERTA,
    "xlm-roberta": _ROBERTA,
    "modernbert": Architecture("encoder", "bpe", BERT, gated=True),
    "gpt2": Architecture("decoder", "bpe", GPT),
    "llama": _DECODER,
    "gemma": _DECODER,
    "gemma2": _DECODER,
    "gemma3_text": _DECODER,
    "smollm3": _DECODER,
    "qwen3": _DECODER,
    "mistral": _DECODER,
    "bart": Architecture("encoder-decoder", "bpe", BART, start="eos"),
    # T5 1.1: gated. Its queries begin a hundred times as narrow as its embeddings, so steps of one size for all, as
    # Adam takes them, are too large for those and too small for these.
    "t5": Architecture(
        "encoder-decoder",
        "bpe",
        T5,
        gated=True,
        start="pad",
        settings={"feed_forward_proj": "gated-gelu"},
        training={"training.optimizer": "adafactor", "training.learning_rate": 1e-2, "training.weight_decay": 0.0},
    ),
    "marian": Architecture("encoder-decoder", "bpe", T5, start="pad", settings=_SCALED),
    "pegasus": Architecture("encoder-decoder", "bpe", T5, start="pad", settings=_SCALED),
    "mbart": Architecture("encoder-decoder", "unigram", BART, start="eos", settings=_SCALED),
}
DEFAULTS: Mapping[str, str] = {"encoder": "bert", "decoder": "llama", "encoder-decoder": "t5"}


def architecture_named(name: str) -> Architecture:
    """What a new model of an architecture is made by.

    Raises:
        ModelError: New models of it are not made here.
    """
    if name not in ARCHITECTURES:
        hint = nearest(name, ARCHITECTURES)
        raise ModelError(
            f"no new model of the architecture {name!r} can be made", where="model.architecture", hint=hint
        )
    return ARCHITECTURES[name]


def architecture_like(name: str | None, family: str) -> Architecture:
    """As `architecture_named`, and the default one of the family where the architecture is another."""
    return ARCHITECTURES.get(name or "", ARCHITECTURES[DEFAULTS[family]])
