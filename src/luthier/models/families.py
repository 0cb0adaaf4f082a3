"""The family of a model and the heads it can have, from transformers' own tables."""

import re
from typing import Literal

import transformers
from transformers import PretrainedConfig

Family = Literal["encoder", "decoder", "encoder-decoder"]
ENCODER_HEADS = ("MaskedLM", "SequenceClassification", "TokenClassification", "QuestionAnswering")


def families_of(config: PretrainedConfig) -> set[Family]:
    """The family of a model; empty if it is not a text model.

    BERT and similar models have a causal head too, for use as decoders (`is_decoder`); if that is not set, a masked
    head means that the architecture is bidirectional.
    """
    if config.is_encoder_decoder:
        return {"encoder-decoder"} if supports(config, "Seq2SeqLM") else set()
    if supports(config, "CausalLM") and (not supports(config, "MaskedLM") or getattr(config, "is_decoder", False)):
        return {"decoder"}
    return {"encoder"} if any(supports(config, head) for head in ENCODER_HEADS) else set()


def supports(config: PretrainedConfig, auto_class: str) -> bool:
    """Whether transformers has a head for a model.

    Args:
        config: The model's configuration.
        auto_class: Class name after `AutoModelFor`, such as `SequenceClassification`.
    """
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", auto_class.replace("Seq2SeqLM", "SeqToSeqCausalLM")).upper()
    return type(config) in getattr(transformers, f"MODEL_FOR_{words}_MAPPING")


def writes(config: PretrainedConfig) -> bool:
    """Whether a model is a decoder that was saved with a head for generating text."""
    heads = ("ForCausalLM", "LMHeadModel")
    return "decoder" in families_of(config) and any(name.endswith(heads) for name in config.architectures or [])
