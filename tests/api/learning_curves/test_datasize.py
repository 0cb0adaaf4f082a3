"""`datasize`: trainings on parts of the rows, all scored on the same rows, and what they say of more labels."""

import json
from pathlib import Path
from typing import Any

import pytest

import luthier
from luthier.api.learning_curves import datasize as story
from luthier.api.learning_curves.datasize import DataSizeTest
from luthier.errors import DataError, FindingError, UsageError
from luthier.metrics.bootstrap import value_of
from luthier.pipeline.inference.shared_rows import on_shared_rows
from luthier.run_directory.predictions import read_predictions, row_ids
from tests.conftest import review_rows
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
