"""Entity metrics of tagged sentences, overall and by type, and a tag dictionary as the baseline.

Equal to seqeval's default mode, which is that of conlleval: an entity is correct if its type, start and end are, and an
`I-` without `B-` starts an entity. Intervals resample sentences, not entities.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array

from luthier.arrays import FloatArray
from luthier.metrics.base import Bounds, Metric, ratio
from luthier.metrics.classification import macro

Tags = Sequence[Sequence[str]]


class Entity(NamedTuple):
    """An entity of a sentence, with the tokens from `start` to `end` (exclusive)."""

    type: str
    start: int
    end: int


Units = Callable[[Sequence[str]], list[Entity]]


def entities(tags: Sequence[str]) -> list[Entity]:
    """The entities of one sentence's IOB2 tags, in order. Any tag other than `O` and `B-` is read as `I-`."""
    found: list[Entity] = []
    start, inside = 0, ""
    for at, tag in enumerate([*tags, "O"]):
        prefix, _, kind = tag.partition("-")
        kind = "" if prefix == "O" else kind or "_"
        if inside and (kind != inside or prefix == "B"):
            found.append(Entity(inside, start, at))
            inside = ""
        if kind and not inside:
            start, inside = at, kind
    return found


def each_tag(tags: Sequence[str]) -> list[Entity]:
    """Each tag of a sentence by itself, for tags that do not mark spans, such as parts of speech."""
    return [Entity(tag, at, at + 1) for at, tag in enumerate(tags)]


def tag_metrics(predicted: Tags, gold: Tags) -> list[Metric]:
    """`accuracy` and `f1_macro` of tags of which each counts by itself; arguments as for `entity_metrics`."""
    types = entity_types(predicted, gold, units=each_tag)
    return [_accuracy(predicted, gold), macro("f1", type_counts(predicted, gold, types, units=each_tag))]


def entity_metrics(predicted: Tags, gold: Tags) -> list[Metric]:
    """The standard metrics of tagged sentences.

    `f1`, `precision` and `recall` are over all entities, 0 if there are none. `f1_macro` is the mean over the types
    that occur in gold or predicted tags. `accuracy` is over tokens, most of which are easy.

    Args:
        predicted: IOB2 tags of each sentence.
        gold: Gold tags, as many for each sentence.
    """
    types = entity_types(predicted, gold)
    counts = type_counts(predicted, gold, types)
    tagged = int(np.count_nonzero(counts.sum(axis=1)))  # sentences with an entity

    def metric(name: str, value: Callable[[FloatArray, FloatArray, FloatArray], FloatArray]) -> Metric:
        def of_sums(sums: FloatArray) -> FloatArray:
            right, found, wanted = (part.sum(-1) for part in np.split(sums, 3, axis=-1))
            return value(right, found, wanted)

        return Metric(name, counts, of_sums, bounds=Bounds(tagged))

    return [
        metric("f1", lambda right, found, wanted: ratio(2 * right, found + wanted, empty=0.0)),
        metric("precision", lambda right, found, _: ratio(right, found, empty=0.0)),
        metric("recall", lambda right, _, wanted: ratio(right, wanted, empty=0.0)),
        macro("f1", counts),
        _accuracy(predicted, gold),
    ]


def entity_errors(predicted: Tags, gold: Tags) -> dict[str, int]:
    """Outcomes of the gold and predicted entities, in the categories of MUC-5 (Chinchor and Sundheim 1993).

    Each entity is paired with at most one of the other side: an equal one first, then one of the same span, then one
    that overlaps and has the same type, then one that overlaps.

    Args:
        predicted: IOB2 tags by sentence.
        gold: As many tags for each sentence.

    Returns:
        Outcome to its number of pairs or entities: `right`, `wrong type` (same span), `wrong span` (same type,
        overlapping), `wrong type and span` (overlapping), `missed` (no overlap), `spurious` (no overlap).
    """
    _check(predicted, gold)
    counted = dict.fromkeys((*_PAIRED, "missed", "spurious"), 0)
    for ours, theirs in zip(predicted, gold, strict=True):
        found, wanted = entities(ours), entities(theirs)
        for outcome, fits in _PAIRED.items():
            for entity in list(wanted):
                pair = next((other for other in found if fits(other, entity)), None)
                if pair is not None:
                    counted[outcome] += 1
                    wanted.remove(entity)
                    found.remove(pair)
        counted["missed"] += len(wanted)
        counted["spurious"] += len(found)
    return counted


