"""Texts in windows: what each holds, which word a token belongs to, and which window has most around it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import BertTokenizer, ByT5Tokenizer

from luthier.data.tokenized import Limits
from luthier.errors import ModelError, UsageError
from luthier.tasks.windows import encode_windows, first_tokens, most_context, once, past_blank, swallowed

WORDS = ["ada", "met", "bob", "in", "new", "york"]


@pytest.fixture(scope="module")
def tokenizer() -> BertTokenizer:
    """Each word is one token; [CLS] is 2 and [SEP] is 3."""
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    return BertTokenizer(vocab={piece: i for i, piece in enumerate([*special, *WORDS])})


def said(tokenizer: BertTokenizer, ids: list[int]) -> str:
    return " ".join(tokenizer.convert_ids_to_tokens(ids))


# -- windows ---------------------------------------------------------------------------------------------------------


def test_without_limits_a_text_is_one_window(tokenizer: BertTokenizer) -> None:
    found = encode_windows(tokenizer, ["ada met bob", "york"], None, None)
    assert [said(tokenizer, ids) for ids in found["input_ids"]] == ["[CLS] ada met bob [SEP]", "[CLS] york [SEP]"]
    assert found["examples"] == [[0], [1]]
    assert found["sequences"] == [[-1, 0, 0, 0, -1], [-1, 0, -1]]
    assert found["offsets"][0] == [[0, 0], [0, 3], [4, 7], [8, 11], [0, 0]]


def test_windows_of_a_text_share_the_stride_and_name_their_text(tokenizer: BertTokenizer) -> None:
    found = encode_windows(tokenizer, ["york", "ada met bob in new"], None, Limits(5, stride=1))
    assert [said(tokenizer, ids) for ids in found["input_ids"]] == [
        *("[CLS] york [SEP]", "[CLS] ada met bob [SEP]", "[CLS] bob in new [SEP]"),
    ]
    assert found["examples"] == [[0], [1], [1]]
    assert found["offsets"][2][1] == [8, 11], "places are those in the whole text"


def test_of_a_pair_only_the_second_is_cut(tokenizer: BertTokenizer) -> None:
    found = encode_windows(tokenizer, ["ada met"], ["bob in new york"], Limits(7, stride=0), beside=2)
    assert [said(tokenizer, ids) for ids in found["input_ids"]] == [
        *("[CLS] ada met [SEP] bob in [SEP]", "[CLS] ada met [SEP] new york [SEP]"),
    ]
    assert found["sequences"][1] == [-1, 0, 0, -1, 1, 1, -1]


def test_windows_that_would_share_too_much_still_move_on(tokenizer: BertTokenizer) -> None:
    found = encode_windows(tokenizer, ["ada met bob in"], None, Limits(4, stride=9))
    assert [said(tokenizer, ids) for ids in found["input_ids"]] == [
        *("[CLS] ada met [SEP]", "[CLS] met bob [SEP]", "[CLS] bob in [SEP]"),
    ]


def test_a_window_without_room_for_the_text_is_refused(tokenizer: BertTokenizer) -> None:
    with pytest.raises(UsageError, match=r"a window of 2 tokens .* take 2") as caught:
        encode_windows(tokenizer, ["ada"], None, Limits(2))
    assert (caught.value.where, caught.value.hint) == ("data.max_length", "--set max_length=8 or more")
    with pytest.raises(UsageError, match=r"a window of 8 tokens .* take 8"):
        encode_windows(tokenizer, ["ada"], ["bob"], Limits(8), beside=5)


def test_a_tokenizer_that_knows_no_places_is_refused() -> None:
    with pytest.raises(ModelError, match="tokenizer") as caught:
        encode_windows(ByT5Tokenizer(), ["ada"], None, None)
    assert caught.value.where == "ByT5Tokenizer"


# -- words -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "tokens", "words", "first", "every"),
    [
        # Two pieces of a word, and one that carries the blank before it.
        ("abcd ef", [(0, 2), (2, 4), (4, 7)], [(0, 4), (5, 7)], [0, -1, 1], [0, 0, 1]),
        # The window opens in the middle of the first word.
        ("abcd ef", [(2, 4), (5, 7)], [(0, 4), (5, 7)], [-1, 1], [0, 1]),
        # What stands before the window's first token is a mark, of which the tokenizer leaves nothing.
        ("(ab) c", [(1, 3), (3, 4), (5, 6)], [(0, 4), (5, 6)], [0, -1, 1], [0, 0, 1]),
        # What is in no word: a mark between words, a blank alone.
        ("a - b", [(0, 1), (2, 3), (3, 4), (4, 5)], [(0, 1), (4, 5)], [0, -1, -1, 1], [0, -1, -1, 1]),
        # Before the first word.
        ("- b", [(0, 1), (2, 3)], [(2, 3)], [-1, 0], [-1, 0]),
        ("ab", [(0, 2)], [], [-1], [-1]),
    ],
)
def test_the_word_of_each_token(
    text: str, tokens: list[tuple[int, int]], words: list[tuple[int, int]], first: list[int], every: list[int]
) -> None:
    assert first_tokens(text, tokens, [0] * len(tokens), words) == (first, every)
    # Special tokens around them, and a first text of the pair, belong to no word.
    around = [(0, 0), (0, 1), *tokens, (0, 0)]
    found = first_tokens(text, around, [-1, 1, *[0] * len(tokens), -1], words)
    assert found == ([-1, -1, *first, -1], [-1, -1, *every, -1])


@given(st.lists(st.lists(st.integers(1, 4), min_size=1, max_size=4), max_size=8), st.booleans())
def test_every_word_of_a_whole_text_has_one_first_token(pieces: list[list[int]], carries_blank: bool) -> None:
    text, tokens, words, owners = "", [], [], []
    for number, sizes in enumerate(pieces):
        blank = " " if text else ""
        start = len(text) + len(blank)
        words.append((start, start + sum(sizes)))
        for place, size in enumerate(sizes):
            begin = start + sum(sizes[:place])
            tokens.append((begin - len(blank) * (carries_blank and not place), begin + size))
            owners.append(number)
        text += blank + "x" * sum(sizes)
    first, every = first_tokens(text, tokens, [0] * len(tokens), words)
    assert every == owners
    assert [word for word in first if word >= 0] == list(range(len(words)))
    assert swallowed(tokens, every, words) == []


@pytest.mark.parametrize(("span", "start"), [((0, 4), 2), ((2, 4), 2), ((0, 2), 2), ((4, 6), 5), ((3, 3), 3)])
def test_a_token_begins_behind_its_blanks(span: tuple[int, int], start: int) -> None:
    assert past_blank(" \nab\tc", *span) == start


@pytest.mark.parametrize(
    ("tokens", "every", "words", "found"),
    [
        # `St.` is one token of two words.
        ([(0, 3)], [0], [(0, 2), (2, 3)], [1]),
        ([(0, 5)], [0], [(0, 2), (2, 3), (3, 5)], [1, 2]),
        # A word in which a token of its own begins is none of them, wherever it ends.
        ([(0, 3), (3, 4)], [0, 1], [(0, 2), (2, 4)], []),
        ([(0, 2), (2, 3)], [0, 1], [(0, 2), (2, 3)], []),
        # A token of no word reaches into none.
        ([(0, 3)], [-1], [(0, 2), (2, 3)], []),
    ],
)
def test_words_that_a_token_of_an_earlier_word_takes_in(
    tokens: list[tuple[int, int]], every: list[int], words: list[tuple[int, int]], found: list[int]
) -> None:
    assert swallowed(tokens, every, words) == found


@pytest.mark.parametrize(
    ("places", "best"),
    [
        ([(1, 10), (5, 10), (9, 10)], 1),
        ([(8, 10), (2, 10)], 1),
        ([(3, 10), (3, 7)], 0),
        ([(0, 1)], 0),
    ],
)
def test_the_window_with_most_text_around_a_token_is_asked(places: list[tuple[int, int]], best: int) -> None:
    assert most_context(places) == best


def test_a_word_in_several_windows_is_kept_in_one_of_its_text() -> None:
    first = [[-1, 0, 1, 2, 3, -1], [-1, 2, 3, 4, 5, -1], [-1, 2, 3, -1]]
    assert once(first, [0, 0, 1]) == [[-1, 0, 1, 2, -1, -1], [-1, -1, 3, 4, 5, -1], [-1, 2, 3, -1]]
    assert once([], []) == []
