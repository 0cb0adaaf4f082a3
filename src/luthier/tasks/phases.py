"""A task on one data set, in the three phases that it goes through. Its type says what can be called in which phase.

`Recognised` knows the columns and reads rows. `fit` looks at the training examples and gives `Fitted`, which knows the
labels, or whatever else is learned before the model is. `bind` sets up a tokenizer and gives `Bound`, which turns
examples into features and a model's outputs into answers. None of them changes; what needs the model is handed it.
Each method asks the task (`kind`) for what it does; `luthier.tasks.base.Task` says what a task may do differently.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from datasets import Dataset
from pydantic import TypeAdapter
from torch import Tensor
from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

from luthier.console import Console
from luthier.data.batches import Collate
from luthier.data.columns.profile import ColumnProfile
from luthier.data.columns.roles import Columns
from luthier.data.records import Fault, Record, Skipped
from luthier.data.table import Example
from luthier.data.tokenized import Examples, Features, Limits
from luthier.findings import Decision, Finding
from luthier.metrics.base import AnyMetric
from luthier.recipe import Recipe, TrainingRecipe
from luthier.reporting.panels import Panel
from luthier.reporting.task_words import TaskWords

if TYPE_CHECKING:
    from luthier.tasks.base import Task

Answer = dict[str, Any]
Loss = Callable[[Any, Mapping[str, Tensor]], Tensor]  # of a ModelOutput of transformers and the batch
Learned = TypeVar("Learned")


@dataclass(frozen=True)
class Nothing:
    """What a task learns before the model that has nothing to learn there."""


@dataclass(frozen=True)
class Recognised(Generic[Learned]):
    """A task whose columns are known: it reads rows.

    Args:
        kind: The task.
        shape: Which of the task's shapes the data has; empty for a task without shapes.
        columns: Role to column, or to several columns.
        details: What else the columns told, such as the separator of several labels in one cell.
    """

    kind: "Task[Learned]"
    shape: str
    columns: Columns
    details: Mapping[str, Any]

    @property
    def name(self) -> str:
        return self.kind.name

    def reading(self, columns: Columns, profiles: Mapping[str, ColumnProfile]) -> Self:
        """The same task on another table."""
        return replace(self, columns=dict(columns), details=self.kind.details(self.shape, columns, profiles))

    def example(self, record: Record) -> Example | Skipped:
        """A row in canonical columns, or why it is skipped."""
        found = self.kind.example(self, record.values)
        if isinstance(found, Fault):
            return found.of(record)
        return {"source": record.source, "row": record.row, **found}

    def query(self, values: Mapping[str, Any]) -> Example | Fault:
        """An example without a label, to predict on, or why it cannot be answered.

        Raises:
            ColumnError: A column that the task needs is not among the values.
        """
        return self.kind.query(self, values)

    def asked(self) -> list[str]:
        """The roles of the input that the data has, in the order in which a person gives their texts."""
        return self.kind.asked(self)

    def key(self, example: Example) -> str:
        """The content of an example: equal for duplicates."""
        return self.kind.key(example)

    def group(self, example: Example) -> str:
        """What must not stand on both sides of a split."""
        return self.kind.group(example)

    def strata(self, examples: Dataset) -> Sequence[Any] | None:
        """What the splits are balanced by, for each example; None for nothing."""
        return self.kind.strata(self, examples)

    def fit(self, train: Dataset, recipe: Recipe) -> "Fitted[Learned]":
        """The task with what it takes from the training examples, such as the labels."""
        return Fitted(self.kind, self.shape, self.columns, self.details, self.kind.fit(self, train, recipe))


@dataclass(frozen=True)
class Fitted(Recognised[Learned]):
    """A task that has seen the training examples: it checks data, scores answers and draws them.

    Args:
        learned: What was taken from the training examples and the recipe; a frozen dataclass that JSON can hold.
    """

    learned: Learned

    def check(
        self, splits: Mapping[str, Dataset], keys: Mapping[str, Sequence[str]], given: Sequence[str]
    ) -> list[Finding]:
        """Checks of the data that need no tokenizer.

        Args:
            splits: The examples.
            keys: The content key of each of them.
            given: Splits that the user gave, which may therefore share texts with others.
        """
        return self.kind.check(self, splits, keys, given)

    def knows(self, example: Example) -> bool:
        """Whether training has the label of an example."""
        return self.kind.knows(self, example)

    def label_counts(self, examples: Dataset) -> dict[str, int]:
        """Label to its number of examples; empty where there are no labels to count."""
        return self.kind.label_counts(self, examples)

    def model_config(self) -> dict[str, Any]:
        """Entries of the model's configuration that follow from the data."""
        return self.kind.model_config(self)

    def texts(self, examples: Examples) -> Iterator[str]:
        """Every text that a new tokenizer has to know."""
        return self.kind.texts(self, examples)

    def gold(self, examples: Examples) -> list[Any]:
        """The right answers, in the form of `prediction`."""
        return self.kind.gold(self, examples)

    def inputs(self, examples: Examples) -> dict[str, list[Any]]:
        """The columns of the examples that a reader of the predictions wants beside them."""
        return self.kind.inputs(self, examples)

    def examples_of(self, predictions: Examples) -> Examples:
        """As much of the examples as the metrics ask for, from the columns of a predictions file."""
        return self.kind.examples_of(self, predictions)

    def metrics(self, answers: Sequence[Answer], examples: Examples) -> list[AnyMetric]:
        """Metrics of answers to examples. They may be on fewer examples than there are."""
        return self.kind.metrics(self, answers, examples)

    @property
    def metric_for_best(self) -> str:
        """The metric that ranks models."""
        return self.kind.best_metric(self)

    def signatures(self, examples: Examples) -> dict[str, str]:
        """Metric to how it is computed, where the name does not tell."""
        return self.kind.signatures(self, examples)

    def perfect(self, examples: Examples) -> list[Answer]:
        """The right answers in the form of answers, to try metrics on."""
        return self.kind.perfect(self, examples)

    def readable(self, answer: Answer) -> Answer:
        """An answer as `predict` gives it, with `scores` by label."""
        return self.kind.readable(self, answer)

    def panels(self, predictions: Mapping[str, Sequence[Any]]) -> list[Panel]:
        """The evidence of the report, from the columns of the predictions file."""
        return self.kind.panels(self, predictions)

    def words(self, run: Path) -> TaskWords:
        """What a report and a model card say of the task, and how to use the model of a run."""
        return self.kind.words(self, run)

    def bind(
        self, tokenizer: PreTrainedTokenizerBase, config: PretrainedConfig
    ) -> tuple["Bound[Learned]", list[Decision]]:
        """The task with a model's tokenizer, which is set up for it; what was decided."""
        learned, decisions = self.kind.ready(self, tokenizer, config)
        return Bound(self.kind, self.shape, self.columns, self.details, learned, tokenizer, None), decisions

    def to_dict(self) -> dict[str, Any]:
        """What `luthier.tasks.registry.restore` needs, in values that JSON holds."""
        return {
            "task": self.name,
            "shape": self.shape,
            "columns": self.columns,
            "details": dict(self.details),
            "learned": TypeAdapter(type(self.learned)).dump_python(self.learned, mode="json"),
        }


