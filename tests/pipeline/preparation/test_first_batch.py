"""The first batch: what the model gets, decoded."""

from pathlib import Path
from typing import Any

import pytest
from torch import Tensor

from luthier.data.batches import groups, train_loader
from luthier.pipeline.preparation.first_batch import first_batch
from luthier.pipeline.preparation.prepare import Prepared
from luthier.pipeline.training.assemble import assemble
from tests.engines.helpers import prepared_data


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Prepared:
    return prepared_data(tmp_path_factory.mktemp("data"), tiny_model, n=40, **{"training.batch_size": 8})


def first(prepared: Prepared) -> dict[str, Tensor]:
    training = assemble(prepared)
    loader = train_loader(training.plan, training.rows, training.collate, start=0, stop=1)
    return next(groups(loader, 1))[0].tensors


def test_it_is_the_batch_of_the_first_step(data: Prepared) -> None:
    found, tensors = first_batch(data, assemble(data)), first(data)
    assert {one["name"]: (one["shape"], one["dtype"]) for one in found["tensors"]} == {
        name: (list(tensor.shape), "int64") for name, tensor in tensors.items()
    }
    assert found["row"] == data.task.tokenizer.decode(tensors["input_ids"][0])
    assert data.task.tokenizer.cls_token in found["row"]


def test_a_label_has_its_name(data: Prepared) -> None:
    names: dict[int, str] = data.task.model_config()["id2label"]
    assert first_batch(data, assemble(data))["labels"] == names[int(first(data)["labels"][0])]


@pytest.mark.parametrize("shape", ["pair/number", "single/several"])
def test_numbers_and_flags_are_shown_as_they_are(shape: str, tmp_path: Path, tiny_model: Path) -> None:
    prepared = prepared_data(tmp_path, tiny_model, shape, n=40)
    labels = first(prepared)["labels"]
    shown: list[Any] = first_batch(prepared, assemble(prepared))["labels"].split(", ")
    flat = [float(part.split(" x ")[0]) for part in shown for _ in range(int([*part.split(" x "), "1"][1]))]
    assert flat == pytest.approx(labels[0].flatten().tolist(), rel=1e-4)
