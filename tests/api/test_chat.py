"""`chat`: turns that follow each other, told as they are written."""

import json
import re
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from luthier.api.chat import Conversation, chat
from luthier.api.evaluate import evaluate
from luthier.api.predict import predict, predict_file
from luthier.cli import main
from luthier.data.columns.profile import profile
from luthier.data.reading.sources import open_source
from luthier.data.records import Record
from luthier.data.tokenized import Limits
from luthier.errors import ModelError, RecipeError, ResourceError, UsageError
from luthier.pipeline.inference import answers_file
from luthier.tasks.chat.task import Chat
from luthier.tasks.phases import Recognised
from tests.api.conftest import ANSWER
from tests.conftest import review_rows, write_csv
from tests.listener import Listener
from tests.matrix.data import rows as drawn
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
    console = Listener()
    talk = Conversation(longest, console=console)
    assert "".join(talk.reply("the new dog")).strip() and not console.warned
    for text in ("the old cat sat on a mat " * 60, "the new dog"):
        assert "".join(talk.reply(text)).strip().startswith("the old bird flew")
    (warned,) = console.warned
    assert re.fullmatch(
        r"the conversation no longer fits: older turns \(.* tokens\) are dropped from the prompt", warned
    )
    assert longest.predict(["the old cat sat on a mat " * 60])[0]["truncated"]


def test_what_fails_while_writing_is_raised_where_it_is_read(
    conversation: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError("out of memory")

    monkeypatch.setattr(conversation.predictor.model, "generate", broken)
    with pytest.raises(RuntimeError, match="out of memory"):
        list(conversation.reply("the cat"))


def test_settings_of_generation_change_the_replies_and_not_the_model(talker: Path, conversation: Conversation) -> None:
    def replies(**generation: Any) -> list[str]:
        talk = chat(talker, **generation)
        said = []
        for text in ("the old cat", "the new dog"):
            said.append("".join(talk.reply(text)).strip())
            talk.reset()
        return said

    greedy = replies()
    short = replies(max_new_tokens=2)
    assert all(long.startswith(one) and long != one for long, one in zip(greedy, short, strict=True))
    state = torch.random.get_rng_state()
    sampled = replies(temperature=3.0, seed=1)
    assert sampled == replies(temperature=3.0, seed=1) != greedy
    assert sampled != replies(temperature=3.0, seed=2)
    assert torch.equal(torch.random.get_rng_state(), state), "a seeded reply leaves the caller's random numbers alone"
    assert len({tuple(replies(temperature=3.0)) for _ in range(3)}) > 1, "without a seed, each time another reply"
    assert replies() == greedy
    with pytest.raises(RecipeError, match="use no seed"):
        chat(talker, seed=1)


def test_evaluate_and_predict_take_settings_of_generation(talker: Path, tmp_path: Path) -> None:
    metrics = json.loads((talker / "metrics.json").read_text())
    again = evaluate(talker, max_new_tokens=1)
    assert again.metrics["rougeL"].value < metrics["metrics"]["rougeL"]["value"]
    assert again.metrics["loss"].value == metrics["metrics"]["loss"]["value"]
    written = json.loads((again.directory / "metrics.json").read_text())
    assert written["generation"] == again.to_dict()["generation"] == {"max_new_tokens": 1}
    assert "generation" not in evaluate(talker).to_dict()

    rows = [{"messages": [*row["messages"][:1], {"role": "assistant", "content": ANSWER}]} for row in drawn("chat", 80)]
    full, cut = evaluate(talker, rows[60:]), evaluate(talker, rows[60:], generation={"max_new_tokens": 1})
    assert cut.metrics["rougeL"].value < full.metrics["rougeL"].value
    few = evaluate(talker, rows[60:], temperature=2.0, seed=5, generated_rows=3)
    assert (few.metrics["rougeL"].n, few.metrics["loss"].n) == (3, 20)
    assert few.to_dict()["generation"] == {"temperature": 2.0, "seed": 5}

    short = [row["prediction"] for row in predict(talker, ["the old cat"], max_new_tokens=1)]
    assert predict_file(talker, rows[:3], tmp_path / "out.jsonl", max_new_tokens=1) == 3
    lines = [json.loads(line)["prediction"] for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert all(ANSWER.startswith(text) and text != ANSWER for text in [*short, *lines])


def test_an_unfinished_file_of_other_settings_is_not_continued(
    talker: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*args: Any) -> None:
        raise KeyboardInterrupt

    rows = [{"messages": row["messages"][:1]} for row in drawn("chat", 3)]
    with monkeypatch.context() as patch:
        patch.setattr(answers_file.AppendFile, "sync", stop)
        with pytest.raises(KeyboardInterrupt):
            predict_file(talker, rows, tmp_path / "out.jsonl", max_new_tokens=1)
    with pytest.raises(UsageError, match="or of other settings"):
        predict_file(talker, rows, tmp_path / "out.jsonl", max_new_tokens=2)
    assert predict_file(talker, rows, tmp_path / "out.jsonl", max_new_tokens=1) == 3


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["evaluate", "--set", "epochs=3"], "evaluate does not use training.epochs"),
        (["evaluate", "--set", "threshold=0.3"], "evaluate does not use evaluation.threshold"),
        (["evaluate", "--set", "max_length=8"], "evaluate does not use data.max_length"),
        (["evaluate", "--temperature", "0.7"], "task text-classification does not use generation.temperature"),
        (["evaluate", "--set", "generated_rows=3"], "task text-classification does not use evaluation.generated_rows"),
        (["predict", "--num-beams", "2"], "task text-classification does not use generation.num_beams"),
    ],
)
def test_a_setting_without_effect_is_refused(
    words: list[str], what: str, tuned: Callable[[str], Path], tmp_path: Path, capsys: CapSys
) -> None:
    command, *options = words
    data = write_csv(tmp_path / "rows.csv", review_rows(24))
    given = [str(data)] if command == "evaluate" else ["a film"]
    assert main([command, str(tuned("single/one")), *given, *options, "--json"]) == 2
    error = json.loads(capsys.readouterr().out)["error"]
    assert what in error["message"] and error["hint"].startswith("remove it")


def test_a_model_that_does_not_chat_is_refused(
    tiny_model: Path, tmp_path: Path, built: Callable[[str], Path], capsys: CapSys
) -> None:
    classifier = run(tmp_path, tiny_model, review_rows(24), texts=False, training__epochs=1)
    with pytest.raises(ModelError, match="tuned for text-classification, not for chat") as caught:
        chat(classifier)
    assert "luthier predict" in caught.value.hint
    with pytest.raises(ModelError, match="tuned for text-generation, not for chat"):
        chat(built("GPT-2"))  # it writes, and has no template
    assert main(["chat", str(classifier), "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["exit"] == 2
    assert main(["chat", str(tmp_path / "nothing")]) == 2
