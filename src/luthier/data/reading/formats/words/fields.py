"""Find what the fields of lines mean that have a word each: its number, the word itself, its tags; and the comments."""

import csv
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from luthier.data.reading.header import unique_names
from luthier.data.tag_notation import OUTSIDE, Notation, notation_of
from luthier.findings import Decision

# https://universaldependencies.org/format.html, with the names that datasets on the Hub give the fields
_CONLLU = ("idx", "tokens", "lemmas", "upos", "xpos", "feats", "head", "deprel", "deps", "misc")
_UPOS, _XPOS, _HEAD = 3, 4, 6
_FEWEST = 4  # fields from which on lines that count words are no numbered list
_PARTS = re.compile(r"\d+[-.]\d+")  # the line of a contraction (1-2), or of a word that was not written (8.1)
# Phrases of the CoNLL-2000 shared task, which stand beside the names of CoNLL-2003
_CHUNKS = {"ADJP", "ADVP", "CONJP", "INTJ", "LST", "NP", "PP", "PRT", "SBAR", "UCP", "VP"}
_TITLES = {
    *("id", "idx", "index", "form", "text", "token", "tokens", "word", "words", "lemma", "chunk"),
    *("pos", "upos", "xpos", "pos_tag", "pos_tags", "tag", "tags", "label", "labels"),
    *("bio", "entity", "iob", "ner", "ner_tag", "ner_tags"),
}
_COMMENT = re.compile(r"#\s+\S")
_QUOTED = (",", ";")  # separators that words may contain in quotes
_SURE = 0.95


@dataclass(frozen=True)
class Fields:
    """The fields of a line.

    Args:
        separator: What separates them; None for whitespace.
        names: Their names.
        tags: Place of the tag.
        index: Place of the number of the word in its sentence; None if there is none.
        header: Whether the first line holds names.
        notation: How the tags are written.
        plain: The tags without marks, such as parts of speech; empty for others.
        decisions: What was found, for the user.
    """

    separator: str | None
    names: tuple[str, ...]
    tags: int
    index: int | None
    header: bool
    notation: Notation
    plain: frozenset[str]
    decisions: tuple[Decision, ...]

    def split(self, line: str) -> list[str]:
        return split_line(line, self.separator)

    def is_comment(self, line: str, first: bool) -> bool:
        """Whether a line is a comment. A # with a tag is a word; between words, #ada without one is a damaged line.

        Args:
            line: The line.
            first: Whether it stands before the words of a sentence.
        """
        if not line.startswith("#") or self.index is not None:
            return line.startswith("#")
        row = self.split(line)
        return (first or begins_comment(line)) and not (len(row) == len(self.names) and self._is_tag(row))

    def is_part(self, line: str) -> bool:
        """Whether a line is no word of its sentence, but a contraction of several or one that was not written."""
        return self.index is not None and bool(_PARTS.fullmatch(self.split(line)[self.index]))

    def _is_tag(self, row: Sequence[str]) -> bool:
        tag = row[self.tags]
        return tag in self.plain if self.plain else self.notation.reads(tag)


def begins_comment(line: str) -> bool:
    """Whether a line begins with a # by itself, as comments do, and as the word # does."""
    return bool(_COMMENT.match(line))


def split_line(line: str, separator: str | None) -> list[str]:
    """The fields of a line; without a separator, it is split at whitespace."""
    if separator not in _QUOTED:
        return line.split(separator)
    return next(csv.reader([line], delimiter=separator), [])


def _separator(lines: Sequence[str]) -> str | None:
    """The separator of most lines; None for whitespace."""
    for one in ("\t", None, *_QUOTED):
        if sum(len(line.split(one)) > 1 for line in lines) > 0.9 * len(lines):
            return one
    return None


