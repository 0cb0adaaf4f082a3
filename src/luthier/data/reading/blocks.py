"""Read the rows of a text one after the other, and sample them: blocks of whole rows, spread over the file."""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, BinaryIO

from luthier.data.reading.charset import line_fault
from luthier.data.reading.reader import Part, Reader, TextFile
from luthier.data.records import Fault, Record, Skipped
from luthier.text import count, plural

BLOCK, LEAST = 1 << 13, 1 << 8  # bytes of a block; a small sample has smaller ones, for more places
MORE_PLACES = 64
LONGEST = 1 << 20  # bytes to look through for the start of a row
_BITS = 8
_WIDE = ("utf-16", "utf-32")


@dataclass
class TextReader(Reader):
    """Reads the rows of a text, one after the other."""

    text: TextFile

    def row_start(self, lines: Sequence[str]) -> int | None:
        """Find where a row certainly starts.

        Args:
            lines: Consecutive complete lines from anywhere in the file.
        Returns:
            Index of the first line that starts a row; None if that is not certain of any.
        """
        return 0 if lines else None

    def part(self, size: int, of: int) -> Part | None:
        file = self.text.file
        if file.path is None or self.text.encoding.name.startswith(_WIDE):
            return None
        if file.compression:
            content = self._head(size)
            share, how = file.stored(len(content)) / of, "the beginning, since the file is compressed"
        else:
            blocks = self._blocks(size, of)
            content, how = b"".join(blocks), f"{plural(len(blocks), 'block')} spread over the file"
            if not blocks:
                content = self._head(size)
                how = "the beginning, since it is unclear where rows start further down"
            share = len(content) / of
        if not content:
            return None
        # Behind what was left out, rows have other numbers than in the file, so the name says that this is a sample.
        name = f"{self.name} (sample)"
        text = replace(self.text, file=replace(file, content=content))
        return Part(replace(self, name=name, decisions=[*self.decisions], text=text), min(share, 1.0), how)

    def _blocks(self, size: int, of: int) -> list[bytes]:
        """Blocks of `size` bytes in total, in the order of the file; none if most of them have no certain start."""
        found: dict[tuple[int, int], bytes] = {}
        block, failed = min(BLOCK, max(LEAST, size // MORE_PLACES)), 0
        with self.text.file.open() as stream:
            for place in _places():
                start = self._start_at(stream, int(place * of))
                stop = None if start is None else self._stop_after(stream, start + block, of)
                if start is None or stop is None:
                    failed += 1
                elif not any(start < end and first < stop for first, end in found):
                    stream.seek(start)
                    found[start, stop] = stream.read(stop - start)
                if sum(map(len, found.values())) >= size or failed > len(found) + _BITS:
                    break
        places = sorted(found)
        # Without the first block, there is no header.
        complete = places and places[0][0] == 0 and failed <= len(found)
        return [found[place] for place in places] if complete else []

    def _head(self, size: int) -> bytes:
        """The first rows of the file, of about `size` bytes."""
        head = self.text.file.head(size + LONGEST)
        stop = self._start_in(head[size:])
        return head[: size + stop] if stop is not None else head[: head.rfind(self._newline, 0, size) + 1]

    def _start_at(self, stream: BinaryIO, place: int, of: int | None = None) -> int | None:
        """Offset of the first certain start of a row at or behind a place; with `of`, the file's end is one, too."""
        if place == 0:
            return 0
        if of is not None and place >= of:
            return of
        for window in (BLOCK, 1 << 16, LONGEST):
            stream.seek(place - 1)
            start = self._start_in(stream.read(window))
            if start is not None:
                return place - 1 + start
        return None

    def _stop_after(self, stream: BinaryIO, place: int, of: int) -> int | None:
        """Offset of a certain start of a row behind a place, or behind one of the next blocks' if there is none."""
        starts = (self._start_at(stream, place + more, of) for more in (0, BLOCK, 4 * BLOCK))
        return next((start for start in starts if start is not None), None)

    def _start_in(self, window: bytes) -> int | None:
        """Offset of the first certain start of a row in bytes from anywhere in the file."""
        _, *complete = window.split(self._newline)
        lines = [line + self._newline for line in complete[:-1]]
        at = self.row_start([self.text.encoding.decode(line) for line in lines])
        if at is None:
            return None
        return window.index(self._newline) + 1 + sum(map(len, lines[:at]))

    @property
    def _newline(self) -> bytes:
        return self.text.newline.encode()


@dataclass
class LineByLine(TextReader):
    """Reads one row per line; blank lines are ignored."""

    @abstractmethod
    def row(self, line: str) -> dict[str, Any] | Fault:
        """The values of a line of valid characters, or why it cannot be used."""

    def records(self) -> Iterator[Record | Skipped]:
        number = 0
        with self.text.lines() as lines:
            for line in lines:
                if line.isspace():
                    continue
                number += 1
                found = line_fault(line) or self.row(line)
                if isinstance(found, Fault):
                    yield found.at(self.name, number, f"line {count(lines.number)}")
                else:
                    yield Record(self.name, number, found)


def after_blank(lines: Sequence[str]) -> int | None:
    """Index of the first line behind a blank line; None if there is none."""
    return next((i for i in range(1, len(lines)) if lines[i - 1].isspace() and not lines[i].isspace()), None)


def _places() -> Iterator[float]:
    """Places from 0 to 1, in an order such that any number of first ones is spread evenly."""
    for i in range(1 << _BITS):
        yield int(f"{i:0{_BITS}b}"[::-1], 2) / (1 << _BITS)
