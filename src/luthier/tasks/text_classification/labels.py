"""What a label of a text can be: what every kind of it has to say."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from datasets import Dataset
from numpy.typing import NDArray
from torch import Tensor

from luthier.errors import RecipeError, nearest
from luthier.findings import Finding
from luthier.metrics.base import AnyMetric
from luthier.recipe import Recipe
from luthier.tasks.base import Answer, FloatArray

Texts = Sequence[str] | Sequence[tuple[str, str]]
LabelLoss = Callable[[Tensor, Tensor], Tensor]


class Unlabelled(Exception):
    """A row has no usable label.

    Args:
        reason: As in `Skipped`.
        detail: As in `Skipped`.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


class Labels(ABC):
    """One kind of label: how it is read, learned, predicted and scored."""

    kind: ClassVar[str]  # the second half of a shape
    problem_type: ClassVar[str]  # transformers' name for it
    role: ClassVar[str]  # the column's role
    best: str  # the metric that ranks models
    metric_names: ClassVar[Sequence[str]]

    def __init__(
        self,
        names: Sequence[str] = (),
        positive: int | None = None,
        threshold: float = 0.5,
        separator: str | None = None,
    ) -> None:
        self.names = list(names)
        self.positive = positive  # id of the class that binary precision, recall and F1 are about
        self.threshold = threshold  # probability from which one of several labels is given
        self.separator = separator  # what joins several labels in one column

    @abstractmethod
    def read(self, values: Mapping[str, Any], column: str | list[str]) -> Any:
        """The label of a row.

        Raises:
            Unlabelled: There is none, or it is none of this kind.
        """

    @abstractmethod
    def learn(self, train: Dataset, recipe: Recipe) -> None:
        """Take the labels' names from the training examples."""

    @abstractmethod
    def strata(self, labels: Sequence[Any]) -> Sequence[Any]:
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
    def loss(self, recipe: Recipe, train: Dataset | None) -> LabelLoss:
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


def check_weights(recipe: Recipe, names: Sequence[str]) -> None:
    """Refuse weights that cannot be.

    Raises:
        RecipeError: A weight is for a label that is not there, or below 0.
    """
    wanted = recipe.training.class_weights
    for name, weight in wanted.items() if isinstance(wanted, dict) else ():
        if name not in names:
            raise RecipeError(f"no label {name!r}", where="training.class_weights", hint=nearest(name, names))
        if weight < 0:
            what = f"the weight of {name!r} is {weight}: the model would be rewarded for its errors"
            raise RecipeError(what, where="training.class_weights", hint="give weights of 0 or more")


def weights_of(recipe: Recipe, names: Sequence[str], counts: Mapping[str, int]) -> Tensor | None:
    """The weight of each label in the loss [c], with a mean of 1 over the training rows; None for equal weights."""
    wanted = recipe.training.class_weights
    if wanted is None or not counts:
        return None
    if wanted == "balanced":
        total = sum(counts.values())
        weights = [total / (len(names) * counts[name]) if counts.get(name) else 1.0 for name in names]
    else:
        weights = [wanted.get(name, 1.0) for name in names]
    return torch.tensor(weights, dtype=torch.float32)
