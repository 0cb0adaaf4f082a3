"""Documents for decoders: packed, read in windows, learned and written. `text-generation` and `creative-writing`."""

import json
import math
import random
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional
from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig, PreTrainedTokenizerBase

import luthier
from luthier.data.batches import IGNORED
from luthier.data.tokenized import Limits
from luthier.metrics.baselines.ngram import trigram_nll
from luthier.models.loading import load_model, load_tokenizer
from luthier.models.packing import packs
from luthier.pipeline.predictor import Predictor
from luthier.pipeline.samples import read_samples
from luthier.recipe import Recipe
from luthier.run_directory.predictions import read_predictions
from luthier.tasks.base import registry
from luthier.tasks.creative_writing.task import CreativeWriting
from luthier.tasks.generation.document_task import OPENING_WORDS, opening
from luthier.tasks.generation.documents import Document, pack, windows
from luthier.tasks.text_generation.task import TextGeneration
from tests.matrix.data import words
from tests.tasks.by_hand import Row, answers, by_row, encoded, learned, quickly, run, skip_reason, values_of

Built = Callable[[str], Path]
SIZES = st.lists(st.integers(1, 30), min_size=1, max_size=12)


def text(i: int, low: int = 3, high: int = 30) -> str:
    return words(random.Random(f"document {i}"), low, high)


def stories(n: int) -> list[Row]:
    return [{"prompt": text(i, 2, 5), "story": text(i + 1000, 5, 30)} for i in range(n)]


def numbered(sizes: Sequence[int], prompt: int = 0) -> list[Document]:
    """Documents in which no token comes twice, so that each can be found again; so many first ones are no labels."""
    found, first = [], 0
    for size in sizes:
        ids = list(range(first, first + size))
        found.append((ids, [IGNORED] * min(prompt, size) + ids[prompt:]))
        first += size
    return found


# -- blocks ----------------------------------------------------------------------------------------------------------


@given(SIZES, st.integers(4, 16), st.integers(0, 3))
def test_packing_keeps_every_token_and_cuts_no_document_that_fits(sizes: list[int], length: int, prompt: int) -> None:
    documents = numbered(sizes, prompt)
    blocks = by_row(pack(documents, length))
    assert sorted(token for block in blocks for token in block["input_ids"]) == list(range(sum(sizes)))
    owner = {token: i for i, (ids, _) in enumerate(documents) for token in ids}
    label = {token: one for ids, labels in documents for token, one in zip(ids, labels, strict=True)}
    pieces: list[list[int]] = []
    for block in blocks:
        ids, positions = block["input_ids"], block["position_ids"]
        assert 0 < len(ids) <= length
        assert positions[0] == 0
        starts = [place for place, position in enumerate(positions) if position == 0]
        for start, end in zip(starts, [*starts[1:], len(ids)], strict=True):
            assert positions[start:end] == list(range(end - start))
            assert ids[start:end] == list(range(ids[start], ids[start] + end - start))
            assert len({owner[token] for token in ids[start:end]}) == 1
            assert block["labels"][start:end] == [IGNORED, *(label[token] for token in ids[start + 1 : end])]
            pieces.append(ids[start:end])
        assert block["examples"] == list(dict.fromkeys(owner[token] for token in ids))
        assert block["targets"] == sum(one != IGNORED for one in block["labels"])
    whole = [ids for ids, _ in documents if len(ids) <= length]
    assert all(ids in pieces for ids in whole)
    cut = [ids[at : at + length] for ids, _ in documents if len(ids) > length for at in range(0, len(ids), length)]
    assert sorted(pieces) == sorted([*whole, *cut])


@given(SIZES, st.integers(4, 16))
def test_no_two_blocks_would_fit_into_one(sizes: list[int], length: int) -> None:
    filled = sorted(len(block["input_ids"]) for block in by_row(pack(numbered(sizes), length)))
    assert len(filled) == 1 or filled[0] + filled[1] > length


def documents_of(tokenizer: PreTrainedTokenizerBase, n: int, high: int = 30) -> tuple[Any, dict[str, list[Any]]]:
    task, examples = learned(TextGeneration, [{"text": text(i, 2, high)} for i in range(n)])
    return task, examples


def alone(model: Any, ids: list[int], labels: list[int]) -> float:
    """The summed loss of a document that is all that the model sees."""
    logits = model(torch.tensor([ids])).logits[0, :-1]
    return functional.cross_entropy(logits, torch.tensor(labels[1:]), ignore_index=IGNORED, reduction="sum").item()


