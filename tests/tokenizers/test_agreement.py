"""Tokens that two tokenizers share, across their marks for the start of a word."""

import pytest

from luthier.recipe import TokenizerKind
from luthier.tokenizers.agreement import shared_tokens
from luthier.tokenizers.kinds import KINDS
from luthier.tokenizers.training import train_tokenizer

TEXTS = ["für alle, die walking und talking sagen: für die, die es für alle sagen."] * 4
TRAINED = {kind: train_tokenizer(TEXTS, 400, kind, architecture="bert") for kind in KINDS}


def pairs(new: TokenizerKind, old: TokenizerKind) -> dict[str, str]:
    one, other = TRAINED[new], TRAINED[old]
    return {
        one.convert_ids_to_tokens(number): other.convert_ids_to_tokens(same)
        for number, same in shared_tokens(one, other).items()
    }


@pytest.mark.parametrize("kind", KINDS)
def test_a_tokenizer_shares_every_token_with_itself(kind: TokenizerKind) -> None:
    same = range(len(TRAINED[kind]))
    assert shared_tokens(TRAINED[kind], TRAINED[kind]) == dict(zip(same, same, strict=True))


@pytest.mark.parametrize("new", KINDS)
@pytest.mark.parametrize("old", KINDS)
def test_special_tokens_agree_by_their_role(new: TokenizerKind, old: TokenizerKind) -> None:
    found = pairs(new, old)
    assert [found[token] for token in ("[PAD]", "[CLS]", "[SEP]", "[MASK]")] == ["[PAD]", "[CLS]", "[SEP]", "[MASK]"]
    if "byte-bpe" not in (new, old):
        assert found["[UNK]"] == "[UNK]"


def test_words_agree_whichever_way_their_start_is_marked() -> None:
    whole: dict[TokenizerKind, str] = {
        "word": "für", "bpe": "▁für", "byte-bpe": "ĠfÃ¼r", "wordpiece": "für", "unigram": "▁für"
    }  # fmt: skip
    for new, token in whole.items():
        for old, same in whole.items():
            assert pairs(new, old)[token] == same


def test_pieces_inside_a_word_agree_with_each_other_and_with_characters() -> None:
    assert pairs("char", "wordpiece")["n"] == "##n"
    assert pairs("bpe", "wordpiece")["n"] == "##n"
    assert pairs("wordpiece", "byte-bpe")["##n"] == "n"


def test_punctuation_agrees_wherever_it_stands() -> None:
    for new in KINDS:
        for old in KINDS:
            assert pairs(new, old)[","].strip("▁Ġ#") == ","


def test_roles_with_the_same_meaning_agree() -> None:
    decoder = train_tokenizer(TEXTS, 400, "byte-bpe", family="decoder")
    found = shared_tokens(decoder, TRAINED["wordpiece"])
    assert found[decoder.bos_token_id] == TRAINED["wordpiece"].cls_token_id
    assert found[decoder.eos_token_id] == TRAINED["wordpiece"].sep_token_id
