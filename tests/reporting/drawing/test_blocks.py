"""Panels made ready for the page: each kind has its block, what is long is cut, and what is cut is counted."""

from collections.abc import Sequence
from typing import get_args

import pytest

from luthier.learning_curves.plot import Figure
from luthier.reporting.drawing.answers import Duels, Strand
from luthier.reporting.drawing.blocks import MOST_EXAMPLES, Cards, Grid, block, blocks
from luthier.reporting.drawing.confusions import Arranged
from luthier.reporting.drawing.intervals import Mark
from luthier.reporting.panels import (
    Bin,
    Cell,
    Confusion,
    Example,
    Examples,
    Histogram,
    Panel,
    Reliability,
    Scatter,
    Score,
    Series,
    SideBySide,
    Table,
    Tradeoff,
)

PANELS: dict[type, tuple[Panel, str, type]] = {
    Table: (Table("T", ("a",), [("b",)], note="N"), "table", Grid),
    Confusion: (Confusion(["a"], [[1]], "T", "N"), "confusion", Arranged),
    Examples: (Examples([], 0, "T", note="N"), "examples", Cards),
    SideBySide: (SideBySide([], 0, "T", note="N"), "answers", Duels),
    Series: (Series("T", [0], [""], note="N"), "series", tuple),
    Reliability: (Reliability([Bin(0.5, 0.5, 1)], 0.0, "T", "N"), "figure", Figure),
    Tradeoff: (
        Tradeoff([0, 1], [0, 1], ("a", "b"), ((0, 0), (1, 1)), (0.5, 0.5), Score(0.5), "T", "N"),
        "figure",
        Figure,
    ),
    Scatter: (Scatter([1.0], [1.0], "", "T", "N"), "figure", Figure),
    Histogram: (Histogram([0, 1], [1], "T", note="N"), "figure", Figure),
}


def example(gold: str | Sequence[str], prediction: str | Sequence[str] = "a", score: float | None = 0.5) -> Example:
    return Example([("text", "word")], gold, prediction, score, "/home/somebody/data/set/x.csv", 3)


def cards(*examples: Example, total: int = 0) -> Cards:
    body = block(Examples(examples, total)).body
    assert isinstance(body, Cards)
    return body


def grid(panel: Table) -> Grid:
    body = block(panel).body
    assert isinstance(body, Grid)
    return body


@pytest.mark.parametrize("kind", get_args(Panel))
def test_every_kind_of_panel_has_a_block_with_its_title_and_its_note_once(kind: type) -> None:
    panel, drawn, body = PANELS[kind]
    found = block(panel)
    assert (found.kind, found.title) == (drawn, "T") and isinstance(found.body, body)
    # A histogram says its note in the caption of its figure.
    notes = [found.note, found.body.caption if isinstance(found.body, Figure) else ""]
    assert sum(note == "N" for note in notes) == 1


def test_series_of_one_title_that_follow_one_another_stand_under_one_heading() -> None:
    one, two, table = Series("A", [0], ["x"]), Series("B", [0], ["y"]), Table("A", ("a",), [])
    found = blocks([one, one, two, one, table, one])
    assert [(each.kind, each.title) for each in found] == [
        ("series", "A"), ("series", "B"), ("series", "A"), ("table", "A"), ("series", "A"),
    ]  # fmt: skip
    assert [len(each.body) for each in found if each.kind == "series"] == [2, 1, 1, 1]
    assert all(isinstance(strand, Strand) for strand in found[0].body)
    assert blocks([]) == []


def test_tables_of_one_title_stay_apart() -> None:
    assert len(blocks([Table("A", ("a",), []), Table("A", ("a",), [])])) == 2


def test_a_column_is_one_of_numbers_if_any_cell_is_no_text() -> None:
    rows: list[tuple[Cell, ...]] = [("a", None, Score(0.5, 0.4, 0.6), 3, "x"), ("b", 0.25, None, 4, "y")]
    found = grid(Table("T", ("name", "share", "F1", "% rows", "more"), rows))
    assert found.numeric == (False, True, True, True, False)
    assert grid(Table("T", ("a", "b"), [])).numeric == (False, False)


def test_columns_of_percentages_have_one_decimal() -> None:
    assert grid(Table("T", ("name", "F1", "% of rows"), [])).digits == (3, 3, 1)


def test_scores_are_drawn_on_one_scale_where_there_are_intervals() -> None:
    found = grid(Table("T", ("name", "F1"), [("a", Score(0.5, 0.4, 0.8)), ("b", Score(None))]))
    assert (found.scale.low, found.scale.high) == (0.4, 0.8)
    # A quarter of the way from 0.4 to 0.8.
    assert found.rows[0][1] == (Score(0.5, 0.4, 0.8), Mark(32.0, 4.0, 116.0)) and found.rows[0][0] == ("a", None)
    assert found.rows[1][1] == (Score(None), None)
    plain = grid(Table("T", ("name", "F1"), [("a", Score(0.5)), ("b", 0.4)]))
    assert plain.scale is None and plain.rows[0][1] == (Score(0.5), None)


def test_an_example_knows_its_classes_by_their_places() -> None:
    found = cards(example("tech", "arts"), example(["sport", "arts"], [], None), total=7)
    assert found.labels == ("arts", "sport", "tech") and found.total == 7
    first, second = found.cards
    assert (first.gold, first.gold_places, first.prediction_places) == (("tech",), (2,), (0,))
    assert (second.gold, second.gold_places, second.prediction_places) == (("sport", "arts"), (1, 0), ())
    assert (first.score, second.score) == ("0.500", "")
    assert (first.source, first.row) == ("…/set/x.csv", 3)
    assert [(text.name, text.length) for text in first.passages] == [("text", 4)]


@pytest.mark.parametrize(
    ("gold", "prediction", "classes"),
    [
        ("0", "1", ("0", "1")),
        ("4.2", "1.17", ()),
        ("4.2", "1", ()),
        ("a", "b.c", ("a", "b.c")),
        ("a", "a", ()),
    ],
)
def test_examples_are_filtered_by_classes_but_not_by_measurements_or_by_one_class(
    gold: str, prediction: str, classes: tuple[str, ...]
) -> None:
    assert cards(example(gold, prediction)).labels == classes


def test_of_many_examples_a_page_full_is_shown_and_all_are_counted() -> None:
    many = [example(f"class {i}", "class 0") for i in range(MOST_EXAMPLES + 30)]
    found = cards(*many)
    assert len(found.cards) == MOST_EXAMPLES and found.total == MOST_EXAMPLES + 30
    assert "class 129" not in found.labels
    assert cards(*many, total=900).total == 900


def test_long_texts_share_the_room_of_the_page() -> None:
    long = Example([("text", "long " * 4000), ("pair", "long " * 4000)], "a", "b", None, "x.csv", 1)
    found = cards(*[long] * MOST_EXAMPLES)
    # 500,000 characters for 200 texts.
    assert {text.shown for card in found.cards for text in card.passages} == {2500}
    assert all(text.cut for text in found.cards[0].passages)
