"""Recognise the columns that hold a text in two languages, and the languages."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from luthier.data.columns.metadata import is_metadata
from luthier.data.columns.profile import ColumnProfile, Recognition, is_id_name, words_of
from luthier.data.columns.roles import (
    Columns,
    Given,
    Profiles,
    asked,
    by_name,
    is_named,
    is_prose,
    is_structured,
    said,
    unused,
    with_split,
)
from luthier.data.reading.formats.parallel import LANGUAGES
from luthier.data.records import Fault
from luthier.data.values import is_missing, structured
from luthier.findings import Decision
from luthier.tasks.roles import NO_TEXT, not_text

TASK = "translation"
SOURCE_NAMES = ("source", "src", "source text", "source sentence", "input")
TARGET_NAMES = ("target", "tgt", "trg", "target text", "target sentence", "translation", "output")
_NAMES = {
    **{"arabic": "ar", "chinese": "zh", "czech": "cs", "danish": "da", "dutch": "nl", "english": "en"},
    **{"finnish": "fi", "french": "fr", "german": "de", "greek": "el", "hebrew": "he", "hindi": "hi"},
    **{"hungarian": "hu", "italian": "it", "japanese": "ja", "korean": "ko", "norwegian": "no", "persian": "fa"},
    **{"polish": "pl", "portuguese": "pt", "romanian": "ro", "russian": "ru", "spanish": "es", "swedish": "sv"},
    **{"turkish": "tr", "ukrainian": "uk", "vietnamese": "vi", "deutsch": "de"},
}


@dataclass(frozen=True)
class _Pair:
    """The columns chosen for the two roles, their languages (empty if unknown), other columns, and the confidence."""

    source: str
    target: str
    languages: str
    others: Sequence[str]
    confidence: float


def recognise_translation(profiles: Profiles, *, given: Given, shape: str | None) -> Recognition | None:
    """Find `source` and `target`; the shape is their languages, such as `en-de`, or empty if unknown.

    If one of the languages is English, it is the source; otherwise they are in the table's order. Both roles name the
    same column if it holds objects with a text for each language.

    Arguments and errors as in `Task.recognise`.
    """
    named = asked(profiles, given, ["source"], "target")
    if named is None or any(isinstance(name, list) for name in named.values()) or (shape and "-" not in shape):
        return None
    source, target = str(named.get("source", "")), str(named.get("target", ""))
    pair = (
        _objects(profiles, source, target, shape)
        or _both_named(profiles, source, target, shape)
        or _by_language(profiles, source, target, shape)
        or _by_role(profiles, source, target, shape)
    )
    if pair is None or (pair.source != pair.target and any(map(is_structured, _columns(pair, profiles)))):
        return None
    columns = {"source": pair.source, "target": pair.target}
    why = [said(role, profiles[name], "as given" if role in named else "by name") for role, name in columns.items()]
    if pair.languages:
        english = "English is the source where it is one of the two" if "en" in pair.languages.split("-") else ""
        how = "as given" if shape or named else english or "in the order of the table"
        why.append(Decision("languages", pair.languages.replace("-", " to ", 1), how))
    why += unused(pair.others, "other languages; --text and --label choose others")
    certain = len(named) == 2 and bool(pair.languages) and pair.confidence > 0.9
    roles = with_split(profiles, given, dict(columns), why)
    return Recognition(TASK, pair.languages, roles, 1.0 if certain else pair.confidence, why)


def likely(profiles: Profiles) -> list[Columns]:
    """Two columns of texts of similar length may be translations, in either direction.

    If they share most words and are all there is, the second may be the first in other words: corrected, or simpler.
    """
    texts = [one for one in profiles.values() if is_prose(one) and not is_metadata(one) and one.distinct > 1]
    if len(texts) != 2 or not _alike(*texts, most=2 if _is_latin(texts[0]) == _is_latin(texts[1]) else 5):
        return []
    found = [{word for text in column.examples for word in words_of(text)} for column in texts]
    words, others = ({word for word in one if not word.isdigit()} for one in found)
    shared = 2 * len(words & others) > min(len(words), len(others))
    if shared and len(profiles) > 2:
        return []
    one, other = (column.name for column in texts)
    pairs: list[Columns] = [{"source": one, "target": other}, {"source": other, "target": one}]
    return pairs[:1] if shared else pairs


def read_side(values: Mapping[str, Any], columns: Mapping[str, str | list[str]], shape: str, role: str) -> str | Fault:
    """The source or the target of a row, or why there is none.

    Args:
        values: Column to value.
        columns: The columns of the roles `source` and `target`.
        shape: The languages, as `recognise_translation` found them.
        role: `source` or `target`.
    """
    column = str(columns[role])
    cell = structured(values.get(column)) if columns.get("source") == columns.get("target") else values.get(column)
    if isinstance(cell, dict):
        from_it = role == "source"
        fitting = [key for key in cell if (shape.startswith(f"{key}-") if from_it else shape.endswith(f"-{key}"))]
        cell = cell[max(fitting, key=len)] if fitting else None
    if is_missing(cell):
        reason = "missing-label" if role == "target" else "missing-text" if cell is None else "empty-text"
        return Fault(reason, f"column {column!r} has no {role}")
    return not_text(column, cell) if isinstance(cell, NO_TEXT) else str(cell)


def language_of(name: str) -> str:
    """The code of the language in a column's name: `de` for `de`, `text_de` or `German`; empty for none."""
    return _language(name)[0]


