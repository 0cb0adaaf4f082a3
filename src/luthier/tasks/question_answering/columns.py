"""Recognise the columns of question, context and answers, for extractive and generative question answering."""

from collections.abc import Sequence
from dataclasses import replace

from luthier.data.columns.fields import with_fields
from luthier.data.columns.profile import ColumnProfile, Recognition
from luthier.data.columns.roles import (
    Columns,
    Given,
    Profiles,
    asked,
    by_name,
    described,
    is_named,
    is_prose,
    is_structured,
    said,
    several,
    there_are,
    with_split,
)
from luthier.findings import Decision
from luthier.tasks.chat.unread import judgements, unclear_judgement
from luthier.tasks.question_answering.answers import IMPOSSIBLE, MARKS, NO_ANSWER, has_answer
from luthier.tasks.question_answering.passages import CONTEXT_NAMES, passages_in
from luthier.text import share

EXTRACTIVE, GENERATIVE = "question-answering", "generative-qa"
SHAPES = ("answerable", "unanswerable-too")
GENERATIVE_SHAPES = ("context", "closed")
# Best first.
QUESTION_NAMES = ("question", "query", "problem", "question text", "title")
ANSWER_NAMES = (
    *("answers", "answer", "answer text", "answers text", "gold answer", "correct answer", "best answer"),
    *("ans spans", "answer span", "answer spans", "long answer", "short answer", "final answer"),
    *("solution", "response"),
)
START_NAMES = (
    *("answer start", "answers start", "answers answer start", "answer starts", "answer start index", "start"),
    *("start index", "answer begin", "ans indices", "answer indices", "start position", "start char", "answer offset"),
)
_STARTS_INSIDE = {"answer_start", "start", "answer_starts"}
_TEXTS_INSIDE = {"text", "texts", "value", "aliases", "answer", "normalized_value"}


def recognise_qa(profiles: Profiles, *, given: Given, shape: str | None) -> Recognition | None:
    """Find `question`, `context`, `answers` and, if it is a separate column, the answers' `start`.

    Arguments and errors as in `Task.recognise`; `text` stands for question and context, `label` for the answers.
    """
    if shape and shape not in SHAPES:
        return None
    named = asked(profiles, {k: v for k, v in given.items() if k != "start"}, ["question", "context"], "answers")
    columns = None if named is None else _question_context_answers(profiles, named)
    if named is None or columns is None or "context" not in columns:
        return None
    profiles = with_fields(profiles, [str(columns["context"])])
    answers = profiles[str(columns["answers"])]
    inside = bool(_STARTS_INSIDE & answers.structure.keys)
    starts = [] if inside else several(given.get("start")) or by_name(profiles, START_NAMES, _may_be_start)
    starts = [name for name in starts if name not in columns.values()]
    why = [_line(role, profiles[str(name)], named) for role, name in columns.items()]
    if starts:
        columns["start"] = starts[0]
        why.append(said("start", profiles[starts[0]], "as given" if "start" in given else "by name"))
    without = max(_without_answer(answers), _marked_impossible(profiles))
    found = shape or ("unanswerable-too" if without else "answerable")
    reason = (
        "as given" if shape else f"{share(without)} of the rows have no answer" if without else "each has an answer"
    )
    why.append(Decision("shape", found, reason))
    sure = 0.5 if not (starts or inside) else 0.97 if is_named(str(columns["question"]), QUESTION_NAMES[:3]) else 0.8
    certain = len(named) == 3 and bool(starts or inside)
    return Recognition(EXTRACTIVE, found, with_split(profiles, given, columns, why), 1.0 if certain else sure, why)


