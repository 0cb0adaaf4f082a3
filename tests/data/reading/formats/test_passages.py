"""Prose in passages of whole paragraphs, lines in lines, and never a character lost or added."""

import random
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from luthier.data.reading.formats.passages import LIMIT, passages
from luthier.data.reading.prose import is_heading
from luthier.data.reading.reader import Reading
from luthier.data.reading.sources import Source, open_source
from luthier.data.records import Record, Skipped
from tests.data.reading.rows import outcome

WORDS = ["the", "film", "was", "slow", "and", "music", "never", "quite", "left", "a", "bright", "scene", "half", "told"]


def sentence(rng: random.Random) -> str:
    return " ".join(rng.choices(WORDS, k=rng.randint(6, 14))).capitalize() + "."


def wrapped(rng: random.Random, lines: int = 5) -> str:
    """A paragraph of prose with lines of 60 characters."""
    text = " ".join(sentence(rng) for _ in range(2 * lines))
    found, line = [], ""
    for word in text.split():
        if len(line) + len(word) > 60:
            found.append(line)
            line = ""
        line = f"{line} {word}".strip()
    return "\n".join(found[:lines])


def blocks(make: int, separator: str = "\n\n", seed: int = 0) -> str:
    rng = random.Random(seed)
    return separator.join(wrapped(rng, rng.randint(2, 7)) for _ in range(make)) + "\n"


def opened(folder: Path, text: str | bytes, how: Reading | None = None) -> Source:
    path = folder / "t.txt"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return open_source(path, how=how)


def pieces(source: Source) -> list[dict[str, str]]:
    return [row.values for row in source.records() if isinstance(row, Record)]


def cut(text: str, limit: int = LIMIT) -> list[tuple[str, str]]:
    return [(one.text, one.title) for one in passages(text.splitlines(keepends=True), limit)]


RNG = random.Random(0)
PROSE = {
    "wrapped paragraphs": blocks(20),
    "speeches": "\n\n".join(f"Citizen {n}:\n{sentence(RNG)}" for n in range(20)),
    "stanzas": "\n\n".join("\n".join(sentence(RNG) for _ in range(4)) for _ in range(20)),
    "a paragraph a line": "\n\n".join(" ".join(sentence(RNG) for _ in range(5)) for _ in range(20)),
    "chapters": "\n\n".join(["Chapter 1", *(sentence(RNG) for _ in range(9)), "Chapter 2", sentence(RNG)]),
    "poems parted by asterisks": "\n***\n\n".join("one line\nand another\n" for _ in range(4)),
    "markdown": "# Title\n\nSome words of a paragraph that is long enough.\n\n## Part\n\n- one\n- two\n",
    "chapters without further blank lines": "\n".join(
        part for n in (1, 2) for part in (f"\nCHAPTER {n}\n", *(sentence(RNG) for _ in range(200)))
    ),
}
LINES = {
    "rows": "\n".join(sentence(RNG) for _ in range(50)),
    "double spaced rows": "\n\n".join(sentence(RNG) for _ in range(50)),
    "a few blank lines": "\n".join(sentence(RNG) + ("\n" if n in (100, 220) else "") for n in range(300)),
    "names of numbers": "\n\n".join(["I", "II", "III", "IV", "V"] * 5),
    "three lines": "one\ntwo\n\nthree\n",
}


@pytest.mark.parametrize("kind", PROSE)
def test_prose_is_read_in_passages(tmp_path: Path, kind: str) -> None:
    source = opened(tmp_path, PROSE[kind])
    assert source.decisions[0].value == "text in passages"
    assert source.decisions[0].why.startswith("one row for up to 4,000 characters; ")
    assert source.format == "text"


@pytest.mark.parametrize("kind", LINES)
def test_rows_are_read_by_line(tmp_path: Path, kind: str) -> None:
    source = opened(tmp_path, LINES[kind])
    assert source.decisions[0].value == "text"
    assert source.decisions[0].why.startswith("one row per line; ")
    assert pieces(source) == [{"text": line} for line in LINES[kind].split("\n") if line]


def test_what_is_asked_for_beats_what_is_found(tmp_path: Path) -> None:
    text = PROSE["wrapped paragraphs"]
    by_line = pieces(opened(tmp_path, text, Reading(by_line=True)))
    assert by_line == [{"text": line} for line in text.split("\n") if line]
    assert len(pieces(opened(tmp_path, text))) < len(by_line) / 10


def in_order(text: str, found: list[str]) -> bool:
    """Whether the pieces stand in the text one after the other, with nothing but whitespace around."""
    place = 0
    for piece in found:
        start = text.find(piece, place)
        if start < 0 or text[place:start].strip():
            return False
        place = start + len(piece)
    return not text[place:].strip()


def without_headings(passage: str) -> str:
    """A passage without the headings above its first paragraph, which may make it longer than the limit."""
    blocks = re.split(r"\n[^\S\n]*\n", passage)  # a blank line may hold whitespace
    while len(blocks) > 1 and (not blocks[0].strip() or is_heading(blocks[0].strip("\n"))):
        blocks.pop(0)
    return "\n\n".join(blocks).strip("\n")


PIECE = st.one_of(
    st.sampled_from(["\n", "\n\n", " ", "***\n", "CHAPTER II\n", "ACT I\n\n", "# A\n", "IV.\n", ". ", "Word", "wort "]),
    st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=12),
)


