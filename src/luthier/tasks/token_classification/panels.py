"""Report panels of token classification: scores of each entity type or tag, and sentences with their errors marked."""

from collections.abc import Mapping, Sequence
from typing import Any

from luthier.metrics.classification import class_table
from luthier.metrics.entities import Entity, Units, each_tag, entities, entity_errors, entity_types, type_counts
from luthier.reporting.panels import Cell, Mark, Pair, Panel, Score, SideBySide, Table
from luthier.reporting.telling import Judged

RESAMPLES = 500  # for the table; the headline's scores use the recipe's number
MOST_SHOWN = 60
NOTHING = "no entity"
IN_WRONG = "confidence in a wrong tag"
# Scores are over entities, not rows.
METRIC_WORDS = {
    "f1": "F1 of entities",
    "precision": "precision of entities",
    "recall": "recall of entities",
    "f1_macro": "macro F1 over entity types",
    "accuracy": "accuracy of tags",
}
PLAIN_WORDS = {"f1_macro": "macro F1 over tags", "accuracy": "accuracy of tags"}
OUTCOMES = (
    "Wrong type: the right span. Wrong span: overlaps an entity of this type. Missed, spurious: overlap no entity."
)


def panels(predictions: Mapping[str, Sequence[Any]], *, plain: bool = False) -> list[Panel]:
    """The panels of a run's predictions (columns of the predictions file).

    Args:
        predictions: Column to values.
        plain: Whether each tag counts by itself, rather than as part of an entity.
    """
    units, kind = (each_tag, "tag") if plain else (entities, "type")
    gold, predicted = predictions["gold"], predictions["prediction"]
    if not len(gold):
        return []
    types = entity_types(gold, predicted, units=units)
    found: list[Panel] = []
    if types:
        classes = class_table(type_counts(predicted, gold, types, units), types, resamples=RESAMPLES)
        rows: list[tuple[Cell, ...]] = [
            (
                one.name,
                *(Score(s.value, s.low, s.high) for s in (one.precision, one.recall, one.f1)),
                one.support,
                one.predicted,
            )
            for one in classes
        ]
        columns = (kind, "precision", "recall", "F1", "words" if plain else "entities", "predicted")
        found.append(Table("Tags" if plain else "Entity types", columns, rows))
    if types and not plain:
        outcomes = [(outcome, n) for outcome, n in entity_errors(predicted, gold).items() if n]
        found.append(Table("Outcomes", ("entities that are", "number"), outcomes, OUTCOMES))
    wrong = [i for i in range(len(gold)) if set(units(gold[i])) != set(units(predicted[i]))]
    wrong.sort(key=lambda i: (-_certainty(predictions, i), i))
    pairs = [_pair(predictions, i, units) for i in wrong[:MOST_SHOWN]]
    note = "" if plain else "An entity is correct if its type, first word and last word all match."
    return [
        *found,
        SideBySide(pairs, len(wrong), "Most confident errors", score_name=IN_WRONG, note=note, nothing=NOTHING),
    ]


def judged(predictions: Mapping[str, Sequence[Any]], *, plain: bool = False) -> Judged:
    """How the rows came out: right if all entities are; the confidence is that of the least certain word."""
    units = each_tag if plain else entities
    pairs = zip(predictions["gold"], predictions["prediction"], strict=True)
    right = [set(units(gold)) == set(units(said)) for gold, said in pairs]
    sureness = [_certainty(predictions, i) for i in range(len(right))]

    def quote(i: int) -> tuple[str, str]:
        pair = _pair(predictions, i, units)
        return ", ".join(pair.gold) or NOTHING, pair.prediction or NOTHING

    return Judged(predictions["score"], quote, right, sureness=sureness)


def _certainty(predictions: Mapping[str, Sequence[Any]], i: int) -> float:
    """The model's highest confidence in a wrong tag."""
    pairs = zip(predictions["gold"][i], predictions["prediction"][i], predictions["scores"][i], strict=True)
    return max((score for gold, predicted, score in pairs if gold != predicted), default=0.0)


def _pair(predictions: Mapping[str, Sequence[Any]], i: int, units: Units) -> Pair:
    text, offsets = predictions["text"][i], predictions["offsets"][i]
    gold, predicted = (set(units(predictions[name][i])) for name in ("gold", "prediction"))
    if units is each_tag:  # of tags, only the wrong ones
        gold, predicted = gold - predicted, predicted - gold

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
