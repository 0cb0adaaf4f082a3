"""Text classification: one text or a pair, with one label, several labels, or a number."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from datasets import Dataset
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from luthier.data import checks
from luthier.data.checks.duplicates import key
from luthier.data.columns.profile import ColumnProfile, Recognition, require
from luthier.data.records import Record, Skipped
from luthier.data.tokenized import Examples, Features, Limits
from luthier.data.values import is_missing
from luthier.findings import Finding
from luthier.metrics.base import AnyMetric
from luthier.recipe import Recipe
from luthier.reporting.panels import Panel
from luthier.tasks.base import Answer, Example, Loss, Task
from luthier.tasks.text_classification import columns as classification_columns
from luthier.tasks.text_classification.kinds import KINDS
from luthier.tasks.text_classification.labels import Labels, Unlabelled
from luthier.tasks.text_classification.panels import panels

SHAPES = tuple(f"{texts}/{kind}" for texts in ("single", "pair") for kind in KINDS)


class TextClassification(Task):
    """A text or a pair of texts gets one of several labels, several labels at once, or a number."""

    name = "text-classification"
    family = "encoder"
    auto_class = "SequenceClassification"
    about = "a label, several labels or a number for a text or a pair of texts"
    row = "text (+ second text); one label, several labels, or a number"
    broad = True
    shapes = SHAPES
    metric_names = ("accuracy", "f1", "mcc", "f1_micro", "f1_macro", "jaccard", "pearson", "spearman")

    def __init__(self, shape: str, columns: Mapping[str, str | list[str]], labels: Labels) -> None:
        self.shape = shape
        self.columns = dict(columns)
        self.labels = labels
        self.pair = shape.startswith("pair/")
        self._train: Dataset | None = None

    # -- recognising the data ------------------------------------------------------------------------------------

    @classmethod
    def recognise(
        cls, profiles: Mapping[str, ColumnProfile], given: Mapping[str, str | list[str]], shape: str | None
    ) -> Recognition | None:
        if shape is not None and shape not in SHAPES:
            return None
        return classification_columns.recognise_classification(profiles, given=given, shape=shape)

    @classmethod
    def why_not(cls, profiles: Mapping[str, ColumnProfile], given: Mapping[str, str | list[str]]) -> str:
        return classification_columns.why_not(profiles, given=given)

    @classmethod
    def recognised(cls, recognition: Recognition, recipe: Recipe) -> Self:
        labels = KINDS[recognition.shape.partition("/")[2]](threshold=recipe.evaluation.threshold)
        return cls(recognition.shape, recognition.columns, labels)

    def look(self, profiles: Mapping[str, ColumnProfile]) -> None:
        column = self.columns[self.labels.role]
        if isinstance(column, str) and column in profiles:
            self.labels.separator = profiles[column].separator

    # -- from rows to examples -----------------------------------------------------------------------------------

    def example(self, record: Record) -> Example | Skipped:
        texts = {role: record.values.get(str(self.columns[role])) for role in self._roles()}
        for role, text in texts.items():
            if is_missing(text):
                reason = "missing-text" if text is None else "empty-text"
                there = "is empty" if self.columns[role] in record.values else "is not there"
                return Skipped(record.source, record.row, reason, f"column {self.columns[role]!r} {there}")
        try:
            label = self.labels.read(record.values, self.columns[self.labels.role])
        except Unlabelled as error:
            return Skipped(record.source, record.row, error.reason, error.detail)
        return {
            "source": record.source,
            "row": record.row,
            **{role: str(text) for role, text in texts.items()},
            "label": label,
        }

    def answerable(self, values: Mapping[str, Any]) -> Example:
        found: Example = {}
        for role in self._roles():
            # A file has the columns of the training data; a caller may use the roles' own names.
            column = str(self.columns.get(role, role))
            name = column if column in values else role
            if name not in values:
                require([column], values)
            found[role] = "" if values[name] is None else str(values[name])
        return found

    def key(self, example: Example) -> str:
        return key(example["text"], example.get("text_pair"))

    def strata(self, examples: Dataset) -> Sequence[Any]:
        return self.labels.strata(examples["label"])

    def learn(self, train: Dataset, recipe: Recipe) -> None:
        self.labels.learn(train, recipe)
        self._train = train

    def check(
        self, splits: Mapping[str, Dataset], keys: Mapping[str, Sequence[str]], given: Sequence[str]
    ) -> list[Finding]:
        train = splits["train"]
        texts, rows, column = list(train["text"]), list(train["row"]), str(self.columns["text"])
        hashable = [tuple(label) if isinstance(label, list) else label for label in train["label"]]
        return [
            *self.labels.check(splits),
            *super().check(splits, keys, given),
            *checks.conflicting_labels(keys["train"], hashable, texts, rows),
            *(checks.constant_text(column, texts) if not self.pair else []),
            *checks.id_as_text(column, texts),
            *checks.short_text(column, texts, rows),
        ]

    def knows(self, example: Example) -> bool:
        return self.labels.knows(example["label"])

    def label_counts(self, examples: Dataset) -> dict[str, int]:
        return self.labels.counts(examples["label"])

    # -- from examples to the model ------------------------------------------------------------------------------

    def model_config(self) -> dict[str, Any]:
        config: dict[str, Any] = {"num_labels": self.labels.width, "problem_type": self.labels.problem_type}
        if self.labels.names:
            config["id2label"] = dict(enumerate(self.labels.names))
            config["label2id"] = {name: number for number, name in enumerate(self.labels.names)}
        return config

    def encode(
        self, examples: Examples, tokenizer: PreTrainedTokenizerBase, limits: Limits | None, *, training: bool
    ) -> Features:
        encoded: Features = dict(
            tokenizer(
                list(examples["text"]),
                list(examples["text_pair"]) if self.pair else None,
                truncation=limits is not None,
                max_length=limits.length if limits else None,
            )
        )
        if "label" in examples:
            encoded["labels"] = self.labels.encode(examples["label"])
        return encoded

    def loss(self, recipe: Recipe) -> Loss:
        summed = self.labels.loss(recipe, self._train)
        return lambda outputs, labels: summed(outputs.logits, labels)

    # -- from the model to answers -------------------------------------------------------------------------------

    def collect(self, outputs: Any, batch: Mapping[str, Tensor], labels: Tensor | None) -> list[Any]:
        return list(outputs.logits.float().cpu().numpy().astype(np.float64))

    def answers(self, examples: Examples, rows: Sequence[Mapping[str, Any]], collected: Sequence[Any]) -> list[Answer]:
        return self.labels.answers(np.stack(collected)) if len(collected) else []

    def readable(self, answer: Answer) -> Answer:
        if not self.labels.names:
            return {"prediction": answer["prediction"]}
        return answer | {"scores": dict(zip(self.labels.names, answer["scores"], strict=True))}

    def gold(self, examples: Examples) -> list[Any]:
        return list(examples["label"])

    def inputs(self, examples: Examples) -> dict[str, list[Any]]:
        return {role: list(examples[role]) for role in self._roles()}

    # -- how good the answers are --------------------------------------------------------------------------------

    def metrics(self, answers: Sequence[Answer], examples: Examples) -> list[AnyMetric]:
        return self.labels.metrics([answer["prediction"] for answer in answers], self.gold(examples))

    @property
    def metric_for_best(self) -> str:
        return self.labels.best

    def baselines(self, train: Examples, test: Examples) -> dict[str, Sequence[Answer]]:
        found = self.labels.baselines(self._texts(train), train["label"], self._texts(test))
        return {name: [{"prediction": one} for one in predicted] for name, predicted in found.items()}

    def panels(self, predictions: Mapping[str, Sequence[Any]]) -> list[Panel]:
        return panels(self.labels, predictions, self._roles())

    # -- the model directory -------------------------------------------------------------------------------------

    def to_dict(self) -> dict[str, Any]:
        return {
            "shape": self.shape,
            "columns": self.columns,
            "labels": self.labels.names,
            "positive": self.labels.positive,
            "threshold": self.labels.threshold,
            "separator": self.labels.separator,
        }

    @classmethod
    def restored(cls, saved: Mapping[str, Any]) -> Self:
        kind = KINDS[saved["shape"].partition("/")[2]]
        labels = kind(saved["labels"], saved["positive"], saved["threshold"], saved["separator"])
        return cls(saved["shape"], saved["columns"], labels)

    @classmethod
    def of_model(cls, config: Any, tokenizer: PreTrainedTokenizerBase) -> Self | None:
        if not any(name.endswith("ForSequenceClassification") for name in config.architectures or []):
            return None
        problem = config.problem_type or ("regression" if config.num_labels == 1 else KINDS["one"].problem_type)
        kind = next(kind for kind in KINDS.values() if kind.problem_type == problem)
        names = [] if problem == "regression" else [config.id2label[i] for i in range(config.num_labels)]
        positive = 1 if len(names) == 2 and kind.kind == "one" else None
        return cls(f"single/{kind.kind}", {"text": "text", kind.role: kind.role}, kind(names, positive))

    def _roles(self) -> tuple[str, ...]:
        return ("text", "text_pair") if self.pair else ("text",)

    def _texts(self, examples: Examples) -> Sequence[str] | Sequence[tuple[str, str]]:
        return list(zip(examples["text"], examples["text_pair"], strict=True)) if self.pair else list(examples["text"])
