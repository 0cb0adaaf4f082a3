"""Which columns are the text: pairs by their names, and other texts."""

import pytest

from luthier.tasks.text_classification.columns import likely, recognise_classification
from tests.tasks.by_hand import Row, profiles_of
from tests.tasks.text_classification.test_columns import brief, found_in, one_of, prose, table


@pytest.mark.parametrize(
    ("first", "second"),
    [
        *[("claim", "evidence"), ("post", "reply"), ("headline", "body"), ("query", "title")],
        *[("text", "text_b"), ("question_a", "question_b"), ("leftText", "rightText"), ("first text", "second text")],
    ],
)
def test_two_texts_are_a_pair_by_their_names(first: str, second: str) -> None:
    rows = table(**{second: prose, first: prose, "label": one_of("a", "b")})
    assert found_in(rows) == ("pair/one", {"text": first, "text_pair": second, "label": "label"}, 0.95)


@pytest.mark.parametrize(("first", "second"), [("text", "note"), ("text1", "note2"), ("text3", "text4")])
def test_two_texts_of_other_names_are_none(first: str, second: str) -> None:
    found = found_in(table(**{first: prose, second: brief, "label": one_of("a", "b")}))
    assert found is not None
    assert found[0] == "single/one" and found[1]["text"] == first


def test_a_shape_says_whether_there_are_two_texts() -> None:
    rows = table(claim=prose, evidence=prose, label=one_of("a", "b"))
    single = found_in(rows, shape="single/one")
    assert single is not None
    assert set(single[1]) == {"text", "label"}
    rows = table(text=prose, note=brief, joy=one_of(0, 1), fear=one_of(1, 0, 0))
    assert found_in(rows, shape="pair/several") == (
        *("pair/several", {"text": "text", "text_pair": "note", "labels": ["joy", "fear"]}),
        0.6,
    )
    assert found_in(table(text=prose, label=one_of("a", "b")), shape="pair/one") is None


def test_judgements_of_annotators_are_no_pair_of_texts() -> None:
    rows = table(annotator_1=one_of("good", "bad"), annotator_2=one_of("bad", "good", "bad"), text=prose)
    found = found_in(rows)
    assert found is not None
    assert (found[0], found[1]["text"]) == ("single/one", "text")


def replies(prompt: str, *names: str) -> str:
    rows: list[Row] = [
        {prompt: f"why is {i} so", **{name: f"it is {i} {name}" for name in names}, "label": "ab"[i % 2]}
        for i in range(20)
    ]
    found = recognise_classification(profiles_of(rows), given={}, shape=None)
    assert found is not None
    return found.unclear


def test_replies_that_are_compared_are_not_read_without_their_prompt_in_silence() -> None:
    assert "answer 'prompt'" in replies("prompt", "response_a", "response_b")
    assert "answer 'question'" in replies("question", "answer_0", "answer_1")
    assert replies("prompt", "response") == replies("topic", "response_a", "response_b") == ""


def test_a_prompt_with_its_reply_is_a_pair_and_offered_as_one_with_a_score() -> None:
    rows: list[Row] = [{"prompt": f"why is {i}", "completion": f"it is {i}", "score": i / 7} for i in range(20)]
    found = recognise_classification(profiles_of(rows), given={}, shape=None)
    assert found is not None
    assert found.columns == {"text": "prompt", "text_pair": "completion", "label": "score"}
    assert likely(profiles_of(rows))[0] == found.columns
