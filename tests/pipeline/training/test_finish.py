"""Running a training to its end: train, resume from a checkpoint, score and write the best model."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from luthier.engines import checkpoints
from luthier.engines.events import Events, Stop
from luthier.errors import DamagedError, FingerprintError
from luthier.pipeline.preparation.prepare import Prepared
from luthier.pipeline.results import Result
from luthier.pipeline.training.finish import finish
from luthier.run_directory.run import Run
from luthier.storage.atomic import write_json, write_text
from tests.engines.helpers import prepared_data, same_weights, with_settings
from tests.listener import Listener

# 32 training rows in 4 steps per epoch, 8 validation rows.
QUICK: dict[str, Any] = {
    "training.batch_size": 8,
    "training.epochs": 2,
    "training.learning_rate": 3e-3,
    "training.eval_strategy": "steps",
    "training.eval_steps": 2,
    "training.save_total_limit": 3,
    "evaluation.resamples": 100,
    "evaluation.baselines": False,
    "data.validation_share": 0.2,
}
Data = Callable[..., Prepared]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Prepared:
    return prepared_data(tmp_path_factory.mktemp("training"), tiny_model, n=40, **QUICK)


def begun(path: Path, prepared: Prepared) -> Run:
    """A run directory as `train` leaves it before the first step."""
    run = Run.create(path)
    write_json(run.data_file, prepared.to_dict())
    write_text(run.recipe_file, prepared.recipe.to_toml())
    return run


def finished(run: Run, prepared: Prepared) -> tuple[Result, list[int], Listener]:
    """Finish a run: the result, the steps that were run, and the console output."""
    steps: list[int] = []
    events, told = Events(), Listener()
    events.on("step", lambda event: steps.append(event.step))
    return finish(run, prepared, events, told), steps, told


def stopped(run: Run, prepared: Prepared, at: int) -> None:
    """Interrupt a run right after the checkpoint of a step."""

    def kill(event: Any) -> None:
        if event.step >= at:
            raise KeyboardInterrupt

    events = Events()
    events.on("checkpoint", kill)
    with pytest.raises(KeyboardInterrupt):
        finish(run, prepared, events, Listener())
    assert checkpoints.list_checkpoints(run.checkpoints)[-1].step == at


def model_weights(run: Run) -> dict[str, torch.Tensor]:
    return load_file(run.model / "model.safetensors")


def spoil(checkpoint: checkpoints.Checkpoint) -> None:
    with (checkpoint.path / checkpoints.MODEL).open("ab") as file:
        file.write(b"more")


def test_a_run_is_trained_scored_and_written_to_its_directory(data: Prepared, tmp_path: Path) -> None:
    run = begun(tmp_path / "run", data)
    result, steps, told = finished(run, data)
    assert steps == list(range(1, 9))
    values = result.to_dict()
    assert (values["steps"], values["epochs"]) == (8, 2.0)
    assert values["stopped"].startswith("all steps")
    assert values["best_step"] in (2, 4, 6, 8)
    assert 0 <= values["padding_share"] < 1 and values["parameters"] > 10_000
    assert result.metrics["accuracy"].split == "validation" and result.metrics["accuracy"].n == 8
    assert json.loads(run.result_file.read_text()) == values
    written = json.loads(run.metrics_file.read_text())
    assert (written["task"], written["split"]) == ("text-classification", "validation")
    assert json.loads(run.task_file.read_text()) == json.loads((run.model / "luthier.json").read_text())
    assert run.predictions_file.is_file() and (run.model / "README.md").is_file()
    assert sum("parameters" in line for line in told.said) == 1
    assert sum(line.startswith("step ") and "accuracy" in line for line in told.said) == 4


def test_the_exported_model_is_the_best_checkpoint_and_not_the_last(data: Prepared, tmp_path: Path) -> None:
    """If the highest loss is the best, the best checkpoint is an early one."""
    prepared = with_settings(data, evaluation__metric_for_best="loss")
    prepared.greater_is_better = True
    run = begun(tmp_path / "run", prepared)
    best = finished(run, prepared)[0].to_dict()["best_step"]
    assert best < 8
    kept = {one.step: load_file(one.path / checkpoints.MODEL) for one in checkpoints.list_checkpoints(run.checkpoints)}
    assert same_weights(model_weights(run), kept[best])
    assert not same_weights(kept[best], kept[8])


def test_an_evaluation_shows_the_metric_that_ranks_checkpoints(data: Prepared, tmp_path: Path) -> None:
    told = finished(begun(tmp_path / "run", data), with_settings(data, evaluation__metric_for_best="mcc"))[2]
    lines = [line for line in told.said if line.startswith("step ")]
    assert all("validation loss" in line and "mcc" in line for line in lines)


def test_without_held_out_rows_the_last_checkpoint_is_exported_and_not_scored(tmp_path: Path, tiny_model: Path) -> None:
    held = {"data.validation_share": 0.0, "data.test_share": 0.0, "training.max_steps": 2}
    prepared = prepared_data(tmp_path, tiny_model, n=40, **(QUICK | held))
    run = begun(tmp_path / "run", prepared)
    result, _, _ = finished(run, prepared)
    assert (result.metrics, result.baselines, result.differences) == ({}, {}, {})
    assert result.to_dict()["best_step"] is None
    assert not run.metrics_file.exists() and not run.predictions_file.exists()
    (last,) = checkpoints.list_checkpoints(run.checkpoints)
    assert last.step == 2 and same_weights(model_weights(run), load_file(last.path / checkpoints.MODEL))


def test_the_final_score_is_on_the_test_rows_if_there_are_any(tmp_path: Path, tiny_model: Path) -> None:
    held = {"data.test_share": 0.1, "training.max_steps": 1}
    prepared = prepared_data(tmp_path, tiny_model, n=40, **(QUICK | held))
    result, _, _ = finished(begun(tmp_path / "run", prepared), prepared)
    assert (result.metrics["accuracy"].split, result.metrics["accuracy"].n) == ("test", 4)


def test_a_training_stopped_by_a_callback_has_a_complete_result(data: Prepared, tmp_path: Path) -> None:
    run, events = begun(tmp_path / "run", data), Events()
    events.on("step", lambda event: Stop("enough") if event.step == 3 else None)
    values = finish(run, data, events, Listener()).to_dict()
    assert (values["steps"], values["epochs"], values["stopped"]) == (3, 0.75, "enough")
    assert finished(run, data)[1] == [], "a resume runs no further steps"


def test_a_resumed_run_equals_an_uninterrupted_one(data: Prepared, tmp_path: Path) -> None:
    through, run = begun(tmp_path / "through", data), begun(tmp_path / "run", data)
    expected, _, _ = finished(through, data)
    stopped(run, data, 4)
    result, steps, told = finished(run, data)
    assert steps == [5, 6, 7, 8]
    assert any("step 4 of 8" in line for line in told.said)
    assert same_weights(model_weights(run), model_weights(through))
    assert result.metrics == expected.metrics


def test_a_run_interrupted_after_its_last_step_is_only_scored(data: Prepared, tmp_path: Path) -> None:
    run = begun(tmp_path / "run", data)
    stopped(run, data, 8)
    result, steps, _ = finished(run, data)
    assert steps == [] and result.steps == 8 and run.model.is_dir()


def test_a_damaged_checkpoint_is_ignored_with_a_warning(data: Prepared, tmp_path: Path) -> None:
    run = begun(tmp_path / "run", data)
    stopped(run, with_settings(data, training__save_strategy="steps", training__save_steps=2), 4)
    first, second = checkpoints.list_checkpoints(run.checkpoints)
    spoil(second)
    result, steps, told = finished(run, data)
    assert (first.step, steps) == (2, [3, 4, 5, 6, 7, 8])
    (warning,) = told.warned
    assert second.path.name in warning
    assert result.steps == 8


def test_a_run_with_only_damaged_checkpoints_is_an_error(data: Prepared, tmp_path: Path) -> None:
    run = begun(tmp_path / "run", data)
    stopped(run, data, 4)
    for checkpoint in checkpoints.list_checkpoints(run.checkpoints):
        spoil(checkpoint)
    with pytest.raises(DamagedError) as caught:
        finished(run, data)
    assert "step-000004" in caught.value.where
    assert not run.model.exists()


def test_resuming_with_settings_that_affect_the_weights_is_an_error(data: Prepared, tmp_path: Path) -> None:
    run = begun(tmp_path / "run", data)
    stopped(run, data, 4)
    with pytest.raises(FingerprintError, match=r"training\.learning_rate: 0\.003 -> 0\.001"):
        finished(run, with_settings(data, training__learning_rate=1e-3))
    assert finished(run, with_settings(data, training__save_total_limit=1))[1] == [5, 6, 7, 8], (
        "this setting affects no weight"
    )
