"""`chat`: a conversation with a decoder, with streamed replies."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from threading import Event, Thread
from typing import Any

import torch
from transformers import StoppingCriteria, StoppingCriteriaList, TextIteratorStreamer

from luthier.console import Console
from luthier.pipeline.inference.predictor import Predictor, load
from luthier.storage.atomic import write_text
from luthier.tasks.chat.messages import Message
from luthier.text import plural


@dataclass
class Conversation:
    """A conversation with a model.

    Args:
        predictor: A chat model.
        messages: The messages so far.
        seed: Seed for sampling each reply; None for another reply each time.
        console: Receives a warning, once, when the conversation no longer fits into the prompt; silent by default.
    """

    predictor: Predictor
    messages: list[Message] = field(default_factory=list)
    seed: int | None = None
    console: Console = field(default_factory=Console)
    _warned: bool = field(default=False, init=False)

    @property
    def system(self) -> str:
        """The system message; empty for none."""
        return self.messages[0]["content"] if self.messages[:1] and self.messages[0]["role"] == "system" else ""

    @system.setter
    def system(self, text: str) -> None:
        rest = self.messages[1:] if self.system else self.messages
        self.messages = ([{"role": "system", "content": text}] if text else []) + rest

    def reset(self) -> None:
        """Clear the conversation; the system message stays."""
        self.messages = self.messages[:1] if self.system else []
        self._warned = False

    def reply(self, text: str) -> Iterator[str]:
        """Reply to a message, piece by piece. If the reply is stopped early, the part so far is kept."""
        self.messages.append({"role": "user", "content": text})
        said = ""
        try:
            for piece in self._stream():
                said += piece
                yield piece
        finally:
            self.messages.append({"role": "assistant", "content": said.strip()})

    def save(self, path: Path) -> None:
        """Write the conversation as JSON, in a form that `luthier train` reads.

        Raises:
            ResourceError: The file cannot be written.
        """
        write_text(path, json.dumps([{"messages": self.messages}], ensure_ascii=False, indent=2) + "\n")

    def _prompt(self) -> list[int]:
        task = self.predictor.task
        kept = task.chat_prompt(self.messages)
        whole = task.uncut.chat_prompt(self.messages)
        if len(kept) < len(whole) and not self._warned:
            self._warned = True
            left = plural(len(whole) - len(kept), "token")
            self.console.warn(f"the conversation no longer fits: older turns ({left}) are dropped from the prompt")
        return kept

    def _stream(self) -> Iterator[str]:
        task, model = self.predictor.task, self.predictor.model
        prompt = torch.tensor([self._prompt()], device=model.device)
        streamer: Any = TextIteratorStreamer(task.tokenizer, skip_prompt=True, skip_special_tokens=True)
        stop = _Stop()
        failure: list[BaseException] = []

        def write() -> None:
            generate: Any = model.generate
            mask, stopping = torch.ones_like(prompt), StoppingCriteriaList([stop])
            try:
                with torch.random.fork_rng(enabled=self.seed is not None):
                    if self.seed is not None:
                        torch.manual_seed(self.seed)
                    generate(prompt, attention_mask=mask, streamer=streamer, stopping_criteria=stopping)
            except BaseException as error:  # raised where the text is read
                failure.append(error)
                streamer.end()

        thread = Thread(target=write, name="luthier-chat", daemon=True)
        thread.start()
        try:
            yield from streamer
        finally:
            stop.wanted.set()  # in case the caller stops reading
            thread.join()
        if failure:
            raise failure[0]


class _Stop(StoppingCriteria):
    """Stops generation after the current token, on request."""

    def __init__(self) -> None:
        self.wanted = Event()

    def __call__(self, input_ids: Any, scores: Any, **others: Any) -> Any:
        return torch.full((len(input_ids),), self.wanted.is_set(), device=input_ids.device)


def chat(
    target: str | PathLike[str],
    *,
    system: str = "",
    device: str | None = None,
    base_model: str | None = None,
    console: Console | None = None,
    **generation: Any,
) -> Conversation:
    """Start a conversation.

    Args:
        target: A run, a model directory, a short name or a Hub name of a decoder.
        system: The system message.
        device: As in `load`.
        base_model: As in `load`.
        console: Receives decisions, and the warning of a `Conversation`; silent by default.
        **generation: Settings such as `temperature`, `max_new_tokens` or `seed` (default: the model's own); see
            `Predictor.generating`.
    Returns:
        The conversation; `reply` continues it.
    Raises:
        ModelError: There is no such model, or it is not a chat model.
        RecipeError: A setting is unknown, invalid or contradicts another.

    Example:
        >>> conversation = luthier.chat("smollm2", system="Answer briefly.", temperature=0.7)
        >>> print("".join(conversation.reply("What is a luthier?")))
    """
    predictor = load(target, device=device, base_model=base_model)
    predictor.task.chat_prompt([{"role": "user", "content": "Hello"}])  # raises if it is not a chat model
    predictor = predictor.generating(generation, console)
    conversation = Conversation(predictor, seed=generation.get("seed"), console=console or Console())
    conversation.system = system
    return conversation
