"""What a task is: the things that each task says in its own way, with the ways that most have alike.

A task is stateless: what it knows of a data set is in the phases (`luthier.tasks.phases`), which ask it. A row goes
through it as: record -> example (canonical columns) -> features (ids) -> batch -> outputs -> answer.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any, ClassVar, Generic, Literal

import numpy as np
import torch
from datasets import Dataset
from torch import Tensor
from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

from luthier.console import Console
from luthier.data import checks
from luthier.data.batches import Collate, pad_inputs
from luthier.data.checks.duplicates import key
from luthier.data.columns.profile import ColumnProfile, Recognition, require
from luthier.data.columns.roles import Columns, Given, Profiles, several
from luthier.data.records import Fault
from luthier.data.table import Example
from luthier.data.tokenized import Examples, Features
from luthier.errors import ModelError
from luthier.findings import Decision, Finding
from luthier.metrics.base import AnyMetric
from luthier.models.families import families_of, supports
from luthier.recipe import Recipe, TrainingRecipe
from luthier.reporting.panels import Panel
from luthier.reporting.task_words import TaskWords
from luthier.tasks import code, usage
from luthier.tasks.long_rows import CUT, LongRows
from luthier.tasks.phases import Answer, Bound, Fitted, Learned, Loss, Nothing, Recognised
from luthier.tasks.roles import Role, recognise_by_roles, why_not_by_roles


class Task(ABC, Generic[Learned]):
    """What a model is tuned to do.

    A task must say five things: `encode`, `loss`, `answers`, `metrics` and `best_metric`; and its data below. All else
    follows from the roles, or is said by the tasks that differ. What `fit` returns is a frozen dataclass of the task's
    own, `learned_type`, which every later phase carries.
    """

    name: ClassVar[str]
    family: ClassVar[Literal["encoder", "decoder", "encoder-decoder"]]
    auto_class: ClassVar[str]  # what follows AutoModelFor
    about: ClassVar[str]  # one line for `luthier tasks`
    row: ClassVar[str]  # what a row holds, for `luthier tasks` and errors
    roles: ClassVar[Sequence[Role]]  # what columns are for; those of the input first, in the order a person gives them
    metric_names: ClassVar[Sequence[str]]
    shapes: ClassVar[Sequence[str]] = ()  # what a row may look like, where there are several ways
    defaults: ClassVar[Mapping[str, Any]] = {}  # dotted recipe key to value
    broad: ClassVar[bool] = False  # fits nearly any table, so a task that is as sure comes first
    unlabelled: ClassVar[bool] = False  # learns from text alone, and so fits any table that holds some
    longest: ClassVar[int] = 512  # tokens; more is taken only when asked for
    long_rows: ClassVar[LongRows] = CUT  # what happens to a row that is longer than the model is given
    why_lost: ClassVar[str] = "nothing of the target is left within the length that a row may have"
    quoted: ClassVar[str] = "text"  # the column of the examples that findings quote
    gold_column: ClassVar[str] = "label"  # the column of the examples that holds what is right
    hub_tag: ClassVar[str] = ""  # pipeline tag on the hub; the task's name by default
    counted: ClassVar[tuple[str, str]] = ("Label", "Labels")  # what `label_counts` counts

    # -- recognising the data ------------------------------------------------------------------------------------

    def recognise(self, profiles: Profiles, given: Given, shape: str | None) -> Recognition | None:
        """Find the task's columns by name and content; None where this is no data of the task."""
        return recognise_by_roles(self.name, self.roles, profiles, given) if shape in (None, "") else None

    def why_not(self, profiles: Profiles, given: Given) -> str:
        """Why `recognise` found nothing, for a person."""
        return why_not_by_roles(self.roles, profiles)

    def details(self, shape: str, columns: Columns, profiles: Mapping[str, ColumnProfile]) -> Mapping[str, Any]:
        """What else the columns tell; kept with them."""
        return {}

    def fits(self, config: PretrainedConfig) -> bool:
        """Whether a model can be tuned for the task. Decoders can be classifiers too."""
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
        """As `Recognised.query`. A file has the columns of the training data; a caller may use the roles' names."""
        found: Example = {}
        for role in self.roles:
            if role.learned or role.name not in task.columns:
                continue
            column = task.columns[role.name]
            there = all(name in values for name in several(column))
            name = role.name if not there and role.name in values else column
            require([name] if isinstance(name, str) else name, values, where=f"role {role.name!r}")
            value = role.read(values, name)
            if isinstance(value, Fault) and role.kind != "text":
                return value
            found[role.name] = "" if isinstance(value, Fault) else value  # an empty text may be asked about
        return found

    def asked(self, task: Recognised[Learned]) -> list[str]:
        return [role.name for role in self.roles if not role.learned and role.name in task.columns]

    def key(self, example: Example) -> str:
        inputs = [example[role.name] for role in self.roles if not role.learned and role.name in example]
        return key(*(text if isinstance(text, str) else "\n".join(map(str, text)) for text in inputs))

    def group(self, example: Example) -> str:
        """Equal texts, or more where a task knows better."""
        return self.key(example)

    def strata(self, task: Recognised[Learned], examples: Dataset) -> Sequence[Any] | None:
        return None

    def fit(self, task: Recognised[Learned], train: Dataset, recipe: Recipe) -> Learned:
        """What later phases need to know of the training examples and of the recipe."""
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
        """Here texts that repeat in training, or stand in training and a given split."""
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

    def knows(self, task: Fitted[Learned], example: Example) -> bool:
        return True

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
        """As `Fitted.metrics`; those of `metric_names`."""

    @abstractmethod
    def best_metric(self, task: Fitted[Learned]) -> str:
        """As `Fitted.metric_for_best`."""

    def signatures(self, task: Fitted[Learned], examples: Examples) -> dict[str, str]:
        return {}

    def perfect(self, task: Fitted[Learned], examples: Examples) -> list[Answer]:
        return [{"prediction": gold} for gold in self.gold(task, examples)]

    def readable(self, task: Fitted[Learned], answer: Answer) -> Answer:
        return answer

    def panels(self, task: Fitted[Learned], predictions: Mapping[str, Sequence[Any]]) -> list[Panel]:
        return []

    def page_words(self) -> TaskWords:
        """What a page says of the task before anything is learned."""
        return TaskWords(self.hub_tag or self.name, self.counted, self.long_rows.fate)

    def words(self, task: Fitted[Learned], run: Path) -> TaskWords:
        """By default the code that uses the model with luthier, and loads it with plain transformers."""
        return usage.words(self, task, run)

    def trial(self, task: Fitted[Learned]) -> Mapping[str, Any]:
        """A made-up row of inputs to try a model on: role to text, in the order of the roles."""
        made = [role for role in self.roles if not role.learned and role.name in task.columns]
        return {role.name: role.trial() for role in made}

    def transformers_code(self, task: Fitted[Learned], model: str) -> str:
        """Code that uses a model directory with plain transformers."""
        return usage.load_code(self.auto_class, model)

    def ready(
        self, task: Fitted[Learned], tokenizer: PreTrainedTokenizerBase, config: PretrainedConfig
    ) -> tuple[Learned, list[Decision]]:
        """Set up the tokenizer and take from it and the model's configuration what the task needs."""
        return task.learned, []

    def of_model(self, config: Any, tokenizer: PreTrainedTokenizerBase) -> Fitted[Learned] | None:
        """The task of somebody else's model, told by its configuration; None where that does not tell."""
        return None

    # -- Bound: features, loss and answers -----------------------------------------------------------------------

    @abstractmethod
    def encode(self, task: Bound[Learned], examples: Examples, *, training: bool) -> Features:
        """As `Bound.encode`."""

    def decides_tokens(self, task: Bound[Learned]) -> Any:
        """What of `learned` decides the features; by default all of it."""
        return task.learned

    def collator(self, task: Bound[Learned], model: PreTrainedModel) -> Collate:
        """Here labels have one shape in every row, and are not padded."""

        def collate(rows: Sequence[Mapping[str, Any]]) -> dict[str, Tensor]:
            batch = pad_inputs(rows, task.tokenizer)
            if "labels" in rows[0]:
                batch["labels"] = torch.tensor([row["labels"] for row in rows])
            return batch

        return collate

    @abstractmethod
    def loss(self, task: Bound[Learned], training: TrainingRecipe) -> Loss:
        """As `Bound.loss`."""

    def outputs_per_token(self, task: Bound[Learned], model: PreTrainedModel) -> int:
        return 0

    def collect(self, task: Bound[Learned], outputs: Any, batch: Mapping[str, Tensor]) -> list[Any]:
        """Here the logits of each row, in double precision."""
        return list(outputs.logits.float().cpu().numpy().astype(np.float64))

    @abstractmethod
    def answers(
        self,
        task: Bound[Learned],
        examples: Examples,
        rows: Sequence[Mapping[str, Any]],
        collected: Sequence[Any],
    ) -> list[Answer]:
        """As `Bound.answers`."""

    def write(
        self, task: Bound[Learned], model: PreTrainedModel, examples: Examples, console: Console
    ) -> list[str] | None:
        return None

    def samples(self, task: Bound[Learned], examples: Examples, answers: Sequence[Answer]) -> list[dict[str, Any]]:
        return []

    def chat_prompt(self, task: Bound[Learned], messages: Sequence[Mapping[str, Any]]) -> list[int]:
        raise ModelError(
            f"the model was tuned for {self.name}, not for chat",
            where=str(getattr(task.tokenizer, "name_or_path", "")),
            hint="luthier predict uses it; chat takes a model with a chat template, such as smollm2",
        )

    def tune(self, task: Bound[Learned], validation: Callable[[], tuple[Sequence[Answer], Examples]]) -> Learned:
        return task.learned

    def baselines(self, task: Bound[Learned], train: Examples, test: Examples) -> dict[str, Sequence[Answer]]:
        return {}

    def untuned(self, task: Bound[Learned], answer: Callable[[], Sequence[Answer]]) -> dict[str, Sequence[Answer]]:
        return {}  # a head that was just drawn knows nothing

    def configure(self, task: Bound[Learned], model: PreTrainedModel) -> None:  # most have nothing to do
        """As `Bound.configure`."""

    def notice(self, task: Bound[Learned], examples: Examples, rows: Sequence[Mapping[str, Any]]) -> list[Finding]:
        return []

    def targets(self, task: Bound[Learned], rows: Sequence[Mapping[str, Any]]) -> list[str]:
        return []

    # -- where the task comes from -------------------------------------------------------------------------------

    @property
    def package(self) -> str:
        """The distribution that the task comes from, as pip names it."""
        top = type(self).__module__.partition(".")[0]
        return next(iter(packages_distributions().get(top, ())), top)

    def code_digest(self) -> str:
        """A digest of the task's code: what was encoded by other code is not used again."""
        return code.digest(type(self))
