"""Multiple choice: which of several endings fits a beginning. A task in a package of its own, in one file.

{"sent1": "She picks up the violin.", "ending0": "She plays.", "ending1": "She eats it.", "label": 0} ->
    {"prediction": "0", "score": 0.97, "ending": "She plays."}
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from datasets import Dataset

from luthier.data.records import Fault
from luthier.data.tokenized import Examples, Features
from luthier.findings import Finding
from luthier.metrics.base import AnyMetric, average
from luthier.recipe import Recipe, TrainingRecipe
from luthier.reporting.panels import Panel, Table
from luthier.tasks.base import Task
from luthier.tasks.losses import summed_cross_entropy
from luthier.tasks.phases import Answer, Bound, Fitted, Loss, Recognised
from luthier.tasks.roles import Role
from luthier.tasks.usage import load_code, string


@dataclass(frozen=True)
class Choices:
    """How many endings a row has, and how often each is right in training."""

    counts: tuple[int, ...] = ()


class MultipleChoice(Task[Choices]):
    """The ending of several that fits a beginning."""

    name = "multiple-choice"
    family = "encoder"
    auto_class = "MultipleChoice"
    about = "the ending of several that fits a beginning"
    row = "a beginning, several endings, the number of the right one"
    roles = (
        Role("context", names=("sent1", "sentence", "question", "startphrase"), sample="She picks up the violin."),
        Role("endings", "texts", names=("ending", "choice", "option"), sample=("She plays.", "She eats it.")),
        Role("label", "label", names=("answer", "gold"), learned=True),
    )
    metric_names = ("accuracy",)
    counted = ("Ending", "Endings")
    quoted = "context"
    hub_tag = "multiple-choice"

    def uses(self, shape: str) -> Sequence[str]:
        return ("training.label_smoothing",)

    def example(self, task: Recognised[Choices], values: Mapping[str, Any]) -> dict[str, Any] | Fault:
        found = super().example(task, values)
        if isinstance(found, Fault):
            return found
        label = str(found["label"]).strip()
        if not label.isdigit() or int(label) >= len(found["endings"]):
            return Fault("bad-label", f"{label!r} is not the number of an ending (0 to {len(found['endings']) - 1})")
        return found | {"label": label}

    def query(self, task: Recognised[Choices], values: Mapping[str, Any]) -> dict[str, Any] | Fault:
        found = super().query(task, values)
        if not isinstance(found, Fault) and len(found["endings"]) < 2:
            return Fault("one-ending", "there is nothing to choose from")
        return found

    def strata(self, task: Recognised[Choices], examples: Dataset) -> Sequence[str]:
        return list(examples["label"])

    def fit(self, task: Recognised[Choices], train: Dataset, recipe: Recipe) -> Choices:
        counts = Counter(map(int, train["label"]))
        return Choices(tuple(counts[i] for i in range(len(train[0]["endings"]))))

    def learned_type(self, shape: str) -> type[Choices]:
        return Choices

    def check(
        self,
        task: Fitted[Choices],
        splits: Mapping[str, Dataset],
        keys: Mapping[str, Sequence[str]],
        given: Sequence[str],
    ) -> list[Finding]:
        found = super().check(task, splits, keys, given)
        if max(task.learned.counts) == sum(task.learned.counts):
            message = "The right ending has the same number in every training row."
            found.append(Finding("one-class", "error", message, "Shuffle the endings of each row."))
        return found

    def label_counts(self, task: Fitted[Choices], examples: Dataset) -> dict[str, int]:
        return dict(sorted(Counter(examples["label"]).items()))

    def encode(self, task: Bound[Choices], examples: Examples, *, training: bool) -> Features:
        cutting: dict[str, Any] = {"truncation": True, "max_length": task.limits.length} if task.limits else {}
        pairs = zip(examples["context"], examples["endings"], strict=True)
        rows = [task.tokenizer([context] * len(endings), list(endings), **cutting) for context, endings in pairs]
        features: Features = {name: [row[name] for row in rows] for name in rows[0]}  # [rows][endings][tokens]
        if "label" in examples:
            features["labels"] = [int(label) for label in examples["label"]]
        return features

    def decides_tokens(self, task: Bound[Choices]) -> Any:
        return None

    def loss(self, task: Bound[Choices], training: TrainingRecipe) -> Loss:
        return lambda outputs, batch: summed_cross_entropy(outputs.logits, batch["labels"], training.label_smoothing)

    def answers(
        self, task: Bound[Choices], examples: Examples, rows: Sequence[Mapping[str, Any]], collected: Sequence[Any]
    ) -> list[Answer]:
        found = []
        for logits, endings in zip(collected, examples["endings"], strict=True):
            shares = np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum()
            best = int(shares.argmax())
            found.append({"prediction": str(best), "score": float(shares[best]), "ending": endings[best]})
        return found

    def metrics(self, task: Fitted[Choices], answers: Sequence[Answer], examples: Examples) -> list[AnyMetric]:
        right = [a["prediction"] == gold for a, gold in zip(answers, self.gold(task, examples), strict=True)]
        return [average("accuracy", np.array(right, dtype=float))]

    def best_metric(self, task: Fitted[Choices]) -> str:
        return "accuracy"

    def baselines(self, task: Bound[Choices], train: Examples, test: Examples) -> dict[str, Sequence[Answer]]:
        return {"majority": [{"prediction": str(int(np.argmax(task.learned.counts)))} for _ in test["context"]]}

    def panels(self, task: Fitted[Choices], predictions: Mapping[str, Sequence[Any]]) -> list[Panel]:
        pairs = Counter(zip(predictions["gold"], predictions["prediction"], strict=True))
        totals = Counter(predictions["gold"])
        rows = [(f"ending {one}", totals[one], pairs[one, one]) for one in sorted(totals)]
        return [Table("Endings", ("right ending", "rows", "chosen"), rows)]

    def transformers_code(self, task: Fitted[Choices], model: str) -> str:
        context, endings = self.trial(task).values()
        return (
            f"{load_code(self.auto_class, model)}\n"
            f"context, endings = {string(context)}, {[*endings]!r}\n"
            'inputs = tokenizer([context] * len(endings), endings, padding=True, return_tensors="pt")\n'
            "logits = model(**{name: tensor[None] for name, tensor in inputs.items()}).logits\n"
            "print(endings[int(logits.argmax())])"
        )