def _language(name: str) -> tuple[str, list[str]]:
    """The language in a column's name, and the other words of the name; a region (`pt_BR`) is part of the language."""
    words = words_of(name)
    if len(words) == 2 and all(word in LANGUAGES for word in words):
        return words[0], []
    found = [(_NAMES.get(word) or word, word) for word in words if word in _NAMES or word in LANGUAGES]
    if len(found) != 1 or len(words) > 3:
        return "", words
    return found[0][0], [word for word in words if word != found[0][1]]


def _columns(pair: _Pair, profiles: Profiles) -> list[ColumnProfile]:
    return [profiles[pair.source], profiles[pair.target]]


def _objects(profiles: Profiles, source: str, target: str, shape: str | None) -> _Pair | None:
    """A column of objects with a text for each language."""
    for column in profiles.values():
        keys = sorted(column.structure.keys)
        fits = not column.structure.item and len(keys) > 1 and all(map(language_of, keys))
        if fits and {source, target} <= {"", column.name} and (direction := _direction(keys, shape)):
            others = [key for key in keys if key not in direction]
            return _Pair(column.name, column.name, "-".join(direction), others, 0.97)
    return None


def _both_named(profiles: Profiles, source: str, target: str, shape: str | None) -> _Pair | None:
    if not source or not target:
        return None
    told = [language_of(source), language_of(target)]
    sure = 0.95 if all(told) and _alike(profiles[source], profiles[target]) else 0.4
    return _Pair(source, target, shape or ("-".join(told) if all(told) else ""), [], sure)


def _by_language(profiles: Profiles, source: str, target: str, shape: str | None) -> _Pair | None:
    """Columns named by language and otherwise alike: `en` and `de`, `text_en` and `text_de`."""
    groups: dict[tuple[str, ...], dict[str, str]] = {}
    for name, column in profiles.items():
        language, rest = _language(name)
        if language and (name in (source, target) or _may_be_language(column)):
            groups.setdefault(tuple(rest), {}).setdefault(language, name)
    wanted = {source, target} - {""}
    fitting = [group for group in groups.values() if len(group) > 1 and wanted <= set(group.values())]
    if not fitting:
        return None
    group = max(fitting, key=len)
    first = next((language for language, name in group.items() if name == source), "")
    second = next((language for language, name in group.items() if name == target), "")
    direction = _direction(list(group), shape, first, second)
    if direction is None:
        return None
    one, other = (group[language] for language in direction)
    others = [name for name in group.values() if name not in (one, other)]
    sure = 0.95 if _alike(profiles[one], profiles[other]) else 0.4
    return _Pair(one, other, "-".join(direction), others, sure)


def _by_role(profiles: Profiles, source: str, target: str, shape: str | None) -> _Pair | None:
    """Columns named source and target; only the user knows their languages."""
    sources = [source] if source else by_name(profiles, SOURCE_NAMES, is_prose)
    targets = (
        [target] if target else [name for name in by_name(profiles, TARGET_NAMES, is_prose) if name not in sources]
    )
    if not sources or not targets:
        return None
    both = is_named(sources[0], SOURCE_NAMES[:-1]) and is_named(targets[0], TARGET_NAMES[:-1])
    sure = 0.75 if both and _alike(profiles[sources[0]], profiles[targets[0]]) else 0.3
    return _Pair(sources[0], targets[0], shape or "", [], sure)


def _direction(
    languages: Iterable[str], shape: str | None, source: str = "", target: str = ""
) -> tuple[str, str] | None:
    """Source and target: as asked for, else from English, else in the order of the table; None if impossible."""
    known = list(languages)
    pairs = [(one, other) for one in known for other in known if one != other]
    if shape:
        return next((pair for pair in pairs if "-".join(pair) == shape), None)
    pairs = [pair for pair in pairs if source in ("", pair[0]) and target in ("", pair[1])]
    # `min` takes the first of equal pairs, so the table's order decides between them.
    return min(pairs, key=lambda pair: pair[0] != "en", default=None)


def _may_be_language(column: ColumnProfile) -> bool:
    """Whether a column may be text in the language of its name; the column `id` is rarely Indonesian."""
    if column.structure.lengths or column.list_share or column.missing_share == 1:
        return False
    coded = column.mean_words < 1.5 and all(any(map(str.isdigit, example)) for example in column.examples)
    if coded and is_id_name(column.name):  # wo-ar-0116
        return False
    return column.numeric_share < 0.5 and column.letter_share > 0.3 and column.distinct_share > 0.5


def _is_latin(column: ColumnProfile) -> bool:
    """Whether most letters of a column are Latin; other scripts take fewer or more characters for the same."""
    letters = [letter for text in column.examples for letter in text if letter.isalpha()]
    return 2 * sum(letter < "\u0250" for letter in letters) > len(letters)


def _alike(one: ColumnProfile, other: ColumnProfile, *, most: int = 4) -> bool:
    """Whether two columns hold texts of similar length, as translations do."""
    shorter, longer = sorted([one.mean_chars, other.mean_chars])
    return longer <= most * shorter
