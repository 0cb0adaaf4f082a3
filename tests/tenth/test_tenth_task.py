"""A task in another package's single file, found by its entry point alone, works in every command."""

import json
import random
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import datasets
import pytest
import yaml
from transformers import AutoModelForMultipleChoice

import luthier
from luthier.cli import main
from luthier.tasks.registry import registered
from luthier.testing import check_task
from tests.conftest import WORDS

TASK = "multiple-choice"
FILE = Path(__file__).parent / "luthier_multiple_choice.py"
CapSys = pytest.CaptureFixture[str]


def row(i: int) -> dict[str, Any]:
    """The ending of good words is the right one; SWAG calls its columns so."""
    draw, right = random.Random(i), i % 3
    endings = [" ".join(draw.choices(WORDS["good" if k == right else "bad"], k=draw.randint(4, 8))) for k in range(3)]
    return {
        "video-id": f"v{i}",
        "sent1": f"{' '.join(draw.choices(WORDS['other'], k=5))} {i}",
        **{f"ending{k}": ending for k, ending in enumerate(endings)},
        "label": (right + (i % 11 == 0)) % 3,  # some are wrong, as in real data
    }


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The module on the path, with what an installer would have written of it."""
    site = tmp_path_factory.mktemp("site-packages")
    (site / FILE.name).symlink_to(FILE)
    info = site / "luthier_choice-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: luthier-choice\nVersion: 1.0\n")
    (info / "top_level.txt").write_text("luthier_multiple_choice\n")
    (info / "entry_points.txt").write_text(
        f"[luthier.tasks]\n{TASK} = luthier_multiple_choice:MultipleChoice\n"
        "broken = luthier_choice_gone:Nothing\nchat = luthier_choice_chat:Chat\nexits = luthier_choice_exits:Exits\n"
    )
    (site / "luthier_choice_chat.py").write_text(
        "from luthier_multiple_choice import MultipleChoice\n\n\nclass Chat(MultipleChoice):\n    name = 'chat'\n"
    )
    (site / "luthier_choice_exits.py").write_text("import sys\n\nsys.exit(3)\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(site)
        patch.setattr(datasets.config, "HF_DATASETS_CACHE", site / "cache")
        registered.cache_clear()
        yield site
    registered.cache_clear()


@pytest.fixture(scope="module")
def data(installed: Path) -> Path:
    file = installed / "swag.jsonl"
    file.write_text("".join(json.dumps(row(i)) + "\n" for i in range(240)))
    return file


@pytest.fixture(scope="module")
def trained(installed: Path, data: Path, tiny_model: Path) -> Path:
    words = ["train", str(data), "--model", str(tiny_model), "--epochs", "6", "--lr", "5e-3", "--precision", "fp32"]
    assert main([*words, "--set", "resamples=100", "--run-dir", str(installed / "run"), "--quiet", "--json"]) == 0
    return installed / "run"


def said(capsys: CapSys, *words: str) -> Any:
    capsys.readouterr()
    assert main([*words, "--json"]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_it_is_a_file_of_at_most_150_lines() -> None:
    assert len(FILE.read_text().splitlines()) <= 150


def test_it_runs_whole(installed: Path, tiny_model: Path, tmp_path: Path) -> None:
    import luthier_multiple_choice

    check_task(luthier_multiple_choice.MultipleChoice, [row(i) for i in range(90)], tmp_path, model=tiny_model)


def test_it_is_one_task_more_and_what_is_broken_or_taken_is_named(installed: Path, data: Path, capsys: CapSys) -> None:
    listed = {one["name"]: one for one in said(capsys, "tasks")[0]["tasks"]}
    assert len(listed) == 10
    assert listed[TASK]["family"] == "encoder" and listed["chat"]["auto_class"] == "CausalLM"
    broken = registered().broken
    assert "luthier-choice" in broken["broken"] and "ModuleNotFoundError" in broken["broken"]
    assert "luthier-choice" in broken["chat"] and "the package luthier has a task of that name" in broken["chat"]
    assert main(["inspect", str(data), "--task", "broken"]) == 2
    assert "luthier-choice" in capsys.readouterr().err


def test_inspect_recognises_its_data(trained: Path, data: Path, capsys: CapSys) -> None:
    found = said(capsys, "inspect", str(data), "--model", str(trained / "model"), "--no-cost")[0]
    assert found["task"] == TASK
    assert found["columns"] == {"context": "sent1", "endings": ["ending0", "ending1", "ending2"], "label": "label"}
    assert found["rows"]["train"] == {"read": 240, "kept": 240, "skipped": {}}
    assert set(found["labels"]) == {"0", "1", "2"}


def test_rows_that_it_cannot_use_are_skipped_with_their_reason(
    installed: Path, tiny_model: Path, capsys: CapSys
) -> None:
    rows = [row(i) for i in range(80)] + [row(80) | {"label": 7}, row(81) | {"ending1": None}]
    file = installed / "odd.jsonl"
    file.write_text("".join(json.dumps(one) + "\n" for one in rows))
    found = said(capsys, "inspect", str(file), "--task", TASK, "--model", str(tiny_model), "--no-cost")[0]
    assert found["rows"]["train"] == {"read": 82, "kept": 80, "skipped": {"bad-label": 1, "missing-text": 1}}


def test_any_role_is_named_by_column_and_a_wrong_one_is_refused(
    installed: Path, tiny_model: Path, capsys: CapSys
) -> None:
    rows = [
        {"a": one["sent1"], "b": one["ending0"], "c": one["ending1"], "right": i % 2}
        for i, one in enumerate(map(row, range(60)))
    ]
    file = installed / "named.jsonl"
    file.write_text("".join(json.dumps(one) + "\n" for one in rows))
    words = ["inspect", str(file), "--task", TASK, "--model", str(tiny_model), "--no-cost"]
    named = ["--column", "context=a", "--column", "endings=b,c", "--column", "label=right"]
    assert said(capsys, *words, *named)[0]["columns"] == {"context": "a", "endings": ["b", "c"], "label": "right"}
    assert main([*words, "--column", "contxt=a", "--json"]) == 2
    error = json.loads(capsys.readouterr().out)["error"]
    assert "contxt" in error["message"] and "'context'" in error["hint"]


def test_its_padding_and_its_score_are_right(trained: Path, data: Path) -> None:
    result = json.loads((trained / "result.json").read_text())
    assert 0 < result["padding_share"] < 0.5
    accuracy = json.loads((trained / "metrics.json").read_text())["metrics"]["accuracy"]
    assert accuracy["low"] <= accuracy["value"] <= accuracy["high"]
    assert accuracy["value"] > result["baselines"]["majority"]["accuracy"]


def test_its_report_and_card_speak_of_it(trained: Path) -> None:
    page = (trained / "report.html").read_text()
    for text in ("Endings", "right ending", TASK, "AutoModelForMultipleChoice", "luthier predict"):
        assert text in page
    card = (trained / "model" / "README.md").read_text()
    assert yaml.safe_load(card.split("---")[1])["pipeline_tag"] == TASK
    assert "AutoModelForMultipleChoice" in card


def test_the_printed_next_command_and_the_snippets_work(trained: Path, capsys: CapSys) -> None:
    command = json.loads((trained / "result.json").read_text())["next"]
    capsys.readouterr()
    assert main(shlex.split(command)[1:]) == 0
    assert re.match(r"[01]  0\.\d+  She picks up", capsys.readouterr().out)
    words = luthier.load(trained).task.words(trained)
    exec(words.snippets[0].code, {})
    assert capsys.readouterr().out.strip() in ("She plays.", "She eats it.")


def test_it_predicts_rows_and_refuses_what_has_no_choice(trained: Path, data: Path, capsys: CapSys) -> None:
    lines = said(capsys, "predict", str(trained), "--file", str(data))
    right = [line["prediction"] == str(row(i)["label"]) for i, line in enumerate(lines)]
    assert len(lines) == 240 and sum(right) > 160
    assert all(line["ending"] == line[f"ending{line['prediction']}"] for line in lines)
    with pytest.raises(luthier.LuthierError, match="one-ending"):
        luthier.load(trained).predict([{"context": "a film", "endings": ["one"]}])
    plain = AutoModelForMultipleChoice.from_pretrained(trained / "model")
    assert type(plain).__name__ == "BertForMultipleChoice"


def test_it_is_evaluated_again_and_says_where_it_comes_from(trained: Path, capsys: CapSys) -> None:
    own = json.loads((trained / "metrics.json").read_text())["metrics"]
    assert said(capsys, "evaluate", str(trained))[0]["metrics"] == own
    assert json.loads((trained / "task.json").read_text())["package"] == "luthier-choice"
    assert json.loads((trained / "environment.json").read_text())["task_package"] == "luthier-choice==1.0"
    assert main(["resume", str(trained)]) == 0