@pytest.mark.parametrize(("name", "packing"), [("LLaMA", True), ("GPT-2", True), ("OPT", False)])
def test_the_loss_of_packed_documents_is_that_of_each_alone(name: str, packing: bool, built: Built) -> None:
    tokenizer, model = load_tokenizer(str(built(name))), load_model("CausalLM", str(built(name))).eval()
    model.config.use_cache = False  # as in training
    assert packs(model) is packing
    task, examples = documents_of(tokenizer, 14)
    rows = encoded(task, examples, tokenizer, Limits(100), training=True)
    assert 1 < len(rows) < 14 and max(len(ids) for ids, _ in task.documents(examples, tokenizer)) <= 100
    collate = task.collator(tokenizer, model)
    batch = collate(rows)
    assert ("position_ids" in batch) is packing
    labels = batch.pop("labels")
    with torch.inference_mode():
        found = float(task.loss(Recipe())(model(**batch), {"labels": labels}))
        expected = sum(alone(model, *document) for document in task.documents(examples, tokenizer))
    assert found == pytest.approx(expected, rel=1e-5)
    assert int(labels.ne(IGNORED).sum()) == sum(row["targets"] for row in rows)


# -- windows ---------------------------------------------------------------------------------------------------------


@given(SIZES.map(lambda sizes: [4 * size for size in sizes]), st.integers(4, 16), st.data())
def test_windows_make_each_token_a_label_once_with_what_stands_before(sizes: list[int], length: int, data: Any) -> None:
    stride = data.draw(st.integers(0, length // 2))
    documents = numbered(sizes)
    rows = by_row(windows(documents, Limits(length, stride=stride)))
    labelled: list[int] = []
    for row in rows:
        ids = row["input_ids"]
        document = documents[row["examples"][0]][0]
        assert len(ids) <= length
        assert ids == document[ids[0] - document[0] :][: len(ids)], "a window is a piece of its document"
        for place, label in enumerate(row["labels"]):
            if label != IGNORED:
                assert label == ids[place]
                assert place >= min(max(1, stride), label - document[0]), "what windows share stands before it"
                labelled.append(label)
        assert row["targets"] == sum(label != IGNORED for label in row["labels"])
    assert sorted(labelled) == sorted(token for ids, _ in documents for token in ids[1:])


def test_without_limits_a_document_is_one_window() -> None:
    rows = by_row(windows(numbered([5, 40], prompt=2), None))
    assert [row["input_ids"] for row in rows] == [ids for ids, _ in numbered([5, 40])]
    assert [row["targets"] for row in rows] == [3, 38]


def test_the_cost_of_a_long_document_is_that_of_a_plain_loop(built: Built) -> None:
    """The loop is that of transformers' guide to the perplexity of models of fixed length."""
    tokenizer, model = load_tokenizer(str(built("LLaMA"))), load_model("CausalLM", str(built("LLaMA"))).eval()
    length, stride = 24, 9
    task, examples = learned(TextGeneration, [{"text": text(i, 60, 120)} for i in range(3)])
    found = answers(task, model, tokenizer, examples, Limits(length, stride=stride))
    for answer, (ids, _) in zip(found, task.documents(examples, tokenizer), strict=True):
        nll, tokens, before = 0.0, 0, 0
        for begin in range(0, len(ids), length - stride):
            end = min(begin + length, len(ids))
            window = torch.tensor([ids[begin:end]])
            target = window.clone()
            target[:, : len(ids[begin:end]) - (end - before)] = IGNORED
            scored = int(target[:, 1:].ne(IGNORED).sum())
            with torch.inference_mode():
                nll += float(model(window, labels=target).loss) * scored
            tokens, before = tokens + scored, end
            if end == len(ids):
                break
        assert answer["nll"] == pytest.approx(nll, rel=1e-5)
        assert answer["tokens"] == tokens == len(ids) - 1


def test_the_cost_of_a_short_document_is_the_model_s_own_loss(built: Built) -> None:
    tokenizer, model = load_tokenizer(str(built("GPT-2"))), load_model("CausalLM", str(built("GPT-2"))).eval()
    task, examples = documents_of(tokenizer, 6)
    found = answers(task, model, tokenizer, examples, Limits(128, stride=40))
    for answer, (ids, _), said in zip(found, task.documents(examples, tokenizer), examples["text"], strict=True):
        with torch.inference_mode():
            own = model(torch.tensor([ids]), labels=torch.tensor([ids])).loss.item()
        assert answer["nll"] == pytest.approx(own * (len(ids) - 1), rel=1e-5)
        assert (answer["tokens"], answer["bytes"]) == (len(ids) - 1, len(said.encode()))


# -- what is learned -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "begins"), [("SmolLM 3", "<|startoftext|>"), ("GPT-2", "<|endoftext|>")])
def test_a_document_begins_and_ends_with_a_mark_of_which_the_end_is_learned(
    name: str, begins: str, built: Built
) -> None:
    tokenizer = load_tokenizer(str(built(name)))
    task, examples = documents_of(tokenizer, 3)
    for said, (ids, labels) in zip(examples["text"], task.documents(examples, tokenizer), strict=True):
        assert tokenizer.convert_ids_to_tokens(ids[0]) == begins
        assert ids[-1] == labels[-1] == tokenizer.eos_token_id
        assert labels == [IGNORED, *ids[1:]]
        assert tokenizer.decode(ids[1:-1]) == said
        assert ids.count(tokenizer.eos_token_id) == 1 + (begins == tokenizer.eos_token)


def test_a_prompt_is_read_and_not_learned(built: Built) -> None:
    tokenizer = load_tokenizer(str(built("GPT-2")))
    task, examples = learned(CreativeWriting, stories(8))
    assert (task.shape, task.columns) == ("prompt", {"prompt": "prompt", "story": "story"})
    whole = encoded(task, examples, tokenizer)
    assert task.targets(whole, tokenizer) == [f"{one}<|endoftext|>" for one in examples["text"]]
    for row, prompt, story in zip(whole, examples["prompt"], examples["text"], strict=True):
        assert tokenizer.decode(row["input_ids"], skip_special_tokens=True) == f"{prompt}\n\n{story}"
    # In blocks as well: what is learned is the stories, one after another.
    packed = encoded(task, examples, tokenizer, Limits(64), training=True)
    assert len(packed) < 8
    learnt = "".join(task.targets(packed, tokenizer))
    assert sorted(learnt.split("<|endoftext|>")[:-1]) == sorted(examples["text"])


def test_stories_alone_have_no_prompt(built: Built) -> None:
    task, examples = learned(CreativeWriting, [{"story": one["story"]} for one in stories(8)])
    assert (task.shape, set(examples["prompt"])) == ("story", {""})
    tokenizer = load_tokenizer(str(built("GPT-2")))
    assert all(row["labels"][1:] == row["input_ids"][1:] for row in encoded(task, examples, tokenizer))


@pytest.mark.parametrize(
    ("change", "reason"),
    [({"story": None}, "missing-text"), ({"story": " \n"}, "empty-text"), ({"prompt": ""}, "empty-text")],
)
def test_a_row_without_a_story_or_prompt_is_skipped(change: Row, reason: str) -> None:
    task, _ = learned(CreativeWriting, stories(8))
    assert skip_reason(task, {**stories(1)[0], **change}) == reason


def test_a_text_without_an_end_is_told(built: Built) -> None:
    tokenizer = load_tokenizer(str(built("LLaMA")))
    task, examples = documents_of(tokenizer, 4)
    rows = encoded(task, examples, tokenizer)
    columns = {**examples, "row": list(range(4))}
    assert task.notice(columns, rows, tokenizer) == []
    cut = [{**row, "labels": row["labels"][:-1]} for row in rows]
    assert [finding.id for finding in task.notice(columns, cut, tokenizer)] == ["no-end"]


def test_bits_per_byte_and_perplexity_by_hand() -> None:
    task, _ = learned(TextGeneration, [{"text": text(i)} for i in range(3)])
    costs, tokens, texts = [6.0, 2.0], [3, 1], ["Zoë", "abc"]
    sizes = [len(one.encode()) for one in texts]
    assert sizes == [4, 3]
    said = [
        {"prediction": None, "nll": cost, "tokens": n, "bytes": size}
        for cost, n, size in zip(costs, tokens, sizes, strict=True)
    ]
    found = values_of(task, said, {"text": texts})
    expected = {"loss": 8 / 4, "perplexity": math.exp(8 / 4), "bits_per_byte": 8 / math.log(2) / 7}
    assert found == pytest.approx(expected)


@pytest.mark.parametrize("kind", [TextGeneration, CreativeWriting])
def test_the_trigram_baseline_is_asked_for_the_same_tokens(kind: Any, built: Built) -> None:
    tokenizer, model = load_tokenizer(str(built("GPT-2"))), load_model("CausalLM", str(built("GPT-2"))).eval()
    data = stories(20) if kind is CreativeWriting else [{"text": text(i)} for i in range(20)]
    task, known = learned(kind, data)
    _, asked = learned(kind, data[15:])
    task.ready(tokenizer, model.config)
    said = task.baselines(known, asked)["trigram"]
    ours = answers(task, model, tokenizer, asked, Limits(128, stride=40))
    assert [one["tokens"] for one in said] == [one["tokens"] for one in ours]
    assert [one["bytes"] for one in said] == [one["bytes"] for one in ours]
    train = [np.array(ids) for ids, _ in task.documents(known, tokenizer)]
    for answer, (ids, labels) in zip(said, task.documents(asked, tokenizer), strict=True):
        ends = np.array(
            [trigram_nll(train, [np.array(ids[:n])], len(tokenizer), first=False)[0] for n in range(1, len(ids) + 1)]
        )
        each = np.diff(ends)  # of each token, given those before it
        wanted = [cost for cost, label in zip(each, labels[1:], strict=True) if label != IGNORED]
        assert answer["nll"] == pytest.approx(sum(wanted), rel=1e-9)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("one two\nthree", "one two"),
        ("\n\n  one  two \n", "one  two"),
        (" ".join(map(str, range(20))), " ".join(map(str, range(OPENING_WORDS)))),
        ("東京は夜", "東京は夜"),
        ("", ""),
    ],
)
def test_the_opening_of_a_text(said: str, expected: str) -> None:
    assert opening(said) == expected


