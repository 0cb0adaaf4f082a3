"""`luthier chat`: lines are answered as they are written, and lines that begin with a slash are obeyed."""

import io
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from luthier.api import chat as api
from luthier.api.chat import Conversation, chat
from luthier.cli import main
from tests.api.conftest import built as built  # noqa: PLC0414  # fixtures, for this module too
from tests.api.conftest import talker as talker  # noqa: PLC0414
from tests.cli.conftest import CapSys

Say = Callable[..., tuple[str, str]]


@pytest.fixture
def conversation(talker: Path) -> Conversation:
    return chat(talker)


class Typed(io.StringIO):
    """What a person types at a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def say(talker: Path, monkeypatch: pytest.MonkeyPatch, capsys: CapSys) -> Say:
    """`say("a", "b")` types lines into `luthier chat`, and is what came on its two streams."""

    def command(*lines: str, options: tuple[str, ...] = (), terminal: bool = False) -> tuple[str, str]:
        text = "".join(line + "\n" for line in lines)
        monkeypatch.setattr(sys, "stdin", Typed(text) if terminal else io.StringIO(text))
        capsys.readouterr()
        assert main(["chat", str(talker), *options]) == 0
        return capsys.readouterr()

    return command


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
