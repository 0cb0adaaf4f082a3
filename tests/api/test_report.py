"""`report`: the page of a run, of whatever the run has by now."""

import random
from pathlib import Path

import numpy as np
import pytest
import torch

from luthier.api.report import FreshReport, report
from luthier.console import Console
from luthier.engines.events import EvaluationNumbers, Events, StepNumbers
from luthier.errors import RunError
from luthier.run_directory.run import Run
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


REFRESH = '<meta http-equiv="refresh"'


class Clock:
    """A clock that the test turns; each page takes a second."""

    now = 0.0

    def __call__(self) -> float:
        self.now += 0.5
        return self.now


def step(number: int) -> StepNumbers:
    return StepNumbers(number, 0.1, 10, 0.5, 1.0, 1e-4, 1000.0)


def test_a_page_reloads_itself_while_the_run_trains(tmp_path: Path) -> None:
    run = begun(tmp_path / "run")
    with run.lock():
        assert REFRESH in report(run.path).read_text(encoding="utf-8")
    assert REFRESH not in report(run.path).read_text(encoding="utf-8"), "it has stopped"
    assert REFRESH not in report(finished(tmp_path / "done", wrong_on(3)).path).read_text(encoding="utf-8")


def test_a_training_writes_its_page_in_a_small_share_of_its_time(tmp_path: Path) -> None:
    run, clock, events = begun(tmp_path / "run"), Clock(), Events()
    FreshReport(run, Console(), clock).listen(events)
    with run.lock():
        events.emit("step", step(1))
        assert not run.report_file.exists(), "a short training writes none"
        clock.now = 100.0
        events.emit("step", step(2))
        assert "is still training" in run.report_file.read_text(encoding="utf-8")
        for later, written in ((110.0, False), (120.0, False), (130.0, True)):
            run.report_file.unlink(missing_ok=True)
            clock.now = later
            events.emit("evaluation", EvaluationNumbers(3, 0.1, {}, best=False))
            assert run.report_file.exists() is written, "0.5 s are 2 % of 25 s"


def test_a_page_that_cannot_be_written_is_said_once_and_stops_nothing(tmp_path: Path) -> None:
    said: list[str] = []

    class Spoken(Console):
        def warn(self, text: str) -> None:
            said.append(text)

    clock, events = Clock(), Events()
    FreshReport(Run(tmp_path / "nothing"), Spoken(), clock).listen(events)
    for now in (200.0, 400.0):
        clock.now = now
        assert events.emit("step", step(1)) is None
    assert len(said) == 1 and said[0].startswith("the report is not updated during training: not a run directory")


def test_a_page_draws_no_random_number_that_the_training_would_have_drawn(tmp_path: Path) -> None:
    run = finished(tmp_path / "run", wrong_on(3))
    before = random.getstate(), str(np.random.get_state()), torch.get_rng_state().tolist()
    report(run.path)
    assert (random.getstate(), str(np.random.get_state()), torch.get_rng_state().tolist()) == before
