"""A file format as another package would bring it: INI files, where each section is a row."""

import configparser
from collections.abc import Iterator
from dataclasses import dataclass

from luthier.data.reading.charset import line_fault
from luthier.data.reading.reader import Reader, Reading, TextFile, TextFormat
from luthier.data.records import Record, Skipped
from luthier.findings import Decision


@dataclass
class IniReader(Reader):
    """One row a section: its name, and a column for each key of the first section."""

    text: TextFile

    def records(self) -> Iterator[Record | Skipped]:
        for number, section in enumerate(_parsed(self.text.read()), start=1):
            values = dict(section)
            faults = (fault for value in values.values() if (fault := line_fault(value)))
            if fault := next(faults, None):
                yield fault.at(self.name, number, f"section {section.name}")
            elif list(values) != self.columns[1:]:
                yield Skipped(self.name, number, "field-count", f"section {section.name}: keys {', '.join(values)}")
            else:
                yield Record(self.name, number, {"section": section.name, **values})


def open_ini(text: TextFile, how: Reading) -> IniReader | None:
    """The reader of a text that begins with a section."""
    if not text.sample.startswith("["):
        return None
    try:
        sections = _parsed(text.read())
    except configparser.Error:
        return None
    columns = ["section", *sections[0]]
    decisions = [Decision("format", "INI", "one row a section"), text.encoding.decision()]
    return IniReader(text.file.name, "ini", columns, decisions, text)


def _parsed(text: str) -> list[configparser.SectionProxy]:
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(text)
    return [parser[name] for name in parser.sections()]


FORMAT = TextFormat(names=("ini",), suffixes=(".ini",), open=open_ini)
