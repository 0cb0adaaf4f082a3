"""Wrong input, a table of it: each ends in one message that says what, where and what to do, and leaves nothing.

Odd input that a task has to take is in a second table: every row is used, or skipped with its reason.
"""

import json
from pathlib import Path

import pytest

from luthier.api import one_run
from luthier.cli import main
from tests.faults.runs import quick_report
from tests.faults.scene import Scene, finished
from tests.faults.wrong.case import Case
from tests.faults.wrong.command import COMMAND
from tests.faults.wrong.data import DATA
from tests.faults.wrong.model import MODEL
from tests.faults.wrong.recipe import RECIPE
from tests.faults.wrong.tasks import ODD, TASKS, Odd, quick

CASES = [*DATA, *RECIPE, *MODEL, *COMMAND, *TASKS]


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
    assert [line for line in story.splitlines() if line.startswith(("where: ", "hint: "))][-1].startswith("hint: ")
    assert "Traceback" not in out + err
    assert "internal error" not in out + err
    assert finished(scene.folder) == before, "nothing that looks finished"
    assert not (scene.folder / "canary").exists(), "no foreign code has run"


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: odd.name)
def test_odd_input_of_a_task_is_taken_and_accounted_for(
    odd: Odd, scene: Scene, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_nan(constant: str) -> None:
        raise AssertionError(f"{constant} in JSON")

    monkeypatch.setattr(one_run, "report", quick_report)
    words = odd.words(scene)
    capsys.readouterr()
    assert main([*words, *quick(words), "--json"]) == 0
    out, err = capsys.readouterr()
    json.loads(out, parse_constant=no_nan)
    told = json.loads(Path("out/data.json").read_text(), parse_constant=no_nan)
    account = told["rows"]["train"]
    assert (account["kept"], account["skipped"]) == (odd.kept, odd.skipped)
    assert account["read"] == odd.kept + sum(odd.skipped.values())
    rejected = [json.loads(line)["reason"] for line in Path("out/skipped.jsonl").read_text().splitlines()]
    assert sorted(rejected) == sorted(reason for reason, n in odd.skipped.items() for _ in range(n))
    assert set(odd.findings) <= {finding["id"] for finding in told["findings"]}
    assert "Traceback" not in err


def test_the_tables_are_as_long_as_they_say() -> None:
    assert len(CASES) >= 200
    assert len({case.name for case in CASES}) == len(CASES)
    assert len(ODD) >= 35
    assert len({odd.name for odd in ODD}) == len(ODD)


@pytest.mark.parametrize("case", [DATA[0], RECIPE[0], MODEL[0], COMMAND[0], TASKS[1]], ids=lambda case: case.name)
def test_without_json_the_story_is_on_standard_error_alone(
    case: Case, scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(case.words(scene)) == case.exit
    out, err = capsys.readouterr()
    assert out == ""
    story = err[err.index("error: ") :].splitlines()
    assert [line.split(":")[0] for line in story] == ["error", "where", "hint"]
    assert case.what in story[0]
    assert case.where in story[1]
    assert case.hint in story[2]
