"""Columns are found by content and by name, as in the tables that people have."""

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luthier.data.columns.profile import is_unnamed, profile
from luthier.data.records import Record
from luthier.errors import ColumnError, RecipeError, UsageError
from luthier.tasks.text_classification.columns import likely, recognise_classification, why_not

ROWS = 200
WORDS = ["the", "film", "plot", "slow", "fine", "dull", "bright", "scene", "music", "never", "quite", "story", "half"]


def prose(rng: random.Random, least: int = 8, most: int = 25) -> str:
    return " ".join(rng.choice(WORDS) for _ in range(rng.randint(least, most)))


def brief(rng: random.Random) -> str:
    return f"{rng.choice(WORDS)} {rng.choice(WORDS)} {rng.choice(WORDS)}"


def one_of(*values: Any):
    return lambda rng, row: rng.choice(values)


def text(least: int = 8, most: int = 25):
    return lambda rng, row: prose(rng, least, most)


def short(rng: random.Random, row: int) -> str:
    return brief(rng)


def counted(rng: random.Random, row: int) -> str:
    return str(row)


def code(rng: random.Random, row: int) -> str:
    return f"{rng.getrandbits(64):016x}"


def flag(share: float = 0.3):
    return lambda rng, row: "1" if rng.random() < share else "0"


def table(columns: dict[str, Any], rows: int = ROWS, seed: int = 0) -> list[Record]:
    rng = random.Random(seed)
    return [
        Record("data.csv", row, {name: make(rng, row) for name, make in columns.items()}) for row in range(1, rows + 1)
    ]


def find(columns: dict[str, Any], rows: int = ROWS, shape: str | None = None, **given_columns: Any):
    return recognise_classification(profile(table(columns, rows)), given=given_columns, shape=shape)


def mostly(value: Any, other: Any, share: float = 0.7):
    return lambda rng, row: value if rng.random() < share else other


