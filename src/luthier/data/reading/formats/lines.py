"""Plain text with one row per line."""

from dataclasses import dataclass
from typing import Any

from luthier.data.reading.blocks import LineByLine
from luthier.data.reading.charset import strip_end
from luthier.data.reading.prose import reads_as_prose
from luthier.data.reading.reader import Reading, TextFile, TextFormat
from luthier.findings import Decision


@dataclass
class LineReader(LineByLine):
    """Reads plain text with one row per line; blank lines are ignored."""

    def row(self, line: str) -> dict[str, Any]:
        return {"text": strip_end(line)}


def open_lines(text: TextFile, how: Reading) -> LineReader:
    """The reader for any text."""
    why = "as given" if how.by_line else reads_as_prose(text.first_lines())[1]
    decisions = [Decision("format", "text", f"one row per line; {why}"), text.encoding.decision()]
    return LineReader(text.file.name, "text", ["text"], decisions, text)


FORMAT = TextFormat(names=("lines", "text"), suffixes=(".txt", ".text"), open=open_lines)
