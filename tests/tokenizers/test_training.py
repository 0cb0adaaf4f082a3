"""Tokenizers trained on the data: the same each time, right in their marks, and read back as they were written."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from luthier.errors import DataError, ModelError, UsageError
from luthier.models.architectures import ARCHITECTURES, DEFAULTS
from luthier.recipe import TokenizerKind
from luthier.tokenizers.kinds import KINDS
from luthier.tokenizers.training import characters_of, learn, suggested_size, train_tokenizer
from tests.conftest import WORDS, review

TEXTS = [review(label, i) for label in ("good", "bad") for i in range(150)]
FAMILY = {name: traits.family for name, traits in ARCHITECTURES.items()}


def trained(architecture: str, kind: TokenizerKind | None = None, most: int = 600) -> PreTrainedTokenizerBase:
    return train_tokenizer(TEXTS, most, kind, family=FAMILY[architecture], architecture=architecture)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_it_is_read_back_as_it_was_written(architecture: str, tmp_path: Path) -> None:
    tokenizer = trained(architecture)
    tokenizer.save_pretrained(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"model_type": architecture}))
    read = AutoTokenizer.from_pretrained(tmp_path)
    for text in ("great story, n12", "Ünknown 日本  words\n", ""):
        assert read(text, text) == tokenizer(text, text)
        assert read(text_target=text) == tokenizer(text_target=text)
    assert read.special_tokens_map == tokenizer.special_tokens_map
    assert len(read) == len(tokenizer)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_its_marks_are_those_of_the_architecture(architecture: str) -> None:
    tokenizer = trained(architecture)
    tokens = tokenizer("great story").tokens()
    pair = tokenizer("great", "story").tokens()
    family = FAMILY[architecture]
    if family == "decoder":
        assert tokens[0] == tokenizer.bos_token
        assert len({tokenizer.pad_token_id, tokenizer.bos_token_id, tokenizer.eos_token_id}) == 3
        assert "<|im_start|>" in tokenizer.get_vocab() and "<|im_end|>" in tokenizer.get_vocab()
    elif family == "encoder-decoder":
        assert tokens[-1] == pair[-1] == tokenizer.eos_token
        assert tokenizer.pad_token_id not in (None, tokenizer.eos_token_id)
    else:
        assert (tokens[0], tokens[-1]) == (tokenizer.cls_token, tokenizer.sep_token)
        assert tokenizer.mask_token is not None
        types = tokenizer("great", "story").get("token_type_ids")
        assert (types is not None) == (architecture in ("bert", "electra"))
        assert types is None or (types[0], types[-1]) == (0, 1)
    assert tokenizer.decode(tokenizer("great story")["input_ids"], skip_special_tokens=True).strip() == "great story"


def test_mbart_begins_each_side_with_its_language() -> None:
    tokenizer = trained("mbart")
    tokenizer.src_lang, tokenizer.tgt_lang = "en_XX", "de_DE"
    assert tokenizer("great").tokens() == ["en_XX", "▁great", "</s>"]
    assert tokenizer(text_target="great").tokens() == ["de_DE", "▁great", "</s>"]
    assert tokenizer("great").tokens()[0] == "en_XX"


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_texts_give_the_same_tokenizer(kind: TokenizerKind) -> None:
    first, second = (trained("bert", kind).backend_tokenizer.to_str() for _ in range(2))
    assert first == second


def test_the_library_s_own_trainer_would_not() -> None:
    """Else the test above could not fail."""

    def learned() -> str:
        backend = Tokenizer(models.WordPiece(unk_token="[UNK]"))
        backend.pre_tokenizer = pre_tokenizers.Whitespace()
        trainer = trainers.WordPieceTrainer(vocab_size=200, special_tokens=["[UNK]"], show_progress=False)
        backend.train_from_iterator(TEXTS, trainer)
        return backend.to_str()

    assert len({learned() for _ in range(5)}) > 1


@given(st.text())
def test_a_decoder_s_tokenizer_loses_nothing(text: str) -> None:
    ids = LOSSLESS(text, add_special_tokens=False)["input_ids"]
    assert LOSSLESS.decode(ids) == text


LOSSLESS = trained("llama")


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=30))
def test_a_character_tokenizer_loses_what_it_never_saw_alone(text: str) -> None:
    ids = CHARACTERS(text, add_special_tokens=False)["input_ids"]
    seen = {character for known in TEXTS for character in known}
    special = "|".join(map(re.escape, CHARACTERS.all_special_tokens))  # in a text too they are what they always are
    plain = re.sub(special, "", text)
    assert CHARACTERS.decode(ids, skip_special_tokens=True) == "".join(c for c in plain if c in seen)


CHARACTERS = trained("t5", "char")


@pytest.mark.parametrize("kind", KINDS)
def test_every_word_of_the_texts_is_known_to_every_kind(kind: TokenizerKind) -> None:
    tokenizer = trained("bert", kind)
    words = [word for words in WORDS.values() for word in words]
    for word in words:
        assert tokenizer.unk_token_id is None or tokenizer.unk_token_id not in tokenizer(word)["input_ids"]
        assert tokenizer.decode(tokenizer(word)["input_ids"], skip_special_tokens=True).strip() == word
    unknown = tokenizer("€")["input_ids"][1:-1]
    assert (kind == "byte-bpe") == (tokenizer.unk_token_id is None or tokenizer.unk_token_id not in unknown)


@pytest.mark.parametrize("kind", KINDS)
def test_a_vocabulary_is_no_larger_than_asked_or_than_the_texts_carry(kind: TokenizerKind) -> None:
    assert len(trained("bert", kind, 400)) <= 400
    assert len(trained("bert", kind, 50_000)) < 1_200  # there are 34 words and 150 numbers
    with_one = train_tokenizer(["a b"], 1_000, kind, family="encoder")
    assert len(with_one) < (300 if kind == "byte-bpe" else 20)


def test_the_size_follows_the_texts_and_the_model() -> None:
    assert suggested_size(10) == suggested_size(400_000) == 2_000
    assert suggested_size(4_000_000) == 10_000
    assert suggested_size(10**9) == suggested_size(10**9, "base") == 32_000
    assert suggested_size(10**9, "tiny") == 4_000


def test_texts_without_a_character_are_refused() -> None:
    with pytest.raises(DataError, match="every row is empty"):
        learn(["", ""], None, "word", family="encoder")


@pytest.mark.parametrize("kind", KINDS)
def test_texts_may_be_an_iterator_or_be_read_several_times(kind: TokenizerKind) -> None:
    once, again = (train_tokenizer(texts, 400, kind) for texts in (iter(TEXTS), TEXTS))
    assert once.backend_tokenizer.to_str() == again.backend_tokenizer.to_str()


@pytest.mark.parametrize(
    ("asked", "kind", "why"),
    [
        (None, "word", "no further word occurs twice"),
        (60_000, "bpe", "60,000 requested, but no further pair of tokens occurs twice"),
        (60_000, "char", "60,000 requested, but the texts have no further character"),
        (300, "byte-bpe", "as requested"),
        (10, "char", "as requested"),
    ],
)
def test_the_reason_for_a_vocabulary_s_size_is_given(asked: int | None, kind: TokenizerKind, why: str) -> None:
    tokenizer, decision = learn(TEXTS, asked, kind, family="encoder")
    assert (decision.what, decision.value) == ("vocabulary", f"{len(tokenizer):,} tokens")
    assert decision.why == why


def test_the_default_size_follows_the_texts_unless_their_alphabet_is_larger() -> None:
    many = ["".join(map(chr, range(0x4E00, 0x4E00 + 2_500)))]
    assert learn(many, None, "bpe", family="encoder")[1].why == "the texts have so many characters"
    assert learn(["ab " * 10_000] * 30, None, "byte-bpe", family="encoder", size="tiny")[1].value == "262 tokens"


@pytest.mark.parametrize(
    ("kind", "size", "what", "hint"),
    [
        ("byte-bpe", 200, "4 special tokens and 256 bytes", "choose 260 or more; the kind char drops rare characters"),
        ("wordpiece", 20, "characters, at the start of a word and inside,", "the kind char"),
        ("bpe", 20, "5 special tokens and", "the kind char"),
        ("unigram", 20, "5 special tokens and", "the kind char"),
        ("word", 5, "5 special tokens are always in it", "choose 6 or more"),
        ("char", 1, "5 special tokens are always in it", "choose 6 or more"),
    ],
)
def test_a_vocabulary_smaller_than_the_alphabet_is_refused(
    kind: TokenizerKind, size: int, what: str, hint: str
) -> None:
    with pytest.raises(UsageError, match=what) as caught:
        learn(TEXTS, size, kind, family="encoder", architecture="bert")
    assert caught.value.where == f"vocabulary size {size}"
    assert hint in caught.value.hint
    least = int(re.findall(r"\d+", caught.value.hint)[0])
    assert len(learn(TEXTS, least, kind, family="encoder", architecture="bert")[0]) == least


def test_counting_characters_stops_where_the_size_is_known() -> None:
    def endless() -> Iterator[str]:
        while True:
            yield "x" * 1_000_000

    assert suggested_size(characters_of(endless())) == 32_000
    assert characters_of(["ab", "c"]) == 3


def test_mbart_takes_no_other_kind() -> None:
    with pytest.raises(ModelError, match="mbart has a tokenizer class of its own, which is a unigram tokenizer"):
        trained("mbart", "word")


def test_an_architecture_whose_class_reads_all_tokenizers_alike_is_refused() -> None:
    with pytest.raises(ModelError, match="loads every tokenizer of the architecture qwen2 as the original one"):
        train_tokenizer(TEXTS, 600, family="decoder", architecture="qwen2")


def test_an_architecture_that_nothing_is_known_of_gets_the_marks_of_its_family() -> None:
    for family, default in DEFAULTS.items():
        tokenizer = train_tokenizer(TEXTS, 600, family=family, architecture="opt" if family == "decoder" else None)
        assert tokenizer.special_tokens_map == trained(default).special_tokens_map
