"""Tokens as strips and tables."""

import numpy as np

from luthier.reporting.drawing.cuts import cutting, label, padding, shown, strip, words
from luthier.tracing.text import Tokens

NAMES = ["[C]", "a", "##b", "[S]", "[P]", "[P]", "[P]"]
TOKENS = Tokens([1, 7, 8, 2, 0, 0, 0], NAMES, NAMES, [name.startswith("[") for name in NAMES])
COLUMNS = {"attention_mask": np.array([1, 1, 1, 1, 0, 0, 0]), "token_type_ids": np.array([0, 0, 1, 1, 0, 0, 0])}


def test_padding_is_one_row_and_one_chip() -> None:
    found = cutting(TOKENS, COLUMNS)
    assert [(row.place, row.token, row.kind) for row in found.rows] == [
        ("0", "[C]", "special"), ("1", "a", ""), ("2", "##b", ""), ("3", "[S]", "special"),
        ("4 to 6", "[P]", "padding"),
    ]  # fmt: skip
    assert [chip.text for chip in found.chips] == ["[C]", "a", "##b", "[S]", "[P] x 3"]
    assert found.chips[1].kind != found.chips[2].kind
    assert (found.heads, found.rows[2].columns) == (["mask", "segment"], ["1", "1"])
    assert words(found) == "7 tokens, of which 2 special and 3 padding"


def test_without_a_mask_nothing_is_padding() -> None:
    assert not padding(TOKENS, {}).any()
    assert words(cutting(TOKENS, {})) == "7 tokens, of which 5 special"


def test_a_strip_is_coloured_by_its_largest_value() -> None:
    values = np.array([0.1, 0.4, 0.2, 0.0, 0.9, 0.9, 0.9])
    found = strip("start", TOKENS, values, padding(TOKENS, COLUMNS))
    assert [chip.kind for chip in found.chips] == ["heat-2", "heat-10", "heat-5", "heat-0"]
    assert found.best[0] == ("a", 1, "0.400")


def test_names_of_tokens_can_be_seen() -> None:
    assert [label("Ġa", " a"), label("Ċ", "\n"), label("Ã", "\ufffd"), label("[C]", "", True)] == ["a", "↵", "Ã", "[C]"]
    assert label("Ġ", " ") == "Ġ"
    assert shown("a\r\nb\n\tc") == "a↵b↵⇥c"


def test_values_below_0_have_a_colour_of_their_own() -> None:
    found = strip("added", TOKENS, np.array([0.0, -0.4, 0.2, 0.1, 0.0, 0.0, 0.0]), padding(TOKENS, COLUMNS))
    assert [chip.kind for chip in found.chips] == ["heat-0", "heat-10 against", "heat-5", "heat-2"]
    assert found.best[0] == ("a", 1, "-0.400")


def test_a_token_that_says_nothing_alone_has_its_name() -> None:
    found = cutting(Tokens([1, 2], ["▁a", "▁"], ["a", ""], [False, False]), {})
    assert [chip.text for chip in found.chips] == ["a", "▁"]
