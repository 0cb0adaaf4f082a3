"""Every recogniser is sure of its own data and quiet on that of the others."""

import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st

from luthier.data.columns.profile import Recognition, profile
from luthier.data.records import Record
from luthier.errors import ColumnError
from luthier.pipeline.preparation import recognise as pipeline
from luthier.recipe import Recipe
from luthier.tasks.chat import columns as chat_columns
from luthier.tasks.registry import registry
from luthier.tasks.translation import columns as translation_columns

TASKS = registry()
WORDS = ["the", "film", "plot", "slow", "fine", "dull", "bright", "scene", "music", "never", "quite", "story", "half"]
Make = Callable[[random.Random, int], Any]


def prose(rng: random.Random, least: int = 8, most: int = 25) -> str:
    return " ".join(rng.choice(WORDS) for _ in range(rng.randint(least, most)))


def text(least: int = 8, most: int = 25) -> Make:
    return lambda rng, row: prose(rng, least, most)


def one_of(*values: Any) -> Make:
    return lambda rng, row: rng.choice(values)


def code(rng: random.Random, row: int) -> str:
    return f"{rng.getrandbits(64):016x}"


def mostly(value: Any, other: Make, share: float = 0.5) -> Make:
    return lambda rng, row: value if rng.random() < share else other(rng, row)


def tokens(rng: random.Random, row: int) -> list[str]:
    return prose(random.Random(row)).split()


def tags(*kinds: str) -> Make:
    return lambda rng, row: [rng.choice(kinds) for _ in tokens(rng, row)]


def turns(first: str = "role", second: str = "content", user: str = "user", other: str = "assistant") -> Make:
    return lambda rng, row: [{first: who, second: prose(rng)} for who in (user, other)]


def spans(rng: random.Random, row: int) -> list[dict[str, Any]]:
    return [{"start": 0, "end": 4, "label": "PER"}] * rng.randint(0, 2)


def squad(share: float = 0.0) -> Make:
    def make(rng: random.Random, row: int) -> dict[str, Any]:
        n = 0 if rng.random() < share else 1
        return {"text": [prose(rng, 1, 3)] * n, "answer_start": [rng.randint(0, 99)] * n}

    return make


def subjqa(rng: random.Random, row: int) -> str:
    return "ANSWERNOTFOUND" if rng.random() < 0.6 else prose(rng, 3, 9)


