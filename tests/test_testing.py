"""What is wrong with a task is found by `check_task` and said; `tests/tenth` has one with which nothing is."""

import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pytest

from luthier.api import one_run
from luthier.data.columns.profile import Recognition
from luthier.data.columns.roles import Given, Profiles
from luthier.data.tokenized import Examples
from luthier.findings import Finding
from luthier.metrics.base import AnyMetric, average
from luthier.recipe import TrainingRecipe
from luthier.run_directory.run import Run
from luthier.storage.atomic import write_text
from luthier.tasks.phases import Answer, Bound, Fitted, Loss, Nothing
from luthier.tasks.registry import registry
from luthier.testing import check_task
from tests.conftest import review
from tests.tasks.by_hand import Row
from tests.tasks.smallest import Stance


def rows(n: int = 48) -> list[Row]:
    """Claims of good words are agreed with, but for one in eight."""
    claims = [review("good" if i % 2 else "bad", i) for i in range(n)]
    agrees = [str(i % 2 if i % 8 else 1) for i in range(n)]
    return [{"statement": claims[i], "answer": "it is", "agrees": agrees[i]} for i in range(n)]


def quick_report(run_dir: Path | str) -> Path:
    """Stands for the report, which takes longer than a tiny run, and names the task as it does."""
    file = Run.open(run_dir).report_file
    write_text(file, "stance")
    return file


@pytest.fixture
def unreported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Runs without their reports, which have tests of their own; what is encoded is of no use to anybody else."""
    monkeypatch.setattr(one_run, "report", quick_report)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "datasets")


# -- what is wrong before training -----------------------------------------------------------------------------------


class Blind(Stance):
    """Does not see its own columns."""

    def recognise(self, profiles: Profiles, given: Given, shape: str | None) -> Recognition | None:
        return None


class Greedy(Stance):
    """Takes a column for a role that it does not name."""

    def recognise(self, profiles: Profiles, given: Given, shape: str | None) -> Recognition | None:
        found = super().recognise(profiles, given, shape)
        return found and Recognition(found.task, "", {**found.columns, "more": "answer"}, 0.99, found.why)


class Strict(Stance):
    """Finds an error in any data."""

    def check(self, *args: Any) -> list[Finding]:
        return [Finding("too-dull", "error", "The claims are dull.", "Claim something else.")]


@pytest.mark.parametrize(("kind", "words"), [(Blind, "recognised as"), (Greedy, "'more'"), (Strict, "too-dull")])
def test_data_that_the_task_does_not_take_as_its_own_is_told(
    kind: type[Stance], words: str, tiny_model: Path, tmp_path: Path
) -> None:
    with pytest.raises(AssertionError, match=words):
        check_task(kind, rows(), tmp_path, model=tiny_model)
    assert "stance" not in registry(), "a task is known only while it is checked"


# -- what is wrong in training ---------------------------------------------------------------------------------------


class Moody(Stance):
    """Its loss is another each time."""

    def loss(self, task: Bound[Nothing], training: TrainingRecipe) -> Loss:
        summed, draw = super().loss(task, training), random.SystemRandom()
        return lambda outputs, batch: summed(outputs, batch) * draw.uniform(1, 2)


class Sociable(Stance):
    """Its answers depend on how many there are."""

    def answers(
        self, task: Bound[Nothing], examples: Examples, rows: Sequence[Mapping[str, Any]], collected: Sequence[Any]
    ) -> list[Answer]:
        return [{"prediction": str(int(len(collected) > 1))} for _ in collected]


class Undefined(Stance):
    """Has a metric that covers none of the rows."""

    def metrics(self, task: Fitted[Nothing], answers: Sequence[Answer], examples: Examples) -> list[AnyMetric]:
        return [*super().metrics(task, answers, examples), average("politeness", np.array([]))]


SHORT = {"training.max_steps": 2, "training.save_steps": 1, "training.eval_steps": 2}


@pytest.mark.usefixtures("unreported")
@pytest.mark.parametrize(
    ("kind", "words"),
    [(Moody, "engines"), (Sociable, "neighbours"), (Undefined, "politeness is not defined")],
)
def test_a_task_that_learns_or_answers_wrongly_is_told(
    kind: type[Stance], words: str, tiny_model: Path, tmp_path: Path
) -> None:
    with pytest.raises(AssertionError, match=words):
        check_task(kind, rows(), tmp_path, model=tiny_model, **SHORT)


@pytest.mark.usefixtures("unreported")
def test_a_task_of_which_all_is_right_gives_the_run_of_our_engine(tiny_model: Path, tmp_path: Path) -> None:
    result = check_task(Stance, rows(), tmp_path, model=tiny_model, **SHORT)
    assert result.run.path == tmp_path / "loop"
    assert result.to_dict()["steps"] == 2, "settings overrule the quick ones"
    assert "stance" not in registry()
