"""SQuAD's nested JSON as flat rows, one for each question, none lost."""

import json
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from luthier.data.reading.sources import Source, open_source
from luthier.data.records import Record, Skipped

CONTEXT = "Oslo is the capital of Norway."


def qa(question: str = "What?", *answers: tuple[str, int], **more: Any) -> dict[str, Any]:
    spans = [{"text": text, "answer_start": start} for text, start in answers]
    return {"id": f"q-{question}", "question": question, "answers": spans, **more}


def article(*qas: Any, title: str = "Oslo", context: Any = CONTEXT) -> dict[str, Any]:
    return {"title": title, "paragraphs": [{"context": context, "qas": list(qas)}]}


def opened(folder: Path, value: Any, name: str = "squad.json") -> Source:
    path = folder / name
    path.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")
    return open_source(path)


def test_version_1(tmp_path: Path) -> None:
    source = opened(tmp_path, {"version": "1.1", "data": [article(qa("Which?", ("Oslo", 0), ("Norway", 23)))]})
    assert source.columns == ["id", "title", "context", "question", "answers"]
    assert source.decisions[0].value == "SQuAD JSON, 1 article, 1 paragraph"
    assert next(row for row in source.records() if isinstance(row, Record)).values == {
        "id": "q-Which?",
        "title": "Oslo",
        "context": CONTEXT,
        "question": "Which?",
        "answers": {"text": ["Oslo", "Norway"], "answer_start": [0, 23]},
    }


def test_version_2_and_questions_without_answers(tmp_path: Path) -> None:
    plausible = [{"text": "Norway", "answer_start": 23}]
    impossible = qa("How many?", is_impossible=True, plausible_answers=plausible)
    unlabelled = {"id": "t", "question": "Where?"}
    rows = list(opened(tmp_path, {"data": [article(impossible, unlabelled, qa(is_impossible=False))]}).records())
    answers = [row.values["answers"] for row in rows if isinstance(row, Record)]
    assert answers == [{"text": [], "answer_start": []}, None, {"text": [], "answer_start": []}]


def test_every_form_of_the_file(tmp_path: Path) -> None:
    two = [article(qa("One?", ("Oslo", 0))), article(qa("Two?", ("Oslo", 0)), qa("Three?"), title="B")]
    lines = "".join(json.dumps(one) + "\n" for one in two)
    forms = {
        "a.json": {"data": two},
        "b.json": two,
        "c.jsonl": lines,
        "d.json": lines,
        "e.txt": json.dumps({"data": two}, indent=2),
    }
    for name, value in forms.items():
        source = opened(tmp_path, value, name)
        rows = list(source.records())
        assert [row.values["question"] for row in rows if isinstance(row, Record)] == ["One?", "Two?", "Three?"], name
        assert source.decisions[0].value.startswith("SQuAD JSON"), name
    assert [row.row for row in opened(tmp_path, two[1], "one.json").records()] == [1, 2]


def test_paragraphs_without_articles(tmp_path: Path) -> None:
    two = [{"context": CONTEXT, "qas": [qa("One?", ("Oslo", 0)), qa("Two?")]}, {"context": "B.", "qas": [qa("Three?")]}]
    lines = "".join(json.dumps(one) + "\n" for one in two)
    forms = {
        "list.json": two,
        "data.json": {"version": "2", "data": two},
        "named.json": {"about": "x", "examples": two},
        "article.json": {"data": {"paragraphs": two}},
        "lines.jsonl": lines,
        "indented.txt": json.dumps(two, indent=1),
    }
    for name, value in forms.items():
        rows = list(opened(tmp_path, value, name).records())
        assert [row.values["question"] for row in rows if isinstance(row, Record)] == ["One?", "Two?", "Three?"], name
    assert opened(tmp_path, two).decisions[0].value == "SQuAD JSON, 2 paragraphs"
    assert opened(tmp_path, lines, "l.jsonl").decisions[0].value == "SQuAD JSON lines, one paragraph per line"
    assert [row.row for row in opened(tmp_path, two[1], "one.json").records()] == [1]
    broken = [*two, {"qas": [qa(), qa()]}, {"context": 3, "qas": []}, {"context": CONTEXT}]
    rows = list(opened(tmp_path, broken, "broken.json").records())[3:]
    assert [row.reason for row in rows if isinstance(row, Skipped)] == ["missing-context"] * 3 + ["not-an-article"]
    assert isinstance(rows[0], Skipped)
    assert rows[0].detail == "paragraph 3: there is no context"


