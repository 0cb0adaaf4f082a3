"""The base class of tasks: what each task implements, with defaults that suit most tasks.

A task is stateless: what it learns from a dataset is kept in the phases (`luthier.tasks.phases`), which call it. A
row is processed as: record -> example (canonical columns) -> features (ids) -> batch -> outputs -> answer.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, ClassVar, Generic, Literal

import numpy as np
import torch
from datasets import Dataset
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional
from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

from luthier.arrays import FloatArray
from luthier.console import Console
from luthier.data.batches import Collate, pad_inputs, tensor_of
from luthier.data.checks.duplicates import duplicates, held_out_overlap, key, leak
from luthier.data.columns.profile import ColumnProfile, Recognition, require
from luthier.data.columns.roles import Columns, Given, Profiles, several, there_are
from luthier.data.examples import values_of
from luthier.data.records import Fault
from luthier.data.table import Example
from luthier.data.tokenized import Examples, Features
from luthier.errors import ModelError, RecipeError
from luthier.findings import Decision, Finding
from luthier.metrics.base import AnyMetric
from luthier.metrics.baselines.linear import Linear
from luthier.models.families import families_of, supports
from luthier.plugins import package_of
from luthier.recipe import Recipe, TrainingRecipe
from luthier.reporting.panels import Panel
from luthier.reporting.task_words import TaskWords
from luthier.reporting.telling import Judged, quoted
from luthier.tasks import code, usage
from luthier.tasks.long_rows import CUT, LongRows
from luthier.tasks.phases import Answer, Bound, Embed, Fitted, Learned, Loss, Nothing, Recognised, Validation, Written
from luthier.tasks.roles import Role, or_empty, recognise_by_roles, why_not_by_roles

GROUP = "luthier.tasks"  # entry points of tasks


class Task(ABC, Generic[Learned]):
    """A task that a model is fine-tuned for.

    A task must implement `encode`, `loss`, `answers`, `metrics` and `best_metric`, and set the class variables below.
    All other methods have defaults, many of which follow from the roles. `fit` returns an instance of `learned_type`, a
    frozen dataclass that every later phase carries.
    """

    name: ClassVar[str]
    family: ClassVar[Literal["encoder", "decoder", "encoder-decoder"]]
    auto_class: ClassVar[str]  # class name after AutoModelFor
    about: ClassVar[str]  # one line for `luthier tasks`
    row: ClassVar[str]  # what a row holds, for `luthier tasks` and errors
    roles: ClassVar[Sequence[Role]]  # input roles first, in the order in which users give them
    metric_names: ClassVar[Sequence[str]]
    shapes: ClassVar[Sequence[str]] = ()  # forms of a row, if there are several
    defaults: ClassVar[Mapping[str, Any]] = {}  # dotted recipe key to value
    broad: ClassVar[bool] = False  # fits nearly any table, so an equally confident task is preferred
    unlabelled: ClassVar[bool] = False  # learns from text alone, so it fits any table with text
    ignores_padding: ClassVar[bool] = False  # loss and answers read `outputs.logits`, and none of padding
    padding_side: ClassVar[str | None] = None  # of a batch; the tokenizer's own by default
    longest: ClassVar[int] = 512  # default maximum tokens per row
    beginning: ClassVar[int | None] = None  # the same where most rows are twice as long, if their beginning says enough
    long_rows: ClassVar[LongRows] = CUT  # how rows over the length limit are handled
    why_lost: ClassVar[str] = "truncation to the maximum length leaves nothing of the target"
    quoted: ClassVar[str] = "text"  # column of the examples that findings quote
    gold_column: ClassVar[str] = "label"  # column of the examples with the gold answers
    lacking: ClassVar[str] = ""  # what a table lacks that does not fit, for errors; by default its roles
    hub_tag: ClassVar[str] = ""  # pipeline tag on the Hub; the task's name by default
    counted: ClassVar[tuple[str, str]] = ("Label", "Labels")  # what `label_counts` counts

    # -- recognising the data ------------------------------------------------------------------------------------

    def recognise(self, profiles: Profiles, given: Given, shape: str | None) -> Recognition | None:
        """Find the task's columns by name and content.

        Args:
            profiles: The table's columns (`columns.profile`).
            given: Columns that the user named, by role; for any task, `text` stands for the inputs in their order and
                `label` for the target.
            shape: The shape that the user asked for, one of `shapes`; None if not set.
        Returns:
            None if the data does not fit the task; `why_not` says why.
        Raises:
            ColumnError: A column that the user named does not exist.
        """
        return recognise_by_roles(self.name, self.roles, profiles, given) if shape in (None, "") else None

    def why_not(self, profiles: Profiles, given: Given) -> str:
        """Why `recognise` found nothing, as a message for the user."""
        return f"{self.lacking}: {there_are(profiles)}" if self.lacking else why_not_by_roles(self.roles, profiles)

    def likely(self, profiles: Profiles) -> list[Columns]:
        """Columns by role that may have been meant, best first: offered where no task fits the columns clearly."""
        return []

    def details(self, shape: str, columns: Columns, profiles: Mapping[str, ColumnProfile]) -> Mapping[str, Any]:
        """Further details of the columns, such as a label separator; stored with them."""
        return {}

    def uses(self, shape: str) -> Sequence[str]:
        """The recipe keys, or tables of them, that the task uses for rows of a shape although not every task does."""
        return ()

    def decide(self, recipe: Recipe) -> list[Decision]:
        """Decide settings that follow from others, in the recipe; called once its defaults are set."""
        return []

    def fits(self, config: PretrainedConfig) -> bool:
        """Whether a model can be fine-tuned for the task. Decoders can be classifiers too."""
        return self.family in families_of(config) or supports(config, self.auto_class)

    # -- Recognised: rows and examples ---------------------------------------------------------------------------

    def example(self, task: Recognised[Learned], values: Mapping[str, Any]) -> Example | Fault:
        """A row's values in canonical columns, or why the row is skipped."""
        found: Example = {}
        for role in self.roles:
            if role.name not in task.columns:
                continue
            value = role.read(values, task.columns[role.name])
            if isinstance(value, Fault):
                return value
            found[role.name] = value
        return found

    def query(self, task: Recognised[Learned], values: Mapping[str, Any]) -> Example | Fault:
        """See `Recognised.query`. Values may be named by column, as in the training data, or by role."""
        found: Example = {}
        for role in self.roles:
            if role.learned or role.name not in task.columns:
                continue
            column = task.columns[role.name]
            there = all(name in values for name in several(column))
            name = role.name if not there and role.name in values else column
            require([name] if isinstance(name, str) else name, values, where=f"role {role.name!r}")
            value = role.read(values, name)
            value = or_empty(value) if role.kind == "text" else value
            if isinstance(value, Fault):
                return value
            found[role.name] = value
        return found

    def asked(self, task: Recognised[Learned]) -> list[str]:
        return [role.name for role in self.roles if not role.learned and role.name in task.columns]

    def key(self, example: Example) -> str:
        inputs = [example[role.name] for role in self.roles if not role.learned and role.name in example]
        return key(*(text if isinstance(text, str) else "\n".join(map(str, text)) for text in inputs))

    def group(self, example: Example) -> str:
        """See `Recognised.group`. By default the content key, so that duplicates stay together."""
        return self.key(example)

    def strata(self, task: Recognised[Learned], examples: Dataset) -> Sequence[Any] | None:
        return None

    def fit(self, task: Recognised[Learned], train: Dataset, recipe: Recipe) -> Learned:
        """Collect what later phases need from the training examples and the recipe."""
        return self.learned_type(task.shape)()

    def learned_type(self, shape: str) -> type[Learned]:
        """The frozen dataclass that `fit` returns; an empty one by default."""
        nothing: Any = Nothing
        return nothing

    # -- Fitted: checks, scores and words ------------------------------------------------------------------------

    def check(
        self,
        task: Fitted[Learned],
        splits: Mapping[str, Dataset],
        keys: Mapping[str, Sequence[str]],
        given: Sequence[str],
    ) -> list[Finding]:
        """See `Fitted.check`. By default: duplicate texts in training, and texts that several splits share."""
        texts = {name: list(map(str, values_of(split, self.quoted))) for name, split in splits.items()}
        rows = {name: values_of(split, "row") for name, split in splits.items()}
        held_out = {name: keys[name] for name in splits if name != "train" and name in given}
        return [
            *duplicates(keys["train"], texts["train"], rows["train"]),
            *leak(keys["train"], held_out, texts, rows),
            *held_out_overlap(
                keys.get("validation", ()), keys.get("test", ()), texts.get("test", ()), rows.get("test", ())
            ),
        ]

    def knows(self, task: Fitted[Learned], example: Example) -> bool:
        return True

    def missed(self, task: Fitted[Learned], examples: Dataset, split: str) -> list[Finding]:
        return []

    def doubts(self, task: Recognised[Learned], profiles: Profiles) -> list[Finding]:
        return []

    def label_counts(self, task: Fitted[Learned], examples: Dataset) -> dict[str, int]:
        return {}

    def model_config(self, task: Fitted[Learned]) -> dict[str, Any]:
        return {}

    def texts(self, task: Fitted[Learned], examples: Examples) -> Iterator[str]:
        for column in self.inputs(task, examples).values():
            for value in column:
                yield from (value if isinstance(value, list) else [str(value)])

    def gold(self, task: Fitted[Learned], examples: Examples) -> list[Any]:
        return list(examples[self.gold_column])

    def inputs(self, task: Fitted[Learned], examples: Examples) -> dict[str, list[Any]]:
        return {role: list(examples[role]) for role in self.asked(task)}

    def examples_of(self, task: Fitted[Learned], predictions: Examples) -> Examples:
        return {self.gold_column: predictions["gold"]}

    @abstractmethod
    def metrics(self, task: Fitted[Learned], answers: Sequence[Answer], examples: Examples) -> list[AnyMetric]:
        """See `Fitted.metrics`. `metric_names` names the main ones."""

    @abstractmethod
    def best_metric(self, task: Fitted[Learned]) -> str:
        """See `Fitted.metric_for_best`."""

    def signatures(self, task: Fitted[Learned], examples: Examples) -> dict[str, str]:
        return {}

    def perfect(self, task: Fitted[Learned], examples: Examples) -> list[Answer]:
        return [{"prediction": gold} for gold in self.gold(task, examples)]

    def readable(self, task: Fitted[Learned], answer: Answer) -> Answer:
        return answer

    def panels(self, task: Fitted[Learned], predictions: Mapping[str, Sequence[Any]]) -> list[Panel]:
        return []

    def judged(self, task: Fitted[Learned], predictions: Mapping[str, Sequence[Any]]) -> Judged | None:
        """See `Fitted.judged`. By default an answer with a `score` is right if it is the gold answer."""
        if "score" not in predictions:
            return None
        gold, said = predictions["gold"], predictions["prediction"]
        right = [one == other for one, other in zip(said, gold, strict=True)]
        return Judged(predictions["score"], lambda i: (quoted(gold[i]), quoted(said[i])), right)

    def page_words(self) -> TaskWords:
        """The task's wording for report pages, before it is fitted."""
        return TaskWords(self.hub_tag or self.name, self.counted, self.long_rows.fate)

    def words(self, task: Fitted[Learned], run: Path) -> TaskWords:
        """See `Fitted.words`. By default with code for plain transformers and for luthier."""
        return usage.words(task, run)

    def trial(self, task: Fitted[Learned]) -> Mapping[str, Any]:
        """A sample input row: role to text, in the order of the roles."""
        made = [role for role in self.roles if not role.learned and role.name in task.columns]
        return {role.name: role.trial() for role in made}

    def transformers_code(self, task: Fitted[Learned], model: str) -> str:
        """Code that uses a model directory with plain transformers."""
        return f"{usage.load_code(self.auto_class, model)}\nprint(model)"

    def ready(
        self, task: Fitted[Learned], tokenizer: PreTrainedTokenizerBase, config: PretrainedConfig
    ) -> tuple[Learned, list[Decision]]:
        """Set up the tokenizer for the task; complete `learned` from the tokenizer and the model's configuration."""
        return task.learned, []

    def of_model(self, config: Any, tokenizer: PreTrainedTokenizerBase) -> Fitted[Learned] | None:
        """The task of a model without a task card, inferred from its configuration; None if it is not this task."""
        return None

    # -- Bound: features, loss and answers -----------------------------------------------------------------------

    def refusal(self, task: Bound[Learned], example: Example) -> Fault | None:
        return None

    @abstractmethod
    def encode(self, task: Bound[Learned], examples: Examples, *, training: bool) -> Features:
        """See `Bound.encode`."""

    def decides_tokens(self, task: Bound[Learned]) -> Any:
        """The part of `learned` that affects the features; by default all of it."""
        return task.learned

    def collator(self, task: Bound[Learned], model: PreTrainedModel) -> Collate:
        """See `Bound.collator`. By default labels have the same shape in every row, and are not padded."""

        def collate(rows: Sequence[Mapping[str, Any]]) -> dict[str, Tensor]:
            batch = pad_inputs(rows, task.tokenizer, self.padding_side)
            if "labels" in rows[0]:
                batch["labels"] = torch.tensor([row["labels"] for row in rows])
            return batch

        return collate

    @abstractmethod
    def loss(self, task: Bound[Learned], training: TrainingRecipe) -> Loss:
        """See `Bound.loss`."""

    def divergence(self, task: Bound[Learned]) -> Loss:
        """See `Bound.divergence`. A task that has one also names `training.r_drop_alpha` in `uses`."""
        what = f"{self.name} has no probabilities of labels that R-Drop could compare"
        raise RecipeError(what, where="training.r_drop_alpha", hint="remove it")

    def token_targets(self, task: Bound[Learned]) -> Callable[[Tensor], Tensor] | None:
        """See `Bound.token_targets`."""
        return None

    def outputs_per_token(self, task: Bound[Learned], model: PreTrainedModel) -> int:
        return 0

    def collect(self, task: Bound[Learned], outputs: Any, batch: Mapping[str, Tensor]) -> list[Any]:
        """See `Bound.collect`. By default the logits of each row, in float64."""
        return list(outputs.logits.float().cpu().numpy().astype(np.float64))

    def trainer_outputs(
        self, task: Bound[Learned], outputs: Any, batch: Mapping[str, Tensor]
    ) -> tuple[list[Tensor], list[Tensor]]:
        """See `Bound.trainer_outputs`. By default logits and labels."""
        return [outputs.logits], [batch["labels"]]

    def trial_outputs(self, task: Bound[Learned], features: Features) -> tuple[list[Tensor], list[Tensor]]:
        """See `Bound.trial_outputs`. By default logits of numbers, or of the classes in the model's configuration."""
        labels = tensor_of(features["labels"])
        if labels.is_floating_point():
            return [labels if labels.dim() > 1 else labels[:, None]], [labels]
        classes = self.model_config(task).get("num_labels") or int(labels.max()) + 1
        return [functional.one_hot(labels.clamp(min=0), classes).float()], [labels]

    @abstractmethod
    def answers(
        self,
        task: Bound[Learned],
        examples: Examples,
        rows: Sequence[Mapping[str, Any]],
        collected: Sequence[Any],
    ) -> list[Answer]:
        """See `Bound.answers`."""

    def write(
        self, task: Bound[Learned], model: PreTrainedModel, examples: Examples, console: Console
    ) -> list[Written] | None:
        return None

    def prompts(self, task: Bound[Learned], examples: Examples) -> list[list[int]] | None:
        return None

    def samples(self, task: Bound[Learned], examples: Examples, answers: Sequence[Answer]) -> list[dict[str, Any]]:
        return []

    def chat_prompt(self, task: Bound[Learned], messages: Sequence[Mapping[str, Any]]) -> list[int]:
        raise ModelError(
            f"the model was fine-tuned for {self.name}, not for chat",
            where=str(getattr(task.tokenizer, "name_or_path", "")),
            hint="use luthier predict; chat needs a model with a chat template, such as smollm2",
        )

    def tune(self, task: Bound[Learned], validation: Validation | None, console: Console) -> Learned:
        return task.learned

    def baselines(self, task: Bound[Learned], train: Examples, test: Examples) -> dict[str, Sequence[Answer]]:
        return {}

    def untuned(self, task: Bound[Learned], answer: Callable[[], Sequence[Answer]]) -> dict[str, Sequence[Answer]]:
        return {}  # a newly initialized head predicts at random

    def probe(self, task: Bound[Learned], embed: Embed, train: Examples, test: Examples) -> dict[str, Sequence[Answer]]:
        return {}

    def head(self, task: Bound[Learned], features: FloatArray, labels: NDArray[Any]) -> Linear | None:
        """See `Bound.head`. A task that has one also names `training.fit_head` in `uses`."""
        return None

    def configure(self, task: Bound[Learned], model: PreTrainedModel) -> None:  # most tasks have nothing to do
        """See `Bound.configure`."""

    def finish(self, task: Bound[Learned], model: PreTrainedModel) -> None:  # most tasks have nothing to do
        """See `Bound.finish`."""

    def finished(self, task: Bound[Learned], model: PreTrainedModel) -> Learned:
        return task.learned

    def generating(
        self, task: Bound[Learned], model: PreTrainedModel, settings: Mapping[str, Any]
    ) -> tuple[Learned, list[Decision]]:
        return task.learned, []

    def notice(self, task: Bound[Learned], examples: Examples, rows: Sequence[Mapping[str, Any]]) -> list[Finding]:
        return []

    def targets(self, task: Bound[Learned], rows: Sequence[Mapping[str, Any]]) -> list[str]:
        return []

    # -- origin of the task --------------------------------------------------------------------------------------

    @property
    def package(self) -> str:
        """The pip package that provides the task; its module for a task that no installed package provides."""
        top = type(self).__module__.partition(".")[0]
        entries = [entry for entry in entry_points(group=GROUP) if entry.module.partition(".")[0] == top]
        return next((package_of(entry) for entry in entries if entry.dist is not None), top)

    def code_digest(self) -> str:
        """A digest of the task's code, so that features cached by other code are not reused."""
        return code.digest(type(self))
