"""JSON: one value per line (JSON lines), a single value in the whole file, or objects one after the other."""

import json
import re
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from luthier.data.reading.blocks import LineByLine, TextReader
from luthier.data.reading.charset import INVALID
from luthier.data.reading.formats.annotation.rows import as_row, is_spacy, said
from luthier.data.reading.reader import Reader, Reading, TextFile, TextFormat
from luthier.data.records import Fault, Record, Skipped
from luthier.errors import SourceError
from luthier.findings import Decision
from luthier.text import count, listing, plural, shorten

# Besides json's own error: excessive nesting, and numbers with thousands of digits.
JSON_ERRORS = (ValueError, RecursionError)
_LINE_SUFFIXES = (".jsonl", ".jsonlines", ".ndjson")
_SPLIT = {"columns", "index", "data", "index_names", "column_names"}  # of pandas' `to_json(orient="split")`
_FIRST = 1_000  # of a list, of which some may be null
_MANY = 12  # keys, of which most have blanks: they are no names of columns
_DECODER = json.JSONDecoder()
_BETWEEN = " \t\r\n,\ufeff"
_TURN = ({"role", "content"}, {"from", "value"})  # keys of a message: a list of them is one conversation
_OPENS = re.compile(r"\s*[{\[]\s*($|[\"{\[])")  # a line that begins an object or a list
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


@dataclass
class JsonObjectsReader(TextReader):
    """Reads objects one after the other, of any number of lines; what is none, up to the next, is a skipped row."""

    def records(self) -> Iterator[Record | Skipped]:
        with self.text.lines() as lines:
            for number, (place, value) in enumerate(_objects(lines), start=1):
                row = as_row(value)
                fault = row if isinstance(row, Fault) else value_fault(row)
                yield fault.at(self.name, number, f"line {count(place)}") if fault else Record(self.name, number, row)

    def row_start(self, lines: Sequence[str]) -> int | None:
        pairs = enumerate(pairwise(lines), start=1)
        return next(
            (at for at, (above, line) in pairs if line.startswith("{") and above.rstrip(" ,\r\n").endswith("}")), None
        )


def open_json(text: TextFile, how: Reading) -> Reader | None:
    """The reader if the text is JSON, else None.

    Raises:
        SourceError: The file has a JSON extension but is not valid JSON, or has no rows.
    """
    objects = objects_by_line(text)
    if objects is None and not looks_like_json(text):
        if text.file.suffix in FORMAT.suffixes and any(_OPENS.match(line) for line in text.sample_lines()):
            hint = "remove what is above the JSON, such as comments"
            raise SourceError("not valid JSON: it does not begin with { or [", where=text.file.name, hint=hint)
        return None
    several = _first_objects(text) if not objects or 2 * len(objects) < len(text.sample_lines()) else []
    if objects is not None and (several == objects or len(several) < len(objects) or not several):
        columns = columns_of(objects)
        decisions = _decisions(text, "JSON lines", "one object per line")
        decisions += said([_parsed(line) for line in text.sample_lines()])
        return JsonLinesReader(text.file.name, "jsonl", columns, decisions, text)
    if several:
        columns = columns_of(several)
        decisions = _decisions(text, "JSON", "objects one after the other")
        return JsonObjectsReader(text.file.name, "json", columns, [*decisions, *said(several)], text)
    try:
        found, shape = _rows(json.loads(text.read()), text.file.name)
    except JSON_ERRORS as error:
        if text.file.suffix in FORMAT.suffixes:
            hint = "fix the file, or use JSON lines: one object per line"
            raise SourceError(f"not valid JSON: {error}", where=text.file.name, hint=hint) from error
        return None
    rows = list(map(as_row, found))
    if not rows:
        raise SourceError("the JSON has no rows", where=text.file.name, hint="a list of objects, one per row")
    return JsonReader(text.file.name, "json", columns_of(rows), [*_decisions(text, "JSON", shape), *said(found)], text)


def looks_like_json(text: TextFile) -> bool:
    """Whether a text begins like an object or a list."""
    return text.sample.lstrip("\ufeff").lstrip().startswith(("{", "["))


def objects_by_line(text: TextFile) -> list[dict[str, Any]] | None:
    """The objects in the lines of the sample if the text is JSON lines, else None."""
    lines = text.sample_lines()
    objects = [value for line in lines if isinstance(value := as_row(_parsed(line)), dict)]
    if text.file.suffix in _LINE_SUFFIXES and objects:
        return objects
    return objects if len(lines) > 1 and objects and 2 * len(objects) >= len(lines) else None


def columns_of(rows: Iterable[Any]) -> list[str]:
    """The keys of those rows that are objects, in order of first appearance."""
    return list(dict.fromkeys(key for row in rows if isinstance(row, dict) for key in row))


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


def _first_objects(text: TextFile) -> list[dict[str, Any]]:
    """The objects of the sample if there are several one after the other, else none."""
    if not text.sample.lstrip(_BETWEEN).startswith("{"):
        return []
    found = [value for _, value in _objects(text.first_lines())]
    objects = [as_row(value) for value in found if isinstance(value, dict)]
    return objects if len(objects) > 1 and isinstance(found[0], dict) else []  # else the sample is part of one


def _objects(lines: Iterable[str]) -> Iterator[tuple[int, Any]]:
    """The objects in lines, each with the line that it begins in, or a fault for what is none."""
    blocks: list[_Block] = []
    size = enough = 0
    for place, line in enumerate(lines, start=1):
        if line.startswith("{") or not blocks:
            if size >= enough:  # so that the time stays linear
                blocks = yield from _complete(blocks)
                size = sum(len(block.text) for block in blocks)
                enough = 2 * size
            blocks.append(_Block(place))
        blocks[-1].text += line if line.endswith("\n") else line + "\n"
        size += len(line)
    yield from _complete(blocks, last=True)


