"""Distinguish prose and verse from plain text with one row per line, and find headings."""

import re
from collections.abc import Iterator, Sequence
from statistics import mean

from luthier.text import count, number, plural

FEWEST_LINES = 12  # shorter texts without headings have one row per line
LONG_LINE = 120  # mean characters; single-line blocks of this length are paragraphs
SHORT_LINE = 40  # mean characters; shorter lines between headings are list entries
LONG_BLOCK = 50  # mean lines; blank lines between longer blocks do not separate paragraphs
_ROMAN = r"(?=[IVXLCDM])M{0,3}(?:CM|CD|D?C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})"
_WORDS = r"one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|first|second|third|fourth|fifth|last"
_NUMBER = rf"(?:the\s+)?(?:{_ROMAN}|\d+|{_WORDS})\b"
_PARTS = r"act|scene|chapter|book|part|canto|stave|sonnet|section|volume|letter|stanza|kapitel|akt|szene|chapitre|acte"
_HEADING = re.compile(
    rf"""(?:
      \#{{1,6}}\s+\S.*                              # Markdown
    | (?P<break>(?:[*_~=-]\s?){{3,}}|\u2042)        # a line of asterisks or dashes
    | (?i:{_PARTS})\b[\s.:]*(?i:{_NUMBER})          # ACT I; Chapter 3: The Storm; but not: Part I liked
      (?:[.:,;\u2014\u2013-].*|\s+[^\W\da-z].*)?
    | (?i:{_NUMBER}\s+(?:{_PARTS}))[.:]?            # First Act
    | (?:PROLOGUE|EPILOGUE|INDUCTION|PREFACE|INTRODUCTION|Prologue|Epilogue)\b.{{0,40}}
    | {_ROMAN}\.?                                   # a Roman numeral alone
    )""",
    re.VERBOSE,
)


def reads_as_prose(lines: Sequence[str]) -> tuple[bool, str]:
    """Whether a text is prose or verse in blocks rather than one row per line, and why.

    Args:
        lines: Lines at the beginning of the text.
    """
    blocks = _block_sizes(lines)
    filled = [len(line) for line in lines if line.strip()]
    headings = sum(map(is_heading, block_starts(lines)))
    if len(blocks) < 2:
        return False, "there are no blank lines between them"
    if not headings and len(filled) < FEWEST_LINES:
        return False, "blank lines are ignored"
    single = blocks.count(1) / len(blocks)
    if single >= 0.9:
        if 0 < headings <= len(blocks) / 2 and mean(filled) >= SHORT_LINE:
            return True, f"{plural(headings, 'heading')} and one-line paragraphs"
        if mean(filled) >= LONG_LINE:
            return True, f"blank lines separate lines of {count(round(mean(filled)))} characters"
        return False, "blank lines are ignored"
    size = len(filled) / len(blocks)
    if size > LONG_BLOCK and not headings:
        return False, f"there is one blank line for {count(round(size))} others"
    return True, f"blank lines separate blocks of {number(size, 1)} lines"


def is_heading(line: str) -> bool:
    """Whether the first line of a block is a heading or a break such as `***`."""
    return len(line) <= 100 and bool(_HEADING.fullmatch(line.strip()))


def title_of(line: str) -> str:
    """The title in a heading; empty for a break or any other line."""
    found = _HEADING.fullmatch(line.strip()) if len(line) <= 100 else None
    return "" if found is None or found["break"] else line.strip().lstrip("#").strip()


def block_starts(lines: Sequence[str]) -> Iterator[str]:
    """The first line of each block."""
    before = ""
    for line in lines:
        if line.strip() and not before.strip():
            yield line
        before = line


def _block_sizes(lines: Sequence[str]) -> list[int]:
    """Number of lines of each block between blank lines."""
    sizes = [0]
    for line in lines:
        if line.strip():
            sizes[-1] += 1
        elif sizes[-1]:
            sizes.append(0)
    return [size for size in sizes if size]
