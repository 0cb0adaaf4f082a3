"""Small, odd and strangely written data: it is trained on, or refused with a reason; no number is ever nan."""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from luthier.cli import main
from luthier.run_directory.run import Run
from tests.conftest import review_rows
from tests.faults.scene import Rows, Scene

CapSys = pytest.CaptureFixture[str]
WORDS = ["NA", "null", "None", "nan"]


def no_nan(constant: str) -> None:
    raise AssertionError(f"{constant} in JSON")


def trained(scene: Scene, capsys: CapSys, *words: str) -> tuple[dict[str, Any], str]:
    """What `train --json` gives on data that it must take, and what it says beside it."""
    capsys.readouterr()
    code = main([*scene.train(*words), "--epochs", "1", "--set", "resamples=100", "--json"])
    out, err = capsys.readouterr()
    assert code == 0, err
    for file in Path("out").glob("*.json"):
        json.loads(file.read_text(), parse_constant=no_nan)
    assert "nan" not in " ".join(line for line in err.splitlines() if line.startswith("step")).split()
    return json.loads(out, parse_constant=no_nan), err


def refused(scene: Scene, capsys: CapSys, *words: str) -> dict[str, Any]:
    capsys.readouterr()
    assert main([*scene.train(*words), "--epochs", "1", "--json"]) == 3
    return json.loads(capsys.readouterr().out)["error"]


def predicted() -> dict[str, list[Any]]:
    return pq.read_table(Run(Path("out")).predictions_file).to_pydict()


def data() -> dict[str, Any]:
    return json.loads(Path("out/data.json").read_text())


def reviews_with(**change: Callable[[int], object]) -> Rows:
    return [row | {key: value(i) for key, value in change.items()} for i, row in enumerate(review_rows(60))]


def test_one_row_has_one_class_and_is_refused(scene: Scene, capsys: CapSys) -> None:
    error = refused(scene, capsys, scene.csv("one.csv", review_rows(1)))
    assert error["message"] == "The only training row has the label 'bad': there is nothing to learn."


@pytest.mark.parametrize("n", [2, 3])
def test_two_and_three_rows_are_trained_on_and_not_scored(n: int, scene: Scene, capsys: CapSys) -> None:
    result, err = trained(scene, capsys, scene.csv("few.csv", review_rows(n)))
    assert result["metrics"] == {}
    for finding in ("rare-class", "few-rows", "no-held-out"):
        assert f"[{finding}]" in err
    assert main(["report", "out"]) == 0


def test_the_scores_of_a_single_row_have_no_interval(scene: Scene, capsys: CapSys) -> None:
    result, _ = trained(scene, capsys, scene.csv("few.csv", review_rows(6)))
    assert result["metrics"]["accuracy"]["n"] == 1
    assert result["metrics"]["accuracy"]["value"] in (0.0, 1.0)
    assert result["metrics"]["accuracy"]["low"] is None


def test_what_is_not_defined_for_a_number_is_none(scene: Scene, capsys: CapSys) -> None:
    rows = [row | {"label": f"{0.37 * i:.2f}"} for i, row in enumerate(review_rows(12))]
    result, _ = trained(scene, capsys, scene.csv("n.csv", rows), "--set", "shape=single/number")
    assert result["metrics"]["pearson"]["value"] is None
    assert result["metrics"]["mae"]["value"] >= 0


def test_a_class_of_one_row_is_learned_and_told(scene: Scene, capsys: CapSys) -> None:
    _, err = trained(scene, capsys, scene.csv("r.csv", [*review_rows(60), {"text": "odd", "label": "odd"}]))
    assert "fewer than 5 training rows: 'odd' (1 row)" in err
    assert data()["labels"]["odd"] == 1


def test_emoji_alone_are_unknown_words(scene: Scene, capsys: CapSys) -> None:
    rows = reviews_with(text=lambda i: random.Random(i).choice("😀😡🎉😱") * (i % 9 + 1))
    _, err = trained(scene, capsys, scene.csv("emoji.csv", rows))
    assert "[unknown-tokens]" in err
    assert set("".join(predicted()["text"])) <= set("😀😡🎉😱")