def find_fields(sentences: Sequence[Sequence[str]], *, named: bool, gap: bool) -> Fields | None:
    """What the fields of the lines of sentences mean; None if they are no words with tags.

    Args:
        sentences: The lines of each sentence, without their ends.
        named: Whether the file is said to hold words with tags, by its extension or as asked.
        gap: Whether blank lines separate sentences.
    """
    words = [[line for line in lines if not line.startswith("#")] for lines in sentences]
    if not any(words):
        words = [list(lines) for lines in sentences]
    separator = _separator([line for lines in words for line in lines])
    split = [[split_line(line, separator) for line in lines] for lines in words]
    widths = Counter(len(row) for rows in split for row in rows)
    width = widths.most_common(1)[0][0] if widths else 0
    if width < 2:
        return None
    index = 0 if _counts(split) else None
    rows = [row for rows in split for row in rows if index is None or not _PARTS.fullmatch(row[index])]
    header = len(rows) > 1 and len(rows[0]) == width and all(name.lower() in _TITLES for name in rows[0])
    found = _Columns(rows[header:], width, index, len(rows) / len(sentences))
    tags = found.marked(named=named)
    plain = tags is None
    if tags is None and gap:
        tags = found.speech(named=named)
    word = next((place for place in found.others if place != tags and place not in found.places), None)
    if word is None or not (named or found.are_words(word)):
        return None
    tagged = tags is not None
    if tags is None:
        if not gap or not (found.is_numbered or (named and found.is_empty(word))):
            return None
        tags = width - 1
    names = found.layout or tuple(rows[0]) if header or found.layout else found.numbered
    roles = {word: "tokens"} | ({tags: "tags"} if tagged else {})
    names = tuple(unique_names([roles.get(place) or _other(name) for place, name in enumerate(names)]))
    notation = notation_of(Counter(found.values[tags]))
    known = frozenset(found.values[tags] if plain else ())
    fields = Fields(separator, names, tags, index, header, notation, known, ())
    return replace(fields, decisions=tuple(_decisions(fields, word, found)))


class _Columns:
    """The columns of the rows of a sample.

    Args:
        rows: The fields of each line.
        width: Number of fields of most lines.
        index: Place of the number of each word; None if there is none.
        mean: Words of a sentence on average.
    """

    def __init__(self, rows: Sequence[Sequence[str]], width: int, index: int | None, mean: float) -> None:
        even = [row for row in rows if len(row) == width]
        self.n, self.even = len(rows), len(even)
        self.values = [Counter(row[place] for row in even) for place in range(width)]
        self.others = [place for place in range(width) if place != index]
        self.places = [place for place in self.others if self._is_marked(place, _SURE)]
        self.index, self.mean = index, mean
        self.is_numbered = index is not None and width >= _FEWEST
        self.numbered = tuple(f"column{place + 1}" for place in range(width))
        self.layout: tuple[str, ...] = ()
        if self.is_numbered and width == len(_CONLLU) and all(v == "_" or v.isdecimal() for v in self.values[_HEAD]):
            named = zip(_CONLLU, self.numbered, self.values, strict=True)
            self.layout = tuple(number if values.keys() == {"_"} else name for name, number, values in named)

    def are_words(self, place: int) -> bool:
        """Whether a column holds single words, rather than texts."""
        return sum(n for value, n in self.values[place].items() if " " in value) <= (1 - _SURE) * self.even

    def is_empty(self, word: int) -> bool:
        """Whether there is nothing but words: all other fields hold the same sign."""
        return all(self.values[place].keys() <= {"_", "-", "-X-"} for place in self.others if place != word)

    def marked(self, *, named: bool) -> int | None:
        """Place of the tags that mark entities; None if there are none.

        The last ones count, as in CoNLL-2003, where those of phrases come before. Of columns with the same types it is
        the first: entities inside of entities follow in GermEval, and predictions in the output of conlleval.
        """
        last = self.others[-1]
        if not self.places:
            if named and self._is_marked(last, 0.5, entities=False):
                return last
            return next((p for p in reversed(self.others) if self._is_marked(p, _SURE, entities=False)), None)
        # Without an entity, the last column may be that of a short file, or of entities inside of others.
        empty = last not in self.places and self.values[last].keys() == {OUTSIDE}
        inner = self.index is not None and not self._types(self.places[-1]) <= _CHUNKS
        found = last if empty and not inner else self.places[-1]
        for place in reversed(self.places):
            if any(
                one.startswith(other) or other.startswith(one)
                for one in self._types(place)
                for other in self._types(found)
            ):
                found = place
        return found

    def speech(self, *, named: bool) -> int | None:
        """Place of tags without marks, such as parts of speech; None if there are none."""
        if self.layout:
            return next((place for place in (_UPOS, _XPOS) if self.values[place].keys() != {"_"}), None)
        word, tags = self.values[self.others[0]], self.values[self.others[-1]]
        if len(self.others) < 2 or any(" " in one for one in word.keys() | tags.keys()):
            return None
        if all(map(str.isdigit, word)) or (all(map(str.isdigit, tags)) and not (named and self.mean >= 2)):
            return None  # numbered words, or numbers for texts
        recur = 1 < len(tags) < len(word) and (2 if named else 10) * len(tags) <= self.even
        capitals = named or all(tag == tag.upper() for tag in tags)
        return self.others[-1] if recur and capitals and self.even >= _SURE * self.n else None

    def _is_marked(self, place: int, share: float, *, entities: bool = True) -> bool:
        """Whether a column holds tags with marks: of entities, or else at least O."""
        notation = notation_of(self.values[place])
        read = sum(n for tag, n in self.values[place].items() if notation.reads(tag))
        return notation.marked and read >= share * self.n and (not entities or bool(self._types(place)))

    def _types(self, place: int) -> set[str]:
        notation = notation_of(self.values[place])
        return {kind for tag in self.values[place] if (kind := notation.split(tag)[1])}


