"""What a label of a text can be: what every kind of it has to say."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from datasets import Dataset
from numpy.typing import NDArray
from torch import Tensor

from luthier.arrays import FloatArray
from luthier.errors import RecipeError, nearest
from luthier.findings import Finding
from luthier.metrics.base import AnyMetric
from luthier.recipe import Recipe
from luthier.tasks.phases import Answer

Texts = Sequence[str] | Sequence[tuple[str, str]]
LabelLoss = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Labels(ABC):
    """One kind of label, as it was learned from the training examples: how it is read, predicted and scored.

    Args:
        names: The labels, in the order of the model's outputs.
        positive: Id of the class that binary precision, recall and F1 are about.
        threshold: Probability from which one of several labels is given.
        weights: Weight of each label in the loss; None for equal weights.
    """

    kind: ClassVar[str]  # the second half of a shape
    problem_type: ClassVar[str]  # transformers' name for it
    role: ClassVar[str]  # the column's role
    best: ClassVar[str]  # the metric that ranks models
    metric_names: ClassVar[Sequence[str]]

    names: tuple[str, ...] = ()
    positive: int | None = None
    threshold: float = 0.5
    weights: tuple[float, ...] | None = None

    @classmethod
    @abstractmethod
    def read(cls, values: Mapping[str, Any], column: str | list[str], separator: str | None) -> Any:
        """The label of a row, or a `Fault` where there is none or it is none of this kind.

        Args:
            values: The row.
            column: That of the label; several columns of flags for several labels.
            separator: What joins several labels in one cell.
        """

    @classmethod
    @abstractmethod
    def fit(cls, labels: Sequence[Any], recipe: Recipe) -> Self:
        """Take the labels' names from those of the training examples.

        Raises:
            RecipeError: The recipe names a label that is not there.
        """

    @classmethod
    @abstractmethod
    def strata(cls, labels: Sequence[Any]) -> Sequence[Any]:
        """What splits shall be balanced by."""

    @abstractmethod
    def counts(self, labels: Sequence[Any]) -> dict[str, int]:
        """How many examples have each label."""

    @abstractmethod
    def check(self, splits_: Mapping[str, Dataset]) -> list[Finding]:
        """Checks of the labels alone."""

    def knows(self, label: Any) -> bool:
        """Whether training has the label (each of several)."""
        return all(one in self.names for one in (label if isinstance(label, list) else [label]))

    @abstractmethod
    def encode(self, labels: Sequence[Any]) -> list[Any]:
        """Labels as the model's loss reads them."""

    @abstractmethod
    def loss(self, smoothing: float) -> LabelLoss:
        """(logits [b, c], labels) to the summed loss of the labels that are not `IGNORED`."""

    @abstractmethod
    def answers(self, logits: FloatArray) -> list[Answer]:
        """Answers from logits [n, c]."""

    @abstractmethod
    def metrics(self, predicted: Sequence[Any], gold: Sequence[Any]) -> list[AnyMetric]:
        """Metrics of predictions in the form of `prediction`."""

    @abstractmethod
    def baselines(self, train: Texts, labels: Sequence[Any], test: Texts) -> dict[str, Sequence[Any]]:
        """Predictions of the simple baselines."""

    @property
    def width(self) -> int:
        """Outputs of the model's head."""
        return len(self.names) or 1

    def _ids(self, labels: Sequence[str]) -> NDArray[np.int64]:
        ids = {name: number for number, name in enumerate(self.names)}
        return np.array([ids[label] for label in labels], dtype=np.int64)


def weights_of(recipe: Recipe, names: Sequence[str], counts: Mapping[str, int]) -> tuple[float, ...] | None:
    """The weight of each label in the loss, with a mean of 1 over the training rows; None for equal weights.

    Raises:
        RecipeError: A weight is for a label that is not there, or below 0.
    """
    wanted = recipe.training.class_weights
    if wanted is None:
        return None
    if wanted == "balanced":
        total = sum(counts.values())
        return tuple(total / (len(names) * counts[name]) if counts.get(name) else 1.0 for name in names)
    for name, weight in wanted.items():
        if name not in names:
            raise RecipeError(f"no label {name!r}", where="training.class_weights", hint=nearest(name, names))
        if weight < 0:
            what = f"the weight of {name!r} is {weight}: the model would be rewarded for its errors"
            raise RecipeError(what, where="training.class_weights", hint="give weights of 0 or more")
    return tuple(wanted.get(name, 1.0) for name in names)
