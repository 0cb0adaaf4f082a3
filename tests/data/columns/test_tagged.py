"""Texts that are the tags of words, and what only looks like them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.data.columns.profile import holds_tags
from luthier.data.columns.tagged import tagged_in, tags_of
from tests.tasks.by_hand import profiles_of

TAG = st.sampled_from(["O", "B-PER", "I-PER", "B-LOC"])
SENTENCE = st.lists(TAG, min_size=2, max_size=9).map(lambda tags: [*tags, "O", "B-LOC", "I-LOC"])
WRITINGS = {"blanks": " ".join, "commas": ",".join, "both": ", ".join}


@pytest.mark.parametrize("how", WRITINGS)
@given(st.lists(SENTENCE, min_size=1, max_size=9))
def test_every_writing_of_tags_is_that_many_tags(how: str, sentences: list[list[str]]) -> None:
    cells = [WRITINGS[how](tags) for tags in sentences]
    assert [tags_of(cell) for cell in cells] == sentences
    found = tagged_in([*cells, None])
    assert found is not None
    assert found.structure.lengths == (*map(len, sentences), -1)
    assert found.parts.total() == sum(map(len, sentences))


@pytest.mark.parametrize(
    "cells",
    [
        [],
        [None],
        ["O O O", "O O"],
        ["B-PER", "O", "B-LOC"],
        ["we met B-52 bombers", "so did I", "O Romeo, B is here"],
        ["anger, joy", "joy", "fear, joy"],
        ["E-MAIL", "E-MAIL, FAX"],
        [1, 2],
    ],
)
def test_other_cells_are_no_tags(cells: list[object]) -> None:
    assert tagged_in(cells) is None


def test_a_list_of_tags_is_told_from_one_of_labels() -> None:
    rows = [{"tags": ["B-PER", "I-PER", "O"], "labels": ["joy", "fear"], "text": "Ada B. sings"} for _ in range(3)]
    assert [name for name, column in profiles_of(rows).items() if holds_tags(column)] == ["tags"]
