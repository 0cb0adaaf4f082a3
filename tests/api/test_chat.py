"""`chat`: turns that follow each other, told as they are written, and the command around them."""

import io
import json
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from luthier.api import chat as api
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
from tests.matrix.data import rows as drawn
from tests.tasks.by_hand import run
from tests.tasks.conftest import built as built  # noqa: PLC0414  # a fixture, for this module too

ANSWER = "the old bird flew over the red house and swam home"
CapSys = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def talker(built: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of a tiny GPT-2 that takes 256 tokens and has learned an answer of a few words."""
    settings = {"generation__max_new_tokens": 12, "training__learning_rate": 1e-2, "training__epochs": 4}
    asked = [row["messages"][0] for row in drawn("chat", 60)]
    data = [{"messages": [turn, {"role": "assistant", "content": ANSWER}]} for turn in asked]
    return run(tmp_path_factory.mktemp("talk"), built("GPT-2"), data, **settings)


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
    assert chat(conversation.predictor.model.name_or_path, system="be kind").system == "be kind"


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
    pieces = conversation.reply("the old cat")
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


# -- the command -----------------------------------------------------------------------------------------------------


class Typed(io.StringIO):
    """What a person types at a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def say(talker: Path, monkeypatch: pytest.MonkeyPatch, capsys: CapSys) -> Callable[..., tuple[str, str]]:
    """`say("a", "b")` types lines into `luthier chat`, and is what came on its two streams."""

    def command(*lines: str, options: tuple[str, ...] = (), terminal: bool = False) -> tuple[str, str]:
        text = "".join(line + "\n" for line in lines)
        monkeypatch.setattr(sys, "stdin", Typed(text) if terminal else io.StringIO(text))
        capsys.readouterr()
        assert main(["chat", str(talker), *options]) == 0
        return capsys.readouterr()

    return command


Say = Callable[..., tuple[str, str]]


def test_lines_of_a_pipe_are_answered_one_by_one(say: Say, conversation: Conversation) -> None:
    out, err = say("the old cat", "", "the new dog")
    expected = ["".join(conversation.reply(text)) for text in ("the old cat", "the new dog")]
    assert out == "".join(answer + "\n" for answer in expected)
    assert "> " not in err


def test_with_json_each_answer_is_a_line(say: Say, conversation: Conversation) -> None:
    out, _ = say("the old cat", "/reset", "the old cat", options=("--json",))
    lines = [json.loads(line) for line in out.splitlines()]
    answer = "".join(conversation.reply("the old cat")).strip()
    assert lines == [{"prompt": "the old cat", "prediction": answer}] * 2


def test_the_commands_of_a_conversation(say: Say, tmp_path: Path) -> None:
    file = tmp_path / "said.json"
    out, err = say(
        "the cat", "/reset", "/system be kind", "the dog", f"/save {file}", "/save", "/help", "/exit", "never answered"
    )
    assert len(out.splitlines()) == 2
    said = json.loads(file.read_text())[0]["messages"]
    assert [turn["role"] for turn in said] == ["system", "user", "assistant"]
    assert [turn["content"] for turn in said[:2]] == ["be kind", "the dog"]
    assert ("cleared" in err, "system message: be kind" in err, f"saved to {file}" in err) == (True, True, True)
    assert err.count("/reset clears the conversation") == 2, "after /save without a file, and after what is unknown"


def test_the_system_message_can_come_with_the_command(say: Say, conversation: Conversation, tmp_path: Path) -> None:
    file = tmp_path / "said.json"
    say("the cat", f"/save {file}", options=("--system", "be kind"))
    conversation.system = "be kind"
    list(conversation.reply("the cat"))
    assert json.loads(file.read_text())[0]["messages"] == conversation.messages


def test_a_file_that_cannot_be_written_ends_nothing(say: Say, tmp_path: Path) -> None:
    out, err = say(f"/save {tmp_path}/nowhere/said.json", "the cat")
    assert "cannot write" in err
    assert out.strip()


def test_at_a_terminal_a_sign_asks_for_the_next_line(say: Say) -> None:
    out, err = say("the cat", terminal=True)
    assert err.count("> ") == 2
    assert "/reset clears the conversation" in err
    assert out.strip() and "> " not in out


def test_ctrl_c_breaks_off_the_answer_and_not_the_conversation(say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    def reply(self: Conversation, text: str) -> Iterator[str]:
        yield "the "
        if text == "long":
            raise KeyboardInterrupt
        yield "end"

    monkeypatch.setattr(api.Conversation, "reply", reply)
    out, err = say("long", "short")
    assert out == "the \nthe end\n"
    assert "(stopped)" in err
