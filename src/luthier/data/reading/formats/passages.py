"""Plain text that is prose or verse: one row per passage of complete paragraphs."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from luthier.data.reading.blocks import TextReader, after_blank
from luthier.data.reading.charset import line_fault, strip_end
from luthier.data.reading.prose import block_starts, is_heading, reads_as_prose, title_of
from luthier.data.reading.reader import Reading, TextFile, TextFormat
from luthier.data.records import Fault, Record, Skipped
from luthier.findings import Decision
from luthier.text import count, listing, plural, shorten

LIMIT = 4_000  # maximum characters of a passage, not counting the headings above it
_SENTENCE_END = re.compile(r"""[.!?\u2026]["'\u201d\u2019\xbb)\]]*(?=\s)|[\u3002\uff01\uff1f][\u300d\u300f\u201d]*""")


@dataclass(frozen=True, slots=True)
class Passage:
    """A passage of a text.

    Args:
        text: Text exactly as in the file, without the blank lines around it; lines end in a line feed.
        title: The heading above it; empty if there is none.
        fault: Why it cannot be used, if one of its lines is invalid.
    """

    text: str
    title: str
    fault: Fault | None = None


@dataclass
class PassageReader(TextReader):
    """Reads one row per passage, with a `title` column if there are headings."""

    def records(self) -> Iterator[Record | Skipped]:
        titled = "title" in self.columns
        with self.text.lines() as lines:
            for place, passage in enumerate(passages(lines), start=1):
                if passage.fault is not None:
                    yield passage.fault.at(self.name, place)
                else:
                    title = {"title": passage.title or None} if titled else {}
                    yield Record(self.name, place, {"text": passage.text, **title})

    def row_start(self, lines: Sequence[str]) -> int | None:
        return after_blank(lines)


def open_passages(text: TextFile, how: Reading) -> PassageReader | None:
    """The reader if paragraphs or headings show that the text is prose or verse, else None."""
    lines = text.first_lines()
    prose, why = reads_as_prose(lines)
    if how.by_line or not prose:
        return None
    titles = list(dict.fromkeys(title for line in block_starts(lines) if (title := title_of(line))))
    form = Decision("format", "text in passages", f"one row for up to {plural(LIMIT, 'character')}; {why}")
    decisions = [form, text.encoding.decision()]
    if titles:
        shown = listing([shorten(title, 30) for title in titles], 3)
        decisions.append(Decision("headings", shown, "each starts a passage"))
    return PassageReader(text.file.name, "text", ["text", "title"] if titles else ["text"], decisions, text)


def passages(lines: Iterable[str], limit: int = LIMIT) -> Iterator[Passage]:
    """Split a text into passages of consecutive paragraphs, in one pass and with little memory.

    A heading starts a new passage, together with headings directly below it. A paragraph is only split if it alone is
    longer than the limit: after a sentence if possible, else between words, else anywhere.

    Args:
        lines: Lines with their endings.
        limit: Maximum characters of a passage; the headings above it may exceed this.
    """
    packer = _Packer(limit)
    for place, line in enumerate(lines, start=1):
        yield from packer.blank(line) if line.isspace() else packer.add(line, place)
    yield from packer.blank("")
    yield from packer.close()


class _Packer:
    """Combines lines into paragraphs, and paragraphs into passages."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.held = ""  # complete paragraphs of the current passage, with blank lines between
        self.gap = ""  # blank lines after `held`
        self.block: list[str] = []  # lines of the current paragraph
        self.size = 0  # characters of the current paragraph
        self.headed = False  # whether the current paragraph starts with a heading
        self.body = False  # whether `held` has more than headings
        self.titled = False  # whether the current passage has its own title
        self.titles: list[str] = []
        self.held_fault: Fault | None = None
        self.block_fault: Fault | None = None

    def add(self, line: str, place: int) -> Iterator[Passage]:
        """Add a line that is not blank."""
        if self.block_fault is None and (fault := line_fault(line)):
            self.block_fault = Fault(fault.reason, f"line {count(place)}: {fault.detail}")
        if not self.block and is_heading(line):
            if self.body:
                yield from self.close()
            self._entitle(title_of(line))
            self.headed = True
        self.block.append(strip_end(line) + "\n")
        self.size += len(self.block[-1])
        # Headings stay with the text below them, unless they are a table of contents.
        if len(self.held) + len(self.gap) + self.size > self.limit and (self.body or 4 * len(self.held) > self.limit):
            yield from self.close()
        if self.size > self.limit:
            yield from self._cut()

    def blank(self, line: str) -> Iterator[Passage]:
        """Add a blank line, which ends a paragraph."""
        if self.block:
            self.held += self.gap + "".join(self.block)
            self.body = self.body or not self.headed or len(self.block) > 1
            self.held_fault = self.held_fault or self.block_fault
            self.gap, self.block, self.size, self.headed, self.block_fault = "", [], 0, False, None
        if self.held:
            self.gap += strip_end(line) + "\n"
        if len(self.gap) > self.limit:
            yield from self.close()

    def close(self) -> Iterator[Passage]:
        """End the passage before the current paragraph."""
        if self.held:
            yield Passage(self.held.removesuffix("\n"), self._title() if self.body else "", self.held_fault)
        self.held, self.gap, self.body, self.titled, self.held_fault = "", "", False, False, None

    def _title(self) -> str:
        return ", ".join(self.titles[-3:])

    def _entitle(self, title: str) -> None:
        if title:
            self.titles = [*self.titles, title] if self.titled else [title]
            self.titled = True

    def _cut(self) -> Iterator[Passage]:
        """Split a paragraph that is too long, together with the headings above it, and continue with the rest."""
        whole = self.held + self.gap + "".join(self.block)
        fault = self.held_fault or self.block_fault
        start = 0
        while len(whole) - start > self.limit:
            end = start + _cut_at(whole[start : start + self.limit + 1], self.limit)
            yield Passage(whole[start:end].rstrip(), self._title(), fault)
            while end < len(whole) and whole[end].isspace():
                end += 1
            start = end
        rest = whole[start:]
        self.held, self.gap, self.body, self.titled, self.headed = "", "", False, False, False
        self.held_fault, self.block_fault = None, fault
        self.block, self.size = ([rest], len(rest)) if rest else ([], 0)


def _cut_at(window: str, limit: int) -> int:
    """Where to split: after the last sentence in the second half, else at the last whitespace, else at the limit."""
    ends = [found.end() for found in _SENTENCE_END.finditer(window, limit // 2) if found.end() <= limit]
    if ends:
        return ends[-1]
    return max((place for place in range(limit // 2, limit + 1) if window[place].isspace()), default=limit)


FORMAT = TextFormat(names=("passages", "text"), suffixes=(), open=open_passages)
