"""CoNLL format: one token per line with its tags, and a blank line between sentences; CoNLL-U and its relatives."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from luthier.data.reading.blocks import TextReader, after_blank
from luthier.data.reading.charset import line_fault, strip_end
from luthier.data.reading.formats.token_fields import Fields, find_fields, is_comment, split_at
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
        if how.separator:
            return None
        named = how.format == "conll" or text.file.suffix in _SUFFIXES
        lines = text.first_lines()
        gap = any(not line.strip() for line in text.sample.strip().split(text.newline))
        if not named and not gap:
            return None
        fields = find_fields((_block(block) for block in _blocks(lines)), named=named, gap=gap)
        if fields is None:
            return None
        decisions = [
            Decision("format", "CoNLL", "each line has a word with its tags, blank lines separate sentences"),
            text.encoding.decision(),
            *fields.decisions,
        ]
        return cls(text.file.name, "conll", list(fields.names), decisions, text, fields)

    def records(self) -> Iterator[Record | Skipped]:
        for number, (place, sentence) in enumerate(self._sentences(), start=1):
            faults = (fault for line in sentence if (fault := line_fault(line)))
            rows = [self.fields.split(strip_end(line)) for line in sentence]
            odd = next((at for at, row in enumerate(rows) if len(row) != len(self.columns)), None)
            if fault := next(faults, None):
                yield fault.at(self.name, number, f"sentence at line {count(place)}")
            elif odd is not None:
                detail = f"line {count(place + odd)}: {len(rows[odd])} fields instead of {len(self.columns)}"
                yield Skipped(self.name, number, "field-count", detail)
            else:
                columns = map(list, zip(*rows, strict=True))
                yield Record(self.name, number, dict(zip(self.columns, columns, strict=True)))
