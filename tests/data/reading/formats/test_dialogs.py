"""Conversations in plain text: where each begins, and texts that are none."""

import shlex
import subprocess
from pathlib import Path

import pytest

from luthier.data.reading.sources import open_source
from luthier.data.records import Record
from luthier.errors import SourceError
from luthier.tasks.generation.columns import recognise_text
from tests.tasks.by_hand import profiles_of

ONE = "User: Hi\nAssistant: Hello\nUser: And?\nAssistant: Done"
TWO = "User: Bye\nAssistant: See you"
MARKED = "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nHello | you<|im_end|>"
PREAMBLES = ("Below is an instruction. Answer it.", "Below is an instruction with an input. Answer it.")


def texts_of(path: Path, text: str, name: str = "log.txt") -> tuple[list[str], str]:
    """The text of each row, and how the format is described."""
    (path / name).write_text(text)
    source = open_source(path / name)
    return [row.values["text"] for row in source.records() if isinstance(row, Record)], source.decisions[0].why


@pytest.mark.parametrize("between", ["\n\n", "\n\n\n", "\n---\n", "\n\n=====\n\n", "\n<|endoftext|>\n"])
def test_what_stands_between_conversations(tmp_path: Path, between: str) -> None:
    assert texts_of(tmp_path, between.join([ONE, TWO] * 2) + "\n")[0] == [ONE, TWO] * 2


def test_turns_with_blank_lines_in_them(tmp_path: Path) -> None:
    long = "User: Hi\nAssistant: Hello\n\nA second paragraph"
    assert texts_of(tmp_path, "\n\n".join([long, TWO, long]))[0] == [long, TWO, long]
    apart = [one.replace("\n", "\n\n") for one in (ONE, TWO)]
    assert texts_of(tmp_path, "\n\n\n".join(apart))[0] == apart


def test_templates(tmp_path: Path) -> None:
    system = "<|im_start|>system\nBe kind<|im_end|>\n" + MARKED
    assert texts_of(tmp_path, f"{system}\n{system}\n")[0] == [system] * 2
    assert texts_of(tmp_path, f"{MARKED}\n\n{MARKED}\n")[0] == [MARKED] * 2
    lines = ["[INST] Hi [/INST] Hello", "[INST] Bye [/INST] See you"]
    assert texts_of(tmp_path, "\n".join(lines)) == (lines, "one row for each: one per line")
    alpaca = [f"{above}\n\n### Instruction:\nAdd\n\n### Response:\n{i}" for i, above in enumerate(PREAMBLES)]
    assert texts_of(tmp_path, "\n\n".join(alpaca))[0] == alpaca
    begun = [f"<s>[INST] <<SYS>>\nBe kind\n<</SYS>>\n\n{text} [/INST] Hello</s>" for text in ("Hi", "Bye")]
    assert texts_of(tmp_path, "\n".join(begun))[0] == begun


def test_one_conversation_in_a_file_is_one_row_unless_it_may_be_many(tmp_path: Path) -> None:
    assert texts_of(tmp_path, ONE) == ([ONE], "one row for each: the whole file is one")
    many = "\n\n".join([TWO.replace("\n", "\n\n")] * 30)
    with pytest.raises(SourceError, match="where a conversation ends") as caught:
        texts_of(tmp_path, many)
    assert "sed" in caught.value.hint
    assert texts_of(tmp_path, many + "\n---\n")[0] == [many]
    assert len(texts_of(tmp_path, many.replace("User:", "---\nUser:"))[0]) == 30


@pytest.mark.parametrize(
    "line",
    [
        "<s>[INST] Hi {} [/INST] Hello </s>",
        "<s>[INST] Hi {} [/INST] Hello </s><s>[INST] And? [/INST] Done </s>",
        "<start_of_turn>user Hi {}<end_of_turn><start_of_turn>model Hello<end_of_turn>",
    ],
)
def test_control_tokens_around_each_line_are_no_markup(tmp_path: Path, line: str) -> None:
    lines = [line.format(i) for i in range(25)]
    assert texts_of(tmp_path, "\n".join(lines))[0] == lines
    assert open_source(tmp_path / "log.txt").decisions[0].value == "conversations"


@pytest.mark.parametrize(
    "turns",
    ["User: Hi {}\n\nAssistant: Hello\n\n", "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n{}<|im_end|>\n"],
)
def test_the_command_that_puts_lines_between_conversations(tmp_path: Path, turns: str) -> None:
    text = "".join(turns.format(i) for i in range(30))
    with pytest.raises(SourceError, match="where a conversation ends") as caught:
        texts_of(tmp_path, text)
    command = shlex.split(caught.value.hint.split("`")[1])
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path).stdout
    assert texts_of(tmp_path, done) == (
        [turns.format(i).strip() for i in range(30)],
        "one row for each: lines of dashes or the like are between them",
    )


def test_the_command_that_begins_a_line_with_each_turn(tmp_path: Path) -> None:
    rows = [{"text": f"User: Hi {i} Assistant: Hello User: And? Assistant: Done"} for i in range(25)]
    found = recognise_text(profiles_of(rows), given={}, shape=None)
    assert found is not None
    command = shlex.split(found.unclear.split("`")[1])
    text = "\n".join(row["text"] for row in rows)
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout
    assert texts_of(tmp_path, done)[0] == [ONE.replace("Hi", f"Hi {i}") for i in range(25)]


@pytest.mark.parametrize(
    "text",
    [
        "User: the person who uses a thing.\nThis is a glossary.\n\nServer: what serves.\nAnother entry.",
        "HAMLET: To be.\n\nOPHELIA: Good my lord.",
        "Anna: Hi\nBen: Hello\n\nAnna: Bye\nBen: See you",
        "It began so.\nUser: Hi\nAssistant: Hello",
        "Write <|im_start|>user first.",
    ],
)
def test_what_is_no_conversation(tmp_path: Path, text: str) -> None:
    (tmp_path / "log.txt").write_text(text)
    assert open_source(tmp_path / "log.txt").decisions[0].value != "conversations"


def test_a_line_that_is_not_valid_text_skips_its_conversation(tmp_path: Path) -> None:
    (tmp_path / "log.txt").write_bytes(f"{ONE}\n\n{TWO} \xff\n\n{TWO}".encode("latin-1"))
    rows = list(open_source(tmp_path / "log.txt").records())
    assert len(rows) == 3


def test_samples_begin_where_conversations_do(tmp_path: Path) -> None:
    texts_of(tmp_path, "\n\n".join([ONE, TWO] * 8_000))
    part = open_source(tmp_path / "log.txt").part(5_000)
    assert part is not None
    rows = [row.values["text"] for row in part[0].records() if isinstance(row, Record)]
    assert set(rows) == {ONE, TWO}
