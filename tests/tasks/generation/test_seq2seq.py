"""Encoder-decoders: what they read, what they learn to write and how that is judged, in each of their three tasks."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest
import torch
from rouge_score.rouge_scorer import RougeScorer
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer, PreTrainedTokenizerBase, T5Config

import luthier
from luthier.console import Console
from luthier.data.batches import IGNORED
from luthier.data.tokenized import TARGET_LENGTH, Limits
from luthier.errors import ColumnError, ModelError
from luthier.metrics.overlap import ROUGE
from luthier.models.loading import load_config, load_model, load_tokenizer
from luthier.recipe import Recipe
from luthier.run_directory.predictions import read_predictions
from luthier.tasks.generation.seq2seq import Seq2SeqTask
from luthier.tasks.generative_qa.task import GenerativeQA
from luthier.tasks.registry import registry, restore
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
    run,
    skip_reason,
    values_of,
    write,
)
from tests.tasks.question_answering.test_task import official_f1

Built = Callable[[str], Path]
TASKS: dict[str, type[Seq2SeqTask]] = {
    "summarization": Summarization,
    "translation": Translation,
    "generative-qa": GenerativeQA,
}
ARCHITECTURES = ["T5", "BART", "Marian", "mBART"]


def ready(
    kind: type[Seq2SeqTask], directory: Path, data: list[Row] | None = None, **settings: Any
) -> tuple[Any, dict[str, list[Any]], PreTrainedTokenizerBase]:
    """The task on rows, their examples, and the tokenizer that the task has set up."""
    tokenizer = load_tokenizer(str(directory))
    task, examples = learned(kind, data or drawn(kind.name, 9), **settings)
    task, _ = task.bind(tokenizer, load_config(str(directory)))
    return task, examples, tokenizer


# -- rows to examples ------------------------------------------------------------------------------------------------


def test_several_references_are_one_target_and_all_of_them_gold() -> None:
    data = [{"document": f"the cat sat {i}", "summary1": f"a {i}", "summary2": f"b {i}"} for i in range(6)]
    task, examples = learned(Summarization, data)
    assert examples["target"][2] == "a 2"
    assert task.gold(examples)[2] == ["a 2", "b 2"]
    single, examples = learned(Summarization, drawn("summarization", 4))
    assert single.gold(examples) == examples["target"]


def test_a_question_is_read_with_its_context_and_alone() -> None:
    task, examples = learned(GenerativeQA, drawn("generative-qa", 6))
    row = drawn("generative-qa", 6)[0]
    assert task.shape == "context"
    assert examples["text"][0] == f"question: {row['question']} context: {row['context']}"
    closed, examples = learned(GenerativeQA, [{"question": f"what is {i}", "answer": f"it is {i}"} for i in range(6)])
    assert (closed.shape, examples["text"][0], examples["target"][0]) == ("closed", "question: what is 0", "it is 0")


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
    expected = {"text": "question: what context: the town", "target": "", "targets": []}
    assert task.query({"question": "what", "context": "the town", "id": 3}) == expected
    task = replace(task, columns={"question": "q", "context": "passage", "answers": "a"})
    assert task.query({"question": "what", "context": "the town"}) == expected
    assert task.query({"q": "what", "passage": "the town"}) == expected
    with pytest.raises(ColumnError, match="passage"):
        task.query({"q": "what"})


def test_an_object_with_a_text_for_each_language_is_read_without_its_translation_too() -> None:
    task, examples = learned(Translation, [{"translation": {"en": f"the {i}", "de": f"das {i}"}} for i in range(6)])
    assert (examples["text"][2], examples["target"][2]) == ("the 2", "das 2")
    assert task.query({"translation": {"en": "the cat", "de": "die Katze"}})["text"] == "the cat"
    assert task.query({"translation": {"en": "the cat"}})["text"] == "the cat"


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


def test_mbart_is_told_both_languages_and_begins_with_the_second(built: Built) -> None:
    task, examples, tokenizer = ready(Translation, built("mBART"))
    rows = encoded(task, examples, tokenizer, training=True)
    codes = {code: tokenizer.convert_tokens_to_ids(code) for code in ("en_XX", "de_DE")}
    assert {row["input_ids"][0] for row in rows} == {codes["en_XX"]}
    assert {row["labels"][0] for row in rows} == {codes["de_DE"]}
    model = load_model("Seq2SeqLM", str(built("mBART"))).eval()
    bound(task, tokenizer, Limits(64, 16)).configure(model)
    assert model.generation_config.forced_bos_token_id == codes["de_DE"]
    ids = model.generate(torch.tensor([rows[0]["input_ids"]]))[0].tolist()
    assert ids[1] == codes["de_DE"]
    assert "de_DE" not in bound(task, tokenizer, Limits(64, 16)).write(model, examples, Console())[0]


@pytest.mark.parametrize(
    ("shape", "message"),
    [("en-xh", None), ("en-tlh", "no code for the language 'tlh'"), ("", "languages are not known")],
)
def test_languages_that_mbart_lacks_are_told(shape: str, message: str | None, built: Built) -> None:
    tokenizer = load_tokenizer(str(built("mBART")))
    task, _ = learned(Translation, drawn("translation", 9))
    task = replace(task, shape=shape)
    if message is None:
        task, _ = task.bind(tokenizer, load_config(str(built("mBART"))))
        assert tokenizer.tgt_lang == "xh_ZA"
        return
    with pytest.raises(ModelError, match=message) as caught:
        task, _ = task.bind(tokenizer, load_config(str(built("mBART"))))
    assert "--set shape=en-de" in caught.value.hint


def test_each_side_of_marian_is_cut_by_its_own_tokenizer(built: Built) -> None:
    task, examples, tokenizer = ready(Translation, built("Marian"))
    row = encoded(task, examples, tokenizer, training=True)[0]
    assert row["labels"] == tokenizer(text_target=examples["target"][0])["input_ids"]
    assert row["input_ids"] == tokenizer(examples["text"][0])["input_ids"]
    assert prompts(task, examples, tokenizer, Limits(512, 64))[0] == row["input_ids"], "nothing is left switched"


def test_what_is_too_long_is_cut_on_both_sides_and_counted(built: Built, tmp_path: Path) -> None:
    data = [{"document": "the cat sat " * 40, "summary": "the dog ran " * 10 + str(i)} for i in range(60)]
    file = write(tmp_path / "rows.jsonl", data)
    settings = {"model.name": str(built("T5")), "data.max_length": 32, "data.max_target_length": 12}
    found = luthier.inspect([str(file)], task="summarization", cost=False, **settings).to_dict()
    assert found["lengths"]["truncated_share"] == 1.0
    assert (found["lengths"]["target"]["truncated_share"], found["lengths"]["target"]["max_length"]) == (1.0, 12)
    assert "truncation" in {finding["id"] for finding in found["findings"]}
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


def test_the_baselines_are_what_a_lazy_writer_would_give(built: Built) -> None:
    document = "The cat sat. The dog ran home. A bird flew over the old house."
    summaries, known = learned(Summarization, [{"document": document, "summary": f"the cat s{i}"} for i in range(9)])
    assert {a["prediction"] for a in bound(summaries, Mock()).baselines(known, known)["lead"]} == {"The cat sat."}
    translations, known = learned(Translation, drawn("translation", 9))
    assert [
        a["prediction"] for a in bound(translations, load_tokenizer(str(built("T5")))).baselines(known, known)["copy"]
    ] == known["text"]
    questions, known = learned(GenerativeQA, drawn("generative-qa", 9))
    said = bound(questions, Mock()).baselines(known, known)["nearest-sentence"]
    assert all(a["prediction"] in row["context"] for a, row in zip(said, drawn("generative-qa", 9), strict=True))
    data = [{"question": f"what is it {word}", "answer": word} for word in ("cat", "dog", "bird", "fish")]
    closed, known = learned(GenerativeQA, data)
    asked = {"text": ["question: it is a fish is it"]}
    assert bound(closed, Mock()).baselines(known, asked)["nearest-question"] == [{"prediction": "fish"}]


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


# -- the whole way ---------------------------------------------------------------------------------------------------

FAST: dict[str, Any] = {
    "training__epochs": 10,
    "training__learning_rate": 3e-2,
    "training__eval_strategy": "no",
    "evaluation__generated_rows": 20,
    "generation__max_new_tokens": 8,
}


@pytest.fixture(scope="module")
def summaries(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose test rows have three references each, scored by a metric of the user's too."""
    folder = tmp_path_factory.mktemp("summaries")
    test = [
        {
            "document": row["document"],
            "summary1": "zebra",
            "summary2": row["summary"],
            "summary3": "old quickly the man",
        }
        for row in drawn("summarization", 8, seed=1)
    ]
    (folder / "own.py").write_text(
        "import json, pathlib\n"
        "def seen(predictions, references):\n"
        f"    place = pathlib.Path({str(folder / 'seen.json')!r})\n"
        "    place.write_text(json.dumps([list(predictions), [list(one) for one in references]]))\n"
        "    return {'words': sum(len(text.split()) for text in predictions) / len(predictions)}\n"
    )
    settings = {
        "data__test": [str(write(folder / "test.jsonl", test))],
        "evaluation__metrics": [f"{folder / 'own.py'}:seen"],
    }
    return run(
        folder, built("T5"), drawn("summarization", 60), **(FAST | {"evaluation__generated_rows": 5}), **settings
    )


