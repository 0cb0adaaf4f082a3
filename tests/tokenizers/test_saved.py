"""A saved tokenizer for a model of an architecture: loaded, checked, and what is refused."""

from pathlib import Path

import pytest
from transformers import PreTrainedTokenizerBase

from luthier.errors import DamagedError, ModelError
from luthier.storage.atomic import write_directory
from luthier.tokenizers.kinds import KINDS
from luthier.tokenizers.saved import load_saved
from luthier.tokenizers.training import train_tokenizer
from tests.conftest import review

TEXTS = [review(label, i) for label in ("good", "bad") for i in range(40)]


def saved(tokenizer: PreTrainedTokenizerBase, path: Path) -> str:
    write_directory(path, lambda aside: tokenizer.save_pretrained(aside) and None)
    return str(path)


@pytest.mark.parametrize("kind", KINDS)
def test_a_tokenizer_of_each_kind_is_loaded_as_it_was_saved(kind: str, tmp_path: Path) -> None:
    tokenizer = train_tokenizer(TEXTS, 300, kind, architecture="bert")
    read = load_saved(saved(tokenizer, tmp_path / "t"), "encoder", "bert")
    assert read.backend_tokenizer.to_str() == tokenizer.backend_tokenizer.to_str()
    assert read(TEXTS[0], TEXTS[1]) == tokenizer(TEXTS[0], TEXTS[1])


def test_a_model_without_token_types_gets_none_even_after_it_is_saved_again(tmp_path: Path) -> None:
    name = saved(train_tokenizer(TEXTS, 300, architecture="bert"), tmp_path / "t")
    assert "token_type_ids" in load_saved(name, "encoder", "bert")("a")
    for architecture in ("distilbert", "roberta", "modernbert"):
        read = load_saved(name, "encoder", architecture)
        assert "token_type_ids" not in read("a")
        again = load_saved(saved(read, tmp_path / architecture), "encoder", "bert")
        assert "token_type_ids" not in again("a")


def test_the_tokenizer_of_a_model_is_taken_by_the_name_of_the_model(tiny_model: Path) -> None:
    assert load_saved(str(tiny_model), "encoder", "bert")("great").tokens() == ["[CLS]", "great", "[SEP]"]


@pytest.mark.parametrize(
    ("family", "architecture", "made_for", "why"),
    [
        ("encoder", "bert", "llama", "it does not put cls_token and sep_token around texts"),
        ("encoder", "bert", "t5", "it does not put cls_token and sep_token around texts"),
        ("decoder", "llama", "bert", r"it has no end token \(eos_token\)"),
        ("encoder-decoder", "t5", "bert", r"it has no end token \(eos_token\)"),
        ("encoder-decoder", "mbart", "t5", "it does not mark languages"),
    ],
)
def test_a_tokenizer_without_what_the_model_needs_is_refused(
    family: str, architecture: str, made_for: str, why: str, tmp_path: Path
) -> None:
    name = saved(train_tokenizer(TEXTS, 300, architecture=made_for), tmp_path / "t")
    with pytest.raises(ModelError, match=f"does not fit an? {architecture} model: {why}") as caught:
        load_saved(name, family, architecture)
    assert caught.value.where == name
    assert f"luthier tokenizer train DATA --architecture {architecture} --output DIR" in caught.value.hint


def test_a_padding_token_that_would_leave_no_positions_is_refused(tmp_path: Path) -> None:
    tokenizer = train_tokenizer(TEXTS, 300, architecture="bert")
    tokenizer.pad_token = "[MASK]"
    name = saved(tokenizer, tmp_path / "t")
    with pytest.raises(ModelError, match="the id of the padding token, which is 4, not 0 or 1"):
        load_saved(name, "encoder", "roberta")


def test_what_is_no_tokenizer_is_refused(tmp_path: Path, tiny_model: Path) -> None:
    with pytest.raises(ModelError, match="no tokenizer 'charr'") as caught:
        load_saved("charr", "encoder", "bert")
    assert caught.value.hint == "did you mean 'char'?"
    with pytest.raises(ModelError, match="no such model directory") as caught:
        load_saved(str(tmp_path / "nowhere"), "encoder", "bert")
    assert "kinds to train: word, char, bpe" in caught.value.hint
    with pytest.raises(ModelError, match="the directory has no tokenizer"):
        load_saved(str(tmp_path), "encoder", "bert")
    with pytest.raises(ModelError, match="this is a file"):
        load_saved(str(tiny_model / "config.json"), "encoder", "bert")


def test_a_damaged_tokenizer_is_refused(tmp_path: Path) -> None:
    name = saved(train_tokenizer(TEXTS, 300, architecture="bert"), tmp_path / "t")
    file = Path(name) / "tokenizer.json"
    file.write_text(file.read_text(encoding="utf-8").replace("great", "grate"), encoding="utf-8")
    with pytest.raises(DamagedError, match=r"tokenizer\.json"):
        load_saved(name, "encoder", "bert")
