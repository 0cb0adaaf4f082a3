"""A task on one dataset, in three phases. Each phase is a type with the methods that can be called in it.

`Recognised` knows the columns and reads rows. `fit` reads the training examples and returns `Fitted`, which knows the
labels and anything else that is learned before training. `bind` sets up a tokenizer and returns `Bound`, which turns
examples into features and model outputs into answers. All are immutable; methods that need the model take it as an
argument.
Each method calls the task (`kind`); see `luthier.tasks.base.Task` for what a task can override.
"""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from datasets import Dataset
from numpy.typing import NDArray
from pydantic import TypeAdapter
from torch import Tensor
from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

from luthier.arrays import FloatArray
from luthier.console import Console
from luthier.data.batches import Collate
from luthier.data.columns.fields import read_fields
from luthier.data.columns.profile import ColumnProfile
from luthier.data.columns.roles import Columns, several
from luthier.data.records import Fault, Record, Skipped
from luthier.data.table import Example
from luthier.data.tokenized import Examples, Features, Limits
from luthier.findings import Decision, Finding
from luthier.metrics.base import AnyMetric
from luthier.metrics.baselines.linear import Linear
from luthier.recipe import Recipe, TrainingRecipe
from luthier.reporting.panels import Panel
from luthier.reporting.task_words import TaskWords
from luthier.reporting.telling import Judged
from luthier.tasks.label_names import LABEL_NAMES

if TYPE_CHECKING:
    from luthier.tasks.base import Task

Answer = dict[str, Any]
Loss = Callable[[Any, Mapping[str, Tensor]], Tensor]  # (transformers ModelOutput, batch) to loss
Validation = Callable[[], tuple[Sequence[Answer], Examples]]  # the answers to the validation rows, and the rows
Embed = Callable[[Sequence[str]], FloatArray]  # from n texts to [n, d]
Learned = TypeVar("Learned")


@dataclass(frozen=True)
class Written:
    """A generated text.

    Args:
        text: The text, without special tokens.
        ids: Its token ids as the model generated them, with the start token of an encoder-decoder.
    """

    text: str
    ids: tuple[int, ...]


@dataclass(frozen=True)
class Nothing:
    """The `learned` of a task that learns nothing before training."""


