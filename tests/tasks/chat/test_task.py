"""Chat: of every conversation the assistant's turns are learned, each with its end, and nothing else."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, PretrainedConfig, PreTrainedTokenizerBase

from luthier.console import Console
from luthier.data.batches import IGNORED
from luthier.data.records import Fault
from luthier.data.tokenized import Limits
from luthier.errors import FindingError
from luthier.metrics.baselines.ngram import trigram_nll
from luthier.models.loading import load_model, load_tokenizer
from luthier.pipeline.preparation.prepare import Prepared, prepare, refuse
from luthier.recipe import Recipe
from luthier.tasks.chat.rendering import render_chat
from luthier.tasks.chat.task import Chat, documents_of
from luthier.tasks.chat.template import latest_ids, prompt_ids
from luthier.tasks.registry import limits_in, registry
from tests.matrix.data import rows as drawn
from tests.tasks.by_hand import (
    Row,
    answers,
    bound,
    came_back,
    encoded,
    learned,
    predicting,
    prompts,
    quickly,
    recipe_of,
    run,
    skip_reason,
    values_of,
    write,
)
from tests.tasks.chat.templates import CHATML, GEMMA, LLAMA3, TOOLS, with_template

Built = Callable[[str], Path]
TEMPLATES = {"chatml": CHATML, "llama3": LLAMA3, "gemma": GEMMA, "default": None}
ENDS = {"chatml": "<|im_end|>", "llama3": "<|eot_id|>", "gemma": "<end_of_turn>", "default": "<|im_end|>"}


def turns(*said: str) -> Row:
    """The user and the assistant in turns; a first text in brackets is the system's."""
    system = [{"role": "system", "content": said[0].strip("[]")}] if said[0].startswith("[") else []
    rest = said[len(system) :]
    spoken = [{"role": ("user", "assistant")[i % 2], "content": text} for i, text in enumerate(rest)]
    return {"messages": system + spoken}


FIVE = [
    turns("Hello", "a"),
    turns("[Be kind.]", "What is the weather?", "It is sunny.\nAnd warm."),
    turns("Hello there", "Hello. How are you?", "assistant user", "It is <b>Ünï 日本</b>."),
    turns("[You are a system model]", "?", "No", "?", "No", "?", "Yes"),
    turns("\n\nTwo\n\nlines\n", "Three\n\n\nlines\tand a tab"),
]


def said(row: Row) -> list[str]:
    return [turn["content"] for turn in row["messages"] if turn["role"] == "assistant"]


def ready(name: str, data: list[Row], **settings: Any) -> tuple[Chat, dict[str, list[Any]], PreTrainedTokenizerBase]:
    """The task on rows, their examples, and a tokenizer with a template."""
    tokenizer = with_template(TEMPLATES[name])
    task, examples = learned(Chat, data, **settings)
    task, _ = task.bind(tokenizer, LlamaConfig())
    return task, examples, tokenizer


# -- what is learned -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("template", TEMPLATES)
def test_what_is_learned_of_five_rows_is_the_assistants_turns_with_their_ends(template: str) -> None:
    task, examples, tokenizer = ready(template, FIVE)
    rows = encoded(task, examples, tokenizer, training=True)
    end = ENDS[template]
    assert bound(task, tokenizer).targets(rows) == ["".join(f"{one}{end}" for one in said(row)) for row in FIVE]
    stop = tokenizer.convert_tokens_to_ids(end)
    for features, row in zip(rows, FIVE, strict=True):
        assert tokenizer.decode(features["input_ids"]) == render_chat(tokenizer, row["messages"])
        assert features["labels"].count(stop) == len(said(row))
        assert features["targets"] == sum(label != IGNORED for label in features["labels"])
        pairs = zip(features["input_ids"], features["labels"], strict=True)
        assert all(label in (token, IGNORED) for token, label in pairs)
    assert stop in task.kind.ends(tokenizer)