def test_mrqa(tmp_path: Path) -> None:
    found = {"text": "Norway", "char_spans": [[23, 28]], "token_spans": [[5, 5]]}
    twice = {"text": "o", "char_spans": [[3, 3], [25, 25]]}
    qas = [{"qid": "a", "question": "Where?", "answers": ["Norway"], "detected_answers": [found, twice]}]
    broken = {"question": "What?", "answers": ["Oslo"], "detected_answers": [{"text": "Oslo"}]}
    values = [{"header": {"dataset": "M", "split": "train"}}, {"id": "", "context": CONTEXT, "qas": [*qas, broken]}]
    rows = list(opened(tmp_path, "".join(json.dumps(one) + "\n" for one in values), "m.jsonl").records())
    assert isinstance(rows[0], Record)
    assert rows[0].values["answers"] == {"text": ["Norway", "o", "o"], "answer_start": [23, 3, 25]}
    assert rows[0].values["id"] == "a"
    assert [row.reason for row in rows if isinstance(row, Skipped)] == ["invalid-answer"]


def test_objects_that_only_look_like_paragraphs(tmp_path: Path) -> None:
    source = opened(tmp_path, [{"context": CONTEXT, "notes": "a", "qas_count": 1}, {"text": "b", "qas": ["c"]}])
    assert source.format == "json"
    assert "question" not in source.columns


def test_what_is_broken_is_set_aside_with_its_place(tmp_path: Path) -> None:
    bad = article("no object", {"id": "x"}, qa("Good?", ("Oslo", 0)), {"question": "Bad?", "answers": [{"text": "a"}]})
    bad["paragraphs"] += [{"qas": []}, {"context": CONTEXT}, 3]
    source = opened(tmp_path, {"data": [bad, {"title": "none"}, article(qa("Last?"))]})
    rows = list(source.records())
    found = [row.reason if isinstance(row, Skipped) else row.values["question"] for row in rows]
    assert found == [
        *("missing-question", "missing-question", "Good?", "invalid-answer"),
        *("missing-context", "missing-question", "missing-context", "not-an-article", "Last?"),
    ]
    assert [row.row for row in rows] == list(range(1, 10))
    details = [row.detail for row in rows if isinstance(row, Skipped)]
    assert details[1] == "article 1, paragraph 1, question 2: there is no question"
    assert details[3] == "article 1, paragraph 2: there is no context"


def test_broken_lines_and_halved_characters(tmp_path: Path) -> None:
    half = article(qa("\ud83d")) | {"title": "half"}
    lines = [json.dumps(article(qa())), "{broken", "", "[1]", json.dumps(half), json.dumps(article(qa()))]
    rows = list(opened(tmp_path, "\n".join(lines), "t.jsonl").records())
    found = [row.reason if isinstance(row, Skipped) else "ok" for row in rows]
    assert found == ["ok", "invalid-json", "not-an-article", "encoding", "ok"]
    assert isinstance(rows[1], Skipped)
    assert rows[1].detail.startswith("line 2: ")


def test_other_nested_json_is_left_to_the_plain_reader(tmp_path: Path) -> None:
    source = opened(tmp_path, {"data": [{"title": "a", "paragraphs": ["one", "two"]}]})
    assert source.columns == ["title", "paragraphs"]


ANSWER = st.tuples(st.text(st.characters(exclude_categories=["Cs"]), max_size=5), st.integers(0, 99))
QA = st.builds(
    lambda text, answers: qa(text, *answers), st.text(st.characters(exclude_categories=["Cs"])), st.lists(ANSWER)
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(QA, max_size=3), min_size=1, max_size=4))
def test_any_nesting_comes_flat_and_whole(tmp_path: Path, articles: list[list[dict[str, Any]]]) -> None:
    value = {"data": [article(*qas) for qas in articles]}
    rows = list(opened(tmp_path, value).records())
    flat = [one for qas in articles for one in qas]
    assert [row.values["question"] for row in rows if isinstance(row, Record)] == [one["question"] for one in flat]
    for row, one in zip(rows, flat, strict=True):
        assert isinstance(row, Record)
        assert row.values["answers"]["text"] == [answer["text"] for answer in one["answers"]]


def test_a_question_without_context_is_skipped_and_so_is_the_next(tmp_path: Path) -> None:
    lost = article(qa(), qa(), context=None)
    rows = list(opened(tmp_path, {"data": [article(qa()), lost]}).records())
    assert [row.reason if isinstance(row, Skipped) else "ok" for row in rows] == ["ok"] + ["missing-context"] * 2
