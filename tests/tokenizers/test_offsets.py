"""Offsets, round trips and files of all six kinds, on text of many scripts."""

import unicodedata
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tokenizers.pre_tokenizers import ByteLevel
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from luthier.recipe import TokenizerKind
from luthier.tokenizers.kinds import KINDS
from luthier.tokenizers.training import train_tokenizer
from luthier.tokenizers.vocabularies import PREFIX

SENTENCES = [
    "Élan, crème brûlée; e\u0301 o\u0308ffnet: größer?",
    "مرحبا بالعالم، كيف حالُك؟",
    "你好\uff0c世界。今天天气很好。",
    "नमस्ते दुनिया, क्या हाल है? क्षत्रिय",
    "👩\u200d👩\u200d👧 fine 👍🏽 🇩🇪 (ok)!",
    "two  spaces\n\ta tab ½",
]
WORDS = sorted({word for sentence in SENTENCES for word in sentence.split(" ")})
TRAINED = {kind: train_tokenizer(SENTENCES * 2, 600, kind, architecture="bert") for kind in KINDS}
TEXTS = st.one_of(
    st.lists(st.sampled_from(WORDS), max_size=8).map(" ".join),
    st.text(st.sampled_from(sorted(set("".join(SENTENCES)) | set("ßλ書ؤ🎻"))), max_size=30),
)


def spelled(token: str) -> bytes:
    """The bytes that a byte-level token stands for."""
    visible = [*range(33, 127), *range(161, 173), *range(174, 256)]
    letters = {chr(byte): byte for byte in visible}
    letters |= {chr(256 + i): byte for i, byte in enumerate(b for b in range(256) if b not in visible)}
    assert set(letters) == set(ByteLevel.alphabet())
    return bytes(letters[letter] for letter in token)


def decomposed(text: str) -> str:
    return unicodedata.normalize("NFKD", text)


def stands_for(kind: TokenizerKind, token: str, there: str) -> bool:
    """Whether a part of a text is what its token stands for, as far as the kind's normalization allows."""
    if kind in ("word", "char"):
        return there == token
    if kind == "byte-bpe":
        told = spelled(token).strip()  # offsets leave out the white space around a token
        whole = len(there) == 1 or told.decode(errors="replace").find("\ufffd") >= 0 or there.strip().encode() == told
        return whole and told in there.encode()  # a token may be a part of a character
    if kind == "wordpiece":
        return "".join(c for c in there if unicodedata.category(c) not in ("Cc", "Cf")) == token.removeprefix(PREFIX)
    piece = token.replace("▁", " ").strip(" ")
    if kind == "unigram":
        whole, seen = (decomposed(part).strip(" ") for part in (piece, there))
        # A token may be a part of a character, such as of ½; a combining mark at the end has no place of its own.
        rest = whole.removeprefix(seen) if whole.startswith(seen) else "?"
        return all(map(unicodedata.combining, rest)) or (len(there) == 1 and whole in seen)
    return there.strip(" ") == piece


@settings(max_examples=300)
@given(TEXTS)
@pytest.mark.parametrize("kind", KINDS)
def test_an_offset_is_the_place_of_what_its_token_stands_for(kind: TokenizerKind, text: str) -> None:
    # Of several marks in a row, normalization may change the order, or join one to the letter before them.
    marks = list(map(unicodedata.combining, text))
    assume(kind != "unigram" or not any(map(all, pairwise(marks))))
    tokenizer, last = TRAINED[kind], 0
    found = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    for token, (start, end) in zip(found.tokens(), found["offset_mapping"], strict=True):
        assert 0 <= start <= end <= len(text) and last <= end
        last = end
        added = token == "▁" and start == 0  # the space before a text has no place of its own
        if token != tokenizer.unk_token and not added:
            assert stands_for(kind, token, text[start:end]), (token, text[start:end])


@settings(max_examples=200)
@given(TEXTS)
def test_byte_level_bpe_and_known_characters_come_back_exactly(text: str) -> None:
    known = "".join(c for c in text if c in set("".join(SENTENCES)))
    for kind, given_text in (("byte-bpe", text), ("char", known)):
        tokenizer = DECODERS[kind]
        ids = tokenizer(given_text, add_special_tokens=False)["input_ids"]
        assert tokenizer.decode(ids, clean_up_tokenization_spaces=False) == given_text


DECODERS: dict[str, PreTrainedTokenizerBase] = {
    kind: train_tokenizer(SENTENCES * 2, 600, kind, family="decoder") for kind in ("byte-bpe", "char", "bpe")
}


@settings(max_examples=200)
@given(TEXTS)
def test_bpe_for_decoders_brings_every_space_back(text: str) -> None:
    known = "".join(c for c in text if c in set("".join(SENTENCES)))
    tokenizer = DECODERS["bpe"]
    assert tokenizer.decode(tokenizer(known, add_special_tokens=False)["input_ids"]) == known


@pytest.mark.parametrize("kind", KINDS)
def test_it_loads_without_a_model_as_a_fast_tokenizer(kind: TokenizerKind, tmp_path: Path) -> None:
    tokenizer = TRAINED[kind]
    tokenizer.save_pretrained(tmp_path)
    read = AutoTokenizer.from_pretrained(tmp_path)
    assert read.is_fast and len(read) == len(tokenizer)
    for text in [*SENTENCES, ""]:
        one, other = (each(text, text, return_offsets_mapping=True) for each in (read, tokenizer))
        assert one == other
