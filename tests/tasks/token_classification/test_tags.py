"""Tag schemes against seqeval, which reads them all; repairs against the rule of conlleval."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqeval.metrics.sequence_labeling import get_entities

from luthier.data.records import Fault
from luthier.tasks.token_classification.tags import (
    SCHEMES,
    invalid,
    read_tokens,
    repair,
    scheme_of,
    to_iob2,
)
from luthier.tasks.token_classification.tagset import Tags

KINDS = st.sampled_from(["PER", "LOC"])
# A sentence as entities and gaps: length and type, no type for words outside.
CHUNKS = st.lists(st.tuples(st.integers(1, 3), st.one_of(st.none(), KINDS)), max_size=8)
Chunks = list[tuple[int, str | None]]
EXAMPLE: Chunks = [(1, None), (2, "PER"), (1, "PER"), (3, "LOC"), (1, None), (1, "LOC")]


def written(chunks: Chunks, scheme: str) -> list[str]:
    """A sentence's tags in a scheme, by its definition."""
    tags: list[str] = []
    before = None
    for length, kind in chunks:
        if kind is None:
            tags += ["O"] * length
        elif scheme == "IO":
            tags += [kind] * length
        elif scheme == "IOB1":
            tags += [f"{'B' if kind == before else 'I'}-{kind}"] + [f"I-{kind}"] * (length - 1)
        elif scheme == "IOE":
            tags += [f"I-{kind}"] * (length - 1) + [f"E-{kind}"]
        elif scheme == "IOB2":
            tags += [f"B-{kind}"] + [f"I-{kind}"] * (length - 1)
        else:
            single, last = ("S", "E") if scheme == "BIOES" else ("U", "L")
            middle = [f"I-{kind}"] * (length - 2)
            tags += [f"{single}-{kind}"] if length == 1 else [f"B-{kind}", *middle, f"{last}-{kind}"]
        before = kind
    return tags


def entities(chunks: Chunks) -> list[tuple[str, int, int]]:
    found, place = [], 0
    for length, kind in chunks:
        if kind is not None:
            found.append((kind, place, place + length))
        place += length
    return found


@given(CHUNKS)
def test_every_scheme_becomes_iob2(chunks: Chunks) -> None:
    for scheme in SCHEMES:
        if scheme == "IO":
            continue
        assert to_iob2(written(chunks, scheme), scheme) == written(chunks, "IOB2"), scheme


@pytest.mark.parametrize(("ours", "theirs"), [("IE", "ME"), ("IES", "MEW")])
@given(CHUNKS)
def test_bmes_and_bmeow_are_bioes_in_other_letters(ours: str, theirs: str, chunks: Chunks) -> None:
    tags = [tag.translate(str.maketrans(ours, theirs)) if tag[1:2] == "-" else tag for tag in written(chunks, "BIOES")]
    assert to_iob2(tags, "BIOES") == written(chunks, "IOB2")
    assert "M-PER" not in tags or scheme_of([tags]) == "BIOES"


@given(CHUNKS, st.sampled_from(SCHEMES), st.sampled_from(["O", "o", "0", "OTHER", "_", "None"]), st.integers(0, 5))
def test_the_notation_of_tags_changes_no_entity(chunks: Chunks, scheme: str, outside: str, way: int) -> None:
    every: Chunks = [*chunks, *EXAMPLE]  # with entities of both types and with words outside
    tags = written(every, "IOB1" if scheme == "IO" else scheme)
    as_written = [WAYS[way](*tag.split("-")) if "-" in tag else outside for tag in tags]
    assert Tags.of([as_written]).iob2(as_written) == written(every, "IOB2")


WAYS: list[Callable[[str, str], str]] = [
    lambda mark, kind: f"{mark}-{kind}",
    lambda mark, kind: f"{mark}_{kind}",
    lambda mark, kind: f"{mark.lower()}-{kind}",
    lambda mark, kind: f"{mark}:{kind}",
    lambda mark, kind: f"{kind}-{mark}",
    lambda mark, kind: f"{kind}/{mark.lower()}",
]


@given(CHUNKS)
def test_io_joins_neighbours_of_a_type_since_it_cannot_part_them(chunks: Chunks) -> None:
    joined: Chunks = []
    for length, kind in chunks:
        if joined and joined[-1][1] == kind:
            joined[-1] = (joined[-1][0] + length, kind)
        else:
            joined.append((length, kind))
    assert to_iob2(written(chunks, "IO"), "IO") == written(joined, "IOB2")


