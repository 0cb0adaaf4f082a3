"""What the file formats share: readers, text files, and how a format says what it reads."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from luthier.data.reading.charset import Encoding, Lines, find_encoding, find_newline, strip_end
from luthier.data.reading.files import DataFile
from luthier.data.records import Record, Skipped
from luthier.errors import SourceError
from luthier.findings import Decision

# The dialect shows in the first megabyte; the first letter that is not UTF-8 may stand further down.
SAMPLE_BYTES = 1 << 20
ENCODING_BYTES = 1 << 24


@dataclass(frozen=True, slots=True)
class Reading:
    """What the user knows about a file; what is left out is found from the content.

    Args:
        format: A name of a format, such as `csv` or `lines`; empty to find out.
        encoding: Such as `cp1252`.
        separator: A character, or `tab`, `comma`, `semicolon`, `pipe`.
        header: Whether the first row names the columns.
        by_line: Whether plain text, if that is what it is, has a row in each line, whatever it looks like.
    """

    format: str = ""
    encoding: str = ""
    separator: str = ""
    header: bool | None = None
    by_line: bool = False


@dataclass
class Reader(ABC):
    """What turns one source into rows.

    Args:
        name: The source's name as the user wrote it: it stands in every record.
        format: Short name of the form the data is in.
        columns: Names in the order of the file.
        decisions: What was found out about the file.
    """

    name: str
    format: str
    columns: list[str]
    decisions: list[Decision]

    @abstractmethod
    def records(self) -> Iterator[Record | Skipped]:
        """Every row from the first on, each as one record or as skipped, numbered from 1."""


@dataclass(frozen=True, slots=True)
class TextFile:
    """A file of text with its encoding.

    Args:
        file: Its bytes.
        encoding: How they become text.
        sample: Text of the beginning.
        whole: Whether the sample is all of it.
        newline: What ends its lines.
    """

    file: DataFile
    encoding: Encoding
    sample: str
    whole: bool
    newline: str

    @contextmanager
    def lines(self) -> Iterator[Lines]:
        with self.file.open() as stream, self.encoding.text(stream, self.newline) as text:
            yield Lines(text, self.newline)

    def read(self) -> str:
        """The whole text at once, for formats that cannot be read by line."""
        with self.file.open() as stream:
            return self.encoding.decode(stream.read())

    def sample_lines(self) -> list[str]:
        """The lines of the sample that are whole and not blank, without their ends."""
        return [strip_end(line) for line in self.first_lines() if line.strip()]

    def first_lines(self) -> list[str]:
        """The lines of the sample that are whole."""
        lines = self.sample.split(self.newline)
        if not self.whole and len(lines) > 1:
            lines.pop()
        return lines


def open_text(file: DataFile, encoding: str = "") -> TextFile:
    """Find the encoding of a text.

    Raises:
        SourceError: It is not text, or nothing but blanks.
    """
    head = file.head(ENCODING_BYTES)
    found = find_encoding(head, file.name, encoding)
    sample = found.decode(head[:SAMPLE_BYTES])
    if not sample.strip() and len(head) <= SAMPLE_BYTES:
        raise SourceError("the file holds nothing but blanks", where=file.name, hint="give a file with rows of data")
    return TextFile(file, found, sample, len(head) <= SAMPLE_BYTES, find_newline(sample))


@dataclass(frozen=True, slots=True)
class Format:
    """A file format. It is one file in `formats/`, or in another package (entry point group `luthier.formats`).

    Args:
        names: What `Reading.format` may call it; several formats that share a name are asked in their order.
        suffixes: Extensions by which a file in a folder is taken for data without opening it.
    """

    names: tuple[str, ...]
    suffixes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BinaryFormat(Format):
    """A format that is recognised by the first bytes of a file, whatever its name says.

    Args:
        magic: The first bytes, any of them.
        open: The reader of a file that begins so; None if the file turns out to be of another format.
    """

    magic: tuple[bytes, ...]
    open: Callable[[DataFile, bytes, Reading], Reader | None]


@dataclass(frozen=True, slots=True)
class TextFormat(Format):
    """A format that is recognised by the beginning of its text.

    Args:
        open: The reader of a text; None if the text is not in this format.
    """

    open: Callable[[TextFile, Reading], Reader | None]