@dataclass
class _Block:
    """Lines from one that begins with a brace to the next: an object, or a part of one."""

    place: int
    text: str = ""


def _complete(blocks: list[_Block], *, last: bool = False) -> Generator[tuple[int, Any], None, list[_Block]]:
    """The objects in blocks, or a fault for a block that begins none; returns those that may go on in further ones."""
    while blocks:
        text = "".join(block.text for block in blocks)
        left = yield from _decoded(text, blocks[0].place)
        taken = len(text) - len(left)
        while blocks and len(blocks[0].text) <= taken:
            taken -= len(blocks.pop(0).text)
        if not left or (not last and _is_open(left)):
            return [replace(block, text=block.text[taken:]) for block in blocks[:1]] + blocks[1:] if left else []
        yield blocks[0].place, _damaged(blocks.pop(0).text[taken:])
    return []


def _decoded(text: str, place: int) -> Generator[tuple[int, Any], None, str]:
    """The objects at the beginning of a text; returns what is left of it."""
    while text := text.lstrip(_BETWEEN):
        try:
            value, end = _DECODER.raw_decode(text)
        except JSON_ERRORS:
            return text
        yield place, value
        text = text[end:]
    return ""


def _is_open(text: str) -> bool:
    """Whether a text may be the beginning of an object."""
    try:
        _DECODER.raw_decode(text.rstrip())
    except json.JSONDecodeError as error:
        return error.pos >= len(text.rstrip()) - 1
    except JSON_ERRORS:
        return False
    return True


def _damaged(text: str) -> Fault:
    try:
        json.loads(text)
    except JSON_ERRORS as error:
        return Fault("invalid-json", str(error))
    return Fault("invalid-json", shorten(text, 60))


def _is_turn(item: Any) -> bool:
    return isinstance(item, dict) and any(keys <= item.keys() for keys in _TURN)


def _rows(value: Any, name: str) -> tuple[list[Any], str]:
    """The rows of a JSON value, and a description of its layout.

    Raises:
        SourceError: The rows cannot be identified.
    """
    if isinstance(value, list):
        return ([value], "a single row") if is_spacy(value) else (_from_lists(value) or value, "a list of rows")
    if not isinstance(value, dict):
        raise SourceError("the JSON is a single value", where=name, hint="a list of objects, one per row")
    lists = {key: cells for key, cells in value.items() if isinstance(cells, list)}
    examples = [key for key, cells in lists.items() if any(map(is_spacy, cells[:_FIRST]))]
    if len(examples) == 1:
        return lists[examples[0]], f"rows under {examples[0]!r}"
    of_objects = [key for key, cells in lists.items() if cells and isinstance(cells[0], dict)]
    if {"columns", "data"} <= lists.keys() <= _SPLIT and "data" not in of_objects:
        return [_with_names(value["columns"], row) for row in value["data"]], "columns and data"
    if len(of_objects) == 1 and all(map(_is_turn, lists[of_objects[0]])):
        return [value], "a single row"
    if "data" in of_objects or (len(of_objects) == 1 and len(lists) == 1):
        key = "data" if "data" in of_objects else of_objects[0]
        beside = [other for other, cells in lists.items() if other != key and len(cells) == len(lists[key]) > 1]
        if beside:
            what = f"the JSON has {count(len(lists[key]))} rows under {key!r}, and as many values under"
            hint = "write each value into its row, as a field"
            raise SourceError(f"{what} {listing(list(map(repr, beside)))}", where=name, hint=hint)
        return lists[key], f"rows under {key!r}"
    if len(of_objects) > 1:
        hint = f"pass one file for each of {listing(of_objects)}"
        raise SourceError("the JSON has several lists of rows", where=name, hint=hint)
    if len(value) >= _MANY and not lists and sum(" " in key.strip() for key in value) > len(value) / 2:
        hint = 'write a list of objects, one per row: [{"text": ..., "label": ...}, ...]'
        raise SourceError("the JSON is one object that has texts as its keys", where=name, hint=hint)
    return _from_columns(value, lists, name) or ([value], "a single row")


def _with_names(columns: list[Any], row: Any) -> dict[str, Any] | Fault:
    """Convert a row that is a list of cells."""
    if not isinstance(row, list):
        return Fault("not-a-list", f"{shorten(json.dumps(row), 60)} instead of a list of cells")
    if len(row) != len(columns):
        return Fault("field-count", f"{plural(len(row), 'cell')} instead of {len(columns)}")
    return dict(zip(map(str, columns), row, strict=True))


def _from_lists(rows: list[Any]) -> list[dict[str, Any]] | None:
    """The rows that are lists of as many texts and numbers each; the first may be their names."""
    lists = [row for row in rows if isinstance(row, list) and not any(isinstance(cell, list | dict) for cell in row)]
    if len(lists) < max(len(rows), 2) or len({len(row) for row in lists}) > 1 or len(lists[0]) < 2:
        return None
    texts = [all(isinstance(cell, str) for cell in cells) for cells in zip(*lists[1:], strict=True)]
    if all(isinstance(cell, str) for cell in lists[0]) and not all(texts):
        return [dict(zip(lists[0], row, strict=True)) for row in lists[1:]]
    return [{f"column{place}": cell for place, cell in enumerate(row, start=1)} for row in lists]


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
