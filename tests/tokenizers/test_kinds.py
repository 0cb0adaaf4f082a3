"""The kinds of tokenizers by name."""

from typing import get_args

import pytest

from luthier.errors import UsageError
from luthier.recipe import TokenizerKind
from luthier.tokenizers.kinds import KINDS, kind_named


def test_every_kind_of_the_recipe_is_described() -> None:
    assert tuple(KINDS) == get_args(TokenizerKind)
    assert all(about.what and about.normalization and about.splits and about.fewer for about in KINDS.values())


def test_a_kind_is_found_by_its_name() -> None:
    assert [kind_named(name) for name in KINDS] == list(KINDS)
    with pytest.raises(UsageError, match="no kind of tokenizer 'subword'") as caught:
        kind_named("subword")  # the word for four of the kinds; "did you mean 'word'?" would mislead
    assert caught.value.hint == "choose one of word, char, bpe, byte-bpe, wordpiece, unigram"
