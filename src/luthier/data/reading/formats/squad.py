"""SQuAD JSON, versions 1.1 and 2: nested articles, paragraphs and questions, read as one row per question.

Paragraphs without articles around them are read too, as Simple Transformers takes them and MRQA has them.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from luthier.data.reading.charset import line_fault
from luthier.data.reading.formats.json import JSON_ERRORS, looks_like_json, objects_by_line, value_fault
from luthier.data.reading.reader import Reader, Reading, TextFile, TextFormat
from luthier.data.records import Fault, Record, Skipped
from luthier.findings import Decision
from luthier.text import count, plural

COLUMNS = ["id", "title", "context", "question", "answers"]


@dataclass
class SquadReader(Reader):
    """Reads one row per question, as in the `datasets` library: `answers` is {"text": [...], "answer_start": [...]}.

    The lists are empty if the question has no answer; `answers` is None if the file does not have the key.
    """

    text: TextFile
    by_line: bool

    @classmethod
    def of_articles(cls, text: TextFile, articles: list[Any]) -> "SquadReader":
        """The reader for a file that is a single JSON value."""
        paragraphs = sum(len(_paragraphs(article, "") or []) for article in articles)
        held = [plural(len(articles), "article")] if any(map(_is_article, articles)) else []
        value = f"SQuAD JSON, {', '.join([*held, plural(paragraphs, 'paragraph')])}"
        return cls(text.file.name, "json", list(COLUMNS), _decisions(text, value), text, by_line=False)

    @classmethod
    def of_lines(cls, text: TextFile, articles: list[Any]) -> "SquadReader":
        """The reader for a file with one article, or one paragraph, per line."""
        held = "article" if any(map(_is_article, articles)) else "paragraph"
        decisions = _decisions(text, f"SQuAD JSON lines, one {held} per line")
        return cls(text.file.name, "jsonl", list(COLUMNS), decisions, text, by_line=True)

    def records(self) -> Iterator[Record | Skipped]:
        for number, row in enumerate(self._rows(), start=1):
            if isinstance(row, Fault):
                yield row.at(self.name, number)
            elif fault := value_fault(row):
                yield fault.at(self.name, number)
            else:
                yield Record(self.name, number, row)

    def _rows(self) -> Iterator[dict[str, Any] | Fault]:
        if not self.by_line:
            value = json.loads(self.text.read())
            for place, article in enumerate(_articles_of(value) or [], start=1):
                kind = "paragraph" if _has_questions(article) else "article"
                yield from _questions(article, f"{kind} {count(place)}")
            return
        with self.text.lines() as lines:
            for line in lines:
                if line.isspace():
                    continue
                where = f"line {count(lines.number)}"
                if fault := line_fault(line):
                    yield Fault(fault.reason, f"{where}: {fault.detail}")
                    continue
                try:
                    article = json.loads(line)
                except JSON_ERRORS as error:
                    yield Fault("invalid-json", f"{where}: {error}")
                else:
                    # MRQA's first line names the data set.
                    yield from () if _is_header(article) else _questions(article, where)


def open_squad(text: TextFile, how: Reading) -> SquadReader | None:
    """The reader if the text is SQuAD JSON, as a single value or one article per line, else None."""
    if '"qas"' not in text.sample or not looks_like_json(text):
        return None
    objects = objects_by_line(text)
    if objects is not None:
        several = [value for value in objects if not _is_header(value)]
        return SquadReader.of_lines(text, several) if _are_squad(several) else None
    try:
        articles = _articles_of(json.loads(text.read()))
    except JSON_ERRORS:
        return None  # the JSON format reports what is wrong with it
    return SquadReader.of_articles(text, articles) if articles else None


def _articles_of(value: Any) -> list[Any] | None:
    """The articles, or paragraphs without articles, of a JSON value in SQuAD format, else None."""
    if isinstance(value, dict) and not _are_squad([value]):
        lists = [cells for cells in value.values() if isinstance(cells, list)]
        value = value["data"] if "data" in value else lists[0] if len(lists) == 1 else []
    articles = [value] if isinstance(value, dict) else value
    return articles if isinstance(articles, list) and _are_squad(articles) else None


def _are_squad(values: list[Any]) -> bool:
    found = (_is_article(value) or (_has_questions(value) and "context" in value) for value in values)
    return 2 * sum(found) > len(values)


def _is_article(value: Any) -> bool:
    """Whether a JSON value is a SQuAD article: it has paragraphs, some of which have questions."""
    paragraphs = value.get("paragraphs") if isinstance(value, dict) else None
    return isinstance(paragraphs, list) and any(map(_has_questions, paragraphs))


def _has_questions(value: Any) -> bool:
    return isinstance(value, dict) and "qas" in value


def _is_header(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() == {"header"}


def _paragraphs(article: Any, where: str) -> list[tuple[str, Any]] | None:
    """The paragraphs of an article, or the one that has none around it, each with its place; None if there are none."""
    if _has_questions(article):
        return [(where, article)]
    found = article.get("paragraphs") if isinstance(article, dict) else None
    if not isinstance(found, list):
        return None
    return [(f"{where}, paragraph {count(place)}", paragraph) for place, paragraph in enumerate(found, start=1)]


def _questions(article: Any, where: str) -> Iterator[dict[str, Any] | Fault]:
    paragraphs = _paragraphs(article, where)
    if paragraphs is None:
        yield Fault("not-an-article", f"{where}: there are no paragraphs")
    for here, paragraph in paragraphs or []:
        questions = paragraph.get("qas") if isinstance(paragraph, dict) else None
        if not isinstance(paragraph, dict) or not isinstance(paragraph.get("context"), str):
            lost = len(questions) if isinstance(questions, list) else 0
            yield from [Fault("missing-context", f"{here}: there is no context")] * max(lost, 1)
        elif not isinstance(questions, list):
            yield Fault("missing-question", f"{here}: there are no questions")
        else:
            for number, qa in enumerate(questions, start=1):
                yield _row(article, paragraph["context"], qa, f"{here}, question {count(number)}")


def _row(article: dict[str, Any], context: str, qa: Any, where: str) -> dict[str, Any] | Fault:
    if not isinstance(qa, dict) or not isinstance(qa.get("question"), str):
        return Fault("missing-question", f"{where}: there is no question")
    answers = _answers(qa)
    if isinstance(answers, str):
        return Fault("invalid-answer", f"{where}: {answers}")
    title = article.get("title")
    return dict(zip(COLUMNS, (qa.get("id", qa.get("qid")), title, context, qa["question"], answers), strict=True))


def _answers(qa: dict[str, Any]) -> dict[str, list[Any]] | str | None:
    """The answers of a question, None if it does not have the key, or a message about invalid ones."""
    if qa.get("is_impossible"):
        return {"text": [], "answer_start": []}  # `answers` and `plausible_answers` are not gold answers here
    if "detected_answers" in qa:
        return _detected(qa["detected_answers"])
    answers = qa.get("answers")
    if answers is None:
        return None
    if not isinstance(answers, list):
        return "the answers are not a list"
    for answer in answers:
        if not isinstance(answer, dict) or not isinstance(answer.get("text"), str):
            return "an answer has no text"
        if type(answer.get("answer_start")) is not int:
            return "an answer has no answer_start"
    return {key: [answer[key] for answer in answers] for key in ("text", "answer_start")}


def _detected(answers: Any) -> dict[str, list[Any]] | str:
    """The answers of a question of MRQA, each with every place where it stands; or a message about invalid ones."""
    try:
        found = [(answer["text"], int(start)) for answer in answers for start, _ in answer["char_spans"]]
    except (KeyError, TypeError, ValueError):
        return "the detected answers have no text or no char_spans"
    return {"text": [text for text, _ in found], "answer_start": [start for _, start in found]}


def _decisions(text: TextFile, value: str) -> list[Decision]:
    return [Decision("format", value, "one row per question"), text.encoding.decision()]


FORMAT = TextFormat(names=("squad", "json", "jsonl"), suffixes=(), open=open_squad)
