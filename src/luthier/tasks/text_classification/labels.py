"""The base class of the kinds of label."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
from datasets import Dataset
from numpy.typing import NDArray
from torch import Tensor, nn

from luthier.arrays import FloatArray
from luthier.data.values import as_number
from luthier.errors import RecipeError, nearest
from luthier.findings import Finding
from luthier.metrics.base import AnyMetric
from luthier.metrics.baselines.linear import NEVER, Linear
from luthier.recipe import Recipe
from luthier.tasks.phases import Answer
from luthier.tasks.text_classification.cells import Cells
from luthier.tasks.text_classification.temperatures import UNCALIBRATED, Decided
from luthier.tasks.text_classification.thresholds import DEFAULT

Texts = Sequence[str] | Sequence[tuple[str, str]]
LabelLoss = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Labels(ABC):
    """A kind of label, fitted to the training examples: how labels are read, predicted and scored.

    Args:
        names: The labels, in the order of the model's outputs.
        positive: Id of the class that binary precision, recall and F1 refer to.
        threshold: Minimum probability of a label; of two labels, of the positive one.
        weights: Weight of each label in the loss; None for equal weights.
        aim: What the threshold is chosen for on the validation rows, such as `precision=0.9`; None for a given one.
        chosen: How the threshold was chosen, with the evidence; empty until it is, and for a given one.
        temperature: The logits are divided by it, so that probabilities are calibrated; 1 if they are not.
        calibrate: Whether a temperature is fitted on the validation rows.
        calibration: How the temperature was fitted, with the evidence, or why it was not; empty until then.
    """

    kind: ClassVar[str]  # the second half of a shape
    problem_type: ClassVar[str]  # transformers' name for it
    role: ClassVar[str]  # the column's role
    best: ClassVar[str]  # default metric for selecting the best checkpoint
    uses: ClassVar[Sequence[str]] = ()  # see `Task.uses`

    names: tuple[str, ...] = ()
    positive: int | None = None
    threshold: float = DEFAULT
    weights: tuple[float, ...] | None = None
    aim: str | None = None
    chosen: str = ""
    temperature: float = UNCALIBRATED
    calibrate: bool = False
    calibration: str = ""

    @classmethod
    @abstractmethod
    def read(cls, values: Mapping[str, Any], column: str | list[str], cells: Cells) -> Any:
        """The label of a row, or a `Fault` if it is missing or not of this kind.

        Args:
            values: The row.
            column: The label column, or several 0/1 columns (multi-label).
            cells: How the cells of the label column are written.
        """

    @classmethod
    @abstractmethod
    def fit(cls, labels: Sequence[Any], recipe: Recipe, cells: Cells) -> Self:
        """Learn the label names from the training examples.

        Raises:
            RecipeError: The recipe names a label that does not exist, or has a threshold without two or several labels.
        """

    @classmethod
    @abstractmethod
    def strata(cls, labels: Sequence[Any]) -> Sequence[Any]:
        """The stratum of each example, for stratified splits."""

    @abstractmethod
    def counts(self, labels: Sequence[Any]) -> dict[str, int]:
        """Label to its number of examples."""

    @abstractmethod
    def check(self, splits_: Mapping[str, Dataset]) -> list[Finding]:
        """Check the labels alone."""

    def knows(self, label: Any) -> bool:
        """Whether the label (or each of several) occurs in training."""
        return all(one in self.names for one in (label if isinstance(label, list) else [label]))

    @abstractmethod
    def encode(self, labels: Sequence[Any]) -> list[Any]:
        """Encode labels for the model's loss."""

    def decoded(self, encoded: Tensor) -> Tensor:
        """Encoded labels in the unit of the data."""
        return encoded

    def given(self, outputs: Tensor) -> Tensor:
        """Outputs of the model in the unit of the data."""
        return outputs

    @property
    def unit(self) -> tuple[float, ...]:
        """What `encode` depends on besides the names."""
        return ()

    def configure(self, model: nn.Module) -> None:
        """See `Bound.configure`. Most kinds have nothing to do."""
        return

    def finish(self, model: nn.Module) -> None:
        """See `Bound.finish`."""
        return

    def finished(self, model: nn.Module) -> Self:
        """See `Bound.finished`."""
        return self

    def unadjusted(self) -> Self:
        """The same labels without what was chosen for a trained model."""
        return replace(self, threshold=DEFAULT, temperature=UNCALIBRATED)

    @abstractmethod
    def loss(self, smoothing: float) -> LabelLoss:
        """A function of (logits [b, c], labels) that sums the loss over the labels that are not `IGNORED`."""

    def divergence(self) -> LabelLoss | None:
        """The divergence of R-Drop, a function of (logits [2b, c], labels); None if labels have no probabilities."""
        return None

    @abstractmethod
    def answers(self, logits: FloatArray) -> list[Answer]:
        """Answers from logits [n, c]."""

    def choices(self, answers: Sequence[Answer], gold: Sequence[Any]) -> tuple[FloatArray, np.ndarray]:
        """What the threshold decides: probabilities [n] that a label is true, and whether it is; empty if nothing."""
        return np.zeros(0), np.zeros(0, dtype=bool)

    def decided(self, answers: Sequence[Answer], gold: Sequence[Any]) -> Decided:
        """What calibration is measured on; only for labels with probabilities."""
        raise NotImplementedError(self.kind)

    @abstractmethod
    def metrics(self, predicted: Sequence[Any], gold: Sequence[Any]) -> list[AnyMetric]:
        """Metrics of predictions in the form of `prediction`."""

    @abstractmethod
    def baselines(self, train: Texts, labels: Sequence[Any], test: Texts) -> dict[str, Sequence[Any]]:
        """Predictions of the simple baselines."""

    @abstractmethod
    def linear(self, features: FloatArray, encoded: NDArray[Any], unseen: float = NEVER) -> Linear:
        """A linear model from features [n, d] to outputs, fitted to encoded labels.

        Args:
            features: `[n, d]`.
            encoded: What `encode` gives, of `n` rows.
            unseen: Log odds of a label without rows.
        """

    @property
    def width(self) -> int:
        """Number of outputs of the model's head."""
        return len(self.names) or 1

    def _ids(self, labels: Sequence[str]) -> NDArray[np.int64]:
        ids = {name: number for number, name in enumerate(self.names)}
        return np.array([ids[label] for label in labels], dtype=np.int64)