SINGLE = {"text": "text", "label": "label"}
CASES: dict[str, tuple[dict[str, Any], str, dict[str, Any]]] = {
    "mrpc": (
        {"Quality": one_of("0", "1"), "#1 ID": counted, "#2 ID": code, "#1 String": text(), "#2 String": text()},
        "pair/one",
        {"text": "#1 String", "text_pair": "#2 String", "label": "Quality"},
    ),
    "first and second": (
        {"first": text(), "second": text(), "label": one_of("0", "1")},
        "pair/one",
        {"text": "first", "text_pair": "second", "label": "label"},
    ),
    "a and b": (
        {"label": one_of("0", "1"), "a": text(), "b": text()},
        "pair/one",
        {"text": "a", "text_pair": "b", "label": "label"},
    ),
    "sst2, no header": (
        {"column1": text(), "column2": one_of("0", "1")},
        "single/one",
        {"text": "column1", "label": "column2"},
    ),
    "label first, no header": (
        {"column1": one_of("ham", "spam"), "column2": text()},
        "single/one",
        {"text": "column2", "label": "column1"},
    ),
    "semeval emotions": (
        {"ID": lambda rng, row: f"2017-En-{row}", "Tweet": text()}
        | {name: flag() for name in ("anger", "fear", "joy")},
        "single/several",
        {"text": "Tweet", "labels": ["anger", "fear", "joy"]},
    ),
    "toxic comments, one label never set": (
        {
            "id": code,
            "comment_text": text(),
            "toxic": flag(),
            "obscene": flag(0.05),
            "threat": one_of("0"),
            "hate": flag(),
        },
        "single/several",
        {"text": "comment_text", "labels": ["toxic", "obscene", "threat", "hate"]},
    ),
    "booleans for several labels": (
        {"text": text(), "toxic": one_of(True, False), "rude": one_of(True, False), "calm": one_of(True, False)},
        "single/several",
        {"text": "text", "labels": ["toxic", "rude", "calm"]},
    ),
    "stsb, no header": (
        {"column1": text(), "column2": text(), "column3": lambda rng, row: str(round(rng.random() * 5, 3))},
        "pair/number",
        {"text": "column1", "text_pair": "column2", "label": "column3"},
    ),
    "bbc": ({"text": text(100, 300), "label": one_of("sport", "business", "tech")}, "single/one", SINGLE),
    "glue": (
        {"sentence1": text(), "sentence2": text(), "label": one_of(0, 1), "idx": lambda rng, row: row},
        "pair/one",
        {"text": "sentence1", "text_pair": "sentence2", "label": "label"},
    ),
    "nli": (
        {"premise": text(), "hypothesis": text(4, 9), "genre": one_of("fiction", "travel"), "label": one_of(0, 1, 2)},
        "pair/one",
        {"text": "premise", "text_pair": "hypothesis", "label": "label"},
    ),
    "multinli files": (
        {
            "gold_label": one_of("entailment", "neutral", "contradiction"),
            "sentence1_parse": text(20, 40),
            "sentence2_parse": text(20, 40),
            "sentence1": text(),
            "sentence2": text(),
            "pairID": code,
        },
        "pair/one",
        {"text": "sentence1", "text_pair": "sentence2", "label": "gold_label"},
    ),
    "quora": (
        {
            "id": counted,
            "qid1": counted,
            "qid2": counted,
            "question1": text(),
            "question2": text(),
            "is_duplicate": flag(),
        },
        "pair/one",
        {"text": "question1", "text_pair": "question2", "label": "is_duplicate"},
    ),
    "boolq": (
        {"question": text(6, 10), "title": short, "answer": one_of(True, False), "passage": text(80, 120)},
        "pair/one",
        {"text": "question", "text_pair": "passage", "label": "answer"},
    ),
    "hub": ({"text": text(), "label": one_of(0, 1, 2, 3)}, "single/one", SINGLE),
    "hub with names": (
        {"text": text(), "label": one_of(0, 1), "label_text": one_of("negative", "positive")},
        "single/one",
        SINGLE,
    ),
    "reviews": (
        {"title": short, "body": text(30, 90), "stars": one_of(1, 2, 3, 4, 5)},
        "single/one",
        {"text": "body", "label": "stars"},
    ),
    "clothing reviews": (
        {
            "": lambda rng, row: row,
            "Clothing ID": lambda rng, row: rng.randint(1, 50),
            "Age": lambda rng, row: rng.randint(18, 90),
            "Title": mostly("good dress here", "", 0.8),
            "Review Text": text(30, 90),
            "Rating": one_of(1, 2, 3, 4, 5),
            "Recommended IND": one_of(0, 1),
            "Class Name": one_of("Knits", "Dresses"),
        },
        "single/one",
        {"text": "Review Text", "label": "Rating"},
    ),
    "airline tweets": (
        {
            "tweet_id": counted,
            "airline_sentiment": one_of("positive", "neutral", "negative"),
            "airline_sentiment_confidence": lambda rng, row: str(round(rng.random(), 4)),
            "airline_sentiment_gold": mostly("", "negative", 0.99),
            "airline": one_of("United", "Delta"),
            "name": lambda rng, row: f"user{row}",
            "text": text(),
            "tweet_created": lambda rng, row: f"2015-02-24 11:{row % 60:02}:52 -0800",
        },
        "single/one",
        {"text": "text", "label": "airline_sentiment"},
    ),
    "sms with empty columns": (
        {"v1": one_of("ham", "spam"), "v2": text(), "Unnamed: 2": mostly("", "and so on it goes", 0.98)},
        "single/one",
        {"text": "v2", "label": "v1"},
    ),
    "sentiment140, no header": (
        {
            "column1": one_of("0", "4"),
            "column2": counted,
            "column3": one_of("NO_QUERY"),
            "column4": lambda rng, row: f"user_{row}",
            "column5": text(),
        },
        "single/one",
        {"text": "column5", "label": "column1"},
    ),
    "ag news, no header": (
        {"column1": one_of("1", "2", "3", "4"), "column2": text(4, 7), "column3": text(30, 50)},
        "single/one",
        {"text": "column3", "label": "column1"},
    ),
    "many floats": (
        {"text": text(), "score": lambda rng, row: str(round(rng.gauss(0, 1), 3))},
        "single/number",
        {"text": "text", "label": "score"},
    ),
    "many whole numbers": (
        {"description": text(), "price": lambda rng, row: str(rng.randint(1, 900))},
        "single/number",
        {"text": "description", "label": "price"},
    ),
    "half stars": (
        {"text": text(), "rating": lambda rng, row: rng.randint(1, 10) / 2},
        "single/number",
        {"text": "text", "label": "rating"},
    ),
    "floats that are classes": ({"text": text(), "label": one_of("0.0", "1.0")}, "single/one", SINGLE),
    "banking: many numbered classes": (
        {"text": text(), "label": lambda rng, row: rng.randint(0, 76)},
        "single/one",
        SINGLE,
    ),
    "words": ({"message": text(), "kind": one_of("spam", "ham")}, "single/one", {"text": "message", "label": "kind"}),
    "labels with spaces": ({"text": text(), "label": one_of("very positive", "rather negative")}, "single/one", SINGLE),
    "yes and no": (
        {"text": text(), "is_spam": one_of("yes", "no")},
        "single/one",
        {"text": "text", "label": "is_spam"},
    ),
    "booleans": ({"text": text(), "spam": one_of(True, False)}, "single/one", {"text": "text", "label": "spam"}),
    "some labels missing": ({"text": text(), "label": one_of("a", "b", "")}, "single/one", SINGLE),
    "labels that read as missing": ({"text": text(), "label": one_of("NA", "null", "None")}, "single/one", SINGLE),
    "product names": (
        {"product": short, "department": one_of("toys", "garden", "food")},
        "single/one",
        {"text": "product", "label": "department"},
    ),
    "first names": (
        {"name": lambda rng, row: "".join(rng.choice("abcdeilmno") for _ in range(7)), "gender": one_of("f", "m")},
        "single/one",
        {"text": "name", "label": "gender"},
    ),
    "commands that repeat": (
        {
            "utterance": one_of("turn the light on", "play a song", "stop", "what time is it"),
            "intent": one_of("a", "b"),
        },
        "single/one",
        {"text": "utterance", "label": "intent"},
    ),
    "no spaces between words": (
        {"c1": lambda rng, row: "".join(rng.choice("这部电影很好看不差") for _ in range(20)), "c2": one_of("好", "差")},
        "single/one",
        {"text": "c1", "label": "c2"},
    ),
    "metadata beside the label": (
        {
            "language": one_of("en", "de"),
            "text": text(),
            "source": one_of("web", "app"),
            "sentiment": one_of("pos", "neg"),
        },
        "single/one",
        {"text": "text", "label": "sentiment"},
    ),
    "metadata beside an unnamed kind of label": (
        {"text": text(), "kind": one_of("x", "y", "z"), "language": one_of("en", "de")},
        "single/one",
        {"text": "text", "label": "kind"},
    ),
    "language identification": (
        {"text": text(), "language": one_of("en", "de", "fr")},
        "single/one",
        {"text": "text", "label": "language"},
    ),
    "a split column": (
        {"text": text(), "label": one_of("a", "b"), "split": one_of("train", "validation", "test")},
        "single/one",
        SINGLE | {"split": "split"},
    ),
    "a split column by content": (
        {"text": text(), "label": one_of("a", "b"), "SemEval_set": one_of("TRAIN", "TEST", "TRIAL")},
        "single/one",
        SINGLE | {"split": "SemEval_set"},
    ),
    "joined labels": (
        {
            "text": text(),
            "genres": lambda rng, row: "|".join(rng.sample(["drama", "crime", "comedy", "war"], rng.randint(1, 3))),
        },
        "single/several",
        {"text": "text", "labels": "genres"},
    ),
    "labels joined by a comma": (
        {"text": text(), "labels": lambda rng, row: ", ".join(rng.sample(["joy", "fear", "anger"], rng.randint(0, 2)))},
        "single/several",
        {"text": "text", "labels": "labels"},
    ),
    "labels written as a list": (
        {"text": text(), "tags": lambda rng, row: str(rng.sample(["joy", "fear", "anger"], rng.randint(0, 2)))},
        "single/several",
        {"text": "text", "labels": "tags"},
    ),
    "labels in lists": (
        {"text": text(), "labels": lambda rng, row: rng.sample([0, 1, 2, 3], rng.randint(0, 2)), "id": code},
        "single/several",
        {"text": "text", "labels": "labels"},
    ),
    "one label with a comma in it": (
        {"text": text(), "category": one_of("Health, Beauty", "Arts, Crafts & Sewing", "Books")},
        "single/one",
        {"text": "text", "label": "category"},
    ),
    "label ids": (
        {"id": counted, "text": text(), "label_id": one_of(3, 4, 9)},
        "single/one",
        {"text": "text", "label": "label_id"},
    ),
    "one class only": ({"text": text(), "label": one_of("a")}, "single/one", SINGLE),
}


