"""A complete run whose recipe was edited: it is refused, and the commands of the hint do what the edit asks for."""

import re
import shlex
import shutil
from pathlib import Path

import pytest

from luthier.api.resume import resume
from luthier.api.train import train
from luthier.cli import main
from luthier.errors import FingerprintError
from luthier.recipe import Recipe
from luthier.run_directory.run import Run
from tests.conftest import PLAIN_BY_NAME, review_rows, write_csv

QUICK = PLAIN_BY_NAME | {"max_steps": 4, "resamples": 100, "precision": "fp32", "baselines": False}


@pytest.fixture(scope="module")
def done(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("done")
    data = write_csv(folder / "reviews.csv", review_rows(60))
    return train(str(data), run_dir=folder / "run", model=str(tiny_model), **QUICK).run.path


def edited(done: Path, folder: Path, *edits: tuple[str, str]) -> Path:
    """A copy of the run with lines of its recipe changed."""
    run = Path(shutil.copytree(done, folder / "a run"))
    text = (run / "recipe.toml").read_text()
    for old, new in edits:
        assert len(re.findall(f"(?m)^{re.escape(old)}", text)) == 1, old
        text = re.sub(f"(?m)^{re.escape(old)}", new, text)
    (run / "recipe.toml").write_text(text)
    return run


def refused(run: Path) -> FingerprintError:
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file() and path.name != "log.txt"}
    with pytest.raises(FingerprintError) as caught:
        resume(run)
    assert caught.value.where == str(run / "recipe.toml")
    after = {path: path.read_bytes() for path in run.rglob("*") if path.is_file() and path.name != "log.txt"}
    assert {path: content for path, content in after.items() if path.name != ".lock"} == {
        path: content for path, content in before.items() if path.name != ".lock"
    }
    return caught.value


def commands(error: FingerprintError) -> list[list[str]]:
    return [shlex.split(command)[1:] for command in re.findall("`(.*?)`", error.hint)]


def test_more_steps_continue_from_the_model(
    done: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = edited(done, tmp_path, ("max_steps = 4", "max_steps = 6"))
    error = refused(run)
    assert error.what.endswith("has been edited since: training.max_steps: 4 -> 6")
    goes_on, anew = commands(error)
    recipe = str(run / "recipe.toml")
    assert goes_on == ["train", recipe, "--model", str(run / "model"), "--max-steps", "2"]
    assert anew == ["train", recipe]
    monkeypatch.chdir(tmp_path)
    for words, model, steps in ((goes_on, str(run / "model"), 2), (anew, Run(done).recipe.model.name, 6)):
        assert main([*words, "--run-dir", f"after {steps}", "--quiet"]) == 0
        after = Run.open(f"after {steps}")
        assert after.recipe.model.name == model and after.recipe.training.max_steps == steps
        assert (after.read_json(after.result_file) or {})["steps"] == steps


@pytest.mark.parametrize(
    ("edits", "shown", "options"),
    [
        ([("learning_rate = 5e-05", "learning_rate = 1e-05")], "training.learning_rate: 5e-05 -> 1e-05", []),
        ([("epochs = 3.0", "epochs = 4.5")], "training.epochs: 3.0 -> 4.5", ["--epochs", "1.5"]),
        ([("max_steps = 4", "max_steps = 3")], "training.max_steps: 4 -> 3", None),
        ([("seed = 42", "seed = 43")], "seed: 42 -> 43", None),
        ([("test_share = 0.1", "test_share = 0.2")], "data.test_share: 0.1 -> 0.2", None),
        ([("resamples = 100", "resamples = 200")], "evaluation.resamples: 100 -> 200", []),
    ],
)
def test_each_edit_has_its_commands(
    edits: list[tuple[str, str]], shown: str, options: list[str] | None, done: Path, tmp_path: Path
) -> None:
    """Fewer steps cannot continue, and other splits would hold out rows that the model was trained on."""
    run = edited(done, tmp_path, *edits)
    error = refused(run)
    assert error.what.endswith(f"since: {shown}")
    recipe = str(run / "recipe.toml")
    continued = [] if options is None else [["train", recipe, "--model", str(run / "model"), *options]]
    assert commands(error) == [*continued, ["train", recipe]]


def test_settings_that_change_no_result_and_moved_data_are_no_edit(done: Path, tmp_path: Path) -> None:
    moved = Path(shutil.copy(done.parent / "reviews.csv", tmp_path / "moved.csv"))
    run = edited(
        done,
        tmp_path,
        ("logging_steps = 10", "logging_steps = 5"),
        ("keep_checkpoints = false", "keep_checkpoints = true"),
    )
    text = (run / "recipe.toml").read_text().replace(str(done.parent / "reviews.csv"), str(moved))
    (run / "recipe.toml").write_text(text)
    assert Recipe.load(run / "recipe.toml").data.train == [str(moved)]
    again, before = resume(run).to_dict(), Run(done).read_json(done / "result.json") or {}
    places = dict.fromkeys(("run", "report", "next"))
    assert again | places == before | places, "the same result, in another place"


def test_a_model_from_scratch_is_continued_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = write_csv(tmp_path / "reviews.csv", review_rows(60))
    settings = QUICK | {"from_scratch": "tiny", "vocabulary_size": 200, "max_steps": 2}
    run = train(str(data), run_dir=tmp_path / "run", **settings).run.path
    changed = edited(run, tmp_path, ("max_steps = 2", "max_steps = 3"))
    goes_on, _ = commands(refused(changed))
    monkeypatch.chdir(tmp_path)
    assert main([*goes_on, "--run-dir", "after", "--quiet"]) == 0
    assert Run.open("after").recipe.model.name == str(changed / "model")


def test_another_kind_of_tokenizer_trains_anew(tmp_path: Path) -> None:
    data = write_csv(tmp_path / "reviews.csv", review_rows(60))
    settings = QUICK | {"from_scratch": "tiny", "tokenizer": "char", "max_steps": 1}
    run = train(str(data), run_dir=tmp_path / "run", **settings).run.path
    error = refused(edited(run, tmp_path, ('tokenizer = "char"', 'tokenizer = "word"')))
    assert error.what.endswith("has been edited since: model.tokenizer: char -> word")
    assert [words[0] for words in commands(error)] == ["train"]
