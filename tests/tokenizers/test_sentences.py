"""The sentences that show how tokenizers differ."""

import pytest

from luthier.tokenizers.sentences import LONGEST, choose_sentences, word_starts

WORDS = "the strings of an old guitar are worn and sound dull every day"
KNOWN = dict.fromkeys(WORDS.split(), 100)
COMMON = "The strings of the old guitar are worn and dull."
RARE = "Rauluni bought the strings of a zither in Tavua."


def test_a_typical_sentence_and_the_one_with_the_rarest_words_are_chosen() -> None:
    texts = [f"{COMMON} {RARE}\nthe strings of the old guitar are worn and dull", "too short."]
    assert choose_sentences(texts, KNOWN) == [COMMON, RARE]
    assert choose_sentences(reversed(texts), KNOWN) == [COMMON, RARE]


def test_chinese_sentences_end_without_a_space_and_are_rare_by_their_characters() -> None:
    common, rare = "我今天去" * 12 + "\u3002", "下次还会" * 12 + "\uff01"
    known = dict.fromkeys("我今天去", 9)
    assert choose_sentences([common * 2 + rare], known, words=False) == [rare]
    assert choose_sentences([common + "去" + common + rare], known, words=False)[-1] == rare


def test_other_texts_give_what_they_have() -> None:
    assert choose_sentences(["  "], KNOWN) == []
    assert choose_sentences(["short."], KNOWN) == ["short."]
    (cut,) = choose_sentences(["without any end " * 30], KNOWN)
    assert len(cut) <= LONGEST


@pytest.mark.parametrize(
    ("offsets", "starts"),
    [
        ([(0, 2), (3, 5), (5, 6)], [1]),  # as of words and punctuation
        ([(0, 2), (2, 5), (5, 6)], [1]),  # as of tokens that begin with the space
        ([(0, 1), (1, 2), (2, 3), (3, 6)], [2]),  # as of characters
        ((), []),
    ],
)
def test_white_space_is_before_a_token_or_in_it(offsets: list[tuple[int, int]], starts: list[int]) -> None:
    assert word_starts("ab cd.", offsets) == starts