@settings(max_examples=300)
@given(st.lists(PIECE, max_size=60).map("".join), st.integers(10, 60))
@example("***\n \nCHAPTER II\nCHAPTER II\n", 22)
def test_passages_give_the_text_back(text: str, limit: int) -> None:
    found = [one for one, _ in cut(text, limit)]
    assert in_order(text, found)
    assert all(0 < len(without_headings(one)) <= limit for one in found)
    assert all(one == one.strip("\n") for one in found)
    for one in found:  # a heading stands above what it is the heading of
        first = [block.split("\n")[0] for block in re.split(r"\n{2,}", one)]
        later = [is_heading(line) for line in first]
        assert sorted(later, reverse=True) == later or len(one) > limit / 4


@given(st.lists(st.text("ab. ", min_size=1, max_size=30).filter(str.strip), min_size=1, max_size=20))
def test_paragraphs_are_not_cut(paragraphs: list[str]) -> None:
    text = "\n\n".join(paragraphs)
    for one, _ in cut(text, 40):
        assert all(block in paragraphs for block in one.split("\n\n"))


def test_passages_are_as_long_as_may_be() -> None:
    text = blocks(100)
    found = cut(text)
    sizes = [len(one) for one, _ in found]
    assert max(sizes) <= LIMIT
    longest = max(map(len, text.split("\n\n")))
    assert all(size + longest + 2 > LIMIT for size in sizes[:-1])


def test_a_paragraph_that_is_too_long_is_cut_at_a_sentence() -> None:
    rng = random.Random(1)
    text = " ".join(sentence(rng) for _ in range(300))
    found = [one for one, _ in cut(text)]
    assert " ".join(found) == text
    assert all(one.endswith(".") for one in found)
    assert all(LIMIT / 2 < len(one) <= LIMIT for one in found[:-1])
    words = ("word " * 2_000).strip()
    assert " ".join(one for one, _ in cut(words)) == words
    assert "".join(one for one, _ in cut("x" * 9_000)) == "x" * 9_000
    assert [len(one) for one, _ in cut("x" * 9_000)] == [4_000, 4_000, 1_000]
    said = "「いい。」" * 1_000
    assert all(one.endswith("」") for one, _ in cut(said))


def test_headings() -> None:
    text = "Before.\n\nACT I\n\nSCENE I. Rome. A street.\n\nEnter.\nHe speaks.\n\n***\n\nLater.\n\nSCENE II\nAway.\n"
    assert cut(text) == [
        ("Before.", ""),
        ("ACT I\n\nSCENE I. Rome. A street.\n\nEnter.\nHe speaks.", "ACT I, SCENE I. Rome. A street."),
        ("***\n\nLater.", "ACT I, SCENE I. Rome. A street."),
        ("SCENE II\nAway.", "SCENE II"),
    ]


def test_titles_become_a_column(tmp_path: Path) -> None:
    source = opened(tmp_path, PROSE["chapters"])
    assert source.columns == ["text", "title"]
    assert [row["title"] for row in pieces(source)] == ["Chapter 1", "Chapter 2"]
    assert [one.value for one in source.decisions if one.what == "headings"] == ["Chapter 1, Chapter 2"]
    untitled = opened(tmp_path, PROSE["poems parted by asterisks"])
    assert untitled.columns == ["text"]
    assert len(pieces(untitled)) == 4


def test_line_ends_and_white_space_inside_stay(tmp_path: Path) -> None:
    text = "  An indented line  \r\nand more\r\n \r\n\r\n" * 10
    found = pieces(opened(tmp_path, text))
    assert found == [{"text": "\n".join(["  An indented line  \nand more\n \n"] * 10).strip("\n").removesuffix("\n ")}]


def test_a_passage_with_a_broken_line_is_skipped(tmp_path: Path) -> None:
    good = blocks(30).encode()
    source = opened(tmp_path, good + b"\nnu\x00l here\nand more\n\n" + good)
    rows = list(source.records())
    assert [row.row for row in rows] == list(range(1, len(rows) + 1))
    bad = [row for row in rows if isinstance(row, Skipped)]
    assert [row.reason for row in bad] == ["encoding"]
    assert bad[0].detail.startswith(f"line {len(good.splitlines()) + 2}: ")
    assert len(rows) == len(pieces(source)) + 1


def test_a_text_without_end_streams() -> None:
    def endless() -> Iterator[str]:
        rng = random.Random(0)
        while True:
            yield sentence(rng) + "\n"

    stream = passages(endless())
    found = [next(stream) for _ in range(50)]
    assert all(LIMIT / 2 < len(one.text) <= LIMIT for one in found)


def test_contents_are_no_heading_without_end() -> None:
    text = "".join(f"Chapter {n}\n\n" for n in range(2_000))
    found = cut(text)
    assert in_order(text, [one for one, _ in found])
    assert {title for _, title in found} == {""}  # they stand over nothing
    named = [title for _, title in cut(text[:500] + "Words.\n")]
    assert named == ["Chapter 39, Chapter 40, Chapter 41"]


def test_a_broken_line_costs_no_more_than_its_passage(tmp_path: Path) -> None:
    parts = ["A line of prose.\nAnd one more line.\n"] * 400
    parts[100] = "A line that holds nu\0l.\nAnd one more line.\n"
    source = opened(tmp_path, "\n".join(parts))
    assert outcome(source).count("encoding") == 1
    assert source.decisions[0].value == "text in passages"
    kept = "\n\n".join(row["text"] for row in pieces(source))
    lost = len(parts) - kept.count("A line of prose.")
    assert 0 < lost < LIMIT / len(parts[0]) + 1
