"""The base of `text-generation` and `creative-writing`: documents, optionally with prompts, for a decoder."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from torch import Tensor
from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

from luthier.data.batches import IGNORED, Collate
from luthier.data.checks.duplicates import key
from luthier.data.records import Fault
from luthier.data.table import Example
from luthier.data.tokenized import Examples, Features
from luthier.findings import Decision
from luthier.tasks import usage
from luthier.tasks.base import Task
from luthier.tasks.generation import documents
from luthier.tasks.generation.documents import Document
from luthier.tasks.generation.writes import Writes, Writing, with_positions
from luthier.tasks.long_rows import BLOCKS
from luthier.tasks.phases import Answer, Bound, Fitted, Recognised
from luthier.tasks.roles import name_in_query, or_empty, read_text

SEPARATOR = "\n\n"  # between a prompt and its text
OPENING_WORDS = 12


class DocumentTask(Writes, Task[Writing]):
    """A task in which a decoder learns to write documents."""

    family = "decoder"
    auto_class = "CausalLM"
    long_rows = BLOCKS
    gold_column = "text"
    unlabelled = True
    hub_tag = "text-generation"
    text_role: ClassVar[str] = "text"  # role of the target column

    def uses(self, shape: str) -> Sequence[str]:
        return *super().uses(shape), "data.stride"

    # -- rows and examples ---------------------------------------------------------------------------------------

    def asked(self, task: Recognised[Writing]) -> list[str]:
        """The role of the prompt, or of the text if there are no prompts."""
        return [role.name for role in self.roles if role.name in task.columns][:1]

    def example(self, task: Recognised[Writing], values: Mapping[str, Any]) -> Example | Fault:
        texts = {"prompt": "", "text": ""}
        for name, role in (("prompt", "prompt"), ("text", self.text_role)):
            if role not in task.columns:
                continue
            text = read_text(values, str(task.columns[role]))
            if isinstance(text, Fault):
                return text
            texts[name] = text
        return texts

    def query(self, task: Recognised[Writing], values: Mapping[str, Any]) -> Example | Fault:
        """See `Recognised.query`. The input is always a prompt, even if the training data has none."""
        (role,) = self.asked(task)
        text = or_empty(read_text(values, name_in_query(values, task.columns, role)))
        return text if isinstance(text, Fault) else {"prompt": text, "text": ""}

    def key(self, example: Example) -> str:
        return key(example["text"], example["prompt"])

    # -- words ---------------------------------------------------------------------------------------------------

    def inputs(self, task: Fitted[Writing], examples: Examples) -> dict[str, list[Any]]:
        return {"prompt": _asked(task, examples)}

    def trial(self, task: Fitted[Writing]) -> Mapping[str, Any]:
        return {self.asked(task)[0]: "Once upon a time"}

    def transformers_code(self, task: Fitted[Writing], model: str) -> str:
        (prompt,) = self.trial(task).values()
        text = usage.string(prompt + SEPARATOR if "prompt" in task.columns else prompt)
        return usage.pipeline_code("text-generation", model, "", f"{text}, return_full_text=False")

    # -- features ------------------------------------------------------------------------------------------------

    def ready(
        self, task: Fitted[Writing], tokenizer: PreTrainedTokenizerBase, config: PretrainedConfig
    ) -> tuple[Writing, list[Decision]]:
        end = Decision("end of text", repr(tokenizer.eos_token), "is learned after each document")
        learned, decisions = with_positions(task.learned, config)
        return learned, [end, *decisions]

    def texts(self, task: Fitted[Writing], examples: Examples) -> Iterator[str]:
        for prompt, text in zip(examples["prompt"], examples["text"], strict=True):
            yield prompt + SEPARATOR + text if prompt else text

    def encode(self, task: Bound[Writing], examples: Examples, *, training: bool) -> Features:
        held = documents_of(task.tokenizer, examples)
        if training and task.limits is not None:
            return documents.pack(held, task.limits.length)
        return documents.windows(held, task.limits)

    def collator(self, task: Bound[Writing], model: PreTrainedModel) -> Collate:
        return documents.collator(task.tokenizer, model, blocks=True)

    def predicted(self, labels: Tensor) -> Tensor:
        return documents.next_tokens(labels)

    def baselines(self, task: Bound[Writing], train: Examples, test: Examples) -> dict[str, Sequence[Answer]]:
        """A trigram model over the same tokens, scored on the same labels."""
        known, asked = (documents_of(task.tokenizer, rows) for rows in (train, test))
        return {"trigram": documents.trigram_answers(known, asked, task.tokenizer)}

    # -- answers -------------------------------------------------------------------------------------------------

    def prompts(self, task: Bound[Writing], examples: Examples) -> list[list[int]]:
        room = self.prompt_room(task)
        ids = task.tokenizer(_asked(task, examples))["input_ids"]
        opens, end = _edges(task.tokenizer)
        begun = [one[: len(one) - len(end)] if end and one[-1:] == end else one for one in ids]
        return [one[-room:] or opens for one in begun]  # an empty prompt starts a new document

    def most_new_tokens(self, task: Bound[Writing]) -> int:
        return max(1, min(200, task.set_limits.length // 2))

    def written_texts(self, examples: Examples) -> list[str]:
        return list(examples["text"])

    def text_of(self, ids: Sequence[int], tokenizer: PreTrainedTokenizerBase) -> str:
        return str(tokenizer.decode(list(ids), skip_special_tokens=True)).rstrip()


def documents_of(tokenizer: PreTrainedTokenizerBase, examples: Examples) -> list[Document]:
    """Each document with its start and end tokens; the start token and the prompt are not labels."""
    opening, end = _edges(tokenizer)
    prompts = [prompt + SEPARATOR if prompt else "" for prompt in examples["prompt"]]
    asked = tokenizer(prompts, add_special_tokens=False)["input_ids"]
    told = tokenizer(list(examples["text"]), add_special_tokens=False)["input_ids"]
    found = []
    for prompt, text in zip(asked, told, strict=True):
        ids = [*opening, *prompt, *text, *end]
        found.append((ids, [IGNORED] * (len(opening) + len(prompt)) + [*text, *end]))
    return found


def _asked(task: Fitted[Writing], examples: Examples) -> list[str]:
    """The prompt of each example, or the opening of its text if it has none."""
    pairs = zip(examples["prompt"], examples["text"], strict=True)
    if "prompt" in task.columns:
        return [prompt + SEPARATOR for prompt, _ in pairs]
    return [prompt or opening(text) for prompt, text in pairs]


def opening(text: str) -> str:
    """The first words of a text, as a prompt to continue: from its first line, at most `OPENING_WORDS`."""
    line = text.lstrip().split("\n", 1)[0]
    words = re.findall(r"\S+\s*", line)[:OPENING_WORDS]
    return "".join(words).rstrip()


def _edges(tokenizer: PreTrainedTokenizerBase) -> tuple[list[int], list[int]]:
    """The tokens that a document begins and ends with.

    If a tokenizer adds no start token (like GPT-2's), the end token takes its place: it separates documents, so it is
    followed by the beginning of one.
    """
    probe, special = tokenizer("a")["input_ids"], set(tokenizer.all_special_ids)
    end = [tokenizer.eos_token_id] if isinstance(tokenizer.eos_token_id, int) else []
    opens = probe[:1] if probe[0] in special else end
    return opens, end
