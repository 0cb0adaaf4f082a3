"""JSON: one value per line (JSON lines), or a single value in the whole file."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from luthier.data.reading.blocks import LineByLine
from luthier.data.reading.charset import INVALID
from luthier.data.reading.formats.annotation.rows import as_row, is_spacy, said
from luthier.data.reading.reader import Reader, Reading, TextFile, TextFormat
from luthier.data.records import Fault, Record, Skipped
from luthier.errors import SourceError
from luthier.findings import Decision
from luthier.text import listing, plural, shorten

# Besides json's own error: excessive nesting, and numbers with thousands of digits.
JSON_ERRORS = (ValueError, RecursionError)
_LINE_SUFFIXES = (".jsonl", ".jsonlines", ".ndjson")
_SPLIT = {"columns", "index", "data", "index_names", "column_names"}  # of pandas' `to_json(orient="split")`
_FIRST = 1_000  # of a list, of which some may be null
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


@dataclass
class JsonLinesReader(LineByLine):
    """Reads one object per line; an invalid line becomes a skipped row."""

    def row(self, line: str) -> dict[str, Any] | Fault:
        try:
            value: Any = as_row(json.loads(line))
        except JSON_ERRORS as error:
            return Fault("invalid-json", str(error))
        return value_fault(value, suspicious=has_escaped_surrogate(line)) or value


@dataclass
class JsonReader(Reader):
    """Reads a file that is a single JSON value; the whole file is read into memory."""

    text: TextFile

    def records(self) -> Iterator[Record | Skipped]:
        whole = self.text.read()
        suspicious = INVALID in whole or has_escaped_surrogate(whole)
        rows, _ = _rows(json.loads(whole), self.name)
        del whole
        for number, row in enumerate(map(as_row, rows), start=1):
            fault = row if isinstance(row, Fault) else value_fault(row, suspicious)
            yield fault.at(self.name, number) if fault else Record(self.name, number, row)


def open_json(text: TextFile, how: Reading) -> Reader | None:
    """The reader if the text is JSON, else None.

    Raises:
        SourceError: The file has a JSON extension or format but is not valid JSON, or has no rows.
    """
    if not looks_like_json(text) and not how.format:
        return None
    objects = objects_by_line(text, how)
    if objects is not None:
        columns = list(dict.fromkeys(key for row in objects for key in row))
        decisions = _decisions(text, "JSON lines", "one object per line")
        decisions += said([_parsed(line) for line in text.sample_lines()])
        return JsonLinesReader(text.file.name, "jsonl", columns, decisions, text)
    try:
        found, shape = _rows(json.loads(text.read()), text.file.name)
    except JSON_ERRORS as error:
        if how.format or text.file.suffix in FORMAT.suffixes:
            hint = "fix the file, or use JSON lines: one object per line"
            raise SourceError(f"not valid JSON: {error}", where=text.file.name, hint=hint) from error
        return None
    rows = list(map(as_row, found))
    if not rows:
        raise SourceError("the JSON has no rows", where=text.file.name, hint="a list of objects, one per row")
    columns = list(dict.fromkeys(key for row in rows if isinstance(row, dict) for key in row))
    return JsonReader(text.file.name, "json", columns, [*_decisions(text, "JSON", shape), *said(found)], text)


def looks_like_json(text: TextFile) -> bool:
    """Whether a text begins like an object or a list."""
    return text.sample.lstrip("\ufeff").lstrip().startswith(("{", "["))


def objects_by_line(text: TextFile, how: Reading) -> list[dict[str, Any]] | None:
    """The objects in the lines of the sample if the text is JSON lines, else None."""
    if how.format == "json":
        return None
    lines = text.sample_lines()
    objects = [value for line in lines if isinstance(value := as_row(_parsed(line)), dict)]
    if how.format == "jsonl" or (text.file.suffix in _LINE_SUFFIXES and objects):
        return objects
    return objects if len(lines) > 1 and objects and 2 * len(objects) >= len(lines) else None


def has_escaped_surrogate(text: str) -> bool:
    """Whether JSON text has an escaped surrogate: a lone one, or part of a pair for a character above U+FFFF."""
    return bool(_SURROGATE.search(text))


def value_fault(value: Any, suspicious: bool = True) -> Fault | None:
    """Why a value cannot be a row; None if it can.

    Args:
        value: The JSON value of the row.
        suspicious: Whether it may contain lone surrogates, which tokenizers do not accept.
    """
    if not isinstance(value, dict):
        return Fault("not-an-object", f"{shorten(json.dumps(value), 60)} instead of an object")
    if suspicious:
        for key, cell in value.items():
            try:
                json.dumps([key, cell], ensure_ascii=False).encode()
            except UnicodeEncodeError:
                detail = f"{key!a} holds half a character (a lone surrogate) or invalid bytes"
                return Fault("encoding", detail)
    return None


def _rows(value: Any, name: str) -> tuple[list[Any], str]:
    """The rows of a JSON value, and a description of its layout.

    Raises:
        SourceError: The rows cannot be identified.
    """
    if isinstance(value, list):
        return ([value], "a single row") if is_spacy(value) else (value, "a list of rows")
    if not isinstance(value, dict):
        raise SourceError("the JSON is a single value", where=name, hint="a list of objects, one per row")
    lists = {key: cells for key, cells in value.items() if isinstance(cells, list)}
    examples = [key for key, cells in lists.items() if any(map(is_spacy, cells[:_FIRST]))]
    if len(examples) == 1:
        return lists[examples[0]], f"rows under {examples[0]!r}"
    of_objects = [key for key, cells in lists.items() if cells and isinstance(cells[0], dict)]
    if {"columns", "data"} <= lists.keys() <= _SPLIT and "data" not in of_objects:
        return [_with_names(value["columns"], row) for row in value["data"]], "columns and data"
    if "data" in of_objects or (len(of_objects) == 1 and len(lists) == 1):
        key = "data" if "data" in of_objects else of_objects[0]
        return lists[key], f"rows under {key!r}"
    if len(of_objects) > 1:
        hint = f"pass one file for each of {listing(of_objects)}"
        raise SourceError("the JSON has several lists of rows", where=name, hint=hint)
    return _from_columns(value, lists, name) or ([value], "a single row")


def _with_names(columns: list[Any], row: Any) -> dict[str, Any] | Fault:
    """Convert a row that is a list of cells."""
    if not isinstance(row, list):
        return Fault("not-a-list", f"{shorten(json.dumps(row), 60)} instead of a list of cells")
    if len(row) != len(columns):
        return Fault("field-count", f"{plural(len(row), 'cell')} instead of {len(columns)}")
    return dict(zip(map(str, columns), row, strict=True))


def _from_columns(value: dict[str, Any], lists: dict[str, list[Any]], name: str) -> tuple[list[Any], str] | None:
    """The rows of an object that has a list or an object for each column, or an object for each row; None otherwise."""
    if lists and len(lists) == len(value):
        if len({len(cells) for cells in lists.values()}) > 1:
            sizes = listing([f"{key}: {len(cells)}" for key, cells in lists.items()])
            raise SourceError(
                f"the columns differ in length ({sizes})", where=name, hint="make all columns the same length"
            )
        by_row = zip(*lists.values(), strict=True)
        return [dict(zip(lists, cells, strict=True)) for cells in by_row], "a list per column"
    objects = [cells for cells in value.values() if isinstance(cells, dict)]
    if not objects or len(objects) < len(value):
        return None
    inside = dict.fromkeys(key for cells in objects for key in cells)
    numbered, numbered_inside = (all(map(str.isdigit, keys)) for keys in (value, inside))
    if not numbered_inside and (numbered or len(value) > len(inside)):
        return objects, "an object per row, each under a key of its own"
    if all(cells.keys() == inside.keys() for cells in objects):
        rows = [{column: cells[key] for column, cells in value.items()} for key in inside]
        return rows, "an object per column"
    return None


def _parsed(line: str) -> Any:
    try:
        return json.loads(line)
    except JSON_ERRORS:
        return None


def _decisions(text: TextFile, form: str, why: str) -> list[Decision]:
    return [Decision("format", form, why), text.encoding.decision()]


FORMAT = TextFormat(names=("json", "jsonl"), suffixes=(".json", *_LINE_SUFFIXES), open=open_json)
