"""Words by rule, and tags from spans: exact, or a fault that shows what is wrong."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.data.records import Fault
from luthier.metrics.entities import entities
from luthier.tasks.token_classification.annotations import Span
from luthier.tasks.token_classification.words import tags_of_spans, word_offsets


def spans_of_tags(offsets: Sequence[tuple[int, int]], tags: Sequence[str]) -> list[Span]:
    return [span(offsets[one.start][0], offsets[one.end - 1][1], one.type) for one in entities(tags)]


def span(start: int, end: int, label: str = "X") -> Span:
    return Span(start=start, end=end, label=label)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("In London's Big_Ben 2", ["In", "London", "'", "s", "Big_Ben", "2"]),
        ("end.", ["end", "."]),
        ("naïve cafe\u0301!", ["naïve", "cafe\u0301", "!"]),
        ("東京タワーへ go", ["東", "京", "タ", "ワ", "ー", "へ", "go"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("ที่นี่", ["ที่", "นี่"]),
        ("서울에 간다", ["서울에", "간다"]),
        ("👍 ok", ["👍", "ok"]),
        ("\u0301a", ["\u0301", "a"]),
        (" \n\t\u00a0", []),
        ("", []),
    ],
)
def test_words(text: str, words: list[str]) -> None:
    assert [text[start:end] for start, end in word_offsets(text)] == words


@given(st.text())
def test_words_cover_everything_but_white_space(text: str) -> None:
    offsets = word_offsets(text)
    covered = [place for start, end in offsets for place in range(start, end)]
    assert covered == [place for place, character in enumerate(text) if not character.isspace()]
    assert all(start < end for start, end in offsets)


TEXT = "In London's Big Ben"


def test_tags() -> None:
    tagged = tags_of_spans(TEXT, [span(12, 19, "B"), span(3, 9, "L")])
    assert not isinstance(tagged, Fault)
    offsets, tags = tagged
    assert [TEXT[start:end] for start, end in offsets] == ["In", "London", "'", "s", "Big", "Ben"]
    assert tags == ["O", "B-L", "O", "O", "B-B", "I-B"]
    assert spans_of_tags(offsets, tags) == [span(3, 9, "L"), span(12, 19, "B")]


def test_white_space_at_the_ends_of_a_span_is_left_out() -> None:
    assert tags_of_spans(TEXT, [span(2, 9)]) == tags_of_spans(TEXT, [span(3, 9)])
    assert tags_of_spans(TEXT, [span(11, 16), span(15, 19)]) == tags_of_spans(TEXT, [span(12, 15), span(16, 19)])


@pytest.mark.parametrize(
    ("spans", "reason", "detail"),
    [
        ([span(3, 8)], "span-inside-word", "span 3-8 'Londo' ends inside the word 'London'"),
        ([span(4, 9)], "span-inside-word", "span 4-9 'ondon' begins inside the word 'London'"),
        ([span(4, 4)], "empty-span", "span 4-4 '' covers nothing"),
        ([span(9, 3)], "empty-span", "span 9-3 '' covers nothing"),
        ([span(2, 3)], "empty-span", "span 2-3 '' covers nothing"),
        ([span(12, 20)], "span-outside", "span 12-20 'Big Ben' is not inside the text of 19 characters"),
        ([span(3, 9), span(0, 9)], "overlapping-spans", "span 0-9 'In London' and span 3-9 'London' overlap"),
        ([span(3, 9), span(3, 9)], "overlapping-spans", "span 3-9 'London' and span 3-9 'London' overlap"),
    ],
)
def test_faults(spans: list[Span], reason: str, detail: str) -> None:
    assert tags_of_spans(TEXT, spans) == Fault(reason, detail)


WORDS = st.lists(
    st.text(st.characters(categories=["L", "Nd", "P", "Lo"]), min_size=1, max_size=4), min_size=1, max_size=8
)


@given(WORDS, st.data())
def test_spans_of_whole_words_round_trip(words: list[str], data: st.DataObject) -> None:
    text = " ".join(words)
    offsets = word_offsets(text)
    cuts = sorted(data.draw(st.sets(st.integers(0, len(offsets)), max_size=6)))
    pairs = list(zip(cuts[::2], cuts[1::2], strict=False))
    spans = [span(offsets[first][0], offsets[last - 1][1], data.draw(st.sampled_from("XY"))) for first, last in pairs]
    tagged = tags_of_spans(text, spans)
    assert not isinstance(tagged, Fault)
    assert tagged[0] == offsets
    assert spans_of_tags(*tagged) == spans


@given(st.text(max_size=20), st.integers(0, 25), st.integers(0, 25))
def test_a_span_is_never_moved(text: str, start: int, end: int) -> None:
    tagged = tags_of_spans(text, [span(start, end)])
    if isinstance(tagged, Fault):
        assert tagged.detail.startswith("span ")
    else:
        (back,) = spans_of_tags(*tagged)
        assert text[back["start"] : back["end"]] == text[start:end].strip()
