"""The three kinds of label: one of several, several at once, or a number."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
import torch
from datasets import Dataset
from numpy.typing import NDArray
from scipy.special import expit, softmax
from torch import Tensor
from torch.nn import functional

from luthier.arrays import FloatArray
from luthier.data import splits
from luthier.data.batches import IGNORED
from luthier.data.checks import labels as checks
from luthier.data.examples import values_of
from luthier.data.records import Fault
from luthier.data.values import is_missing
from luthier.errors import RecipeError, nearest
from luthier.findings import Finding
from luthier.metrics import classification, multilabel
from luthier.metrics.base import AnyMetric
from luthier.metrics.baselines import simple as baselines
from luthier.metrics.baselines.linear import NEVER, Linear, binary_regressions, softmax_regression
from luthier.recipe import Recipe
from luthier.tasks.label_names import require_found
from luthier.tasks.losses import binary_divergence, categorical_divergence
from luthier.tasks.phases import Answer
from luthier.tasks.text_classification.cells import Cells
from luthier.tasks.text_classification.labels import (
    LabelLoss,
    Labels,
    Texts,
    decision_of,
    in_order,
    natural,
    weights_of,
)
from luthier.tasks.text_classification.number import Number
from luthier.tasks.text_classification.temperatures import Decided
from luthier.tasks.text_classification.thresholds import DEFAULT
from luthier.text import listing

POSITIVE = ("1", "true", "yes", "positive", "pos", "spam", "toxic", "paraphrase", "entailment")


class OneLabel(Labels):
    """Each text has exactly one of several labels."""

    kind = "one"
    problem_type = "single_label_classification"
    role = "label"
    best = "accuracy"
    uses = (
        *("data.label_names", "data.positive_label", "evaluation.threshold", "evaluation.calibrate"),
        *("training.class_weights", "training.label_smoothing", "training.r_drop_alpha"),
    )

    @classmethod
    def read(cls, values: Mapping[str, Any], column: str | list[str], cells: Cells) -> str | Fault:
        return cells.label(values, str(column))

    @classmethod
    def fit(cls, labels: Sequence[str], recipe: Recipe, cells: Cells) -> Self:
        names = tuple(in_order(set(labels), recipe))
        require_found(recipe.data.label_names, names)
        weights = weights_of(recipe, names, Counter(labels))
        wanted = recipe.data.positive_label
        if wanted is not None and len(names) != 2:
            what = f"positive_label is for two labels, but there are {len(names)}: {listing(names)}"
            raise RecipeError(what, where="data.positive_label", hint="remove it")
        positive = _positive(names, wanted, recipe.data.label_names) if len(names) == 2 else None
        if recipe.evaluation.threshold != DEFAULT and len(names) != 2:
            what = f"threshold is for two labels, or for several per row, but there are {len(names)}: {listing(names)}"
            raise RecipeError(
                what, where="evaluation.threshold", hint="remove it: the most probable label is predicted"
            )
        return cls(names, positive, weights=weights, **decision_of(recipe))

    @classmethod
    def strata(cls, labels: Sequence[str]) -> Sequence[str]:
        return labels

    def counts(self, labels: Sequence[str]) -> dict[str, int]:
        counted = Counter(labels)
        place = {name: number for number, name in enumerate(self.names)}
        ordered = sorted(counted, key=lambda name: (place.get(name, len(place)), natural(name)))
        return {name: counted[name] for name in ordered}

    def check(self, splits_: Mapping[str, Dataset]) -> list[Finding]:
        train = values_of(splits_["train"], "label")
        counts = self.counts(train)
        others = {name: values_of(split, "label") for name, split in splits_.items() if name != "train"}
        rows = {name: values_of(split, "row") for name, split in splits_.items()}
        every = [label for split in splits_.values() for label in values_of(split, "label")]
        return [
            *checks.unseen_labels(train, others, rows),
            *checks.one_class(counts),
            *checks.one_class_held_out(train, others),
            *checks.label_by_row(counts),
            *checks.rare_class(counts),
            *checks.imbalance(counts),
            *checks.near_equal_labels(every),
            *checks.missing_like_labels(every),
            *checks.list_like_labels(every),
        ]

    def encode(self, labels: Sequence[str]) -> list[int]:
        return self._ids(labels).tolist()

    def loss(self, smoothing: float) -> LabelLoss:
        weight = None if self.weights is None else torch.tensor(self.weights, dtype=torch.float32)

        def summed(logits: Tensor, labels: Tensor) -> Tensor:
            weights = None if weight is None else weight.to(logits.device)
            return functional.cross_entropy(
                logits.float(), labels, weights, ignore_index=IGNORED, reduction="sum", label_smoothing=smoothing
            )

        return summed

    def divergence(self) -> LabelLoss:
        return categorical_divergence

    def answers(self, logits: FloatArray) -> list[Answer]:
        probabilities, best = softmax(logits / self.temperature, axis=1), logits.argmax(axis=1)
        if self.positive is not None and self.threshold != DEFAULT:
            positive = probabilities[:, self.positive] >= self.threshold
            best = np.where(positive, self.positive, 1 - self.positive)
        return [
            {"prediction": self.names[i], "score": float(row[i]), "scores": row.tolist()}
            for i, row in zip(best, probabilities, strict=True)
        ]

    def choices(self, answers: Sequence[Answer], gold: Sequence[str]) -> tuple[FloatArray, np.ndarray]:
        if self.positive is None:
            return super().choices(answers, gold)
        scores = np.array([answer["scores"][self.positive] for answer in answers])
        return scores, np.array([label == self.names[self.positive] for label in gold], dtype=bool)

    def decided(self, answers: Sequence[Answer], gold: Sequence[str]) -> Decided:
        scores = np.array([answer["scores"] for answer in answers], dtype=float)
        return Decided(scores, self._ids([answer["prediction"] for answer in answers]), self._ids(gold))

    def metrics(self, predicted: Sequence[str], gold: Sequence[str]) -> list[AnyMetric]:
        return list(
            classification.classification_metrics(
                self._ids(predicted), self._ids(gold), len(self.names), positive=self.positive
            )
        )

    def linear(self, features: FloatArray, encoded: NDArray[Any], unseen: float = NEVER) -> Linear:
        return softmax_regression(features, encoded.astype(int), self.width, unseen)

    def baselines(self, train: Texts, labels: Sequence[str], test: Texts) -> dict[str, Sequence[str]]:
        ids = self._ids(labels)
        found = {
            "majority": baselines.majority(ids, len(test)),
            "tfidf": baselines.tfidf_classifier(train, ids, test),
        }
        return {name: [self.names[i] for i in predicted] for name, predicted in found.items()}


class SeveralLabels(Labels):
    """Each text has any number of labels, none included."""

    kind = "several"
    problem_type = "multi_label_classification"
    role = "labels"
    best = "f1_micro"
    uses = (
        *("data.label_names", "evaluation.threshold", "evaluation.calibrate"),
        *("training.class_weights", "training.label_smoothing", "training.r_drop_alpha"),
    )

    @classmethod
    def read(cls, values: Mapping[str, Any], column: str | list[str], cells: Cells) -> list[str] | Fault:
        if isinstance(column, str):
            if is_missing(value := values.get(column)) and not cells.may_be_empty(value):
                return Fault.empty("missing-label", values, column)
            return cells.labels(values, column)
        flags = {name: values.get(name) for name in column}
        empty = [name for name, flag in flags.items() if is_missing(flag)]
        if empty and cells.marks is None:
            return Fault("missing-label", f"columns are empty: {listing(empty)}")
        chosen = []
        for name, flag in flags.items():
            chosen_here = cells.flag(flag)
            if chosen_here is None:
                return Fault("bad-label", f"column {name!r} is {flag!r}, which is no flag such as 0 and 1")
            if chosen_here:
                chosen.append(name)
        return chosen

    @classmethod
    def fit(cls, labels: Sequence[list[str]], recipe: Recipe, cells: Cells) -> Self:
        columns = recipe.data.columns.get("labels")
        counted = Counter(label for row in labels for label in row)
        # Flags name the labels in the order of the file; a label that no row has keeps its place.
        flags = columns if isinstance(columns, list) else cells.flags.names if cells.flags else None
        given = recipe.data.label_names
        names = tuple([given.get(name, name) for name in flags] if flags else in_order(counted, recipe))
        require_found(given, names)
        return cls(names, weights=weights_of(recipe, names, counted), **decision_of(recipe))

    @classmethod
    def strata(cls, labels: Sequence[list[str]]) -> Sequence[Any]:
        return splits.by_labels(labels)

    def counts(self, labels: Sequence[list[str]]) -> dict[str, int]:
        counted = Counter(label for row in labels for label in row)
        names = self.names or sorted(counted, key=natural)
        return {name: counted[name] for name in names}

    def check(self, splits_: Mapping[str, Dataset]) -> list[Finding]:
        train = values_of(splits_["train"], "label")
        counts = self.counts(train)
        others: dict[str, list[str]] = {name: [] for name in splits_ if name != "train"}
        rows: dict[str, list[int]] = {name: [] for name in others}  # of each label
        for name in others:
            for row, labels in zip(values_of(splits_[name], "row"), values_of(splits_[name], "label"), strict=True):
                others[name] += labels
                rows[name] += [row] * len(labels)
        return [
            *checks.unseen_labels(counts, others, rows),
            *checks.constant_label(counts, len(train)),
            *checks.exclusive_labels(train, self.names),
            *checks.unlabelled_rows(train, values_of(splits_["train"], "row")),
            *checks.rare_class(counts),
            *checks.imbalance(counts, len(train)),
            *checks.near_equal_labels(label for labels in train for label in labels),
        ]

    def encode(self, labels: Sequence[list[str]]) -> list[list[float]]:
        return self._matrix(labels).astype(np.float64).tolist()

    def loss(self, smoothing: float) -> LabelLoss:
        weight = None if self.weights is None else torch.tensor(self.weights, dtype=torch.float32)

        def summed(logits: Tensor, labels: Tensor) -> Tensor:
            counted = labels.ne(IGNORED)
            target = labels.clamp(min=0) * (1 - smoothing) + smoothing / 2
            each = functional.binary_cross_entropy_with_logits(logits.float(), target, reduction="none")
            if weight is not None:
                each = each * weight.to(logits.device)
            return (each * counted).sum()

        return summed

    def divergence(self) -> LabelLoss:
        return binary_divergence

    def answers(self, logits: FloatArray) -> list[Answer]:
        probabilities = expit(logits / self.temperature)
        return [
            {
                "prediction": [name for name, p in zip(self.names, row, strict=True) if p >= self.threshold],
                # The confidence in the whole set of labels, if they were independent.
                "score": float(np.prod(np.maximum(row, 1 - row))),
                "scores": row.tolist(),
            }
            for row in probabilities
        ]

    def choices(self, answers: Sequence[Answer], gold: Sequence[list[str]]) -> tuple[FloatArray, np.ndarray]:
        scores = np.array([answer["scores"] for answer in answers], dtype=float)
        return scores.ravel(), self._matrix(gold).ravel() == 1

    def decided(self, answers: Sequence[Answer], gold: Sequence[list[str]]) -> Decided:
        scores, truth = self.choices(answers, gold)
        return Decided(np.stack([1 - scores, scores], axis=1), np.ones(len(scores), dtype=int), truth.astype(int))

    def metrics(self, predicted: Sequence[list[str]], gold: Sequence[list[str]]) -> list[AnyMetric]:
        return list(multilabel.multilabel_metrics(self._matrix(predicted), self._matrix(gold)))

    def linear(self, features: FloatArray, encoded: NDArray[Any], unseen: float = NEVER) -> Linear:
        return binary_regressions(features, encoded.astype(int), unseen)

    def baselines(self, train: Texts, labels: Sequence[list[str]], test: Texts) -> dict[str, Sequence[Any]]:
        matrix = self._matrix(labels)
        found = {
            "majority": baselines.majority(matrix, len(test)),
            "tfidf": baselines.tfidf_classifier(train, matrix, test),
        }
        return {name: [self._named(row) for row in predicted] for name, predicted in found.items()}

    def _matrix(self, labels: Sequence[Sequence[str]]) -> NDArray[np.int64]:
        ids = {name: number for number, name in enumerate(self.names)}
        matrix = np.zeros((len(labels), len(self.names)), dtype=np.int64)
        for row, chosen in enumerate(labels):
            matrix[row, [ids[label] for label in chosen]] = 1
        return matrix

    def _named(self, row: NDArray[np.int64]) -> list[str]:
        return [name for name, flag in zip(self.names, row, strict=True) if flag]


KINDS: dict[str, type[Labels]] = {kind.kind: kind for kind in (OneLabel, SeveralLabels, Number)}


def _positive(names: Sequence[str], wanted: str | None, label_names: Mapping[str, str]) -> int:
    if wanted is not None:
        if wanted not in names:
            renamed = label_names.get(wanted)
            hint = f"write {renamed}: label_names gives {wanted} this name" if renamed else nearest(wanted, names)
            raise RecipeError(f"no label {wanted!r}", where="data.positive_label", hint=hint)
        return names.index(wanted)
    known = [number for number, name in enumerate(names) if name.strip().lower() in POSITIVE or f"not {name}" in names]
    return known[0] if len(known) == 1 else 1
