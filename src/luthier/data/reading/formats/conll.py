"""CoNLL format: one token per line with its tags, and a blank line between sentences; CoNLL-U and its relatives."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from luthier.data.reading.blocks import TextReader, after_blank
from luthier.data.reading.charset import line_fault, strip_end
from luthier.data.reading.formats.words.fields import Fields, find_fields
from luthier.data.reading.reader import Reading, TextFile, TextFormat
from luthier.data.records import Record, Skipped
from luthier.findings import Decision
from luthier.text import count

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
        named = how.format == "conll" or text.file.suffix in _SUFFIXES
        gap = any(not line.strip() for line in text.sample.strip().split(text.newline))
        if how.separator or not (named or gap):
            return None
        sentences = [[strip_end(line) for _, line in sentence] for sentence in _sentences(enumerate(lines))]
        fields = find_fields(sentences, named=named, gap=gap)
        if fields is None:
            return None
        decisions = [
            Decision("format", "CoNLL", "each line has a word and its tags, blank lines separate sentences"),
            text.encoding.decision(),
            *fields.decisions,
        ]
        return cls(text.file.name, "conll", list(fields.names), decisions, text, fields)

    def records(self) -> Iterator[Record | Skipped]:
        with self.text.lines() as lines:
            number = 0
            header = self.fields.header
            for sentence in _sentences((lines.number, line) for line in lines):
                words = self._words(sentence)[header:]
                header = False
                if words:
                    number += 1
                    yield self._record(number, words)

    def row_start(self, lines: Sequence[str]) -> int | None:
        return after_blank(lines)

    def _words(self, sentence: Sequence[tuple[int, str]]) -> list[tuple[int, str]]:
        """The numbered lines of a sentence that are words: no comments, and each word once."""
        words: list[tuple[int, str]] = []
        for place, line in sentence:
            if not self.fields.is_comment(strip_end(line), first=not words):
                words.append((place, line))
        return [(place, line) for place, line in words if not self.fields.is_part(line)]

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


def _sentences(lines: Iterable[tuple[int, str]]) -> Iterator[list[tuple[int, str]]]:
    """Yield the numbered lines of each sentence."""
    sentence: list[tuple[int, str]] = []
    for number, line in lines:
        # The start of a document ends a sentence, even without a blank line.
        if not line or line.isspace() or (_DOCUMENT in line and _DOCUMENT in line.split()):
            if sentence:
                yield sentence
            sentence = []
        else:
            sentence.append((number, line))
    if sentence:
        yield sentence


FORMAT = TextFormat(names=("conll",), suffixes=_SUFFIXES, open=ConllReader.open)