@pytest.mark.parametrize(
    ("row", "shape", "reply"),
    [
        ({"instruction": "Add.", "input": "1 and 2", "output": "It is 3."}, "instruction", "It is 3."),
        ({"prompt": "What is it?", "response": "It is 3."}, "prompt", "It is 3."),
        (
            {"conversations": [{"from": "human", "value": "Hello"}, {"from": "gpt", "value": "It is 3."}]},
            "messages",
            "It is 3.",
        ),
    ],
)
def test_other_shapes_of_rows_are_conversations_too(row: Row, shape: str, reply: str) -> None:
    task, examples, tokenizer = ready("default", [row] * 4)
    assert task.shape == shape
    assert bound(task, tokenizer).targets(encoded(task, examples, tokenizer)) == [f"{reply}<|im_end|>"] * 4
    assert task.gold(examples) == [reply] * 4
    if shape == "instruction":
        assert "Add.\n\n1 and 2" in tokenizer.decode(encoded(task, examples, tokenizer)[0]["input_ids"])


def test_a_turn_that_is_marked_is_not_learned_not_scored_and_not_asked_for() -> None:
    wrong, right = ({"role": "assistant", "content": text} for text in ("Wrong", "Right"))
    user = {"role": "user", "content": "?"}
    rows = [
        {"messages": [user, wrong | {"weight": 0}, user, right]},
        {"messages": [user, right, user, wrong | {"loss": False}]},  # nothing after the right answer can be learned
        {"messages": [user, right, user]},
        {"messages": [user, right]},
    ]
    task, examples, tokenizer = ready("chatml", rows)
    assert bound(task, tokenizer).targets(encoded(task, examples, tokenizer, training=True)) == ["Right<|im_end|>"] * 4
    assert examples["reply"] == task.kind.written_texts(examples) == ["Right"] * 4
    first, second, third, fourth = prompts(task, examples, tokenizer, Limits(2048))
    assert second == third == fourth == prompt_ids(tokenizer, [user])
    assert first == prompt_ids(tokenizer, [user, wrong, user])
    assert skip_reason(task, {"messages": [user, wrong | {"masked": True}]}) == "nothing-learned"


def test_tools_are_shown_to_the_model_and_its_calls_are_learned() -> None:
    call = {"type": "function", "function": {"name": "weather", "arguments": {"city": "Paris"}}}
    row = {
        "messages": [
            {"role": "user", "content": "Weather?"},
            {"role": "assistant", "content": "", "tool_calls": [call]},
            {"role": "tool", "content": "sunny"},
            {"role": "assistant", "content": "It is sunny."},
        ],
        "tools": TOOLS,
    }
    task, examples, tokenizer = ready("default", [row] * 3)
    written = '<tool_call>\n{"name": "weather", "arguments": {"city": "Paris"}}\n</tool_call><|im_end|>'
    rows = encoded(task, examples, tokenizer)
    assert bound(task, tokenizer).targets(rows)[0] == f"{written}It is sunny.<|im_end|>"
    prompt = tokenizer.decode(prompts(task, examples, tokenizer, Limits(4096))[0])
    assert '"name": "weather"' in prompt.partition("Weather?")[0]
    assert prompt.endswith("sunny<|im_end|>\n<|im_start|>assistant\n")
    assert task.inputs(examples)["conversation"][0].startswith("user: Weather?\n\nassistant: [{")


def test_padding_that_is_the_end_token_hides_no_end() -> None:
    task, examples, tokenizer = ready("chatml", FIVE)
    tokenizer.pad_token = tokenizer.eos_token = "<|im_end|>"
    rows = encoded(task, examples, tokenizer, training=True)
    batch = bound(task, tokenizer).collator(AutoModelForCausalLM.from_config(TINY))(rows)
    stop = tokenizer.pad_token_id
    padded = batch["attention_mask"].eq(0)
    assert bool(padded.any())
    assert bool(batch["input_ids"][padded].eq(stop).all() and batch["labels"][padded].eq(IGNORED).all())
    assert int(batch["labels"].eq(stop).sum()) == sum(len(said(row)) for row in FIVE)


