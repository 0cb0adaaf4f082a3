"""Conversations in one text: split where it is certain, and not taken for one where it is not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.data.columns.transcripts import are_transcripts, turns_in

TURNS = [("human", "Hi"), ("assistant", "Hello\n\nthere"), ("human", "And?"), ("assistant", "Done")]


@pytest.mark.parametrize(
    "text",
    [
        "\n\nHuman: Hi\n\nAssistant: Hello\n\nthere\n\nHuman: And?\n\nAssistant: Done",
        "HUMAN: Hi\nASSISTANT: Hello\n\nthere\nHUMAN: And?\nASSISTANT: Done\n",
        "human:Hi\n  assistant :  Hello\n\nthere\nhuman: And?\nassistant:\nDone",
        "### Human: Hi### Assistant: Hello\n\nthere### Human: And?### Assistant: Done",
        "**Human:** Hi\n**Assistant:** Hello\n\nthere\n**Human:** And?\n**Assistant:** Done",
    ],
)
def test_every_form(text: str) -> None:
    assert turns_in(text) == TURNS


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Hello: Hi\nThere: And?",
        "He said: User: x",
        "Intro\nHuman: Hi\nAssistant: Hello",
        "Human: a\nAssistant: b\n\nHuman: c\nAssistant: d",
        "#Person1#: Hi\n#Person2#: Hello",
        "Humans: Hi",
    ],
)
def test_what_is_not_certain_has_no_turns(text: str) -> None:
    assert turns_in(text) == []


def test_columns() -> None:
    one, alone = "Human: Hi\nAssistant: Hello", "Human: Hi"
    assert are_transcripts([one] * 99 + ["nothing"])
    assert are_transcripts([one, alone])
    assert not are_transcripts([one, alone, alone])
    assert not are_transcripts([one] * 9 + ["nothing"])
    assert not are_transcripts([alone, "User: x\nClient: y"])
    assert not are_transcripts([])
    assert not are_transcripts([one, 3])


WORDS = st.text(st.sampled_from("ab c.\n"), max_size=12).map(str.strip)


@given(st.lists(st.tuples(st.sampled_from(["User", "Bot", "System"]), WORDS), min_size=1, max_size=5))
def test_turns_that_were_joined_come_apart(turns: list[tuple[str, str]]) -> None:
    text = "".join(f"\n\n{name}: {said}" for name, said in turns)
    assert turns_in(text) == [(name.lower(), said) for name, said in turns]
