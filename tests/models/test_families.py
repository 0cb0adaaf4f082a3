"""Each architecture is of the family that its papers say, and has the heads that transformers has for it."""

import pytest
from transformers import CONFIG_MAPPING, AutoConfig

from luthier.models.families import Family, families_of, supports

FAMILIES: dict[Family, list[str]] = {
    "encoder": [
        "albert",
        "bert",
        "camembert",
        "deberta-v2",
        "distilbert",
        "electra",
        "modernbert",
        "mpnet",
        "roberta",
        "xlm-roberta",
    ],
    "decoder": [
        "bloom",
        "gemma",
        "gemma2",
        "gemma3_text",
        "gpt2",
        "gpt_neox",
        "llama",
        "mistral",
        "modernbert-decoder",
        "opt",
        "phi3",
        "qwen2",
        "qwen3",
        "smollm3",
    ],
    "encoder-decoder": [
        "bart",
        "led",
        "longt5",
        "m2m_100",
        "marian",
        "mbart",
        "mt5",
        "pegasus",
        "t5",
        "t5gemma",
        "umt5",
    ],
}


@pytest.mark.parametrize(("family", "kind"), [(family, kind) for family, kinds in FAMILIES.items() for kind in kinds])
def test_the_family(family: Family, kind: str) -> None:
    assert families_of(CONFIG_MAPPING[kind]()) == {family}


def test_an_encoder_that_was_turned_into_a_decoder_is_one() -> None:
    assert families_of(CONFIG_MAPPING["bert"](is_decoder=True)) == {"decoder"}


@pytest.mark.parametrize("kind", ["vit", "wav2vec2", "whisper"])
def test_a_model_of_something_else_than_text_is_of_no_family(kind: str) -> None:
    assert families_of(CONFIG_MAPPING[kind]()) == set()


def test_the_heads() -> None:
    assert supports(AutoConfig.for_model("bert"), "TokenClassification")
    assert supports(AutoConfig.for_model("llama"), "SequenceClassification")
    assert supports(AutoConfig.for_model("mbart"), "Seq2SeqLM")
    assert not supports(AutoConfig.for_model("llama"), "Seq2SeqLM")
    assert not supports(AutoConfig.for_model("distilbert"), "CausalLM")
    assert not supports(AutoConfig.for_model("vit"), "MultipleChoice")
