"""Report panels of text classification: confusion matrix, classes, calibration, errors."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from luthier.arrays import FloatArray
from luthier.metrics import classification, multilabel
from luthier.metrics.bootstrap import Score
from luthier.metrics.bootstrap import scores as scores_of
from luthier.metrics.ranking import ranking_metrics
from luthier.reporting import panels as shapes
from luthier.reporting.panels import Panel
from luthier.reporting.telling import Judged, quoted
from luthier.tasks.calibration import calibration_panel
from luthier.tasks.text_classification.labels import Labels
from luthier.tasks.text_classification.temperatures import UNCALIBRATED
from luthier.text import number

MOST_ERRORS = 100
RESAMPLES = 500  # for the tables; the headline's scores use the recipe's number


def panels(labels: Labels, predictions: Mapping[str, Sequence[Any]], roles: Sequence[str]) -> list[Panel]:
    """The panels of a run's predictions.

    Args:
        labels: Kind and names of the labels.
        predictions: Columns of the predictions file.
        roles: The columns of the file that hold texts.
    """
    if not len(predictions["gold"]):
        return []
    if labels.kind == "number":
        return _number_panels(predictions, roles)
    return [*_class_panels(labels, predictions), _errors(predictions, roles, _wrong(predictions))]


def judged(labels: Labels, predictions: Mapping[str, Sequence[Any]]) -> Judged:
    """How the rows came out, see `Judged`; a number by its error."""
    gold, said = predictions["gold"], predictions["prediction"]

    def quote(i: int) -> tuple[str, str]:
        return quoted(gold[i]), quoted(said[i])

    if labels.kind == "number":
        misses = np.abs(np.asarray(gold, float) - np.asarray(said, float)).tolist()
        return Judged(misses, quote, score_name="error")
    right = [_plain(one) == _plain(other) for one, other in zip(said, gold, strict=True)]
    return Judged(predictions["score"], quote, right, _margins(labels, np.asarray(predictions["scores"])))


def _margins(labels: Labels, scores: FloatArray) -> list[float]:
    """How far each row is from another prediction: from the threshold, or between the two most probable labels."""
    if labels.kind == "several":
        return np.abs(scores - labels.threshold).min(axis=1).tolist()
    if labels.positive is not None:
        return np.abs(scores[:, labels.positive] - labels.threshold).tolist()
    best = np.sort(scores, axis=1)[:, -2:]
    return (best[:, -1] - best[:, 0]).tolist()


def _class_panels(labels: Labels, predictions: Mapping[str, Sequence[Any]]) -> Iterator[Panel]:
    gold, predicted = predictions["gold"], predictions["prediction"]
    if labels.kind == "one":
        gold_ids = np.asarray(labels.encode(gold))
        predicted_ids = np.asarray(labels.encode(predicted))
        counts = classification.class_counts(predicted_ids, gold_ids, len(labels.names))
        yield shapes.Confusion(
            labels.names, classification.confusion(predicted_ids, gold_ids, len(labels.names)).tolist()
        )
    else:
        gold_matrix = np.asarray(labels.encode(gold), dtype=np.int64)
        predicted_matrix = np.asarray(labels.encode(predicted), dtype=np.int64)
        counts = multilabel.label_counts(predicted_matrix, gold_matrix)
    yield _class_table(classification.class_table(counts, labels.names, resamples=RESAMPLES))
    yield from _threshold_panels(labels, predictions)
    yield _calibration(labels, predictions)


def _calibration(labels: Labels, predictions: Mapping[str, Sequence[Any]]) -> shapes.Reliability:
    answers = [{key: predictions[key][i] for key in ("prediction", "scores")} for i in range(len(predictions["gold"]))]
    decided = labels.decided(answers, predictions["gold"])
    several = "Over every label of every row: how often a label with this predicted probability is true."
    done = labels.temperature != UNCALIBRATED
    name = f"Temperature {number(labels.temperature, 2)}, " if done else "Not calibrated: "
    how = f"{name}{labels.calibration}." if labels.calibration else ""
    before = decided.confidence(1 / labels.temperature) if done else None
    note = " ".join(filter(None, [several if labels.kind == "several" else "", how]))
    return calibration_panel(decided.confidence(), decided.right, note, before)


def _threshold_panels(labels: Labels, predictions: Mapping[str, Sequence[Any]]) -> Iterator[Panel]:
    """The ROC and the precision-recall curve, where a threshold decides: for two labels, or several per row."""
    rows = len(predictions["scores"])
    scores, truth = labels.choices([{"scores": row} for row in predictions["scores"]], predictions["gold"])
    if not truth.any() or truth.all():
        return
    metrics = ranking_metrics(scores.reshape(rows, -1), truth.reshape(rows, -1))
    roc_area, precision_area = map(_cell, scores_of(metrics, resamples=RESAMPLES))
    from sklearn.metrics import precision_recall_curve, roc_curve

    false, true, _ = roc_curve(truth, scores)
    precision, recall, _ = precision_recall_curve(truth, scores, drop_intermediate=True)
    assigned, positives = scores >= labels.threshold, int(truth.sum())
    n, hits = int(assigned.sum()), int((assigned & truth).sum())
    found = hits / positives
    of = "Over every label of every row" if labels.positive is None else f"For {labels.names[labels.positive]!r}"
    note = f"{of}. Threshold {', '.join(filter(None, [number(labels.threshold), labels.chosen]))}."
    yield shapes.Tradeoff(
        false.tolist(),
        true.tolist(),
        ("false positive rate", "recall"),
        ((0, 0), (1, 1)),
        ((n - hits) / (len(truth) - positives), found),
        roc_area,
        "ROC curve",
        note,
    )
    share = positives / len(truth)
    yield shapes.Tradeoff(
        recall[::-1].tolist(),
        precision[::-1].tolist(),
        ("recall", "precision"),
        ((0, share), (1, share)),
        (found, hits / n) if n else None,
        precision_area,
        "Precision and recall",
        note,
    )


def _class_table(classes: Sequence[classification.ClassScores]) -> shapes.Table:
    rows = [
        (row.name, _cell(row.precision), _cell(row.recall), _cell(row.f1), row.support, row.predicted)
        for row in classes
    ]
    return shapes.Table("Classes", ("class", "precision", "recall", "F1", "rows", "predicted"), rows)


def _cell(score: Score) -> shapes.Score:
    return shapes.Score(score.value, score.low, score.high)


def _wrong(predictions: Mapping[str, Sequence[Any]]) -> list[int]:
    pairs = zip(predictions["gold"], predictions["prediction"], strict=True)
    wrong = [i for i, (gold, predicted) in enumerate(pairs) if _plain(gold) != _plain(predicted)]
    return sorted(wrong, key=lambda i: (-predictions["score"][i], i))


def _number_panels(predictions: Mapping[str, Sequence[Any]], roles: Sequence[str]) -> list[Panel]:
    gold, predicted = np.asarray(predictions["gold"], float), np.asarray(predictions["prediction"], float)
    miss = np.abs(gold - predicted)
    worst = np.argsort(-miss, kind="stable").tolist()
    scored = {**predictions, "score": miss.tolist()}
    return [
        shapes.Scatter(gold.tolist(), predicted.tolist()),
        _errors(scored, roles, worst, title="Largest errors", score_name="error"),
    ]


def _errors(
    predictions: Mapping[str, Sequence[Any]],
    roles: Sequence[str],
    chosen: Sequence[int],
    title: str = "Most confident errors",
    score_name: str = "confidence",
) -> shapes.Examples:
    shown = [
        shapes.Example(
            texts=[(role.replace("_", " "), predictions[role][i]) for role in roles],
            gold=_plain(predictions["gold"][i]),
            prediction=_plain(predictions["prediction"][i]),
            score=predictions["score"][i],
            source=predictions["source"][i],
            row=predictions["row"][i],
        )
        for i in chosen[:MOST_ERRORS]
    ]
    return shapes.Examples(shown, total=len(chosen), title=title, score_name=score_name)


def _plain(value: Any) -> str | list[str]:
    if isinstance(value, float):
        return f"{value:.3g}"
    return value if isinstance(value, str) else [str(part) for part in value]