@dataclass(frozen=True)
class Bound(Fitted[Learned]):
    """A task with a tokenizer: it turns examples into features, and what a model gives back into answers.

    Args:
        tokenizer: The model's, set up for the task.
        limits: How much of an example the model is given at once; None to encode examples whole.
    """

    tokenizer: PreTrainedTokenizerBase
    limits: Limits | None

    def within(self, limits: Limits | None) -> "Bound[Learned]":
        """The same with other limits."""
        return replace(self, limits=limits)

    def tuned(self, validation: Callable[[], tuple[Sequence[Answer], Examples]]) -> "Bound[Learned]":
        """The same with what is chosen on validation answers, such as a threshold.

        Args:
            validation: Gives answers and examples; only a task that chooses something calls it.
        """
        return replace(self, learned=self.kind.tune(self, validation))

    def token_key(self) -> str:
        """What decides the features of an example beside the tokenizer and the limits: keys the tokenization cache."""
        return f"{self.name} {self.kind.code_digest()} {self.kind.decides_tokens(self)!r}"

    def encode(self, examples: Examples, *, training: bool) -> Features:
        """Features of a batch of examples, with `labels` where the examples have them, see `data.tokenized.Encode`."""
        return self.kind.encode(self, examples, training=training)

    def collator(self, model: PreTrainedModel) -> Collate:
        """What pads features to a batch of tensors: the arguments of the model's forward, and `labels`."""
        return self.kind.collator(self, model)

    def loss(self, training: TrainingRecipe) -> Loss:
        """(outputs of the model, batch) to the sum of the losses over the labels that are not `IGNORED`."""
        return self.kind.loss(self, training)

    def outputs_per_token(self, model: PreTrainedModel) -> int:
        """Numbers that the model gives back for each token; 0 where they are too few to matter."""
        return self.kind.outputs_per_token(self, model)

    def collect(self, outputs: Any, batch: Mapping[str, Tensor]) -> list[Any]:
        """What is collected of a forward pass for each row of a batch, on the CPU."""
        return self.kind.collect(self, outputs, batch)

    def answers(self, examples: Examples, rows: Sequence[Mapping[str, Any]], collected: Sequence[Any]) -> list[Answer]:
        """The answer to each example: `prediction`, and what else a reader of the predictions wants to see.

        Args:
            examples: What was asked.
            rows: Their features.
            collected: What `collect` gave for each row.
        """
        return self.kind.answers(self, examples, rows, collected)

    def write(self, model: PreTrainedModel, examples: Examples, console: Console) -> list[str] | None:
        """The texts that a model generates for examples; None where answers are read from its outputs."""
        return self.kind.write(self, model, examples, console)

    def samples(self, examples: Examples, answers: Sequence[Answer]) -> list[dict[str, Any]]:
        """`row`, `asked` and `text` of each answer that was generated; none where answers are read from outputs."""
        return self.kind.samples(self, examples, answers)

    def chat_prompt(self, messages: Sequence[Mapping[str, Any]]) -> list[int]:
        """The tokens that a model is given to go on with a conversation.

        Raises:
            ModelError: The model was not tuned to chat.
        """
        return self.kind.chat_prompt(self, messages)

    def baselines(self, train: Examples, test: Examples) -> dict[str, Sequence[Answer]]:
        """Name to answers on `test` of each simple baseline that learned from `train`."""
        return self.kind.baselines(self, train, test)

    def untuned(self, answer: Callable[[], Sequence[Answer]]) -> dict[str, Sequence[Answer]]:
        """The answers of the model before tuning as one more baseline, where they can be any good."""
        return self.kind.untuned(self, answer)

    def configure(self, model: PreTrainedModel) -> None:
        """Set up a model that was just made or loaded, such as how it writes."""
        self.kind.configure(self, model)

    def notice(self, examples: Examples, rows: Sequence[Mapping[str, Any]]) -> list[Finding]:
        """Findings that show only once the training examples are tokens."""
        return self.kind.notice(self, examples, rows)

    def targets(self, rows: Sequence[Mapping[str, Any]]) -> list[str]:
        """What the model learns to write, by row, decoded from the labels; empty where labels are no tokens."""
        return self.kind.targets(self, rows)

    @property
    def set_limits(self) -> Limits:
        """The limits, once they are set."""
        assert self.limits is not None, f"{self.name} has no limits yet"
        return self.limits

    def card(self) -> dict[str, Any]:
        """What is written beside a model so that it can be used: the task, what it learned, and the limits."""
        limits = self.set_limits
        sizes = {"max_length": limits.length, "max_target_length": limits.target, "stride": limits.stride}
        return {**self.to_dict(), **sizes, "package": self.kind.package}