TINY = LlamaConfig(
    vocab_size=600, hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64, pad_token_id=0
)


@pytest.mark.parametrize("template", ["llama3", "default"])
def test_the_loss_is_the_model_s_own_on_the_labels(template: str) -> None:
    task, examples, tokenizer = ready(template, FIVE)
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(TINY).eval()
    rows = encoded(task, examples, tokenizer, training=True)
    batch = bound(task, tokenizer).collator(model)(rows)
    labels = batch.pop("labels")
    with torch.inference_mode():
        found = float(bound(task, tokenizer).loss(Recipe().training)(model(**batch), {"labels": labels}))
        own = [
            float(model(torch.tensor([row["input_ids"]]), labels=torch.tensor([row["labels"]])).loss) * row["targets"]
            for row in rows
        ]
    assert found == pytest.approx(sum(own), rel=1e-5)
    kept = answers(task, model, tokenizer, examples, Limits(4096))
    assert [answer["nll"] for answer in kept] == pytest.approx(own, rel=1e-5)
    assert [answer["tokens"] for answer in kept] == [row["targets"] for row in rows]
    assert [answer["bytes"] for answer in kept] == [len("".join(said(row)).encode()) for row in FIVE]


@pytest.mark.parametrize("length", [16, 24, 40, 64, 4096])
def test_bits_per_byte_are_those_of_the_tokens_that_are_left(length: int) -> None:
    """A model without knowledge needs log2(V) bits for every token, whatever is cut off behind it."""
    task, examples, tokenizer = ready("chatml", [turns("Hi", "The violin is old. " * n) for n in (1, 2, 5)])
    model = AutoModelForCausalLM.from_config(TINY).eval()
    torch.nn.init.zeros_(model.lm_head.weight)
    kept = answers(task, model, tokenizer, examples, Limits(length))
    trigram = bound(task, tokenizer, Limits(length)).baselines(examples, examples)["trigram"]
    for answer, baseline, row in zip(kept, trigram, documents_of(tokenizer, examples), strict=True):
        scored = [label for label in row[1][:length] if label != IGNORED]
        text = tokenizer.decode(scored).replace("<|im_end|>", "")
        assert (answer["tokens"], answer["bytes"]) == (len(scored), len(text.encode()))
        assert (baseline["tokens"], baseline["bytes"]) == (answer["tokens"], answer["bytes"])
    found = values_of(task, kept, examples)
    tokens, sizes = (sum(answer[key] for answer in kept) for key in ("tokens", "bytes"))
    assert found["bits_per_byte"] == pytest.approx(np.log2(TINY.vocab_size) * tokens / sizes, rel=1e-5)


def test_the_trigram_baseline_is_asked_for_the_assistants_tokens_alone() -> None:
    task, examples, tokenizer = ready("chatml", FIVE)
    found = bound(task, tokenizer).baselines(examples, examples)["trigram"]
    documents = documents_of(tokenizer, examples)
    train = [np.array(ids) for ids, _ in documents]
    for answer, (ids, labels) in zip(found, documents, strict=True):
        beginnings = [np.array(ids[:n]) for n in range(1, len(ids) + 1)]
        each = np.diff(trigram_nll(train, beginnings, len(tokenizer), first=False))  # a token's, given those before
        wanted = [cost for cost, label in zip(each, labels[1:], strict=True) if label != IGNORED]
        assert answer["nll"] == pytest.approx(sum(wanted), rel=1e-9)
        assert answer["tokens"] == len(wanted)


# -- what cannot be learned ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def talker(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str | None], Path]:
    """`talker(template)` is a tiny LLaMA whose tokenizer has it, with the marks of turns as special tokens."""

    def make(template: str | None) -> Path:
        folder = tmp_path_factory.mktemp("talker")
        tokenizer = load_tokenizer(str(built("LLaMA")))
        marks = ["<start_of_turn>", "<end_of_turn>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"]
        tokenizer.add_tokens([*marks, "<|im_start|>", "<|im_end|>"], special_tokens=True)
        tokenizer.chat_template = template
        model = load_model("CausalLM", str(built("LLaMA")))
        model.resize_token_embeddings(len(tokenizer))
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        return folder

    return make


