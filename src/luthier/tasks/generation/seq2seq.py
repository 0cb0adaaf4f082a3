"""What `summarization`, `translation` and `generative-qa` share: an encoder reads, a decoder writes."""

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Self

from torch import Tensor
from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

from luthier.data.batches import Collate, pad_inputs, pad_labels
from luthier.data.checks.duplicates import key
from luthier.data.columns.profile import require
from luthier.data.records import Fault, Record, Skipped
from luthier.data.tokenized import TARGET_LENGTH, Examples, Features, Limits
from luthier.data.values import is_missing
from luthier.findings import Decision
from luthier.tasks.base import Example
from luthier.tasks.generation.task import WritingTask

MOST_TARGET = 512  # tokens of an answer where nothing says how long answers are


class Seq2SeqTask(WritingTask):
    """A source and its targets, of which the first is learned; all of them count when answers are judged.

    Examples hold `text` (what the model reads after the prefix), `target` and `targets`.
    """

    family = "encoder-decoder"
    auto_class = "Seq2SeqLM"
    longest = 1024
    prefix: str | None = None  # before every source; None until the model is known

    # -- from rows to examples -----------------------------------------------------------------------------------

    @abstractmethod
    def source_text(self, values: Mapping[str, Any]) -> str | Fault:
        """What the model reads of a row, without its prefix, or why there is nothing."""

    @abstractmethod
    def target_texts(self, values: Mapping[str, Any]) -> list[str] | Fault:
        """What the model may write, the best first, or why there is nothing."""

    @abstractmethod
    def default_prefix(self, config: PretrainedConfig) -> str:
        """What the architecture was pretrained to see before a source of this task."""

    def example(self, record: Record) -> Example | Skipped:
        text, targets = self.source_text(record.values), self.target_texts(record.values)
        if isinstance(text, Fault):
            return text.of(record)
        if isinstance(targets, Fault):
            return targets.of(record)
        return {"source": record.source, "row": record.row, "text": text, "target": targets[0], "targets": targets}

    def answerable(self, values: Mapping[str, Any]) -> Example:
        roles = [role for role in self.roles if role in self.columns]
        named = {str(self.columns[role]): values[role] for role in roles if role in values} | dict(values)
        require([str(self.columns[role]) for role in roles], named)
        text = self.source_text(named)
        return {"text": "" if isinstance(text, Fault) else text, "target": "", "targets": []}

    def text_in(self, values: Mapping[str, Any], role: str) -> str | Fault:
        """The text of a role's column."""
        column = str(self.columns[role])
        value = values.get(column)
        if is_missing(value):
            return Fault("missing-text" if value is None else "empty-text", f"column {column!r} is empty")
        return str(value)

    def key(self, example: Example) -> str:
        return key(example["text"])

    # -- from examples to the model ------------------------------------------------------------------------------

    def ready(self, tokenizer: PreTrainedTokenizerBase, config: PretrainedConfig) -> list[Decision]:
        if self.prefix is None:
            self.prefix = self.default_prefix(config) if config.name_or_path else ""  # a new model has seen none
        why = f"what {config.model_type} was pretrained to see"
        return [Decision("prefix", repr(self.prefix), why)] if self.prefix else []

    def texts(self, examples: Examples) -> Iterator[str]:
        yield from self._sources(examples)
        yield from examples["target"]

    def _sources(self, examples: Examples) -> list[str]:
        return [(self.prefix or "") + text for text in examples["text"]]

    def encode(
        self, examples: Examples, tokenizer: PreTrainedTokenizerBase, limits: Limits | None, *, training: bool
    ) -> Features:
        cutting: dict[str, Any] = {"truncation": True, "max_length": limits.length} if limits else {}
        features: Features = dict(tokenizer(self._sources(examples), **cutting))
        if any(examples["target"]):
            cutting = {"truncation": True, "max_length": limits.target} if limits else {}
            labels = tokenizer(text_target=list(examples["target"]), **cutting)["input_ids"]
            features["labels"] = labels
            features[TARGET_LENGTH] = [len(ids) for ids in labels]
        return features

    def collator(self, tokenizer: PreTrainedTokenizerBase, model: PreTrainedModel) -> Collate:
        def collate(rows: Sequence[Mapping[str, Any]]) -> dict[str, Tensor]:
            batch = pad_inputs(rows, tokenizer)
            if "labels" in rows[0]:
                batch["labels"] = pad_labels(rows)
                batch["decoder_input_ids"] = _shifted(model, batch["labels"])
            return batch

        return collate

    def aligned(self, logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        return logits, labels

    # -- from the model to answers -------------------------------------------------------------------------------

    def prompts(self, examples: Examples, tokenizer: PreTrainedTokenizerBase, limits: Limits) -> list[list[int]]:
        texts = self._sources(examples)
        ids: list[list[int]] = tokenizer(texts, truncation=True, max_length=limits.length)["input_ids"]
        return ids

    def most_new_tokens(self, limits: Limits) -> int:
        return limits.target or MOST_TARGET

    def written_texts(self, examples: Examples) -> list[str]:
        return list(examples["target"])

    def gold(self, examples: Examples) -> list[Any]:
        """The targets of each example; a single text where no example has several."""
        if all(len(targets) == 1 for targets in examples["targets"]):
            return [targets[0] for targets in examples["targets"]]
        return [list(targets) for targets in examples["targets"]]

    def examples_of(self, predictions: Examples) -> Examples:
        targets = [[gold] if isinstance(gold, str) else list(gold) for gold in predictions["gold"]]
        return {"text": predictions["text"], "targets": targets, "target": [several[0] for several in targets]}

    def inputs(self, examples: Examples) -> dict[str, list[Any]]:
        return {"text": list(examples["text"])}

    # -- the model directory -------------------------------------------------------------------------------------

    def to_dict(self) -> dict[str, Any]:
        return super().to_dict() | {"prefix": self.prefix or ""}

    @classmethod
    def restored(cls, saved: Mapping[str, Any]) -> Self:
        task = super().restored(saved)
        task.prefix = saved["prefix"]
        return task


def _shifted(model: PreTrainedModel, labels: Tensor) -> Tensor:
    """What the decoder reads to predict labels: the same, one place later, in the architecture's own way."""
    shift: Any = model.prepare_decoder_input_ids_from_labels
    shifted: Tensor = shift(labels)
    return shifted
