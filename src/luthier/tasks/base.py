"""What a task is, and the registry that finds them. A task knows nothing of engines."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from importlib.metadata import entry_points
from typing import Any, ClassVar, Literal, Self

import numpy as np
import torch
from datasets import Dataset
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional
from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

from luthier.console import Console
from luthier.data import checks
from luthier.data.batches import IGNORED, Collate, pad_inputs
from luthier.data.columns.profile import ColumnProfile, Recognition
from luthier.data.records import Record, Skipped
from luthier.data.tokenized import Examples, Features, Limits
from luthier.errors import UsageError, nearest
from luthier.findings import Decision, Finding
from luthier.metrics.base import AnyMetric
from luthier.recipe import Recipe
from luthier.reporting.names import greater_is_better
from luthier.reporting.panels import Panel

FloatArray = NDArray[np.float64]
Example = dict[str, Any]
Answer = dict[str, Any]
Loss = Callable[[Any, Tensor], Tensor]  # of a ModelOutput of transformers and the labels


class Task(ABC):
    """What a model is tuned to do, on one data set.

    A row goes through it as: record -> example (canonical columns) -> features (ids) -> batch -> outputs -> answer.
    Subclasses are made by `recognised` while training and by `restored` from a model directory afterwards.
    """

    name: ClassVar[str]
    family: ClassVar[Literal["encoder", "decoder", "encoder-decoder"]]
    auto_class: ClassVar[str]  # what follows AutoModelFor
    about: ClassVar[str]  # one line for `luthier tasks`
    row: ClassVar[str]  # what a row holds, for `luthier tasks` and errors
    metric_names: ClassVar[Sequence[str]]
    shapes: ClassVar[Sequence[str]] = ()  # what a row may look like, where there are several ways
    defaults: ClassVar[Mapping[str, Any]] = {}  # dotted recipe key to value
    roles: ClassVar[Sequence[str]] = ("text", "text_pair")  # of the input, in the order that a person gives them in
    broad: ClassVar[bool] = False  # fits nearly any table, and so gives way to a task that is as sure
    unlabelled: ClassVar[bool] = False  # learns from text alone, and so fits any table that holds some
    generates: ClassVar[bool] = False  # whether answers are written token by token, rather than read from the outputs
    why_lost: ClassVar[str] = "nothing of the target is left within the length that a row may have"
    packs: ClassVar[bool] = False  # whether training rows hold several examples
    tunes: ClassVar[bool] = False  # whether `tune` does anything
    gold_column: ClassVar[str] = "label"  # of the examples, which holds what is right
    quoted: ClassVar[str] = "text"  # the column of the examples that findings show
    longest: ClassVar[int] = 512  # tokens; more is taken only when asked for
    cuts: ClassVar[bool] = True  # whether what is too long is cut; False where it is read in windows

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

    def look(self, profiles: Mapping[str, ColumnProfile]) -> None:  # noqa: B027  # most tasks have seen enough
        """See what else the columns' profiles tell; called once, before the first row is read."""

    # -- from rows to examples -----------------------------------------------------------------------------------

    @abstractmethod
    def example(self, record: Record) -> Example | Skipped:
        """A row in canonical columns, or why it is skipped."""

    @property
    def asked_roles(self) -> list[str]:
        """The roles of the input that the data has, in the order that a person gives them in."""
        return [role for role in self.roles if role in self.columns]

    @abstractmethod
    def answerable(self, values: Mapping[str, Any]) -> Example:
        """An example without a label, to predict on, from a row's values.

        Raises:
            ColumnError: A column that the task needs is not among the values.
        """

    @abstractmethod
    def key(self, example: Example) -> str:
        """The content of an example: equal for duplicates."""

    def group(self, example: Example) -> str:
        """What must not stand on both sides of a split: equal texts, or more where a task knows better."""
        return self.key(example)

    def strata(self, examples: Dataset) -> Sequence[Any] | None:
        """What each example's split shall be balanced by; None for nothing."""
        return None

    def learn(self, train: Dataset, recipe: Recipe) -> None:  # noqa: B027  # what is no label has nothing to learn
        """Take from the training examples what the model needs to know, such as the labels."""

    def check(
        self, splits: Mapping[str, Dataset], keys: Mapping[str, Sequence[str]], given: Sequence[str]
    ) -> list[Finding]:
        """Checks of the data, before a model is loaded; here texts that training, or it and a given split, has twice.

        Args:
            splits: The examples.
            keys: The content key of each of them.
            given: Splits that the user gave, so that they may share texts with others.
        """
        texts = {name: list(map(str, split[self.quoted])) for name, split in splits.items()}
        rows = {name: list(split["row"]) for name, split in splits.items()}
        held_out = {name: keys[name] for name in splits if name != "train" and name in given}
        return [
            *checks.duplicates(keys["train"], texts["train"], rows["train"]),
            *checks.leak(keys["train"], held_out, texts, rows),
            *checks.held_out_overlap(
                keys.get("validation", ()), keys.get("test", ()), texts.get("test", ()), rows.get("test")
            ),
        ]

    def knows(self, example: Example) -> bool:
        """Whether the label of an example is one that training has."""
        return True

    def label_counts(self, examples: Dataset) -> dict[str, int]:
        """Label to how many examples have it; empty where there are no labels to count."""
        return {}

    # -- from examples to the model ------------------------------------------------------------------------------

    def ready(self, tokenizer: PreTrainedTokenizerBase, config: PretrainedConfig) -> list[Decision]:
        """Set up the tokenizer and take from it what the task needs; what was decided. Called before `encode`."""
        return []

    def configure(self, model: PreTrainedModel, limits: Limits) -> None:  # noqa: B027  # most tasks have nothing to do
        """Set up a model that was just made or loaded, such as how it writes."""

    def tune(self, answers: Sequence[Answer], examples: Examples) -> None:  # noqa: B027
        """Settle what is chosen on validation answers, such as a threshold, before the final score."""

    def model_config(self) -> dict[str, Any]:
        """Entries of the model's configuration that follow from the data."""
        return {}

    @abstractmethod
    def encode(
        self, examples: Examples, tokenizer: PreTrainedTokenizerBase, limits: Limits | None, *, training: bool
    ) -> Features:
        """Features of a batch of examples, see `data.tokenized.Encode`; with `labels` where the examples have them."""

    def collator(self, tokenizer: PreTrainedTokenizerBase, model: PreTrainedModel) -> Collate:
        """What pads features to a batch of tensors: the arguments of the model's forward, and `labels`.

        Here labels have one shape in every row, and are not padded.
        """

        def collate(rows: Sequence[Mapping[str, Any]]) -> dict[str, Tensor]:
            batch = pad_inputs(rows, tokenizer)
            if "labels" in rows[0]:
                batch["labels"] = torch.tensor([row["labels"] for row in rows])
            return batch

        return collate

    @abstractmethod
    def loss(self, recipe: Recipe) -> Loss:
        """(outputs of the model, labels) to the sum of the losses over the labels that are not `IGNORED`."""

    def texts(self, examples: Examples) -> Iterator[str]:
        """Every text of the examples that a new tokenizer has to know."""
        for column in self.inputs(examples).values():
            for value in column:
                yield from (value if isinstance(value, list) else [str(value)])

    def notice(
        self, examples: Examples, rows: Sequence[Mapping[str, Any]], tokenizer: PreTrainedTokenizerBase
    ) -> list[Finding]:
        """What shows only when the training examples are tokens.

        Args:
            examples: The training examples.
            rows: Their features.
            tokenizer: The model's.
        """
        return []

    def targets(self, rows: Sequence[Mapping[str, Any]], tokenizer: PreTrainedTokenizerBase) -> list[str]:
        """What the model learns to write, by row, decoded from the labels; empty where labels are no tokens."""
        return []

    # -- from the model to answers -------------------------------------------------------------------------------

    @abstractmethod
    def collect(self, outputs: Any, batch: Mapping[str, Tensor], labels: Tensor | None) -> list[Any]:
        """What is kept of a forward pass for each row of a batch, on the CPU.

        Args:
            outputs: Of the model.
            batch: Its inputs.
            labels: Those of the batch, where the rows have them.
        """

    @abstractmethod
    def answers(self, examples: Examples, rows: Sequence[Mapping[str, Any]], collected: Sequence[Any]) -> list[Answer]:
        """The answer to each example: `prediction`, and what else a reader of the predictions wants to see.

        Args:
            examples: What was asked.
            rows: Their features.
            collected: What `collect` gave for each row.
        """

    def write(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        examples: Examples,
        limits: Limits,
        console: Console,
    ) -> list[str]:
        """The texts that a model generates for examples; only for a task that `generates`."""
        raise NotImplementedError(f"{self.name} generates nothing")

    @abstractmethod
    def readable(self, answer: Answer) -> Answer:
        """An answer as `predict` gives it, with `scores` by label."""

    @abstractmethod
    def gold(self, examples: Examples) -> list[Any]:
        """The right answers, in the form of `prediction`."""

    def examples_of(self, predictions: Examples) -> Examples:
        """As much of the examples as the metrics ask for, from the columns of a predictions file."""
        return {self.gold_column: predictions["gold"]}

    @abstractmethod
    def inputs(self, examples: Examples) -> dict[str, list[Any]]:
        """The columns of the examples that a reader of the predictions wants beside them."""

    # -- how good the answers are --------------------------------------------------------------------------------

    @abstractmethod
    def metrics(self, answers: Sequence[Answer], examples: Examples) -> list[AnyMetric]:
        """The task's metrics of answers to examples. They may be on fewer examples than there are."""

    def signatures(self, examples: Examples) -> dict[str, str]:
        """How metrics of examples are computed, by metric, where the name does not tell."""
        return {}

    def perfect(self, examples: Examples) -> list[Answer]:
        """The right answers in the form of answers, to try metrics on."""
        return [{"prediction": gold} for gold in self.gold(examples)]

    @property
    @abstractmethod
    def metric_for_best(self) -> str:
        """The metric that ranks models."""

    def greater_is_better(self, metric: str) -> bool:
        """The direction of a metric by its name."""
        return greater_is_better(metric)

    @abstractmethod
    def baselines(self, train: Examples, test: Examples) -> dict[str, Sequence[Answer]]:
        """Name to answers on `test` of each simple baseline that learned from `train`."""

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
    def of_model(cls, config: Any, tokenizer: PreTrainedTokenizerBase) -> Self | None:
        """The task of somebody else's model, told by its configuration; None where that does not tell."""
        return None


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


def card_of(task: Task, limits: Limits) -> dict[str, Any]:
    """What is written beside a model so that it can be used: the task's name, what it needs, and the limits."""
    sizes = {"max_length": limits.length, "max_target_length": limits.target, "stride": limits.stride}
    return {"task": task.name, **sizes, **task.to_dict()}


def of_card(card: Mapping[str, Any]) -> tuple[Task, Limits]:
    """The task and the limits that `card_of` wrote down."""
    limits = Limits(card["max_length"], card.get("max_target_length"), card.get("stride") or 0)
    return find(card["task"]).restored(card), limits


def summed_cross_entropy(logits: Tensor, labels: Tensor, smoothing: float = 0.0) -> Tensor:
    """The sum of the cross entropies of labels [...] that are not `IGNORED`, from logits [..., classes] in float32."""
    return functional.cross_entropy(
        logits.float().flatten(0, -2),
        labels.flatten(),
        ignore_index=IGNORED,
        reduction="sum",
        label_smoothing=smoothing,
    )