def prepared(folder: Path, model: Path, data: list[Row], **settings: Any) -> Prepared:
    values: dict[str, Any] = {"data__train": [str(write(folder / "rows.jsonl", data))], "model__name": str(model)}
    with quickly(folder):
        return prepare(recipe_of(**values, **settings), Console())


def plain(n: int, seed: int = 0) -> list[Row]:
    return drawn("chat", n, seed)


def test_a_conversation_that_the_template_refuses_is_skipped(
    talker: Callable[[str | None], Path], tmp_path: Path
) -> None:
    refused = {"messages": [{"role": "user", "content": "one"}, *turns("two", "three")["messages"]]}
    found = prepared(tmp_path, talker(GEMMA), [*plain(199), refused], data__validation_share=0, data__test_share=0)
    assert found.table.accounts["train"].skipped == {"no-target-left": 1}
    skipped_row = found.table.skipped[0]
    assert (skipped_row.row, "the chat template refuses the conversation" in skipped_row.detail) == (200, True)
    assert {f.id: f.severity for f in found.findings}["lost-targets"] == "warning"
    assert len(found.splits["train"]) == len(found.encoded["train"].rows) == 199
    refuse(found.stopping, found.sources)


def test_more_than_one_in_a_hundred_without_an_answer_left_stops(
    talker: Callable[[str | None], Path], tmp_path: Path
) -> None:
    long = {"messages": [{"role": "user", "content": "the cat " * 200}, {"role": "assistant", "content": "sat"}]}
    shares = {"data__validation_share": 0, "data__test_share": 0, "data__max_length": 64}
    some = prepared(tmp_path, talker(CHATML), [*plain(120), long], **shares)
    lost = next(finding for finding in some.findings if finding.id == "lost-targets")
    assert (lost.severity, lost.rows) == ("warning", (121,))
    many = prepared(tmp_path, talker(CHATML), [*plain(100), long, {**long, "id": 1}], **shares)
    with pytest.raises(FindingError, match=r"2 of 102 training rows \(2.0 %\) have no target left"):
        refuse(many.stopping, many.sources)
    assert many.to_dict()["rows"]["train"]["skipped"] == {"no-target-left": 2}


@pytest.mark.parametrize(("template", "mark"), [(CHATML, "<|im_start|>"), (LLAMA3, "<|eot_id|>"), (None, "<|im_end|>")])
def test_marks_of_the_template_in_somebodys_words_are_told(
    template: str | None, mark: str, talker: Callable[[str | None], Path], tmp_path: Path
) -> None:
    odd = turns(f"the cat {mark}assistant sat", "the dog ran")
    found = prepared(tmp_path, talker(template), [*plain(60), odd], data__validation_share=0, data__test_share=0)
    told = {finding.id: finding for finding in found.findings}["control-tokens"]
    assert told.rows == (61,)
    assert "1 of 61 training rows" in told.message
    assert f"({mark!r})" in told.message, "the mark that was met is named, and no other"


def test_what_is_learned_can_be_seen_before_training(talker: Callable[[str | None], Path], tmp_path: Path) -> None:
    data = plain(60)
    found = prepared(tmp_path, talker(LLAMA3), data, data__validation_share=0, data__test_share=0)
    shown = found.to_dict()["targets"]
    assert len(shown) == 5
    assert shown == ["".join(f"{one}<|eot_id|>" for one in said(row)) for row in data[:5]]
    told = {decision.what: decision.value for decision in found.decisions}
    assert told["chat template"] == "the model's own"
    assert "<|eot_id|>" in told["end of turn"]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"messages": [{"role": "user", "content": "Hello"}]}, "no-assistant-turn"),
        ({"messages": []}, "empty-conversation"),
        ({"messages": None}, "empty-conversation"),
        ({"messages": [{"role": "narrator", "content": "Once"}]}, "unknown-role"),
        ({"messages": [{"role": "assistant", "content": "", "tool_calls": "{"}]}, "bad-tool-call"),
        ({**turns("Hello", "a"), "tools": "[1"}, "bad-tools"),
    ],
)
def test_a_row_that_is_no_conversation_is_skipped(row: Row, reason: str) -> None:
    task, _ = learned(Chat, [{**one, "tools": TOOLS} for one in FIVE])
    assert skip_reason(task, row) == reason


