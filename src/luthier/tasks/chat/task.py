"""Chat: a decoder learns the assistant's turns of conversations, in the words of its chat template."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Self

from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

from luthier.data import checks
from luthier.data.batches import IGNORED
from luthier.data.checks.duplicates import key
from luthier.data.columns.profile import ColumnProfile, Recognition, require
from luthier.data.records import Fault, Record, Skipped
from luthier.data.tokenized import TARGETS, Examples, Features, Limits
from luthier.data.values import structured
from luthier.errors import DataError
from luthier.findings import Decision, Finding
from luthier.metrics.base import AnyMetric
from luthier.metrics.overlap import rouge_metrics
from luthier.models.families import writes
from luthier.recipe import GenerationRecipe
from luthier.reporting.panels import Panel
from luthier.tasks.base import Answer, Example
from luthier.tasks.chat import columns as chat_columns
from luthier.tasks.chat import messages
from luthier.tasks.chat import template as chat_template
from luthier.tasks.chat.messages import Message
from luthier.tasks.generation.documents import DecoderTask, Document
from luthier.tasks.generation.panels import panels

Messages = list[Message]


class Chat(DecoderTask):
    """Conversations of which the assistant's turns are learned, each with the token that ends it."""

    name = "chat"
    about = "the assistant's turns of conversations, or answers to instructions"
    row = "messages (role, content), or prompt + response (Alpaca and ShareGPT too)"
    shapes = ("messages", "instruction", "prompt")
    metric_names = ("loss", "perplexity", "bits_per_byte", "rougeL")
    gold_column = "reply"
    longest = 1024
    why_lost = "no answer is left within the length that a row may have, or the chat template refuses the conversation"
    roles = ("messages", "instruction", "prompt")
    defaults: ClassVar[Mapping[str, Any]] = {**DecoderTask.defaults, "evaluation.generated_rows": 50}

    # -- recognising the data ------------------------------------------------------------------------------------

    @classmethod
    def recognise(
        cls, profiles: Mapping[str, ColumnProfile], given: Mapping[str, str | list[str]], shape: str | None
    ) -> Recognition | None:
        return chat_columns.recognise_chat(profiles, given=given, shape=shape)

    @classmethod
    def why_not(cls, profiles: Mapping[str, ColumnProfile], given: Mapping[str, str | list[str]]) -> str:
        return chat_columns.why_not(profiles, given=given)

    # -- from rows to examples -----------------------------------------------------------------------------------

    def example(self, record: Record) -> Example | Skipped:
        turns = messages.read_messages(record.values, self.columns, self.shape)
        tools = messages.read_tools(record.values, self.columns)
        if isinstance(turns, Fault):
            return turns.of(record)
        if isinstance(tools, Fault):
            return tools.of(record)
        return {"source": record.source, "row": record.row, **_example(turns, tools)}

    def answerable(self, values: Mapping[str, Any]) -> Example:
        """A conversation to be gone on with; a text alone is what the user says."""
        role = next(role for role in self.roles if role in self.columns)
        column = str(self.columns[role])
        name = next((name for name in (column, role, "text") if name in values), column)
        require([name], values)
        given = structured(values[name]) if self.shape == "messages" else values[name]
        if self.shape == "messages" and not isinstance(given, list):
            return _example([{"role": "user", "content": str(given or "")}], [])
        turns = messages.read_messages({**values, column: given}, self.columns, self.shape, replied=False)
        tools = messages.read_tools(values, self.columns)
        if isinstance(turns, Fault) or isinstance(tools, Fault):
            return _example([{"role": "user", "content": str(given or "")}], [])
        return _example(turns, tools)

    def key(self, example: Example) -> str:
        return key(example["messages"])

    # -- from examples to the model ------------------------------------------------------------------------------

    def ready(self, tokenizer: PreTrainedTokenizerBase, config: PretrainedConfig) -> list[Decision]:
        super().ready(tokenizer, config)
        decision = chat_template.ensure(tokenizer)
        self._ends = chat_template.end_tokens(tokenizer)
        ends = ", ".join(repr(token) for token in tokenizer.convert_ids_to_tokens(self._ends))
        return [decision, Decision("end of turn", ends, "is learned after each of the assistant's turns")]

    def ends(self, tokenizer: PreTrainedTokenizerBase) -> set[int]:
        return set(self._ends)

    def notice(
        self, examples: Examples, rows: Sequence[Mapping[str, Any]], tokenizer: PreTrainedTokenizerBase
    ) -> list[Finding]:
        """Also see that nobody's words are taken for the template's own."""
        added = tokenizer.added_tokens_decoder.values()
        marks = [str(mark) for mark in added if mark.special or str(mark) in str(tokenizer.chat_template)]
        pattern = re.compile("|".join(re.escape(mark) for mark in marks if mark.strip()) or "(?!)")
        held = [
            {mark for turn in turns for mark in pattern.findall(turn["content"])}
            for turns, _ in _conversations(examples)
        ]
        rows_with = [row for row, found in zip(examples["row"], held, strict=True) if found]
        told = checks.control_tokens(rows_with, len(held), sorted(set().union(*held)))
        return [*super().notice(examples, rows, tokenizer), *told]

    def configure(self, model: PreTrainedModel, limits: Limits) -> None:
        super().configure(model, limits)
        model.generation_config.eos_token_id = self._ends

    def texts(self, examples: Examples) -> Iterator[str]:
        for turns, _ in _conversations(examples):
            yield from (turn["content"] for turn in turns)

    def encode(
        self, examples: Examples, tokenizer: PreTrainedTokenizerBase, limits: Limits | None, *, training: bool
    ) -> Features:
        length = limits.length if limits else None
        documents = [(ids[:length], labels[:length]) for ids, labels in self.documents(examples, tokenizer)]
        return {
            "input_ids": [ids for ids, _ in documents],
            "labels": [labels for _, labels in documents],
            TARGETS: [sum(label != IGNORED for label in labels) for _, labels in documents],
        }

    def documents(self, examples: Examples, tokenizer: PreTrainedTokenizerBase) -> list[Document]:
        found = []
        for turns, tools in _conversations(examples):
            try:
                ids, mask = chat_template.assistant_mask(tokenizer, turns, tools)
            except DataError:  # the template refuses the conversation: nothing of it can be learned
                ids, mask = [*self._ends[:1]], [0]
            found.append((ids, [token if learned else IGNORED for token, learned in zip(ids, mask, strict=True)]))
        return found

    # -- from the model to answers -------------------------------------------------------------------------------

    def prompts(self, examples: Examples, tokenizer: PreTrainedTokenizerBase, limits: Limits) -> list[list[int]]:
        room = max(limits.length - self.new_tokens(limits), limits.length // 2)
        return [
            chat_template.prompt_ids(tokenizer, _unanswered(turns), tools)[-room:]
            for turns, tools in _conversations(examples)
        ]

    def most_new_tokens(self, limits: Limits) -> int:
        return 256

    def written_texts(self, examples: Examples) -> list[str]:
        return ["\n".join(_said(turns)) for turns, _ in _conversations(examples)]

    def gold(self, examples: Examples) -> list[Any]:
        return list(examples["reply"])

    def inputs(self, examples: Examples) -> dict[str, list[Any]]:
        return {"conversation": [_shown(_unanswered(turns)) for turns, _ in _conversations(examples)]}

    def metrics(self, answers: Sequence[Answer], examples: Examples) -> list[AnyMetric]:
        found = self.language(answers)
        pairs = zip(answers, self.gold(examples), strict=True)
        written = [(answer["prediction"], gold) for answer, gold in pairs if answer["prediction"] is not None]
        if written:
            found += rouge_metrics([text for text, _ in written], [[gold] for _, gold in written], names=("rougeL",))
        return found

    def panels(self, predictions: Mapping[str, Sequence[Any]]) -> list[Panel]:
        return panels(predictions)

    # -- the model directory -------------------------------------------------------------------------------------

    @classmethod
    def of_model(cls, config: Any, tokenizer: PreTrainedTokenizerBase) -> Self | None:
        chats = writes(config) and bool(tokenizer.chat_template)
        return cls("messages", {"messages": "messages"}, GenerationRecipe()) if chats else None


def _example(turns: Messages, tools: list[Any]) -> Example:
    """Messages are kept as JSON: their keys differ from turn to turn, and a table would give each turn all of them."""
    text = next((turn["content"] for turn in reversed(turns) if turn["role"] == "user"), "")
    return {
        "text": text,
        "reply": next(reversed(_said(turns)), ""),
        "messages": json.dumps(turns, ensure_ascii=False),
        "tools": json.dumps(tools, ensure_ascii=False) if tools else "",
    }


def _conversations(examples: Examples) -> Iterator[tuple[Messages, list[Any]]]:
    for turns, tools in zip(examples["messages"], examples["tools"], strict=True):
        yield json.loads(turns), json.loads(tools) if tools else []


def _unanswered(turns: Messages) -> Messages:
    """The conversation before the assistant's last turn; the whole of it where it ends with somebody else's."""
    return turns[:-1] if turns and turns[-1]["role"] == "assistant" else turns


def _said(turns: Messages) -> list[str]:
    return [_words(turn) for turn in turns if turn["role"] == "assistant"]


def _shown(turns: Messages) -> str:
    return "\n\n".join(f"{turn['role']}: {_words(turn)}" for turn in turns)


def _words(turn: Message) -> str:
    return turn["content"] or json.dumps(turn.get("tool_calls"), ensure_ascii=False)
