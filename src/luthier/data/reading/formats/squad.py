"""SQuAD's nested JSON, versions 1.1 and 2: articles of paragraphs of questions, read as one row a question."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from luthier.data.reading.charset import line_fault
from luthier.data.reading.json_values import JSON_ERRORS, value_fault
from luthier.data.reading.readers import Reader, TextFile
from luthier.data.records import Record, Skipped
from luthier.findings import Decision
from luthier.text import count, plural

COLUMNS = ["id", "title", "context", "question", "answers"]
Row = dict[str, Any] | tuple[str, str]  # a row, or the reason and detail for which it is skipped


@dataclass
class SquadReader(Reader):
    """One row a question, in the form of the `datasets` library: `answers` is {"text": [...], "answer_start": [...]}.

    The lists are empty where the question has no answer; `answers` is None where the file tells none.
    """

    text: TextFile
    by_line: bool

    @classmethod
    def of_articles(cls, text: TextFile, articles: list[Any]) -> "SquadReader":
        """The reader of a file that is one JSON value."""
        paragraphs = sum(len(article["paragraphs"]) for article in articles if is_article(article))
        value = f"SQuAD JSON, {plural(len(articles), 'article')}, {plural(paragraphs, 'paragraph')}"
        return cls(text.file.name, "json", list(COLUMNS), _decisions(text, value), text, by_line=False)

    @classmethod
    def of_lines(cls, text: TextFile) -> "SquadReader":
        """The reader of a file with one article a line."""
        decisions = _decisions(text, "SQuAD JSON lines, one article a line")
        return cls(text.file.name, "jsonl", list(COLUMNS), decisions, text, by_line=True)

    def records(self) -> Iterator[Record | Skipped]:
        for number, row in enumerate(self._rows(), start=1):
            if isinstance(row, tuple):
                yield Skipped(self.name, number, *row)
            elif fault := value_fault(row):
                yield Skipped(self.name, number, *fault)
            else:
                yield Record(self.name, number, row)

    def _rows(self) -> Iterator[Row]:
        if not self.by_line:
            value = json.loads(self.text.read())
            for place, article in enumerate(articles_of(value) or [], start=1):
                yield from _questions(article, f"article {count(place)}")
            return
        with self.text.lines() as lines:
            for line in lines:
                if line.isspace():
                    continue
                where = f"line {count(lines.number)}"
                if fault := line_fault(line):
                    yield fault[0], f"{where}: {fault[1]}"
                    continue
                try:
                    article = json.loads(line)
                except JSON_ERRORS as error:
                    yield "invalid-json", f"{where}: {error}"
                else:
                    yield from _questions(article, where)


def articles_of(value: Any) -> list[Any] | None:
    """The articles in a JSON value that is SQuAD, else None."""
    articles = value.get("data", [value]) if isinstance(value, dict) else value
    if not isinstance(articles, list):
        return None
    return articles if 2 * sum(map(is_article, articles)) > len(articles) else None


def is_article(value: Any) -> bool:
    """Whether a JSON value is an article of SQuAD: paragraphs, some of which have a context and questions."""
    paragraphs = value.get("paragraphs") if isinstance(value, dict) else None
    return isinstance(paragraphs, list) and any(isinstance(one, dict) and "qas" in one for one in paragraphs)


def _questions(article: Any, where: str) -> Iterator[Row]:
    if not isinstance(article, dict) or not isinstance(article.get("paragraphs"), list):
        yield "not-an-article", f"{where}: there are no paragraphs"
        return
    for place, paragraph in enumerate(article["paragraphs"], start=1):
        here = f"{where}, paragraph {count(place)}"
        if not isinstance(paragraph, dict) or not isinstance(paragraph.get("context"), str):
            yield "missing-context", f"{here}: there is no context"
        elif not isinstance(paragraph.get("qas"), list):
            yield "missing-question", f"{here}: there are no questions"
        else:
            for number, qa in enumerate(paragraph["qas"], start=1):
                yield _row(article, paragraph["context"], qa, f"{here}, question {count(number)}")


def _row(article: dict[str, Any], context: str, qa: Any, where: str) -> Row:
    if not isinstance(qa, dict) or not isinstance(qa.get("question"), str):
        return "missing-question", f"{where}: there is no question"
    answers = _answers(qa)
    if isinstance(answers, str):
        return "invalid-answer", f"{where}: {answers}"
    title = article.get("title")
    return dict(zip(COLUMNS, (qa.get("id"), title, context, qa["question"], answers), strict=True))


def _answers(qa: dict[str, Any]) -> dict[str, list[Any]] | str | None:
    """The answers of a question, None where it tells none, or what is wrong with them."""
    if qa.get("is_impossible"):
        return {"text": [], "answer_start": []}  # what stands under `answers` or `plausible_answers` is no answer
    answers = qa.get("answers")
    if answers is None:
        return None
    if not isinstance(answers, list):
        return "the answers are no list"
    for answer in answers:
        if not isinstance(answer, dict) or not isinstance(answer.get("text"), str):
            return "an answer has no text"
        if type(answer.get("answer_start")) is not int:
            return "an answer has no answer_start"
    return {key: [answer[key] for answer in answers] for key in ("text", "answer_start")}


def _decisions(text: TextFile, value: str) -> list[Decision]:
    return [Decision("format", value, "one row a question"), text.encoding.decision()]
