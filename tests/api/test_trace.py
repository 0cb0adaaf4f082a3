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
from tests.tasks.by_hand import quick

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


@pytest.mark.parametrize("shape", ["pair/one", "single/several", "pair/number"])
def test_every_shape_of_classification(shape: str, tuned: Tuned) -> None:
    item: Any = (TEXT, review("bad", 4)) if shape.startswith("pair") else TEXT
    found = luthier.trace(tuned(shape), item)
    assert found.answer == luthier.load(tuned(shape)).predict([item])[0]
    assert len(found.inputs[0].cuts) == (2 if shape.startswith("pair") else 1)
    segments = found.stage("token_type_ids")
    assert segments.max() == (1 if shape.startswith("pair") else 0)


@pytest.mark.parametrize(
    ("task", "model", "stages"),
    [
        ("token-classification", "BERT", ["layer 2", "attention 2", "logits"]),
        ("question-answering", "BERT", ["start_logits", "end_logits"]),
        ("text-generation", "GPT-2", ["layer 2", "logits"]),
        ("chat", "LLaMA", ["layer 2", "logits"]),
        ("summarization", "BART", ["encoder layer 2", "decoder layer 2", "cross-attention 2", "decoder_input_ids"]),
        ("translation", "T5", ["encoder attention 1", "decoder attention 1", "logits"]),
    ],
)
def test_the_other_tasks(
    task: str, model: str, stages: list[str], built: Callable[[str], Path], tmp_path: Path
) -> None:
    data = drawn(task, 24)
    settings = quick(task) | {"model.name": str(built(model)), "training.max_steps": 2, "task": task}
    run = luthier.train(data, run_dir=tmp_path / "run", **settings).run.path
    predictor = luthier.load(run)
    row = {name: value for name, value in data[0].items() if name in predictor.task.columns.values()}
    found = luthier.trace(run, row)
    assert {stage.name for stage in found.stages} >= set(stages)
    assert found.answer == predictor.predict([row])[0]
    assert (found.writing is not None) == (task in ("text-generation", "chat", "summarization", "translation"))
    if found.writing is not None:
        assert 0 < sum(one.probability for one in found.writing.candidates) <= 1 + 1e-5
    assert found.to_dict()["answer"] == found.answer
    assert str(found)


def test_texts_of_a_batch_are_padded_and_cut(run: Path, tmp_path: Path) -> None:
    texts = ["the story", " ".join(["the story"] * 40)]
    found = luthier.trace(run, texts, max_length=16, padding="max_length")
    assert found.stage("input_ids").shape == (2, 16)
    assert found.stage("attention_mask").sum(1).tolist() == [4, 16]
    assert [one.unread for one in found.inputs] == [0, 82 - 16]
    file = write_csv(tmp_path / "texts.csv", [{"id": i, "text": text} for i, text in enumerate(texts * 6)])
    assert len(luthier.trace(run, file).answers) == 8


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


def test_a_model_of_no_task() -> None:
    with pytest.raises(ModelError, match="not fine-tuned for a task"):
        luthier.trace(locate("minilm"), TEXT)
