"""A tenth task in a package of its own: how strong each of several emotions is in a text."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from torch import Tensor
from torch.nn import functional
from transformers import PreTrainedTokenizerBase

from luthier.data.batches import IGNORED
from luthier.data.checks.duplicates import key
from luthier.data.columns.profile import ColumnProfile, Recognition, require
from luthier.data.records import Record, Skipped
from luthier.data.tokenized import Examples, Features, Limits
from luthier.data.values import as_number, is_missing
from luthier.findings import Decision
from luthier.metrics.base import AnyMetric
from luthier.metrics.regression import mae, pearson
from luthier.recipe import Recipe
from luthier.reporting.panels import Panel, Score, Table
from luthier.tasks.base import Answer, Example, Loss, Task

EMOTIONS = ("anger", "fear", "joy", "sadness")


class EmotionIntensity(Task):
    """Numbers from 0 to 1, one for each emotion of the data, predicted together."""

    name = "emotion-intensity"
    family = "encoder"
    auto_class = "SequenceClassification"
    about = "how strong each emotion is in a text"
    row = "text, and a number from 0 to 1 for each emotion"
    metric_names = ("pearson", "mae")
    roles = ("text",)

    def __init__(self, columns: Mapping[str, str | list[str]], emotions: Sequence[str]) -> None:
        self.shape = ""
        self.columns = dict(columns)
        self.emotions = list(emotions)

    @classmethod
    def recognise(
        cls, profiles: Mapping[str, ColumnProfile], given: Mapping[str, str | list[str]], shape: str | None
    ) -> Recognition | None:
        emotions = [name for name, column in profiles.items() if name in EMOTIONS and column.numeric_share > 0.9]
        if len(emotions) < 2 or "text" not in profiles or shape:
            return None
        why = [Decision("text", "column 'text'", "by name"), Decision("emotions", ", ".join(emotions), "by name")]
        return Recognition(cls.name, "", {"text": "text", "emotions": emotions}, 0.99, why)

    @classmethod
    def why_not(cls, profiles: Mapping[str, ColumnProfile], given: Mapping[str, str | list[str]]) -> str:
        return f"no text beside two numbers called by emotions ({', '.join(EMOTIONS)})"

    @classmethod
    def recognised(cls, recognition: Recognition, recipe: Recipe) -> Self:
        return cls(recognition.columns, recognition.columns["emotions"])

    def example(self, record: Record) -> Example | Skipped:
        numbers = [as_number(record.values.get(name)) for name in self.emotions]
        if is_missing(record.values.get("text")):
            return Skipped(record.source, record.row, "missing-text", "column 'text' is empty")
        if None in numbers:
            return Skipped(record.source, record.row, "bad-label", "an emotion is no number")
        return {
            "source": record.source,
            "row": record.row,
            "text": str(record.values["text"]),
            "label": [float(number) for number in numbers if number is not None],
        }

    def answerable(self, values: Mapping[str, Any]) -> Example:
        require(["text"], values)
        return {"text": str(values["text"])}

    def key(self, example: Example) -> str:
        return key(example["text"])

    def model_config(self) -> dict[str, Any]:
        names = dict(enumerate(self.emotions))
        return {"num_labels": len(names), "id2label": names, "problem_type": "multi_label_classification"}

    def encode(
        self, examples: Examples, tokenizer: PreTrainedTokenizerBase, limits: Limits | None, *, training: bool
    ) -> Features:
        cutting: dict[str, Any] = {"truncation": True, "max_length": limits.length} if limits else {}
        features: Features = dict(tokenizer(list(examples["text"]), **cutting))
        return features | ({"labels": list(examples["label"])} if "label" in examples else {})

    def loss(self, recipe: Recipe) -> Loss:
        def summed(outputs: Any, labels: Tensor) -> Tensor:
            wanted = labels.ne(IGNORED)
            each = functional.binary_cross_entropy_with_logits(
                outputs.logits.float(), labels.clamp(min=0.0), reduction="none"
            )
            return (each * wanted).sum()

        return summed

    def collect(self, outputs: Any, batch: Mapping[str, Tensor], labels: Tensor | None) -> list[Any]:
        return list(outputs.logits.float().sigmoid().cpu().tolist())

    def answers(self, examples: Examples, rows: Sequence[Mapping[str, Any]], kept: Sequence[Any]) -> list[Answer]:
        return [{"prediction": numbers} for numbers in kept]

    def readable(self, answer: Answer) -> Answer:
        found = dict(zip(self.emotions, answer["prediction"], strict=True))
        return {"prediction": max(found, key=lambda emotion: found[emotion]), "scores": found}

    def gold(self, examples: Examples) -> list[Any]:
        return [list(numbers) for numbers in examples["label"]]

    def inputs(self, examples: Examples) -> dict[str, list[Any]]:
        return {"text": list(examples["text"])}

    def metrics(self, answers: Sequence[Answer], examples: Examples) -> list[AnyMetric]:
        predicted = np.array([answer["prediction"] for answer in answers]).ravel()
        gold = np.array(self.gold(examples)).ravel()
        return [pearson(predicted, gold), mae(predicted, gold)]

    @property
    def metric_for_best(self) -> str:
        return "pearson"

    def baselines(self, train: Examples, test: Examples) -> dict[str, Sequence[Answer]]:
        mean = np.mean(self.gold(train), axis=0).tolist()
        return {"mean": [{"prediction": mean} for _ in test["text"]]}

    def panels(self, predictions: Mapping[str, Sequence[Any]]) -> list[Panel]:
        errors = np.abs(np.array(list(predictions["prediction"])) - np.array(list(predictions["gold"]))).mean(0)
        rows = [(emotion, Score(float(error))) for emotion, error in zip(self.emotions, errors, strict=True)]
        return [Table("Emotions", ("emotion", "mean error"), rows)]

    def to_dict(self) -> dict[str, Any]:
        return {"columns": self.columns, "emotions": self.emotions}

    @classmethod
    def restored(cls, saved: Mapping[str, Any]) -> Self:
        return cls(saved["columns"], saved["emotions"])