def in_order(labels: Iterable[str], recipe: Recipe) -> list[str]:
    """Labels in the order of the model's outputs: numbers by size, then words alphabetically; named ones by code."""
    codes = {name: code for code, name in recipe.data.label_names.items()}

    def place(label: str) -> tuple[int, float, str]:
        return natural(codes.get(label, label))

    return sorted(labels, key=place)


def natural(label: str) -> tuple[int, float, str]:
    """Sort key: numbers by size, then words alphabetically."""
    number = as_number(label)
    return (1, 0.0, label) if number is None else (0, number, label)


def decision_of(recipe: Recipe) -> dict[str, Any]:
    """The fields of `Labels` for the threshold that the recipe gives, or for its aim, and for the calibration."""
    wanted, calibrate = recipe.evaluation.threshold, recipe.evaluation.calibrate
    if not isinstance(wanted, float):
        return {"aim": wanted, "calibrate": calibrate}
    if wanted == DEFAULT or not calibrate:
        return {"threshold": wanted, "calibrate": calibrate}
    # Calibration would change which scores reach it, and so the predictions.
    return {"threshold": wanted, "calibration": f"the given threshold {wanted:g} applies to uncalibrated scores"}


def weights_of(recipe: Recipe, names: Sequence[str], counts: Mapping[str, int]) -> tuple[float, ...] | None:
    """The weight of each label in the loss; `balanced` has a mean of 1 over the training rows; None for equal weights.

    Raises:
        RecipeError: A weight is below 0, or for a label that does not exist.
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
            what = f"the weight of {name!r} is {weight}: this would reward errors"
            raise RecipeError(what, where="training.class_weights", hint="use weights of 0 or more")
    return tuple(wanted.get(name, 1.0) for name in names)