def _overlap(one: Entity, other: Entity) -> bool:
    return one.start < other.end and other.start < one.end


_PAIRED: dict[str, Callable[[Entity, Entity], bool]] = {
    "right": lambda one, other: one == other,
    "wrong type": lambda one, other: one[1:] == other[1:],
    "wrong span": lambda one, other: one.type == other.type and _overlap(one, other),
    "wrong type and span": _overlap,
}


def entity_types(*tags: Tags, units: Units = entities) -> list[str]:
    """The entity types in tags, sorted."""
    return sorted({entity.type for several in tags for sentence in several for entity in units(sentence)})


def type_counts(predicted: Tags, gold: Tags, types: Sequence[str], units: Units = entities) -> csr_array:
    """The per-sentence statistics of each type; used in `class_table` in place of `class_counts`.

    Args:
        predicted: IOB2 tags of each sentence.
        gold: Gold tags, as many for each sentence.
        types: Every type that occurs in them.
        units: What is counted: `entities` or `each_tag`.

    Returns:
        `[n, 3 * types]`, sparse: how many entities of each type are correctly predicted, predicted, gold.
    """
    _check(predicted, gold)
    column = {kind: at for at, kind in enumerate(types)}
    rows: list[int] = []
    columns: list[int] = []
    for row, (ours, theirs) in enumerate(zip(predicted, gold, strict=True)):
        found, wanted = set(units(ours)), set(units(theirs))
        for part, several in enumerate((found & wanted, found, wanted)):
            for entity in several:
                if entity.type not in column:
                    raise ValueError(f"sentence {row} has an entity of type {entity.type!r}, which is not in types")
                rows.append(row)
                columns.append(part * len(types) + column[entity.type])
    # Entries of the same cell are summed.
    return csr_array((np.ones(len(rows)), (rows, columns)), shape=(len(gold), 3 * len(types)), dtype=np.float64)


def most_frequent_tags(
    train_tokens: Tags, train_tags: Tags, test_tokens: Tags, *, alone: bool = False
) -> list[list[str]]:
    """Tag dictionary baseline: each word's most frequent tag in training, converted to valid IOB2.

    A word that is not in training is looked up in lower case, else it gets `O`. Ties go to the tag seen first.

    Args:
        train_tokens: Words of each training sentence.
        train_tags: Their tags.
        test_tokens: Words of each sentence to tag.
        alone: Whether each tag counts by itself; then an unknown word gets the most frequent tag of all.
    """
    every = Counter(tag for tags in train_tags for tag in tags) if alone else Counter[str]()
    unknown = every.most_common(1)[0][0] if every else "O"
    exact: defaultdict[str, Counter[str]] = defaultdict(Counter)
    lowered: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for tokens, tags in zip(train_tokens, train_tags, strict=True):
        for token, tag in zip(tokens, tags, strict=True):
            exact[token][tag] += 1
            lowered[token.lower()][tag] += 1
    best = [{word: tags.most_common(1)[0][0] for word, tags in counted.items()} for counted in (exact, lowered)]
    found = [[best[0].get(token) or best[1].get(token.lower(), unknown) for token in tokens] for tokens in test_tokens]
    return found if alone else list(map(valid_tags, found))


def valid_tags(tags: Sequence[str]) -> list[str]:
    """Convert tags to valid IOB2 with the same entities: an `I-` that starts an entity becomes `B-`."""
    valid = list(tags)
    for entity in entities(tags):
        valid[entity.start] = f"B-{entity.type}"
    return valid


def _accuracy(predicted: Tags, gold: Tags) -> Metric:
    right = [sum(a == b for a, b in zip(*pair, strict=True)) for pair in zip(predicted, gold, strict=True)]
    statistics = np.array([right, [len(tags) for tags in gold]], dtype=np.float64).T
    bounds = Bounds(len(gold))
    return Metric("accuracy", statistics, lambda sums: ratio(sums[..., 0], sums[..., 1]), bounds=bounds)


def _check(predicted: Tags, gold: Tags) -> None:
    """Validate the numbers of tags. Luthier produces the tags, so an error here is a bug."""
    if len(predicted) != len(gold):
        raise ValueError(f"predicted tags of {len(predicted)} sentences, gold tags of {len(gold)}")
    for row, (ours, theirs) in enumerate(zip(predicted, gold, strict=True)):
        if len(ours) != len(theirs):
            raise ValueError(f"sentence {row} has {len(ours)} predicted tags and {len(theirs)} gold tags")
