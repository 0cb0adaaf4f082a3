"""What is measured of a tokenizer, beside values that were counted by hand."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

from luthier.tokenizers.losses import losses_of
from luthier.tokenizers.measures import Row, Sample, measure, renyi_efficiency, unknown_words
from luthier.tokenizers.suitability import encode
from luthier.tokenizers.training import train_tokenizer
from tests.conftest import review

TEXTS = [review("good", i) for i in range(60)]
BYTES = {family: train_tokenizer(TEXTS, 300, "byte-bpe", family=family) for family in ("encoder", "decoder")}


def whole_words(*words: str) -> PreTrainedTokenizerBase:
    backend = Tokenizer(models.WordLevel({"[PAD]": 0, "[UNK]": 1, **{w: i for i, w in enumerate(words, 2)}}, "[UNK]"))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(tokenizer_object=backend, pad_token="[PAD]", unk_token="[UNK]")


def test_the_measures_are_those_counted_by_hand() -> None:
    rows = [Row(["a b c,"], ["x"]), Row(["a ü"], ["y"]), Row(["b", "a ü ü"], ["y"])]
    found = measure(whole_words("a", "b", ",", "d"), Sample(rows, ["a b", "b ,"]), 4)
    # a b [UNK] , / a [UNK] / b / a [UNK] [UNK]: 10 tokens of 9 words
    assert (found.vocabulary, found.special, found.used, found.unused) == (6, 2, 3, 1)
    assert found.unknown_share == pytest.approx(4 / 10)
    assert found.unknown_words_share == pytest.approx(4 / 9)
    assert found.unknown_words == [("ü", 3), ("c,", 1)]
    assert found.tokens_per_word == pytest.approx(10 / 9)
    assert found.tokens_per_byte == pytest.approx(10 / (6 + 4 + 1 + 7))
    assert found.characters_per_token == pytest.approx((6 + 3 + 1 + 5) / 10)
    assert found.efficiency == pytest.approx(renyi_efficiency([3, 2, 1, 4], 6))
    lengths = found.lengths
    assert (lengths.median, lengths.longest, lengths.limit, lengths.mean) == (4, 4, 4, pytest.approx(10 / 3))
    assert lengths.cut_share == 0
    assert found.losses["unknown"] == pytest.approx(3 / 4)
    assert found.characters_per_second > 0
    assert found.labels == []


def test_rows_longer_than_the_limit_are_counted_with_special_tokens() -> None:
    tokenizer = train_tokenizer(["a b c"] * 3, 60, "word")
    sample = Sample([Row(["a"]), Row(["a b"]), Row(["a", "b"]), Row(["a b c"])], [])
    found = measure(tokenizer, sample, 4).lengths
    assert (found.longest, found.cut_share) == (5, 0.5)  # [CLS] a [SEP] b [SEP] and [CLS] a b c [SEP]


def test_a_uniform_distribution_has_an_efficiency_of_1_and_a_single_token_of_0() -> None:
    assert renyi_efficiency([7] * 8, 8) == pytest.approx(1)
    assert renyi_efficiency([7] * 4, 16) == pytest.approx(0.5)  # as if half of the bits were used
    assert renyi_efficiency([9], 100) == renyi_efficiency([], 100) == 0
    # shares 0.75 and 0.25: -ln(0.487139 + 0.031250) / 1.5 / ln 4
    assert renyi_efficiency([3, 1], 4) == pytest.approx(0.315968, abs=1e-5)


@given(st.lists(st.integers(1, 1000), min_size=2), st.integers(0, 50))
def test_the_efficiency_is_between_0_and_1(counts: list[int], unused: int) -> None:
    assert 0 <= renyi_efficiency(counts, len(counts) + unused) <= 1 + 1e-9


@given(st.lists(st.text(), min_size=1), st.sampled_from(["encoder", "decoder"]))
def test_bytes_lose_nothing(texts: list[str], family: str) -> None:
    tokenizer = BYTES[family]
    assert not any(losses_of(tokenizer, texts, encode(tokenizer, texts), set()).values())
    assert not unknown_words(tokenizer, Counter(word for text in texts for word in text.split()))


def test_a_label_whose_texts_are_harder_is_named() -> None:
    easy, hard = "a b " * 50, "a, ü " * 50
    rows = [Row([easy], ["easy"])] * 50 + [Row([hard], ["hard"])] * 5 + [Row([hard], ["few"])] * 2
    found = measure(whole_words("a", "b", ","), Sample(rows, []), 1000)
    assert [one.label for one in found.harder] == ["hard"]
    (hardest,) = found.harder
    assert (hardest.rows, hardest.tokens_per_word, hardest.unknown_words_share) == (5, 1.5, 0.5)
    assert [one.label for one in found.labels] == ["easy", "hard"]  # two rows say little
    same = measure(whole_words("a", "b"), Sample([Row([easy], ["easy"])] * 9, []), 1000)
    assert same.harder == []
