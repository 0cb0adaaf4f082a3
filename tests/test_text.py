"""How numbers and lists are written for people."""

import math
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luthier import text


@pytest.mark.parametrize(
    ("value", "digits", "shown"),
    [
        (0.94249, 3, "0.942"),
        (0.9996, 3, "1.000"),
        (-0.5, 3, "-0.500"),
        (12.34, 1, "12.3"),
        (None, 3, "not defined"),
        (math.nan, 3, "not defined"),
    ],
)
def test_a_number_has_so_many_digits_or_is_not_defined(value: float | None, digits: int, shown: str) -> None:
    assert text.number(value, digits) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [(2.5, "2.500"), (0.0, "0.000"), (0.00042, "0.00042"), (-3.14159e-6, "-3.14e-06"), (0.1, "0.100")],
)
def test_an_amount_is_never_rounded_to_nothing(value: float, shown: str) -> None:
    assert text.amount(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"), [(0, "0"), (999, "999"), (4076, "4,076"), (1_234_567, "1,234,567"), (-4076, "-4,076")]
)
def test_a_count_has_separators(value: int, shown: str) -> None:
    assert text.count(value) == shown


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        (0, "", "0"),
        (12.4, "rows", "12 rows"),
        (999, "", "999"),
        (1000, "", "1.0 k"),
        (12345.6, "tokens/s", "12.3 k tokens/s"),
        (22.7e6, "parameters", "22.7 M parameters"),
        (1e9, "", "1.0 G"),
        (-2600, "", "-2.6 k"),
    ],
)
def test_a_quantity_has_the_prefix_of_its_size(value: float, unit: str, shown: str) -> None:
    assert text.quantity(value, unit) == shown


@pytest.mark.parametrize(
    ("n_bytes", "shown"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (98e6, "98 MB"),
        (1.26e9, "1.3 GB"),
        (24e9, "24 GB"),
        (2.5e12, "2500 GB"),
    ],
)
def test_a_size_has_a_decimal_only_below_ten(n_bytes: float, shown: str) -> None:
    assert text.size(n_bytes) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0.0 s"),
        (0.0004, "0.0 s"),
        (0.012, "12 ms"),
        (0.0994, "99 ms"),
        (0.0996, "0.1 s"),
        (0.84, "0.8 s"),
        (42, "42 s"),
        (59.4, "59 s"),
        (59.6, "1 min 0 s"),
        (250, "4 min 10 s"),
        (3599.6, "1 h 0 min"),
        (7530, "2 h 5 min"),
        (90_000, "25 h 0 min"),
    ],
)
def test_a_duration_has_at_most_two_units(seconds: float, shown: str) -> None:
    assert text.duration(seconds) == shown


@pytest.mark.parametrize(("value", "shown"), [(0.0, "0.0 %"), (0.0423, "4.2 %"), (1.0, "100.0 %")])
def test_a_share_is_a_percentage(value: float, shown: str) -> None:
    assert text.share(value) == shown


@pytest.mark.parametrize(
    ("n", "words", "shown"),
    [
        (0, ("row",), "0 rows"),
        (1, ("row",), "1 row"),
        (4076, ("row",), "4,076 rows"),
        (1, ("match", "matches"), "1 match"),
        (2, ("match", "matches"), "2 matches"),
    ],
)
def test_a_noun_agrees_with_its_count(n: int, words: tuple[str, ...], shown: str) -> None:
    assert text.plural(n, *words) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [(1, "1 epoch"), (3.0, "3 epochs"), (0.3, "0.3 epochs"), (2.5, "2.5 epochs"), (0.0124, "0.012 epochs")],
)
def test_epochs_have_a_decimal_only_where_they_are_not_whole(value: float, shown: str) -> None:
    assert text.epochs(value) == shown


@pytest.mark.parametrize(
    ("items", "most", "shown"),
    [
        ([], 5, ""),
        ([1, 2, 3], 5, "1, 2, 3"),
        (["a", "b", "c"], 3, "a, b, c"),
        (["a", "b", "c"], 2, "a, b and 1 more"),
        (range(2002), 2, "0, 1 and 2,000 more"),
    ],
)
def test_a_listing_counts_what_it_leaves_out(items: Sequence[object], most: int, shown: str) -> None:
    assert text.listing(items, most) == shown


@pytest.mark.parametrize(
    ("words", "most", "shown"),
    [
        (" a\n\tb  c ", 9, "a b c"),
        ("abcde", 5, "abcde"),
        ("abcdef", 5, "abcd…"),
        ("abc def", 5, "abc…"),
        ("", 5, ""),
    ],
)
def test_a_long_text_is_cut_at_an_ellipsis(words: str, most: int, shown: str) -> None:
    assert text.shorten(words, most) == shown


@given(st.text(), st.integers(1, 20))
def test_a_shortened_text_is_one_line_of_at_most_so_many_characters(words: str, most: int) -> None:
    shown, whole = text.shorten(words, most), " ".join(words.split())
    assert len(shown) <= most
    assert len(shown.splitlines()) <= 1
    assert shown == whole or (len(whole) > most and shown.endswith("…") and whole.startswith(shown[:-1]))


@pytest.mark.parametrize(
    ("shown", "right"),
    [
        (text.quantity(999_960), "1.0 M"),
        (text.quantity(999.6), "1.0 k"),
        (text.quantity(999_940), "999.9 k"),
        (text.size(9_960), "10 kB"),
        (text.size(999_950_000), "1.0 GB"),
        (text.size(999.9), "1.0 kB"),
        (text.duration(9.96), "10 s"),
        (text.epochs(0.97), "1 epoch"),
        (text.epochs(0.0), "0 epochs"),
    ],
)
def test_a_number_that_rounds_up_to_the_next_unit_is_written_in_it(shown: str, right: str) -> None:
    assert shown == right


@pytest.mark.parametrize(
    ("path", "shown"), [("runs/a", "runs/a"), ("-rr", "./-rr"), ("my run", "'my run'"), ("- x", "'./- x'"), ("-", "-")]
)
def test_a_path_is_typed_as_one_word_and_is_no_option(path: str, shown: str) -> None:
    assert text.typed(path) == text.typed(Path(path)) == shown


def test_a_text_stands_for_a_value_of_toml_or_for_itself() -> None:
    assert [text.toml_value(one) for one in ("0.1", "true", "[1, 2]", "f1 ", "", "a=b")] == [
        0.1,
        True,
        [1, 2],
        "f1",
        "",
        "a=b",
    ]


@given(st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), min_size=1))
@settings(max_examples=40)
def test_a_pattern_of_sed_means_the_text_itself(value: str) -> None:
    command = ["sed", "-E", f"s/^{text.sed_pattern(value)}$/found/"]
    done = subprocess.run(command, input=value + "\n", capture_output=True, text=True, check=True)
    assert done.stdout == "found\n"
