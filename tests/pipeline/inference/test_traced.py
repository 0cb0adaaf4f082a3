"""A trace is of what the model answers with, for every task, and with or without the gold answers."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import luthier
from luthier.pipeline.inference.predictor import load
from luthier.pipeline.inference.traced import traced
from tests.conftest import review
from tests.matrix.data import rows as drawn
from tests.tasks.by_hand import quick
from tests.tasks.conftest import built as built  # noqa: PLC0414  # fixtures, for this module too
from tests.tasks.conftest import tuned as tuned  # noqa: PLC0414

Tuned = Callable[[str], Path]
TEXT = review("good", 3)


def test_an_example_with_its_label_is_traced_as_a_text(tuned: Tuned) -> None:
    predictor = load(tuned("single/one"))
    example = {"source": "rows.csv", "row": 3, "text": TEXT, "label": "bad"}
    found = traced(predictor, "here", [example], [{"text": TEXT}])
    same = luthier.trace(tuned("single/one"), TEXT)
    assert [stage.name for stage in found.stages] == [stage.name for stage in same.stages]
    np.testing.assert_array_equal(found.logits["logits"], same.logits["logits"])
    assert (found.answer, found.inputs, found.model.name) == (same.answer, same.inputs, "here")


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
