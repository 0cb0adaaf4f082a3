"""CoNLL format: one token per line with its tag last, and a blank line between sentences."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from luthier.data.reading.blocks import TextReader, after_blank
from luthier.data.reading.charset import line_fault, strip_end
from luthier.data.reading.reader import Reading, TextFile, TextFormat
from luthier.data.records import Record, Skipped
from luthier.findings import Decision
from luthier.text import count

_TAG = re.compile(r"O|[BIESLU]-\S+")
_SUFFIXES = (".conll", ".bio", ".iob", ".iob2", ".bioes")
_DOCUMENT = "-DOCSTART-"


@dataclass
class ConllReader(TextReader):
    """Reads one row per sentence, with lists of its tokens, tags and further columns."""

    separator: str | None

    @classmethod
    def open(cls, text: TextFile, how: Reading) -> "ConllReader | None":
        """The reader if the text is in CoNLL format, else None."""
        if how.separator:
            return None
        lines = text.sample_lines()
        separator = "\t" if sum("\t" in line for line in lines) > 0.9 * len(lines) else None
        rows = [fields for line in lines if (fields := _fields(line, separator)) and fields[0] != _DOCUMENT]
        widths = Counter(map(len, rows))
        if not widths or widths.most_common(1)[0][0] < 2:
            return None
        width = widths.most_common(1)[0][0]
        tagged = sum(len(fields) == width and bool(_TAG.fullmatch(fields[-1])) for fields in rows)
        named = how.format == "conll" or text.file.suffix in _SUFFIXES
        marked = tagged >= (0.5 if named else 0.95) * len(rows) and (named or _has_gap(text))
        if not marked and not (_has_gap(text) and _are_plain(rows, width, named=named)):
            return None
        further = [f"column{number}" for number in range(2, width)]
        decisions = [
            Decision("format", "CoNLL", "each line ends in a tag, blank lines separate sentences"),
            text.encoding.decision(),
            Decision("separator", "tab" if separator else "blanks", f"most lines have {width} fields"),
        ]
        return cls(text.file.name, "conll", ["tokens", *further, "tags"], decisions, text, separator)

    def records(self) -> Iterator[Record | Skipped]:
        for number, (place, sentence) in enumerate(self._sentences(), start=1):
            faults = (fault for line in sentence if (fault := line_fault(line)))
            rows = [_fields(strip_end(line), self.separator) for line in sentence]
            odd = next((at for at, row in enumerate(rows) if len(row) != len(self.columns)), None)
            if fault := next(faults, None):
                yield fault.at(self.name, number, f"sentence at line {count(place)}")
            elif odd is not None:
                detail = f"line {count(place + odd)}: {len(rows[odd])} fields instead of {len(self.columns)}"
                yield Skipped(self.name, number, "field-count", detail)
            else:
                columns = map(list, zip(*rows, strict=True))
                yield Record(self.name, number, dict(zip(self.columns, columns, strict=True)))

    def row_start(self, lines: Sequence[str]) -> int | None:
        return after_blank(lines)

    def _sentences(self) -> Iterator[tuple[int, list[str]]]:
        """Yield the lines of each sentence with the number of the first line."""
        with self.text.lines() as lines:
            sentence: list[str] = []
            for line in lines:
                # The start of a document ends a sentence, even without a blank line.
                if not line.isspace() and _fields(strip_end(line), self.separator)[0] != _DOCUMENT:
                    sentence.append(line)
                elif sentence:
                    yield lines.number - len(sentence), sentence
                    sentence = []
            if sentence:
                yield lines.number - len(sentence) + 1, sentence


def _fields(line: str, separator: str | None) -> list[str]:
    """The fields of a line; without a separator, it is split at whitespace."""
    return line.split(separator) if separator else line.split()


def _are_plain(rows: Sequence[Sequence[str]], width: int, *, named: bool) -> bool:
    """Whether lines end in tags without prefixes, such as parts of speech: a few that recur, each after a single word.

    Args:
        rows: The fields of each line.
        width: Number of fields of most lines.
        named: Whether the file is CoNLL by its extension or as asked; otherwise tags must be in capitals, too.
    """
    even = [fields for fields in rows if len(fields) == width]
    words, tags = ({fields[place] for fields in even} for place in (0, -1))
    if any(" " in word for word in words | tags) or all(map(str.isdigit, words)) or all(map(str.isdigit, tags)):
        return False
    recur = 1 < len(tags) < len(words) and (2 if named else 10) * len(tags) <= len(even)
    return recur and len(even) >= 0.95 * len(rows) and (named or all(tag == tag.upper() for tag in tags))


def _has_gap(text: TextFile) -> bool:
    lines = text.sample.strip().split(text.newline)
    return any(not line.strip() for line in lines)


FORMAT = TextFormat(names=("conll",), suffixes=_SUFFIXES, open=ConllReader.open)