def _counts(sentences: Sequence[Sequence[Sequence[str]]]) -> bool:
    """Whether the first fields of sentences count their words."""
    right = several = 0
    for rows in sentences:
        numbers = [row[0] for row in rows if not _PARTS.fullmatch(row[0])]
        if len(numbers) > 1:
            several += 1
            first = int(numbers[0]) if numbers[0].isdecimal() else None
            right += first is not None and numbers == [str(first + place) for place in range(len(numbers))]
    return bool(several) and right >= 0.9 * several


def _other(name: str) -> str:
    """The name of a further field, so that it is not mistaken for the words or their tags."""
    return f"{name}_other" if name.lower() in ("tokens", "tags") else name


def _decisions(fields: Fields, word: int, found: _Columns) -> Iterator[Decision]:
    width = len(fields.names)
    separator = {"\t": "tab", None: "blanks"}.get(fields.separator, repr(fields.separator))
    yield Decision("separator", separator, f"most lines have {width} fields")
    if found.layout:
        yield Decision("fields", "those of CoNLL-U", "10 of them, with the numbers of words and of their heads")
    elif (word, fields.tags) != (0, width - 1):
        counts = "field 1 counts the words of a sentence" if fields.index is not None else "by content"
        yield Decision("tokens", f"field {word + 1}", counts)
    if "tags" not in fields.names:
        yield Decision("tags", "none found", "no field holds tags of entities or parts of speech; --label takes any")
    elif fields.tags != width - 1:
        yield Decision("tags", f"field {fields.tags + 1}", _why(fields, found))
    if fields.header:
        yield Decision("header", "yes", "the first line holds names of fields")


def _why(fields: Fields, found: _Columns) -> str:
    if fields.plain:
        return "parts of speech"
    later = [str(place + 1) for place in found.places if place > fields.tags]
    return (
        f"the first of several with these types; also field {', '.join(later)}"
        if later
        else "it holds tags such as B-PER"
    )