def predicted(run_dir: Path) -> dict[str, list[Any]]:
    found = read_predictions(run_dir / "predictions.parquet")
    assert found is not None
    return found


def scores_of(run_dir: Path) -> dict[str, Any]:
    return json.loads((run_dir / "metrics.json").read_text())["metrics"]


def test_rouge_is_that_of_the_best_of_three_references(summaries: Path) -> None:
    said, scores = predicted(summaries), scores_of(summaries)
    assert all(len(gold) == 3 for gold in said["gold"])
    pairs = [(text, gold) for text, gold in zip(said["prediction"], said["gold"], strict=True) if text is not None]
    assert len(pairs) == 5, "as many as were asked for"
    scorer = RougeScorer(list(ROUGE))
    for name in ROUGE:
        best = [max(scorer.score(one, text)[name].fmeasure for one in gold) for text, gold in pairs]
        assert scores[name]["value"] == pytest.approx(np.mean(best)), name
        assert scores[name]["n"] == 5
    assert scores["rouge1"]["value"] > 0
    assert scores["loss"]["n"] == 8, "every row has a loss"
    assert scores["loss"]["value"] == pytest.approx(sum(said["nll"]) / sum(said["tokens"]))


def test_a_metric_of_the_user_s_gets_texts_and_their_references(summaries: Path) -> None:
    said = predicted(summaries)
    pairs = [(text, gold) for text, gold in zip(said["prediction"], said["gold"], strict=True) if text is not None]
    words = np.mean([len(text.split()) for text, _ in pairs])
    assert scores_of(summaries)["words"]["value"] == pytest.approx(words)
    predictions, references = json.loads((summaries.parent / "seen.json").read_text())
    assert set(predictions) <= {text for text, _ in pairs}
    assert all(gold in [list(several) for _, several in pairs] for gold in references)


