"""Which weights become the model: the raw ones or an average, in whole runs and after a resume."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

import luthier
from luthier.engines import checkpoints
from luthier.engines.events import Events
from luthier.errors import DamagedError, RecipeError
from luthier.learning_curves.record import read_curves
from luthier.models.adapters.load import load_any
from luthier.models.loading import load_model
from luthier.pipeline.inference.score import quick_metrics
from luthier.pipeline.preparation.prepare import Prepared
from luthier.pipeline.training import finish as finishing
from luthier.pipeline.training.assemble import assemble
from luthier.pipeline.training.finish import finish
from luthier.reporting.averaging import in_words
from luthier.run_directory.run import Run
from tests.engines.helpers import prepared_data, same_weights, with_settings
from tests.listener import Listener
from tests.pipeline.training.test_finish import QUICK, begun, finished, model_weights, stopped


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Prepared:
    """32 training rows in 4 steps an epoch, 8 validation rows; evaluated at steps 2, 4, 6 and 8."""
    return prepared_data(tmp_path_factory.mktemp("best"), tiny_model, n=40, **QUICK)


def by_loss(data: Prepared, *, greater: bool = False, **settings: object) -> Prepared:
    """The best checkpoint is that of the lowest validation loss, or of the highest."""
    prepared = with_settings(data, evaluation__metric_for_best="loss", **settings)
    prepared.greater_is_better = greater
    return prepared


def loss_of(run: Run, prepared: Prepared) -> float:
    """The validation loss of the exported model."""
    model = load_model(prepared.task.kind.auto_class, str(run.model)).eval()
    return quick_metrics(prepared, model, "validation").values["loss"]


@pytest.mark.parametrize("greater", [False, True])
def test_the_better_of_average_and_weights_as_trained_becomes_the_model(
    data: Prepared, tmp_path: Path, greater: bool
) -> None:
    """The average lags behind, so its loss is higher: it is the better one only if a higher loss is the best."""
    prepared = by_loss(data, greater=greater, training__ema_decay=0.9)
    run = begun(tmp_path / "run", prepared)
    result, _, told = finished(run, prepared)
    curves = read_curves(run.curves_file)
    trained, averaged = curves["eval/loss"], curves["eval/ema_loss"]
    assert trained.steps == averaged.steps == [2, 4, 6, 8] and trained.values != averaged.values
    best = (max if greater else min)([*trained.values, *averaged.values])
    chosen = averaged if greater else trained
    assert best in chosen.values
    found = result.to_dict()["averaging"]
    assert found["chosen"] == ("ema" if greater else "checkpoint") and found["metric"] == "loss"
    assert found["scores"]["checkpoint"]["value"] == (max if greater else min)(trained.values)
    assert found["scores"]["ema"]["value"] == (max if greater else min)(averaged.values)
    step = chosen.steps[chosen.values.index(best)]
    assert found["scores"][found["chosen"]]["steps"] == [step] == [result.to_dict()["best_step"]]
    assert loss_of(run, prepared) == pytest.approx(best, rel=1e-6)
    (said,) = [line for line in told.said if line.startswith("the model has")]
    assert ("moving average" in said.partition(";")[0]) is greater
    assert sum("; EMA: loss" in line for line in told.said) == 4
    assert json.loads(run.result_file.read_text())["averaging"] == found


def test_equal_scores_go_to_the_weights_as_trained(data: Prepared, tmp_path: Path) -> None:
    prepared = with_settings(data, training__ema_decay=1e-9)  # the average of nearly nothing but the last weights
    run = begun(tmp_path / "run", prepared)
    found = finished(run, prepared)[0].to_dict()["averaging"]
    assert found["scores"]["ema"]["value"] == found["scores"]["checkpoint"]["value"]
    assert (found["metric"], found["chosen"]) == ("accuracy", "checkpoint")


@pytest.mark.parametrize(("average", "defined", "step"), [(None, 1, 8), (0.9, 0, None), (0.9, 2, 2)])
def test_an_undefined_metric_stops_no_run_and_where_the_tolerance_is_wide_the_last_checkpoint_becomes_the_model(
    data: Prepared,
    tmp_path: Path,
    average: float | None,
    defined: int,
    step: int | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The metric is undefined but for the first scores, of the weights or of their average."""
    first = [0.8] * defined

    def scored(*which: Any) -> Any:
        return quick_metrics(*which)._replace(values={"loss": 0.5, "accuracy": first.pop() if first else math.nan})

    monkeypatch.setattr(finishing, "quick_metrics", scored)
    prepared = with_settings(data, evaluation__best_tolerance=2.0, training__ema_decay=average)
    run = begun(tmp_path / "run", prepared)
    result, _, told = finished(run, prepared)
    assert result.to_dict()["best_step"] == step
    if average is None:
        (last,) = (one for one in checkpoints.list_checkpoints(run.checkpoints) if one.step == 8)
        assert same_weights(model_weights(run), load_file(last.path / checkpoints.MODEL))
        assert not any("best so far" in line or "of the best" in line for line in told.said)


