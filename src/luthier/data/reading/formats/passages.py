"""Plain text that is prose or verse rather than a table of lines: read in passages of whole paragraphs."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import mean

from luthier.data.reading.charset import line_fault, strip_end
from luthier.data.reading.readers import Reader, Reading, TextFile, TextReader
from luthier.data.records import Record, Skipped
from luthier.findings import Decision
from luthier.text import count, listing, number, plural, shorten

LIMIT = 4_000  # characters of a passage, not counting the headings above it
FEWEST_LINES = 12  # below it, only headings make a text more than lines
LONG_LINE = 120  # characters on average; lines as long as that, each a block of its own, are paragraphs
SHORT_LINE = 40  # characters on average; shorter lines between headings are entries of a list
LONG_BLOCK = 50  # lines; blank lines that are rarer part no paragraphs
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
_SENTENCE_END = re.compile(r"""[.!?\u2026]["'\u201d\u2019\xbb)\]]*(?=\s)|[\u3002\uff01\uff1f][\u300d\u300f\u201d]*""")


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of a text.

    Args:
        text: Exactly as it stands in the file, without the blank lines around it; lines end in a line feed.
        title: The heading it stands under; empty where there is none.
        fault: Reason and detail, when one of its lines is not text.
    """

    text: str
    title: str
    fault: tuple[str, str] | None = None


@dataclass
class PassageReader(Reader):
    """Plain text of paragraphs: one row a passage, with `title` where there are headings."""

    text: TextFile

    def records(self) -> Iterator[Record | Skipped]:
        titled = "title" in self.columns
        with self.text.lines() as lines:
            for place, passage in enumerate(passages(lines), start=1):
                if passage.fault is not None:
                    yield Skipped(self.name, place, *passage.fault)
                else:
                    title = {"title": passage.title or None} if titled else {}
                    yield Record(self.name, place, {"text": passage.text, **title})


def open_plain(text: TextFile, how: Reading) -> Reader:
    """The reader of plain text: of lines, or of passages where paragraphs or headings show that it is prose."""
    sample = text.sample.split(text.newline)
    if not text.whole and len(sample) > 1:
        sample.pop()
    prose, why = reads_as_prose(sample)
    if how.format in ("lines", "passages"):
        prose, why = how.format == "passages", "as given"
    if not prose or how.by_line:
        reader = TextReader.open(text)
        reader.decisions[0] = Decision("format", "text", f"one row a line; {why}")
        return reader
    titles = list(dict.fromkeys(title for line in _first_lines(sample) if (title := title_of(line))))
    form = Decision("format", "text in passages", f"one row for up to {plural(LIMIT, 'character')}; {why}")
    decisions = [form, text.encoding.decision()]
    if titles:
        shown = listing([shorten(title, 30) for title in titles], 3)
        decisions.append(Decision("headings", shown, "each begins a passage"))
    return PassageReader(text.file.name, "text", ["text", "title"] if titles else ["text"], decisions, text)


def reads_as_prose(lines: Sequence[str]) -> tuple[bool, str]:
    """Whether a text is prose or verse in blocks rather than one row a line, and why.

    Args:
        lines: Of the beginning of the text.
    """
    blocks = _block_sizes(lines)
    filled = [len(line) for line in lines if line.strip()]
    headings = sum(map(is_heading, _first_lines(lines)))
    if len(blocks) < 2:
        return False, "there are no blank lines between them"
    if not headings and len(filled) < FEWEST_LINES:
        return False, "blank lines are no rows"
    single = blocks.count(1) / len(blocks)
    if single >= 0.9:
        if 0 < headings <= len(blocks) / 2 and mean(filled) >= SHORT_LINE:
            return True, f"{plural(headings, 'heading')} and paragraphs of a line each"
        if mean(filled) >= LONG_LINE:
            return True, f"blank lines part lines of {count(round(mean(filled)))} characters"
        return False, "blank lines are no rows"
    size = len(filled) / len(blocks)
    if size > LONG_BLOCK and not headings:
        return False, f"there is one blank line for {count(round(size))} others"
    return True, f"blank lines part blocks of {number(size, 1)} lines"


def is_heading(line: str) -> bool:
    """Whether a line, the first of its block, is a heading or a break such as `***`."""
    return len(line) <= 100 and bool(_HEADING.fullmatch(line.strip()))


def title_of(line: str) -> str:
    """The title that a heading gives; empty for a break, and for a line that is none."""
    found = _HEADING.fullmatch(line.strip()) if len(line) <= 100 else None
    return "" if found is None or found["break"] else line.strip().lstrip("#").strip()


def passages(lines: Iterable[str], limit: int = LIMIT) -> Iterator[Passage]:
    """A text in passages of consecutive paragraphs, in one pass and a few passages of memory.

    A heading begins a new passage, with the headings that follow it at once. A paragraph is not cut, unless it alone is
    longer than the limit: then at the end of a sentence, else between words, else anywhere.

    Args:
        lines: With their ends.
        limit: Characters of a passage at most; the headings above it may come on top.
    """
    packer = _Packer(limit)
    for place, line in enumerate(lines, start=1):
        yield from packer.blank(line) if line.isspace() else packer.add(line, place)
    yield from packer.blank("")
    yield from packer.close()


class _Packer:
    """Puts lines together to paragraphs, and these to passages."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.held = ""  # whole paragraphs of the passage, blank lines between
        self.gap = ""  # blank lines after them
        self.block: list[str] = []  # lines of the paragraph that is being read
        self.size = 0  # characters of it
        self.headed = False  # whether its first line is a heading
        self.body = False  # whether more than headings is held
        self.titled = False  # whether the passage has a title of its own
        self.titles: list[str] = []
        self.held_fault: tuple[str, str] | None = None
        self.block_fault: tuple[str, str] | None = None

    def add(self, line: str, place: int) -> Iterator[Passage]:
        """Take a line that is not blank."""
        if self.block_fault is None and (fault := line_fault(line)):
            self.block_fault = fault[0], f"line {count(place)}: {fault[1]}"
        if not self.block and is_heading(line):
            if self.body:
                yield from self.close()
            self._entitle(title_of(line))
            self.headed = True
        self.block.append(strip_end(line) + "\n")
        self.size += len(self.block[-1])
        # Headings wait for what they stand over, unless they are a list of contents.
        if len(self.held) + len(self.gap) + self.size > self.limit and (self.body or 4 * len(self.held) > self.limit):
            yield from self.close()
        if self.size > self.limit:
            yield from self._cut()

    def blank(self, line: str) -> Iterator[Passage]:
        """Take a blank line, which ends a paragraph."""
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
        """End the passage before the paragraph that is being read."""
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
        """Cut a paragraph that is too long, headings before it and all, and go on with its rest."""
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
    """Where to cut: after the last sentence of the second half, else at the last white space, else at the limit."""
    ends = [found.end() for found in _SENTENCE_END.finditer(window, limit // 2) if found.end() <= limit]
    if ends:
        return ends[-1]
    return max((place for place in range(limit // 2, limit + 1) if window[place].isspace()), default=limit)


def _block_sizes(lines: Sequence[str]) -> list[int]:
    """How many lines each block between blank lines has."""
    sizes = [0]
    for line in lines:
        if line.strip():
            sizes[-1] += 1
        elif sizes[-1]:
            sizes.append(0)
    return [size for size in sizes if size]


def _first_lines(lines: Sequence[str]) -> Iterator[str]:
    """The first line of each block."""
    before = ""
    for line in lines:
        if line.strip() and not before.strip():
            yield line
        before = line