ID = {"id": code}
# Name: the columns, the task, its shape, and role to column.
CASES: dict[str, tuple[dict[str, Make], str, str, dict[str, Any]]] = {
    # The twelve sets that the project is tried on.
    "mrpc": (
        {"Quality": one_of("0", "1"), "#1 ID": code, "#2 ID": code, "#1 String": text(), "#2 String": text()},
        *("text-classification", "pair/one"),
        {"text": "#1 String", "text_pair": "#2 String", "label": "Quality"},
    ),
    "sst2": (
        {"column1": text(), "column2": one_of("0", "1")},
        *("text-classification", "single/one"),
        {"text": "column1", "label": "column2"},
    ),
    "semeval": (
        {"ID": code, "Tweet": text(), **{name: one_of("0", "0", "1") for name in ("anger", "fear", "joy")}},
        *("text-classification", "single/several"),
        {"text": "Tweet", "labels": ["anger", "fear", "joy"]},
    ),
    "stsb": (
        {"column1": text(), "column2": text(), "column3": lambda rng, row: str(round(5 * rng.random(), 3))},
        *("text-classification", "pair/number"),
        {"text": "column1", "text_pair": "column2", "label": "column3"},
    ),
    "wnut17": (
        {"tokens": tokens, "tags": tags("O", "O", "B-person", "I-person")},
        *("token-classification", "tokens"),
        {"tokens": "tokens", "tags": "tags"},
    ),
    "xquad": (
        {
            **{"id": code, "title": one_of("Normans", "Warsaw", "Oxygen"), "context": text(80, 120)},
            **{"question": text(6, 12), "answers": squad()},
        },
        *("question-answering", "answerable"),
        {"question": "question", "context": "context", "answers": "answers"},
    ),
    "subjqa": (
        {
            **{"item_id": code, "domain": one_of("restaurants"), "query_asp": one_of("food", "service", "staff")},
            **{"q_review_id": code, "question": text(4, 6), "question_subj_level": one_of("1", "2", "5")},
            **{"ques_subj_score": one_of("0.0", "0.5"), "is_ques_subjective": one_of("True", "False")},
            **{"review_id": code, "review": text(80, 120), "human_ans_spans": subjqa},
            **{"human_ans_indices": lambda rng, row: f"({rng.randint(0, 9)}, {rng.randint(10, 99)})"},
            **{"answer_subj_level": one_of("1", "2"), "is_ans_subjective": one_of("True", "False")},
        },
        *("question-answering", "unanswerable-too"),
        {"question": "question", "context": "review", "answers": "human_ans_spans", "start": "human_ans_indices"},
    ),
    "dialogsum": (
        {
            **{"fname": lambda rng, row: f"dev_{row}", "dialogue": text(60, 90), "summary": text()},
            **{"topic": lambda rng, row: f"{prose(rng, 1, 2)} {row}"},
        },
        *("summarization", ""),
        {"document": "dialogue", "summary": "summary"},
    ),
    "dialogsum, test": (
        {
            "fname": lambda rng, row: f"test_{row}",
            "dialogue": text(60, 90),
            **{
                f"{name}{n}": text(*size) for n in (1, 2, 3) for name, size in (("summary", (8, 25)), ("topic", (2, 4)))
            },
        },
        *("summarization", ""),
        {"document": "dialogue", "summary": ["summary1", "summary2", "summary3"]},
    ),
    "multi30k": ({"de": text(), "en": text()}, *("translation", "en-de"), {"source": "en", "target": "de"}),
    "alpaca-demo": (
        {"instruction": text(), "input": mostly("", text()), "output": text(20, 90)},
        *("chat", "instruction"),
        {"instruction": "instruction", "input": "input", "output": "output"},
    ),
    "sharegpt-demo": (
        {"conversations": turns("from", "value", "human", "gpt"), "tools": one_of("[]", '[{"name": "search"}]')},
        *("chat", "messages"),
        {"messages": "conversations", "tools": "tools"},
    ),
    "tinyshakespeare": ({"text": text(100, 300)}, *("text-generation", ""), {"text": "text"}),
    "tinyshakespeare, headings": (
        {"title": one_of("ACT I", "SCENE I", "SCENE II"), "text": text(100, 300)},
        *("text-generation", ""),
        {"text": "text"},
    ),
    # Sets of the Hub, by the columns that they have there.
    "squad_v2": (
        {**ID, "title": text(1, 3), "context": text(80, 120), "question": text(6, 12), "answers": squad(0.3)},
        *("question-answering", "unanswerable-too"),
        {"question": "question", "context": "context", "answers": "answers"},
    ),
    "squad as CSV by pandas": (
        {
            "context": text(80, 120),
            "question": text(6, 12),
            "answers": lambda rng, row: (
                f"{{'text': array(['{prose(rng)}'], dtype=object), 'answer_start': array([4])}}"
            ),
        },
        *("question-answering", "answerable"),
        {"question": "question", "context": "context", "answers": "answers"},
    ),
    "flat answers": (
        {
            **{"question": text(6, 12), "context": text(80, 120), "answer_text": text(1, 4)},
            "answer_start": lambda rng, row: rng.randint(0, 300),
        },
        *("question-answering", "answerable"),
        {"question": "question", "context": "context", "answers": "answer_text", "start": "answer_start"},
    ),
    "conll2003": (
        {
            **{**ID, "tokens": tokens, "pos_tags": tags("NN", "VB", "DT"), "chunk_tags": tags("B-NP", "I-NP", "O")},
            "ner_tags": tags("O", "O", "B-PER", "I-PER", "B-LOC"),
        },
        *("token-classification", "tokens"),
        {"tokens": "tokens", "tags": "ner_tags"},
    ),
    "wnut_17 with numbered tags": (
        {**ID, "tokens": tokens, "ner_tags": lambda rng, row: [rng.randint(0, 12) for _ in tokens(rng, row)]},
        *("token-classification", "tokens"),
        {"tokens": "tokens", "tags": "ner_tags"},
    ),
    "tokens as CSV": (
        {
            "words": lambda rng, row: str(tokens(rng, row)),
            "ner": lambda rng, row: " ".join(map(repr, tags("O", "B-PER")(rng, row))).join("[]"),
        },
        *("token-classification", "tokens"),
        {"tokens": "words", "tags": "ner"},
    ),
    "tags by content": (
        {"a": tokens, "b": tags("O", "O", "B-PER")},
        *("token-classification", "tokens"),
        {"tokens": "a", "tags": "b"},
    ),
    "prodigy": (
        {"text": text(), "spans": spans, "answer": one_of("accept", "reject"), "_input_hash": code},
        *("token-classification", "spans"),
        {"text": "text", "spans": "spans"},
    ),
    "doccano": (
        {**ID, "text": text(), "label": lambda rng, row: [[0, 4, "PER"]] * rng.randint(0, 2), "Comments": one_of([])},
        *("token-classification", "spans"),
        {"text": "text", "spans": "label"},
    ),
    "label studio": (
        {
            **ID,
            "data": lambda rng, row: {"text": prose(rng)},
            "annotations": lambda rng, row: [
                {"id": row, "result": [{"value": {"start": 0, "end": 4, "labels": ["PER"]}, "type": "labels"}]}
            ],
        },
        *("token-classification", "spans"),
        {"text": "data", "spans": "annotations"},
    ),
    "cnn_dailymail": (
        {"article": text(100, 200), "highlights": text(20, 40), "id": code},
        *("summarization", ""),
        {"document": "article", "summary": "highlights"},
    ),
    "xsum": (
        {"document": text(100, 200), "summary": text(), "id": code},
        *("summarization", ""),
        {"document": "document", "summary": "summary"},
    ),
    "samsum": (
        {"id": code, "dialogue": text(60, 90), "summary": text()},
        *("summarization", ""),
        {"document": "dialogue", "summary": "summary"},
    ),
    "billsum": (
        {"text": text(100, 200), "summary": text(30, 50), "title": text(5, 9)},
        *("summarization", ""),
        {"document": "text", "summary": "summary"},
    ),
    "wmt": (
        {"translation": lambda rng, row: {"de": prose(rng), "en": prose(rng)}},
        *("translation", "en-de"),
        {"source": "translation", "target": "translation"},
    ),
    "opus_books": (
        {**ID, "translation": lambda rng, row: {"fr": prose(rng), "it": prose(rng)}},
        *("translation", "fr-it"),
        {"source": "translation", "target": "translation"},
    ),
    "text_fr, text_en": (
        {**ID, "text_fr": text(), "text_en": text()},
        *("translation", "en-fr"),
        {"source": "text_en", "target": "text_fr"},
    ),
    "source and target": (
        {"source": text(), "target": text()},
        *("translation", ""),
        {"source": "source", "target": "target"},
    ),
    "dolly": (
        {
            **{"instruction": text(), "context": mostly("", text(30, 50), 0.7), "response": text(20, 60)},
            "category": one_of("open_qa", "closed_qa", "brainstorming"),
        },
        *("chat", "instruction"),
        {"instruction": "instruction", "input": "context", "output": "response"},
    ),
    "alpaca": (
        {"instruction": text(), "input": mostly("", text()), "output": text(20, 60), "text": text(50, 99)},
        *("chat", "instruction"),
        {"instruction": "instruction", "input": "input", "output": "output"},
    ),
    "ultrachat_200k": (
        {"prompt": text(), "prompt_id": code, "messages": turns()},
        *("chat", "messages"),
        {"messages": "messages"},
    ),
    "oasst, trees": (
        {
            "message_tree_id": code,
            "prompt": lambda rng, row: {
                "text": prose(rng),
                "role": "prompter",
                "replies": [{"text": "a", "role": "b"}],
            },
        },
        *("chat", "messages"),
        {"messages": "prompt"},
    ),
    "daily_dialog": (
        {
            **{"dialog": lambda rng, row: [prose(rng)] * 4, "act": lambda rng, row: [1] * 4},
            "emotion": lambda rng, row: [0] * 4,
        },
        *("chat", "messages"),
        {"messages": "dialog"},
    ),
    "prompt and completion of messages": (
        {"prompt": lambda rng, row: turns()(rng, row)[:1], "completion": lambda rng, row: turns()(rng, row)[1:]},
        *("chat", "prompt"),
        {"prompt": "prompt", "response": "completion"},
    ),
    "preferences": (
        {"system": text(), "prompt": text(), "chosen": text(20, 50), "rejected": text(20, 50)},
        *("chat", "prompt"),
        {"prompt": "prompt", "response": "chosen", "system": "system"},
    ),
    "messages as CSV": (
        {"messages": lambda rng, row: str(turns()(rng, row))},
        *("chat", "messages"),
        {"messages": "messages"},
    ),
    "TinyStories": ({"text": text(100, 200)}, *("text-generation", ""), {"text": "text"}),
    "c4": (
        {
            "text": text(100, 200),
            "timestamp": one_of("2019-04-25T12:57:54Z"),
            "url": lambda rng, row: f"https://a/{row}",
        },
        *("text-generation", ""),
        {"text": "text"},
    ),
    "writingprompts": (
        {"prompt": text(), "story": text(100, 200)},
        *("creative-writing", "prompt"),
        {"prompt": "prompt", "story": "story"},
    ),
    "poems": (
        {"Title": text(2, 4), "Poem": text(60, 90), "Poet": text(2, 2)},
        *("creative-writing", "prompt"),
        {"prompt": "Title", "story": "Poem"},
    ),
    "lyrics": ({"lyrics": text(60, 90)}, *("creative-writing", "story"), {"story": "lyrics"}),
    "gsm8k": (
        {"question": text(20, 40), "answer": text(20, 40)},
        *("generative-qa", "closed"),
        {"question": "question", "answers": "answer"},
    ),
    "numbers for answers": (
        {"question": text(20, 40), "answer": lambda rng, row: str(rng.randint(0, 5000))},
        *("generative-qa", "closed"),
        {"question": "question", "answers": "answer"},
    ),
    "sciq": (
        {"question": text(), "distractor1": text(1, 2), "correct_answer": text(1, 2), "support": text(30, 60)},
        *("generative-qa", "context"),
        {"question": "question", "context": "support", "answers": "correct_answer"},
    ),
    "several answers": (
        {"question": text(), "answers": lambda rng, row: [prose(rng, 1, 3)] * 3},
        *("generative-qa", "closed"),
        {"question": "question", "answers": "answers"},
    ),
    "trivia_qa": (
        {"question": text(), "answer": lambda rng, row: {"value": prose(rng, 1, 3), "aliases": ["a", "b"]}},
        *("generative-qa", "closed"),
        {"question": "question", "answers": "answer"},
    ),
    # Classification that looks a little like something else.
    "boolq": (
        {"question": text(6, 10), "title": text(1, 3), "answer": one_of(True, False), "passage": text(80, 120)},
        *("text-classification", "pair/one"),
        {"text": "question", "text_pair": "passage", "label": "answer"},
    ),
    "reviews with a summary": (
        {"reviewText": text(30, 90), "summary": text(3, 6), "rating": one_of(1, 2, 3, 4, 5)},
        *("text-classification", "single/one"),
        {"text": "reviewText", "label": "rating"},
    ),
    "stories with a genre": (
        {"story": text(60, 90), "label": one_of("crime", "love")},
        *("text-classification", "single/one"),
        {"text": "story", "label": "label"},
    ),
    "emotions in lists": (
        {"text": text(), "labels": lambda rng, row: rng.sample([0, 1, 2, 3], rng.randint(0, 2)), "id": code},
        *("text-classification", "single/several"),
        {"text": "text", "labels": "labels"},
    ),
}


