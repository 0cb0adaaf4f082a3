"""Rows that have ended leave the batch: the texts are those of one call of `generate`."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM, AutoTokenizer, PreTrainedModel

from luthier.tasks.generation import decoding
from luthier.tasks.generation.decoding import generate, rows_can_leave

BOTH = ("T5", "BART", "Marian", "mBART")
DECODERS = ("GPT-2", "LLaMA", "Gemma")
MOST = 24


def model_of(path: Path, ends: int) -> PreTrainedModel:
    """A model of random weights, in which every `ends`-th token ends a text."""
    auto = AutoModelForSeq2SeqLM if path.name in BOTH else AutoModelForCausalLM
    model: PreTrainedModel = auto.from_pretrained(path).eval()
    torch.manual_seed(0)
    for parameter in model.parameters():
        if parameter.dim() > 1:
            torch.nn.init.normal_(parameter, std=0.3)
    words = model.config.get_text_config().vocab_size
    model.generation_config.update(
        eos_token_id=list(range(4, words, ends)), max_new_tokens=MOST, max_length=None, do_sample=False
    )
    return model


@pytest.mark.parametrize("name", [*BOTH, *DECODERS])
def test_the_texts_are_those_of_one_call(
    built: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    path = built(name)
    model, tokenizer = model_of(path, ends=3), AutoTokenizer.from_pretrained(path)
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    prompts = [torch.randint(5, len(tokenizer), (int(n),)).tolist() for n in torch.randint(1, 12, (13,))]
    assert rows_can_leave(model)
    found = generate(model, tokenizer, prompts)
    monkeypatch.setattr(decoding, "rows_can_leave", lambda model: False)
    assert found == generate(model, tokenizer, prompts)
    assert len({len(text) for text in found}) > 1, "they end in different steps"


def test_a_text_has_at_least_the_tokens_that_it_must_have(built: Callable[[str], Path]) -> None:
    path = built("T5")
    model, tokenizer = model_of(path, ends=2), AutoTokenizer.from_pretrained(path)
    model.generation_config.min_new_tokens = 6
    found = generate(model, tokenizer, [[7], [7, 8, 9, 10, 11], [12, 13]])
    assert all(6 < len(text) <= MOST for text in found)


@pytest.mark.parametrize("setting", [{"do_sample": True}, {"num_beams": 2}, {"encoder_no_repeat_ngram_size": 2}])
def test_rows_stay_where_they_depend_on_one_another_or_on_chance(
    built: Callable[[str], Path], setting: dict[str, int]
) -> None:
    model = model_of(built("T5"), ends=9)
    model.generation_config.update(**setting)
    assert not rows_can_leave(model)
