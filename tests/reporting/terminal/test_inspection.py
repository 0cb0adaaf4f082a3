"""The report of `inspect`: task, columns, rows, labels, lengths and cost, each where it is known."""

import re
from collections.abc import Sequence
from typing import Any

from luthier.reporting.terminal.display import Fields, Grid, Piece, as_text
from luthier.reporting.terminal.inspection import MOST_LABELS, MOST_TARGETS, finding_pieces, inspection_pieces

BARE: dict[str, Any] = {"task": "t", "shape": None, "columns": {}, "rows": {}, "labels": {}, "findings": []}


def pieces(**given: Any) -> list[Piece]:
    return inspection_pieces(BARE | given)


def fields(shown: Sequence[Piece]) -> list[tuple[str, str]]:
    """The names and values of all fields."""
    return [value for piece in shown if isinstance(piece, Fields) for value in piece.values]


def grid(shown: Sequence[Piece], heading: str) -> Grid:
    """The table whose first column is called so."""
    (found,) = [piece for piece in shown if isinstance(piece, Grid) and piece.columns[0] == heading]
    return found


def test_of_data_of_which_little_is_known_little_is_shown() -> None:
    shown = pieces()
    assert fields(shown) == [("task", "t")]
    assert [piece.columns[0] for piece in shown if isinstance(piece, Grid)] == ["rows"]


def test_the_task_stands_with_its_shape_above_its_columns() -> None:
    shown = pieces(shape="single/several", columns={"text": "body", "labels": [f"tag {i}" for i in range(1, 9)]})
    assert fields(shown) == [
        ("task", "t, single/several"), ("text", "body"), ("labels", "tag 1, tag 2, tag 3, tag 4, tag 5 and 3 more"),
    ]  # fmt: skip


def test_rows_that_were_skipped_are_counted_by_their_reasons() -> None:
    rows = {
        "train": {"read": 2225, "kept": 2219, "skipped": {"empty-text": 2, "missing-label": 4}},
        "test": {"read": 1000, "kept": 1000, "skipped": {}},
    }
    assert grid(pieces(rows=rows), "rows").rows == [
        ["train", "2,225", "2,219", "2 empty-text, 4 missing-label"],
        ["test", "1,000", "1,000", "0"],
    ]


def test_labels_stand_with_their_share_of_the_rows() -> None:
    shown = grid(pieces(labels={"good": 1500, "bad": 500}), "label")
    assert shown.rows == [["good", "1,500", "75.0 %"], ["bad", "500", "25.0 %"]]
    assert grid(pieces(labels={"good": 0}), "label").rows == [["good", "0", "0.0 %"]]


def test_the_share_is_of_the_rows_where_they_may_have_several_labels_or_none() -> None:
    found = {"labels": {"joy": 600, "love": 200}, "splits": {"train": 1000}}
    assert grid(pieces(**found), "label").rows[0] == ["joy", "600", "60.0 %"]
    entities = grid(pieces(**found, counted="occurrences"), "label")
    assert (entities.columns[1], entities.rows[0]) == ("occurrences", ["joy", "600", "75.0 %"])


def test_labels_beyond_the_first_are_counted_together_and_shares_are_of_all() -> None:
    rows = grid(pieces(labels={f"l{i}": 10 for i in range(MOST_LABELS + 8)}), "label").rows
    assert len(rows) == MOST_LABELS + 1
    assert rows[0] == ["l0", "10", "5.0 %"] and rows[-1] == ["and 8 more", "", ""]
    assert len(grid(pieces(labels={f"l{i}": 10 for i in range(MOST_LABELS)}), "label").rows) == MOST_LABELS


def test_lengths_are_whole_numbers_of_tokens() -> None:
    lengths = {"median": 411.6, "p95": 903.0, "max": 4871, "truncated_share": 0.871, "max_length": 256}
    (found,) = [value for name, value in fields(pieces(lengths=lengths)) if name == "tokens"]
    assert re.findall(r"\w+ [\d,]+(?= *[,;])", found) == ["median 412", "p95 903", "max 4,871"] and "87.1 %" in found
    (_, told) = fields(pieces(lengths=lengths, long_rows="read in windows of {limit} tokens"))[-1]
    assert told.endswith("; read in windows of 256 tokens, 87.1 % of rows longer"), "nothing is lost"


def test_targets_are_shown_on_one_line_each() -> None:
    targets = ["Ein Mann\n  singt.</s>", "word " * 40, *["x"] * MOST_TARGETS]
    found = [value for name, value in fields(pieces(targets=targets)) if name == "target"]
    assert found[0] == "'Ein Mann singt.</s>'" and len(found) == MOST_TARGETS
    assert len(found[1]) <= 62 and found[1].endswith("…'")


def test_the_cost_names_the_memory_only_where_it_was_measured() -> None:
    parts = {"final_score": {"low": 9.0, "high": 9.0, "times": 1, "rows": 400}}
    cost = {"low": 250.0, "high": 310.0, "parts": parts}
    assert fields(pieces(cost=cost))[-2:] == [
        ("cost", "4 min 10 s to 5 min 10 s"), ("  final score", "about 9.0 s (1 x 400 rows)"),
    ]  # fmt: skip
    (found,) = [value for name, value in fields(pieces(cost=cost | {"peak_memory_bytes": 1.2e9})) if name == "cost"]
    assert found.startswith("4 min 10 s to") and "1.2 GB" in found


def test_findings_are_shown_with_what_to_do() -> None:
    finding = {"id": "few-rows", "severity": "warning", "message": "There are 40 rows.", "action": "Label more."}
    found = BARE | {"findings": [finding]}
    shown = as_text(inspection_pieces(found) + finding_pieces(found))
    assert re.search(r"few-rows \(warning\) +There are 40 rows. Label more.", shown)
    assert finding_pieces(BARE) == []
