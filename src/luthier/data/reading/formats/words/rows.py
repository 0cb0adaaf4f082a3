"""Tables with one word a row and a column that says which sentence it is in: their sentences as rows."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, islice
from typing import Any

from luthier.data.columns.profile import words_of
from luthier.data.reading.reader import Reader
from luthier.data.records import Record, Skipped
from luthier.data.tag_notation import OUTSIDE, notation_of
from luthier.data.values import is_missing
from luthier.errors import SourceError
from luthier.findings import Decision
from luthier.text import count

SAMPLE = 2_000  # rows
FIRST = 200  # rows that show whether there are tags
FEWEST = 4  # rows that suffice to tell that they are words with tags
LONG = 1.5  # words of a sentence on average, at least
_SENTENCES = {"sentence", "sent", "sid", "sentid", "sentenceid", "sentences"}
_DOCUMENTS = {"doc", "docid", "document", "file", "filename"}
_WORDS = {"word", "words", "token", "tokens"}
_TAGS = {"tag", "tags", "ner", "pos", "upos", "xpos", "label", "labels", "iob", "bio", "entity"}
_ID = re.compile(r"\S*\d\S*|\S+[\s:#]+\d+")
_SURE = 0.95
_SLOW = ("json", "excel")  # are read from the beginning again


@dataclass
class SentenceReader(Reader):
    """Reads sentences from a table with a word in each row.

    Args:
        reader: Reads the words.
        keys: Columns of which a change begins a sentence; empty if rows without any value separate sentences.
        whole: Columns with one value for a sentence.
    """

    reader: Reader
    keys: list[str]
    whole: frozenset[str]

    @classmethod
    def of(cls, reader: Reader, word: str, keys: list[str], others: Sequence[str]) -> "SentenceReader":
        """The reader of a table.

        Args:
            reader: Reads the words.
            word: Column of the words.
            keys: As above.
            others: Columns that may hold one value for a sentence.
        """
        how = f"by column {keys[0]!r}" if keys else "by rows without values"
        decisions = [*reader.decisions, Decision("sentences", how, f"each row has one word, in column {word!r}")]
        found = cls(reader.name, reader.format, reader.columns, decisions, reader, keys, frozenset())
        rows = islice(found._sentences(), int(SAMPLE / LONG))
        several = {
            name for sentence, _ in rows for name in others if len(_runs([r.values.get(name) for r in sentence])) > 1
        }
        return replace(found, whole=frozenset(others) - several)

    def records(self) -> Iterator[Record | Skipped]:
        for number, (sentence, fault) in enumerate(self._sentences(), start=1):
            if fault is not None:
                yield Skipped(self.name, number, fault.reason, f"word in row {count(fault.row)}: {fault.detail}")
                continue
            values: dict[str, Any] = {}
            for name in self.columns:
                cells = [row.values.get(name) for row in sentence]
                values[name] = cells[0] if name in self.whole else [None if is_missing(one) else one for one in cells]
            yield Record(self.name, number, values)

    def _sentences(self) -> Iterator[tuple[list[Record], Skipped | None]]:
        """Yield the rows of each sentence, and the damaged row in it, or beside it, if there is one."""
        sentence: list[Record] = []
        key: list[Any] = [None] * len(self.keys)
        damaged = before = None  # the damaged row of this sentence; the one just before this row
        for row in self.reader.records():
            if isinstance(row, Skipped):
                damaged = before = row
                continue
            blank = all(map(is_missing, row.values.values()))
            found = [_id(row.values.get(name)) for name in self.keys]
            if sentence and (blank or _begins(found, key)):
                yield sentence, damaged
                sentence, damaged = [], before
            if not blank:
                sentence.append(row)
                key = [old if one is None else one for one, old in zip(found, key, strict=True)]
            before = None
        if sentence:
            yield sentence, damaged


def of_sentences(reader: Reader) -> Reader | None:
    """The reader of the sentences in a table with one word a row; None if it is another table.

    Raises:
        SourceError: Each row has a word with its tag, and nothing says which words are a sentence.
    """
    parts = {name: set(words_of(name)) for name in reader.columns}
    named = sorted((name for name in parts if parts[name] & _WORDS), key=lambda name: len(parts[name]))
    if len(parts) < 2 or (reader.format in _SLOW and not named):
        return None
    cells = _sample(reader, FIRST if not named else SAMPLE)
    marked = [name for name in parts if _are_marked(cells[name])]
    if marked and not named:
        cells = _sample(reader, SAMPLE)
    word = next((name for name in named or parts if name not in marked and _are_words(cells[name])), None)
    others = [name for name in parts if name not in (word, *marked)]
    ids = [name for name in others if _are_ids(cells[name])]
    keys = [name for name in ids if parts[name] & _SENTENCES][:1]
    tags = [name for name in others if parts[name] & _TAGS and name not in keys]
    # Words to tag, or with parts of speech, are told by the names of their columns alone.
    told = bool(keys and named) and (
        len(others) == len(keys) or (tags and all(_are_single(cells[name]) for name in tags))
    )
    if word is None or not (marked or told):
        return None
    if keys and _are_apart(cells[keys[0]]):
        hint = f"sort the rows by {keys[0]!r}, in the order of the words"
        raise SourceError(f"the rows of a sentence (column {keys[0]!r}) are not together", where=reader.name, hint=hint)
    rows = list(zip(*cells.values(), strict=True))
    blank = any(all(map(is_missing, row)) for row in rows)
    if not keys and not blank:
        runs = {name: len(_runs(cells[name])) for name in ids}
        keys = sorted((name for name in ids if 1 < runs[name] <= len(rows) / LONG), key=lambda name: -runs[name])[:1]
    if not keys and not blank:
        if len(rows) < FEWEST or OUTSIDE not in cells[marked[0]]:
            return None
        what = (
            f"each row has one word, in {word!r}, and its tag, in {marked[0]!r}, but nothing says where a sentence ends"
        )
        hint = "add a column sentence_id with the number of the sentence, or blank lines between sentences"
        raise SourceError(what, where=reader.name, hint=hint)
    keys += [name for name in ids if parts[name] & _DOCUMENTS and name not in keys]
    return SentenceReader.of(reader, word, keys, [name for name in others if name not in tags])


def _sample(reader: Reader, n: int) -> dict[str, list[Any]]:
    """The first cells of each column."""
    rows = [one.values for one in islice(reader.records(), n) if isinstance(one, Record)]
    return {name: [row.get(name) for row in rows] for name in reader.columns}


def _begins(found: Sequence[Any], key: Sequence[Any]) -> bool:
    """Whether a value of the columns that tell sentences apart is there and differs from the one before."""
    return any(one is not None and one != old for one, old in zip(found, key, strict=True))


def _runs(cells: Sequence[Any]) -> list[Any]:
    """The values of a column, each once where it is repeated or where the cells below it are empty."""
    present = [cell for cell in map(_id, cells) if cell is not None]
    return [one for one, _ in groupby(present)]


def _are_apart(cells: Sequence[Any]) -> bool:
    """Whether equal values are mostly not in a row, as after shuffling."""
    runs = _runs(cells)
    return len(runs) > len(cells) / LONG and len(set(runs)) < len(runs) / LONG


def _are_ids(cells: Sequence[Any]) -> bool:
    """Whether the cells number something: `12`, `Sentence: 12`, `doc-7`; empty cells mean the number above."""
    present = [str(cell) for cell in map(_id, cells) if cell is not None]
    return bool(present) and _id(cells[0]) is not None and all(map(_ID.fullmatch, present))


def _id(cell: Any) -> Any:
    """A cell of a column that numbers something; None if it is empty, which pandas may write as a word."""
    return None if is_missing(cell) or cell in ("NaN", "nan", "NA", "None", "null") else cell


def _are_words(cells: Sequence[Any]) -> bool:
    """Whether the cells are single words, most of which are no numbers."""
    return _are_single(cells) and any(isinstance(cell, str) and cell.isalpha() for cell in cells)


def _are_single(cells: Sequence[Any]) -> bool:
    """Whether the cells have no spaces inside."""
    present = [str(cell).strip() for cell in cells if not is_missing(cell)]
    simple = not any(isinstance(cell, list | dict) for cell in cells)
    return simple and sum(len(cell.split()) > 1 for cell in present) <= (1 - _SURE) * len(present)


def _are_marked(cells: Sequence[Any]) -> bool:
    """Whether the cells are tags such as B-PER and O."""
    counts = Counter(cell for cell in cells if isinstance(cell, str) and not is_missing(cell))
    notation = notation_of(counts)
    read = sum(n for tag, n in counts.items() if notation.reads(tag))
    return notation.marked and counts.keys() != {OUTSIDE} and read >= _SURE * max(counts.total(), 1) and bool(counts)
