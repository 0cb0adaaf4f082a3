"""A task that says the five things that each task must say, and has the rest from `Task`."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from luthier.data.tokenized import Examples, Features
from luthier.metrics.base import AnyMetric, average
from luthier.recipe import TrainingRecipe
from luthier.tasks.base import Task
from luthier.tasks.losses import summed_cross_entropy
from luthier.tasks.phases import Answer, Bound, Fitted, Loss, Nothing, Recognised
from luthier.tasks.roles import Role

COLUMNS: dict[str, str | list[str]] = {"claim": "statement", "reply": "answer", "stance": "agrees"}
ROW = {"statement": "the film is long", "answer": "it is", "agrees": "1"}


class Stance(Task[Nothing]):
    """Whether a reply agrees with a claim."""

    name = "stance"
    family = "encoder"
    auto_class = "SequenceClassification"
    about = "whether a reply agrees with a claim"
    row = "a claim, perhaps a reply, and a stance of 0 or 1"
    roles = (
        Role("claim", names=("statement",)),
        Role("reply", names=("answer",), needed=False, sample="it is not"),
        Role("stance", "label", names=("agrees",), learned=True),
    )
    metric_names = ("accuracy",)
    quoted = "claim"
    gold_column = "stance"

    def encode(self, task: Bound[Nothing], examples: Examples, *, training: bool) -> Features:
        cutting: dict[str, Any] = {"truncation": True, "max_length": task.limits.length} if task.limits else {}
        features: Features = dict(task.tokenizer(*[list(examples[role]) for role in self.asked(task)], **cutting))
        if "stance" in examples:
            features["labels"] = [int(one) for one in examples["stance"]]
        return features

    def loss(self, task: Bound[Nothing], training: TrainingRecipe) -> Loss:
        return lambda outputs, batch: summed_cross_entropy(outputs.logits, batch["labels"], training.label_smoothing)

    def answers(
        self, task: Bound[Nothing], examples: Examples, rows: Sequence[Mapping[str, Any]], collected: Sequence[Any]
    ) -> list[Answer]:
        return [{"prediction": str(logits.argmax())} for logits in collected]

    def metrics(self, task: Fitted[Nothing], answers: Sequence[Answer], examples: Examples) -> list[AnyMetric]:
        pairs = zip(answers, self.gold(task, examples), strict=True)
        return [average("accuracy", np.array([answer["prediction"] == gold for answer, gold in pairs], dtype=float))]

    def best_metric(self, task: Fitted[Nothing]) -> str:
        return "accuracy"


def recognised(columns: Mapping[str, str | list[str]] = COLUMNS) -> Recognised[Nothing]:
    """The task on columns that are already found."""
    return Recognised(Stance(), "", dict(columns), {})


def fitted(columns: Mapping[str, str | list[str]] = COLUMNS) -> Fitted[Nothing]:
    """The task after it has seen training examples, of which it learns nothing."""
    return Fitted(Stance(), "", dict(columns), {}, Nothing())
