"""Unigram vocabularies: probabilities computed by hand, limits of the size, and determinism."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.tokenizers.unigram import train_unigram

WORDS = st.dictionaries(st.text("abcd", min_size=1, max_size=6), st.integers(1, 50), min_size=1, max_size=12)


def test_pieces_of_unigram_are_probabilities_over_characters_and_common_words() -> None:
    words = {f"▁{stem}{end}": 20 for stem in ("walk", "talk", "play", "jump") for end in ("ing", "ed", "er", "s")}
    characters = {character for word in words for character in word}
    for size in (20, 25, 40):
        pieces = dict(train_unigram(words, size))
        assert characters <= set(pieces) and len(pieces) <= size
        assert sum(math.exp(score) for score in pieces.values()) == pytest.approx(1)
    assert set(pieces) == characters | set(words)


def test_counts_are_of_the_most_probable_split_and_unused_characters_count_one_half() -> None:
    found = train_unigram({"ab": 10}, 3)
    assert [piece for piece, _ in found] == ["ab", "a", "b"]
    assert [math.exp(score) for _, score in found] == pytest.approx([10 / 11, 0.5 / 11, 0.5 / 11])


def test_all_characters_are_kept_even_above_the_size() -> None:
    for size in (-3, 0, 1, 2):
        found = train_unigram({"ab": 10, "b": 5}, size)
        assert [piece for piece, _ in found] == ["b", "a"]
        assert [math.exp(score) for _, score in found] == pytest.approx([15 / 25, 10 / 25])


def test_the_more_useful_piece_is_kept() -> None:
    pieces = dict(train_unigram({"ab": 100, "cd": 3}, 5))
    assert set(pieces) == {"a", "b", "c", "d", "ab"}


def test_a_word_that_occurs_once_does_not_become_a_piece() -> None:
    assert {piece for piece, _ in train_unigram({"abc": 1}, 10)} == {"a", "b", "c"}


def test_no_words_give_no_pieces() -> None:
    assert train_unigram({}, 10) == []


@given(WORDS, st.integers(0, 20))
def test_pieces_are_substrings_sorted_by_probability_within_the_size(words: dict[str, int], size: int) -> None:
    found = train_unigram(words, size)
    characters = {character for word in words for character in word}
    assert characters <= {piece for piece, _ in found}
    assert len(found) <= max(size, len(characters))
    assert all(any(piece in word for word in words) for piece, _ in found)
    assert [(-score, piece) for piece, score in found] == sorted((-score, piece) for piece, score in found)
    assert sum(math.exp(score) for _, score in found) == pytest.approx(1)


@given(WORDS, st.integers(0, 20), st.randoms())
def test_the_order_of_the_words_does_not_matter(words: dict[str, int], size: int, draw: object) -> None:
    items = list(words.items())
    draw.shuffle(items)  # type: ignore[attr-defined]  # hypothesis calls it a Random
    assert train_unigram(dict(items), size) == train_unigram(words, size)
