"""Registry of the file formats: Luthier's own and those of other packages."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint

from luthier.data.reading.formats import (
    columnar,
    conll,
    delimited,
    dialogs,
    excel,
    fasttext,
    json,
    lines,
    passages,
    squad,
    tmx,
)
from luthier.data.reading.formats.annotation import spacy
from luthier.data.reading.reader import BinaryFormat, TextFormat
from luthier.plugins import Ignored, take_plugins

GROUP = "luthier.formats"
# In the order in which they are tried: if two formats accept the same text, the stricter one comes first.
_OURS = (columnar, excel, tmx, squad, spacy, json, fasttext, dialogs, conll, delimited, passages, lines)


@dataclass(frozen=True)
class Registered:
    """The file formats, and the entry points that failed.

    Args:
        formats: Those of other packages come before Luthier's own, which accept any text.
        broken: Name of an entry point to the reason why its format is not used.
    """

    formats: tuple[BinaryFormat | TextFormat, ...]
    broken: Mapping[str, str]

    @property
    def suffixes(self) -> list[str]:
        return [suffix for one in self.formats for suffix in one.suffixes]


@cache
def registered() -> Registered:
    """All formats. An entry point that fails, or whose name is taken, is reported in `broken` and not used."""
    ours = tuple(module.FORMAT for module in _OURS)
    taken = {name: "luthier" for one in ours for name in one.names}
    others: list[BinaryFormat | TextFormat] = []

    def take(entry: EntryPoint, package: str) -> None:
        found = entry.load()
        if not isinstance(found, BinaryFormat | TextFormat):
            raise TypeError(f"{entry.value} is neither a BinaryFormat nor a TextFormat")
        if doubled := [name for name in found.names if name in taken]:
            raise Ignored(f"the package {taken[doubled[0]]} has a format {doubled[0]!r}")
        taken.update(dict.fromkeys(found.names, package))
        others.append(found)

    broken = take_plugins(GROUP, "format", take)
    return Registered((*others, *ours), broken)
