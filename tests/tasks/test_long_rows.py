"""Rows that are too long: how long a row may be, and what is said of it."""

import numpy as np
import pytest
from datasets import Dataset
from hypothesis import given
from hypothesis import strategies as st

from luthier.data.tokenized import Encoded, Limits
from luthier.tasks.long_rows import BLOCKS, CUT, WINDOWS, LongRows

MOST = "a sensible maximum"


@pytest.mark.parametrize(
    ("way", "needed", "most", "length"),
    [
        (CUT, 13, 64, 16),
        (CUT, 16, 64, 16),
        (CUT, 17, 20, 20),
        (WINDOWS, 900, 384, 384),
        (WINDOWS, 3, 384, 8),
        (BLOCKS, 13, 64, 64),
        (BLOCKS, 900, 64, 64),
    ],
)
def test_a_row_is_as_long_as_the_longest_in_eights_and_a_block_as_long_as_can_be(
    way: LongRows, needed: int, most: int, length: int
) -> None:
    assert way.length(needed, most) == length


@given(st.integers(1, 2000), st.integers(1, 2000))
def test_no_room_is_lost_and_none_is_wasted(needed: int, most: int) -> None:
    length = CUT.length(needed, most)
    assert min(needed, most) <= length <= most
    assert length == most or (length % 8 == 0 and length - needed < 8)


@pytest.mark.parametrize(
    ("way", "limits", "longer", "value", "share"),
    [
        (CUT, Limits(64), 0.125, "64 tokens", "12.5 %"),
        (CUT, Limits(64, 12), 0.5, "64 tokens, targets 12", "50.0 %"),
        (WINDOWS, Limits(64, stride=21), 0.25, "64 tokens", "25.0 %"),
        (BLOCKS, Limits(64, stride=21), 0.0, "blocks of 64 tokens", "0.0 %"),
    ],
)
def test_the_line_about_the_length_says_how_many_rows_are_longer(
    way: LongRows, limits: Limits, longer: float, value: str, share: str
) -> None:
    found = way.decision(limits, longer, asked=False, needed=80, most=64, why=MOST)
    assert (found.what, found.value) == ("length", value)
    assert f"; {share} of the" in found.why
    assert ("21 tokens" in found.why) is (way is WINDOWS), "what windows share is told with them"


@pytest.mark.parametrize("way", [CUT, WINDOWS])
def test_nothing_is_said_of_long_rows_where_there_are_none(way: LongRows) -> None:
    assert "%" not in way.decision(Limits(64, stride=21), 0.0, asked=False, needed=60, most=64, why=MOST).why


def test_the_line_says_where_the_length_comes_from() -> None:
    asked, fits, most = (
        CUT.decision(Limits(64), 0.25, asked=asked, needed=needed, most=64, why=MOST).why.partition(";")[0]
        for asked, needed in ((True, 80), (False, 64), (False, 80))
    )
    assert asked == "as asked"
    assert len({asked, fits, most}) == 3
    assert BLOCKS.decision(Limits(64), 0.25, asked=False, needed=8, most=64, why=most).why.startswith(most), (
        "a block is full"
    )


def test_only_rows_that_are_cut_are_a_finding() -> None:
    sizes = np.array([10, 70, 80])
    encoded = Encoded(Dataset.from_dict({}), sizes, sizes, sizes // 10, sizes * 0, sizes)
    (finding,) = CUT.check(encoded, Limits(64), [4, 5, 6], "train")
    assert (finding.id, finding.rows) == ("truncation", (5, 6))
    of_rows, of_targets = CUT.check(encoded, Limits(64, 7), [4, 5, 6], "test")
    assert (of_rows.rows, of_targets.id, of_targets.rows) == ((5, 6), "truncated-targets", (6,))
    assert "1 of 3 test rows" in of_targets.message
    for way in (WINDOWS, BLOCKS):
        assert way.check(encoded, Limits(64, 7), [4, 5, 6], "train") == []


def test_only_a_way_without_a_fate_loses_text() -> None:
    assert [way.cut for way in (CUT, WINDOWS, BLOCKS)] == [True, False, False]
    assert [way.packed for way in (CUT, WINDOWS, BLOCKS)] == [False, False, True]
