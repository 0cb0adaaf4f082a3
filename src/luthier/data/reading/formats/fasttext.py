"""fastText's format: one text per line, with words such as `__label__spam` before or after it.

As in fastText, every word with the prefix is a label of its line.
Source: https://fasttext.cc/docs/en/supervised-tutorial.html
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from luthier.data.reading.blocks import LineByLine
from luthier.data.reading.charset import strip_end
from luthier.data.reading.formats.annotation.layout import choice
from luthier.data.reading.reader import Reading, TextFile, TextFormat
from luthier.data.reading.sniff import SEPARATORS_BY_SUFFIX
from luthier.findings import Decision

_USUAL = "__label__"
_PREFIXED = re.compile(r'(?:^|\s)"?(__[^\W\d_]+__)(?=[^\s_.(\[])')  # but not `__init__.py`
# Least share of lines with a label; another prefix than the usual one is only certain if nearly all lines have it.
_ENOUGH, _ENOUGH_OTHER = 0.5, 0.95


@dataclass
class FastTextReader(LineByLine):
    """Reads one row per line: its text and its labels; blank lines are ignored."""

    prefix: str
    several: bool

    @classmethod
    def open(cls, text: TextFile, how: Reading) -> "FastTextReader | None":
        """The reader if most lines begin or end with a label, else None."""
        lines = text.sample_lines()
        prefix = _prefix(lines)
        if not prefix or _is_table(lines, prefix, text.file.suffix):
            return None
        several = any(len(_parted(line, prefix)[1]) > 1 for line in lines)
        labels = "labels" if several else "label"
        decisions = [Decision("format", "fastText", f"{prefix} marks the {labels} of a line"), text.encoding.decision()]
        return cls(text.file.name, "fasttext", ["text", "label"], decisions, text, prefix, several)

    def row(self, line: str) -> dict[str, Any]:
        text, labels = _parted(strip_end(line), self.prefix)
        return {"text": text, "label": choice(labels, several=self.several) if labels else None}


def _prefix(lines: Sequence[str]) -> str:
    """The prefix of labels at the beginning or the end of most lines; empty if there is none."""
    found = Counter[str]()
    for line in lines:
        words = line.split()
        found.update({match[1] for word in words[:1] + words[-1:] if (match := _PREFIXED.match(word))})
    prefix, n = found.most_common(1)[0] if found else ("", 0)
    return prefix if n >= (_ENOUGH if prefix == _USUAL else _ENOUGH_OTHER) * len(lines) else ""


def _is_table(lines: Sequence[str], prefix: str, suffix: str) -> bool:
    """Whether the labels are a column of a table: other separators than blanks stand behind them."""
    firsts = [line.split()[0] for line in lines]
    joined = sum(bool(re.search("[,;|]", first)) and first.count(prefix) == 1 for first in firsts)
    tabs = Counter(line.count("\t") for line in lines).most_common(1)[0][0]
    return tabs > 1 or (suffix in SEPARATORS_BY_SUFFIX and 2 * joined > len(lines))


def _parted(line: str, prefix: str) -> tuple[str, list[str]]:
    """The text of a line, and its labels."""
    if line.startswith(f'"{prefix}') and line.endswith('"'):  # written as CSV
        line = line[1:-1].replace('""', '"')
    marked = re.compile(rf"(?<!\S){prefix}\S+\s?")
    labels = [label for word in marked.findall(line) for part in word.split(prefix) if (label := part.strip(" \t,;|"))]
    return marked.sub("", line).strip(), list(dict.fromkeys(labels))


FORMAT = TextFormat(names=("fasttext",), suffixes=(), open=FastTextReader.open)