# -- what is answered ------------------------------------------------------------------------------------------------


def test_a_text_messages_and_a_row_of_the_data_ask_the_same() -> None:
    task, _, tokenizer = ready("chatml", FIVE)
    expected = prompt_ids(tokenizer, [{"role": "user", "content": "Hello there"}])

    def asked(values: Row) -> list[int]:
        example = task.query(values)
        columns = {name: [value] for name, value in example.items()}
        return prompts(task, columns, tokenizer, Limits(2048))[0]

    assert asked({"messages": "Hello there"}) == expected
    assert asked({"text": "Hello there"}) == expected
    assert asked({"messages": [{"role": "user", "content": "Hello there"}]}) == expected
    assert asked({"messages": json.dumps([{"from": "human", "value": "Hello there"}])}) == expected
    assert asked(turns("Hello there", "the reply is what is asked for")) == expected
    longer = [*FIVE[2]["messages"][:3]]
    assert asked({"messages": longer}) == prompt_ids(tokenizer, longer)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"messages": None}, "missing-text"),
        ({"messages": []}, "empty-conversation"),
        ({"messages": [{"role": "narrator", "content": "Once"}]}, "unknown-role"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": "x.png"}]}]}, "image-url-part"),
        ({"messages": [{"role": "user", "content": "Hello"}, 3]}, "invalid-message"),
        ({"messages": {"a": 1}}, "unknown-role"),
        ({"messages": '[{"role": "narrator", "content": "Once"}]'}, "unknown-role"),
        ({**turns("Hello"), "tools": "[1"}, "bad-tools"),
    ],
)
def test_a_row_that_training_skips_is_not_asked_either(row: Row, reason: str) -> None:
    task, _ = learned(Chat, [{**one, "tools": TOOLS} for one in FIVE])
    found = task.query({"tools": TOOLS, **row})
    assert isinstance(found, Fault) and found.reason == reason


@pytest.mark.parametrize("text", ['{"a": 1}', '["one", "two", "three"]', "(1, 2)", "[]", "", " ", "[Be kind.] Hello"])
def test_a_text_that_is_no_list_of_messages_is_asked_as_it_is(text: str) -> None:
    task, _ = learned(Chat, FIVE)
    assert json.loads(task.query({"messages": text})["messages"]) == [{"role": "user", "content": text}]


def test_one_message_is_a_conversation_also_as_text() -> None:
    task, _ = learned(Chat, FIVE)
    message = {"role": "user", "content": "Hello"}
    for given in (message, json.dumps(message), [message]):
        assert json.loads(task.query({"messages": given})["messages"]) == [message]


def test_turns_are_read_from_texts_as_in_training_and_a_text_without_turns_is_the_users() -> None:
    lists = [{"dialog": json.dumps([f"Hello {i}", "Hi"])} for i in range(6)]
    transcripts = [{"chosen": f"\n\nHuman: Hello {i}\n\nAssistant: Hi"} for i in range(6)]
    for rows, column in ((lists, "dialog"), (transcripts, "chosen")):
        task, _ = learned(Chat, rows)
        task = came_back(task)
        said = [{"role": "user", "content": "Hello 0"}, {"role": "assistant", "content": "Hi"}]
        assert json.loads(task.query(rows[0])["messages"]) == said
        assert json.loads(task.query({column: "Hello"})["messages"]) == [{"role": "user", "content": "Hello"}]


