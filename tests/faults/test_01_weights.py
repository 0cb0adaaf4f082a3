"""Fault 1: weights that an update made infinite or nan are not evaluated, not saved and not exported."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoModelForSequenceClassification

from luthier.api.resume import resume
from luthier.api.train import train
from luthier.cli import main
from luthier.engines import checkpoints
from luthier.engines.base import Training
from luthier.errors import NonFiniteError
from luthier.models.export import save_model
from luthier.models.loading import load_tokenizer
from luthier.pipeline.preparation.prepare import Prepared
from luthier.pipeline.training import finish as story
from luthier.pipeline.training.assemble import assemble as right
from tests.faults.runs import EITHER, begin
from tests.faults.scene import Scene, finished
from tests.matrix.data import rows
from tests.matrix.models import build
from tests.tasks.by_hand import quick

ARCHITECTURES = {
    "regression": "BERT",
    "token-classification": "BERT",
    "question-answering": "BERT",
    "chat": "LLaMA",
    "translation": "T5",
}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("models")
    return {name: build(name, folder / name) for name in {*ARCHITECTURES.values()}}


def data_of(task: str, folder: Path) -> Path:
    found = rows("text-classification" if task == "regression" else task)
    if task == "regression":
        found = [{"text": row["text"], "label": len(row["text"]) / 10} for row in found]
    path = folder / "data.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in found))
    return path


def broken(task: str, model: Path, folder: Path, engine: str, **settings: Any) -> NonFiniteError:
    """The error of a training whose learning rate is far too high."""
    kind = "text-classification" if task == "regression" else task
    held = {"model.name": str(model), "training.max_steps": 1, "training.engine": engine}
    overrides = quick(kind) | held | settings
    with pytest.raises(NonFiniteError) as caught:
        train(data_of(task, folder), run_dir=folder / "run", **overrides)
    assert finished(folder) == set() and not (folder / "run" / "predictions.parquet").exists()
    assert caught.value.exit_code == 3 and "lower" in caught.value.hint
    return caught.value


@pytest.mark.parametrize("engine", EITHER)
@pytest.mark.parametrize("task", ARCHITECTURES)
def test_a_step_that_makes_every_weight_nan_leaves_no_model(
    task: str, engine: str, models: dict[str, Path], tmp_path: Path
) -> None:
    error = broken(task, models[ARCHITECTURES[task]], tmp_path, engine, **{"training.learning_rate": 1e38})
    assert error.what == "the weights are not finite after step 1"
    assert error.where == "training.learning_rate = 1e+38"
    assert checkpoints.list_checkpoints(tmp_path / "run" / "checkpoints") == []


@pytest.mark.parametrize("task", [task for task, name in ARCHITECTURES.items() if name == "BERT"])
def test_finite_weights_whose_outputs_overflow_leave_no_model(
    task: str, models: dict[str, Path], tmp_path: Path
) -> None:
    error = broken(task, models[ARCHITECTURES[task]], tmp_path, "loop", **{"training.learning_rate": 1e30})
    assert "the model's outputs overflow" in error.what and "data.jsonl" in error.where


@pytest.mark.parametrize("engine", EITHER)
def test_without_an_evaluation_nothing_is_saved_either(engine: str, tmp_path: Path, tiny_model: Path) -> None:
    with pytest.raises(NonFiniteError, match="the weights are not finite after step 1"):
        begin(
            tmp_path,
            tiny_model,
            training__engine=engine,
            training__max_steps=1,
            training__learning_rate=1e38,
            training__eval_strategy="no",
            data__validation_share=0.0,
            data__test_share=0.0,
        )
    assert not {"model", "result.json", "report.html"} & {path.name for path in (tmp_path / "run").iterdir()}
    assert list((tmp_path / "run" / "checkpoints").iterdir()) == []


@pytest.mark.parametrize("engine", EITHER)
def test_the_checkpoint_before_stays_the_newest_whole_one_and_is_resumed(
    engine: str, tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:

    def assemble(prepared: Prepared) -> Training:
        training = right(prepared)

        def spoil(*_: object) -> None:
            if training.state.step == 5:  # the sixth update, whose weights are to be saved
                training.model.get_parameter("classifier.weight").data[0, 0] = math.inf

        training.optimizer.register_step_post_hook(spoil)
        return training

    with monkeypatch.context() as patch:
        patch.setattr(story, "assemble", assemble)
        with pytest.raises(NonFiniteError, match="the weights are not finite after step 6"):
            begin(tmp_path, tiny_model, training__engine=engine)
    newest, damaged = checkpoints.newest_whole(tmp_path / "run" / "checkpoints")
    assert newest is not None and newest.step == 4 and damaged == []
    assert resume(tmp_path / "run").steps == 12


def test_no_model_is_exported_with_a_weight_that_is_not_finite(tmp_path: Path, tiny_model: Path) -> None:
    model = AutoModelForSequenceClassification.from_pretrained(tiny_model)
    model.classifier.bias.data[1] = math.nan
    with pytest.raises(NonFiniteError) as caught:
        save_model(tmp_path / "model", model, load_tokenizer(str(tiny_model)), {"max_length": 8}, "card")
    assert caught.value.where == str(tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_the_command_ends_with_exit_code_3(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*scene.train("--lr", "1e38", "--max-steps", "1"), "--json"]) == 3
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["message"] == "the weights are not finite after step 1"
    assert finished(scene.folder) == set()
