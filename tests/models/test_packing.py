"""Packed documents get the logits that each gets alone: which architectures do, and that the self-check knows."""

from typing import Any

import pytest
import torch
from transformers import CONFIG_MAPPING, AutoModelForCausalLM, PreTrainedModel

from luthier.models.packing import packs

WORDS = 64
SMALL = {
    "vocab_size": WORDS,
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "max_position_embeddings": 64,
}
GROUPED = {**SMALL, "num_key_value_heads": 2, "head_dim": 8}
WINDOW = {"sliding_window": 6}
ENDS = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
GPT = {"vocab_size": WORDS, "n_embd": 32, "n_layer": 3, "n_head": 4, "n_positions": 64}
LAYERS = {"layer_types": ["sliding_attention", "full_attention", "sliding_attention"]}
PACKS: dict[str, dict[str, Any]] = {
    "gpt2": GPT,
    "llama": GROUPED,
    "gemma": GROUPED,
    "gemma2": {**GROUPED, **WINDOW},
    "gemma3_text": {**GROUPED, **WINDOW, **LAYERS},
    "smollm3": {**GROUPED, **ENDS},
    "qwen2": {**SMALL, "num_key_value_heads": 2},
    "qwen3": GROUPED,
    "mistral": {**GROUPED, **WINDOW},
    "phi3": {**SMALL, **ENDS},
    "gpt_neox": SMALL,
}
DOES_NOT: dict[str, dict[str, Any]] = {
    "opt": {
        "vocab_size": WORDS,
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "ffn_dim": 48,
        "max_position_embeddings": 64,
        "word_embed_proj_dim": 32,
    },
    "bloom": {"vocab_size": WORDS, "hidden_size": 32, "n_layer": 2, "n_head": 4},
    "mamba": {"vocab_size": WORDS, "hidden_size": 32, "num_hidden_layers": 2},
    "openai-gpt": GPT,
}
LENGTHS = [[7, 9], [12, 1, 3], [20]]  # the last row is one document from end to end


def make(name: str, settings: dict[str, Any], attention: str | None = None, spread: float = 0.3) -> PreTrainedModel:
    """A model whose weights are large enough for a leak between documents to show."""
    torch.manual_seed(0)
    config = CONFIG_MAPPING[name](**settings)
    config.use_cache = False
    for key, value in config.to_dict().items():
        if "drop" in key and isinstance(value, float):
            setattr(config, key, 0.0)  # so that training mode gives the same logits twice
    model = AutoModelForCausalLM.from_config(config, attn_implementation=attention)
    for parameter in model.parameters():
        if parameter.dim() > 1:
            torch.nn.init.normal_(parameter, std=spread)
    return model


@pytest.mark.parametrize("training", [False, True], ids=["eval", "train"])
@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("name", PACKS)
def test_packed_documents_get_the_logits_that_each_gets_alone(name: str, attention: str, training: bool) -> None:
    if name == "gemma2" and attention == "sdpa":
        pytest.skip("its soft-capped attention has no sdpa in transformers")
    model = make(name, PACKS[name], attention).train(training)
    generator = torch.Generator().manual_seed(1)
    ids = torch.randint(WORDS, (len(LENGTHS), 20), generator=generator)
    positions = torch.stack(
        [torch.cat([torch.arange(n) for n in (*lengths, 20 - sum(lengths))]) for lengths in LENGTHS]
    )
    with torch.no_grad():
        packed = model(input_ids=ids, position_ids=positions).logits
        for row, lengths in enumerate(LENGTHS):
            for start, length in zip(torch.tensor([0, *lengths]).cumsum(0).tolist(), lengths, strict=False):
                alone = model(input_ids=ids[row : row + 1, start : start + length]).logits[0]
                largest = float(alone.abs().max())
                torch.testing.assert_close(packed[row, start : start + length], alone, rtol=0, atol=1e-5 * largest)


@pytest.mark.parametrize("name", PACKS)
def test_the_check_lets_through_what_packs(name: str) -> None:
    assert packs(make(name, PACKS[name]))
    assert packs(make(name, PACKS[name], spread=0.02))  # as models are before training


@pytest.mark.parametrize("name", DOES_NOT)
def test_the_check_stops_what_does_not(name: str) -> None:
    assert not packs(make(name, DOES_NOT[name]))
    assert not packs(make(name, DOES_NOT[name], spread=0.02))


def test_a_leak_in_one_layer_is_found() -> None:
    model = make("llama", PACKS["llama"], "sdpa", spread=0.02)
    layer = model.model.layers[1]
    forward = layer.forward
    layer.forward = lambda *args, **kwargs: forward(*args, **{**kwargs, "attention_mask": None})
    assert not packs(model)


def test_the_check_leaves_the_model_as_it_was() -> None:
    model = make("gpt2", PACKS["gpt2"])
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    for training in (True, False):
        model.train(training)
        packs(model)
        assert model.training is training
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


@pytest.mark.filterwarnings("ignore:.*checkpointing_enable:FutureWarning")  # its new name is not in every release
def test_gradient_checkpointing_keeps_documents_apart() -> None:
    model = make("llama", PACKS["llama"], "sdpa").train()
    ids = torch.randint(WORDS, (1, 16), generator=torch.Generator().manual_seed(1))
    positions = torch.cat([torch.arange(7), torch.arange(9)])[None]
    plain = model(input_ids=ids, position_ids=positions).logits
    model.gradient_checkpointing_enable()
    torch.testing.assert_close(model(input_ids=ids, position_ids=positions).logits, plain)
