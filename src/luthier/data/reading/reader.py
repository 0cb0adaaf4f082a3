"""Base classes shared by the file formats: readers, text files and format descriptions."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from luthier.data.reading.charset import Encoding, Lines, find_encoding, find_newline, strip_end
from luthier.data.reading.files import DataFile
from luthier.data.records import Record, Skipped
from luthier.errors import SourceError
from luthier.findings import Decision
from luthier.text import count

# The first megabyte suffices to detect the dialect; the first byte that is not UTF-8 may come later.
SAMPLE_BYTES = 1 << 20
ENCODING_BYTES = 1 << 24
RUN = 16  # consecutive rows of a sample of rows: single rows at a fixed distance may all be alike


@dataclass(frozen=True, slots=True)
class Reading:
    """What is known of how to read a source; anything not set is detected from the content.

    Args:
        header: Whether the first row is a header.
        by_line: Whether to read plain text with one row per line, even if it looks like prose.
        columns: Names of columns that the rows may have: a first line of these names alone is a header, and of a single
            column no other is, unless it is a common name.
    """

    header: bool | None = None
    by_line: bool = False
    columns: tuple[str, ...] = ()


@dataclass
class Reader(ABC):
    """Reads the rows of one source.

    Args:
        name: Source name as the user wrote it.
        format: Short name of the format.
        columns: Column names in file order.
        decisions: What was detected about the file.
    """

    name: str
    format: str
    columns: list[str]
    decisions: list[Decision]

    @abstractmethod
    def records(self) -> Iterator[Record | Skipped]:
        """Yield every row as a record or a skipped row, numbered from 1."""

    def part(self, size: int, of: int) -> "Part | None":
        """A part of the source for a sample; None if all of it must be read.

        Args:
            size: Bytes to read, about.
            of: Bytes of the source, which are more.
        """
        return None


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a source, for a sample.

    Args:
        reader: Reads the rows of the part.
        share: Its share of the source.
        how: What was chosen, in words.
    """

    reader: Reader
    share: float
    how: str


@dataclass
class RowReader(Reader):
    """Reads rows that can be counted without being converted, so that a sample has the numbers of the source.

    Args:
        every: Of so many runs of `RUN` rows, one is read.
    """

    every: int = field(default=1, kw_only=True)

    def part(self, size: int, of: int) -> Part | None:
        every = -(-of // size)
        how = f"{RUN} of every {count(every * RUN)} rows"
        return Part(replace(self, decisions=[*self.decisions], every=every), 1 / every, how)

    def wanted(self, index: int) -> bool:
        """Whether a row is read, by its index from 0."""
        return index // RUN % self.every == 0


@dataclass(frozen=True, slots=True)
class TextFile:
    """A text file with its encoding and a sample.

    Args:
        file: The file.
        encoding: Its encoding.
        sample: Text at the beginning of the file.
        whole: Whether the sample is the whole text.
        newline: Its line ending.
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
        """Read the whole text at once, for formats that cannot be read line by line."""
        with self.file.open() as stream:
            return self.encoding.decode(stream.read())

    def sample_lines(self) -> list[str]:
        """The complete, non-blank lines of the sample, without line endings."""
        return [strip_end(line) for line in self.first_lines() if line.strip()]

    def first_lines(self) -> list[str]:
        """The complete lines of the sample."""
        lines = self.sample.split(self.newline)
        if not self.whole and len(lines) > 1:
            lines.pop()
        return lines


def open_text(file: DataFile) -> TextFile:
    """Open a text file: detect its encoding and take a sample.

    Raises:
        SourceError: The file is not text or contains only whitespace.
    """
    head = file.head(ENCODING_BYTES)
    found = find_encoding(head, file.name)
    sample = found.decode(head[:SAMPLE_BYTES])
    if not sample.strip() and len(head) <= SAMPLE_BYTES:
        raise SourceError("the file is blank", where=file.name, hint="pass a file with rows of data")
    return TextFile(file, found, sample, len(head) <= SAMPLE_BYTES, find_newline(sample))


@dataclass(frozen=True, slots=True)
class Format:
    """A file format, defined in `formats/` or by another package (entry point group `luthier.formats`).

    Args:
        names: Its names; no format of another package can have one that is taken.
        suffixes: Extensions of files in a folder that count as data without being opened.
    """

    names: tuple[str, ...]
    suffixes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BinaryFormat(Format):
    """A format that is recognised by the first bytes of a file, regardless of the file name.

    Args:
        magic: Possible first bytes.
        open: Returns the reader for a file with these first bytes; None if the file is of another format.
    """

    magic: tuple[bytes, ...]
    open: Callable[[DataFile, bytes, Reading], Reader | None]


@dataclass(frozen=True, slots=True)
class TextFormat(Format):
    """A format that is recognised by the beginning of its text.

    Args:
        open: Returns the reader for a text; None if the text is not in this format.
    """

    open: Callable[[TextFile, Reading], Reader | None]
