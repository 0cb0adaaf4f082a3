"""A number as label: learned without its unit, which is put into the head of the finished model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import torch
from datasets import Dataset
from numpy.typing import NDArray
from torch import Tensor, nn

from luthier.arrays import FloatArray
from luthier.data import splits
from luthier.data.batches import IGNORED
from luthier.data.checks.numbers import constant_target, outliers
from luthier.data.examples import values_of
from luthier.data.records import Fault
from luthier.data.values import is_missing
from luthier.findings import Finding
from luthier.metrics import regression
from luthier.metrics.base import AnyMetric
from luthier.metrics.baselines import simple as baselines
from luthier.metrics.baselines.linear import NEVER, Linear, ridge
from luthier.recipe import Recipe
from luthier.tasks.phases import Answer
from luthier.tasks.text_classification.cells import Cells
from luthier.tasks.text_classification.labels import LabelLoss, Labels, Texts


@dataclass(frozen=True)
class Number(Labels):
    """Each text has a number, such as a similarity from 0 to 5. A model learns how far it is from the mean.

    So a training does not depend on the unit. In the end, the unit is put into the model (`number_head`).

    Args:
        mean: Of the training rows.
        scale: Their standard deviation.
        in_model: Whether the model gives numbers in their unit.
    """

    kind = "number"
    problem_type = "regression"
    role = "label"
    best = "pearson"

    mean: float = 0.0
    scale: float = 1.0
    in_model: bool = False

    @classmethod
    def read(cls, values: Mapping[str, Any], column: str | list[str], cells: Cells) -> float | Fault:
        value = values.get(str(column))
        if is_missing(value):
            return Fault.empty("missing-label", values, column)
        if (number := cells.number(value)) is None:
            return cells.not_a_number(value, str(column))
        return number

    @classmethod
    def fit(cls, labels: Sequence[float], recipe: Recipe, cells: Cells) -> Self:
        values = np.asarray(labels, float)
        scale = float(values.std())
        return cls(mean=float(values.mean()), scale=scale) if 0 < scale < np.inf else cls()

    @classmethod
    def strata(cls, labels: Sequence[float]) -> Sequence[Any]:
        return splits.by_value(labels)

    def counts(self, labels: Sequence[float]) -> dict[str, int]:
        return {}

    def knows(self, label: float) -> bool:
        return True

    def check(self, splits_: Mapping[str, Dataset]) -> list[Finding]:
        labels = values_of(splits_["train"], "label")
        return [*constant_target(labels), *outliers(labels, values_of(splits_["train"], "row"))]

    def encode(self, labels: Sequence[float]) -> list[float]:
        found: list[float] = ((np.asarray(labels, float) - self.mean) / self.scale).tolist()
        return found

    def decoded(self, encoded: Tensor) -> Tensor:
        return encoded.double() * self.scale + self.mean

    def given(self, outputs: Tensor) -> Tensor:
        return outputs if self.in_model else self.decoded(outputs)

    @property
    def unit(self) -> tuple[float, ...]:
        return self.mean, self.scale

    def configure(self, model: nn.Module) -> None:
        """See `Bound.configure`. Takes the unit out of a head that comes with the checkpoint."""
        head = number_head(model)
        # transformers begins a new head with a bias of zeros.
        if not self.in_model and head is not None and head.bias.any():
            rescale(head, -self.mean / self.scale, 1 / self.scale)

    def finish(self, model: nn.Module) -> None:
        """See `Bound.finish`. Puts the unit into the head."""
        head = number_head(model)
        if head is not None:
            rescale(head, self.mean, self.scale)

    def finished(self, model: nn.Module) -> Self:
        return replace(self, in_model=number_head(model) is not None)

    def unadjusted(self) -> Self:
        return replace(self, in_model=False)

    def loss(self, smoothing: float) -> LabelLoss:
        def summed(logits: Tensor, labels: Tensor) -> Tensor:
            counted, outputs = labels.ne(IGNORED), logits.float().squeeze(-1)
            outputs = (outputs - self.mean) / self.scale if self.in_model else outputs
            return ((outputs - labels).square() * counted).sum()

        return summed

    def answers(self, logits: FloatArray) -> list[Answer]:
        values = logits[:, 0] if self.in_model else logits[:, 0] * self.scale + self.mean
        return [{"prediction": value, "score": None, "scores": [value]} for value in values.tolist()]

    def metrics(self, predicted: Sequence[float], gold: Sequence[float]) -> list[AnyMetric]:
        return regression.regression_metrics(np.asarray(predicted, float), np.asarray(gold, float))

    def linear(self, features: FloatArray, encoded: NDArray[Any], unseen: float = NEVER) -> Linear:
        return ridge(features, encoded.astype(float))

    def baselines(self, train: Texts, labels: Sequence[float], test: Texts) -> dict[str, Sequence[float]]:
        values = np.asarray(labels, float)
        found = {
            "mean": baselines.mean(values, len(test)),
            "tfidf": baselines.tfidf_ridge(train, values, test),
        }
        return {name: predicted.tolist() for name, predicted in found.items()}


def number_head(model: nn.Module) -> nn.Linear | None:
    """The linear layer with one output and a bias that a regression ends with; None for a model without one.

    Of an adapter, it is the layer that learns, which comes after the original one.
    """
    layers = [module for module in model.modules() if isinstance(module, nn.Linear)]
    return next((one for one in reversed(layers) if one.out_features == 1 and one.bias is not None), None)


def rescale(head: nn.Linear, mean: float, scale: float) -> None:
    """Make a layer give `scale * y + mean` where it gave y, in place."""
    with torch.no_grad():
        head.weight.mul_(scale)
        head.bias.mul_(scale).add_(mean)
