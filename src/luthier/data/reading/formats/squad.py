"""SQuAD JSON, versions 1.1 and 2: nested articles, paragraphs and questions, read as one row per question."""

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
        paragraphs = sum(len(article["paragraphs"]) for article in articles if _is_article(article))
        value = f"SQuAD JSON, {plural(len(articles), 'article')}, {plural(paragraphs, 'paragraph')}"
        return cls(text.file.name, "json", list(COLUMNS), _decisions(text, value), text, by_line=False)

    @classmethod
    def of_lines(cls, text: TextFile) -> "SquadReader":
        """The reader for a file with one article per line."""
        decisions = _decisions(text, "SQuAD JSON lines, one article per line")
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
                yield from _questions(article, f"article {count(place)}")
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
                    yield from _questions(article, where)


def open_squad(text: TextFile, how: Reading) -> SquadReader | None:
    """The reader if the text is SQuAD JSON, as a single value or one article per line, else None."""
    if '"qas"' not in text.sample or not (looks_like_json(text) or how.format):
        return None
    objects = objects_by_line(text, how)
    if objects is not None:
        return SquadReader.of_lines(text) if 2 * sum(map(_is_article, objects)) > len(objects) else None
    try:
        articles = _articles_of(json.loads(text.read()))
    except JSON_ERRORS:
        return None  # the JSON format reports what is wrong with it
    return SquadReader.of_articles(text, articles) if articles else None


def _articles_of(value: Any) -> list[Any] | None:
    """The articles of a JSON value in SQuAD format, else None."""
    articles = value.get("data", [value]) if isinstance(value, dict) else value
    if not isinstance(articles, list):
        return None
    return articles if 2 * sum(map(_is_article, articles)) > len(articles) else None


def _is_article(value: Any) -> bool:
    """Whether a JSON value is a SQuAD article: it has paragraphs, some of which have questions."""
    paragraphs = value.get("paragraphs") if isinstance(value, dict) else None
    return isinstance(paragraphs, list) and any(isinstance(one, dict) and "qas" in one for one in paragraphs)


def _questions(article: Any, where: str) -> Iterator[dict[str, Any] | Fault]:
    if not isinstance(article, dict) or not isinstance(article.get("paragraphs"), list):
        yield Fault("not-an-article", f"{where}: there are no paragraphs")
        return
    for place, paragraph in enumerate(article["paragraphs"], start=1):
        here = f"{where}, paragraph {count(place)}"
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
    return dict(zip(COLUMNS, (qa.get("id"), title, context, qa["question"], answers), strict=True))


def _answers(qa: dict[str, Any]) -> dict[str, list[Any]] | str | None:
    """The answers of a question, None if it does not have the key, or a message about invalid ones."""
    if qa.get("is_impossible"):
        return {"text": [], "answer_start": []}  # `answers` and `plausible_answers` are not gold answers here
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


def _decisions(text: TextFile, value: str) -> list[Decision]:
    return [Decision("format", value, "one row per question"), text.encoding.decision()]


FORMAT = TextFormat(names=("squad", "json", "jsonl"), suffixes=(), open=open_squad)
