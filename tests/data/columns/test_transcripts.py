"""Conversations in one text: split where it is certain, and not taken for one where it is not."""

import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.data.columns.transcripts import Transcripts, speaker_at, transcripts_in, turns_in, without_end

TURNS = [("human", "Hi"), ("assistant", "Hello\n\nthere"), ("human", "And?"), ("assistant", "Done")]
MARKED = [
    ("system", "Be brief"),
    ("user", "Hi"),
    ("assistant", "Hello\n\nthere"),
    ("user", "And?"),
    ("assistant", "Ok"),
]


@pytest.mark.parametrize(
    "text",
    [
        "\n\nHuman: Hi\n\nAssistant: Hello\n\nthere\n\nHuman: And?\n\nAssistant: Done",
        "HUMAN: Hi\nASSISTANT: Hello\n\nthere\nHUMAN: And?\nASSISTANT: Done\n",
        "human:Hi\n  assistant :  Hello\n\nthere\nhuman: And?\nassistant:\nDone",
        "### Human: Hi### Assistant: Hello\n\nthere### Human: And?### Assistant: Done",
        "**Human:** Hi\n**Assistant:** Hello\n\nthere\n**Human:** And?\n**Assistant:** Done",
        "Human: Hi\n\n\nAssistant: Hello\n\nthere <|endoftext|>\n\n\nHuman: And?\n\n\nAssistant: Done <|endoftext|>\n",
    ],
)
def test_every_form(text: str) -> None:
    assert turns_in(text) == TURNS


@pytest.mark.parametrize(
    ("form", "text"),
    [
        (
            "ChatML",
            "<|im_start|>system\nBe brief<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"
            "Hello\n\nthere<|im_end|>\n<|im_start|>user\nAnd?<|im_end|>\n<|im_start|>assistant\nOk<|im_end|>\n",
        ),
        (
            "Llama 2",
            "<s>[INST] <<SYS>>\nBe brief\n<</SYS>>\n\nHi [/INST] Hello\n\nthere </s><s>[INST] And? [/INST] Ok </s>",
        ),
        (
            "Llama 3",
            "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nBe brief<|eot_id|>"
            "<|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|>"
            "<|start_header_id|>assistant<|end_header_id|>\n\nHello\n\nthere<|eot_id|>"
            "<|start_header_id|>user<|end_header_id|>\n\nAnd?<|eot_id|>"
            "<|start_header_id|>assistant<|end_header_id|>\n\nOk<|eot_id|>",
        ),
        (
            "Zephyr",
            "<|system|>\nBe brief</s>\n<|user|>\nHi</s>\n<|assistant|>\nHello\n\nthere</s>\n<|user|>\nAnd?</s>\n"
            "<|assistant|>\nOk</s>\n",
        ),
        (
            "Alpaca",
            "Be brief\n\n### Instruction:\nHi\n\n### Response:\nHello\n\nthere\n\n### Instruction:\nAnd?\n\n"
            "### Input:\n\n\n### Response: Ok\n\n### End",
        ),
        ("Vicuna", "Be brief USER: Hi ASSISTANT: Hello\n\nthere</s>USER: And? ASSISTANT: Ok</s>"),
    ],
)
def test_every_template(form: str, text: str) -> None:
    assert turns_in(text) == MARKED
    assert transcripts_in([text] * 3) == Transcripts(form, 1.0)


def test_what_differs_between_templates() -> None:
    assert turns_in("User\uff1aHi\nBot\uff1aHello") == [("user", "Hi"), ("bot", "Hello")]
    gemma = "<bos><start_of_turn>user\nHi<end_of_turn>\n<start_of_turn>model\nHello<end_of_turn>\n"
    assert turns_in(gemma) == [("user", "Hi"), ("assistant", "Hello")]
    assert turns_in("### Instruction:\nAdd\n\n### Input:\n1 2\n\n### Response:\n3") == [
        ("user", "Add\n\n1 2"),
        ("assistant", "3"),
    ]
    user = "<|im_start|>user\n{}<|im_end|>\n"
    twice = user.format("Hi") + user.format("You?") + "<|im_start|>assistant\nHello<|im_end|>"
    assert turns_in(twice) == [("user", "Hi"), ("user", "You?"), ("assistant", "Hello")]
    assert turns_in("[INST] Hi [/INST]") == [("user", "Hi"), ("assistant", "")]
    functions = turns_in("USER: Hi\n\nASSISTANT: <functioncall> {}\n\nFUNCTION RESPONSE: 3\n\nASSISTANT: It is 3")
    assert [name for name, _ in functions] == ["user", "assistant", "function response", "assistant"]


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
        "Write <|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nHello<|im_end|>",
        "<|im_start|>user\nHi<|im_end|>",
        "<|im_start|>narrator\nHi<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nHello<|im_end|>",
        "<|user|>\nHi <|im_start|> you</s>\n<|assistant|>\nHello</s>",
        "# Sorting\n\n## Input\n5\n\n## Output\n3",
        "Sorting\n\n### Input:\n5\n\n### Output:\n3",
        "The USER: may read this, the administrator: may not.",
    ],
)
def test_what_is_not_certain_has_no_turns(text: str) -> None:
    assert turns_in(text) == []


