"""`resume`: a run that stopped goes on where it was; one that is done stays as it is."""

from pathlib import Path
from typing import Any

import pytest

from luthier.api.evaluate import evaluate
from luthier.api.report import report
from luthier.api.resume import resume
from luthier.api.tokenizers.train import train_tokenizer
from luthier.api.train import train
from luthier.engines.events import Listener as Callback
from luthier.engines.events import Name
from luthier.errors import FingerprintError, ModelError, UsageError
from luthier.pipeline.results import Result
from luthier.run_directory.run import Run
from luthier.storage.atomic import write_json
from tests.conftest import PLAIN_BY_NAME, review_rows
from tests.listener import Listener

ROWS = review_rows(80)  # 64 of them train: 4 steps an epoch
QUICK = PLAIN_BY_NAME | {"max_steps": 6, "resamples": 100, "precision": "fp32", "learning_rate": 1e-3}


def stopped(path: Path, model: Path, **settings: Any) -> Path:
    """A run that was stopped at its first checkpoint, after step 4."""

    def stop(event: Any) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(ROWS, run_dir=path, model=str(model), callbacks=[("checkpoint", stop)], **QUICK | settings)
    return path


@pytest.fixture(scope="module")
def through(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Result:
    """The run that nobody stopped."""
    return train(ROWS, run_dir=tmp_path_factory.mktemp("through") / "run", model=str(tiny_model), **QUICK)


def test_a_stopped_run_of_rows_in_memory_is_resumed(through: Result, tiny_model: Path, tmp_path: Path) -> None:
    run = stopped(tmp_path / "run", tiny_model)
    resumed = resume(run)
    assert resumed.metrics == through.metrics
    assert resume(run).to_dict() == resumed.to_dict(), "it is done"


def test_a_run_with_a_time_keeps_its_plan_and_counts_the_time_before(
    through: Result, tiny_model: Path, tmp_path: Path
) -> None:
    run, console = Run(stopped(tmp_path / "run", tiny_model, max_time="100h")), Listener()
    kept = run.read_json(run.time_file)
    assert kept is not None and kept["plan"]["steps"] == 6
    write_json(run.time_file, kept | {"used": 7200.0})
    time = resume(run, console=console).to_dict()["time"]
    assert time["used"] > 7200 and time["planned"] == kept["plan"]["seconds"]
    assert any(line == "max_time 100h: 2 h 0 min used before" for line in console.said)
    weights = [path / "model" / "model.safetensors" for path in (run.path, through.run.path)]
    assert weights[0].read_bytes() == weights[1].read_bytes()


def test_a_run_that_lost_its_plan_takes_the_same_steps(through: Result, tiny_model: Path, tmp_path: Path) -> None:
    run, console = Run(stopped(tmp_path / "run", tiny_model, max_time="100h")), Listener()
    run.time_file.unlink()
    result = resume(run, console=console)
    assert result.steps == 6 and result.metrics == through.metrics and not console.warned
    assert any("as time.json is missing" in line for line in console.said)


def test_steps_that_were_taken_are_not_repeated(tiny_model: Path, tmp_path: Path) -> None:
    run = stopped(tmp_path / "run", tiny_model)
    steps: list[int] = []
    callbacks: list[tuple[Name, Callback]] = [("step", lambda event: steps.append(event.step))]
    result = resume(str(run), callbacks=callbacks)
    assert steps == [5, 6]
    assert result.steps == 6
    assert Run(run).state() == "done" and result.report_path.is_file()


def test_a_run_that_is_done_says_so_and_gets_a_page_that_was_lost(copied: Path) -> None:
    run, console = Run(copied), Listener()
    weights = (run.model / "model.safetensors").stat()
    run.report_file.unlink()
    result = resume(copied, console=console)
    written = run.read_json(run.result_file)
    assert result.to_dict() | {key: written[key] for key in ("run", "report", "next")} == written
    assert [str(run.report_file) in line for line in console.said] == [True]
    assert run.report_file.is_file()
    assert (run.model / "model.safetensors").stat() == weights


def test_a_run_that_was_moved_says_where_it_is(copied: Path, tmp_path: Path) -> None:
    moved = copied.rename(tmp_path / "moved to")
    result = resume(moved)
    assert (result.to_dict()["run"], result.report_path) == (str(moved), Run(moved).report_file)
    assert result.to_dict()["next"].startswith(f"luthier predict '{moved}' ")


def test_a_run_whose_task_is_gone_names_its_package(copied: Path) -> None:
    run = Run(copied)
    run.recipe_file.write_text(run.recipe_file.read_text().replace('"text-classification"', '"stance"'))
    write_json(run.environment_file, {"task_package": "luthier-stance==1.2"})
    run.task_file.unlink()
    for command in (resume, evaluate, report):
        with pytest.raises(
            UsageError, match="'stance' is not installed: it is in the package luthier-stance==1"
        ) as caught:
            command(copied)
        assert (caught.value.where, caught.value.hint) == (str(copied), "pip install luthier-stance==1.2")


def test_a_saved_tokenizer_may_move_before_a_resume_but_not_change(tiny_model: Path, tmp_path: Path) -> None:
    first, other = (
        train_tokenizer(ROWS, tmp_path / kind, kind=kind, vocabulary_size=300).directory for kind in ("word", "char")
    )
    settings: dict[str, Any] = {"fresh_tokenizer": True, "tokenizer": str(first)}
    through = train(ROWS, run_dir=tmp_path / "through", model=str(tiny_model), **QUICK | settings)
    run = Run(stopped(tmp_path / "run", tiny_model, **settings))
    moved = first.rename(tmp_path / "moved")
    with pytest.raises(ModelError, match="no such model directory"):
        resume(run.path)
    recipe = run.recipe_file.read_text()
    run.recipe_file.write_text(recipe.replace(str(first), str(other)))
    with pytest.raises(FingerprintError, match="tokenizer"):
        resume(run.path)
    run.recipe_file.write_text(recipe.replace(str(first), str(moved)))
    assert resume(run.path).metrics == through.metrics
