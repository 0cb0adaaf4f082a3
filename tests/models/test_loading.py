"""Loading models: with a fresh head, in float32, whole, and without ever running foreign code."""

import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import (
    AutoConfig,
    AutoModel,
    AutoTokenizer,
    BartConfig,
    BartModel,
    BertConfig,
    BertForSequenceClassification,
    DistilBertConfig,
    DistilBertForMaskedLM,
    GPT2Config,
    GPT2LMHeadModel,
    PretrainedConfig,
    RobertaConfig,
    T5Config,
    T5EncoderModel,
)

from luthier.errors import DamagedError, ModelError, RecipeError
from luthier.models.architectures import ARCHITECTURES
from luthier.models.loading import (
    LONGEST,
    freeze,
    has_dropout,
    load_config,
    load_model,
    load_tokenizer,
    longest_input,
    set_dropout,
)
from luthier.models.scratch import make_config, make_model
from luthier.storage.atomic import write_directory
from luthier.tokenizers.training import train_tokenizer

Model = Callable[..., Path]
HEAD = "SequenceClassification"


class Call:
    """Makes a directory when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_the_body_is_that_of_the_file_and_the_head_is_new(tiny_model: Path) -> None:
    model = load_model(HEAD, str(tiny_model), config={"num_labels": 5, "problem_type": "single_label_classification"})
    assert model.config.num_labels == 5
    assert model.classifier.weight.shape == (5, 32)
    saved = load_file(tiny_model / "model.safetensors")
    body = {name: tensor for name, tensor in model.state_dict().items() if name in saved}
    assert len(body) >= 37
    for name, tensor in body.items():
        assert torch.equal(tensor, saved[name]), name


def test_a_model_in_half_precision_is_loaded_in_float32(model: Model) -> None:
    target = model(dtype="bfloat16")
    weights = load_file(target / "model.safetensors")
    save_file(
        {name: tensor.bfloat16() for name, tensor in weights.items()},
        target / "model.safetensors",
        metadata={"format": "pt"},
    )
    loaded = load_model(HEAD, str(target))
    assert {parameter.dtype for parameter in loaded.parameters()} == {torch.float32}


def test_dropout_is_set_everywhere_whatever_the_architecture_calls_it(tiny_model: Path, tmp_path: Path) -> None:
    DistilBertForMaskedLM(
        DistilBertConfig(vocab_size=50, dim=16, n_layers=1, n_heads=2, hidden_dim=32)
    ).save_pretrained(tmp_path)
    for path in (tiny_model, tmp_path):
        for rate in (0.0, 0.3):
            loaded = load_model(HEAD, str(path), dropout=rate)
            rates = {module.p for module in loaded.modules() if isinstance(module, torch.nn.Dropout)}
            assert rates == {rate}


def test_a_head_of_another_width_is_replaced(tmp_path: Path) -> None:
    config = BertConfig(
        vocab_size=50, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32, num_labels=7
    )
    BertForSequenceClassification(config).save_pretrained(tmp_path)
    assert load_model(HEAD, str(tmp_path), config={"num_labels": 3}).classifier.weight.shape == (3, 16)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"num_hidden_layers": 3}, "16 parameters missing, such as bert.encoder.layer.2."),
        (
            {"num_hidden_layers": 1},
            "16 parameters of layers that the model does not have, such as bert.encoder.layer.1.",
        ),
        ({"hidden_size": 64}, "of a different shape"),
        ({"vocab_size": 10}, "1 parameter of a different shape, such as bert.embeddings.word_embeddings.weight"),
    ],
)
def test_weights_of_another_model_are_refused(change: dict[str, int], message: str, model: Model) -> None:
    with pytest.raises(ModelError) as caught:
        load_model(HEAD, str(model(**change)))
    assert message in caught.value.what


def test_code_beside_a_model_is_never_run(model: Model, tmp_path: Path) -> None:
    target = model(model_type="own", auto_map={"AutoConfig": "own.Config", f"AutoModelFor{HEAD}": "own.Model"})
    (target / "own.py").write_text(f"import os; os.mkdir({str(tmp_path / 'canary')!r})\n")
    with pytest.raises(ModelError, match="requires custom code, which Luthier does not run"):
        load_config(str(target))
    assert not (tmp_path / "canary").exists()


def test_an_architecture_that_transformers_has_needs_no_code_of_the_model(model: Model, tmp_path: Path) -> None:
    target = model(auto_map={"AutoConfig": "own.Config", f"AutoModelFor{HEAD}": "own.Model"})
    (target / "own.py").write_text(f"import os; os.mkdir({str(tmp_path / 'canary')!r})\n")
    assert type(load_model(HEAD, str(target))).__module__.startswith("transformers.")
    assert not (tmp_path / "canary").exists()


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "weights.ckpt"])
def test_pickled_weights_are_never_opened(name: str, model: Model, tmp_path: Path) -> None:
    target = model()
    (target / "model.safetensors").unlink()
    (target / name).write_bytes(pickle.dumps(Call(tmp_path / "canary")))
    with pytest.raises(ModelError, match="the weights are pickled") as caught:
        load_model(HEAD, str(target))
    assert name in caught.value.what
    assert "safetensors" in caught.value.hint
    assert not (tmp_path / "canary").exists()


def test_safetensors_beside_pickled_weights_are_taken(model: Model, tmp_path: Path) -> None:
    target = model()
    (target / "pytorch_model.bin").write_bytes(pickle.dumps(Call(tmp_path / "canary")))
    load_model(HEAD, str(target))
    assert not (tmp_path / "canary").exists()


def test_a_flipped_bit_anywhere_in_a_directory_with_a_manifest_is_found(tiny_model: Path, tmp_path: Path) -> None:
    def fill(aside: Path) -> None:
        for file in tiny_model.iterdir():
            (aside / file.name).write_bytes(file.read_bytes())

    target = tmp_path / "model"
    write_directory(target, fill)
    load_model(HEAD, str(target))
    for name in ("model.safetensors", "config.json", "tokenizer.json"):
        content = (target / name).read_bytes()
        for position in range(0, len(content), len(content) // 30):
            (target / name).write_bytes(content[:position] + bytes([content[position] ^ 4]) + content[position + 1 :])
            with pytest.raises(DamagedError) as caught:
                load_model(HEAD, str(target))
            assert caught.value.where == str(target / name)
        (target / name).write_bytes(content)
    load_model(HEAD, str(target))


def test_a_directory_without_a_tokenizer_is_not_given_an_empty_one(model: Model) -> None:
    target = model()
    for file in target.glob("tokenizer*"):
        file.unlink()
    with pytest.raises(ModelError, match="no tokenizer: its vocabulary is empty"):
        load_tokenizer(str(target))


def test_a_tokenizer_without_padding_pads_with_its_end(model: Model) -> None:
    target = model()
    settings = json.loads((target / "tokenizer_config.json").read_text())
    settings["pad_token"], settings["eos_token"] = None, "[SEP]"
    (target / "tokenizer_config.json").write_text(json.dumps(settings))
    assert load_tokenizer(str(target)).pad_token == "[SEP]"
    settings["eos_token"] = None
    (target / "tokenizer_config.json").write_text(json.dumps(settings))
    with pytest.raises(ModelError, match="neither a padding nor an end token"):
        load_tokenizer(str(target))


@pytest.mark.parametrize(
    "told", ["MarianTokenizer requires the SentencePiece library", "`tiktoken` is required to read"]
)
def test_a_tokenizer_of_a_library_that_is_not_here_is_told(
    told: str, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(*args: object, **kwargs: object) -> None:
        raise ImportError(told)

    monkeypatch.setattr(AutoTokenizer, "from_pretrained", missing)
    with pytest.raises(ModelError, match="SentencePiece file, and the library to read it is missing") as caught:
        load_tokenizer(str(tiny_model))
    assert "pip install sentencepiece" in caught.value.hint


WRITERS = {"CausalLM": ["gpt2", "llama", "gemma2"], "Seq2SeqLM": ["bart", "t5", "marian", "mbart"]}
LAYERS = ("n_layer", "num_hidden_layers", "decoder_layers", "num_decoder_layers")


@pytest.mark.parametrize(("head", "kind"), [(head, kind) for head, kinds in WRITERS.items() for kind in kinds])
def test_a_model_that_writes_is_loaded_whole_or_not_at_all(head: str, kind: str, tmp_path: Path) -> None:
    texts = ["great story of two people", "sad film with music"] * 5
    tokenizer = train_tokenizer(texts, 300, family=ARCHITECTURES[kind].family, architecture=kind)
    model = make_model(head, make_config(kind, "tiny", tokenizer, positions=32))
    model.save_pretrained(tmp_path)
    loaded = load_model(head, str(tmp_path))
    assert all(
        torch.equal(a, b) for a, b in zip(model.state_dict().values(), loaded.state_dict().values(), strict=True)
    )

    settings = json.loads((tmp_path / "config.json").read_text())
    name = next(name for name in LAYERS if name in settings)
    wrong = [({name: 3}, "parameters missing"), ({name: 1}, "of layers that the model does not have")]
    for change, message in [*wrong, ({"vocab_size": len(tokenizer) + 7}, "of a different shape")]:
        changed = {key: value for key, value in settings.items() if key not in ("layer_types", "decoder_vocab_size")}
        (tmp_path / "config.json").write_text(json.dumps(changed | change))
        with pytest.raises(ModelError, match=message):
            load_model(head, str(tmp_path))


@pytest.mark.parametrize("dropped", ["lm_head.weight", "transformer.ln_f.weight"])
def test_a_head_that_writes_may_not_be_new(dropped: str, tmp_path: Path) -> None:
    config = GPT2Config(vocab_size=50, n_embd=16, n_layer=1, n_head=2, tie_word_embeddings=False)
    GPT2LMHeadModel(config).save_pretrained(tmp_path)
    load_model("CausalLM", str(tmp_path))
    weights = load_file(tmp_path / "model.safetensors")
    del weights[dropped]
    save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match=f"1 parameter missing, such as {dropped}"):
        load_model("CausalLM", str(tmp_path))


@pytest.mark.parametrize("dropped", ["classifier", "bert.pooler"])
def test_a_finished_model_may_have_no_new_head(dropped: str, tmp_path: Path) -> None:
    config = BertConfig(vocab_size=50, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32)
    BertForSequenceClassification(config).save_pretrained(path := tmp_path / "model")
    load_model(HEAD, str(path), finished=True)
    with pytest.raises(ModelError, match="2 parameters of a different shape, such as classifier") as caught:
        load_model(HEAD, str(path), config={"num_labels": 5}, finished=True)
    assert f"`luthier train DATA --model {path}` trains a new head" in str(caught.value.hint)
    weights = load_file(path / "model.safetensors")
    kept = {name: tensor for name, tensor in weights.items() if not name.startswith(dropped)}
    save_file(kept, path / "model.safetensors", metadata={"format": "pt"})
    load_model(HEAD, str(path))
    with pytest.raises(ModelError, match=f"2 parameters missing, such as {dropped}") as caught:
        load_model(HEAD, str(path), finished=True)
    assert "trains a new head" in str(caught.value.hint)


def test_an_encoder_alone_is_no_encoder_decoder(tmp_path: Path) -> None:
    config = T5Config(vocab_size=50, d_model=16, d_kv=8, num_heads=2, num_layers=1, d_ff=32)
    T5EncoderModel(config).save_pretrained(tmp_path)
    with pytest.raises(ModelError, match=r"missing, such as decoder\."):
        load_model("Seq2SeqLM", str(tmp_path))


def test_dropping_whole_layers_is_only_ever_lessened() -> None:
    config = BartConfig(encoder_layerdrop=0.05, decoder_layerdrop=0.0, dropout=0.3)
    set_dropout(config, 0.1)
    assert (config.dropout, config.encoder_layerdrop, config.decoder_layerdrop) == (0.1, 0.05, 0.0)
    set_dropout(config, 0.0)
    assert (config.dropout, config.encoder_layerdrop) == (0.0, 0.0)


def test_dropout_is_found_in_layers_and_in_the_configuration(tiny_model: Path) -> None:
    sizes = {f"{part}_{size}": 1 for part in ("encoder", "decoder") for size in ("layers", "attention_heads")}
    config = BartConfig(vocab_size=20, d_model=8, encoder_ffn_dim=8, decoder_ffn_dim=8, **sizes)
    assert not any(isinstance(one, torch.nn.Dropout) for one in BartModel(config).modules()), "it calls a function"
    assert has_dropout(BartModel(config))
    set_dropout(config, 0.0)
    assert not has_dropout(BartModel(config))
    model = load_model(HEAD, str(tiny_model), dropout=0.0)
    assert not has_dropout(model)
    model.dropout = torch.nn.Dropout(0.2)
    assert has_dropout(model)


def test_freezing_leaves_the_rest_to_learn(tiny_model: Path) -> None:
    model = load_model(HEAD, str(tiny_model))
    assert freeze(model, ["bert.*"]) == model.classifier.weight.numel() + model.classifier.bias.numel()
    assert {name for name, p in model.named_parameters() if p.requires_grad} == {"classifier.weight", "classifier.bias"}
    assert freeze(model, []) == sum(p.numel() for p in model.parameters())


def test_freezing_nothing_or_everything_is_refused(tiny_model: Path) -> None:
    model = load_model(HEAD, str(tiny_model))
    with pytest.raises(RecipeError, match="no parameter of the model matches 'bret") as caught:
        freeze(model, ["bert.*", "bret.*"])
    assert "classifier.bias" in caught.value.hint
    with pytest.raises(RecipeError, match="there are no trainable parameters"):
        freeze(model, ["*"])


def test_the_longest_input_is_what_both_tokenizer_and_model_take(tiny_model: Path) -> None:
    tokenizer, config = load_tokenizer(str(tiny_model)), load_config(str(tiny_model))
    assert longest_input(tokenizer, config) == 64
    tokenizer.model_max_length = 40
    assert longest_input(tokenizer, config) == 40
    tokenizer.model_max_length = int(1e30)
    assert longest_input(tokenizer, config) == 64
    assert longest_input(tokenizer, PretrainedConfig()) == LONGEST
    assert longest_input(tokenizer, RobertaConfig(max_position_embeddings=514)) == 512  # it never uses the first two


@pytest.mark.parametrize("kind", ["camembert", "mpnet", "roberta-prelayernorm"])
def test_positions_that_are_counted_from_the_padding_are_fewer(kind: str, tiny_model: Path) -> None:
    sizes = {"vocab_size": 50, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = AutoConfig.for_model(kind, **sizes, intermediate_size=16, max_position_embeddings=40)
    tokenizer = load_tokenizer(str(tiny_model))
    ids = torch.full((1, longest_input(tokenizer, config)), 7)
    model = AutoModel.from_config(config).eval()
    assert model(ids).last_hidden_state.shape[1] == 38
    with pytest.raises((IndexError, RuntimeError)):  # the first, or a table of token types is too short
        model(torch.full((1, 39), 7))
