"""Embeddings: the mean over the tokens of a text, as of a plain forward pass, whatever is embedded beside it."""

from pathlib import Path

import numpy as np
import pytest
import torch
from datasets import config
from transformers import (
    AutoModel,
    AutoTokenizer,
    GPT2Config,
    GPT2Model,
    PreTrainedModel,
    T5Config,
    T5Model,
)

from luthier.console import Console
from luthier.errors import ModelError
from luthier.pipeline.inference import embed as module
from luthier.pipeline.inference.embed import embed, is_embedded
from luthier.pipeline.preparation.prepare import Prepared
from luthier.pipeline.training.assemble import fresh_model
from tests.conftest import review
from tests.engines.helpers import prepared_data, with_settings

TEXTS = [review("good", i) for i in range(9)] + ["", "sad " * 200, review("good", 0)]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Prepared:
    return prepared_data(tmp_path_factory.mktemp("embed"), tiny_model, n=20)


def test_they_are_those_of_a_plain_forward_pass_of_each_text(
    data: Prepared, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CHUNK", 5)
    found = embed(with_settings(data, evaluation__eval_batch_size=2), TEXTS, Console())
    model, tokenizer = AutoModel.from_pretrained(tiny_model).eval(), AutoTokenizer.from_pretrained(tiny_model)
    limit = data.task.set_limits.length
    for text, vector in zip(TEXTS, found, strict=True):
        with torch.inference_mode():
            inputs = tokenizer(text, truncation=True, max_length=limit, return_tensors="pt")
            expected = model(**inputs).last_hidden_state[0].mean(dim=0)
        np.testing.assert_allclose(vector, expected, atol=1e-5)


@pytest.mark.parametrize("kind", ["t5", "gpt2"])
def test_other_families_embed_too_whatever_side_their_tokenizer_pads(
    kind: str, data: Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    size = len(data.task.tokenizer)
    models: dict[str, PreTrainedModel] = {
        "t5": T5Model(T5Config(vocab_size=size, d_model=16, d_kv=8, d_ff=16, num_layers=1, num_heads=2)),
        "gpt2": GPT2Model(GPT2Config(vocab_size=size, n_positions=128, n_embd=16, n_layer=1, n_head=2)),
    }
    model = models[kind].eval()
    monkeypatch.setattr(module, "fresh_model", lambda prepared: model)
    monkeypatch.setattr(data.task.tokenizer, "padding_side", "left")
    body = model.get_encoder() if kind == "t5" else model
    for text, vector in zip(TEXTS, embed(data, TEXTS, Console()), strict=True):
        ids = data.task.tokenizer(text, truncation=True, max_length=data.task.set_limits.length)["input_ids"]
        with torch.inference_mode():
            expected = body(input_ids=torch.tensor([ids])).last_hidden_state[0].mean(dim=0)
        np.testing.assert_allclose(vector, expected, atol=1e-5)


def test_a_model_without_a_state_for_each_token_is_refused(data: Prepared, monkeypatch: pytest.MonkeyPatch) -> None:
    model = fresh_model(data)
    with torch.no_grad():
        next(model.parameters()).fill_(torch.nan)
    monkeypatch.setattr(module, "fresh_model", lambda prepared: model)
    with pytest.raises(ModelError, match="BertModel has no finite hidden state for each token"):
        embed(data, TEXTS, Console())


def test_they_are_cached_by_texts_and_weights(data: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config, "HF_DATASETS_CACHE", tmp_path)
    first = embed(data, TEXTS[:3], Console())
    monkeypatch.setattr(module, "check", pytest.fail)  # which each batch calls
    np.testing.assert_array_equal(embed(data, TEXTS[:3], Console()), first)
    assert is_embedded(data, TEXTS[:3]) and not is_embedded(data, TEXTS[:4])
    with pytest.raises(pytest.fail.Exception):
        embed(data, TEXTS[:4], Console())