def test_a_text_of_a_million_characters_is_cut_and_counted(scene: Scene, capsys: CapSys) -> None:
    rows = [*review_rows(60), {"text": "long " * 200_000, "label": "good"}]
    _, err = trained(scene, capsys, scene.csv("long.csv", rows), "--set", "validation_share=0", "--set", "test_share=0")
    assert "1 of 61 training rows (1.6 %) has more than 64 tokens and is truncated; " in err
    assert data()["lengths"]["max"] > 200_000


def test_text_from_right_to_left_stays_as_it_is(scene: Scene, capsys: CapSys) -> None:
    rows = reviews_with(text=lambda i: f"שלום עולם طيب {i}", label=lambda i: "جيد" if i % 2 else "רע")
    trained(scene, capsys, scene.csv("rtl.csv", rows))
    assert data()["labels"].keys() == {"جيد", "רע"}
    assert set(predicted()["text"]) <= {row["text"] for row in rows}
    assert set(predicted()["prediction"]) <= {"جيد", "רע"}


def test_the_words_of_missing_values_are_text_and_labels(scene: Scene, capsys: CapSys) -> None:
    rows = reviews_with(
        text=lambda i: WORDS[i // 2 % 4] if i % 2 else f"{WORDS[i % 4]} of number {i}", label=lambda i: WORDS[i % 4]
    )
    _, err = trained(scene, capsys, scene.csv("na.csv", rows))
    assert data()["rows"]["train"] == {"read": 60, "kept": 60, "skipped": {}}
    assert data()["labels"].keys() == set(WORDS)
    assert "[missing-like-labels]" in err
    answers = predicted()
    assert set(answers["gold"]) <= set(WORDS)
    assert set(answers["text"]) <= {row["text"] for row in rows}


def test_near_equal_labels_are_told_and_not_merged(scene: Scene, capsys: CapSys) -> None:
    _, err = trained(
        scene, capsys, scene.csv("y.csv", reviews_with(label=lambda i: ["Yes ", "yes", "YES", "no"][i % 4]))
    )
    assert (
        "Nearly identical labels count as different classes: 'Yes ' (15 rows), 'yes' (15 rows), 'YES' (15 rows)" in err
    )
    assert data()["labels"].keys() == {"Yes ", "yes", "YES", "no"}


def test_numbers_as_labels_are_told_apart_as_written(scene: Scene, capsys: CapSys) -> None:
    file = scene.csv("n.csv", reviews_with(label=lambda i: ["1", "1.0", "0"][i % 3]))
    _, err = trained(scene, capsys, file, "--set", "shape=single/one")
    assert "'1' (20 rows), '1.0' (20 rows)" in err
    assert data()["labels"].keys() == {"1", "1.0", "0"}


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "latin-1"])
def test_a_common_encoding_is_found(encoding: str, scene: Scene, capsys: CapSys) -> None:
    rows = reviews_with(text=lambda i: f"très bon café, größer als n{i}")
    lines = ["text,label", *(f'"{row["text"]}",{row["label"]}' for row in rows)]
    _, err = trained(scene, capsys, scene.file("r.csv", "\r\n".join(lines).encode(encoding)))
    assert "encoding:" in err
    assert set(predicted()["text"]) <= {row["text"] for row in rows}


@pytest.mark.parametrize(
    "odd", ["a \0 in it", '"never closed', "a\u200bb\u00a0c", "x" * 5000], ids=["NUL", "quote", "blanks", "one word"]
)
def test_one_odd_row_is_kept_or_set_aside_and_harms_no_other(odd: str, scene: Scene, capsys: CapSys) -> None:
    lines = ["text,label", *(f"{row['text']},{row['label']}" for row in review_rows(60))]
    lines[31] = f"{odd},{lines[31].rpartition(',')[2]}"
    trained(scene, capsys, scene.file("r.csv", "\n".join(lines) + "\n"))
    account = data()["rows"]["train"]
    assert account["read"] == 60
    assert account["kept"] + sum(account["skipped"].values()) == 60
    assert account["kept"] >= 59


def test_half_written_curves_do_not_stop_the_report(scene: Scene) -> None:
    curves = scene.run() / "curves.jsonl"
    curves.write_text(curves.read_text()[:-20])
    assert main(["report", "run"]) == 0