def test_a_conversation_that_the_template_refuses_is_not_asked() -> None:
    task, _ = learned(Chat, FIVE)
    user = {"role": "user", "content": "Hello"}
    refused = bound(task, with_template(GEMMA)).query({"messages": [user, user]})
    assert isinstance(refused, Fault) and refused.reason == "refused-conversation"
    for template, turns in ((GEMMA, [user]), (CHATML, [user, user])):
        assert bound(task, with_template(template)).query({"messages": turns}) == task.query({"messages": turns})


def test_a_missing_prompt_is_not_asked_and_an_empty_one_is() -> None:
    task, _ = learned(Chat, [{"prompt": f"What is {i}?", "response": f"It is {i}."} for i in range(6)])
    assert task.query({"prompt": None}) == Fault("missing-text", "column 'prompt' is empty")
    assert json.loads(task.query({"prompt": ""})["messages"]) == [{"role": "user", "content": ""}]


def test_a_row_with_an_instruction_is_asked_with_its_input() -> None:
    data = [{"instruction": f"Add {i}.", "input": f"{i} and 2", "output": f"It is {i + 2}"} for i in range(4)]
    task, _, tokenizer = ready("chatml", data)
    for values in (data[0], {"instruction": "Add 0.", "input": "0 and 2"}):
        example = task.query(values)
        prompt = prompts(task, {name: [value] for name, value in example.items()}, tokenizer, Limits(2048))[0]
        assert prompt == prompt_ids(tokenizer, [{"role": "user", "content": "Add 0.\n\n0 and 2"}])
    assert json.loads(task.query({"text": "Add."})["messages"]) == [{"role": "user", "content": "Add."}]


def test_a_conversation_longer_than_the_model_takes_keeps_its_end() -> None:
    task, _, tokenizer = ready("chatml", FIVE, generation__max_new_tokens=16)
    example = task.query({"messages": "Hello " * 500 + "What is it?"})
    prompt = prompts(task, {name: [value] for name, value in example.items()}, tokenizer, Limits(64))[0]
    assert len(prompt) == 48
    assert tokenizer.decode(prompt).endswith("What is it?<|im_end|>\n<|im_start|>assistant\n")


def test_a_long_conversation_keeps_its_system_message_and_its_last_turns() -> None:
    task, _, tokenizer = ready("chatml", FIVE, generation__max_new_tokens=16)
    said = turns("[Be kind.]", *(f"{i} " + "hello " * 5 for i in range(9)))["messages"]
    kept = [said[0], *said[-3:]]
    room = len(prompt_ids(tokenizer, kept))
    for length in (room, room + 5):
        example = task.query({"messages": said})
        prompt = prompts(task, {name: [value] for name, value in example.items()}, tokenizer, Limits(length + 16))[0]
        assert prompt == prompt_ids(tokenizer, kept)
    gemma = with_template(GEMMA)
    found = latest_ids(gemma, said[1:], None, len(prompt_ids(gemma, said[-3:])) + 3)
    assert found == prompt_ids(gemma, said[-3:]), "it begins with a user's turn, as the template expects"


@pytest.mark.parametrize(
    ("length", "positions", "new", "room"),
    [
        (1024, 1024, None, 768),
        (128, 128, None, 64),
        (128, 128, 120, 8),
        (304, 8192, 512, 152),  # fine-tuned on short rows
        (128, 128, 200, 64),  # impossible: half of the positions
        (304, 8192, None, 152),
        (304, None, 2000, 152),  # a model that states no limit
    ],
)
def test_prompt_and_answer_fit_into_the_positions(
    length: int, positions: int | None, new: int | None, room: int
) -> None:
    task, _ = learned(Chat, FIVE, generation__max_new_tokens=new)
    config = LlamaConfig(max_position_embeddings=positions) if positions else PretrainedConfig()
    fitted, decisions = task.bind(with_template(CHATML), config)
    ready = fitted.within(Limits(length))
    assert Chat().prompt_room(ready) == room
    assert room + Chat().new_tokens(ready) <= (positions or sys.maxsize)
    changed = new is not None and positions is not None and new >= positions
    assert ("max_new_tokens" in {decision.what for decision in decisions}) == changed