def profiles_of(columns: dict[str, Make], rows: int = 80) -> Any:
    rng = random.Random(0)
    table = [{name: make(rng, row) for name, make in columns.items()} for row in range(1, rows + 1)]
    return profile([Record("data", row, values) for row, values in enumerate(table, 1)])


def found_in(profiles: Any, **named: Any) -> list[Recognition]:
    """What each recogniser that finds anything found, the surest first."""
    found = [task.recognise(profiles, named, None) for task in TASKS.values()]
    return sorted((one for one in found if one is not None), key=lambda one: -one.confidence)


@pytest.mark.parametrize("case", CASES)
def test_the_right_task_is_the_surest(case: str) -> None:
    columns, task, shape, expected = CASES[case]
    found = found_in(profiles_of(columns))
    assert found, case
    assert (found[0].task, found[0].shape, found[0].columns) == (task, shape, expected)
    assert 0 < found[0].confidence < 1
    assert len(found) == 1 or found[1].confidence < found[0].confidence - 0.02


@pytest.mark.parametrize("case", CASES)
def test_the_same_columns_are_found_again_by_their_roles(case: str) -> None:
    """What a recipe that was written out names is taken as it stands, with its shape."""
    columns, task, shape, expected = CASES[case]
    again = TASKS[task].recognise(profiles_of(columns), expected, shape or None)
    assert again is not None
    assert (again.shape, again.columns) == (shape, expected)