def test_the_exported_average_is_that_of_the_best_checkpoint(data: Prepared, tmp_path: Path) -> None:
    prepared = by_loss(data, greater=True, training__ema_decay=0.9)
    run = begun(tmp_path / "run", prepared)
    step = finished(run, prepared)[0].to_dict()["best_step"]
    assert step < 8
    tensors = torch.load(run.checkpoints / f"step-{step:06d}" / checkpoints.TENSORS, weights_only=True)
    exported = model_weights(run)
    assert tensors["ema"] and all(torch.equal(exported[name], one) for name, one in tensors["ema"].items())


@pytest.mark.parametrize("engine", ["loop", "trainer"])
def test_a_resumed_run_ends_with_the_same_average(data: Prepared, tmp_path: Path, engine: str) -> None:
    settings = {"training__ema_decay": 0.9, "training__engine": engine, "model__dropout": 0.1}
    prepared = by_loss(data, greater=True, **settings)
    through, run = begun(tmp_path / "through", prepared), begun(tmp_path / "run", prepared)
    expected = finished(through, prepared)[0].to_dict()
    stopped(run, prepared, 4)
    result, steps, _ = finished(run, prepared)
    assert steps == [5, 6, 7, 8] and expected["averaging"]["chosen"] == "ema"
    assert same_weights(model_weights(run), model_weights(through))
    assert result.to_dict()["averaging"] == expected["averaging"]


def test_without_evaluations_the_average_of_the_last_step_becomes_the_model(tmp_path: Path, tiny_model: Path) -> None:
    held = {"data.validation_share": 0.0, "training.max_steps": 2, "training.ema_decay": 0.5}
    prepared = prepared_data(tmp_path, tiny_model, n=40, **(QUICK | held))
    run = begun(tmp_path / "run", prepared)
    result, _, told = finished(run, prepared)
    assert any("because there was no evaluation" in line for line in told.said)
    tensors = torch.load(run.checkpoints / "step-000002" / checkpoints.TENSORS, weights_only=True)
    assert all(torch.equal(model_weights(run)[name], one) for name, one in tensors["ema"].items())
    assert result.to_dict()["averaging"] == {"chosen": "ema", "metric": "accuracy", "scores": {}}


AVERAGE = {"training__average_best": 3}


def test_the_average_of_the_best_checkpoints_is_their_mean(data: Prepared, tmp_path: Path) -> None:
    prepared = by_loss(data, **AVERAGE)
    run = begun(tmp_path / "run", prepared)
    result, _, told = finished(run, prepared)
    found = result.to_dict()["averaging"]
    losses = read_curves(run.curves_file)["eval/loss"]
    by_value = sorted(zip(losses.values, losses.steps, strict=True))
    assert found["considered"] == [step for _, step in by_value][:3]
    assert found["scores"]["checkpoint"] == {"steps": found["considered"][:1], "value": pytest.approx(by_value[0][0])}
    used = found["scores"][found["chosen"]]["steps"]  # one step, if no average is better
    kept = [load_file(run.checkpoints / f"step-{step:06d}" / checkpoints.MODEL) for step in used]
    for name, tensor in model_weights(run).items():
        torch.testing.assert_close(tensor, torch.stack([one[name] for one in kept]).mean(0), rtol=1e-5, atol=1e-7)
    assert loss_of(run, prepared) == pytest.approx(found["scores"][found["chosen"]]["value"], rel=1e-6)
    assert found["scores"][found["chosen"]]["value"] <= by_value[0][0] + 1e-6
    assert sum(line.startswith("the model has") for line in told.said) == 1


def test_an_average_that_is_better_becomes_the_model(data: Prepared, tmp_path: Path) -> None:
    """Steps of this length go past the minimum from both sides, so that the mean is nearer to it."""
    prepared = by_loss(data, training__learning_rate=3e-2, **AVERAGE)
    run = begun(tmp_path / "run", prepared)
    result, _, _ = finished(run, prepared)
    found = result.to_dict()["averaging"]
    assert found["chosen"] == "average" and len(found["scores"]["average"]["steps"]) > 1
    assert found["scores"]["average"]["value"] < found["scores"]["checkpoint"]["value"]
    assert result.to_dict()["best_step"] == found["scores"]["checkpoint"]["steps"][0]


