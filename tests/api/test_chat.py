"""`chat`: turns that follow each other, told as they are written."""

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from luthier.api.chat import Conversation, chat
from luthier.cli import main
from luthier.data.columns.profile import profile
from luthier.data.reading.sources import open_source
from luthier.data.records import Record
from luthier.data.tokenized import Limits
from luthier.errors import ModelError, ResourceError
from luthier.tasks.chat.task import Chat
from luthier.tasks.phases import Recognised
from tests.conftest import review_rows
from tests.tasks.by_hand import run

CapSys = pytest.CaptureFixture[str]


@pytest.fixture
def conversation(talker: Path) -> Conversation:
    return chat(talker)


def test_an_answer_comes_in_pieces_and_is_the_predicted_one(conversation: Conversation) -> None:
    pieces = list(conversation.reply("the old cat"))
    assert len([piece for piece in pieces if piece]) > 1, "streamed, not told at the end"
    predicted = conversation.predictor.predict(["the old cat"])[0]["prediction"]
    assert "".join(pieces).strip() == predicted != ""
    assert conversation.messages == [
        {"role": "user", "content": "the old cat"},
        {"role": "assistant", "content": predicted},
    ]


def test_each_turn_is_told_all_that_was_said_before(conversation: Conversation) -> None:
    conversation.system = "be kind"
    first = "".join(conversation.reply("the old cat")).strip()
    told = [
        {"role": "system", "content": "be kind"},
        {"role": "user", "content": "the old cat"},
        {"role": "assistant", "content": first},
        {"role": "user", "content": "the new dog"},
    ]
    expected = conversation.predictor.predict([{"messages": told}])[0]["prediction"]
    assert "".join(conversation.reply("the new dog")).strip() == expected
    assert conversation.messages == [*told, {"role": "assistant", "content": expected}]


def test_the_system_message_is_replaced_and_outlives_a_reset(conversation: Conversation) -> None:
    assert conversation.system == ""
    list(conversation.reply("the cat"))
    conversation.system = "be kind"
    conversation.system = "be brief"
    assert (conversation.system, len(conversation.messages)) == ("be brief", 3)
    conversation.reset()
    assert conversation.messages == [{"role": "system", "content": "be brief"}]
    conversation.system = ""
    assert conversation.messages == []
    conversation.reset()
    assert conversation.messages == []
    assert chat(str(conversation.predictor.model.name_or_path), system="be kind").system == "be kind"


def test_what_is_saved_is_data_that_luthier_learns_from(conversation: Conversation, tmp_path: Path) -> None:
    conversation.system = "sei nett, Zoë"
    for text in ("the cat", "the dog"):
        list(conversation.reply(text))
    file = tmp_path / "said.json"
    conversation.save(file)
    records = [row for row in open_source(str(file)).records() if isinstance(row, Record)]
    found = Chat().recognise(profile(records), {}, None)
    assert found is not None and found.shape == "messages"
    task = Recognised(Chat(), found.shape, found.columns, {})
    assert len(records) == 1
    example = task.example(records[0])
    assert isinstance(example, dict)
    assert json.loads(example["messages"]) == conversation.messages
    with pytest.raises(ResourceError, match="cannot write"):
        conversation.save(tmp_path / "nowhere" / "said.json")


def test_an_answer_that_is_broken_off_counts_as_far_as_it_came(conversation: Conversation) -> None:
    pieces: Any = conversation.reply("the old cat")
    first = next(piece for piece in pieces if piece)
    pieces.close()
    assert conversation.messages[-1] == {"role": "assistant", "content": first.strip()}
    going_on = [thread.name for thread in threading.enumerate() if thread.name == "luthier-chat"]
    assert not going_on, "nothing goes on writing behind the next answer"
    told = list(conversation.messages)
    expected = conversation.predictor.predict([{"messages": [*told, {"role": "user", "content": "dog"}]}])
    assert "".join(conversation.reply("dog")).strip() == expected[0]["prediction"]


def test_a_conversation_may_be_longer_than_the_model_takes(conversation: Conversation) -> None:
    longest = replace(conversation.predictor, task=conversation.predictor.task.within(Limits(256)))
    assert longest.model.config.n_positions == 256
    talk = Conversation(longest)
    for text in ("the old cat sat on a mat " * 60, "the new dog"):
        assert "".join(talk.reply(text)).strip().startswith("the old bird flew")


def test_what_fails_while_writing_is_raised_where_it_is_read(
    conversation: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError("out of memory")

    monkeypatch.setattr(conversation.predictor.model, "generate", broken)
    with pytest.raises(RuntimeError, match="out of memory"):
        list(conversation.reply("the cat"))


def test_a_model_that_does_not_chat_is_refused(
    tiny_model: Path, tmp_path: Path, built: Callable[[str], Path], capsys: CapSys
) -> None:
    classifier = run(tmp_path, tiny_model, review_rows(24), training__epochs=1)
    with pytest.raises(ModelError, match="tuned for text-classification, not for chat") as caught:
        chat(classifier)
    assert "luthier predict" in caught.value.hint
    with pytest.raises(ModelError, match="tuned for text-generation, not for chat"):
        chat(built("GPT-2"))  # it writes, and has no template
    assert main(["chat", str(classifier), "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["exit"] == 2
    assert main(["chat", str(tmp_path / "nothing")]) == 2