@pytest.mark.parametrize("case", CASES)
def test_a_word_is_said_about_every_column_that_is_taken(case: str) -> None:
    columns, _, _, expected = CASES[case]
    found = found_in(profiles_of(columns))[0]
    said = " ".join(decision.value for decision in found.why)
    for taken in expected.values():
        assert all(repr(name) in said or name in said for name in ([taken] if isinstance(taken, str) else taken))
    for decision in found.why:
        assert decision.value
        assert decision.why
        assert "\n" not in decision.value + decision.why


@pytest.mark.parametrize("task", TASKS)
def test_a_reason_names_every_column(task: str) -> None:
    profiles = profiles_of({"number": lambda rng, row: row, "flag": one_of("0", "1"), "code": code})
    assert TASKS[task].recognise(profiles, {}, None) is None
    reason = TASKS[task].why_not(profiles, {})
    assert all(repr(name) in reason for name in profiles)
    assert TASKS[task].why_not({}, {})


@pytest.mark.parametrize(
    ("case", "named", "task", "expected"),
    [
        ("multi30k", {"text": "de"}, "translation", {"source": "de", "target": "en"}),
        ("multi30k", {"label": "en"}, "translation", {"source": "de", "target": "en"}),
        ("multi30k", {"text": "de", "label": "en"}, "translation", {"source": "de", "target": "en"}),
        (
            "dialogsum",
            {"text": "dialogue", "label": "topic"},
            "summarization",
            {"document": "dialogue", "summary": "topic"},
        ),
        ("conll2003", {"label": "pos_tags"}, "token-classification", {"tokens": "tokens", "tags": "pos_tags"}),
        ("sciq", {"label": "distractor1"}, "generative-qa", {"answers": "distractor1"}),
        (
            "xquad",
            {"text": ["question", "context"], "label": "answers"},
            "question-answering",
            {"question": "question", "context": "context", "answers": "answers"},
        ),
        ("alpaca", {"text": "text", "label": "output"}, "chat", {"prompt": "text", "response": "output"}),
        ("alpaca", {"text": "output"}, "text-generation", {"text": "output"}),
        ("alpaca", {"text": "instruction", "label": "output"}, "creative-writing", {"prompt": "instruction"}),
        ("mrpc", {"text": "#1 String"}, "creative-writing", {"story": "#1 String"}),
        ("alpaca", {"text": ["input", "instruction"], "label": "output"}, "chat", {"instruction": "input"}),
    ],
)
def test_what_the_user_names_overrules(case: str, named: dict[str, Any], task: str, expected: dict[str, Any]) -> None:
    found = TASKS[task].recognise(profiles_of(CASES[case][0]), named, None)
    assert found is not None
    assert expected.items() <= found.columns.items()
    assert "as given" in {decision.why for decision in found.why}


