"""What to try where a model does not beat a baseline: only with evidence, as a command that runs as it is printed."""

import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from luthier.learning_curves.advice import advise
from luthier.learning_curves.record import Series
from luthier.recipe import Recipe
from luthier.run_directory.run import COMPLETED, OUT_OF_TIME, Run
from luthier.storage.atomic import write_json, write_text

EVALUATED = {
    "rises": [0.5, 0.4, 0.5, 0.6, 0.7],
    "falls": [1.9, 1.6, 1.3, 1.0, 0.8],
    "flat": [0.9, 0.8, 0.8, 0.8, 0.8],
    "level": [0.69] * 5,
}


def run_with(path: Path, **training: Any) -> Run:
    recipe = Recipe.build({"data": {"train": ["a.csv"]}, "training": {"learning_rate": 5e-5, **training}})
    run = Run.create(path / "my run")
    write_text(run.recipe_file, recipe.to_toml())
    write_json(run.result_file, {})
    return run


def curves(losses: Any, epochs: float = 3.0, evaluation: str = "flat", rate: float = 0.0) -> dict[str, Series]:
    """Curves with such training losses; `rate` is the last learning rate."""
    values = np.asarray(losses) + 0.01 * np.random.default_rng(0).standard_normal(len(losses))
    steps = np.arange(1, len(values) + 1)
    evaluated = EVALUATED[evaluation]
    every = len(values) // len(evaluated)
    return {
        "train/loss": Series(steps.tolist(), values.tolist(), (epochs * steps / len(values)).tolist()),
        "train/learning_rate": Series(steps.tolist(), np.linspace(5e-5, rate, len(values)).tolist()),
        "eval/loss": Series([every * (i + 1) for i in range(len(evaluated))], evaluated),
    }


def learning(n: int) -> Any:
    return 0.1 + 1.4 * np.exp(-np.arange(n) / (n / 8))


def falling(n: int) -> Any:
    return np.linspace(2, 0.7, n)


@pytest.mark.parametrize(
    ("training", "found", "options", "why"),
    [
        ({}, curves(learning(45)), "--epochs 9", "took only 45 optimizer steps. Try about three times as many steps."),
        ({"max_steps": 45}, curves(learning(45), 0.2), "--max-steps 135", "only 45 optimizer steps"),
        ({"max_steps": 45}, curves(learning(45), 1.5), "--epochs 5 --max-steps 135", "only 45 optimizer steps"),
        ({"max_time": "10m"}, curves(learning(45), 0.4), "--max-time 30m", "only 45 optimizer steps"),
        ({}, curves(falling(900), evaluation="falls"), "--epochs 9", "still falling at the end"),
        ({}, curves(np.full(900, 0.69), evaluation="level"), "--lr 0.00015", "hardly moved, 0.69"),
        (
            {},
            curves(np.full(60, 0.69), evaluation="level"),
            "--lr 0.00015 --epochs 9",
            "the learning rate and about three times as many steps",
        ),
        ({}, curves(np.linspace(0.3, 3, 60)), "--lr 1.7e-05", "diverged"),
    ],
)
def test_each_advice_has_its_evidence(
    tmp_path: Path, training: dict[str, Any], found: dict[str, Series], options: str, why: str
) -> None:
    run = run_with(tmp_path, **training)
    advice = advise(run, found)
    assert advice is not None and why in advice.why
    assert advice.command == f"luthier train '{run.recipe_file}' {options}"


@pytest.mark.parametrize(
    ("training", "found"),
    [
        ({}, {}),
        ({}, curves(learning(900))),
        ({}, curves(learning(60), evaluation="rises")),
        ({"lr_scheduler_type": "constant"}, curves(np.r_[[1.0] * 10, [0.6] * 50], rate=5e-5)),
    ],
    ids=["no curves", "healthy", "overfitting", "flat at a constant rate"],
)
def test_without_evidence_there_is_none(tmp_path: Path, training: dict[str, Any], found: dict[str, Series]) -> None:
    assert advise(run_with(tmp_path, **training), found) is None


@pytest.mark.parametrize(
    ("stopped", "advised"),
    [(COMPLETED, True), (OUT_OF_TIME.format("10m"), True), ("f1 did not improve in 5 evaluations", False)],
)
def test_more_steps_are_advised_only_if_nothing_but_the_limits_ended_the_training(
    tmp_path: Path, stopped: str, advised: bool
) -> None:
    run = run_with(tmp_path, early_stopping_patience=5, max_time="10m")
    write_json(run.result_file, {"stopped": stopped})
    advice = advise(run, curves(learning(45), 0.4))
    assert (advice is not None and advice.command.endswith(" --max-time 30m")) is advised


def test_the_command_is_quoted_for_a_shell(tmp_path: Path) -> None:
    run = run_with(tmp_path)
    advice = advise(run, curves(learning(45)))
    assert advice is not None
    assert shlex.split(advice.command) == ["luthier", "train", str(run.recipe_file), "--epochs", "9"]
