"""Plain text with one row per line."""

from collections.abc import Iterator
from dataclasses import dataclass

from luthier.data.reading.blocks import TextReader
from luthier.data.reading.charset import line_fault, strip_end
from luthier.data.reading.prose import reads_as_prose
from luthier.data.reading.reader import Reading, TextFile, TextFormat
from luthier.data.records import Record, Skipped
from luthier.findings import Decision
from luthier.text import count


@dataclass
class LineReader(TextReader):
    """Reads plain text with one row per line; blank lines are ignored."""

    def records(self) -> Iterator[Record | Skipped]:
        number = 0
        with self.text.lines() as lines:
            for line in lines:
                if fault := line_fault(line):
                    number += 1
                    yield fault.at(self.name, number, f"line {count(lines.number)}")
                elif not line.isspace():
                    number += 1
                    yield Record(self.name, number, {"text": strip_end(line)})


def open_lines(text: TextFile, how: Reading) -> LineReader:
    """The reader for any text."""
    why = "as given" if how.format == "lines" or how.by_line else reads_as_prose(text.first_lines())[1]
    decisions = [Decision("format", "text", f"one row per line; {why}"), text.encoding.decision()]
    return LineReader(text.file.name, "text", ["text"], decisions, text)


FORMAT = TextFormat(names=("lines", "text"), suffixes=(".txt", ".text"), open=open_lines)
