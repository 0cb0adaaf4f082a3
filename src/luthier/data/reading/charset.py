"""Decode bytes to lines of text: detect the encoding and mark invalid bytes."""

import codecs
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO, TextIO

from luthier.data.records import Fault
from luthier.errors import SourceError
from luthier.findings import Decision
from luthier.text import count

# No decoder yields a lone surrogate, so these two cannot be mistaken for text.
INVALID = "\udcff"
CUT = "\udcfe"
LONGEST_LINE = 1 << 26
_FAULTS = re.compile(f"[\0{CUT}\ud800-\udfff]")

_BOMS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
# charset-normalizer mistakes short Western texts for cp1250 or cp949, so it is only used for
# scripts in which most letters are not ASCII, and only with encodings that occur in practice.
_SCRIPTS = ["cp1251", "koi8_r", "shift_jis", "euc_jp", "gb18030", "big5", "euc_kr", "cp1253", "cp1255", "cp1256"]
_TYPOGRAPHIC = "€\u201a\u201e…\u2018\u2019\u201c\u201d\u2022\u2013\u2014™¡¢£¥§©«®°±²³\u00b4·º»¼½¾¿\u00d7 "


def _mark(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return INVALID, error.end


codecs.register_error("luthier-mark", _mark)


@dataclass(frozen=True, slots=True)
class Encoding:
    """A text encoding and how it was detected.

    Args:
        name: Python's name of the codec.
        why: Why it was chosen.
    """

    name: str
    why: str

    def decision(self) -> Decision:
        return Decision("encoding", self.name.removesuffix("-sig"), self.why)

    def decode(self, data: bytes) -> str:
        """Decode a sample, whose last character may be incomplete; invalid bytes become `INVALID`."""
        return codecs.getincrementaldecoder(self.name)("luthier-mark").decode(data)

    @contextmanager
    def text(self, stream: BinaryIO, newline: str = "\n") -> Iterator[TextIO]:
        """Read the stream as text, with line endings unchanged."""
        text = io.TextIOWrapper(stream, self.name, errors="luthier-mark", newline=newline)
        try:
            yield text
        finally:
            # Whoever opened the stream closes it.
            if not stream.closed:
                text.detach()


class Lines:
    """Iterates over numbered lines with their endings; overlong lines become `CUT`, and lines can be given back."""

    def __init__(self, text: TextIO, newline: str = "\n") -> None:
        self.number = 0
        self._text = text
        self._newline = newline
        self._back: list[str] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._back.pop() if self._back else self._text.readline(LONGEST_LINE)
        if not line:
            raise StopIteration
        if len(line) >= LONGEST_LINE and not line.endswith(self._newline):
            while (rest := self._text.readline(LONGEST_LINE)) and not rest.endswith(self._newline):
                pass
            line = CUT + self._newline
        self.number += 1
        return line

    def give_back(self, lines: list[str]) -> None:
        """Give back the last lines taken, so that they are read again."""
        self._back.extend(reversed(lines))
        self.number -= len(lines)


def find_encoding(head: bytes, name: str) -> Encoding:
    """Detect the encoding of a text from its beginning (the longer the better).

    Args:
        head: First bytes of the file.
        name: Name of the file in errors.
    Raises:
        SourceError: The bytes are not text.
    """
    for bom, codec in _BOMS.items():
        if head.startswith(bom):
            return Encoding(codec, "byte-order mark")
    if codec := _wide(head):
        return Encoding(codec, "every other byte is 0")
    valid, invalid = _utf8_characters(head)
    # Control characters alone do not make a file binary: it must also have invalid UTF-8 or NUL bytes.
    if (invalid or b"\0" in head) and _is_binary(head):
        raise SourceError("looks like a binary file, not text", where=name, hint="save it as CSV, JSON or Parquet")
    if not invalid:
        return Encoding("utf-8", "valid throughout" if valid else "ASCII only")
    if valid >= invalid:
        return Encoding("utf-8", f"most of it is valid; {count(invalid)} places are not")
    return _legacy(head) or Encoding("utf-8", f"no encoding fits; {count(invalid)} places are not valid")


def line_fault(line: str) -> Fault | None:
    """Why a line cannot be used; None if it can."""
    if line.isascii() and "\0" not in line:
        return None
    found = _FAULTS.search(line)
    if found is None:
        return None
    if found[0] == "\0":
        return Fault("encoding", "a NUL byte")
    if found[0] == CUT:
        return Fault("too-long", f"a line of more than {count(LONGEST_LINE)} characters")
    return Fault("encoding", "bytes that are not valid in the file's encoding")


def strip_end(line: str) -> str:
    """Remove the line ending (`\\n`, `\\r\\n` or `\\r`) and nothing else."""
    return line[:-2] if line.endswith("\r\n") else line[:-1] if line.endswith(("\n", "\r")) else line


def find_newline(sample: str) -> str:
    """Detect the line ending: `\\n` (also for `\\r\\n`), or `\\r` alone as on old Macs."""
    return "\r" if "\r" in sample and "\n" not in sample else "\n"


def _wide(head: bytes) -> str:
    """Detect UTF-16 without a byte-order mark: in most scripts, one byte of each pair is nearly always 0."""
    pairs = head[: 1 << 14]
    even, odd = pairs[::2].count(0), pairs[1::2].count(0)
    if odd > 0.4 * len(pairs) / 2 and even < 0.05 * len(pairs) / 2:
        return "utf-16-le"
    if even > 0.4 * len(pairs) / 2 and odd < 0.05 * len(pairs) / 2:
        return "utf-16-be"
    return ""


def _utf8_characters(head: bytes) -> tuple[int, int]:
    """Count the non-ASCII characters that are valid UTF-8, and the places that are not."""
    if head.isascii():
        return 0, 0
    decoder = codecs.getincrementaldecoder("utf-8")("luthier-mark")
    valid = invalid = 0
    for start in range(0, len(head), 1 << 20):
        text = decoder.decode(head[start : start + (1 << 20)])
        invalid += (broken := text.count(INVALID))
        valid += len(text) - len(text.encode("ascii", "ignore")) - broken
    return valid, invalid


def _is_binary(head: bytes) -> bool:
    start = head[: 1 << 16]
    control = len(start) - len(start.translate(None, bytes(set(range(32)) - set(b"\t\n\r\f\v\x1b"))))
    return control > max(8, 0.1 * len(start))


def _legacy(head: bytes) -> Encoding | None:
    """Detect a legacy encoding: cp1252 if most letters are Western, else what charset-normalizer finds."""
    sample = head[: 1 << 18]
    western = sample.decode("cp1252", "replace")
    high = [letter for letter in western if letter > "\x7f"]
    letters = sum(letter.isalpha() for letter in western)
    # 0xFF is a letter that hardly any language uses, and a common byte in damaged files.
    plausible = sum(letter != "ÿ" and (letter.isalpha() or letter in _TYPOGRAPHIC) for letter in high)
    if sum(letter.isalpha() for letter in high) <= 0.3 * letters:
        return Encoding("cp1252", "not valid UTF-8, Western letters") if plausible >= 0.8 * len(high) else None

    from charset_normalizer import from_bytes

    best = from_bytes(sample, cp_isolation=_SCRIPTS).best()
    return Encoding(best.encoding, "not valid UTF-8; the most likely script") if best else None
