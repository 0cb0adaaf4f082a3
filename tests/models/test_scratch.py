"""New models: in the proportions asked for, right in their special tokens, and able to learn from the start."""

import math
from functools import cache
from pathlib import Path

import pytest
import torch
import transformers
from torch import nn
from transformers import (
    AutoConfig,
    BartConfig,
    BartForConditionalGeneration,
    BertConfig,
    EncoderDecoderConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from luthier.engines.optimizers import make_optimizer
from luthier.errors import ModelError
from luthier.fast import fast
from luthier.models.architectures import ARCHITECTURES, DEFAULTS
from luthier.models.families import families_of
from luthier.models.loading import load_model, longest_input
from luthier.models.scratch import (
    grow_embeddings,
    make_config,
    make_model,
    parameters_of,
    refuse_tokens_without_embedding,
    renew_embeddings,
    training_defaults,
)
from luthier.recipe import FastRecipe, Recipe
from luthier.tokenizers.training import train_tokenizer
from tests.conftest import review

TEXTS = [review(label, i) for label in ("good", "bad") for i in range(100)]
HEADS = {"encoder": "MaskedLM", "decoder": "CausalLM", "encoder-decoder": "Seq2SeqLM"}
TASK_HEADS = {
    "encoder": ["SequenceClassification", "TokenClassification", "QuestionAnswering"],
    "decoder": ["CausalLM"],
    "encoder-decoder": ["Seq2SeqLM"],
}
CASES = [(name, head) for name, traits in ARCHITECTURES.items() for head in TASK_HEADS[traits.family]]


@cache
def tokenizer_of(architecture: str) -> PreTrainedTokenizerBase:
    return train_tokenizer(TEXTS, 500, family=ARCHITECTURES[architecture].family, architecture=architecture)


def made(architecture: str, size: str = "tiny", head: str | None = None) -> PreTrainedModel:
    torch.manual_seed(0)
    config = make_config(architecture, size, tokenizer_of(architecture), positions=64)
    return make_model(head or HEADS[ARCHITECTURES[architecture].family], config)


def millions(model: PreTrainedModel) -> float:
    """Parameters beside those of tokens and positions."""
    tables = (model.config.vocab_size, 64, 66)
    return sum(p.numel() for p in model.parameters() if p.shape[0] not in tables) / 1e6


@pytest.mark.parametrize(("architecture", "head"), CASES)
def test_every_head_of_the_tasks_is_made_saved_and_loaded(architecture: str, head: str, tmp_path: Path) -> None:
    model = made(architecture, head=head)
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    assert families_of(model.config) == {ARCHITECTURES[architecture].family}
    model.save_pretrained(tmp_path)
    read = load_model(head, str(tmp_path))
    assert read.config.to_dict() | {"_name_or_path": "", "architectures": []} == AutoConfig.from_pretrained(
        tmp_path
    ).to_dict() | {"_name_or_path": "", "architectures": []}
    assert all(torch.equal(a, b) for a, b in zip(model.state_dict().values(), read.state_dict().values(), strict=True))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_new_model_is_as_good_as_guessing(architecture: str) -> None:
    """A first loss far above that of guessing means weights out of proportion, which take long to unlearn."""
    tokenizer, model = tokenizer_of(architecture), made(architecture).eval()
    batch = tokenizer(TEXTS[:16], padding=True, return_tensors="pt")
    labels = batch["input_ids"].masked_fill(batch["attention_mask"] == 0, -100)
    loss = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"], labels=labels).loss
    # T5's own start, with embeddings as wide as the stream, favours the token that was read.
    assert loss.item() == pytest.approx(math.log(len(tokenizer)), abs=1.0 if architecture == "t5" else 0.8)


@pytest.mark.parametrize("architecture", ["bert", "modernbert", "gpt2", "llama", "gemma3_text", "bart", "t5", "marian"])
def test_a_new_model_learns(architecture: str) -> None:
    tokenizer, model = tokenizer_of(architecture), made(architecture)
    batch = tokenizer(["great story, happy people"] * 2, return_tensors="pt")
    batch = {"input_ids": batch["input_ids"], "labels": batch["input_ids"]}
    recipe = Recipe().with_defaults(training_defaults(architecture, "tiny"))
    recipe.training.learning_rate *= 3
    optimizer = make_optimizer(model, recipe.training, torch.device("cpu"))
    losses = []
    for _ in range(12):
        loss = model(**batch).loss
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert losses[-1] < 0.5 * losses[0]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_special_ids_are_the_tokenizer_s(architecture: str) -> None:
    tokenizer, config = tokenizer_of(architecture), made(architecture).config
    assert config.vocab_size == len(tokenizer)
    assert config.pad_token_id == tokenizer.pad_token_id
    for key, value in config.to_dict().items():
        if key.endswith("_token_id") and isinstance(value, int):
            assert 0 <= value < len(tokenizer), key
    if ARCHITECTURES[architecture].family != "encoder":
        assert config.eos_token_id == tokenizer.eos_token_id
    if ARCHITECTURES[architecture].family == "encoder-decoder":
        start = tokenizer.eos_token_id if architecture in ("bart", "mbart") else tokenizer.pad_token_id
        assert config.decoder_start_token_id == start
        if architecture != "t5":
            assert config.forced_eos_token_id == tokenizer.eos_token_id


@pytest.mark.parametrize("architecture", [name for name, t in ARCHITECTURES.items() if t.family == "encoder-decoder"])
def test_labels_are_shifted_and_answers_begin_as_in_training(architecture: str) -> None:
    tokenizer, model = tokenizer_of(architecture), made(architecture).eval()
    labels = tokenizer(text_target="great story", return_tensors="pt")["input_ids"]
    shifted = model.prepare_decoder_input_ids_from_labels(labels=labels)
    start = model.config.decoder_start_token_id
    assert shifted.tolist() == [[start, *labels[0, :-1].tolist()]]
    assert model.generation_config.decoder_start_token_id == start
    written = model.generate(**tokenizer("great story", return_tensors="pt"), max_new_tokens=3)
    assert int(written[0, 0]) == start


@pytest.mark.parametrize("architecture", sorted(set(DEFAULTS.values()) | {"gpt2", "modernbert", "bart", "marian"}))
def test_the_sizes(architecture: str) -> None:
    two = ARCHITECTURES[architecture].family == "encoder-decoder"
    sizes = []
    for size in ("tiny", "small", "base"):
        config = make_config(architecture, size, tokenizer_of(architecture), positions=64)
        with torch.device("meta"):
            loader = getattr(transformers, f"AutoModelFor{HEADS[ARCHITECTURES[architecture].family]}")
            sizes.append(millions(loader.from_config(config)))
    # Twelve times the square of the width in each layer, and four more where a layer reads the other stack.
    expected = [28 * width**2 * layers / 1e6 for width, layers in ((128, 2), (256, 4), (512, 6))]
    if not two:
        expected = [12 * width**2 * layers / 1e6 for width, layers in ((128, 2), (384, 6), (768, 12))]
    assert sizes == pytest.approx(expected, rel=0.2)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_parameters_are_counted_without_making_them(architecture: str) -> None:
    config = made(architecture).config
    before = torch.get_rng_state()
    counted = parameters_of(config)
    assert torch.equal(torch.get_rng_state(), before)
    assert counted == transformers.AutoModel.from_config(config).num_parameters()


def test_a_configuration_of_no_model_is_told(tmp_path: Path) -> None:
    config = BertConfig(hidden_size=30, num_attention_heads=4, name_or_path=str(tmp_path))
    with pytest.raises(ModelError, match="attention heads") as caught:
        parameters_of(config)
    assert caught.value.where == str(tmp_path)


def test_models_that_are_never_without_a_head_are_counted_with_it() -> None:
    one = made("bert").config
    config = EncoderDecoderConfig.from_encoder_decoder_configs(one, one)
    assert parameters_of(config) == transformers.EncoderDecoderModel(config).num_parameters()
    heads = ("CAUSAL_LM", "SEQ_TO_SEQ_CAUSAL_LM", "MASKED_LM", "SEQUENCE_CLASSIFICATION", "TOKEN_CLASSIFICATION")
    headed = [{*getattr(transformers, f"MODEL_FOR_{head}_MAPPING")} for head in heads]
    assert set().union(*headed) <= {*transformers.MODEL_MAPPING}.union(*headed[:2]), "so every one can be counted"


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_longest_input_fits(architecture: str) -> None:
    tokenizer, model = tokenizer_of(architecture), made(architecture).eval()
    length = min(64, longest_input(tokenizer, model.config))
    assert length == 64
    # Labels are there because a decoder of two needs some.
    ids = torch.randint(5, 100, (1, length))
    assert model(input_ids=ids, labels=ids).loss.isfinite()


def test_dropout_is_a_tenth_and_layers_are_never_left_out() -> None:
    for architecture in ARCHITECTURES:
        config = make_config(architecture, "tiny", tokenizer_of(architecture))
        rates = {key: value for key, value in config.to_dict().items() if "drop" in key and isinstance(value, float)}
        assert rates
        assert all(value == (0.0 if "layerdrop" in key else 0.1) for key, value in rates.items())
    model = make_model("CausalLM", made("gpt2").config, dropout=0.0)
    assert {module.p for module in model.modules() if isinstance(module, nn.Dropout)} == {0.0}


def test_the_same_seed_gives_the_same_weights() -> None:
    first, second = made("bert"), made("bert")
    pairs = zip(first.state_dict().values(), second.state_dict().values(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


def test_models_of_the_same_configuration_share_nothing() -> None:
    config = make_config("bert", "tiny", tokenizer_of("bert"))
    first = make_model("SequenceClassification", config, dropout=0.5)
    assert fast(first, FastRecipe()).able.unpad
    second = make_model("SequenceClassification", config)
    assert second.config._attn_implementation == "sdpa", "else its layers would be thought to unpad already"
    assert second.config.hidden_dropout_prob == config.hidden_dropout_prob == 0.1


def old_model() -> PreTrainedModel:
    """A BART as if it had been trained: with words that are likelier than others, and its padding at the end."""
    torch.manual_seed(1)
    config = BartConfig(
        vocab_size=900,
        d_model=32,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=64,
        decoder_ffn_dim=64,
        pad_token_id=899,
        bos_token_id=0,
        eos_token_id=2,
        decoder_start_token_id=2,
        max_position_embeddings=64,
    )
    model = BartForConditionalGeneration(config)
    nn.init.normal_(model.model.shared.weight, std=0.5)
    model.final_logits_bias.fill_(3.0)
    return model


def test_embeddings_are_new_as_wide_as_the_old_and_the_rest_stays() -> None:
    model, tokenizer = old_model(), tokenizer_of("bart")
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    renew_embeddings(model, tokenizer)
    weight = model.get_input_embeddings().weight
    assert weight.shape[0] == len(tokenizer) == model.config.vocab_size
    assert weight.std().item() == pytest.approx(0.5, rel=0.05)
    assert not torch.equal(weight, before["model.shared.weight"][: len(tokenizer)])
    assert not torch.cdist(weight, before["model.shared.weight"]).lt(1e-3).any()
    assert model.get_output_embeddings().weight is weight
    assert not model.final_logits_bias.any()
    stays = [name for name in before if "shared" not in name and "embed_tokens" not in name and "lm_head" not in name]
    stays.remove("final_logits_bias")
    assert len(stays) > 30
    assert all(torch.equal(model.state_dict()[name], before[name]) for name in stays)
    ids = (model.config.pad_token_id, model.config.eos_token_id, model.config.decoder_start_token_id)
    assert ids == (tokenizer.pad_token_id, tokenizer.eos_token_id, tokenizer.eos_token_id)
    assert model.generation_config.pad_token_id == tokenizer.pad_token_id
    batch = tokenizer(TEXTS[:4], padding=True, return_tensors="pt")
    model(**batch, labels=batch["input_ids"]).loss.backward()
    assert bool((weight.grad[batch["input_ids"][0]].abs().sum(-1) > 0).all())  # every token of a text is learned


def test_tokens_that_are_taken_over_keep_their_embeddings_and_biases() -> None:
    model, tokenizer = old_model(), tokenizer_of("bart")
    before = model.model.shared.weight.detach().clone()
    renew_embeddings(model, tokenizer, {7: 3, 8: 898, 9: 5_000})
    weight = model.get_input_embeddings().weight
    assert torch.equal(weight[[7, 8]], before[[3, 898]])
    assert model.get_output_embeddings().weight is weight
    assert not torch.cdist(weight[9:10], before).lt(1e-3).any(), "the old model has no such row"
    head = nn.Linear(32, 900)
    model.set_output_embeddings(head)
    old = head.weight.detach().clone(), head.bias.detach().clone()
    model, model.config.tie_word_embeddings = old_model(), False
    model.set_output_embeddings(head)
    renew_embeddings(model, tokenizer, {7: 3})
    made = model.get_output_embeddings()
    assert torch.equal(made.weight[7], old[0][3]) and made.bias[7] == old[1][3]
    assert not made.bias[8:].any()


def test_embeddings_grow_by_the_tokens_that_were_added() -> None:
    model, tokenizer = made("gpt2"), train_tokenizer(TEXTS, 500, family="decoder", architecture="gpt2")
    before = model.get_input_embeddings().weight.detach().clone()
    assert grow_embeddings(model, tokenizer) == 0
    tokenizer.add_tokens(["<new>", "<other>"], special_tokens=True)
    assert grow_embeddings(model, tokenizer) == 2
    after = model.get_input_embeddings().weight
    assert torch.equal(after[:-2], before)
    assert model.config.vocab_size == len(tokenizer)
    assert after[-2:].std().item() < 2 * before.std().item()


def test_a_token_without_an_embedding_is_refused_by_name_and_only_when_it_occurs() -> None:
    model, tokenizer = made("gpt2"), train_tokenizer(TEXTS, 500, family="decoder", architecture="gpt2")
    model.resize_token_embeddings(len(tokenizer))
    refuse_tokens_without_embedding(model, tokenizer)
    tokenizer.add_tokens(["<new>"], special_tokens=True)
    known, unknown = (tokenizer(text, return_tensors="pt")["input_ids"] for text in (TEXTS[0], f"{TEXTS[0]} <new>"))
    with pytest.raises(IndexError):
        model(unknown)
    refuse_tokens_without_embedding(model, tokenizer)
    model(known)
    with pytest.raises(ModelError, match="'<new>' has none"):
        model(unknown)
