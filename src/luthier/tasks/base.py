"""What a task is, and the registry that finds them. A task knows nothing of engines."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib.metadata import entry_points
from typing import Any, ClassVar, Literal, Self

import numpy as np
from datasets import Dataset
from numpy.typing import NDArray
from torch import Tensor
from transformers import BatchEncoding, PreTrainedTokenizerBase

from luthier.data.batches import Collate
from luthier.data.columns import ColumnProfile, Recognition
from luthier.data.records import Record, Rejected
from luthier.errors import UsageError, nearest
from luthier.findings import Finding
from luthier.metrics.base import AnyMetric
from luthier.recipe import Recipe
from luthier.report.panels import Panel

FloatArray = NDArray[np.float64]
LESS_IS_BETTER = ("loss", "mse", "mae", "perplexity", "bits_per_byte")
Example = dict[str, Any]
Answer = dict[str, Any]


class Task(ABC):
    """What a model is tuned to do, on one data set.

    A row goes through it as: record -> example (canonical columns) -> features (ids) -> batch -> logits -> answer.
    Subclasses are made by `recognised` while training and by `restored` from a model directory afterwards.
    """

    name: ClassVar[str]
    family: ClassVar[Literal["encoder", "decoder", "encoder-decoder"]]
    auto_class: ClassVar[str]  # what follows AutoModelFor
    about: ClassVar[str]  # one line for `luthier tasks`
    row: ClassVar[str]  # what a row holds, for `luthier tasks` and errors
    metric_names: ClassVar[Sequence[str]]
    defaults: ClassVar[Mapping[str, Any]] = {}  # dotted recipe key to value

    shape: str  # which of the task's shapes the data has; empty for a task without shapes
    columns: dict[str, str | list[str]]  # role to column, or to several

    # -- recognising the data ------------------------------------------------------------------------------------

    @classmethod
    @abstractmethod
    def recognise(
        cls, profiles: Mapping[str, ColumnProfile], given: Mapping[str, str | list[str]], shape: str | None
    ) -> Recognition | None:
        """Find the task's columns by content; None where this is not data of the task."""

    @classmethod
    @abstractmethod
    def why_not(cls, profiles: Mapping[str, ColumnProfile], given: Mapping[str, str | list[str]]) -> str:
        """Why `recognise` found nothing, for a person."""

    @classmethod
    @abstractmethod
    def recognised(cls, recognition: Recognition, recipe: Recipe) -> Self:
        """The task on data whose columns are known."""

    @abstractmethod
    def look(self, profiles: Mapping[str, ColumnProfile]) -> None:
        """See what else the columns' profiles tell; called once, before the first row is read."""

    # -- from rows to examples -----------------------------------------------------------------------------------

    @abstractmethod
    def example(self, record: Record) -> Example | Rejected:
        """A row in canonical columns, or why it is set aside."""

    @abstractmethod
    def answerable(self, values: Mapping[str, Any]) -> Example:
        """An example without a label, to predict on, from a row's values.

        Raises:
            ColumnError: A column that the task needs is not among the values.
        """

    @abstractmethod
    def key(self, example: Example) -> str:
        """The content of an example: equal for duplicates."""

    @abstractmethod
    def strata(self, examples: Dataset) -> Sequence[Any] | None:
        """What each example's split shall be balanced by; None for nothing."""

    @abstractmethod
    def learn(self, train: Dataset, recipe: Recipe) -> None:
        """Take from the training examples what the model needs to know, such as the labels."""

    @abstractmethod
    def check(
        self, splits: Mapping[str, Dataset], keys: Mapping[str, Sequence[str]], given: Sequence[str]
    ) -> list[Finding]:
        """Checks of the data, before a model is loaded.

        Args:
            splits: The examples.
            keys: The content key of each of them.
            given: Splits that the user gave, so that they may share texts with others.
        """

    @abstractmethod
    def knows(self, example: Example) -> bool:
        """Whether the label of an example is one that training has."""

    @abstractmethod
    def label_counts(self, examples: Dataset) -> dict[str, int]:
        """Label to how many examples have it; empty where there are no labels to count."""

    # -- from examples to the model ------------------------------------------------------------------------------

    @abstractmethod
    def model_config(self) -> dict[str, Any]:
        """Entries of the model's configuration that follow from the data."""

    @abstractmethod
    def encode(
        self, examples: Mapping[str, list[Any]], tokenizer: PreTrainedTokenizerBase, length: int | None
    ) -> BatchEncoding:
        """Features of a batch of examples; `labels` where the examples have them.

        Args:
            examples: Column to values.
            tokenizer: The model's.
            length: Most tokens of a row; None to cut nothing.
        """

    @abstractmethod
    def collator(self, tokenizer: PreTrainedTokenizerBase) -> Collate:
        """What pads features to a batch of tensors."""

    @abstractmethod
    def loss(self, recipe: Recipe) -> Callable[[Tensor, Tensor], Tensor]:
        """(logits, labels) to the sum of the losses over the labels that count."""

    # -- from the model to answers -------------------------------------------------------------------------------

    @abstractmethod
    def answers(self, logits: FloatArray) -> list[Answer]:
        """What a person reads for each row of logits: `prediction`, `score` and `scores`."""

    @abstractmethod
    def readable(self, answer: Answer) -> Answer:
        """An answer as `predict` gives it, with `scores` by label."""

    @abstractmethod
    def gold(self, examples: Dataset) -> list[Any]:
        """The right answers, in the form of `prediction`."""

    @abstractmethod
    def inputs(self, examples: Dataset) -> dict[str, list[Any]]:
        """The columns of the examples that a reader of the predictions wants beside them."""

    # -- how good the answers are --------------------------------------------------------------------------------

    @abstractmethod
    def metrics(self, predictions: Sequence[Any], gold: Sequence[Any]) -> list[AnyMetric]:
        """The task's metrics of predictions against gold."""

    @property
    @abstractmethod
    def metric_for_best(self) -> str:
        """The metric that ranks models."""

    def greater_is_better(self, metric: str) -> bool:
        """The direction of a metric by its name."""
        return metric not in LESS_IS_BETTER

    @abstractmethod
    def baselines(self, train: Dataset, test: Dataset) -> dict[str, Sequence[Any]]:
        """Name to predictions on `test` of each simple baseline that learned from `train`."""

    @abstractmethod
    def panels(self, predictions: Mapping[str, Sequence[Any]]) -> list[Panel]:
        """The evidence of the report, from the columns of the predictions file."""

    # -- the model directory -------------------------------------------------------------------------------------

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """What `restored` needs, written beside the model."""

    @classmethod
    @abstractmethod
    def restored(cls, saved: Mapping[str, Any]) -> Self:
        """The task of a model directory of ours."""

    @classmethod
    @abstractmethod
    def of_model(cls, config: Any) -> Self | None:
        """The task of somebody else's model by its configuration; None where it is another task's."""


@cache
def registry() -> Mapping[str, type[Task]]:
    """Every task by name: those of the entry point group `luthier.tasks`, ours among them."""
    found: dict[str, type[Task]] = {}
    for entry in sorted(entry_points(group="luthier.tasks"), key=lambda entry: entry.name):
        task = entry.load()
        found[task.name] = task
    return found


def find(name: str) -> type[Task]:
    """The task of that name.

    Raises:
        UsageError: No such task, with the nearest one.
    """
    tasks = registry()
    if name not in tasks:
        raise UsageError(f"no task {name!r}", where="--task", hint=nearest(name, tasks))
    return tasks[name]
