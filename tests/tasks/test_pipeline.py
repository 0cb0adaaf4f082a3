"""The model directory in plain transformers says what `luthier predict` says, in every shape."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoModelForSequenceClassification, AutoTokenizer, pipeline

from luthier.pipeline.inference.predictor import load
from luthier.tasks.text_classification.task import SHAPES
from tests.tasks.conftest import row

Tuned = Callable[[str], Path]
ROWS = [row(i) for i in range(100, 130)]


def asked(shape: str) -> tuple[list[Any], list[Any]]:
    """The same texts as `luthier` and as a pipeline take them."""
    if shape.startswith("pair"):
        ours = [(str(row["text"]), str(row["other"])) for row in ROWS]
        return ours, [{"text": text, "text_pair": other} for text, other in ours]
    texts = [str(row["text"]) for row in ROWS]
    return texts, texts


@pytest.mark.parametrize("shape", SHAPES)
def test_a_pipeline_gives_the_same_answers(shape: str, tuned: Tuned) -> None:
    model = tuned(shape) / "model"
    ours, theirs = asked(shape)
    answers = load(tuned(shape)).predict(ours)
    plain = pipeline("text-classification", model=str(model), device="cpu")
    # A pipeline takes one pair at a time.
    found = [plain(item, top_k=None, truncation=True) for item in theirs]
    for answer, scores in zip(answers, found, strict=True):
        if shape.endswith("/number"):
            assert answer["prediction"] == pytest.approx(scores[0]["score"], abs=1e-5)
            continue
        assert answer["scores"] == pytest.approx({one["label"]: one["score"] for one in scores}, abs=1e-5)
        if shape.endswith("/one"):
            assert answer["prediction"] == scores[0]["label"]
            assert answer["score"] == pytest.approx(scores[0]["score"], abs=1e-5)
        else:
            assert set(answer["prediction"]) == {one["label"] for one in scores if one["score"] >= 0.5}
    assert len({json.dumps(answer) for answer in answers}) > 1, "equal answers would prove nothing"


@pytest.mark.parametrize("shape", ["single/one", "single/several", "pair/number"])
def test_the_directory_loads_with_the_auto_classes_alone(shape: str, tuned: Tuned) -> None:
    model = AutoModelForSequenceClassification.from_pretrained(tuned(shape) / "model")
    kinds = {"one": "single_label_classification", "several": "multi_label_classification", "number": "regression"}
    assert model.config.problem_type == kinds[shape.partition("/")[2]]
    names = {"single/one": ["bad", "good"], "single/several": ["joy", "fear", "awe"]}.get(shape)
    assert names is None or [model.config.id2label[i] for i in range(len(names))] == names
    length = json.loads((tuned(shape) / "model" / "luthier.json").read_text())["max_length"]
    assert AutoTokenizer.from_pretrained(tuned(shape) / "model").model_max_length == length


@pytest.mark.parametrize("shape", ["single/one", "single/several"])
def test_without_our_card_the_directory_is_read_as_somebody_elses(shape: str, tuned: Tuned, tmp_path: Path) -> None:
    own = load(tuned(shape))
    own.model.save_pretrained(tmp_path)
    own.tokenizer.save_pretrained(tmp_path)
    foreign = load(tmp_path)
    assert foreign.task.shape == shape
    texts = [str(row["text"]) for row in ROWS]
    for ours, theirs in zip(own.predict(texts), foreign.predict(texts), strict=True):
        assert theirs["prediction"] == ours["prediction"]
        assert theirs["scores"] == pytest.approx(ours["scores"], abs=1e-6)
