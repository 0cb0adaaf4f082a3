"""`report`: the page of a run, of whatever the run has by now."""

from pathlib import Path

import pytest

from luthier.api.report import report
from luthier.errors import RunError
from luthier.storage.atomic import write_json
from tests.api.written import ROWS, begun, finished, wrong_on


def test_a_finished_run_has_its_score_and_its_errors_on_the_page(tmp_path: Path) -> None:
    run = finished(tmp_path / "run", wrong_on(3))
    assert report(run.path) == report(str(run.path)) == run.report_file
    page = run.report_file.read_text(encoding="utf-8")
    assert "0.950" in page
    assert str(ROWS[3]["text"]) in page, "what was answered wrongly"
    assert "luthier resume" not in page


def test_a_run_that_has_taken_no_step_has_a_page_too(tmp_path: Path) -> None:
    run = begun(tmp_path / "run")
    page = report(run.path).read_text(encoding="utf-8")
    assert "text-classification" in page
    assert f"luthier resume {run.path}" in page


def test_the_page_follows_the_run(tmp_path: Path) -> None:
    run = finished(tmp_path / "run", wrong_on())
    before = report(run.path).read_text(encoding="utf-8")
    assert report(run.path).read_text(encoding="utf-8") == before
    scores = run.read_json(run.metrics_file)
    assert scores is not None
    scores["metrics"]["accuracy"]["value"] = 0.375
    write_json(run.metrics_file, scores)
    assert "0.375" not in before
    assert "0.375" in report(run.path).read_text(encoding="utf-8")


def test_what_is_no_run_is_refused_with_the_nearest_one(tmp_path: Path) -> None:
    begun(tmp_path / "run")
    with pytest.raises(RunError) as caught:
        report(tmp_path / "rnu")
    assert (caught.value.where, caught.value.hint) == (str(tmp_path / "rnu"), "did you mean 'run'?")
    assert not (tmp_path / "rnu").exists()
