"""The base of `summarization`, `translation` and `generative-qa`: an encoder reads, a decoder writes."""

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor
from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

from luthier.data.batches import Collate, pad_inputs, padded, tensor_of
from luthier.data.checks.duplicates import key
from luthier.data.records import Fault
from luthier.data.table import Example
from luthier.data.tokenized import TARGET_LENGTH, Examples, Features
from luthier.findings import Decision
from luthier.tasks.base import Task
from luthier.tasks.generation.writes import Writes, Writing
from luthier.tasks.phases import Answer, Bound, Fitted, Recognised
from luthier.tasks.roles import by_column, or_empty, read_text
from luthier.tasks.usage import load_code, string

MOST_TARGET = 512  # tokens of an answer if no target length is set


class Seq2SeqTask(Writes, Task[Writing]):
    """A task with a source and its targets: training uses the first target, evaluation uses all of them.

    Examples hold `text` (the model's input, without the prefix), `target` and `targets`.
    """

    family = "encoder-decoder"
    auto_class = "Seq2SeqLM"
    longest = 1024

    @abstractmethod
    def source_text(self, task: Recognised[Writing], values: Mapping[str, Any]) -> str | Fault:
        """The model's input for a row, without the prefix, or why there is none."""

    def query_text(self, task: Recognised[Writing], values: Mapping[str, Any]) -> str | Fault:
        """The same for a row to predict, which may be empty."""
        return or_empty(self.source_text(task, values))

    @abstractmethod
    def target_texts(self, task: Recognised[Writing], values: Mapping[str, Any]) -> list[str] | Fault:
        """The targets of a row, best first, or why there are none."""

    def more(self, task: Recognised[Writing], values: Mapping[str, Any]) -> Example:
        """Further columns of a row's example."""
        return {}

    def default_prefix(self, task: Fitted[Writing], config: PretrainedConfig) -> str:
        """The prefix that the architecture was pretrained with for this task."""
        return ""

    def uses(self, shape: str) -> Sequence[str]:
        return *super().uses(shape), "data.max_target_length"

    # -- rows and examples ---------------------------------------------------------------------------------------

    def example(self, task: Recognised[Writing], values: Mapping[str, Any]) -> Example | Fault:
        text, targets = self.source_text(task, values), self.target_texts(task, values)
        if isinstance(text, Fault):
            return text
        if isinstance(targets, Fault):
            return targets
        return {"text": text, "target": targets[0], "targets": targets, **self.more(task, values)}

    def query(self, task: Recognised[Writing], values: Mapping[str, Any]) -> Example | Fault:
        named = by_column(values, task.columns, self.asked(task))
        text = self.query_text(task, named)
        if isinstance(text, Fault):
            return text
        return {"text": text, "target": "", "targets": [], **self.more(task, named)}

    def key(self, example: Example) -> str:
        return key(example["text"])

    # -- words ---------------------------------------------------------------------------------------------------

    def gold(self, task: Fitted[Writing], examples: Examples) -> list[Any]:
        """The targets of each example; single texts if no example has several."""
        if all(len(targets) == 1 for targets in examples["targets"]):
            return [targets[0] for targets in examples["targets"]]
        return [list(targets) for targets in examples["targets"]]

    def examples_of(self, task: Fitted[Writing], predictions: Examples) -> Examples:
        targets = [[gold] if isinstance(gold, str) else list(gold) for gold in predictions["gold"]]
        return {"text": predictions["text"], "targets": targets, "target": [several[0] for several in targets]}

    def inputs(self, task: Fitted[Writing], examples: Examples) -> dict[str, list[Any]]:
        return {"text": list(examples["text"])}

    def texts(self, task: Fitted[Writing], examples: Examples) -> Iterator[str]:
        yield from _sources(task, examples)
        yield from examples["target"]

    def transformers_code(self, task: Fitted[Writing], model: str) -> str:
        row = {str(task.columns[role]): text for role, text in self.trial(task).items()}
        words = (task.learned.prefix or "") + str(self.source_text(task, row))
        return (
            f"{load_code(self.auto_class, model)}\n"
            f"texts = [{string(words)}]\n"
            'inputs = tokenizer(texts, padding=True, truncation=True, return_tensors="pt")\n'
            "outputs = model.generate(**inputs)\n"
            "print(tokenizer.batch_decode(outputs, skip_special_tokens=True))"
        )

    # -- features ------------------------------------------------------------------------------------------------

    def ready(
        self, task: Fitted[Writing], tokenizer: PreTrainedTokenizerBase, config: PretrainedConfig
    ) -> tuple[Writing, list[Decision]]:
        prefix = task.learned.prefix
        if prefix is None:
            prefix = self.default_prefix(task, config) if config.name_or_path else ""  # a new model is not pretrained
        why = f"what {config.model_type} was pretrained to see"
        return replace(task.learned, prefix=prefix), [Decision("prefix", repr(prefix), why)] if prefix else []

    def encode(self, task: Bound[Writing], examples: Examples, *, training: bool) -> Features:
        cutting: dict[str, Any] = {"truncation": True, "max_length": task.limits.length} if task.limits else {}
        features: Features = dict(task.tokenizer(_sources(task, examples), **cutting))
        if any(examples["target"]):
            cutting = {"truncation": True, "max_length": task.limits.target} if task.limits else {}
            labels = task.tokenizer(text_target=list(examples["target"]), **cutting)["input_ids"]
            features["labels"] = labels
            features[TARGET_LENGTH] = [len(ids) for ids in labels]
        return features

    def collator(self, task: Bound[Writing], model: PreTrainedModel) -> Collate:
        def collate(rows: Sequence[Mapping[str, Any]]) -> dict[str, Tensor]:
            batch = pad_inputs(rows, task.tokenizer)
            if "labels" in rows[0]:
                batch["labels"] = padded(row["labels"] for row in rows)
                batch["decoder_input_ids"] = _shifted(model, batch["labels"])
            return batch

        return collate

    def predicted(self, labels: Tensor) -> Tensor:
        return labels

    def trainer_outputs(
        self, task: Bound[Writing], outputs: Any, batch: Mapping[str, Tensor]
    ) -> tuple[list[Tensor], list[Tensor]]:
        return [], [batch["labels"]]

    def trial_outputs(self, task: Bound[Writing], features: Features) -> tuple[list[Tensor], list[Tensor]]:
        labels = tensor_of(features["labels"])
        return [labels], [labels]

    # -- answers -------------------------------------------------------------------------------------------------

    def prompts(self, task: Bound[Writing], examples: Examples) -> list[list[int]]:
        texts = _sources(task, examples)
        cut: list[list[int]] = task.tokenizer(texts, truncation=True, max_length=task.set_limits.length)["input_ids"]
        return cut

    def most_new_tokens(self, task: Bound[Writing]) -> int:
        return task.set_limits.target or MOST_TARGET

    def written_texts(self, examples: Examples) -> list[str]:
        return list(examples["target"])


def text_in(task: Recognised[Writing], values: Mapping[str, Any], role: str) -> str | Fault:
    """The text in a role's column, or why there is none."""
    return read_text(values, str(task.columns[role]))


def answered(answers: Sequence[Answer], examples: Examples) -> tuple[list[str], list[list[str]]]:
    """The generated texts, and the gold texts of each."""
    written = [i for i, answer in enumerate(answers) if answer["prediction"] is not None]
    return [answers[i]["prediction"] for i in written], [list(examples["targets"][i]) for i in written]


def _sources(task: Fitted[Writing], examples: Examples) -> list[str]:
    return [(task.learned.prefix or "") + text for text in examples["text"]]


def _shifted(model: PreTrainedModel, labels: Tensor) -> Tensor:
    """The decoder's input for some labels: the labels shifted right, in the architecture's own way."""
    shift: Any = model.prepare_decoder_input_ids_from_labels
    shifted: Tensor = shift(labels)
    return shifted
