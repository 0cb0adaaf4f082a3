"""The head of a checkpoint is kept only for the labels that it predicts, and which it is is said."""

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoModelForTokenClassification, AutoTokenizer

from luthier.console import Console
from luthier.pipeline.preparation.prepare import Prepared, prepare
from luthier.pipeline.recipes import build_recipe
from luthier.pipeline.training.assemble import fresh_model
from tests.conftest import PLAIN, review, write_csv
from tests.matrix.data import write
from tests.tasks.by_hand import quick


def checkpoint(folder: Path, model: Path, names: list[str], auto: Any = AutoModelForSequenceClassification) -> Path:
    """A classifier of these labels whose head is all ones."""
    labels = {"id2label": dict(enumerate(names)), "label2id": {name: number for number, name in enumerate(names)}}
    made = auto.from_pretrained(model, **labels)
    with torch.no_grad():
        made.classifier.weight.fill_(1)
        made.classifier.bias.fill_(1)
    made.save_pretrained(folder / "checkpoint")
    AutoTokenizer.from_pretrained(model).save_pretrained(folder / "checkpoint")
    return folder / "checkpoint"


def labelled(folder: Path, model: Path, labels: list[str], **more: Any) -> Prepared:
    rows: list[dict[str, object]] = [{"text": review("good", i), "label": labels[i % len(labels)]} for i in range(24)]
    settings = {**PLAIN, "model.name": str(model), "data.validation_share": 0.0, "data.test_share": 0.0, **more}
    return prepare(build_recipe(write_csv(folder / "rows.csv", rows), settings, folder, Console()), Console())


def head_of(prepared: Prepared) -> tuple[str, str, bool]:
    """What was decided, why, and whether the head is that of the checkpoint."""
    found = next((one for one in prepared.decisions if one.what == "head"), None)
    model = fresh_model(prepared)
    prepared.task.finish(model)  # a number is learned without its unit, which goes back into the head
    kept = torch.allclose(model.classifier.weight, torch.ones(()))
    return (found.value, found.why, kept) if found else ("", "", kept)


@pytest.mark.parametrize(
    ("names", "labels", "why"),
    [
        (["bad", "good"], ["good", "bad"], "the model predicts bad, good already"),
        (["LABEL_0", "LABEL_1"], ["0", "1"], "the model predicts 0, 1 already"),
        (["LABEL_0"], ["0.5", "1.25", "2", "3.75"], "the model predicts a number already"),
    ],
)
def test_a_head_for_the_labels_of_the_data_is_kept(
    names: list[str], labels: list[str], why: str, tmp_path: Path, tiny_model: Path
) -> None:
    shape = {"data.shape": "single/number"} if len(names) == 1 else {"data.shape": "single/one"}
    prepared = labelled(tmp_path, checkpoint(tmp_path, tiny_model, names), labels, **shape)
    assert head_of(prepared) == ("kept", why, True)


@pytest.mark.parametrize(
    ("names", "labels", "why"),
    [
        (["neg", "pos"], ["b_bad", "a_good"], "the model predicts neg, pos, not a_good, b_bad"),
        (["pos", "neg"], ["neg", "pos"], "the model predicts pos, neg, not neg, pos"),
        (["neg", "pos"], ["0", "1"], "the model predicts neg, pos, not 0, 1"),
        (["LABEL_0", "LABEL_1"], ["neg", "pos"], "the model predicts LABEL_0, LABEL_1, not neg, pos"),
        (["neg", "pos"], ["neg", "pos", "so"], "the model predicts neg, pos, not neg, pos, so"),
    ],
)
def test_a_head_for_other_labels_is_new_and_begins_by_the_seed(
    names: list[str], labels: list[str], why: str, tmp_path: Path, tiny_model: Path
) -> None:
    prepared = labelled(tmp_path, checkpoint(tmp_path, tiny_model, names), labels)
    assert head_of(prepared) == ("new", why, False)
    one, same = (fresh_model(prepared).classifier for _ in range(2))
    assert torch.equal(one.weight, same.weight) and not one.bias.any()


def test_named_codes_are_the_outputs_of_a_model_that_names_none(tmp_path: Path, tiny_model: Path) -> None:
    model, codes = checkpoint(tmp_path, tiny_model, ["LABEL_0", "LABEL_1"]), {"0": "neg", "1": "pos"}
    assert head_of(labelled(tmp_path, model, ["0", "1"], **{"data.label_names": codes}))[::2] == ("kept", True)


def test_a_checkpoint_without_a_head_is_no_decision(tmp_path: Path, tiny_model: Path) -> None:
    assert head_of(labelled(tmp_path, tiny_model, ["bad", "good"])) == ("", "", False)


@pytest.mark.parametrize(("names", "kept"), [(["O", "B-ANIMAL", "I-ANIMAL"], True), (["O", "B-X", "I-X"], False)])
def test_tags_are_compared_too(names: list[str], kept: bool, tmp_path: Path, tiny_model: Path) -> None:
    model = checkpoint(tmp_path, tiny_model, names, AutoModelForTokenClassification)
    write(tmp_path / "rows.jsonl", "token-classification")
    settings = quick("token-classification") | {"model.name": str(model)}
    prepared = prepare(build_recipe(tmp_path / "rows.jsonl", settings, tmp_path, Console()), Console())
    assert head_of(prepared)[::2] == ("kept" if kept else "new", kept)
