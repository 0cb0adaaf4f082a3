"""Which family a model belongs to and which heads it can have, as transformers' own tables say."""

import re
from typing import Literal

import transformers
from transformers import PretrainedConfig

Family = Literal["encoder", "decoder", "encoder-decoder"]
ENCODER_HEADS = ("MaskedLM", "SequenceClassification", "TokenClassification", "QuestionAnswering")


def families_of(config: PretrainedConfig) -> set[Family]:
    """The family of a model; empty for a model of something else than text.

    BERT and its like have a causal head too, for those who turn them into decoders (`is_decoder`); where nobody did, a
    masked head says that the architecture reads in both directions.
    """
    if config.is_encoder_decoder:
        return {"encoder-decoder"} if supports(config, "Seq2SeqLM") else set()
    if supports(config, "CausalLM") and (not supports(config, "MaskedLM") or getattr(config, "is_decoder", False)):
        return {"decoder"}
    return {"encoder"} if any(supports(config, head) for head in ENCODER_HEADS) else set()


def supports(config: PretrainedConfig, auto_class: str) -> bool:
    """Whether transformers has a head for a model.

    Args:
        config: The model's.
        auto_class: What follows `AutoModelFor`, as in `SequenceClassification`.
    """
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", auto_class.replace("Seq2SeqLM", "SeqToSeqCausalLM")).upper()
    return type(config) in getattr(transformers, f"MODEL_FOR_{words}_MAPPING")


def writes(config: PretrainedConfig) -> bool:
    """Whether a model was saved with a head that writes text token by token, and no encoder before it."""
    heads = ("ForCausalLM", "LMHeadModel")
    return "decoder" in families_of(config) and any(name.endswith(heads) for name in config.architectures or [])