def test_a_resumed_run_averages_the_same_checkpoints(data: Prepared, tmp_path: Path) -> None:
    prepared = by_loss(data, training__learning_rate=3e-2, training__ema_decay=0.9, model__dropout=0.1, **AVERAGE)
    through, run, late = (begun(tmp_path / name, prepared) for name in ("through", "run", "late"))
    expected = finished(through, prepared)[0].to_dict()["averaging"]
    assert set(expected["scores"]) >= {"checkpoint", "ema"}
    for path, at in ((run, 4), (late, 8)):  # in the middle, and after the last step
        stopped(path, prepared, at)
        assert finished(path, prepared)[0].to_dict()["averaging"] == expected
        assert same_weights(model_weights(path), model_weights(through))


def test_of_an_adapter_only_what_learns_is_averaged(tmp_path: Path, tiny_model: Path) -> None:
    adapter = {"model.adapter.kind": "lora", "model.adapter.rank": 2, "training.learning_rate": 3e-2}
    levers = {"training.ema_decay": 0.5, "training.average_best": 2, "training.r_drop_alpha": 0.1}
    levers["model.adapter.dropout"] = 0.05  # R-Drop needs some
    prepared = by_loss(prepared_data(tmp_path, tiny_model, n=40, **(QUICK | adapter | levers)))
    run = begun(tmp_path / "run", prepared)
    found = finished(run, prepared)[0].to_dict()["averaging"]
    assert set(found["scores"]) >= {"checkpoint", "ema"}
    step = found["considered"][0]
    ema = torch.load(run.checkpoints / f"step-{step:06d}" / checkpoints.TENSORS, weights_only=True)["ema"]
    assert any("lora_A" in name for name in ema) and not any(name.endswith("embeddings.weight") for name in ema)
    assert ema.keys() == {name for name, one in assemble(prepared).model.named_parameters() if one.requires_grad}
    model = load_any(prepared.task.kind.auto_class, str(run.model)).eval()
    loss = quick_metrics(prepared, model, "validation").values["loss"]
    assert loss == pytest.approx(found["scores"][found["chosen"]]["value"], rel=1e-5)


@pytest.mark.parametrize("engine", ["loop", "trainer"])
def test_a_whole_run_with_every_lever_tells_what_it_chose(
    reviews: Path, tiny_model: Path, tmp_path: Path, engine: str
) -> None:
    levers = {"ema_decay": 0.9, "average_best": 2, "r_drop_alpha": 0.5, "label_smoothing": 0.1, "dropout": 0.1}
    settings: dict[str, Any] = {"model": str(tiny_model), "engine": engine, "precision": "fp32", "resamples": 100}
    result = luthier.train(reviews, run_dir=tmp_path / "run", epochs=3, learning_rate=3e-3, **settings, **levers)
    found = result.to_dict()["averaging"]
    assert found["scores"].keys() >= {"checkpoint", "ema"} and found["metric"] == "accuracy"
    assert result.metrics["accuracy"].split == "test"
    page = result.report_path.read_text(encoding="utf-8")
    assert in_words(found).removeprefix("the ") in page
    curves = read_curves(result.run.curves_file)
    assert curves["eval/ema_accuracy"].steps == curves["eval/accuracy"].steps
    assert {answer["prediction"] for answer in result.predictor().predict(["great", "awful"])} <= {"good", "bad"}


def test_without_validation_rows_there_is_nothing_to_choose_an_average_by(tmp_path: Path, tiny_model: Path) -> None:
    held = {"data.validation_share": 0.0, "training.average_best": 3}
    with pytest.raises(RecipeError, match="there are no validation rows") as caught:
        prepared_data(tmp_path, tiny_model, n=40, **(QUICK | held))
    assert caught.value.where == "training.average_best" and "--valid DATA" in caught.value.hint


def test_a_run_without_averages_says_nothing_of_them(data: Prepared, tmp_path: Path) -> None:
    result, _, told = finished(begun(tmp_path / "run", data), data)
    assert "averaging" not in result.to_dict()
    assert not any("averag" in line for line in told.said)


def test_a_missing_checkpoint_of_the_best_step_is_an_error(data: Prepared, tmp_path: Path) -> None:
    prepared = by_loss(data, greater=True)
    run, events = begun(tmp_path / "run", prepared), Events()

    def lose(event: object) -> None:
        for checkpoint in checkpoints.list_checkpoints(run.checkpoints)[:-1]:
            checkpoint.path.rename(tmp_path / checkpoint.path.name)

    events.on("end", lose)
    with pytest.raises(DamagedError, match="the checkpoint of step 2 is missing"):
        finish(run, prepared, events, Listener())
