"""The six tokenizer algorithms: ids computed by hand, special tokens, sizes, and determinism."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, normalizers, pre_tokenizers

from luthier.recipe import TokenizerKind
from luthier.tokenizers.kinds import KINDS
from luthier.tokenizers.vocabularies import PREFIX, train_backend, words_of
from tests.conftest import review

TEXTS = [review(label, i) for label in ("good", "bad") for i in range(150)]
SPECIAL = ["[PAD]", "[UNK]"]


def by_id(backend: Tokenizer) -> list[str]:
    """The vocabulary in the order of the ids, which have no gaps."""
    vocabulary = backend.get_vocab()
    assert sorted(vocabulary.values()) == list(range(len(vocabulary)))
    return sorted(vocabulary, key=lambda token: vocabulary[token])


@pytest.mark.parametrize("kind", KINDS)
def test_special_tokens_have_the_first_ids(kind: TokenizerKind) -> None:
    tokens = by_id(train_backend(TEXTS, 300, kind, SPECIAL, "[UNK]"))
    assert tokens[:2] == SPECIAL
    assert len(set(tokens)) == len(tokens) <= 300


@pytest.mark.parametrize("kind", KINDS)
def test_the_order_of_the_texts_does_not_change_the_ids(kind: TokenizerKind) -> None:
    forwards, backwards = (by_id(train_backend(texts, 200, kind, SPECIAL, "[UNK]")) for texts in (TEXTS, TEXTS[::-1]))
    assert forwards == backwards


# -- words and characters --------------------------------------------------------------------------------------------


def test_words_are_numbered_by_frequency_and_words_that_occur_once_are_unknown() -> None:
    backend = train_backend(["b a a", "a b c", "d d"], 10, "word", SPECIAL, "[UNK]")
    assert by_id(backend) == ["[PAD]", "[UNK]", "a", "b", "d"]
    assert backend.encode("a c b").ids == [2, 1, 3]
    assert by_id(train_backend(["b a a", "a b c", "d d"], 3, "word", SPECIAL, "[UNK]")) == ["[PAD]", "[UNK]", "a"]


def test_punctuation_is_a_separate_word() -> None:
    assert train_backend(["a, a."] * 2, 10, "word", SPECIAL, "[UNK]").encode("a.").tokens == ["a", "."]


def test_every_character_is_a_token_including_white_space() -> None:
    backend = train_backend(["ba\nb", "b "], 10, "char", SPECIAL, "[UNK]")
    assert by_id(backend) == ["[PAD]", "[UNK]", "b", "\n", " ", "a"], "by frequency, then by code point"
    ids = backend.encode("a b\nc").ids
    assert ids == [5, 4, 2, 3, 1]
    assert backend.decode(ids[:-1], skip_special_tokens=False) == "a b\n"


@pytest.mark.parametrize(("kind", "others"), [("word", ["x"]), ("char", [" ", "x"])])
def test_a_special_token_that_occurs_in_the_texts_has_one_id(kind: TokenizerKind, others: list[str]) -> None:
    assert by_id(train_backend(["x y x y"] * 2, 10, kind, ["y", "?"], "?")) == ["y", "?", *others]


# -- pieces ----------------------------------------------------------------------------------------------------------


def test_unigram_takes_fewer_pieces_for_a_word_than_it_has_characters() -> None:
    backend = train_backend(TEXTS, 300, "unigram", ["<unk>"], "<unk>")
    assert backend.encode("charming superb").tokens == ["▁charming", "▁superb"]


def test_unigram_maps_unknown_characters_to_the_unknown_token_and_normalizes_full_width_letters() -> None:
    backend = train_backend(TEXTS, 300, "unigram", ["<pad>", "<unk>"], "<unk>")
    assert backend.encode("ß").ids[-1] == 1
    wide = "".join(chr(ord(letter) + 0xFEE0) for letter in "charming")
    assert backend.encode(wide).tokens == ["▁charming"]
    assert backend.decode(backend.encode("a charming film").ids) == "a charming film"


def test_wordpiece_marks_continuations_and_keeps_case_and_accents() -> None:
    backend = train_backend(["Élan elan Elan"] * 3, 200, "wordpiece", SPECIAL, "[UNK]")
    assert backend.encode("Élan elan").tokens == ["Élan", "elan"]
    pieces = backend.encode("elanlan").tokens
    assert pieces[0] == "elan" and all(piece.startswith(PREFIX) for piece in pieces[1:])
    assert backend.encode("xyz").tokens == ["[UNK]"]
    assert backend.decode(backend.encode("Élan elanan").ids) == "Élan elanan"


@given(st.text(max_size=40))
def test_byte_level_bpe_is_lossless(text: str) -> None:
    assert BYTES.decode(BYTES.encode(text).ids) == text


BYTES = train_backend(TEXTS, 400, "byte-bpe", [], "")


def test_byte_level_bpe_has_all_256_bytes_and_no_pairs_that_occur_once() -> None:
    backend = train_backend(["ab ab", "xy"], 10, "byte-bpe", ["<end>"], "")
    assert len(by_id(backend)) == 257
    more = set(by_id(train_backend(["ab ab", "xy"], 300, "byte-bpe", ["<end>"], ""))) - set(by_id(backend))
    assert "ab" in more and "xy" not in more


def test_a_prefix_space_is_optional() -> None:
    spaced, plain = (
        train_backend(["film film film"] * 5, 400, "byte-bpe", [], "", spaced=one) for one in (True, False)
    )
    assert spaced.encode("film film").ids == [spaced.token_to_id("Ġfilm")] * 2
    assert plain.encode("film film").tokens == ["film", "Ġfilm"]


def test_character_bpe_merges_frequent_pairs_and_splits_off_punctuation() -> None:
    backend = train_backend(["low lower, low."] * 3, 60, "bpe", SPECIAL, "[UNK]", spaced=True)
    assert backend.encode("low, lower.").tokens == ["▁low", ",", "▁lower", "."]
    assert backend.decode(backend.encode("lower  low.").ids) == "lower  low."
    assert backend.encode("low ß").tokens == ["▁low", "▁", "[UNK]"]


def test_character_bpe_without_a_space_before_the_text_keeps_the_text() -> None:
    backend = train_backend(["low lower, low."] * 3, 60, "bpe", SPECIAL, "[UNK]")
    for text in ("low", " low", "  low  "):
        assert backend.decode(backend.encode(text).ids) == text


IN_ANOTHER_PROCESS = """
import hashlib, sys
from luthier.tokenizers.kinds import KINDS
from luthier.tokenizers.vocabularies import train_backend
texts = ["".join(chr(97 + (i * j) % 26) for j in range(1, 9)) + " é日本語 x" for i in range(200)]
for kind in KINDS:
    print(kind, hashlib.sha256(train_backend(texts, 150, kind, ["[UNK]"], "[UNK]").to_str().encode()).hexdigest())
"""


@pytest.mark.slow
def test_every_process_learns_the_same_bytes() -> None:
    command = [sys.executable, "-c", IN_ANOTHER_PROCESS]
    outputs = {subprocess.run(command, capture_output=True, text=True, check=True).stdout for _ in range(3)}
    assert len(outputs) == 1 and len(outputs.pop().splitlines()) == 6


# -- word counts -----------------------------------------------------------------------------------------------------


def test_words_are_counted_after_normalization_and_pre_tokenization() -> None:
    backend = train_backend(["a"], 10, "word", ["?"], "?")
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    assert words_of(["A film, a Film.", ""], backend) == {"A": 1, "film": 1, ",": 1, "a": 1, "Film": 1, ".": 1}
    backend.normalizer = normalizers.Lowercase()
    assert words_of(["A film, a Film."], backend) == {"a": 2, "film": 2, ",": 1, ".": 1}
    assert words_of([], backend) == {}