def test_the_prompts_of_a_training_are_those_of_the_trained_model() -> None:
    task, _ = learned(Chat, FIVE)
    fitted, _ = task.bind(with_template(CHATML), LlamaConfig(max_position_embeddings=8192))
    in_training = fitted.within(Limits(304, reads=8192))
    trained = fitted.within(limits_in(in_training.card()))
    assert trained.set_limits.length == 8192
    assert Chat().prompt_room(trained) == Chat().prompt_room(in_training) == 8192 - 256
    assert Chat().prompt_room(in_training.uncut) == sys.maxsize - 256


def test_the_right_replies_are_a_perfect_score() -> None:
    task, examples, _ = ready("chatml", FIVE)
    perfect = [
        {**answer, "prediction": gold} for answer, gold in zip(task.perfect(examples), task.gold(examples), strict=True)
    ]
    values = values_of(task, perfect, examples)
    assert values.keys() == set(task.kind.metric_names)
    assert (values["rougeL"], values["loss"]) == (1.0, 0.0)
    assert task.gold(examples)[3] == "Yes"


def test_a_task_comes_back_from_what_it_wrote() -> None:
    task, examples, tokenizer = ready("gemma", FIVE, generation__temperature=0.5, seed=7)
    back = came_back(task)
    back, _ = back.bind(tokenizer, LlamaConfig())
    assert encoded(back, examples, tokenizer) == encoded(task, examples, tokenizer)
    assert type(registry()["chat"]) is Chat


def test_somebody_elses_model_chats_where_it_has_a_template() -> None:
    config = LlamaConfig(architectures=["LlamaForCausalLM"])
    task = Chat().of_model(config, with_template(CHATML))
    assert task is not None and task.shape == "messages"
    assert Chat().of_model(config, with_template(None)) is None
    assert Chat().of_model(LlamaConfig(architectures=["LlamaModel"]), with_template(CHATML)) is None


# -- the whole way ---------------------------------------------------------------------------------------------------


def test_a_model_without_a_template_gets_one_and_learns_where_to_stop(built: Built, tmp_path: Path) -> None:
    """GPT-2 has neither a template nor marks of turns: its vocabulary and its embeddings grow."""
    data = [turns(f"the {animal}", "sat") for animal in ("cat", "dog", "bird", "fish") for _ in range(12)]
    data = [{**row, "id": i} for i, row in enumerate(data)]
    directory = run(tmp_path, built("GPT-2"), data, training__epochs=6, training__learning_rate=1e-2) / "model"
    tokenizer, model = AutoTokenizer.from_pretrained(directory), AutoModelForCausalLM.from_pretrained(directory)
    before = load_tokenizer(str(built("GPT-2")))
    assert before.chat_template is None and len(tokenizer) == len(before) + 2
    assert model.get_input_embeddings().num_embeddings == len(tokenizer)
    assert tokenizer.eos_token == "<|im_end|>" != tokenizer.pad_token
    assert tokenizer.eos_token_id in np.ravel(model.generation_config.eos_token_id)
    asked = tokenizer.apply_chat_template(
        [{"role": "user", "content": "the dog"}], add_generation_prompt=True, return_tensors="pt", return_dict=True
    )
    written = model.generate(**asked)[0, asked["input_ids"].shape[1] :]
    assert tokenizer.decode(written) == "sat<|im_end|>"


def test_what_ends_an_answer_ends_generating() -> None:
    task, _, tokenizer = ready("llama3", FIVE)
    model = AutoModelForCausalLM.from_config(TINY).eval()
    bound(task, tokenizer, Limits(128)).configure(model)
    ends = tokenizer.convert_ids_to_tokens(model.generation_config.eos_token_id)
    assert set(ends) == {"<|eot_id|>", "<|endoftext|>"}
    predictor = predicting(task, model, tokenizer, Limits(128))
    assert isinstance(predictor.predict(["Hello"])[0]["prediction"], str)