def test_a_direction_that_was_asked_for() -> None:
    recognise = translation_columns.recognise_translation
    for case in ("multi30k", "wmt"):
        profiles = profiles_of(CASES[case][0])
        for shape in ("en-de", "de-en"):
            found = recognise(profiles, given={}, shape=shape)
            assert found is not None
            assert found.shape == shape
        assert recognise(profiles, given={}, shape="en-fr") is None
    found = recognise(profiles_of(CASES["source and target"][0]), given={}, shape="cs-en")
    assert found is not None
    assert found.shape == "cs-en"


def test_a_shape_of_another_task_is_none_of_this() -> None:
    for case, (columns, task, shape, _) in CASES.items():
        if task == "text-classification" or not shape:
            continue
        others = [other for name, other in TASKS.items() if name not in (task, "text-classification")]
        found = [other.recognise(profiles_of(columns), {}, shape) for other in others]
        assert {one.task for one in found if one is not None} <= {"creative-writing", "chat", "translation"}, case


def test_what_belongs_to_another_task_is_no_error() -> None:
    profiles = profiles_of(CASES["mrpc"][0])
    named = {"text": ["#1 String", "#2 String"], "label": "Quality"}
    found = found_in(profiles, **named)
    assert [one.task for one in found if one.confidence == 1] == ["text-classification"]


