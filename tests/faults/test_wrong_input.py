"""Wrong input, a table of it: each ends in one message that says what, where and what to do, and leaves nothing."""

import json

import pytest

from luthier.cli import main
from tests.faults.scene import Scene, finished
from tests.faults.wrong.case import Case
from tests.faults.wrong.command import COMMAND
from tests.faults.wrong.data import DATA
from tests.faults.wrong.model import MODEL
from tests.faults.wrong.recipe import RECIPE

CASES = [*DATA, *RECIPE, *MODEL, *COMMAND]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_wrong_input_is_told(case: Case, scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    words = case.words(scene)
    before = finished(scene.folder)
    capsys.readouterr()

    assert main([*words, "--json"]) == case.exit

    out, err = capsys.readouterr()
    assert out.count("\n") == 1, "one JSON object and nothing else"
    error = json.loads(out)["error"]
    assert error.keys() == {"code", "exit", "message", "where", "hint"}
    assert error["exit"] == case.exit
    assert case.what in error["message"]
    assert case.where in error["where"]
    assert case.hint in error["hint"]

    story = err[err.rindex("error: " + error["message"].splitlines()[0]) :]
    assert len(story.splitlines()) <= 6
    assert [line for line in story.splitlines() if line.startswith(("where: ", "to do: "))][-1].startswith("to do: ")
    assert "Traceback" not in out + err
    assert "a bug of ours" not in out + err
    assert finished(scene.folder) == before, "nothing that looks finished"
    assert not (scene.folder / "canary").exists(), "no foreign code has run"


def test_the_table_is_as_long_as_it_says() -> None:
    assert len(CASES) >= 150
    assert len({case.name for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", [DATA[0], RECIPE[0], MODEL[0], COMMAND[0]], ids=lambda case: case.name)
def test_without_json_the_story_is_on_standard_error_alone(
    case: Case, scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(case.words(scene)) == case.exit
    out, err = capsys.readouterr()
    assert out == ""
    story = err[err.index("error: ") :].splitlines()
    assert [line.split(":")[0] for line in story] == ["error", "where", "to do"]
    assert case.what in story[0]
    assert case.where in story[1]
    assert case.hint in story[2]
