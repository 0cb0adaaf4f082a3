"""How a tokenizer suits texts: unknown parts, and tokens of a word."""

import pytest
from transformers import PreTrainedTokenizerBase

from luthier.models.loading import load_tokenizer
from luthier.models.sources import locate
from luthier.tokenizers.suitability import ENGLISH_NEWS, Density, density, unknown_parts
from luthier.tokenizers.training import train_tokenizer

ENGLISH = list(ENGLISH_NEWS) * 3


@pytest.fixture(scope="module")
def minilm() -> PreTrainedTokenizerBase:
    return load_tokenizer(locate("minilm"))


@pytest.mark.parametrize(
    ("text", "spaced"),
    [
        ("the film is long", True),
        ("صوت مجلس المدينة", True),
        ("시의회는 화요일", True),
        ("市议会星期二投票", False),
        ("市議会は火曜日、橋を", False),
        ("สภาเมืองลงมติเมื่อวันอังคาร", False),
        ("the word 桥 in a sentence", True),
        ("", True),
    ],
)
def test_a_text_has_words_or_characters(text: str, spaced: bool, minilm: PreTrainedTokenizerBase) -> None:
    found = density(minilm, [text])
    assert found.spaced == spaced
    assert found.units == (len(text.split()) if spaced else len("".join(text.split())))


def test_tokens_of_a_word(minilm: PreTrainedTokenizerBase) -> None:
    assert density(minilm, ["the film", "a dull story"]) == Density(5, 5, spaced=True)
    assert 1.0 < density(minilm, ENGLISH_NEWS).mean < 1.3
    arabic = density(minilm, ["انخفضت أسهم الشركة بنسبة أربعة في المئة بعد أن حذرت من أرباح أقل هذا العام"])
    assert arabic.mean > 3 * density(minilm, ENGLISH_NEWS).mean
    assert density(minilm, []).mean == 0.0


def test_bytes_take_several_tokens_for_a_chinese_character() -> None:
    tokenizer = train_tokenizer(ENGLISH, 400, "byte-bpe", architecture="gpt2")
    assert density(tokenizer, ["市议会星期二投票"]) == Density(24, 8, spaced=False)


def test_unknown_parts_are_counted(minilm: PreTrainedTokenizerBase) -> None:
    found = unknown_parts(minilm, ["so 😂 funny 😂", "the film"])
    assert found == {"😂": 2}
    assert unknown_parts(train_tokenizer(ENGLISH, 400, "byte-bpe", architecture="gpt2"), ["😂"]) == {}
    assert unknown_parts(minilm, []) == {}
