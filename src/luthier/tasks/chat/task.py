"""Chat: a decoder learns the assistant's turns of conversations, rendered with its chat template.

{"messages": [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hi!"}]} -> {"prediction": "Hi!"}
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from datasets import Dataset
from torch import Tensor
from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

from luthier.data.batches import IGNORED, Collate
from luthier.data.checks.duplicates import key
from luthier.data.checks.targets import control_tokens, masked_turns
from luthier.data.columns.profile import ColumnProfile, Recognition
from luthier.data.columns.roles import Columns, Given, Profiles
from luthier.data.columns.transcripts import turns_in
from luthier.data.examples import values_of
from luthier.data.records import Fault
from luthier.data.table import Example
from luthier.data.tokenized import TARGETS, Examples, Features
from luthier.data.values import structured
from luthier.errors import DataError
from luthier.findings import Decision, Finding
from luthier.metrics.base import AnyMetric
from luthier.metrics.overlap import rouge_metrics
from luthier.models.families import writes
from luthier.recipe import GenerationRecipe
from luthier.reporting.task_words import Snippet, TaskWords
from luthier.tasks.base import Task
from luthier.tasks.chat import template
from luthier.tasks.chat.columns import SHAPES, is_transcript, likely, recognise_chat, why_not
from luthier.tasks.chat.messages import ROLE_KEYS, Message, is_learned, read_messages, read_tools, undesirable
from luthier.tasks.generation import documents
from luthier.tasks.generation.documents import DEFAULTS, Document
from luthier.tasks.generation.writes import Writes, Writing, language_metrics, with_positions
from luthier.tasks.phases import Answer, Bound, Fitted, Recognised
from luthier.tasks.roles import Role, name_in_query
from luthier.tasks.usage import load_code, string
from luthier.text import typed

Messages = list[Message]
TRANSCRIPTS = "transcripts"  # detail: the roles whose texts are whole conversations
WRITTEN_TURNS = "written_turns"  # detail: whether messages are lists of texts, written as text


class Chat(Writes, Task[Writing]):
    """The task chat: a decoder learns the assistant's turns, each with its end-of-turn token."""

    name = "chat"
    family = "decoder"
    auto_class = "CausalLM"
    about = "the assistant's turns of conversations, or answers to instructions"
    row = "messages (role, content), or prompt + response (Alpaca and ShareGPT too)"
    roles = (
        Role("messages", needed=False),
        Role("instruction", needed=False),
        Role("prompt", needed=False),
        Role("input", needed=False),
        Role("system", needed=False),
        Role("tools", needed=False),
        Role("history", needed=False),
        Role("desirable", "label", needed=False),
        Role("output", needed=False, learned=True),
        Role("response", needed=False, learned=True),
    )
    shapes = SHAPES
    metric_names = ("loss", "perplexity", "bits_per_byte", "rougeL")
    gold_column = "reply"
    longest = 1024
    why_lost = "truncation leaves nothing of the answer, or the chat template refuses the conversation"
    defaults: ClassVar[Mapping[str, Any]] = {**DEFAULTS, "evaluation.generated_rows": 50}
    hub_tag = "text-generation"

    # -- recognising the data ------------------------------------------------------------------------------------

    def recognise(self, profiles: Profiles, given: Given, shape: str | None) -> Recognition | None:
        return recognise_chat(profiles, given=given, shape=shape)

    def why_not(self, profiles: Profiles, given: Given) -> str:
        return why_not(profiles)

    def likely(self, profiles: Profiles) -> list[Columns]:
        return likely(profiles)

    def details(self, shape: str, columns: Columns, profiles: Mapping[str, ColumnProfile]) -> Mapping[str, Any]:
        """The roles whose columns hold conversations as one text, and whether messages are lists of texts in text."""
        found = [role for role in (*SHAPES, "response") if is_transcript(profiles.get(str(columns.get(role))))]
        messages = profiles.get(str(columns.get("messages")))
        turns = messages is not None and messages.structure.written and messages.structure.item == "text"
        return ({TRANSCRIPTS: found} if found else {}) | ({WRITTEN_TURNS: True} if turns else {})

    # -- rows and examples ---------------------------------------------------------------------------------------

    def example(self, task: Recognised[Writing], values: Mapping[str, Any]) -> Example | Fault:
        if fault := undesirable(values, task.columns):
            return fault
        turns = read_messages(values, task.columns, task.shape, transcripts=task.details.get(TRANSCRIPTS, ()))
        tools = read_tools(values, task.columns)
        if isinstance(turns, Fault):
            return turns
        if isinstance(tools, Fault):
            return tools
        # Nothing is learned after the last learned turn, and it is the reply that generated ones are compared with.
        last = max(place for place, turn in enumerate(turns) if is_learned(turn))
        return _example(turns[: last + 1], tools)

    def query(self, task: Recognised[Writing], values: Mapping[str, Any]) -> Example | Fault:
        """See `Recognised.query`. A conversation to continue, read as in training; any other text is the user's."""
        (role,) = self.asked(task)
        name = name_in_query(values, task.columns, role)
        given = values[name]
        if given is None:
            return Fault("missing-text", f"column {name!r} is empty")
        if isinstance(given, str) and not _is_conversation(given, role, task.details):
            given = [{"role": "user", "content": given}]
        transcripts = task.details.get(TRANSCRIPTS, ())
        row = {**values, str(task.columns[role]): given}
        turns = read_messages(row, task.columns, task.shape, transcripts=transcripts, replied=False)
        tools = read_tools(values, task.columns)
        if isinstance(turns, Fault) and turns.reason == "empty-text":
            turns = [{"role": "user", "content": ""}]  # an empty text is a valid query
        if isinstance(turns, Fault):
            return turns
        return tools if isinstance(tools, Fault) else _example(turns, tools)

    def asked(self, task: Recognised[Writing]) -> list[str]:
        return [role for role in self.shapes if role in task.columns][:1]

    def key(self, example: Example) -> str:
        return key(example["messages"])

    def check(
        self,
        task: Fitted[Writing],
        splits: Mapping[str, Dataset],
        keys: Mapping[str, Sequence[str]],
        given: Sequence[str],
    ) -> list[Finding]:
        """See `Fitted.check`. Also says how many of the assistant's turns are not learned."""
        train = {name: values_of(splits["train"], name) for name in ("messages", "tools", "row")}
        marks = [
            [is_learned(turn) for turn in turns if turn["role"] == "assistant"] for turns, _ in _conversations(train)
        ]
        rows = [row for row, learned in zip(train["row"], marks, strict=True) if not all(learned)]
        masked, n = sum(learned.count(False) for learned in marks), sum(map(len, marks))
        return [*masked_turns(masked, n, rows), *super().check(task, splits, keys, given)]

    # -- words ---------------------------------------------------------------------------------------------------

    def texts(self, task: Fitted[Writing], examples: Examples) -> Iterator[str]:
        for turns, _ in _conversations(examples):
            yield from (turn["content"] for turn in turns)

    def inputs(self, task: Fitted[Writing], examples: Examples) -> dict[str, list[Any]]:
        return {"conversation": [_shown(_unanswered(turns)) for turns, _ in _conversations(examples)]}

    def metrics(self, task: Fitted[Writing], answers: Sequence[Answer], examples: Examples) -> list[AnyMetric]:
        found = language_metrics(answers)
        pairs = zip(answers, self.gold(task, examples), strict=True)
        written = [(answer["prediction"], gold) for answer, gold in pairs if answer["prediction"] is not None]
        if written:
            found += rouge_metrics([text for text, _ in written], [[gold] for _, gold in written], names=("rougeL",))
        return found

    def trial(self, task: Fitted[Writing]) -> Mapping[str, Any]:
        return {self.asked(task)[0]: "Hello"}

    def words(self, task: Fitted[Writing], run: Path) -> TaskWords:
        """See `Fitted.words`. Adds the command `luthier chat`, which readers try first."""
        found, command = super().words(task, run), f"luthier chat {typed(run)}"
        first, *others = found.snippets
        chat = Snippet("A conversation, in a terminal", "shell", command)
        return replace(found, snippets=[first, *others[:1], chat, *others[1:]], next_command=command)

    def transformers_code(self, task: Fitted[Writing], model: str) -> str:
        (said,) = self.trial(task).values()
        return (
            f"{load_code(self.auto_class, model)}\n"
            f'messages = [{{"role": "user", "content": {string(said)}}}]\n'
            "inputs = tokenizer.apply_chat_template(\n"
            '    messages, add_generation_prompt=True, return_dict=True, return_tensors="pt"\n'
            ")\n"
            "outputs = model.generate(**inputs)\n"
            'reply = outputs[0, inputs["input_ids"].shape[1] :]\n'
            "print(tokenizer.decode(reply, skip_special_tokens=True))"
        )

    def of_model(self, config: Any, tokenizer: PreTrainedTokenizerBase) -> Fitted[Writing] | None:
        chats = writes(config) and bool(tokenizer.chat_template)
        return Fitted(self, "messages", {"messages": "messages"}, {}, Writing(GenerationRecipe())) if chats else None

    # -- features ------------------------------------------------------------------------------------------------

    def ready(
        self, task: Fitted[Writing], tokenizer: PreTrainedTokenizerBase, config: PretrainedConfig
    ) -> tuple[Writing, list[Decision]]:
        decision = template.ensure(tokenizer)
        tokens = tokenizer.convert_ids_to_tokens(template.end_tokens(tokenizer))
        ends = ", ".join(repr(token) for token in tokens)
        learned = "is learned after each of the assistant's turns"
        writing, decisions = with_positions(task.learned, config)
        return writing, [decision, Decision("end of turn", ends, learned), *decisions]

    def ends(self, tokenizer: PreTrainedTokenizerBase) -> set[int]:
        return set(template.end_tokens(tokenizer))

    def notice(self, task: Bound[Writing], examples: Examples, rows: Sequence[Mapping[str, Any]]) -> list[Finding]:
        """See `Bound.notice`. Also reports messages that contain control tokens of the template."""
        added = task.tokenizer.added_tokens_decoder.values()
        marks = [str(mark) for mark in added if mark.special or str(mark) in str(task.tokenizer.chat_template)]
        pattern = re.compile("|".join(re.escape(mark) for mark in marks if mark.strip()) or "(?!)")
        held = [
            {mark for turn in turns for mark in pattern.findall(turn["content"])}
            for turns, _ in _conversations(examples)
        ]
        rows_with = [row for row, found in zip(examples["row"], held, strict=True) if found]
        told = control_tokens(rows_with, len(held), sorted(set().union(*held)))
        return [*super().notice(task, examples, rows), *told]

    def configure(self, task: Bound[Writing], model: PreTrainedModel) -> None:
        super().configure(task, model)
        model.generation_config.eos_token_id = template.end_tokens(task.tokenizer)

    def refusal(self, task: Bound[Writing], example: Example) -> Fault | None:
        """See `Bound.refusal`. Chat templates may refuse conversations, such as two user turns in a row."""
        try:
            ((turns, tools),) = _conversations({name: [value] for name, value in example.items()})
            template.prompt_ids(task.tokenizer, _unanswered(turns), tools)
        except DataError as error:
            return Fault("refused-conversation", error.what)
        return None

    def encode(self, task: Bound[Writing], examples: Examples, *, training: bool) -> Features:
        held = _within(task, examples)
        return {
            "input_ids": [ids for ids, _ in held],
            "labels": [labels for _, labels in held],
            TARGETS: [sum(label != IGNORED for label in labels) for _, labels in held],
        }

    def collator(self, task: Bound[Writing], model: PreTrainedModel) -> Collate:
        return documents.collator(task.tokenizer, model, blocks=False)

    def predicted(self, labels: Tensor) -> Tensor:
        return documents.next_tokens(labels)

    def baselines(self, task: Bound[Writing], train: Examples, test: Examples) -> dict[str, Sequence[Answer]]:
        """A trigram model over the same tokens, scored on the same labels."""
        known = documents_of(task.tokenizer, train)
        return {"trigram": documents.trigram_answers(known, _within(task, test), task.tokenizer)}

    # -- answers -------------------------------------------------------------------------------------------------

    def prompts(self, task: Bound[Writing], examples: Examples) -> list[list[int]]:
        """See `Bound.prompts`. Of a conversation that is too long, the first turns after the system message are left
        out; a last turn that is too long is cut at its start."""
        room = self.prompt_room(task)
        return [
            template.latest_ids(task.tokenizer, _unanswered(turns), tools, room)
            for turns, tools in _conversations(examples)
        ]

    def chat_prompt(self, task: Bound[Writing], messages: Sequence[Mapping[str, Any]]) -> list[int]:
        (ids,) = self.prompts(task, {"messages": [json.dumps(list(messages))], "tools": [""]})
        return ids

    def most_new_tokens(self, task: Bound[Writing]) -> int:
        return max(1, min(256, max(task.set_limits.length, task.learned.positions) // 2))

    def text_of(self, ids: Sequence[int], tokenizer: PreTrainedTokenizerBase) -> str:
        """See `Writes.text_of`. Without what the template writes before an answer, which is no part of gold ones."""
        return super().text_of(ids, tokenizer).removeprefix(template.opening(tokenizer).strip()).lstrip()

    def written_texts(self, examples: Examples) -> list[str]:
        return ["\n".join(_said(turns)) for turns, _ in _conversations(examples)]


def documents_of(tokenizer: PreTrainedTokenizerBase, examples: Examples) -> list[Document]:
    """Each conversation as token ids and labels; only the assistant's tokens are labels."""
    found = []
    for turns, tools in _conversations(examples):
        try:
            ids, mask = template.assistant_mask(tokenizer, turns, tools)
        except DataError:  # the template refuses the conversation: nothing of it can be learned
            ids, mask = template.end_tokens(tokenizer)[:1], [0]
        found.append((ids, [token if learned else IGNORED for token, learned in zip(ids, mask, strict=True)]))
    return found


def _within(task: Bound[Writing], examples: Examples) -> list[Document]:
    """The conversations, truncated to the maximum length."""
    length = task.limits.length if task.limits else None
    return [(ids[:length], labels[:length]) for ids, labels in documents_of(task.tokenizer, examples)]


def _example(turns: Messages, tools: list[Any]) -> Example:
    """An example of a conversation. Messages are stored as JSON: a table would give every turn the keys of all."""
    text = next((turn["content"] for turn in reversed(turns) if turn["role"] == "user"), "")
    return {
        "text": text,
        "reply": next(reversed(_said(turns)), ""),
        "messages": json.dumps(turns, ensure_ascii=False),
        "tools": json.dumps(tools, ensure_ascii=False) if tools else "",
    }


def _is_conversation(text: str, role: str, details: Mapping[str, Any]) -> bool:
    """Whether a text holds a conversation, as the texts of its column did in training, rather than one message."""
    if role in details.get(TRANSCRIPTS, ()):
        return bool(turns_in(text))
    found = structured(text)
    turns = found if isinstance(found, list) else [found]
    messages = all(isinstance(turn, dict) and set(ROLE_KEYS) & set(turn) for turn in turns)
    return bool(turns) and (messages or (isinstance(found, list) and WRITTEN_TURNS in details))


def _conversations(examples: Examples) -> Iterator[tuple[Messages, list[Any]]]:
    for turns, tools in zip(examples["messages"], examples["tools"], strict=True):
        yield json.loads(turns), json.loads(tools) if tools else []


def _unanswered(turns: Messages) -> Messages:
    """The conversation without its last turn, if that is the assistant's."""
    return turns[:-1] if turns and turns[-1]["role"] == "assistant" else turns


def _said(turns: Messages) -> list[str]:
    """The assistant's turns that are learned."""
    return [_words(turn) for turn in turns if is_learned(turn)]


def _shown(turns: Messages) -> str:
    return "\n\n".join(f"{turn['role']}: {_words(turn)}" for turn in turns)


def _words(turn: Message) -> str:
    return turn["content"] or json.dumps(turn.get("tool_calls"), ensure_ascii=False)
