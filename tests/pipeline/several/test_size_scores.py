"""The scores of runs on several numbers of rows; the runs are written down, not trained."""

from pathlib import Path

import pytest

from luthier.errors import RunError
from luthier.pipeline.several.size_scores import conclude_sizes
from luthier.run_directory.run_set import SIZES, RunSet
from luthier.storage.atomic import write_json
from tests.api.written import finished, wrong_on


def made(path: Path, wrong: dict[str, int], **given: object) -> RunSet:
    """A set of sizes: name of a run, `rows-SIZE-REPEAT`, to the rows that it is wrong on."""
    runs = RunSet(path, SIZES, {name: {"data.train_rows": int(name.split("-")[1])} for name in wrong})
    with runs.created():
        for name, n in wrong.items():
            run = finished(path / name, wrong_on(*range(n)), **given)
            write_json(run.result_file, {"run": str(run.path), "steps": 3, "epochs": 1.0 + (n < 5)})
    return runs


WRONG = {"rows-10-1": 9, "rows-10-2": 7, "rows-20-1": 5, "rows-40-1": 2}


def test_the_scores_of_each_size_are_together_and_the_result_is_kept(tmp_path: Path) -> None:
    runs = made(tmp_path / "d", WRONG)
    assert runs.state() == "stopped"
    found = conclude_sizes(runs)
    assert list(found.sizes.rows) == [10, 20, 40] and found.held_out == 20
    assert found.sizes.scores == [
        [pytest.approx(0.55), pytest.approx(0.65)],
        [pytest.approx(0.75)],
        [pytest.approx(0.9)],
    ]
    assert [run.path.name for run in found.runs[0]] == ["rows-10-1", "rows-10-2"]
    assert runs.state() == "done" and runs.summary() == found.to_dict() and found.notes == ()


def test_sizes_that_the_time_cut_short_are_named(tmp_path: Path) -> None:
    found = conclude_sizes(made(tmp_path / "d", WRONG, training__max_time="1m", training__epochs=2))
    assert found.notes == (
        "max_time 1m left fewer steps for rows-10-1, rows-10-2, rows-20-1: the scores may show time, not rows",
    )


def test_what_has_no_result_is_refused(tmp_path: Path) -> None:
    runs = made(tmp_path / "d", WRONG)
    runs.done[0].result_file.unlink()
    with pytest.raises(RunError, match="3 of 4 runs are complete"):
        conclude_sizes(runs)
