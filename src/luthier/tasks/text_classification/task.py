"""Text classification: one text or a pair, with one label, several labels, or a number.

{"text": "The strings are worn.", "label": "negative"} -> {"prediction": "negative", "score": 0.93}
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from datasets import Dataset
from numpy.typing import NDArray
from torch import Tensor
from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

from luthier.arrays import FloatArray
from luthier.console import Console
from luthier.data.checks.duplicates import conflicting_labels
from luthier.data.checks.labels import none_labelled
from luthier.data.checks.targets import unclear_thousands
from luthier.data.checks.texts import constant_text, empty_texts, id_as_text, short_text
from luthier.data.columns.fields import column_of
from luthier.data.columns.profile import ColumnProfile, Recognition
from luthier.data.columns.roles import Columns, Given, Profiles, several
from luthier.data.examples import values_of
from luthier.data.records import Fault
from luthier.data.table import Example
from luthier.data.tokenized import Examples, Features
from luthier.data.values import is_missing
from luthier.findings import Decision, Finding
from luthier.metrics.base import AnyMetric
from luthier.metrics.baselines.linear import Linear
from luthier.recipe import Recipe, TrainingRecipe
from luthier.reporting.panels import Panel
from luthier.reporting.telling import Judged
from luthier.tasks import usage
from luthier.tasks.base import Task
from luthier.tasks.label_names import named
from luthier.tasks.phases import Answer, Bound, Embed, Fitted, Loss, Recognised, Validation
from luthier.tasks.roles import Role
from luthier.tasks.text_classification.cells import Cells
from luthier.tasks.text_classification.columns import likely, recognise_classification, why_not
from luthier.tasks.text_classification.kinds import KINDS
from luthier.tasks.text_classification.label_columns import LABEL_NAMES
from luthier.tasks.text_classification.labels import Labels
from luthier.tasks.text_classification.number import Number
from luthier.tasks.text_classification.panels import judged, panels
from luthier.tasks.text_classification.temperatures import UNCALIBRATED, fit, moved
from luthier.tasks.text_classification.text_columns import TEXT_NAMES
from luthier.tasks.text_classification.thresholds import DEFAULT, choose
from luthier.text import number

SHAPES = tuple(f"{texts}/{kind}" for texts in ("single", "pair") for kind in KINDS)
EMPTY = ("empty-text", "missing-text")


class TextClassification(Task[Labels]):
    """The task text-classification: one of several labels, several labels, or a number for a text or a pair."""

    name = "text-classification"
    family = "encoder"
    auto_class = "SequenceClassification"
    about = "a label, several labels or a number for a text or a pair of texts"
    row = "text (+ second text); one label, several labels, or a number"
    roles = (
        Role("text", names=TEXT_NAMES, sample="first text"),
        Role("text_pair", needed=False, sample="second text"),
        Role("label", "label", names=LABEL_NAMES, needed=False, learned=True),
        Role("labels", "label", needed=False, learned=True),
    )
    broad = True
    ignores_padding = True
    beginning = 128
    shapes = SHAPES
    metric_names = ("accuracy", "f1", "mcc", "f1_micro", "f1_macro", "jaccard", "pearson", "spearman")

    # -- recognising the data ------------------------------------------------------------------------------------

    def recognise(self, profiles: Profiles, given: Given, shape: str | None) -> Recognition | None:
        if shape is not None and shape not in SHAPES:
            return None
        return recognise_classification(profiles, given=given, shape=shape)

    def likely(self, profiles: Profiles) -> list[Columns]:
        return likely(profiles)

    def why_not(self, profiles: Profiles, given: Given) -> str:
        return why_not(profiles, given=given)

    def details(self, shape: str, columns: Columns, profiles: Mapping[str, ColumnProfile]) -> Mapping[str, Any]:
        """See `Task.details`. How the cells of the label column are written."""
        found = (column_of(profiles, name) for name in several(columns[_kind(shape).role]))
        return Cells.of([column for column in found if column is not None]).details()

    def uses(self, shape: str) -> Sequence[str]:
        return "training.fit_head", *_kind(shape).uses

    # -- rows and examples ---------------------------------------------------------------------------------------

    def example(self, task: Recognised[Labels], values: Mapping[str, Any]) -> Example | Fault:
        texts = {role.name: role.read(values, task.columns[role.name]) for role in self._asked(task)}
        faults = {name: text for name, text in texts.items() if isinstance(text, Fault)}
        for fault in faults.values():
            if len(faults) == len(texts) or fault.reason not in EMPTY:  # one of two texts may be empty
                return fault
        kind = _kind(task.shape)
        label = kind.read(values, task.columns[kind.role], Cells.from_details(task.details))
        if isinstance(label, list):
            label = [task.name_of(one) for one in label]
        elif isinstance(label, str):
            label = task.name_of(label)
        return label if isinstance(label, Fault) else texts | dict.fromkeys(faults, "") | {"label": label}

    def query(self, task: Recognised[Labels], values: Mapping[str, Any]) -> Example | Fault:
        """See `Recognised.query`. One of two texts may be missing, which is an empty text."""
        columns = {role: str(task.columns[role]) for role in self.asked(task)}
        names = [role if column not in values else column for role, column in columns.items()]
        missing = [name for name in names if name in values and is_missing(values[name])]
        if len(missing) < len(names):
            values = {**values, **dict.fromkeys(missing, "")}
        return super().query(task, values)

    def asked(self, task: Recognised[Labels]) -> list[str]:
        return [role.name for role in self._asked(task)]

    def _asked(self, task: Recognised[Labels]) -> Sequence[Role]:
        return self.roles[: 2 if task.shape.startswith("pair/") else 1]

    def strata(self, task: Recognised[Labels], examples: Dataset) -> Sequence[Any]:
        return _kind(task.shape).strata(values_of(examples, "label"))

    def fit(self, task: Recognised[Labels], train: Dataset, recipe: Recipe) -> Labels:
        return _kind(task.shape).fit(values_of(train, "label"), recipe, Cells.from_details(task.details))

    def learned_type(self, shape: str) -> type[Labels]:
        return _kind(shape)

    # -- checks and scores ---------------------------------------------------------------------------------------

    def check(
        self,
        task: Fitted[Labels],
        splits: Mapping[str, Dataset],
        keys: Mapping[str, Sequence[str]],
        given: Sequence[str],
    ) -> list[Finding]:
        train = splits["train"]
        texts, rows, column = values_of(train, "text"), values_of(train, "row"), str(task.columns["text"])
        hashable = [tuple(label) if isinstance(label, list) else label for label in values_of(train, "label")]
        return [
            *task.learned.check(splits),
            *super().check(task, splits, keys, given),
            *conflicting_labels(keys["train"], hashable, texts, rows),
            *(constant_text(column, texts) if len(self.asked(task)) == 1 else []),
            *id_as_text(column, texts),
            *short_text(column, texts, rows),
            *self.missed(task, train, "train"),
        ]

    def missed(self, task: Fitted[Labels], examples: Dataset, split: str) -> list[Finding]:
        columns = {str(task.columns[role]): values_of(examples, role) for role in self.asked(task)}
        rows = values_of(examples, "row")
        found = [f for column, texts in columns.items() for f in empty_texts(column, texts, rows)]
        if task.learned.kind == "several" and split != "train":
            found += none_labelled(values_of(examples, "label"), split)
        return found

    def doubts(self, task: Recognised[Labels], profiles: Profiles) -> list[Finding]:
        """See `Recognised.doubts`."""
        kind = _kind(task.shape)
        column = profiles.get(str(task.columns[kind.role]))
        if kind is not Number or column is None or not column.thousands:
            return []
        number = Cells.from_details(task.details).number(column.thousands)
        fraction = number is not None and abs(number) < 1000
        return unclear_thousands(column.name, column.thousands) if fraction else []

    def knows(self, task: Fitted[Labels], example: Example) -> bool:
        return task.learned.knows(example["label"])

    def label_counts(self, task: Fitted[Labels], examples: Dataset) -> dict[str, int]:
        return task.learned.counts(values_of(examples, "label"))

    def model_config(self, task: Fitted[Labels]) -> dict[str, Any]:
        labels = task.learned
        config: dict[str, Any] = {"num_labels": labels.width, "problem_type": labels.problem_type}
        if labels.names:
            config["id2label"] = dict(enumerate(labels.names))
            config["label2id"] = {name: number for number, name in enumerate(labels.names)}
        return config

    def metrics(self, task: Fitted[Labels], answers: Sequence[Answer], examples: Examples) -> list[AnyMetric]:
        return task.learned.metrics([answer["prediction"] for answer in answers], self.gold(task, examples))

    def best_metric(self, task: Fitted[Labels]) -> str:
        return task.learned.best

    def readable(self, task: Fitted[Labels], answer: Answer) -> Answer:
        if not task.learned.names:
            return {"prediction": answer["prediction"]}
        return answer | {"scores": dict(zip(task.learned.names, answer["scores"], strict=True))}

    def panels(self, task: Fitted[Labels], predictions: Mapping[str, Sequence[Any]]) -> list[Panel]:
        return panels(task.learned, predictions, self.asked(task))

    def judged(self, task: Fitted[Labels], predictions: Mapping[str, Sequence[Any]]) -> Judged:
        return judged(task.learned, predictions)

    def trial(self, task: Fitted[Labels]) -> Mapping[str, Any]:
        pair = {"text": "first text", "text_pair": "second text"}
        return pair if len(self.asked(task)) == 2 else {"text": "one text"}

    def transformers_code(self, task: Fitted[Labels], model: str) -> str:
        options = {"several": ', top_k=None, function_to_apply="sigmoid"', "number": ', function_to_apply="none"'}
        pair = '[{"text": "first text", "text_pair": "second text"}]'
        rows = pair if len(self.asked(task)) == 2 else '["one text", "another text"]'
        code = usage.pipeline_code(self.name, model, options.get(task.learned.kind, ""), f"{rows}, truncation=True")
        labels = task.learned
        if labels.threshold != DEFAULT:
            of = "a label" if labels.positive is None else repr(labels.names[labels.positive])
            least = moved(labels.threshold, 1 / labels.temperature)
            code += f"\n# The pipeline gives scores; this model assigns {of} from a pipeline score of {least:.4g} on."
        if isinstance(labels, Number) and not labels.in_model and labels.scale != 1.0:
            code += f"\n# The number is the pipeline's score * {labels.scale!r} + {labels.mean!r}."
        if labels.temperature != UNCALIBRATED:
            function = "sigmoid" if labels.kind == "several" else "softmax"
            code += (
                f"\n# Luthier's scores are calibrated: the {function} of the logits / {labels.temperature:.4g}."
                '\n# The pipeline gives the logits with function_to_apply="none", top_k=None.'
            )
        return code

    def ready(
        self, task: Fitted[Labels], tokenizer: PreTrainedTokenizerBase, config: PretrainedConfig
    ) -> tuple[Labels, list[Decision]]:
        """See `Fitted.bind`. Nothing to set up; says how labels are named, and which one is the positive one."""
        labels, found = task.learned, named(task.label_names, task.learned.names)
        if labels.positive is not None:
            why = "precision, recall and F1 refer to it; set another with positive_label"
            found.append(Decision("positive label", labels.names[labels.positive], why))
        if isinstance(labels, Number) and labels.scale != 1.0:
            why = f"the mean is {labels.mean:.4g} and the standard deviation {labels.scale:.4g}"
            found.append(Decision("number", "learned as standard deviations from the mean", why))
        if labels.calibration and not labels.calibrate:
            found.append(Decision("calibration", "none", labels.calibration))
        return labels, found

    def of_model(self, config: Any, tokenizer: PreTrainedTokenizerBase) -> Fitted[Labels] | None:
        if not any(name.endswith("ForSequenceClassification") for name in config.architectures or []):
            return None
        problem = config.problem_type or ("regression" if config.num_labels == 1 else KINDS["one"].problem_type)
        kind = next(kind for kind in KINDS.values() if kind.problem_type == problem)
        names = [] if problem == "regression" else [config.id2label[i] for i in range(config.num_labels)]
        positive = 1 if len(names) == 2 and kind.kind == "one" else None
        columns: Columns = {"text": "text", kind.role: kind.role}
        return Fitted(self, f"single/{kind.kind}", columns, {}, kind(tuple(names), positive))

    # -- features and answers ------------------------------------------------------------------------------------

    def encode(self, task: Bound[Labels], examples: Examples, *, training: bool) -> Features:
        encoded: Features = dict(
            task.tokenizer(
                list(examples["text"]),
                list(examples["text_pair"]) if len(self.asked(task)) == 2 else None,
                truncation=task.limits is not None,
                max_length=task.limits.length if task.limits else None,
            )
        )
        if "label" in examples:
            encoded["labels"] = task.learned.encode(examples["label"])
        return encoded

    def decides_tokens(self, task: Bound[Labels]) -> Any:
        return task.shape, task.learned.names, task.learned.unit

    def trainer_outputs(
        self, task: Bound[Labels], outputs: Any, batch: Mapping[str, Tensor]
    ) -> tuple[list[Tensor], list[Tensor]]:
        return [task.learned.given(outputs.logits)], [task.learned.decoded(batch["labels"])]

    def configure(self, task: Bound[Labels], model: PreTrainedModel) -> None:
        task.learned.configure(model)

    def finish(self, task: Bound[Labels], model: PreTrainedModel) -> None:
        task.learned.finish(model)

    def finished(self, task: Bound[Labels], model: PreTrainedModel) -> Labels:
        return task.learned.finished(model)

    def loss(self, task: Bound[Labels], training: TrainingRecipe) -> Loss:
        summed = task.learned.loss(training.label_smoothing)
        return lambda outputs, batch: summed(outputs.logits, batch["labels"])

    def divergence(self, task: Bound[Labels]) -> Loss:
        summed = task.learned.divergence()
        if summed is None:
            return super().divergence(task)
        return lambda outputs, batch: summed(outputs.logits, batch["labels"])

    def answers(
        self, task: Bound[Labels], examples: Examples, rows: Sequence[Mapping[str, Any]], collected: Sequence[Any]
    ) -> list[Answer]:
        return task.learned.answers(np.stack(collected)) if len(collected) else []

    def tune(self, task: Bound[Labels], validation: Validation | None, console: Console) -> Labels:
        """See `Bound.tuned`. Fits the temperature, and chooses the threshold for the aim that the recipe names."""
        labels = task.learned
        if labels.aim is None and not labels.calibrate:
            return labels
        answers, examples = ([], {"label": []}) if validation is None else validation()
        gold = self.gold(task, examples)
        if labels.calibrate:
            found = fit(labels.decided(answers, gold), len(answers))
            labels = replace(labels, temperature=found.value, calibration=found.why)
            console.decision(Decision("calibration", found.name, found.why))
        if labels.aim is not None:
            chosen = choose(labels.aim, *labels.choices(answers, gold), len(answers))
            # Moved with the probabilities that it was chosen on, so that calibration changes no prediction.
            threshold = moved(chosen.value, labels.temperature)
            labels = replace(labels, threshold=threshold, chosen=chosen.why)
            if chosen.reached:
                console.decision(Decision("threshold", number(threshold), chosen.why))
            else:
                console.warn(f"the threshold stays {number(threshold)}: {chosen.why}")
        return labels

    def baselines(self, task: Bound[Labels], train: Examples, test: Examples) -> dict[str, Sequence[Answer]]:
        found = task.learned.baselines(self._texts(task, train), train["label"], self._texts(task, test))
        return {name: [{"prediction": one} for one in predicted] for name, predicted in found.items()}

    def probe(self, task: Bound[Labels], embed: Embed, train: Examples, test: Examples) -> dict[str, Sequence[Answer]]:
        features = _embedded(embed, [[*train[role], *test[role]] for role in self.asked(task)])
        learned, asked = np.split(features, [len(train["label"])])
        labels = task.learned.unadjusted()
        return {"probe": labels.answers(labels.linear(learned, np.array(labels.encode(train["label"]))).outputs(asked))}

    def head(self, task: Bound[Labels], features: FloatArray, labels: NDArray[Any]) -> Linear:
        return task.learned.linear(features, labels, unseen=-np.log(len(labels)))

    def _texts(self, task: Fitted[Labels], examples: Examples) -> Sequence[str] | Sequence[tuple[str, str]]:
        texts = [examples[role] for role in self.asked(task)]
        return list(zip(*texts, strict=True)) if len(texts) == 2 else list(texts[0])


def _embedded(embed: Embed, columns: Sequence[Sequence[str]]) -> FloatArray:
    """Features of texts, or of pairs: both embeddings, their difference and their product (Conneau et al. 2017)."""
    parts = np.split(embed([text for column in columns for text in column]), len(columns))
    if len(parts) == 1:
        return parts[0]
    first, second = parts
    return np.concatenate([first, second, np.abs(first - second), first * second], axis=1)


def _kind(shape: str) -> type[Labels]:
    return KINDS[shape.partition("/")[2]]
