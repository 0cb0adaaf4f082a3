"""CoNLL format: one token per line with its tags, and a blank line between sentences; CoNLL-U and its relatives."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from luthier.data.reading.blocks import TextReader, after_blank
from luthier.data.reading.charset import line_fault, strip_end
from luthier.data.reading.formats.words.fields import Fields, begins_comment, find_fields
from luthier.data.reading.reader import Reading, TextFile, TextFormat
from luthier.data.records import Record, Skipped
from luthier.findings import Decision
from luthier.text import count, plural, shorten

_SUFFIXES = (".conll", ".conllu", ".conllup", ".bio", ".iob", ".iob2", ".bioes", ".bmes")
_DOCUMENT = "-DOCSTART-"


@dataclass
class ConllReader(TextReader):
    """Reads one row per sentence, with lists of its tokens, tags and further columns."""

    fields: Fields

    @classmethod
    def open(cls, text: TextFile, how: Reading) -> "ConllReader | None":
        """The reader if the text is in CoNLL format, else None."""
        lines = text.first_lines()
        named = text.file.suffix in _SUFFIXES
        inside = text.sample.strip().split(text.newline)
        gap = any(not line.strip() or begins_comment(line) for line in inside)
        if not (named or gap):
            return None
        blocks = _sentences(enumerate(lines), lambda line, first: begins_comment(line))
        fields = find_fields([[strip_end(line) for _, line in block] for block in blocks], named=named, gap=gap)
        if fields is None:
            return None
        comments = [line for line in lines if fields.is_comment(strip_end(line), first=True)]
        decisions = [
            Decision("format", "CoNLL", "each line has a word and its tags, blank lines separate sentences"),
            text.encoding.decision(),
            *fields.decisions,
        ]
        if comments:
            why = f"{plural(len(comments), 'line')} without a tag, such as {shorten(strip_end(comments[0]), 40)!r}"
            decisions.append(Decision("comments", "lines that begin with #", why))
        return cls(text.file.name, "conll", list(fields.names), decisions, text, fields)

    def records(self) -> Iterator[Record | Skipped]:
        with self.text.lines() as lines:
            number = 0
            header = self.fields.header
            for sentence in _sentences(((lines.number, line) for line in lines), self.fields.is_comment):
                words = [(place, line) for place, line in sentence[header:] if not self.fields.is_part(line)]
                header = False
                if words:
                    number += 1
                    yield self._record(number, words)

    def row_start(self, lines: Sequence[str]) -> int | None:
        return after_blank(lines)

    def _record(self, number: int, words: Sequence[tuple[int, str]]) -> Record | Skipped:
        faults = (fault for _, line in words if (fault := line_fault(line)))
        if fault := next(faults, None):
            return fault.at(self.name, number, f"sentence at line {count(words[0][0])}")
        rows = [(place, self.fields.split(strip_end(line))) for place, line in words]
        for place, row in rows:
            if len(row) != len(self.columns):
                detail = f"line {count(place)}: {len(row)} fields instead of {len(self.columns)}"
                return Skipped(self.name, number, "field-count", detail)
        columns = map(list, zip(*(row for _, row in rows), strict=True))
        return Record(self.name, number, dict(zip(self.columns, columns, strict=True)))


def _sentences(
    lines: Iterable[tuple[int, str]], is_comment: Callable[[str, bool], bool]
) -> Iterator[list[tuple[int, str]]]:
    """Yield the numbered lines of each sentence; blank lines, comments and the start of a document separate them."""
    sentence: list[tuple[int, str]] = []
    for number, line in lines:
        ends = not line or line.isspace() or (_DOCUMENT in line and _DOCUMENT in line.split())
        if not ends and not is_comment(strip_end(line), not sentence):
            sentence.append((number, line))
        elif sentence:
            yield sentence
            sentence = []
    if sentence:
        yield sentence


FORMAT = TextFormat(names=("conll",), suffixes=_SUFFIXES, open=ConllReader.open)
