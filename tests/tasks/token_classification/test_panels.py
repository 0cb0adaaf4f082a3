"""Types of entity, and the sentences that went wrong with their marks."""

from typing import Any

import pytest

from luthier.reporting.panels import Mark, Score, SideBySide, Table
from luthier.tasks.token_classification.panels import MOST_SHOWN, judged, panels

WORDS = ["Ada", "Byron", "met", "Bob"]
OFFSETS = [[0, 3], [4, 9], [10, 13], [14, 17]]
RIGHT = ["B-PER", "I-PER", "O", "B-PER"]
SURE = [0.9, 0.8, 0.99, 0.7]


def predictions(*sentences: tuple[list[str], list[str], list[float]]) -> dict[str, list[Any]]:
    """A predictions file of gold tags, predicted tags and how sure each is."""
    n = len(sentences)
    return {
        **{"source": ["rows.csv"] * n, "row": list(range(1, n + 1)), "text": ["Ada Byron met Bob"] * n},
        **{"offsets": [OFFSETS] * n, "gold": [gold for gold, _, _ in sentences]},
        **{"prediction": [said for _, said, _ in sentences], "scores": [sure for _, _, sure in sentences]},
    }


def errors(*sentences: tuple[list[str], list[str], list[float]]) -> SideBySide:
    panel = panels(predictions(*sentences))[-1]
    assert isinstance(panel, SideBySide)
    return panel


def test_each_type_of_entity_has_its_scores() -> None:
    half = ["B-PER", "I-PER", "O", "B-LOC"]
    table = panels(predictions((RIGHT, RIGHT, SURE), (RIGHT, half, SURE), (half, half, SURE)))[0]
    assert isinstance(table, Table)
    (place, person) = table.rows
    assert (place[0], person[0]) == ("LOC", "PER")
    # Of two that were found one is there, and of five persons four were found, all of them right.
    values = [[cell.value for cell in row[1:4] if isinstance(cell, Score)] for row in (place, person)]
    assert values == [[0.5, 1.0, pytest.approx(2 / 3)], [1.0, 0.8, pytest.approx(8 / 9)]]
    assert (place[4:], person[4:]) == ((1, 2), (5, 4))


def test_each_part_of_speech_has_its_scores_and_only_wrong_tags_are_marked() -> None:
    gold, said = ["PROPN", "PROPN", "VERB", "PROPN"], ["PROPN", "NOUN", "VERB", "PROPN"]
    table, errors = panels(predictions((gold, said, SURE), (gold, gold, SURE)), plain=True)
    assert isinstance(table, Table) and isinstance(errors, SideBySide)
    assert (table.title, table.columns[0], table.columns[4]) == ("Tags", "tag", "words")
    assert [(row[0], *row[4:]) for row in table.rows] == [("NOUN", 0, 1), ("PROPN", 6, 5), ("VERB", 2, 2)]
    (pair,) = errors.pairs
    assert (errors.total, pair.gold, pair.prediction) == (1, ["Byron (PROPN)"], "Byron (NOUN)")
    assert sorted((mark.start, mark.kind) for mark in pair.marks) == [(4, "gold"), (4, "predicted")]


def test_without_entities_there_is_no_table_and_without_rows_nothing() -> None:
    outside = ["O"] * 4
    (only,) = panels(predictions((outside, outside, SURE)))
    assert isinstance(only, SideBySide) and (only.total, only.pairs) == (0, [])
    assert panels(predictions()) == []


def test_a_sentence_with_a_wrong_entity_is_shown_with_what_is_right_and_what_was_said() -> None:
    (pair,) = errors((RIGHT, ["B-PER", "O", "O", "B-PER"], SURE)).pairs
    assert pair.gold == ["Ada Byron (PER)", "Bob (PER)"]
    assert pair.prediction == "Ada (PER), Bob (PER)"
    assert pair.marks == [Mark(0, 3, "predicted", "PER"), Mark(0, 9, "gold", "PER"), Mark(14, 17, "both", "PER")]
    assert pair.score == 0.8, "that of the word that is wrong"
    assert (pair.texts, pair.source, pair.row) == ([("text", "Ada Byron met Bob")], "rows.csv", 1)


def test_an_entity_of_another_type_is_two_marks() -> None:
    (pair,) = errors((["O"] * 3 + ["B-PER"], ["O"] * 3 + ["B-LOC"], SURE)).pairs
    assert sorted((mark.kind, mark.label) for mark in pair.marks) == [("gold", "PER"), ("predicted", "LOC")]


def test_tags_that_make_the_same_entities_are_no_error() -> None:
    assert errors((RIGHT, ["I-PER", "I-PER", "O", "I-PER"], SURE)).total == 0


def test_the_surest_errors_come_first_and_some_of_many_are_shown() -> None:
    wrong = ["O", "O", "O", "O"]
    found = errors(
        (RIGHT, wrong, [0.5] * 4), (RIGHT, RIGHT, [1.0] * 4), (RIGHT, wrong, SURE), (RIGHT, wrong, [0.5] * 4)
    )
    assert [(pair.row, pair.score, pair.prediction) for pair in found.pairs] == [
        *((3, 0.9, ""), (1, 0.5, ""), (4, 0.5, "")),
    ]
    many = errors(*[(RIGHT, wrong, SURE)] * (MOST_SHOWN + 3))
    assert (len(many.pairs), many.total) == (MOST_SHOWN, MOST_SHOWN + 3)


def test_how_rows_came_out_for_their_traces() -> None:
    none = ["O"] * 4
    found = judged({**predictions((RIGHT, RIGHT, SURE), (none, RIGHT, SURE)), "score": [0.7, 0.7]})
    assert (found.right, found.scores, found.sureness) == ([True, False], [0.7, 0.7], [0.0, 0.9])
    assert found.quote(1) == ("no entity", "Ada Byron (PER), Bob (PER)")
