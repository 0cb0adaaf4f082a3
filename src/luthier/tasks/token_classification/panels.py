"""Report panels of token classification: scores of each entity type, and sentences with their errors marked."""

from collections.abc import Mapping, Sequence
from typing import Any

from luthier.metrics.classification import class_table
from luthier.metrics.entities import Entity, entities, entity_errors, entity_types, type_counts
from luthier.reporting.panels import Cell, Mark, Pair, Panel, Score, SideBySide, Table

RESAMPLES = 500  # for the table; the headline's scores use the recipe's number
MOST_SHOWN = 60
OUTCOMES = "Wrong type: the right span. Wrong span: overlaps an entity of this type. Missed, spurious: overlap no entity."


def panels(predictions: Mapping[str, Sequence[Any]]) -> list[Panel]:
    """The panels of a run's predictions (columns of the predictions file)."""
    gold, predicted = predictions["gold"], predictions["prediction"]
    if not len(gold):
        return []
    types = entity_types(gold, predicted)
    found: list[Panel] = []
    if types:
        classes = class_table(type_counts(predicted, gold, types), types, resamples=RESAMPLES)
        rows: list[tuple[Cell, ...]] = [
            (
                one.name,
                *(Score(s.value, s.low, s.high) for s in (one.precision, one.recall, one.f1)),
                one.support,
                one.predicted,
            )
            for one in classes
        ]
        columns = ("type", "precision", "recall", "F1", "entities", "predicted")
        found.append(Table("Entity types", columns, rows))
        outcomes = [(outcome, n) for outcome, n in entity_errors(predicted, gold).items() if n]
        found.append(Table("Outcomes", ("entities that are", "number"), outcomes, OUTCOMES))
    wrong = [i for i in range(len(gold)) if set(entities(gold[i])) != set(entities(predicted[i]))]
    wrong.sort(key=lambda i: (-_certainty(predictions, i), i))
    pairs = [_pair(predictions, i) for i in wrong[:MOST_SHOWN]]
    note = "An entity is correct if its type, first word and last word all match."
    return [
        *found,
        SideBySide(pairs, len(wrong), "Most confident errors", score_name="confidence", note=note, nothing="no entity"),
    ]


def _certainty(predictions: Mapping[str, Sequence[Any]], i: int) -> float:
    """The model's highest confidence in a wrong tag."""
    pairs = zip(predictions["gold"][i], predictions["prediction"][i], predictions["scores"][i], strict=True)
    return max((score for gold, predicted, score in pairs if gold != predicted), default=0.0)


def _pair(predictions: Mapping[str, Sequence[Any]], i: int) -> Pair:
    text, offsets = predictions["text"][i], predictions["offsets"][i]
    gold, predicted = (set(entities(predictions[name][i])) for name in ("gold", "prediction"))

    def mark(entity: Entity) -> Mark:
        kind = "both" if entity in gold & predicted else "gold" if entity in gold else "predicted"
        return Mark(offsets[entity.start][0], offsets[entity.end - 1][1], kind, entity.type)  # type: ignore[arg-type]

    def said(found: set[Entity]) -> list[str]:
        marks = sorted(map(mark, found), key=lambda one: one.start)
        return [f"{text[one.start : one.end]} ({one.label})" for one in marks]

    return Pair(
        texts=[("text", text)],
        gold=said(gold),
        prediction=", ".join(said(predicted)),
        score=_certainty(predictions, i),
        source=predictions["source"][i],
        row=predictions["row"][i],
        marks=sorted(map(mark, gold | predicted), key=lambda one: (one.start, one.end)),
    )
