"""Summarization: references, scores and baselines, and a tuned model in other hands."""

import json
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest
from rouge_score.rouge_scorer import RougeScorer
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

import luthier
from luthier.data.records import Fault
from luthier.metrics.overlap import ROUGE
from luthier.tasks.summarization.task import Summarization
from tests.matrix.data import rows as drawn
from tests.tasks.by_hand import bound, learned, run, values_of, write
from tests.tasks.generation.drawn import Built
from tests.tasks.generation.encoder_decoders import FAST, predicted, scores_of


def test_several_references_are_one_target_and_all_of_them_gold() -> None:
    data = [{"document": f"the cat sat {i}", "summary1": f"a {i}", "summary2": f"b {i}"} for i in range(6)]
    task, examples = learned(Summarization, data)
    assert examples["target"][2] == "a 2"
    assert task.gold(examples)[2] == ["a 2", "b 2"]
    single, examples = learned(Summarization, drawn("summarization", 4))
    assert single.gold(examples) == examples["target"]


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
    settings: dict[str, Any] = {
        "data__test": [str(write(folder / "test.jsonl", test))],
        "evaluation__metrics": [f"{folder / 'own.py'}:seen"],
    }
    return run(
        folder, built("T5"), drawn("summarization", 60), **(FAST | {"evaluation__generated_rows": 5}), **settings
    )


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
        assert answer == str(tokenizer.decode(ids, skip_special_tokens=True)).strip() != ""


def test_the_baseline_is_the_first_sentences_of_a_document() -> None:
    document = "The cat sat. The dog ran home. A bird flew over the old house."
    summaries, known = learned(Summarization, [{"document": document, "summary": f"the cat s{i}"} for i in range(9)])
    assert {a["prediction"] for a in bound(summaries, Mock()).baselines(known, known)["lead"]} == {"The cat sat."}


def test_rows_without_a_written_summary_have_a_loss_alone() -> None:
    task, examples = learned(Summarization, drawn("summarization", 2))
    costs = {"nll": 3.0, "tokens": 2, "bytes": 9}
    unwritten = [{"prediction": None, **costs}] * 2
    assert values_of(task, unwritten, examples) == {"loss": 1.5}
    one = [{"prediction": examples["target"][0], **costs}, unwritten[1]]
    found = values_of(task, one, examples)
    assert (found["rouge1"], found["rougeLsum"], found["loss"]) == (1.0, 1.0, 1.5)


def test_a_row_without_a_reference_is_refused_with_its_column() -> None:
    task, _ = learned(Summarization, drawn("summarization", 2))
    assert task.kind.example(task, {"document": "the cat sat", "summary": None}) == (
        Fault("missing-label", "column 'summary' is empty")
    )