@pytest.mark.parametrize("case", CASES)
def test_columns_and_shape_are_found_without_options(case: str) -> None:
    columns, shape, expected = CASES[case]
    found = find(columns)
    assert found is not None
    assert found.columns == expected
    assert found.shape == shape
    assert 0 < found.confidence < 1
    assert {decision.what for decision in found.why} >= {"text", "shape"}


@pytest.mark.parametrize("case", CASES)
def test_the_order_of_named_columns_does_not_matter(case: str) -> None:
    columns, shape, expected = CASES[case]
    if any(is_unnamed(name) for name in columns):
        return
    found = find(dict(reversed(columns.items())))
    assert found is not None
    assert found.shape == shape
    assert {role: sorted(name) if isinstance(name, list) else name for role, name in found.columns.items()} == {
        role: sorted(name) if isinstance(name, list) else name for role, name in expected.items()
    }


NOT_CLASSIFICATION = {
    "text alone": {"text": text()},
    "summaries": {
        "fname": code,
        "dialogue": text(60, 90),
        "summary": text(),
        "topic": lambda rng, row: f"{brief(rng)} {row}",
    },
    "translations": {"en": text(), "de": text()},
    "tagged words": {"tokens": lambda rng, row: prose(rng).split(), "tags": lambda rng, row: ["O", "B-PER", "O"]},
    "chats": {"conversations": lambda rng, row: [{"from": "human", "value": prose(rng)}], "tools": text()},
}


