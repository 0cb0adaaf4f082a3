"""Checks of how a tokenizer suits the texts."""

import pytest

from luthier.data.checks import tokenizer as checks
from luthier.findings import Finding
from tests.data.checks.findings import only, severities

ACTION = "Train a tokenizer."


def unknown(unknown: list[int], lengths: list[int], parts: dict[str, int] | None = None) -> list[Finding]:
    return checks.unknown_tokens(unknown, lengths, parts or {}, "[UNK]", range(1, len(lengths) + 1), action=ACTION)


def test_unknown_tokens() -> None:
    finding = only(unknown([0, 3, 1, 0], [4, 4, 4, 0], {"ⴰⴱ": 1, "😂" * 40: 3}))
    assert (finding.id, finding.severity, finding.rows) == ("unknown-tokens", "warning", (2,))
    assert finding.message.startswith("33.3 % of the tokens, in 2 of 4 rows, are unknown to the tokenizer ([UNK]), ")
    assert "1 row has more unknown tokens than known ones" in finding.message and '😂…", "ⴰⴱ": the' in finding.message
    assert only(unknown([1], [50])).rows == (1,)
    assert unknown([1], [1001]) == unknown([0], [4]) == unknown([], []) == []


@pytest.mark.parametrize(("lost", "severity"), [(1, "info"), (2, "warning")])
def test_one_unknown_token_in_a_hundred_is_only_said(lost: int, severity: str) -> None:
    assert severities(unknown([lost], [100])) == [severity]
    assert severities(unknown([4] * lost + [0] * (100 - lost), [4] * lost + [40] * (100 - lost))) == [severity]


def test_words_of_many_tokens() -> None:
    finding = only(checks.many_tokens(3.9, 1.1, 800, spaced=True, action=ACTION))
    assert (finding.id, finding.severity, finding.action) == ("many-tokens", "warning", ACTION)
    assert "A word takes 3.9 tokens on average, 3.5 times as many as in English news (1.1)" in finding.message
    assert checks.many_tokens(3.2, 1.1, 800, spaced=True, action=ACTION) == []


def test_characters_of_many_tokens() -> None:
    assert "A character takes 2.2 tokens" in only(checks.many_tokens(2.2, 1.1, 9, spaced=False, action=ACTION)).message
    assert checks.many_tokens(1.2, 0.2, 9, spaced=False, action=ACTION) == []


def test_altered_targets() -> None:
    text = "x" * 50 + "one\ntwo" + "y" * 50
    finding = only(checks.altered_targets({"case": [7], "line breaks": [7, 3]}, 100, (text, text.replace("\n", " "))))
    assert (finding.id, finding.severity, finding.rows) == ("altered-targets", "warning", (3, 7))
    assert "line breaks (2 rows), case (1 row)" in finding.message
    assert r"xxone\ntwoyy" in finding.message and "xxone twoyy" in finding.message
    assert severities(checks.altered_targets({"case": [7]}, 100, ("A", "a"))) == ["info"]
    assert checks.altered_targets({}, 100, ("", "")) == []
