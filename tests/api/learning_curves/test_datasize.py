"""`datasize`: trainings on parts of the rows, all scored on the same rows, and what they say of more labels."""

import json
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest

import luthier
from luthier.api.learning_curves import datasize as story
from luthier.api.several import carry_on
from luthier.errors import DataError, FindingError, FingerprintError, InterruptedRun, RunError, UsageError
from luthier.interrupts import Interrupted
from luthier.metrics.bootstrap import value_of
from luthier.pipeline.inference.scored_rows import on_shared_rows
from luthier.pipeline.several.size_scores import DataSizeTest
from luthier.run_directory.predictions import read_predictions, row_ids
from luthier.run_directory.run import Run
from luthier.run_directory.run_set import RunSet
from tests.conftest import review_rows
from tests.listener import Listener
from tests.tasks.by_hand import QUICK

ROWS = review_rows(160)
SETTINGS: dict[str, Any] = {**QUICK, "training.max_steps": 4, "training.learning_rate": 5e-3}
SIZES = [20, 40, 80, 1.0]


@pytest.fixture(scope="module")
def found(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> DataSizeTest:
    """Seven runs on four sizes."""
    directory = tmp_path_factory.mktemp("sizes")
    return luthier.datasize(
        ROWS,
        at=SIZES,
        repeats=2,
        run_dir=directory / "d",
        output=directory / "d.svg",
        model=str(tiny_model),
        **SETTINGS,
    )


def test_each_size_is_scored_on_the_same_rows_by_ordinary_runs(found: DataSizeTest) -> None:
    told = found.to_dict()
    assert [size["rows"] for size in told["sizes"]] == [20, 40, 80, 128]
    assert [len(size["runs"]) for size in told["sizes"]] == [2, 2, 2, 1]
    assert {run["state"] for run in luthier.runs(found.directory)} == {"done"}
    runs = [run for several in found.runs for run in several]
    rows = [set(row_ids(read_predictions(run.predictions_file) or {})) for run in runs]
    assert all(one == rows[0] for one in rows) and len(rows[0]) == found.held_out == 16
    first, last = runs[0], runs[-1]
    assert luthier.compare([first, last]).differences["accuracy"][last.path.name].n == 16
    assert {run.recipe.data.split_seed for run in runs} == {42}
    shared = [value_of(metrics["accuracy"]) for metrics in on_shared_rows(runs)]
    assert told["sizes"][0]["value"] == pytest.approx(sum(shared[:2]) / 2)


def test_what_it_says_is_the_same_as_json_as_text_and_as_a_picture(found: DataSizeTest) -> None:
    told = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert told["advice"]["verdict"] == found.sizes.verdict and told["metric"] == "accuracy"
    assert {"sizes", "fit", "extrapolated", "advice", "notes", "run_dir", "picture", "split", "n"} <= told.keys()
    assert found.advice.text.split()[0] in repr(found) and str(found.directory) in repr(found)
    assert "●" not in repr(found) and Path(told["picture"]).is_file()


def test_a_run_can_be_repeated_alone_from_its_recipe(found: DataSizeTest, tmp_path: Path) -> None:
    run = found.runs[0][1]
    again = luthier.train(run.recipe_file, run_dir=tmp_path / "again")
    scores = run.read_json(run.metrics_file)
    assert scores is not None and again.values["metrics"] == scores["metrics"]


def test_the_same_directory_is_gone_on_with_and_nothing_is_trained_twice(
    found: DataSizeTest, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {path: path.stat().st_mtime_ns for path in found.directory.glob("*/result.json")}
    again = luthier.datasize(found.directory / "datasize.toml", at=SIZES, repeats=2, run_dir=found.directory)
    assert again.to_dict() == found.to_dict() | {"picture": None}
    assert {path: path.stat().st_mtime_ns for path in found.directory.glob("*/result.json")} == before
    planned = story.plan(ROWS, at=SIZES, repeats=2, run_dir=found.directory, model=str(tiny_model), **SETTINGS)
    assert planned.seconds == 0 and [run["name"] for run in planned.to_dict()["runs"]][-1] == "rows-128-1"


def test_a_plan_writes_nothing(tiny_model: Path, tmp_path: Path) -> None:
    planned = story.plan(ROWS, run_dir=tmp_path / "d", model=str(tiny_model), **SETTINGS)
    assert planned.seconds > 0 and planned.to_dict()["steps"] == sum(run.steps for run in planned.runs) == 40
    assert not list(tmp_path.iterdir())


def test_a_metric_of_the_user_that_is_not_in_the_predictions_is_replaced_and_told(
    tiny_model: Path, tmp_path: Path
) -> None:
    (tmp_path / "mine.py").write_text("def top(predictions, references):\n    return 0.5\n", encoding="utf-8")
    chosen = {"metrics": [f"{tmp_path / 'mine.py'}:top:max"], "metric_for_best": "top"}
    settings = SETTINGS | {"training.max_steps": 1}
    found = luthier.datasize(
        ROWS, at=[20, 40], repeats=1, run_dir=tmp_path / "d", model=str(tiny_model), **settings, **chosen
    )
    assert found.metric == "accuracy" and "top cannot be computed" in found.notes[0]
    assert found.advice.verdict == "unclear" and "2 sizes do not determine a curve" in found.advice.text


@pytest.mark.parametrize(
    ("rows", "settings", "kind", "what"),
    [
        (review_rows(15), {}, DataError, "different training rows are too few"),
        ([row | {"label": "good"} for row in ROWS], {}, FindingError, "label"),
        (ROWS, {"data.validation_share": 0.0, "data.test_share": 0.0}, DataError, "no rows are held out"),
        (ROWS, {"at": [0.5]}, UsageError, "1 size cannot show"),
        (ROWS, {"at": [0.5, 500]}, UsageError, "a size of 500 is more than the 128"),
    ],
)
def test_what_cannot_be_done_is_refused_before_a_run_begins(
    rows: list[dict[str, Any]],
    settings: dict[str, Any],
    kind: type[Exception],
    what: str,
    tiny_model: Path,
    tmp_path: Path,
) -> None:
    with pytest.raises(kind, match=what):
        luthier.datasize(rows, run_dir=tmp_path / "d", model=str(tiny_model), **settings)
    assert not (tmp_path / "d").exists()


FEW: dict[str, Any] = {"at": [20, 40], "repeats": 1, **SETTINGS, "training.max_steps": 2}


@pytest.fixture(scope="module")
def few(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two sizes, a run of each."""
    directory = tmp_path_factory.mktemp("few") / "d"
    luthier.datasize(ROWS, run_dir=directory, model=str(tiny_model), **FEW)
    return directory


@pytest.fixture
def copied(few: Path, tmp_path: Path) -> Path:
    return shutil.copytree(few, tmp_path / "d")


@pytest.mark.parametrize("resumed", [False, True])
def test_what_is_missing_is_trained_and_what_stopped_is_resumed(
    resumed: bool, copied: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the same command, and by `resume`, which needs neither the data nor the settings again."""
    before = luthier.datasize(ROWS, run_dir=copied, model=str(tiny_model), **FEW).to_dict()
    assert RunSet(copied, "sizes", {}).summary() == before
    shutil.rmtree(copied / "rows-40-1")
    (copied / "rows-20-1" / "result.json").unlink()
    assert luthier.runs(copied.parent)[0]["state"] == "stopped"
    gone_on: list[Path] = []

    def counted(run: Path, *more: Any) -> Any:
        gone_on.append(run)
        return go_on(run, *more)

    go_on = carry_on.go_on
    monkeypatch.setattr(carry_on, "go_on", counted)
    said = Listener()
    if resumed:
        again = luthier.resume(copied, console=said)
    else:
        again = luthier.datasize(ROWS, run_dir=copied, model=str(tiny_model), console=said, **FEW)
    assert again.to_dict() == before
    assert gone_on == [copied / "rows-20-1"]
    assert [line.split(":")[0] for line in said.said if ": accuracy 0." in line] == ["rows-20-1", "rows-40-1"]
    assert not any("run 1 of 2" in line or "splits" in line for line in said.said), "the log of each run has the rest"


def test_other_sizes_are_the_set_from_then_on_and_no_run_is_lost(
    copied: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = FEW | {"at": [30, 60]}

    def fails(*_: Any) -> None:
        raise RuntimeError

    with monkeypatch.context() as patch:
        patch.setattr(carry_on, "begin", fails)
        for _ in range(2):
            with pytest.raises(RuntimeError):
                luthier.datasize(ROWS, run_dir=copied, model=str(tiny_model), **other)
            assert (copied / "rows-40-1" / "result.json").is_file()
    with pytest.raises(RunError, match="stopped before its first run began") as caught:
        luthier.resume(copied)
    assert "luthier datasize DATA --run-dir" in caught.value.hint
    found = luthier.datasize(ROWS, run_dir=copied, model=str(tiny_model), **other)
    assert [run.path.name for several in found.runs for run in several] == ["rows-30-1", "rows-60-1"]
    assert len(luthier.runs(copied)) == 4


@pytest.mark.parametrize("error", [InterruptedRun("stopped by SIGTERM"), Interrupted(signal.SIGTERM)])
def test_an_interrupted_training_says_how_to_go_on(
    error: BaseException, copied: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: Any, **__: Any) -> None:
        raise error

    shutil.rmtree(copied / "rows-40-1")
    monkeypatch.setattr(carry_on, "begin", stopped)
    with pytest.raises(InterruptedRun) as caught:
        luthier.datasize(ROWS, run_dir=copied, model=str(tiny_model), **FEW)
    assert caught.value.hint == f"`luthier resume {copied}` goes on from here"
    assert caught.value.what == "stopped by SIGTERM" and caught.value.exit_code == 5


def test_a_directory_of_other_settings_or_data_is_refused(few: Path, tiny_model: Path) -> None:
    with pytest.raises(FingerprintError, match=r"other settings: training.max_steps: 2 -> 3") as caught:
        luthier.datasize(ROWS, run_dir=few, model=str(tiny_model), **FEW | {"training.max_steps": 3})
    assert "continues with the previous settings" in caught.value.hint
    with pytest.raises(FingerprintError, match="other data") as caught:
        luthier.datasize(review_rows(161), run_dir=few, model=str(tiny_model), **FEW)
    assert str(few) in caught.value.where and "--run-dir" in caught.value.hint


def test_a_directory_of_something_else_is_refused(few: Path, tiny_model: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")
    seeds = tmp_path / "seeds"
    with RunSet(seeds, "seeds", {"seed-1": {"seed": 1}}).created():
        shutil.copytree(few / "rows-20-1", seeds / "seed-1")
    for place, what in (
        (tmp_path, "it is not empty"),
        (few / "rows-20-1", "already contains a run"),
        (seeds, "already contains runs"),
    ):
        with pytest.raises(RunError, match=what):
            luthier.datasize(ROWS, run_dir=place, model=str(tiny_model), **FEW)
    with pytest.raises(RunError, match="already contains runs"):
        luthier.train(ROWS, seeds=2, run_dir=few, model=str(tiny_model))


def test_what_needs_one_model_or_seeds_names_what_to_do_instead(few: Path) -> None:
    largest = few / "rows-40-1"
    for function in (luthier.report, luthier.load, luthier.evaluate, lambda path: luthier.compare([path, largest])):
        with pytest.raises(RunError, match="different numbers of training rows, so none stands for all") as caught:
            function(few)
        assert caught.value.hint.startswith(f"name one of them, such as {largest}; `luthier resume {few}`")
    with pytest.raises(RunError, match="it has no recipe") as caught:
        luthier.curves(few)
    assert "such as" in caught.value.hint


def test_the_list_of_runs_and_the_watch_show_them(few: Path, found: DataSizeTest) -> None:
    one = next(entry for entry in luthier.runs(few.parent) if entry["run"] == str(few))
    assert (one["state"], one["kind"], one["runs_done"]) == ("done", "sizes", 2)
    last = RunSet(few, "sizes", {}).summary()["sizes"][-1]
    assert one["metric"] == {"name": "accuracy", **last} and last["rows"] == 40
    assert [shot.name for shot in luthier.watch(few)] == ["d-rows-20-1", "d-rows-40-1"]
    assert [shot.run for shot in luthier.watch(few.parent)] == [Run(few / "rows-20-1"), Run(few / "rows-40-1")]