@pytest.mark.parametrize(
    ("sentences", "scheme"),
    [
        ([["DET", "NOUN", "VERB", "NOUN"], ["NOUN"]], "plain"),
        ([["O", "O", "PER", "PER", "O"], ["LOC", "O"]], "IO"),
        ([["PER", "PER", "O"], ["LOC", "O"]], "IO"),
        ([["N", "V", "O", "V", "N", "N", "D", "A"]], "plain"),  # in the tags of tweets, O is a pronoun
        ([["DET"]], "plain"),
        ([["O", "O"]], "IOB2"),
        ([["NOUN", "B-PER", "I-PER", "O"]], "IOB2"),
    ],
)
def test_tags_without_prefixes_are_entities_where_most_words_are_outside(
    sentences: list[list[str]], scheme: str
) -> None:
    assert scheme_of(sentences) == scheme
    if scheme == "plain":
        assert [to_iob2(tags, scheme) for tags in sentences] == sentences


@given(CHUNKS)
def test_valid_tags_need_no_repair(chunks: Chunks) -> None:
    tags = written(chunks, "IOB2")
    assert invalid(tags) == []
    assert repair(tags) == tags


TAGS = st.lists(st.sampled_from(["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]), max_size=12)


@given(TAGS)
def test_a_repair_keeps_the_entities_of_seqeval(tags: list[str]) -> None:
    """Which counts, in its lenient mode, as conlleval does: an I- that continues nothing begins an entity."""
    assert get_entities(repair(tags)) == get_entities(tags)
    assert invalid(repair(tags)) == []
    changed = [place for place, (one, other) in enumerate(zip(tags, repair(tags), strict=True)) if one != other]
    assert changed == invalid(tags)


def test_an_entity_that_begins_with_i() -> None:
    tags = ["I-PER", "I-PER", "O", "B-LOC", "I-PER", "I-LOC"]
    assert invalid(tags) == [0, 4, 5]
    assert repair(tags) == ["B-PER", "I-PER", "O", "B-LOC", "B-PER", "B-LOC"]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_scheme_of_whole_data(scheme: str) -> None:
    assert scheme_of([written(EXAMPLE, scheme)] * 5) == scheme


@pytest.mark.parametrize(
    ("sequences", "scheme"),
    [
        ([["O", "O"]], "IOB2"),
        ([], "IOB2"),
        ([["B-PER", "O"], ["B-LOC"]], "IOB2"),
        ([["I-PER", "O"], ["I-LOC"]], "IOB1"),
        ([["B-PER", "I-PER"]] * 50 + [["O", "I-PER"]], "IOB2"),  # a slip is no scheme
        ([["I-PER", "I-PER"]] * 50 + [["O", "B-PER"]], "IOB1"),
        ([["B_PER", "I_PER", "O"]], "IOB2"),
        ([["NN", "VB"]], "plain"),
    ],
)
def test_scheme_of_partial_data(sequences: list[list[str]], scheme: str) -> None:
    assert scheme_of(sequences) == scheme


def test_other_ways_to_write_tags() -> None:
    assert to_iob2(["B_PER", "I_PER", "O"], "IOB2") == ["B-PER", "I-PER", "O"]
    assert to_iob2(["I-PER", "I-PER", "O"], "IO") == ["B-PER", "I-PER", "O"]
    assert to_iob2(["O", "E-PER"], "BIOES") == ["O", "I-PER"]  # and `invalid` tells of it
    assert to_iob2(["B-per-son", "I-per-son"], "IOB2") == ["B-per-son", "I-per-son"]


COLUMNS = {"tokens": "words", "tags": "ner"}


def test_words_and_tags_of_a_row() -> None:
    assert read_tokens({"words": ["Ada", 7], "ner": ["B-PER", "O"]}, COLUMNS) == (["Ada", "7"], ["B-PER", "O"])
    for words, ner in (("['Ada' 'met']", '["B-PER", "O"]'), ("Ada  met", "B-PER O"), ("Ada met ", "B-PER, O")):
        assert read_tokens({"words": words, "ner": ner}, COLUMNS) == (["Ada", "met"], ["B-PER", "O"])


@pytest.mark.parametrize(
    ("words", "ner", "reason", "detail"),
    [
        (["a", "b"], ["O"], "length-mismatch", "2 tokens and 1 tag"),
        (["a", "b"], ["O", None], "missing-label", "word 2"),
        (["a"], None, "missing-label", "'ner'"),
        (None, ["O"], "missing-text", "'words'"),
        ([], [], "empty-text", "'words'"),
        (" ", ["O", "O"], "empty-text", "'words'"),
        ("a b", "O", "length-mismatch", "2 tokens and 1 tag"),
    ],
)
def test_rows_that_are_skipped(words: Any, ner: Any, reason: str, detail: str) -> None:
    fault = read_tokens({"words": words, "ner": ner}, COLUMNS)
    assert isinstance(fault, Fault)
    assert fault.reason == reason
    assert detail in fault.detail
