"""Every architecture on every task of its family, in both engines, from training to plain transformers."""

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch

import luthier
from tests.matrix.cell import (
    evaluated_again,
    our_answers,
    plain_answers,
    questions,
    resumed,
    same_losses,
    train,
    weights,
)
from tests.matrix.models import ARCHITECTURES, OTHERS, build
from tests.matrix.table import FAMILY_TASKS, every_cell, family_of

TOLERANCE = 1e-5
ONE_OF_EACH_FAMILY = ("BERT", "LLaMA", "T5")  # the rest is slow


def speed(architecture: str) -> Any:
    return () if architecture in ONE_OF_EACH_FAMILY else pytest.mark.slow


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """`model("BERT")` is the directory of a tiny one; each is built once."""
    folder = tmp_path_factory.mktemp("matrix")
    return cache(lambda name: build(name, folder / name.replace(" ", "-")))


def test_nothing_is_left_out() -> None:
    assert len(every_cell(ARCHITECTURES)) == 45
    assert [len(tasks) for tasks in FAMILY_TASKS.values()] == [3, 3, 3]
    assert {family_of(name) for name in OTHERS} == FAMILY_TASKS.keys()


@pytest.mark.parametrize(
    ("architecture", "task"),
    [pytest.param(*cell, marks=speed(cell[0])) for cell in every_cell(ARCHITECTURES | OTHERS)],
)
def test_architecture_on_task(
    architecture: str,
    task: str,
    model: Callable[[str], Path],
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    record_property("matrix", f"{architecture}|{task}")
    run, other = (train(tmp_path, model(architecture), task, engine) for engine in ("loop", "trainer"))
    assert same_losses(run, other) <= TOLERANCE

    own, again = evaluated_again(run)
    assert own == again and own["metrics"]

    asked = questions(task)
    assert our_answers(run, task, asked) == plain_answers(run, task, asked)

    assert_same(resumed(run, tmp_path), weights(run))


def assert_same(found: Mapping[str, torch.Tensor], expected: Mapping[str, torch.Tensor]) -> None:
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in expected)


@pytest.mark.slow
@pytest.mark.parametrize("architecture", ARCHITECTURES | OTHERS)
def test_adapter_on_architecture(architecture: str, model: Callable[[str], Path], tmp_path: Path) -> None:
    task = FAMILY_TASKS[family_of(architecture)][-1]
    lora = {"model.adapter.kind": "lora", "model.adapter.rank": 2, "model.adapter.dropout": 0.0}
    run, other = (train(tmp_path, model(architecture), task, engine, lora) for engine in ("loop", "trainer"))
    assert same_losses(run, other) <= TOLERANCE
    held = weights(run)
    assert any("lora_A" in name for name in held) and not any("base_layer" in name for name in held)

    own, again = evaluated_again(run)
    assert own == again and own["metrics"]

    asked = questions(task)
    assert our_answers(run, task, asked) == plain_answers(run, task, asked)
    assert luthier.merge(run).difference <= TOLERANCE
    assert our_answers(run / "merged", task, asked) == our_answers(run, task, asked)
    assert_same(resumed(run, tmp_path), held)