@pytest.mark.parametrize("case", NOT_CLASSIFICATION)
def test_other_tables_are_left_alone_with_a_reason(case: str) -> None:
    columns = NOT_CLASSIFICATION[case]
    profiles = profile(table(columns))
    assert recognise_classification(profiles, given={}, shape=None) is None
    reason = why_not(profiles)
    assert reason.startswith("no column")
    assert all(repr(name) in reason for name in columns)


def test_titles_of_questions_make_no_sure_label() -> None:
    found = find({"question": text(6, 12), "context": text(80, 120), "title": one_of("Normans", "Warsaw", "Oxygen")})
    assert found is not None
    assert found.confidence <= 0.3


def test_decisions_say_what_was_taken_and_what_else_there_was() -> None:
    found = find({"title": text(4, 6), "body": text(30, 90), "stars": one_of(1, 2), "kind": one_of("a", "b")})
    assert found is not None
    lines = [f"{decision.what}: {decision.value} ({decision.why})" for decision in found.why]
    assert "label: column 'stars' (2 values in 200 rows, by name)" in lines
    assert "not used: 'title' (also text; --text a,b reads a pair)" in lines
    assert "not used: 'kind' (could be the label too; --label takes another)" in lines


@pytest.mark.parametrize(
    ("columns", "unclear"),
    [
        ({"uno": text(), "dos": text()}, True),
        ({"satz_eins": text(), "satz_zwei": text(10, 30)}, True),
        ({"uno": text(), "dos": text(40, 60)}, False),  # a heading, or a remark
        ({"text": text(), "dos": text()}, False),
        ({"uno": text(), "title": text()}, False),
        ({"uno": text(), "dos": one_of("the same few words", "or some others")}, False),
    ],
)
def test_two_texts_that_no_name_tells_apart_are_asked_about(columns: dict[str, Any], *, unclear: bool) -> None:
    whole = {**columns, "label": one_of("0", "1")}
    found = find(whole)
    assert found is not None
    assert bool(found.unclear) == unclear
    named = find(whole, text="uno" if "uno" in columns else next(iter(columns)))
    assert named is not None and not named.unclear
    first, second = columns
    if unclear:
        assert find(whole, shape="single/one").unclear == ""
        assert {"text": first, "text_pair": second, "label": "label"} in likely(profile(table(whole)))


