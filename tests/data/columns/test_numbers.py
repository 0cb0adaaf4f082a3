"""Numbers with a decimal comma, thousands, a currency or a unit, and what only looks like them."""

from typing import Any

import pytest

from luthier.data.columns.numbers import Writing, thousands_or_fraction, writing_of


@pytest.mark.parametrize(
    ("values", "commas"),
    [
        (["3,04", "1,5", "2"], True),
        (["3,3", "1,5", "-2,5"], True),
        (["2,0", "1,5", "0,5"], True),
        (["1", "1,5", "2", "2,5"], True),
        (["1,5", "3.5", "2"], True),
        (["3,04", "1", "2", "4"], True),
        (["1,2", "1,3", "2,3", "1"], False),
        (["1,25", "1.253", "2"], False),
        (["3,04", "1,5"] * 20 + ["k.A."], True),
        (["3,8", "1,5"], False),  # may be labels
        (["1,004", "2,250"], False),  # may be thousands
        (["3,04", *"12345678901"], False),  # single cells
        (["3,04", "n"], False),
        ([3.5, 4], False),
        ([], False),
    ],
)
def test_decimal_commas(values: list[Any], commas: bool) -> None:
    assert writing_of(values) == (Writing(mark=",") if commas else None)


def test_a_decimal_comma_becomes_a_point() -> None:
    comma = Writing(mark=",")
    assert [comma.number(value) for value in ("-3,04", "3", "3.5", "a,b", "1,2,3", 3)] == [-3.04, 3, 3.5, None, None, 3]


@pytest.mark.parametrize(
    ("values", "numbers"),
    [
        (["$5", "$1,250.50", "-$3.5", "7"], [5, 1250.5, -3.5, 7]),
        (["5,20 €", "1.250,00 €", "0,99€"], [5.2, 1250, 0.99]),
        (["85%", "7.5 %", "\u22123 %"], [85, 7.5, -3]),
        (["12 kg", "3.25 kg"], [12, 3.25]),
        (["1,234.5", "12"], [1234.5, 12]),
        (["EUR 12.5", "EUR 3"], [12.5, 3]),
    ],
)
def test_numbers_with_signs_and_units(values: list[str], numbers: list[float]) -> None:
    affixed = [value for value in values if value != "7"]
    writing = writing_of(affixed)
    assert writing is not None
    assert [writing.number(value) for value in values] == numbers
    assert writing.number("none") is None and writing.number(True) is None


@pytest.mark.parametrize(
    ("values", "unclear"),
    [
        (["511", "1.793", "2.344"], "1.793"),
        (["511", "1,793", "12,344", "n/a"], "1,793"),
        (["$511", "$1.793"], "1.793"),
        (["511", "1.793", "2.34"], ""),
        (["511", "0.793", "2.344"], ""),
        (["1511", "1.793"], ""),
        (["5", "1.793"], ""),
        (["1.793", "2.344"], ""),
        (["511", "942"], ""),
        ([511, 1.793], ""),
    ],
    ids=str,
)
def test_three_digits_behind_a_mark_may_be_thousands(values: list[Any], unclear: str) -> None:
    assert thousands_or_fraction(values) == unclear


@pytest.mark.parametrize(
    "values",
    [
        ["1,234", "12,345"],  # thousands or a fraction
        ["$1,234", "$2,345"],
        ["5 kg", "3 lb"],
        ["1st", "2nd"],
        ["1 star", "2 stars"],
        ["12", "3.5"],
        ["AB 12", "AB 13"],
        ["3/10", "4/10"],
        ["1.2.3", "1.2.4"],
        ["12:30", "13:45"],
        [5, 6.5],
    ],
    ids=str,
)
def test_what_is_no_number_with_a_unit_for_certain(values: list[Any]) -> None:
    assert writing_of(values) is None
