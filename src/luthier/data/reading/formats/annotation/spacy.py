"""spaCy's training examples: a text and its annotations, `["Ada sang.", {"entities": [[0, 3, "PER"]]}]`.

In JSON they are rows of lists; in Python, where spaCy 2 had them, a list of tuples.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from luthier.data.reading.formats.annotation.rows import as_row, is_spacy
from luthier.data.reading.formats.json import JSON_ERRORS, columns_of, value_fault
from luthier.data.reading.reader import Reader, Reading, TextFile, TextFormat
from luthier.data.records import Record, Skipped
from luthier.errors import SourceError
from luthier.findings import Decision

# A list of tuples, perhaps with a name, below comments and imports
_PYTHON = re.compile(r"([ \t]*(#.*|(import|from) .*)?\r?\n)*(\w+\s*=\s*)?\[\s*\(\s*[\"'(]")
_KEYS = re.compile(r"[\"'](entities|cats|spans)[\"']\s*:")


@dataclass
class TupleReader(Reader):
    """Reads a list of Python tuples, as a file of literals: nothing is run."""

    rows: list[Any] = field(repr=False)

    def records(self) -> Iterator[Record | Skipped]:
        for number, row in enumerate(self.rows, start=1):
            fault = value_fault(row)
            yield fault.at(self.name, number) if fault else Record(self.name, number, row)


def open_tuples(text: TextFile, how: Reading) -> TupleReader | None:
    """The reader if the text is a Python list of spaCy's examples, else None.

    Raises:
        SourceError: It begins like one, but is not a literal.
    """
    if not _PYTHON.match(text.sample) or not _KEYS.search(text.sample):
        return None
    try:
        found = next(filter(_is_list, map(_value, ast.parse(text.read()).body)), None)
    except (*JSON_ERRORS, SyntaxError, MemoryError):
        found = None
    if found is None:
        hint = "save it as JSON in Python: json.dump(TRAIN_DATA, open('train.json', 'w'))"
        raise SourceError(
            "looks like spaCy's examples in Python, but is no list of literals", where=text.file.name, hint=hint
        )
    rows = list(map(as_row, found))
    decisions = [Decision("format", "spaCy's examples", "a Python list of tuples"), text.encoding.decision()]
    return TupleReader(text.file.name, "json", columns_of(rows), decisions, rows)


def _value(statement: ast.stmt) -> Any:
    """The value of a statement, if it is a literal."""
    try:
        return ast.literal_eval(statement.value) if isinstance(statement, ast.Assign | ast.Expr) else None
    except (*JSON_ERRORS, TypeError, MemoryError):
        return None


def _is_list(value: Any) -> bool:
    return isinstance(value, list) and any(map(is_spacy, value))


FORMAT = TextFormat(names=("json",), suffixes=(), open=open_tuples)