TABLE = {"title": short, "body": text(), "stars": one_of(1, 2, 3), "useful": flag(), "funny": flag()}


@pytest.mark.parametrize(
    ("given_columns", "shape", "found_shape", "expected"),
    [
        ({"text": "title"}, None, "single/one", {"text": "title", "label": "stars"}),
        ({"text": ["title", "body"]}, None, "pair/one", {"text": "title", "text_pair": "body", "label": "stars"}),
        (
            {"text": "title", "text_pair": "body"},
            None,
            "pair/one",
            {"text": "title", "text_pair": "body", "label": "stars"},
        ),
        ({"text": "title"}, "pair/one", "pair/one", {"text": "title", "text_pair": "body", "label": "stars"}),
        ({"label": "funny"}, None, "single/one", {"text": "body", "label": "funny"}),
        ({"label": ["useful", "funny"]}, None, "single/several", {"text": "body", "labels": ["useful", "funny"]}),
        ({"labels": ["funny"]}, None, "single/several", {"text": "body", "labels": ["funny"]}),
        ({"label": "title"}, None, "single/one", {"text": "body", "label": "title"}),
        ({}, "single/number", "single/number", {"text": "body", "label": "stars"}),
        ({}, "pair/one", "pair/one", {"text": "body", "text_pair": "title", "label": "stars"}),
        ({}, "single/several", "single/several", {"text": "body", "labels": ["useful", "funny"]}),
    ],
)
def test_what_the_user_names_overrules(
    given_columns: dict[str, Any], shape: str | None, found_shape: str, expected: dict[str, Any]
) -> None:
    found = find(TABLE, shape=shape, **given_columns)
    assert found is not None
    assert found.shape == found_shape
    assert found.columns == expected


def test_all_columns_named_is_certain() -> None:
    found = find(TABLE, text="body", label="stars")
    assert found is not None
    assert found.confidence == 1
    assert [decision.why for decision in found.why[:2]] == ["as given", "as given"]


def test_an_unknown_column_is_answered_with_the_nearest_and_all() -> None:
    with pytest.raises(ColumnError) as caught:
        find(TABLE, label="strs")
    assert caught.value.what == "no column 'strs'"
    assert caught.value.where == "--label"
    assert caught.value.hint == "did you mean 'stars'? columns: title, body, stars, useful, funny"


@pytest.mark.parametrize(
    ("given_columns", "shape", "error"),
    [
        ({"text": "body", "label": "body"}, None, UsageError),
        ({"text": ["title", "body", "stars"]}, None, UsageError),
        ({"text": ["title", "body"]}, "single/one", RecipeError),
        ({"label": ["useful", "funny"]}, "single/one", RecipeError),
    ],
)
def test_contradictions_are_refused(given_columns: dict[str, Any], shape: str | None, error: type[UsageError]) -> None:
    with pytest.raises(error) as caught:
        find(TABLE, shape=shape, **given_columns)
    assert caught.value.where
    assert caught.value.hint


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_tiny_tables_are_recognised_by_name(rows: int) -> None:
    found = find({"text": text(), "label": one_of("a", "b")}, rows)
    assert found is not None
    assert found.columns == SINGLE


def test_no_rows_no_columns() -> None:
    assert recognise_classification(profile([]), given={}, shape=None) is None
    assert why_not({}).startswith("no column")


VALUE = st.one_of(
    st.none(), st.text(max_size=30), st.integers(), st.floats(), st.booleans(), st.lists(st.integers(0, 3))
)


@given(st.lists(st.dictionaries(st.sampled_from(["text", "label", "a", "column1"]), VALUE), max_size=30))
@settings(max_examples=60)
def test_any_table_is_judged(rows: list[dict[str, Any]]) -> None:
    profiles = profile([Record("x", row, values) for row, values in enumerate(rows, 1)])
    found = recognise_classification(profiles, given={}, shape=None)
    if found is not None:
        named = [name for value in found.columns.values() for name in ([value] if isinstance(value, str) else value)]
        assert len(named) == len(set(named))
        assert set(named) <= set(profiles)
    assert why_not(profiles)
