"""A task in somebody else's package, found by its entry point alone: every command takes it as one of ours."""

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import datasets
import pytest
from transformers import AutoModelForSequenceClassification

from luthier.cli import main
from luthier.tasks.registry import registry
from tests.conftest import WORDS, write_csv

TASK = "emotion-intensity"
CapSys = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The package on the path, with what an installer would have written of it."""
    site = tmp_path_factory.mktemp("site-packages")
    (site / "luthier_intensity").symlink_to(Path(__file__).parent / "luthier_intensity")
    info = site / "luthier_intensity-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: luthier-intensity\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[luthier.tasks]\n{TASK} = luthier_intensity:EmotionIntensity\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(site)
        patch.setattr(datasets.config, "HF_DATASETS_CACHE", site / "cache")
        registry.cache_clear()
        yield site
    registry.cache_clear()


def row(i: int) -> dict[str, object]:
    """The more bright words, the more joy; the more grim ones, the more anger."""
    draw = random.Random(i)
    kinds = draw.choices(["good", "bad", "other"], k=12)
    text = " ".join(draw.choice(WORDS[kind]) for kind in kinds)
    return {
        "id": i,
        "text": text,
        "joy": round(kinds.count("good") / 12, 3),
        "anger": round(kinds.count("bad") / 12, 3),
    }


@pytest.fixture(scope="module")
def trained(installed: Path, tiny_model: Path) -> Path:
    data = write_csv(installed / "tweets.csv", [row(i) for i in range(400)])
    words = ["train", str(data), "--model", str(tiny_model), "--epochs", "8", "--lr", "5e-3", "--precision", "fp32"]
    assert main([*words, "--set", "resamples=100", "--run-dir", str(installed / "run"), "--quiet", "--json"]) == 0
    return installed / "run"


def said(capsys: CapSys, *words: str) -> Any:
    capsys.readouterr()
    assert main([*words, "--json"]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_it_is_one_task_more(installed: Path, capsys: CapSys) -> None:
    listed = said(capsys, "tasks")[0]["tasks"]
    assert len(listed) == 10
    assert {"name": TASK, "family": "encoder"}.items() <= next(one for one in listed if one["name"] == TASK).items()


def test_its_data_are_recognised(trained: Path, capsys: CapSys) -> None:
    words = ["--model", str(trained / "model"), "--set", "precision=fp32"]
    found = said(capsys, "inspect", str(trained.parent / "tweets.csv"), *words)[0]
    assert found["task"] == TASK
    assert found["columns"] == {"text": "text", "emotions": ["joy", "anger"]}
    assert found["rows"]["train"] == {"read": 400, "kept": 400, "skipped": {}}


def test_it_learns_and_is_scored_with_an_interval_beside_its_baseline(trained: Path) -> None:
    found = json.loads((trained / "metrics.json").read_text())
    assert found["task"] == TASK
    pearson, mae = (found["metrics"][name] for name in ("pearson", "mae"))
    assert pearson["low"] < pearson["value"] < pearson["high"]
    assert pearson["value"] > 0.4
    assert mae["value"] < found["baselines"]["mean"]["mae"]
    assert found["metric_for_best"] == "pearson"


def test_it_has_its_part_of_the_report(trained: Path, capsys: CapSys) -> None:
    page = (trained / "report.html").read_text()
    for text in ("Emotions", "mean error", "joy", "anger", TASK):
        assert text in page
    assert main(["report", str(trained)]) == 0


def test_it_predicts_texts_and_files(trained: Path, capsys: CapSys) -> None:
    texts = ["great lovely warm bright happy fine superb charming", "awful grim cold dull sad poor dreadful bitter"]
    found = said(capsys, "predict", str(trained), *texts)
    assert [answer["prediction"] for answer in found] == ["joy", "anger"]
    assert [answer["text"] for answer in found] == texts
    rows = write_csv(trained.parent / "new.csv", [{"text": text} for text in texts])
    lines = said(capsys, "predict", str(trained), "--file", str(rows))
    assert [line["scores"] for line in lines] == [answer["scores"] for answer in found]
    plain = AutoModelForSequenceClassification.from_pretrained(trained / "model")
    assert plain.config.id2label == {0: "joy", 1: "anger"}


def test_it_is_evaluated_again_and_resumed(trained: Path, capsys: CapSys) -> None:
    own = json.loads((trained / "metrics.json").read_text())["metrics"]
    assert said(capsys, "evaluate", str(trained))[0]["metrics"] == own
    other = write_csv(trained.parent / "other.csv", [row(i) for i in range(500, 520)])
    assert said(capsys, "evaluate", str(trained), str(other))[0]["metrics"]["pearson"]["n"] == 40
    assert main(["resume", str(trained)]) == 0


def test_what_it_lacks_is_said_in_its_words(installed: Path, tiny_model: Path, capsys: CapSys) -> None:
    data = write_csv(installed / "joyless.csv", [{"text": f"a film {i}", "joy": 0.5} for i in range(9)])
    capsys.readouterr()
    assert main(["train", str(data), "--task", TASK, "--model", str(tiny_model), "--json"]) == 3
    assert "no text beside two numbers called by emotions" in json.loads(capsys.readouterr().out)["error"]["message"]