def test_the_split_column_is_taken_along() -> None:
    columns = CASES["xsum"][0] | {"split": one_of("train", "validation", "test")}
    found = found_in(profiles_of(columns))[0]
    assert found.columns == {"document": "document", "summary": "summary", "split": "split"}


def test_a_tree_in_single_messages_is_explained() -> None:
    profiles = profiles_of(
        {"message_id": code, "parent_id": code, "text": text(), "role": one_of("prompter", "assistant")}
    )
    assert chat_columns.recognise_chat(profiles, given={}, shape=None) is None
    assert "message of a tree" in chat_columns.why_not(profiles)


@pytest.mark.parametrize(
    ("name", "language"),
    [
        *(("de", "de"), ("text_de", "de"), ("German", "de"), ("sentence_eng", ""), ("pt_BR", "pt"), ("zh-CN", "zh")),
        *(("text", ""), ("column1", ""), ("en_sentence", "en"), ("question", "")),
    ],
)
def test_language_of_a_name(name: str, language: str) -> None:
    assert translation_columns.language_of(name) == language


VALUE = st.one_of(
    st.none(),
    st.text(max_size=30),
    st.integers(),
    st.floats(),
    st.booleans(),
    st.lists(st.integers(0, 3), max_size=3),
    st.lists(st.text(max_size=5), max_size=3),
    st.lists(
        st.dictionaries(st.sampled_from(["role", "content", "start", "end", "label"]), st.text(max_size=5)), max_size=3
    ),
    st.dictionaries(st.sampled_from(["text", "answer_start", "en", "de"]), st.lists(st.text(max_size=5), max_size=2)),
)
NAMES = ["text", "question", "answers", "context", "messages", "tags", "tokens", "summary", "en", "de", "story", "a"]


@drawn(st.lists(st.dictionaries(st.sampled_from(NAMES), VALUE), max_size=12))
@settings(max_examples=100)
def test_any_table_is_judged_by_all(rows: list[dict[str, Any]]) -> None:
    profiles = profile([Record("x", row, values) for row, values in enumerate(rows, 1)])
    for task in TASKS.values():
        found = task.recognise(profiles, {}, None)
        assert task.why_not(profiles, {})
        if found is not None:
            names = [
                name for value in found.columns.values() for name in ([value] if isinstance(value, str) else value)
            ]
            assert set(names) <= set(profiles)
            assert 0 < found.confidence < 1


def test_labels_that_may_be_joined_are_asked_about_with_a_command_for_each_shape() -> None:
    rows = [
        Record("x", i, {"text": f"The {i} strings of it sound well.", "label": ["m", "f", "m/f"][i % 3]})
        for i in range(60)
    ]
    recipe = Recipe.model_validate({"data": {"train": ["rows.csv"]}})
    with pytest.raises(ColumnError, match=r"3 classes .* 2 labels joined by '/'") as caught:
        pipeline.recognise(recipe, profile(rows), "rows.csv", None)
    for shape in ("single/several", "single/one"):
        assert f"--text text --label label --set data.shape={shape}`" in caught.value.hint
        asked = Recipe.model_validate({"data": {"train": ["rows.csv"], "shape": shape}})
        assert pipeline.recognise(asked, profile(rows), "rows.csv", None).shape == shape
