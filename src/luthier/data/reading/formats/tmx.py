"""TMX, the exchange format of translation memories: one row per translation unit, one column per language.

The format: https://www.gala-global.org/tmx-14b
"""

import io
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import BinaryIO
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, ParseError

from luthier.data.reading.files import DataFile
from luthier.data.reading.reader import BinaryFormat, Reading, RowReader
from luthier.data.records import Record, Skipped
from luthier.errors import SourceError
from luthier.findings import Decision

_TAG = re.compile(rb"<tmx\b")
_SOURCE = re.compile(rb"""\bsrclang\s*=\s*["']([\w-]+)""")
_LANGUAGE = ("{http://www.w3.org/XML/1998/namespace}lang", "lang")  # the second is of TMX 1.1
_OF_TEXT = ("hi", "mrk")  # elements of a segment with text of it; others hold codes of the original format
_HEAD = 1 << 20


@dataclass
class TmxReader(RowReader):
    """Reads one row per translation unit; of several texts in one language, the first.

    Args:
        file: The file.
        names: Language code in lower case to column.
    """

    file: DataFile
    names: dict[str, str]

    @classmethod
    def open(cls, file: DataFile, head: bytes, how: Reading) -> "TmxReader | None":
        """The reader for a translation memory; None for other text.

        Raises:
            SourceError: There are no translation units.
        """
        plain = head.replace(b"\0", b"")  # of UTF-16
        if not _TAG.search(plain):
            return None
        units: list[dict[str, str]] = []
        with suppress(ParseError):  # the head ends in the middle of a unit
            units.extend(_units(io.BytesIO(file.head(_HEAD))))
        if not units:
            hint = "pass a file with <tu> elements, or the sentences as CSV"
            raise SourceError("the TMX file has no translation units", where=file.name, hint=hint)
        source = _SOURCE.search(plain)
        first = _language(source[1].decode().lower()) if source else ""
        found = dict.fromkeys(code for unit in units for code in unit)
        codes = sorted(found, key=lambda code: _language(code.lower()) != first)
        names = _names(codes)
        decisions = [
            Decision("format", "TMX", "one row per translation unit, one column per language, the first text of each")
        ]
        if renamed := [f"{code} -> {name}" for code in codes if (name := names[code.lower()]) != code]:
            decisions.append(Decision("column names", ", ".join(renamed), "there is one variety of the language"))
        return cls(file.name, "tmx", list(dict.fromkeys(names.values())), decisions, file, names)

    def records(self) -> Iterator[Record | Skipped]:
        with self.file.open() as stream, _intact(self.name):
            for number, unit in enumerate(_units(stream), start=1):
                if self.wanted(number - 1):
                    found: dict[str, str | None] = dict.fromkeys(self.columns)
                    for code, text in unit.items():
                        name = self.names.get(code.lower(), code)
                        found[name] = found.get(name) or text
                    yield Record(self.name, number, found)


def _units(stream: BinaryIO) -> Iterator[dict[str, str]]:
    """The text of each translation unit by language."""
    body: Element | None = None
    for event, element in ElementTree.iterparse(stream, events=("start", "end")):
        if event == "start" and _tag(element) == "body":
            body = element
        elif event == "end" and _tag(element) == "tu":
            found: dict[str, str] = {}
            for variant in element:
                code = next((variant.get(name, "") for name in _LANGUAGE if variant.get(name)), "")
                segment = next((child for child in variant if _tag(child) == "seg"), None)
                if _tag(variant) == "tuv" and code and segment is not None:
                    found.setdefault(code, _text(segment).strip())
            yield found
            if body is not None:
                body.clear()  # or the whole file would be held


@contextmanager
def _intact(name: str) -> Iterator[None]:
    try:
        yield
    except ParseError as error:
        hint = "export it again; what comes after this place cannot be read"
        raise SourceError(f"the TMX file is damaged: {error}", where=name, hint=hint) from error


def _names(codes: Iterable[str]) -> dict[str, str]:
    """Columns for language codes, in lower case: `en` for `en-US` if there is no other English, else the code."""
    found: dict[str, str] = {}
    for code in codes:
        found.setdefault(code.lower(), code)
    languages = [_language(code) for code in found]
    return {code: _language(code) if languages.count(_language(code)) == 1 else found[code] for code in found}


def _language(code: str) -> str:
    return re.split("[-_]", code)[0]


def _text(element: Element) -> str:
    """The text of a segment, with a blank for a code between two words, such as a line break."""
    found = element.text or ""
    for child in element:
        after = child.tail or ""
        if _tag(child) in _OF_TEXT:
            found += _text(child)
        elif found[-1:].isalnum() and after[:1].isalnum():
            found += " "
        found += after
    return found


def _tag(element: Element) -> str:
    return element.tag.rpartition("}")[2]


FORMAT = BinaryFormat(
    names=("tmx",),
    suffixes=(".tmx",),
    magic=(b"<?xml", b"<tmx", b"<!DOCTYPE tmx", b"\xef\xbb\xbf<", b"\xff\xfe<\0", b"\xfe\xff\0<"),
    open=TmxReader.open,
)
