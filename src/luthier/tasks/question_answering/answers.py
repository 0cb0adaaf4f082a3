"""Extractive answers: read in common formats, and verified against the context."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from luthier.data.records import Fault, all_sound
from luthier.data.values import as_number, is_missing, structured
from luthier.tasks.question_answering.passages import joined
from luthier.tasks.roles import read_text
from luthier.text import count, shorten

# Of SubjQA, of CoQA and QuAC, and of MS MARCO; the first two stand at the end of contexts, too.
NO_ANSWER = ("ANSWERNOTFOUND", "CANNOTANSWER", "No Answer Present.", "No Answer Present")
IMPOSSIBLE, MARKS = "is_impossible", (True, "True", "true", "1")  # column of SQuAD 2.0, and what it says of such a row
TEXT_KEYS = ("text", "texts", "answer", "value", "aliases")  # of an object with an answer
FARTHEST = 3  # maximum characters between an answer and its stated start
MENDS = {
    "answer-shifted": f"the answer is up to {FARTHEST} characters from its given start",
    "answer-trimmed": "whitespace around the answer was ignored",
    "answer-respelled": "the answer differs from the context in whitespace or case: the context's form is used",
    "answer-located": "the answer had no start and occurs exactly once in the context",
    "answer-dropped": "one of several answers is not in the context; the others are kept",
}


@dataclass(frozen=True, slots=True)
class Answers:
    """The answers of one row.

    Args:
        spans: Text and start of each answer; empty if the question has no answer. Each is exact:
            context[start:start + len(text)] == text.
        mends: The corrections that were needed, see `MENDS`.
    """

    spans: tuple[tuple[str, int], ...]
    mends: tuple[str, ...] = ()


def read_context(values: Mapping[str, Any], columns: Mapping[str, str | list[str]]) -> str | Fault:
    """The context of a row, its passages joined, without the "no answer" marker that some datasets put at its end."""
    column = str(columns["context"])
    passages = structured(values.get(column))
    text = read_text({column: joined(passages)} if isinstance(passages, list) else values, column)
    if isinstance(text, Fault):
        return text
    for marker in NO_ANSWER[:2]:
        if text.endswith(marker):
            return text.removesuffix(marker).rstrip() or text
    return text


def read_answers(values: Mapping[str, Any], columns: Mapping[str, str | list[str]]) -> Answers | Fault:
    """The answers of a row, each verified against the context, or why the row is skipped.

    Args:
        values: Column to value.
        columns: The columns of the roles `context`, `answers` and, if there is one, `start`.
    """
    context = read_context(values, columns)
    if isinstance(context, Fault):
        return context
    if values.get(IMPOSSIBLE) in MARKS:
        return Answers(())
    cell = structured(values.get(str(columns["answers"])))
    start = structured(values.get(str(columns["start"]))) if "start" in columns else None
    if cell is None and ("start" not in columns or start is None):
        return Fault.empty("missing-label", values, columns["answers"])
    found = _pairs(cell, start)
    if isinstance(found, Fault):
        return found
    wanted = [(text, place) for text, place in found if _is_answer(text)]
    spans: list[tuple[str, int]] = []
    mends: list[str] = []
    faults: list[Fault] = []
    for text, place in wanted:
        mended = _mend(context, text, place)
        if isinstance(mended, Fault):
            faults.append(mended)
            continue
        spans.append(mended[0])
        mends += [mended[1]] if mended[1] else []
    if wanted and not spans:
        return faults[0]
    return Answers(tuple(spans), tuple(dict.fromkeys(mends + ["answer-dropped"] * bool(faults))))


def read_answer_texts(values: Mapping[str, Any], columns: Mapping[str, str | list[str]]) -> list[str] | Fault:
    """The distinct answers of a row as texts; empty if the question has no answer."""
    cell = structured(values.get(str(columns["answers"])))
    if is_missing(cell) and not isinstance(cell, str):
        return Fault.empty("missing-label", values, columns["answers"])
    if isinstance(cell, dict) and "value" in cell:  # TriviaQA: the answer and its aliases
        cell = [cell["value"], *(cell.get("aliases") or ())]
    found = _pairs(cell, None)
    if isinstance(found, Fault):
        return found
    return list(dict.fromkeys(text for text, _ in found if _is_answer(text)))


def has_answer(cell: Any) -> bool:
    """Whether a cell of a column of answers has one, or what cannot be read."""
    found = _pairs(structured(cell), None)
    return isinstance(found, Fault) or any(_is_answer(text) for text, _ in found)


def _is_answer(text: str) -> bool:
    return bool(text.strip()) and text.strip() not in NO_ANSWER


def _pairs(cell: Any, start: Any) -> list[tuple[str, int | None]] | Fault:
    """Texts with their starts, from {"text": [...], "answer_start": [...]}, a list of objects, texts or one text."""
    if isinstance(cell, list) and any(isinstance(one, dict) for one in cell):
        found = all_sound(_pairs(one, None) for one in cell)
        return found if isinstance(found, Fault) else [pair for pairs in found for pair in pairs]
    if isinstance(cell, dict):
        start = next((cell[key] for key in ("answer_start", "start", "answer_starts") if key in cell), None)
        key = next((key for key in TEXT_KEYS if key in cell), None)
        if key is None and cell:  # rather than no answer
            return Fault("invalid-answer", f"{shorten(str(cell), 60)} has none of {', '.join(TEXT_KEYS)}")
        cell = cell[key] if key else None
    if isinstance(cell, list | tuple):
        texts = ["" if is_missing(text) else str(text) for text in cell]
        starts = list(start) if isinstance(start, list | tuple) else [start] * len(texts)
        if len(texts) != len(starts):
            return Fault("invalid-answer", f"{count(len(texts))} answers and {count(len(starts))} starts")
    else:
        texts = ["" if is_missing(cell) else str(cell)]
        starts = [start[0] if isinstance(start, list | tuple) and start else start]  # "(667, 681)" is start and end
    return list(zip(texts, map(_place, starts), strict=True))


def _place(value: Any) -> int | None:
    number = as_number(value)
    return int(number) if number is not None and number >= 0 else None


def _mend(context: str, text: str, place: int | None) -> tuple[tuple[str, int], str] | Fault:
    """An answer exactly as in the context, and the name of the correction (empty for none), or a `Fault`."""
    trimmed = text.strip()
    if place is None:
        if context.count(trimmed) == 1:
            return (trimmed, context.index(trimmed)), "answer-located"
        times = f"{count(context.count(trimmed))} times" if trimmed in context else "nowhere"
        return Fault("answer-not-in-context", f"{shorten(text, 40)!r} has no start and occurs {times} in the context")
    near = sorted(range(-FARTHEST, FARTHEST + 1), key=abs)
    if context.startswith(text, place):
        return (text, place), ""
    inside = place + len(text) - len(text.lstrip())
    if context.startswith(trimmed, inside):
        return (trimmed, inside), "answer-trimmed"
    for at in (place + step for step in near):
        if at >= 0 and context.startswith(trimmed, at):
            return (trimmed, at), "answer-shifted"
    for at in (place + step for step in near):
        if 0 <= at < len(context) and (end := _same_letters(context, at, trimmed)):
            return (context[at:end], at), "answer-respelled"
    return Fault("answer-not-in-context", _difference(context, text, place))


def _difference(context: str, text: str, place: int) -> str:
    """Describe where an answer and the context differ."""
    there = context[place : place + len(text)]
    if not there:
        return f"{shorten(text, 40)!r} has start {count(place)}, but the context has {count(len(context))}"
    pairs = enumerate(zip(text, there, strict=False))
    alike = next((place for place, (one, other) in pairs if one != other), len(there))
    at = max(0, alike - 12)
    pieces = [f"{shorten(piece[at : alike + 20], 40)!r}" for piece in (text, there)]
    return f"the answer at {count(place)} has {pieces[0]} where the context has {pieces[1]}"


def _same_letters(context: str, start: int, text: str) -> int:
    """The end of a text that begins at `start`, compared without whitespace and case; 0 if it is not there."""
    letters: Sequence[str] = [letter.lower() for letter in text if not letter.isspace()]
    if context[start].isspace():
        return 0
    at = start
    for letter in letters:
        while at < len(context) and context[at].isspace():
            at += 1
        if at == len(context) or context[at].lower() != letter:
            return 0
        at += 1
    return at
