"""Every architecture on every task of its family, in both engines, from training to plain transformers."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.matrix.cell import evaluated_again, our_answers, plain_answers, questions, resumed, same_losses, train
from tests.matrix.models import ARCHITECTURES, OTHERS, build
from tests.matrix.table import FAMILY_TASKS, every_cell, family_of

TOLERANCE = 1e-5


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """`model("BERT")` is the directory of a tiny one; each is built once."""
    folder = tmp_path_factory.mktemp("matrix")
    return cache(lambda name: build(name, folder / name.replace(" ", "-")))


def test_nothing_is_left_out() -> None:
    assert len(every_cell(ARCHITECTURES)) == 45
    assert [len(tasks) for tasks in FAMILY_TASKS.values()] == [3, 3, 3]
    assert {family_of(name) for name in OTHERS} == FAMILY_TASKS.keys()


@pytest.mark.parametrize(("architecture", "task"), [*every_cell(ARCHITECTURES), *every_cell(OTHERS)])
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

    weights, expected = resumed(run, tmp_path), load_file(run / "model" / "model.safetensors")
    assert weights.keys() == expected.keys()
    assert all(torch.equal(weights[name], expected[name]) for name in expected)
