"""Report panels of extractive question answering: answers by outcome, and errors in their contexts."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from luthier.metrics.spans import exact_match, token_f1
from luthier.reporting.panels import Mark, Pair, Panel, SideBySide, Table
from luthier.reporting.telling import Judged
from luthier.tasks.calibration import calibration_panel

MOST_SHOWN = 60
NOTHING = "no answer"
KINDS = ("right", "partly right", "wrong", "answered an unanswerable question", "left unanswered")


def panels(predictions: Mapping[str, Sequence[Any]]) -> list[Panel]:
    """The panels of a run's predictions (columns of the predictions file)."""
    n = len(predictions["gold"])
    if not n:
        return []
    kinds = [_kind(predictions["prediction"][i], predictions["gold"][i]) for i in range(n)]
    rows = [(kind, kinds.count(kind), 100 * kinds.count(kind) / n) for kind in KINDS if kind in kinds]
    errors = [i for i in range(n) if kinds[i] != "right"]
    errors.sort(key=lambda i: (-(predictions["score"][i] or 0.0), i))
    pairs = [_pair(predictions, i) for i in errors[:MOST_SHOWN]]
    confidence = np.array([score or 0.0 for score in predictions["score"]])
    right = np.array([kind == "right" for kind in kinds])
    return [
        Table("Answers", ("answer", "rows", "% of the rows"), rows),
        calibration_panel(confidence, right, "How often an answer with this confidence is an exact match."),
        SideBySide(pairs, len(errors), "Most confident errors", score_name="confidence"),
    ]


def judged(predictions: Mapping[str, Sequence[Any]], *, unanswerable: bool) -> Judged:
    """How the rows came out: right if the answer is an exact match.

    Args:
        predictions: Column to values.
        unanswerable: Whether no answer is an answer too; the margin is then to having one, else to the second best.
    """
    gold, said, n = predictions["gold"], predictions["prediction"], len(predictions["gold"])

    def quote(i: int) -> tuple[str, str]:
        return next(iter(gold[i]), "") or NOTHING, said[i] or NOTHING

    right = [_kind(said[i], gold[i]) == "right" for i in range(n)]
    margins = None if unanswerable else list(map(_lead, predictions["n_best"]))
    return Judged(predictions["score"], quote, right, margins)


def _lead(n_best: str) -> float:
    """By how much the best answer is ahead of the second."""
    shares = [one["score"] for one in json.loads(n_best)]
    return float(shares[0] - shares[1]) if shares[1:] else 1.0


def _kind(prediction: str, gold: Sequence[str]) -> str:
    if exact_match(prediction, gold):
        return "right"
    if not prediction:
        return "left unanswered"
    if not any(gold):
        return "answered an unanswerable question"
    return "partly right" if token_f1(prediction, gold) else "wrong"


def _pair(predictions: Mapping[str, Sequence[Any]], i: int) -> Pair:
    context, prediction, gold = (predictions[name][i] for name in ("context", "prediction", "gold"))
    marks = []
    if prediction:
        start = predictions["start"][i]
        marks.append(Mark(start, start + len(prediction), "predicted"))
    if gold and gold[0] in context:
        start = context.index(gold[0])
        marks.append(Mark(start, start + len(gold[0]), "gold"))
    return Pair(
        texts=[("question", predictions["question"][i]), ("context", context)],
        gold=list(gold),
        prediction=prediction,
        score=predictions["score"][i],
        source=predictions["source"][i],
        row=predictions["row"][i],
        marks=sorted(marks, key=lambda mark: mark.start),
    )