def test_columns() -> None:
    one, alone = "Human: Hi\nAssistant: Hello", "Human: Hi"
    assert transcripts_in([one] * 99 + ["nothing"]).sure
    assert transcripts_in([one, alone]).sure
    assert not transcripts_in([one, alone, alone]).form
    assert transcripts_in([one] * 9 + ["nothing"]) == Transcripts("speakers", 0.9)
    assert not transcripts_in([one] * 9 + ["nothing"]).sure
    assert transcripts_in([one] + ["nothing"] * 99) == Transcripts()
    assert not transcripts_in([alone, "User: x\nClient: y"]).form
    assert transcripts_in([]) == transcripts_in([one, 3]) == Transcripts()


@pytest.mark.parametrize(
    ("texts", "names"),
    [
        (["Anna: Hi", "Ben: Hello"] * 3, ("Anna", "Ben")),
        (["Anna: Hi\nBen: Hello\nAnna: So?", "Cara: Hi\nDan: Hello\nCara: Well"], ("Anna", "Cara")),
        (["[3/12/23, 9:41:07 PM] Anna: Hi", "[3/12/23, 9:42:10 PM] Ben: Hello: you", "Cara"] * 3, ("Anna", "Ben")),
        (["3.12.23, 21:41 - Anna: Hi\n3.12.23, 21:42 - Ben: Hello"] * 3, ("Anna", "Ben")),
        (["[02-Nov-23 05:12 PM] anna\nHi\n\n[02-Nov-23 05:13 PM] ben\nHello\n"] * 3, ("anna", "ben")),
        (["HAMLET: Hi", "OPHELIA: Hello", "HORATIO: Well"] * 3, ()),
        (["First Citizen:\nHi\n\nAll:\nHello\n"] * 9, ()),
        (["Title: A\nAuthor: B\nText: C"] * 9, ()),
        (["It was late.", "Note: it rained.", "They went on.", "Anna: Hi", "Ben: Hello"] * 9, ()),
        (["good", "bad"] * 9, ()),
        (["2023-11-02 17:12:01 INFO: begun", "2023-11-02 17:12:02 WARN: late"] * 9, ()),
        (["Anna\uff1aHi", "Ben\uff1aHello"] * 9, ("Anna", "Ben")),
        (["2023-11-02 17:12:01 job 1 started", "2023-11-02 17:12:02 job 2 done"] * 9, ()),
    ],
)
def test_logs_whose_names_do_not_say_who_answers(texts: list[str], names: tuple[str, ...]) -> None:
    found = transcripts_in(texts)
    assert (found.form, found.names) == ("", names)


@pytest.mark.parametrize(
    "log",
    [
        "Anna: Hi\nBen: Hello\n" * 3,
        "FAQ\n\nQ: Why?\nA: So.\n\n" + "Q: Who?\nA: I.\n\n" * 6,
        "".join(f"[12.06.23, 10:2{i}:11] {['Anna', 'Ben', 'Cara'][i % 3]}: Hi: you\n" for i in range(9)),
        "".join(f"12/6/23, 9:2{i} PM - {('Dr. O-Neil', 'Ann.B', 'C')[i % 3]}: Hi\n" for i in range(9)),
    ],
)
def test_the_script_that_renames_speakers_makes_a_conversation(log: str) -> None:
    found = transcripts_in([log])
    assert transcripts_in(log.splitlines()).names
    done = subprocess.run(["sed", "-E", found.renaming], input=log, capture_output=True, text=True, check=True).stdout
    assert transcripts_in(done.strip().split("\n\n")).sure
    assert not [line for line in done.splitlines() if line.strip() and not line.startswith(("User: ", "Assistant: "))]


def test_no_script_is_offered_that_would_leave_speakers() -> None:
    for texts in (
        ["[02-Nov-23 05:12 PM] anna\nHi\n\n[02-Nov-23 05:13 PM] ben\nHello\n"] * 3,
        ["  Anna: Hi", "Ben: Ho"] * 4,
    ):
        assert transcripts_in(texts).names
        assert not transcripts_in(texts).renaming
    assert transcripts_in(["User: x\nPassword: y"] * 9) == Transcripts()


def test_conversations_in_one_line_are_noticed() -> None:
    assert transcripts_in(["Human: Hi  AI: Hello Human: So?"] * 9 + ["Fine."]) == Transcripts(in_line=("Human", "AI"))
    assert transcripts_in(["The user: Hi AI: Hello", "User: Hi", "User:Hi AI:Hello"] * 9).in_line is None


def test_who_speaks_at_a_line() -> None:
    lines = ["Customer: Hi", "**AI:** Hi", "<s>[INST] Hi", "### Response:", "<|im_start|>system", "Anna: Hi", ""]
    assert list(map(speaker_at, lines)) == ["user", "assistant", "user", "assistant", "system", "", ""]
    assert without_end("Hello<|im_end|>\n") == without_end("Hello") == "Hello"


WORDS = st.text(st.sampled_from("ab c.\n"), max_size=12).map(str.strip)


@given(st.lists(st.tuples(st.sampled_from(["User", "Bot", "System"]), WORDS), min_size=1, max_size=5))
def test_turns_that_were_joined_come_apart(turns: list[tuple[str, str]]) -> None:
    text = "".join(f"\n\n{name}: {said}" for name, said in turns)
    assert turns_in(text) == [(name.lower(), said) for name, said in turns]


@given(st.lists(WORDS.filter(bool), min_size=1, max_size=3))
def test_marks_are_taken_off_and_nothing_else(said: list[str]) -> None:
    turns = [(role, text) for text in said for role in ("user", "assistant")]
    text = "".join(f"<|im_start|>{role}\n{text}<|im_end|>\n" for role, text in turns)
    assert turns_in(text) == turns