@dataclass(frozen=True)
class Recognised(Generic[Learned]):
    """A task with known columns, which reads rows.

    Args:
        kind: The task.
        shape: Which of the task's shapes the data has; empty for a task without shapes.
        columns: Role to column, or to several columns.
        details: Further details of the columns, such as the separator of several labels in one cell.
    """

    kind: "Task[Learned]"
    shape: str
    columns: Columns
    details: Mapping[str, Any]

    @property
    def name(self) -> str:
        return self.kind.name

    def reading(self, columns: Columns, profiles: Mapping[str, ColumnProfile], *, anew: bool = False) -> Self:
        """The same task for the columns of another table, read as in training; labels keep their names.

        How cells are written is not found again in another table, which may have too few rows to show it. Only where
        what is learned is in a column of another name, what is found there comes first.

        Args:
            columns: Role to column, or to several columns.
            profiles: The table's columns.
            anew: Whether nothing is known of the data that the model was trained on.
        """
        learned = [role.name for role in self.kind.roles if role.learned and role.name in columns]
        details = self.details
        if anew or any(columns[role] != self.columns.get(role) for role in learned or columns):
            details = {**details, **self.kind.details(self.shape, columns, profiles)}
        return replace(self, columns=dict(columns), details=details)

    def doubts(self, profiles: Mapping[str, ColumnProfile]) -> list[Finding]:
        """Findings about how the columns of another table are read, such as numbers that may have thousands."""
        return self.kind.doubts(self, profiles)

    @property
    def label_names(self) -> Mapping[str, str]:
        """Names of the labels that the data writes as codes: code to name."""
        return self.details.get(LABEL_NAMES, {})

    def named(self, label_names: Mapping[str, str]) -> Self:
        """The same task with names, or further names, for labels that the data writes as codes: code to name."""
        names = {**self.label_names, **label_names}
        return replace(self, details={**self.details, LABEL_NAMES: names}) if names else self

    def name_of(self, label: str) -> str:
        """The name of a label of the data; the label itself if it has no other."""
        return self.label_names.get(label, label)

    def example(self, record: Record) -> Example | Skipped:
        """A row in canonical columns, or why it is skipped."""
        found = self.kind.example(self, self._row(record.values))
        if isinstance(found, Fault):
            return found.of(record)
        return {"source": record.source, "row": record.row, **found}

    def query(self, values: Mapping[str, Any]) -> Example | Fault:
        """An example without a label, for prediction, or why there is none.

        Raises:
            ColumnError: A column that the task needs is missing from the values.
        """
        return self.kind.query(self, self._row(values))

    def _row(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """A row with the fields of its objects that are columns of the task, such as `review.body`."""
        return read_fields(values, [name for columns in self.columns.values() for name in several(columns)])

    def asked(self) -> list[str]:
        """The input roles in the data, in the order in which users give their texts."""
        return self.kind.asked(self)

    def key(self, example: Example) -> str:
        """A key of an example's content, equal for duplicates."""
        return self.kind.key(example)

    def group(self, example: Example) -> str:
        """A group key: examples with the same key are kept in the same split."""
        return self.kind.group(example)

    def strata(self, examples: Dataset) -> Sequence[Any] | None:
        """The stratum of each example, for stratified splits; None for random splits."""
        return self.kind.strata(self, examples)

    def fit(self, train: Dataset, recipe: Recipe) -> "Fitted[Learned]":
        """The task with what it learns from the training examples, such as the labels."""
        return Fitted(self.kind, self.shape, self.columns, self.details, self.kind.fit(self, train, recipe))


@dataclass(frozen=True)
class Fitted(Recognised[Learned]):
    """A task fitted to the training examples: it checks data, scores answers and makes report panels.

    Args:
        learned: What was learned from the training examples and the recipe: a JSON-serializable frozen dataclass.
    """

    learned: Learned

    def check(
        self, splits: Mapping[str, Dataset], keys: Mapping[str, Sequence[str]], given: Sequence[str]
    ) -> list[Finding]:
        """Run the checks of the data that need no tokenizer.

        Args:
            splits: Split to its examples.
            keys: Split to the content key of each example.
            given: Splits that the user gave, which may therefore share texts with other splits.
        """
        return self.kind.check(self, splits, keys, given)

    def knows(self, example: Example) -> bool:
        """Whether the label of an example occurs in training; examples with other labels are not scored."""
        return self.kind.knows(self, example)

    def missed(self, examples: Dataset, split: str) -> list[Finding]:
        """Findings about the rows that are scored, such as labels that the model cannot predict."""
        return self.kind.missed(self, examples, split)

    def label_counts(self, examples: Dataset) -> dict[str, int]:
        """Label to its number of examples; empty if the task has no labels to count."""
        return self.kind.label_counts(self, examples)

    def model_config(self) -> dict[str, Any]:
        """Entries of the model's configuration that follow from the data."""
        return self.kind.model_config(self)

    def texts(self, examples: Examples) -> Iterator[str]:
        """Every text to train a new tokenizer on."""
        return self.kind.texts(self, examples)

    def gold(self, examples: Examples) -> list[Any]:
        """The gold answers, in the form of `prediction`."""
        return self.kind.gold(self, examples)

    def inputs(self, examples: Examples) -> dict[str, list[Any]]:
        """The input columns that are stored with the predictions."""
        return self.kind.inputs(self, examples)

    def examples_of(self, predictions: Examples) -> Examples:
        """The example columns that the metrics need, from the columns of a predictions file."""
        return self.kind.examples_of(self, predictions)

    def metrics(self, answers: Sequence[Answer], examples: Examples) -> list[AnyMetric]:
        """Metrics of answers to examples. A metric may cover only some of the examples."""
        return self.kind.metrics(self, answers, examples)

    @property
    def metric_for_best(self) -> str:
        """The task's default metric for selecting the best checkpoint."""
        return self.kind.best_metric(self)

    def signatures(self, examples: Examples) -> dict[str, str]:
        """Metric to how it is computed, for metrics whose name does not say."""
        return self.kind.signatures(self, examples)

    def perfect(self, examples: Examples) -> list[Answer]:
        """Perfect answers to the examples, to try metrics on."""
        return self.kind.perfect(self, examples)

    def readable(self, answer: Answer) -> Answer:
        """An answer as `predict` returns it, with `scores` by label."""
        return self.kind.readable(self, answer)

    def panels(self, predictions: Mapping[str, Sequence[Any]]) -> list[Panel]:
        """The report's panels, from the columns of the predictions file."""
        return self.kind.panels(self, predictions)

    def judged(self, predictions: Mapping[str, Sequence[Any]]) -> Judged | None:
        """How the scored rows came out, from the columns of the predictions file; None if nothing tells."""
        return self.kind.judged(self, predictions)

    def words(self, run: Path) -> TaskWords:
        """The task's wording for the report and the model card, and how to use the model of a run."""
        return self.kind.words(self, run)

    def bind(
        self, tokenizer: PreTrainedTokenizerBase, config: PretrainedConfig
    ) -> tuple["Bound[Learned]", list[Decision]]:
        """The task with a model's tokenizer, set up for it, and the decisions made."""
        learned, decisions = self.kind.ready(self, tokenizer, config)
        return Bound(self.kind, self.shape, self.columns, self.details, learned, tokenizer, None), decisions

    def to_dict(self) -> dict[str, Any]:
        """The JSON-serializable form that `luthier.tasks.registry.restore` reads."""
        return {
            "task": self.name,
            "shape": self.shape,
            "columns": self.columns,
            "details": dict(self.details),
            "learned": TypeAdapter(type(self.learned)).dump_python(self.learned, mode="json"),
        }


@dataclass(frozen=True)
class Bound(Fitted[Learned]):
    """A task with a tokenizer: it turns examples into features, and model outputs into answers.

    Args:
        tokenizer: The model's tokenizer, set up for the task.
        limits: Maximum lengths of a row; None to encode examples in full.
    """

    tokenizer: PreTrainedTokenizerBase
    limits: Limits | None

    def query(self, values: Mapping[str, Any]) -> Example | Fault:
        asked = super().query(values)
        return asked if isinstance(asked, Fault) else self.refusal(asked) or asked

    def refusal(self, example: Example) -> Fault | None:
        """Why the tokenizer cannot be asked for an answer to an example; None if it can."""
        return self.kind.refusal(self, example)

    def within(self, limits: Limits | None) -> "Bound[Learned]":
        """The same task with other limits."""
        return replace(self, limits=limits)

    @property
    def uncut(self) -> "Bound[Learned]":
        """The same task with no limit of the length, whose prompts are whole."""
        return self.within(replace(self.set_limits, length=sys.maxsize, reads=None))

    def tuned(self, validation: Validation | None, console: Console) -> "Bound[Learned]":
        """The same task with settings chosen on validation answers, such as a threshold.

        Args:
            validation: Returns answers and examples; called only by tasks that choose something, once. None if there
                are no validation rows.
            console: Receives the choice.
        """
        return replace(self, learned=self.kind.tune(self, validation, console))

    def token_key(self) -> str:
        """The key of the tokenization cache: what affects the features besides the tokenizer and the limits."""
        return f"{self.name} {self.kind.code_digest()} {self.kind.decides_tokens(self)!r}"

    def encode(self, examples: Examples, *, training: bool) -> Features:
        """Features of a batch of examples, with `labels` if the examples have them; see `data.tokenized.Encode`."""
        return self.kind.encode(self, examples, training=training)

    def collator(self, model: PreTrainedModel) -> Collate:
        """A function that pads features to a batch of tensors: the arguments of the model's forward, and `labels`."""
        return self.kind.collator(self, model)

    def loss(self, training: TrainingRecipe) -> Loss:
        """A function of (model outputs, batch) that sums the loss over the labels that are not `IGNORED`."""
        return self.kind.loss(self, training)

    def token_targets(self) -> Callable[[Tensor], Tensor] | None:
        """A function of labels that gives what the logits at each place predict, both [b, t]; None for other tasks.

        With one, the loss is the cross-entropy of these, with the recipe's label smoothing, and `loss` and `collect`
        also take outputs with `loss`, which is summed, and `losses`: the negative log-likelihoods of
        those that are not `IGNORED`, in order.
        """
        return self.kind.token_targets(self)

    def divergence(self) -> Loss:
        """A function for R-Drop of (model outputs, batch), both of a batch that was concatenated with itself.

        It sums how far the two predictions of each label that is not `IGNORED` are apart; see
        `luthier.tasks.losses.categorical_divergence`.

        Raises:
            RecipeError: The task does not predict the probabilities of labels.
        """
        return self.kind.divergence(self)

    def outputs_per_token(self, model: PreTrainedModel) -> int:
        """Output values per token, such as the vocabulary size; 0 if they are too few to matter."""
        return self.kind.outputs_per_token(self, model)

    def collect(self, outputs: Any, batch: Mapping[str, Tensor]) -> list[Any]:
        """What to keep of a forward pass for each row of a batch, on the CPU."""
        return self.kind.collect(self, outputs, batch)

    def answers(self, examples: Examples, rows: Sequence[Mapping[str, Any]], collected: Sequence[Any]) -> list[Answer]:
        """The answer to each example: `prediction`, and further columns of the predictions file.

        Args:
            examples: The examples.
            rows: Their features.
            collected: What `collect` returned for each row.
        """
        return self.kind.answers(self, examples, rows, collected)

    def trainer_outputs(self, outputs: Any, batch: Mapping[str, Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        """What the Hugging Face `Trainer` passes to `compute_metrics` for a batch, as the user's metrics expect it.

        ==================  ====================================  ====================
        task                predictions                           label ids
        ==================  ====================================  ====================
        a row of classes    logits [b, c]; a number: [b, 1]       [b]; several: [b, c]
        a class per token   logits [b, t, c]                      [b, t]
        extractive answers  start [b, t] and end [b, t] logits    two of [b]
        decoders            the most probable next token [b, t],  [b, t], not shifted
                            as `preprocess_logits_for_metrics`
        encoder-decoders    none: the generated ids take their    [b, t]
                            place (`predict_with_generate`)
        ==================  ====================================  ====================

        Returns:
            Predictions and label ids, each [b, ...]. Label -100 is ignored.
        """
        return self.kind.trainer_outputs(self, outputs, batch)

    def trial_outputs(self, features: Features) -> tuple[list[Tensor], list[Tensor]]:
        """Made-up `trainer_outputs` in which the predictions are the labels, to try metrics on before training."""
        return self.kind.trial_outputs(self, features)

    def write(self, model: PreTrainedModel, examples: Examples, console: Console) -> list[Written] | None:
        """The texts that a model generates for examples; None for tasks that do not generate."""
        return self.kind.write(self, model, examples, console)

    def prompts(self, examples: Examples) -> list[list[int]] | None:
        """The token ids that the model goes on from for each example; None for tasks that do not generate."""
        return self.kind.prompts(self, examples)

    def samples(self, examples: Examples, answers: Sequence[Answer]) -> list[dict[str, Any]]:
        """`row`, `asked` and `text` of each generated answer; empty for tasks that do not generate."""
        return self.kind.samples(self, examples, answers)

    def chat_prompt(self, messages: Sequence[Mapping[str, Any]]) -> list[int]:
        """The prompt tokens for the next answer in a conversation.

        Raises:
            ModelError: The model is not a chat model.
        """
        return self.kind.chat_prompt(self, messages)

    def baselines(self, train: Examples, test: Examples) -> dict[str, Sequence[Answer]]:
        """Name of each simple baseline to its answers on `test`; the baselines learn from `train`."""
        return self.kind.baselines(self, train, test)

    def untuned(self, answer: Callable[[], Sequence[Answer]]) -> dict[str, Sequence[Answer]]:
        """The answers of the model before fine-tuning as a baseline; empty if it cannot do the task yet."""
        return self.kind.untuned(self, answer)

    def probe(self, embed: Embed, train: Examples, test: Examples) -> dict[str, Sequence[Answer]]:
        """The answers of a linear model on embeddings of the model before fine-tuning; empty if the task has none.

        Args:
            embed: From `n` texts to `[n, d]`.
            train: Examples to learn from.
            test: Examples to answer.
        """
        return self.kind.probe(self, embed, train, test)

    def head(self, features: FloatArray, labels: NDArray[Any]) -> Linear | None:
        """A new head, fitted to the features that the frozen model gives it; None if the task has no such head.

        Args:
            features: `[n, d]`.
            labels: As in a batch, of `n` rows or tokens that are not `IGNORED`.
        """
        return self.kind.head(self, features, labels)

    def configure(self, model: PreTrainedModel) -> None:
        """Configure a new or loaded model, such as its generation settings."""
        self.kind.configure(self, model)

    def finish(self, model: PreTrainedModel) -> None:
        """Put into the weights of a trained model what its users need and its training did not."""
        self.kind.finish(self, model)

    def finished(self, model: PreTrainedModel) -> "Bound[Learned]":
        """The task of a model that was finished."""
        return replace(self, learned=self.kind.finished(self, model))

    def generating(
        self, model: PreTrainedModel, settings: Mapping[str, Any]
    ) -> tuple["Bound[Learned]", list[Decision]]:
        """The task with other generation settings; `configure` gives them to the model.

        Args:
            model: Its generation config has the settings that are not given.
            settings: Keys of the recipe's table `generation`, and `seed` for sampling.
        Returns:
            The task, and the decisions made; the same task if it does not generate.
        Raises:
            RecipeError: A setting is invalid, or contradicts another.
        """
        learned, decisions = self.kind.generating(self, model, settings)
        return replace(self, learned=learned), decisions

    def notice(self, examples: Examples, rows: Sequence[Mapping[str, Any]]) -> list[Finding]:
        """Findings that need the tokenized training examples."""
        return self.kind.notice(self, examples, rows)

    def targets(self, rows: Sequence[Mapping[str, Any]]) -> list[str]:
        """The target text of each row, decoded from the labels; empty if labels are not tokens."""
        return self.kind.targets(self, rows)

    @property
    def set_limits(self) -> Limits:
        """The limits, once they are set."""
        assert self.limits is not None, f"{self.name} has no limits yet"
        return self.limits

    def card(self) -> dict[str, Any]:
        """The task card saved with a model: the task, what it learned, and the limits."""
        limits = self.set_limits
        sizes = {"max_length": limits.most, "max_target_length": limits.target, "stride": limits.stride}
        return {**self.to_dict(), **sizes, "package": self.kind.package}
