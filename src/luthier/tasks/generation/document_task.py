"""What `text-generation` and `creative-writing` share: documents, each perhaps with a prompt, that a decoder writes."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from transformers import PretrainedConfig, PreTrainedTokenizerBase

from luthier.data.batches import IGNORED
from luthier.data.checks.duplicates import key
from luthier.data.columns.profile import require
from luthier.data.records import Record, Skipped
from luthier.data.tokenized import Examples, Features, Limits
from luthier.data.values import is_missing
from luthier.findings import Decision
from luthier.tasks.base import Example
from luthier.tasks.generation.documents import DecoderTask, Document, pack, windows

SEPARATOR = "\n\n"  # between a prompt and what is written to it
OPENING_WORDS = 12


class DocumentTask(DecoderTask):
    """Documents that a decoder learns to write."""

    packs = True
    cuts = False
    gold_column = "text"
    unlabelled = True
    text_role = "text"  # the role of the column that is learned

    # -- from rows to examples -----------------------------------------------------------------------------------

    @property
    def asked_roles(self) -> list[str]:
        """The prompt where there are prompts; the text's beginning where there are none."""
        return super().asked_roles[:1]

    def example(self, record: Record) -> Example | Skipped:
        texts = {"prompt": "", "text": ""}
        for name, role in (("prompt", "prompt"), ("text", self.text_role)):
            if role not in self.columns:
                continue
            value = record.values.get(str(self.columns[role]))
            if is_missing(value):
                reason = "missing-text" if value is None else "empty-text"
                return Skipped(record.source, record.row, reason, f"column {self.columns[role]!r} is empty")
            texts[name] = str(value)
        return {"source": record.source, "row": record.row, **texts}

    def answerable(self, values: Mapping[str, Any]) -> Example:
        """What a person gives is a prompt, whether the training data had prompts or not."""
        role = "prompt" if "prompt" in self.columns else self.text_role
        column = str(self.columns[role])
        name = next((name for name in (column, role, "text") if name in values), column)
        require([name], values)
        return {"prompt": "" if values[name] is None else str(values[name]), "text": ""}

    def key(self, example: Example) -> str:
        return key(example["text"], example["prompt"])

    # -- from examples to the model ------------------------------------------------------------------------------

    def ready(self, tokenizer: PreTrainedTokenizerBase, config: PretrainedConfig) -> list[Decision]:
        super().ready(tokenizer, config)
        return [Decision("end of text", repr(tokenizer.eos_token), "is learned after each document")]

    def texts(self, examples: Examples) -> Iterator[str]:
        for prompt, text in zip(examples["prompt"], examples["text"], strict=True):
            yield prompt + SEPARATOR + text if prompt else text

    def encode(
        self, examples: Examples, tokenizer: PreTrainedTokenizerBase, limits: Limits | None, *, training: bool
    ) -> Features:
        documents = self.documents(examples, tokenizer)
        if training and limits is not None:
            return pack(documents, limits.length)
        return windows(documents, limits)

    def documents(self, examples: Examples, tokenizer: PreTrainedTokenizerBase) -> list[Document]:
        """Each document from what opens a text for the tokenizer to its end token; a prompt is no label."""
        opening, end = _edges(tokenizer)
        prompts = [prompt + SEPARATOR if prompt else "" for prompt in examples["prompt"]]
        asked = tokenizer(prompts, add_special_tokens=False)["input_ids"]
        told = tokenizer(list(examples["text"]), add_special_tokens=False)["input_ids"]
        found = []
        for prompt, text in zip(asked, told, strict=True):
            ids = [*opening, *prompt, *text, *end]
            found.append((ids, [IGNORED] * (len(opening) + len(prompt)) + [*text, *end]))
        return found

    # -- from the model to answers -------------------------------------------------------------------------------

    def prompts(self, examples: Examples, tokenizer: PreTrainedTokenizerBase, limits: Limits) -> list[list[int]]:
        room = max(1, limits.length - self.new_tokens(limits))
        ids = tokenizer(self._asked(examples))["input_ids"]
        opens, end = _edges(tokenizer)
        begun = [one[: len(one) - len(end)] if end and one[-1:] == end else one for one in ids]
        return [one[-room:] or opens for one in begun]  # to nothing a document is written as one begins

    def _asked(self, examples: Examples) -> list[str]:
        """The prompt of each example; the opening of its text where it has none."""
        pairs = zip(examples["prompt"], examples["text"], strict=True)
        if "prompt" in self.columns:
            return [prompt + SEPARATOR for prompt, _ in pairs]
        return [prompt or opening(text) for prompt, text in pairs]

    def most_new_tokens(self, limits: Limits) -> int:
        return max(1, min(200, limits.length // 2))

    def written_texts(self, examples: Examples) -> list[str]:
        return list(examples["text"])

    def text_of(self, ids: Sequence[int], tokenizer: PreTrainedTokenizerBase) -> str:
        return str(tokenizer.decode(list(ids), skip_special_tokens=True)).rstrip()

    def gold(self, examples: Examples) -> list[Any]:
        return list(examples["text"])

    def inputs(self, examples: Examples) -> dict[str, list[Any]]:
        return {"prompt": self._asked(examples)}


def opening(text: str) -> str:
    """The first line of a text, or as much of it as a person would give to have it gone on with."""
    line = text.lstrip().split("\n", 1)[0]
    words = re.findall(r"\S+\s*", line)[:OPENING_WORDS]
    return "".join(words).rstrip()


def _edges(tokenizer: PreTrainedTokenizerBase) -> tuple[list[int], list[int]]:
    """What a document begins and ends with.

    A tokenizer that opens no text by itself (that of GPT-2) gets its end token there: it parts documents, and what
    follows it is the beginning of one.
    """
    probe, special = tokenizer("a")["input_ids"], set(tokenizer.all_special_ids)
    end = [tokenizer.eos_token_id] if isinstance(tokenizer.eos_token_id, int) else []
    opens = probe[:1] if probe[0] in special else end
    return opens, end