def recognise_generative_qa(profiles: Profiles, *, given: Given, shape: str | None) -> Recognition | None:
    """Find `question`, `answers` and, if there is one, `context`; arguments and errors as there.

    If the answers have starts in a context, the confidence is lower than that of `recognise_qa`. The shape is one of
    `GENERATIVE_SHAPES`.
    """
    if shape and shape not in GENERATIVE_SHAPES:
        return None
    named = asked(profiles, given, ["question", "context"], "answers")
    columns = None if named is None else _question_context_answers(profiles, named)
    if named is None or columns is None or (shape == "context" and "context" not in columns):
        return None
    unclear = ""
    if shape == "closed":
        columns.pop("context", None)
    elif "context" not in columns and (unknown := passages_in(profiles)[1]):
        ways = "name its texts with --column context=FIELD, or use none with --set shape=closed"
        unclear = f"the context is unclear: {described(profiles[unknown[0]])}; {ways}"
    profiles = with_fields(profiles, [str(columns.get("context", ""))])
    answers, question = profiles[str(columns["answers"])], profiles[str(columns["question"])]
    why = [_line(role, profiles[str(name)], named) for role, name in columns.items()]
    found = "context" if "context" in columns else "closed"
    why.append(Decision("shape", found, "answered from a context" if found == "context" else "there is no context"))
    placed = bool(_STARTS_INSIDE & answers.structure.keys) or bool(by_name(profiles, START_NAMES, _may_be_start))
    # A few answers that recur are classes: yes, no, maybe.
    classes = answers.n >= 50 and answers.distinct <= 20
    called = is_named(question.name, QUESTION_NAMES[:4]) and is_named(answers.name, ANSWER_NAMES[:-1])
    sure = 0.4 if classes else 0.6 if placed and "context" in columns else 0.93 if called else 0.5
    judged = [] if named else judgements(profiles, columns, found)
    unclear = unclear or (unclear_judgement(judged[0]) if judged else "")
    certain = {"question", "answers"} <= named.keys() and not placed and not classes and called
    roles = with_split(profiles, given, columns, why)
    return Recognition(GENERATIVE, found, roles, 1.0 if certain else sure, why, unclear)


def likely_generative_qa(profiles: Profiles) -> list[Columns]:
    """The question and the answers, where a column that is not read may say which answers are good."""
    found = recognise_generative_qa(profiles, given={}, shape=None)
    judged = found is not None and judgements(profiles, found.columns, found.shape)
    return [{role: found.columns[role] for role in found.columns if role != "split"}] if found and judged else []


def why_not(profiles: Profiles, roles: Sequence[str]) -> str:
    """Explain which of the roles no column has, and say what each column holds."""
    names = {"question": QUESTION_NAMES, "context": CONTEXT_NAMES, "answer": ANSWER_NAMES}
    absent = [
        role for role in roles if not by_name(profiles, names[role], _may_be_answers if role == "answer" else is_prose)
    ]
    return f"no column looks like a {' or '.join(absent or roles)}: {there_are(profiles)}"


def _question_context_answers(profiles: Profiles, named: Columns) -> Columns | None:
    """The three columns by role, without a context if there is none; None without question or answers."""
    if any(isinstance(value, list) for value in named.values()):
        return None
    taken = dict(named)
    for role, names, fits in (
        ("answers", ANSWER_NAMES, _may_be_answers),
        ("answers", ANSWER_NAMES, _may_be_number),
        ("question", QUESTION_NAMES, is_prose),
        ("context", CONTEXT_NAMES, is_prose),
    ):
        if role not in taken:
            found = [name for name in by_name(profiles, names, fits) if name not in taken.values()]
            if found:
                taken[role] = found[0]
    if "question" not in taken or "answers" not in taken:
        return None
    if "context" not in taken and (passages := passages_in(profiles)[0]):
        taken["context"] = passages[0]
    return {role: taken[role] for role in ("question", "context", "answers") if role in taken}


def _may_be_answers(column: ColumnProfile) -> bool:
    structure = column.structure
    if structure.item == "object" or (not structure.item and structure.keys):
        return bool(_TEXTS_INSIDE & structure.keys)
    return structure.item in ("text", "") if is_structured(column) else is_prose(column)


def _may_be_number(column: ColumnProfile) -> bool:
    """Whether a column may hold numeric answers, judged by its name; 0/1 columns are classes."""
    return column.numeric_share > 0 and column.flag_share < 1 and is_named(column.name, ANSWER_NAMES)


def _may_be_start(column: ColumnProfile) -> bool:
    if is_structured(column):
        return column.structure.item == "number"
    return column.integer_share > 0.9 and column.missing_share < 1


def _without_answer(answers: ColumnProfile) -> float:
    """Share of the rows without an answer."""
    structure = answers.structure
    if answers.cells:
        return sum(not has_answer(cell) for cell in answers.cells) / len(answers.cells)
    if structure.lengths:
        return sum(length <= 0 for length in structure.lengths) / len(structure.lengths)
    marked = answers.commonest_share if answers.commonest in NO_ANSWER else 0.0
    return answers.missing_share + (1 - answers.missing_share) * marked


def _marked_impossible(profiles: Profiles) -> float:
    """Share of the rows that say they have no answer, as in SQuAD 2.0."""
    column = profiles.get(IMPOSSIBLE)
    values = column.values if column else None
    return sum(n for text, n in values.items() if text in MARKS) / column.n if column and values else 0.0


def _line(role: str, column: ColumnProfile, named: Columns) -> Decision:
    line = said(role, column, "as given" if role in named else "by name")
    several_texts = role == "context" and is_structured(column)
    return replace(line, why=f"{line.why}; the passages of a row are joined") if several_texts else line
