"""The table of scores in a terminal: a row for each metric, a column for the model and for each baseline."""

from typing import Any

from luthier.learning_curves.advice import Advice
from luthier.reporting.terminal.display import Fields, Grid, as_text
from luthier.reporting.terminal.score_table import score_pieces


def entry(value: float, low: float, high: float, **more: Any) -> dict[str, Any]:
    return {"value": value, "low": low, "high": high, "n": 1445, "split": "test", "greater_is_better": True} | more


def grid(metrics: dict[str, Any], **rest: Any) -> Grid:
    said, found = score_pieces({"metrics": metrics, **rest})
    assert isinstance(said, str) and isinstance(found, Grid)
    return found


def test_each_metric_stands_with_its_interval_and_each_baseline() -> None:
    found = grid(
        {"accuracy": entry(0.9528, 0.9326, 0.9708), "bleu": entry(27.413, 26.94, 28.02)},
        baselines={"majority": {"accuracy": 0.0, "bleu": None}, "copy": {"bleu": 5.12}},
    )
    assert found.rows == [
        ["accuracy", "0.953 (0.933-0.971)", "0.000", ""],
        ["bleu", "27.4 (26.9-28.0)", "", "5.1"],
    ]
    assert (found.columns[0], *found.columns[2:]) == ("metric", "majority", "copy")
    assert "1,445" in found.columns[1] and "test" in found.columns[1]
    assert list(found.numbers) == [1, 2, 3]


def test_the_verdict_stands_first() -> None:
    scored = {"metrics": {"accuracy": entry(0.9528, 0.9326, 0.9708)}, "baselines": {"majority": {"accuracy": 0.5}}}
    difference = {"majority": {"accuracy": {"value": 0.4528, "low": 0.43, "high": 0.47}}}
    assert [score_pieces(result)[0] for result in (scored, scored | {"differences": difference})] == [
        "Accuracy 0.953 (0.933-0.971) on 1,445 test rows, against 0.500 for the majority class; "
        "the difference was not tested.",
        "Accuracy 0.953 (0.933-0.971) on 1,445 test rows, 0.453 (0.430-0.470) above the majority class: "
        "significant (95 %).",
    ]


def test_advice_stands_after_the_verdict() -> None:
    pieces = score_pieces({"metrics": {"f1": entry(0.5, 0.4, 0.6)}}, Advice("Too short.", "luthier train r.toml"))
    assert pieces[1] == "Too short." and isinstance(pieces[2], Grid)


def test_what_the_scores_were_measured_on_is_that_of_the_first_that_is_defined() -> None:
    found = grid({"pearson": None, "rmse": entry(1.24, 1.1, 1.3, n=300, split="validation")})
    assert found.rows == [["pearson", "not defined"], ["rmse", "1.240 (1.100-1.300)"]]
    assert "300" in found.columns[1] and "validation" in found.columns[1]
    assert grid({"pearson": None}).columns == ["metric", "model"]


def test_signatures_stand_below_in_full() -> None:
    signature = "nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:2.5.1|and:more|of:it|so:that|it:is|very:long"
    shown = score_pieces(
        {"metrics": {"bleu": entry(27.4, 26.9, 28.0, signature=signature), "loss": entry(2.1, 2.0, 2.2), "ter": None}}
    )
    assert [piece.values for piece in shown if isinstance(piece, Fields)] == [[("bleu", signature)]]
    assert signature in as_text(shown)


def test_without_scores_there_is_one_line_that_says_so() -> None:
    results: tuple[dict[str, Any], ...] = ({}, {"metrics": {}}, {"metrics": None, "baselines": None})
    for result in results:
        (line,) = score_pieces(result)
        assert isinstance(line, str) and "not scored" in line
