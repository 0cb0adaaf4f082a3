"""Everything a report is made of, read from a run directory however far the run is."""

import json
from pathlib import Path

import pytest

from luthier.errors import DamagedError, RecipeError
from luthier.recipe import END
from luthier.reporting.content import Content
from luthier.reporting.task_words import TaskWords
from luthier.run_directory.run import Run
from luthier.storage.atomic import write_json, write_text
from tests.reporting.conftest import MakeRun

WORDS = TaskWords(hub_tag="text-classification")


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A run that has nothing but an empty recipe."""
    made = Run.create(tmp_path / "first")
    write_text(made.recipe_file, END + "\n")
    return made


def test_of_a_run_that_has_just_begun_everything_but_the_recipe_is_empty(run: Run) -> None:
    found = Content.read(run, WORDS)
    assert (found.data, found.metrics, found.result, found.environment, found.curves) == ({}, {}, {}, {}, {})
    assert (found.findings, found.skipped) == ((), ())
    assert (found.state, found.name, found.task, found.shape) == ("stopped", "first", "", "")
    assert found.recipe.seed == 42 and found.words is WORDS


def test_the_files_of_a_run_that_is_done_are_read(make_run: MakeRun) -> None:
    run = make_run()
    found = Content.read(run, WORDS)
    assert (found.state, found.task, found.shape, found.model) == (
        "done", "text-classification", "single/one", "minilm",
    )  # fmt: skip
    assert found.environment["cores"] == 8 and found.result["best_step"] == 280
    assert found.metrics["metrics"]["accuracy"]["value"] == 0.9528
    assert found.curves["train/loss"].steps == list(range(1, 316))
    assert [row["row"] for row in found.skipped] == [0, 1, 2, 3, 4, 5]


def test_a_run_is_running_while_somebody_writes_it(run: Run) -> None:
    with run.lock():
        assert Content.read(run, WORDS).state == "running"


def test_the_name_is_that_of_the_directory_even_from_within(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(run.path)
    assert Content.read(Run(Path()), WORDS).name == "first"


def test_findings_of_the_data_and_of_the_curves_come_worst_first(run: Run) -> None:
    def finding(name: str, severity: str) -> dict[str, object]:
        return {"id": name, "severity": severity, "message": "What.", "action": "How.", "rows": [3, 4]}

    given = [finding("note", "info"), finding("second", "warning"), finding("leak", "error"), finding("last", "info")]
    write_json(run.data_file, {"findings": given})
    points = [{"step": step, "epoch": 1.0, "time": 0.0, "name": "train/loss", "value": "nan"} for step in range(1, 50)]
    write_text(run.curves_file, "".join(json.dumps(point) + "\n" for point in points))
    found = [(noted.about, noted.finding.id) for noted in Content.read(run, WORDS).findings]
    assert found[:3] == [("data", "leak"), ("training", "non-finite"), ("data", "second")]
    assert found[3:5] == [("data", "note"), ("data", "last")]
    assert Content.read(run, WORDS).findings[0].finding.rows == (3, 4)


def test_the_task_is_what_the_data_says_else_the_metrics_else_the_recipe(run: Run) -> None:
    write_text(run.recipe_file, f'task = "chat"\n[data]\nshape = "one"\n{END}\n')
    assert (Content.read(run, WORDS).task, Content.read(run, WORDS).shape) == ("chat", "one")
    write_json(run.metrics_file, {"task": "translation"})
    assert Content.read(run, WORDS).task == "translation"
    write_json(run.data_file, {"task": "summarization", "shape": "several"})
    assert (Content.read(run, WORDS).task, Content.read(run, WORDS).shape) == ("summarization", "several")


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ('name = "bert-base"', ["bert-base"]),
        ('from_scratch = "tiny"\narchitecture = "llama"', ["llama", "tiny", "from scratch"]),
        ('from_scratch = "small"', ["new model", "small", "from scratch"]),
        ("", ["not chosen"]),
    ],
)
def test_a_model_is_called_by_its_name_or_by_what_it_was_made_of(run: Run, table: str, words: list[str]) -> None:
    write_text(run.recipe_file, f"[model]\n{table}\n{END}\n")
    said = Content.read(run, WORDS).model
    assert [word for word in words if word not in said] == []


def test_only_the_first_skipped_rows_are_shown_and_none_that_is_half_written(run: Run) -> None:
    lines = [json.dumps({"row": row, "reason": "empty-text"}) + "\n" for row in range(30)]
    write_text(run.skipped_file, "".join(lines))
    assert [row["row"] for row in Content.read(run, WORDS).skipped] == list(range(20))
    write_text(run.skipped_file, "".join(lines[:3]) + lines[3][:9])
    assert [row["row"] for row in Content.read(run, WORDS).skipped] == [0, 1, 2]


@pytest.mark.parametrize("name", ["data.json", "metrics.json", "result.json", "environment.json"])
def test_a_damaged_file_is_named(run: Run, name: str) -> None:
    (run.path / name).write_text('{"task": ', encoding="utf-8")
    with pytest.raises(DamagedError) as caught:
        Content.read(run, WORDS)
    assert caught.value.where == str(run.path / name)


def test_half_a_recipe_is_refused(run: Run) -> None:
    run.recipe_file.write_text('task = "chat"\n', encoding="utf-8")
    with pytest.raises(RecipeError) as caught:
        Content.read(run, WORDS)
    assert caught.value.where == str(run.recipe_file)
