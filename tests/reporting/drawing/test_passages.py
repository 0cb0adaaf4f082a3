from hypothesis import given
from hypothesis import strategies as st

from luthier.reporting.drawing.passages import FOLDED, passage, place
from luthier.reporting.panels import Mark

KINDS = st.sampled_from(["gold", "predicted", "both"])


@st.composite
def marked(draw):
    """A text and marks on it, which may lie on one another or outside of it."""
    text = draw(st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=900))
    numbers = st.integers(-5, len(text) + 5)
    marks = draw(st.lists(st.builds(Mark, numbers, numbers, KINDS, st.sampled_from(["", "PER", "LOC"])), max_size=6))
    return text, marks


@given(marked(), st.integers(1, 1000))
def test_every_character_stands_once_with_the_marks_that_lie_over_it(given_text, longest):
    text, marks = given_text
    found = passage("text", text, longest, marks)
    inside = [mark for mark in marks if 0 <= mark.start < mark.end <= len(text)]
    shown = "".join(piece.text for piece in found.whole)
    assert found.length == len(text) and found.shown == min(len(text), longest)
    if found.cut:
        assert shown.strip("…") in text
        return
    assert shown == text
    at = 0
    for piece in found.whole:
        over = [mark for mark in inside if mark.start <= at < mark.end]
        assert bool(piece.kinds) == bool(over)
        assert {mark.end for mark in piece.ends} <= {at + len(piece.text)}
        at += len(piece.text)
    places = {(mark.start, mark.end, mark.label) for mark in inside}
    assert sorted((m.start, m.end, m.label) for piece in found.whole for m in piece.ends) == sorted(places)


def test_one_place_that_is_right_and_predicted_is_both():
    found = passage("text", "Anna met Paul", marks=[Mark(0, 4, "gold", "PER"), Mark(0, 4, "predicted", "PER")])
    assert [(piece.text, piece.kinds) for piece in found.whole] == [("Anna", ("both",)), (" met Paul", ())]
    apart = passage("text", "Anna met Paul", marks=[Mark(0, 4, "gold", "PER"), Mark(0, 8, "predicted", "ORG")])
    assert [(piece.text, piece.kinds) for piece in apart.whole] == [
        ("Anna", ("gold", "predicted")), (" met", ("predicted",)), (" Paul", ()),
    ]  # fmt: skip
    assert [[mark.label for mark in piece.ends] for piece in apart.whole] == [["PER"], ["ORG"], []]


def test_a_long_text_is_folded_to_what_lies_around_its_first_mark():
    words = " ".join(f"word{i}" for i in range(2000))
    start = words.index("word1500")
    found = passage("context", words, 6000, [Mark(start, start + 8, "gold"), Mark(len(words) - 8, len(words), "gold")])
    head = "".join(piece.text for piece in found.head)
    assert head.startswith("…word") and head.endswith("…") and len(head) <= FOLDED + 30
    assert [piece.text for piece in found.head if piece.kinds] == ["word1500"]
    assert found.cut and found.shown == 6000 and "word1500" in [piece.text for piece in found.whole if piece.kinds]
    plain = passage("context", words)
    assert plain.head[0].text.startswith("word0 word1 ") and len("".join(p.text for p in plain.head)) <= FOLDED + 1
    assert not passage("context", words[:FOLDED]).head


def test_a_text_of_many_lines_is_folded_too():
    found = passage("text", "a\n\n" * 20)
    assert "".join(piece.text for piece in found.head) == "a\n\n" * 5 + "a…"
    assert not passage("text", "a\n" * 11).head and passage("text", "a\n" * 12).head
    assert not passage("text", "a\n" * 12, lines=24).head


def test_what_a_browser_would_not_show_is_drawn():
    found = passage("text", "a\0b\x12c\td\ne\x7f")
    assert found.whole[0].text == "a�b�c\td\ne�"
    assert passage("text", " \n\t").blank and not passage("text", " x").blank
    assert not passage("text", "").whole


def test_a_place_is_short():
    assert place("/home/somebody/data/set/x.csv") == "…/set/x.csv"
    assert place("set/x.csv") == "set/x.csv"