def test_bleu_and_chrf_are_those_of_sacrebleu(built: Built, tmp_path: Path) -> None:
    made = run(tmp_path, built("Marian"), drawn("translation", 60), **FAST | {"training__learning_rate": 1e-2})
    said, scores = predicted(made), scores_of(made)
    bleu, chrf = BLEU(), CHRF()
    assert scores["bleu"]["value"] == pytest.approx(bleu.corpus_score(said["prediction"], [said["gold"]]).score)
    assert scores["chrf"]["value"] == pytest.approx(chrf.corpus_score(said["prediction"], [said["gold"]]).score)
    assert scores["chrf"]["value"] > 1
    task = restore(json.loads((made / "task.json").read_text()))
    for name, metric in {"bleu": bleu, "chrf": chrf}.items():
        assert scores[name]["signature"] == str(metric.get_signature())
        assert scores[name]["signature"] in task.panels(said)[0].note


def test_answers_are_scored_as_by_squad(built: Built, tmp_path: Path) -> None:
    data = [{"question": f"what is it {i}", "answers": ["the cat", "a cat"] if i % 2 else ["dog"]} for i in range(60)]
    made = run(tmp_path, built("T5"), data, task="generative-qa", **FAST)
    said, scores = predicted(made), scores_of(made)
    golds = [[gold] if isinstance(gold, str) else gold for gold in said["gold"]]
    pairs = list(zip(said["prediction"], golds, strict=True))
    assert scores["f1"]["value"] == pytest.approx(np.mean([official_f1(text, gold) for text, gold in pairs]))
    exact = [any(official_f1(text, [one]) == 1 for one in gold) for text, gold in pairs]
    assert scores["exact_match"]["value"] == pytest.approx(np.mean(exact))
    assert scores["f1"]["value"] > 0


def test_plain_transformers_writes_what_a_tuned_model_of_beams_predicts(built: Built, tmp_path: Path) -> None:
    settings = {"generation__num_beams": 3, "generation__length_penalty": 0.5, "generation__max_new_tokens": 10}
    made = run(tmp_path, built("T5"), drawn("summarization", 60), **FAST | settings)
    saved = json.loads((made / "model" / "generation_config.json").read_text())
    assert {key: saved[key] for key in ("num_beams", "length_penalty", "max_new_tokens")} == {
        "num_beams": 3,
        "length_penalty": 0.5,
        "max_new_tokens": 10,
    }
    model, tokenizer = (kind.from_pretrained(made / "model") for kind in (AutoModelForSeq2SeqLM, AutoTokenizer))
    documents = [row["document"] for row in drawn("summarization", 3, seed=1)]
    answers = [answer["prediction"] for answer in luthier.load(made).predict(documents)]
    for text, answer in zip(documents, answers, strict=True):
        ids = model.generate(**tokenizer("summarize: " + text, return_tensors="pt"))[0]
        assert answer == tokenizer.decode(ids, skip_special_tokens=True).strip() != ""