def test_a_task_comes_back_from_what_it_wrote() -> None:
    for kind, rows in ((TextGeneration, [{"text": text(i)} for i in range(6)]), (CreativeWriting, stories(6))):
        task, _ = learned(kind, rows, generation__temperature=0.5, seed=7)
        back = kind.restored(json.loads(json.dumps(task.to_dict())))
        assert back.to_dict() == task.to_dict()
        assert (back.settings.temperature, back.seed, back.settings.do_sample) == (0.5, 7, True)
        assert back.answerable({"prompt": "one", "text": "one"}) == task.answerable({"prompt": "one", "text": "one"})
        assert registry()[kind.name] is kind


# -- the whole way ---------------------------------------------------------------------------------------------------

SAMPLING: dict[str, Any] = {
    "generation__do_sample": True,
    "generation__max_new_tokens": 8,
    "training__eval_on_start": True,
    "training__save_strategy": "epoch",
    "training__batch_size": 4,
    "data__max_length": 64,
}


@pytest.fixture(scope="module")
def written(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that samples stories at the start and after each of two epochs."""
    folder = tmp_path_factory.mktemp("stories")
    return run(folder, built("LLaMA"), stories(40), **SAMPLING, generation__temperature=0.7)


def test_what_is_written_at_each_evaluation_is_kept(written: Path) -> None:
    samples = list(read_samples(written / "samples.jsonl"))
    steps = sorted({sample["step"] for sample in samples})
    assert len(steps) == 3 and steps[0] == 0
    assert len(samples) == 3 * 2
    rows = {step: [sample["row"] for sample in samples if sample["step"] == step] for step in steps}
    assert rows[0] == rows[steps[1]] == rows[steps[2]], "the same rows each time"
    asked = {sample["row"]: sample["asked"]["prompt"] for sample in samples}
    assert all(prompt == f"{stories(40)[row - 1]['prompt']}\n\n" for row, prompt in asked.items())
    assert len({sample["text"] for sample in samples}) > 3, "another model writes something else"


def test_the_same_run_writes_the_same(written: Path, built: Built, tmp_path: Path) -> None:
    again = run(tmp_path, built("LLaMA"), stories(40), **SAMPLING, generation__temperature=0.7)
    assert (again / "samples.jsonl").read_text() == (written / "samples.jsonl").read_text()
    both = [read_predictions(place / "predictions.parquet") for place in (again, written)]
    assert both[0] is not None and both[1] is not None
    assert both[0]["prediction"] == both[1]["prediction"]


def test_a_resumed_run_has_the_same_samples(written: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(written, copy)
    for name in ("result.json", "metrics.json", "predictions.parquet", "task.json", "report.html"):
        (copy / name).unlink()
    shutil.rmtree(copy / "model")
    newest = max(path.name for path in (copy / "checkpoints").iterdir() if path.name.startswith("step-"))
    shutil.rmtree(copy / "checkpoints" / newest)
    with quickly(tmp_path):
        luthier.resume(copy)
    assert (copy / "samples.jsonl").read_text() == (written / "samples.jsonl").read_text()
    assert (copy / "metrics.json").read_text() == (written / "metrics.json").read_text()


def test_the_settings_of_sampling_are_the_model_s_own_from_then_on(written: Path) -> None:
    saved = json.loads((written / "model" / "generation_config.json").read_text())
    wanted = {"do_sample": True, "temperature": 0.7, "top_p": 0.95, "repetition_penalty": 1.1, "max_new_tokens": 8}
    assert {key: saved[key] for key in wanted} == wanted
    tokenizer = AutoTokenizer.from_pretrained(written / "model")
    model = AutoModelForCausalLM.from_pretrained(written / "model")
    prompt = str(stories(50)[45]["prompt"])
    ids = tokenizer(prompt + "\n\n", return_tensors="pt")
    torch.manual_seed(42)  # that of the recipe
    plain = tokenizer.decode(model.generate(**ids)[0, ids["input_ids"].shape[1] :], skip_special_tokens=True)
    assert luthier.load(written).predict([prompt])[0]["prediction"] == plain.rstrip() != ""


@pytest.mark.parametrize("name", ["GPT-2", "LLaMA", "OPT"])
def test_texts_are_the_same_in_batches_and_one_by_one(name: str, built: Built) -> None:
    tokenizer, model = load_tokenizer(str(built(name))), load_model("CausalLM", str(built(name))).eval()
    torch.manual_seed(0)
    for parameter in model.parameters():  # so far apart that each prompt has a text of its own
        if parameter.dim() > 1:
            torch.nn.init.normal_(parameter, std=0.3)
    settings = {"generation__max_new_tokens": 8, "generation__do_sample": False}
    task, _ = learned(TextGeneration, [{"text": text(i)} for i in range(6)], **settings)
    task.ready(tokenizer, model.config)
    limits = Limits(128, stride=40)
    task.configure(model, limits)
    model.generation_config.min_new_tokens = 6
    predictor = Predictor(task, model, tokenizer, limits)
    prompts = [text(i, 1 + i, 2 + 2 * i) for i in range(8)]
    together = [answer["prediction"] for answer in predictor.predict(prompts)]
    assert together == [predictor.predict([prompt])[0]["prediction"] for prompt in prompts]
    assert len(set(together)) > 4, "equal texts would not show their order"


def test_settings_of_sampling_are_left_out_of_greedy_decoding(built: Built) -> None:
    model = load_model("CausalLM", str(built("LLaMA")))
    task, _ = learned(TextGeneration, [{"text": text(i)} for i in range(6)], generation__do_sample=False)
    task.configure(model, Limits(64))
    config: GenerationConfig = model.generation_config
    config.validate(strict=True)  # nothing to be warned about
    assert (config.do_sample, config.temperature, config.max_new_tokens) == (False, None, 32)


def test_the_scores_of_a_run_are_those_of_what_it_wrote(written: Path) -> None:
    found = json.loads((written / "metrics.json").read_text())["metrics"]
    predictions = read_predictions(written / "predictions.parquet")
    assert predictions is not None
    nll, tokens, sizes = (sum(predictions[name]) for name in ("nll", "tokens", "bytes"))
    assert sizes == sum(len(story.encode()) for story in predictions["gold"])
    assert found["perplexity"]["value"] == pytest.approx(math.exp(nll / tokens))
    assert found["bits_per_byte"]["value"] == pytest.approx(nll / math.log(2) / sizes)
    told = [story.split() for story in predictions["prediction"] if story]
    assert len(told) == 3 and found["distinct_1"]["n"] == 3
    assert all(found[name]["value"] is not None for name in ("distinct_2", "distinct_3", "repetition", "self_bleu"))


@pytest.mark.parametrize("name", ["GPT-2", "LLaMA"])
def test_a_prompt_may_be_empty_or_longer_than_the_model_takes(name: str, built: Built) -> None:
    tokenizer, model = load_tokenizer(str(built(name))), load_model("CausalLM", str(built(name))).eval()
    settings = {"generation__max_new_tokens": 4, "generation__do_sample": False}
    task, _ = learned(TextGeneration, [{"text": text(i)} for i in range(6)], **settings)
    task.ready(tokenizer, model.config)
    limits = Limits(32, stride=8)
    task.configure(model, limits)
    predictor = Predictor(task, model, tokenizer, limits)
    prompts = ["", " ", "the cat " * 400]
    together = [answer["prediction"] for answer in predictor.predict(prompts)]
    assert together == [predictor.predict([prompt])[0]["prediction"] for prompt in prompts]
    assert task.prompts({"prompt": prompts, "text": [""] * 3}, tokenizer, limits)[0] == [tokenizer.eos_token_id]
