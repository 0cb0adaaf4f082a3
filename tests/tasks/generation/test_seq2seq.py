"""Encoder-decoders: what they read, what they learn to write and how that is judged, in each of their three tasks."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from transformers import T5Config

import luthier
from luthier.console import Console
from luthier.data.batches import IGNORED
from luthier.data.records import Fault
from luthier.data.tokenized import TARGET_LENGTH, Limits
from luthier.errors import ColumnError
from luthier.models.loading import load_config, load_model, load_tokenizer
from luthier.recipe import Recipe
from luthier.tasks.generation.seq2seq import Seq2SeqTask
from luthier.tasks.generative_qa.task import GenerativeQA
from luthier.tasks.registry import registry
from luthier.tasks.summarization.task import Summarization
from luthier.tasks.translation.task import Translation
from tests.matrix.data import rows as drawn
from tests.tasks.by_hand import (
    Row,
    answers,
    bound,
    came_back,
    encoded,
    learned,
    prompts,
    skip_reason,
    values_of,
    write,
)
from tests.tasks.generation.drawn import Built
from tests.tasks.generation.encoder_decoders import ready

TASKS: dict[str, type[Seq2SeqTask]] = {
    "summarization": Summarization,
    "translation": Translation,
    "generative-qa": GenerativeQA,
}
ARCHITECTURES = ["T5", "BART", "Marian", "mBART"]


# -- rows to examples ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "change", "reason"),
    [
        (Summarization, {"document": None}, "missing-text"),
        (Summarization, {"document": " "}, "empty-text"),
        (Summarization, {"summary": ""}, "missing-label"),
        (Translation, {"en": "\n"}, "empty-text"),
        (Translation, {"de": None}, "missing-label"),
        (GenerativeQA, {"question": ""}, "empty-text"),
        (GenerativeQA, {"context": None}, "missing-text"),
        (GenerativeQA, {"answer": ""}, "no-answer"),
        (GenerativeQA, {"answer": None}, "missing-label"),
    ],
)
def test_a_row_that_cannot_be_used_is_skipped(kind: type[Seq2SeqTask], change: Row, reason: str) -> None:
    task, _ = learned(kind, drawn(kind.name, 9))
    assert skip_reason(task, {**drawn(kind.name, 9)[0], **change}) == reason


def test_what_to_predict_is_found_by_columns_or_roles() -> None:
    task, _ = learned(GenerativeQA, drawn("generative-qa", 6))
    expected = {"text": "question: what context: the town", "target": "", "targets": [], "question": "what"}
    assert task.query({"question": "what", "context": "the town", "id": 3}) == expected
    task = replace(task, columns={"question": "q", "context": "passage", "answers": "a"})
    assert task.query({"question": "what", "context": "the town"}) == expected
    assert task.query({"q": "what", "passage": "the town"}) == expected
    with pytest.raises(ColumnError, match="passage"):
        task.query({"q": "what"})


@pytest.mark.parametrize(
    ("kind", "change", "reason"),
    [
        (Summarization, {"document": None}, "missing-text"),
        (Summarization, {"document": ["one", "two"]}, "not-text"),
        (Translation, {"en": None}, "missing-text"),
        (Translation, {"en": {"fr": "Bonjour"}}, "missing-text"),
        (GenerativeQA, {"question": None}, "missing-text"),
        (GenerativeQA, {"question": ["what"]}, "not-text"),
        (GenerativeQA, {"context": None}, "missing-text"),
        (GenerativeQA, {"context": {"a": 1}}, "not-text"),
    ],
)
def test_what_is_missing_or_no_text_is_not_answered(kind: type[Seq2SeqTask], change: Row, reason: str) -> None:
    task, _ = learned(kind, drawn(kind.name, 9))
    found = task.query({**drawn(kind.name, 9)[0], **change})
    assert isinstance(found, Fault) and found.reason == reason


def test_an_empty_text_is_a_query_and_an_empty_context_leaves_the_question() -> None:
    task, _ = learned(Summarization, drawn("summarization", 9))
    assert task.query({"document": " "}) == {"text": "", "target": "", "targets": []}
    task, _ = learned(GenerativeQA, drawn("generative-qa", 6))
    asked = {"text": "question: what context: ", "target": "", "targets": [], "question": "what"}
    assert task.query({"question": "what", "context": ""}) == asked


# -- what is read and written ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "name", "prefix"),
    [
        (Summarization, "T5", "summarize: "),
        (Summarization, "T5 v1.1", "summarize: "),
        (Translation, "T5", "translate English to German: "),
        (GenerativeQA, "T5", ""),
        *[
            (kind, name, "")
            for kind in TASKS.values()
            for name in ("BART", "Marian", "mBART")
            if kind is not Translation
        ],
        (Translation, "BART", ""),
        (Translation, "Marian", ""),
    ],
)
def test_only_t5_is_told_in_words_what_to_do(kind: type[Seq2SeqTask], name: str, prefix: str, built: Built) -> None:
    task, examples, tokenizer = ready(kind, built(name))
    assert task.learned.prefix == prefix
    row = encoded(task, examples, tokenizer)[0]
    assert row["input_ids"] == tokenizer(prefix + examples["text"][0])["input_ids"]
    assert prompts(task, examples, tokenizer, Limits(512, 64))[0] == row["input_ids"]
    assert came_back(task).learned.prefix == prefix


def test_a_new_t5_is_told_nothing_and_neither_when_it_is_used(built: Built) -> None:
    task, _ = learned(Translation, drawn("translation", 9))
    tokenizer, named = load_tokenizer(str(built("T5"))), load_config(str(built("T5")))
    task, decisions = task.bind(tokenizer, T5Config())
    assert decisions == []
    used = came_back(task)
    used, _ = used.bind(tokenizer, named)
    assert used.learned.prefix == ""


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_the_labels_are_the_target_with_its_end(name: str, built: Built) -> None:
    task, examples, tokenizer = ready(Translation, built(name))
    rows = encoded(task, examples, tokenizer, training=True)
    written = [tokenizer.decode(row["labels"], skip_special_tokens=True) for row in rows]
    assert [text.strip() for text in written] == examples["target"]
    assert {row["labels"][-1] for row in rows} == {tokenizer.eos_token_id}
    assert [row[TARGET_LENGTH] for row in rows] == [len(row["labels"]) for row in rows]
    assert bound(task, tokenizer).notice(examples, rows) == []


@pytest.mark.parametrize("name", [*ARCHITECTURES, "T5 v1.1"])
def test_decoder_and_loss_are_as_the_model_itself_has_them(name: str, built: Built) -> None:
    task, examples, tokenizer = ready(Translation, built(name))
    model = load_model("Seq2SeqLM", str(built(name))).eval()
    batch = bound(task, tokenizer).collator(model)(encoded(task, examples, tokenizer, training=True))
    labels = batch.pop("labels")
    padded = labels.eq(IGNORED)
    assert bool(padded.any())
    with torch.inference_mode():
        own = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"], labels=labels)
        ours = model(**batch)
        loss = float(bound(task, tokenizer).loss(Recipe().training)(ours, {"labels": labels})) / int(
            labels.ne(IGNORED).sum()
        )
    assert torch.equal(ours.logits, own.logits), "the decoder has read the same"
    assert loss == pytest.approx(float(own.loss), rel=1e-6)
    start = model.config.decoder_start_token_id
    if name != "mBART":
        assert batch["decoder_input_ids"][:, 0].tolist() == [start] * 9
        kept = ~padded[:, :-1]
        assert torch.equal(batch["decoder_input_ids"][:, 1:][kept], labels[:, :-1][kept])
    found = answers(task, model, tokenizer, examples, Limits(512, 64))
    assert sum(answer["nll"] for answer in found) == pytest.approx(float(own.loss) * int((~padded).sum()), rel=1e-5)


def test_each_side_of_marian_is_cut_by_its_own_tokenizer(built: Built) -> None:
    task, examples, tokenizer = ready(Translation, built("Marian"))
    row = encoded(task, examples, tokenizer, training=True)[0]
    assert row["labels"] == tokenizer(text_target=examples["target"][0])["input_ids"]
    assert row["input_ids"] == tokenizer(examples["text"][0])["input_ids"]
    assert prompts(task, examples, tokenizer, Limits(512, 64))[0] == row["input_ids"], "nothing is left switched"


def test_what_is_too_long_is_cut_on_both_sides_and_counted(built: Built, tmp_path: Path) -> None:
    data = [{"document": "the cat sat " * 40 + str(i), "summary": "the dog ran " * 10 + str(i)} for i in range(60)]
    file = write(tmp_path / "rows.jsonl", data)
    settings = {"model.name": str(built("T5")), "data.max_length": 32, "data.max_target_length": 12}
    found = luthier.inspect([str(file)], task="summarization", cost=False, **settings).to_dict()
    assert found["lengths"]["truncated_share"] == 1.0
    assert (found["lengths"]["target"]["truncated_share"], found["lengths"]["target"]["max_length"]) == (1.0, 12)
    for name in ("truncation", "truncated-targets"):
        told = [finding["message"] for finding in found["findings"] if finding["id"] == name]
        sizes = ["48 of 48 training rows", "6 of 6 validation rows", "6 of 6 test rows"]
        assert [message.partition(" (100.0 %)")[0] for message in told] == sizes
    task, examples, tokenizer = ready(Summarization, built("T5"), data[:4])
    for row in encoded(task, examples, tokenizer, Limits(32, 12), training=True):
        assert (len(row["input_ids"]), len(row["labels"])) == (32, 12)
        assert row["labels"][-1] == tokenizer.eos_token_id, "a cut target ends as any other"


# -- what is written -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "beams"), [("T5", 1), ("BART", 1), ("Marian", 3), ("mBART", 1)])
def test_answers_are_the_same_in_batches_and_one_by_one(name: str, beams: int, built: Built) -> None:
    settings = {"generation__num_beams": beams, "generation__max_new_tokens": 12}
    task, examples, tokenizer = ready(Translation, built(name), **settings)
    torch.manual_seed(0)
    model = load_model("Seq2SeqLM", str(built(name))).eval()
    for parameter in model.parameters():  # so far apart that each source has a text of its own
        if parameter.dim() > 1:
            torch.nn.init.normal_(parameter, std=0.5)
    limits = Limits(512, 64)
    bound(task, tokenizer, limits).configure(model)
    model.generation_config.min_new_tokens = 6
    together = bound(task, tokenizer, limits).write(model, examples, Console())
    alone = []
    for i in range(len(together)):
        columns = {key: [column[i]] for key, column in examples.items()}
        alone += bound(task, tokenizer, limits).write(model, columns, Console())
    assert together == alone
    assert len(set(together)) > 1, "equal texts would not show their order"


def test_the_length_of_an_answer_follows_from_the_targets_where_nothing_says_it(built: Built) -> None:
    task, _, _ = ready(Summarization, built("T5"))
    model = load_model("Seq2SeqLM", str(built("T5")))
    bound(task, task.tokenizer, Limits(512, 24)).configure(model)
    assert (model.generation_config.max_new_tokens, model.generation_config.num_beams) == (24, 1)


# -- how it is judged ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", TASKS.values())
def test_the_right_texts_are_a_perfect_score(kind: type[Seq2SeqTask]) -> None:
    task, examples = learned(kind, drawn(kind.name, 9))
    values = values_of(task, task.perfect(examples), examples)
    assert values.keys() == set(task.kind.metric_names)
    for name, value in values.items():
        assert value == pytest.approx({"loss": 0, "bleu": 100, "chrf": 100}.get(name, 1)), name
    (loss, *_) = task.metrics(task.perfect(examples), examples)
    assert task.metric_for_best == loss.name == "loss" and not loss.greater_is_better


@pytest.mark.parametrize("kind", TASKS.values())
def test_a_task_comes_back_from_what_it_wrote(kind: type[Seq2SeqTask], built: Built) -> None:
    task, examples, tokenizer = ready(kind, built("T5"), generation__num_beams=2, seed=7)
    back = came_back(task)
    back, _ = back.bind(tokenizer, load_config(str(built("T5"))))
    assert encoded(back, examples, tokenizer) == encoded(task, examples, tokenizer)
    assert (back.learned.settings.num_beams, back.learned.seed) == (2, 7)
    assert type(registry()[kind.name]) is kind
