"""`trace`: the stages of a forward pass and the answer that they lead to."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file
from transformers import AutoModelForSequenceClassification, AutoTokenizer

import luthier
from luthier.errors import ModelError, UsageError
from luthier.models.sources import locate
from luthier.reporting.traces import trace as module
from tests.conftest import review, write_csv
from tests.matrix.data import rows as drawn
from tests.tasks import by_hand

Tuned = Callable[[str], Path]
TEXT = review("good", 3)


def test_a_classifier_is_what_plain_transformers_computes(run: Path) -> None:
    found = luthier.trace(run, TEXT)
    model = AutoModelForSequenceClassification.from_pretrained(run / "model").eval()
    tokenizer = AutoTokenizer.from_pretrained(run / "model")
    with torch.inference_mode():
        said = model(**tokenizer(TEXT, return_tensors="pt"), output_hidden_states=True)
    assert found.sequences[0].ids == tokenizer(TEXT)["input_ids"]
    np.testing.assert_allclose(found.logits["logits"], said.logits, atol=1e-6)
    for index, hidden in enumerate(said.hidden_states):
        name = f"layer {index}" if index else "embeddings"
        np.testing.assert_allclose(found.stage(name), hidden, atol=1e-6)
    assert found.answer == luthier.load(run).predict([TEXT])[0]
    assert found.inputs[0].cuts["text"].pieces == tuple(TEXT.split())


def test_texts_of_a_batch_are_padded_and_cut(run: Path, tmp_path: Path) -> None:
    texts = ["the story", " ".join(["the story"] * 40)]
    found = luthier.trace(run, texts, max_length=16, padding="max_length")
    assert found.stage("input_ids").shape == (2, 16)
    assert found.stage("attention_mask").sum(1).tolist() == [4, 16]
    assert [one.unread for one in found.inputs] == [0, 82 - 16]
    file = write_csv(tmp_path / "texts.csv", [{"id": i, "text": text} for i, text in enumerate(texts * 6)])
    assert len(luthier.trace(run, file).answers) == 8
    chosen = luthier.trace(run, file, rows=[12, 1])
    assert [one.values["text"] for one in chosen.inputs] == [texts[1], texts[0]]
    assert [one.values["id"] for one in chosen.inputs] == ["11", "0"]
    with pytest.raises(UsageError, match="no row 13") as error:
        luthier.trace(run, file, rows=[1, 13])
    assert error.value.hint == "choose a row from 1 to 12"


def test_all_values_are_written_and_only_those_of_short_texts_are_printed(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = luthier.trace(run, TEXT)
    found.save(tmp_path / "values.safetensors")
    kept = load_file(tmp_path / "values.safetensors")
    assert sorted(kept) == sorted(stage.name for stage in found.stages)
    np.testing.assert_array_equal(kept["layer 1"], found.stage("layer 1"))
    assert all("values" in stage for stage in found.to_dict()["stages"])
    monkeypatch.setattr(module, "WHOLE", len(found.sequences[0].ids) - 1)
    assert not any("values" in stage for stage in found.to_dict()["stages"])


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        ({"inputs": []}, "no text to trace"),
        ({"inputs": (TEXT, TEXT)}, "takes 1 text per row, not 2"),
        ({"inputs": "the " * 600, "truncation": False}, "602 tokens"),
        ({"inputs": TEXT, "max_length": 100_000}, "not of 100"),
        ({"inputs": [TEXT, TEXT], "attribution": True}, "one sequence, not 2"),
        ({"inputs": TEXT, "max_length": 2}, "reads sequences of 3 to"),
        ({"inputs": TEXT, "rows": [1]}, "rows are those of a file"),
    ],
)
def test_wrong_input(arguments: dict[str, Any], what: str, run: Path) -> None:
    with pytest.raises(UsageError, match=what):
        luthier.trace(run, **arguments)


def test_the_tokens_that_decided(run: Path) -> None:
    found = luthier.trace(run, TEXT, attribution=True)
    assert found.attribution is not None
    assert found.attribution.of == f"the logit of {found.answer['prediction']}"
    assert found.attribution.output == pytest.approx(float(found.logits["logits"].max()), abs=1e-5)
    assert "attribution  of the logit of" in str(found)


def test_the_tokens_that_decided_an_answer_that_was_written(built: Callable[[str], Path], tmp_path: Path) -> None:
    settings = {"training__epochs": 6, "training__learning_rate": 3e-2, "training__eval_strategy": "no"}
    run = by_hand.run(tmp_path, built("T5"), drawn("summarization", 24), **settings)
    data = drawn("summarization", 24)[0]
    column = str(luthier.load(run).task.columns["document"])
    found = luthier.trace(run, data[column], attribution=True)
    assert found.attribution is not None and found.attribution.of == "the log-probability of the answer"
    assert len(found.attribution.values) == len(found.sequences[0].ids)
    found.write_page(tmp_path / "page.html")
    assert "how much each token adds to the log-probability of the answer" in (tmp_path / "page.html").read_text()


def test_a_model_of_no_task() -> None:
    with pytest.raises(ModelError, match="not fine-tuned for a task"):
        luthier.trace(locate("minilm"), TEXT)
