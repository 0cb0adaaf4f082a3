"""`curves`: the diagnosis of a run, and the rows of batches found again from seed and step."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

import luthier
from luthier.api.learning_curves.curves import curves
from luthier.data.batches import BatchPlan
from luthier.errors import RunError, UsageError
from luthier.learning_curves.record import CurveWriter
from luthier.run_directory.run import Run
from luthier.storage.atomic import write_text
from tests.api.written import begun, finished, wrong_on
from tests.conftest import review_rows, write_csv

BATCHES: dict[int, list[int]] = {}


@pytest.fixture(scope="module")
def trained(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A real run of 30 steps, whose batches are noted as the engine asks for them."""
    folder = tmp_path_factory.mktemp("curves")
    data = write_csv(folder / "reviews.csv", review_rows(60))
    batches: Callable[[BatchPlan, int], list[list[int]]] = BatchPlan.micro_batches

    def noted(plan: BatchPlan, step: int) -> list[list[int]]:
        BATCHES[step + 1] = [row for part in batches(plan, step) for row in part]
        return batches(plan, step)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BatchPlan, "micro_batches", noted)
        overrides = {"model.name": str(tiny_model), "training.max_steps": 30, "training.batch_size": 4}
        settings = {"evaluation.resamples": 100, "evaluation.baselines": False, "training.epochs": 10.0}
        return luthier.train([str(data)], run_dir=folder / "run", **overrides, **settings).run


def with_spike(run: Run, step: int) -> Run:
    """The curves of a run, with a training loss that spikes at a step."""
    points = [json.loads(line) for line in run.curves_file.read_text(encoding="utf-8").splitlines()]
    for point in points:
        if point["name"] == "train/loss":
            point["value"] = 40.0 if point["step"] == step else 1 / (5 + point["step"])
    write_text(run.curves_file, "".join(f"{json.dumps(point)}\n" for point in points))
    return run


def test_the_rows_of_a_spike_are_those_that_the_engine_trained_on(trained: Run) -> None:
    (spike,) = (one for one in curves(with_spike(trained, 23).path).findings if one.id == "loss-spikes")
    assert spike.steps == (23,)
    source = next(iter((trained.read_json(trained.data_file) or {})["sources"]))["path"]
    lines = Path(source).read_text(encoding="utf-8").splitlines()
    named = re.search(r"step 23: \S+reviews\.csv, rows ([\d, ]+)\.", spike.message)
    assert named is not None and spike.rows == tuple(int(row) for row in named[1].split(","))
    # The engine's rows are places in the training split; the texts say which rows of the file they are.
    from luthier.console import Console
    from luthier.pipeline.preparation.prepare import prepare

    split = prepare(trained.recipe, Console()).splits["train"]
    texts = {split[i]["text"] for i in BATCHES[23]}
    assert len(texts) == len(spike.rows) == 4
    assert all(any(text in lines[row] for text in texts) for row in spike.rows), "row 1 is below the header"


def test_without_the_data_the_diagnosis_says_why_rows_are_unknown(trained: Run) -> None:
    source = Path(next(iter((trained.read_json(trained.data_file) or {})["sources"]))["path"])
    before = source.read_text(encoding="utf-8")
    write_text(source, before + "another row,good\n")
    try:
        (spike,) = (one for one in curves(with_spike(trained, 23).path).findings if one.id == "loss-spikes")
        assert "Their rows are unknown: the data has changed since the run began." in spike.message
        assert spike.rows == ()
    finally:
        write_text(source, before)
    (spike,) = (one for one in curves(trained.path, rows=False).findings if one.id == "loss-spikes")
    assert "ows" not in spike.message


def test_a_run_without_steps_says_nothing_yet(tmp_path: Path) -> None:
    run = begun(tmp_path / "run")
    found = curves(run)
    assert (found.state, found.findings, found.series) == ("stopped", (), {})
    assert repr(found) == "No curves yet: the run is stopped, and no step was recorded."
    with pytest.raises(UsageError, match="there is no loss to draw"):
        curves(run, output=tmp_path / "loss.svg")


def test_a_finished_run_is_summarized_and_drawn(tmp_path: Path) -> None:
    run = finished(tmp_path / "run", wrong_on(3))
    found = curves(run.path, output=tmp_path / "loss.svg").to_dict()
    assert found["picture"] == str(tmp_path / "loss.svg")
    assert "<svg" in (tmp_path / "loss.svg").read_text(encoding="utf-8")
    assert {one["id"] for one in found["findings"]} == {"too-few-steps", "too-few-evaluations"}
    assert found["curves"]["train/loss"] == {
        "points": 3,
        "first": {"step": 1, "value": 0.75},
        "last": {"step": 3, "value": 0.25},
        "lowest": {"step": 3, "value": 0.25},
        "highest": {"step": 1, "value": 0.75},
    }


def test_values_that_are_not_finite_are_text_in_json(tmp_path: Path) -> None:
    run = begun(tmp_path / "run")
    writer = CurveWriter(run.curves_file)
    writer.add(1, 0.5, {"train/loss": float("nan")})
    writer.close()
    found = json.loads(json.dumps(curves(run.path, rows=False).to_dict(), allow_nan=False))
    assert found["findings"][0]["id"] == "non-finite" and found["findings"][0]["steps"] == [1]
    assert found["curves"]["train/loss"]["last"]["value"] == "nan"
    assert found["curves"]["train/loss"]["lowest"] is None


def test_what_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="not a run directory"):
        curves(tmp_path)
