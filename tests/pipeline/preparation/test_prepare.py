"""What `luthier inspect --json` says of small files: the checks that compare splits and columns, and the accounts."""

import json
from pathlib import Path
from typing import Any

import pytest

from luthier.api.inspect import inspect
from luthier.api.train import plan
from luthier.cli import main
from luthier.errors import FindingError, RecipeError, UsageError
from tests.conftest import review, review_rows, write_csv
from tests.listener import Listener

STOPS = 3


@pytest.fixture
def inspected(tmp_path: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    def inspect(*words: str | Path, code: int = 0) -> Any:
        capsys.readouterr()
        assert main(["inspect", *map(str, words), "--model", str(tiny_model), "--no-cost", "--json"]) == code
        return json.loads(capsys.readouterr().out)

    return inspect


def found(report: Any, name: str) -> list[dict[str, Any]]:
    return [finding for finding in report["findings"] if finding["id"] == name]


def accounts_balance(report: Any) -> None:
    for account in report["rows"].values():
        assert account["read"] == account["kept"] + sum(account["skipped"].values()), report["rows"]
    assert sum(account["kept"] for account in report["rows"].values()) == sum(report["splits"].values())


def test_held_out_overlap(inspected: Any, tmp_path: Path) -> None:
    rows = review_rows(200)
    train = write_csv(tmp_path / "train.csv", rows[:100])
    valid = write_csv(tmp_path / "valid.csv", rows[100:150])
    test = write_csv(tmp_path / "test.csv", [*rows[150:], rows[110], rows[120]])
    report = inspected(train, "--valid", valid, "--test", test)
    (finding,) = found(report, "held-out-overlap")
    assert (finding["severity"], finding["rows"]) == ("warning", [51, 52])
    assert finding["message"].startswith("2 of 52 test rows (3.8 %) have a text that is also in the validation rows: ")
    accounts_balance(report)
    apart = inspected(train, "--valid", valid, "--test", write_csv(tmp_path / "test.csv", rows[150:]))
    assert not found(apart, "held-out-overlap")
    assert not found(inspected(train), "held-out-overlap")


def test_empty_column(inspected: Any, tmp_path: Path) -> None:
    columns = ("--text", "text,title", "--label", "label")
    rows = [row | {"title": review("other", i) if i < 60 else ""} for i, row in enumerate(review_rows(150))]
    report = inspected(write_csv(tmp_path / "t.csv", rows), *columns)
    assert report["rows"]["train"] == {"read": 150, "kept": 150, "skipped": {}}
    (finding,) = found(report, "empty-column")
    assert finding["severity"] == "warning"
    assert finding["message"] == "The column 'title' (text_pair) is empty in 90 of 150 rows checked (60.0 %)."
    rows = [row | {"title": review("other", i) if i < 80 else ""} for i, row in enumerate(review_rows(150))]
    assert not found(inspected(write_csv(tmp_path / "t.csv", rows), *columns), "empty-column")


def test_no_held_out(inspected: Any, reviews: Path) -> None:
    report = inspected(reviews, "--set", "validation_share=0", "--set", "test_share=0")
    assert [one["severity"] for one in found(report, "no-held-out")] == ["warning"]
    assert not found(inspected(reviews), "no-held-out")


@pytest.mark.parametrize(
    ("labels", "severities", "stops"), [(("good", "bad"), [], True), (("good",), ["warning"], False)]
)
def test_validation_rows_of_one_class(
    inspected: Any, tmp_path: Path, labels: tuple[str, ...], severities: list[str], stops: bool
) -> None:
    rows = review_rows(400)
    train, valid = rows[:200], [row for row in rows[200:] if row["label"] in labels][:60]
    words = (write_csv(tmp_path / "train.csv", train), "--valid", write_csv(tmp_path / "valid.csv", valid))
    report = inspected(*words)
    assert [one["severity"] for one in found(report, "one-class")] == severities
    assert any(one["what"] == "early stopping" for one in report["decisions"]) is stops


def test_equal_tags_in_rows_of_one_pattern_still_tell_checkpoints_apart(inspected: Any, tmp_path: Path) -> None:
    """No single tag is right for all their words."""
    lines = [json.dumps({"tokens": ["In", f"City{i}", "."], "tags": ["O", "B-LOC", "O"]}) + "\n" for i in range(200)]
    train, valid = tmp_path / "train.jsonl", tmp_path / "valid.jsonl"
    train.write_text("".join(lines[:140]))
    valid.write_text("".join(lines[140:]))
    report = inspected(train, "--valid", valid)
    assert any(one["what"] == "early stopping" for one in report["decisions"])


def test_rows_that_a_split_loses_are_counted_where_they_were_read(inspected: Any, tmp_path: Path) -> None:
    rows = review_rows(400)
    train = [*rows[:300], {"text": "", "label": "good"}, {"text": "no label", "label": ""}]
    slips, unseen = [rows[3], rows[4]], [{"text": "a new label", "label": "neutral"}]
    test = write_csv(tmp_path / "test.csv", [*rows[300:] * 3, *slips, *unseen])
    words = ("--test", test, "--allow", "unseen-labels", "--set", "validation_share=0")
    report = inspected(write_csv(tmp_path / "train.csv", train), *words)
    accounts_balance(report)
    assert report["rows"]["train"] == {"read": 302, "kept": 300, "skipped": {"empty-text": 1, "missing-label": 1}}
    assert report["rows"]["test"] == {"read": 303, "kept": 300, "skipped": {"in-training": 2, "unseen-label": 1}}


def test_rows_that_move_to_validation_stay_in_the_account_of_their_source(inspected: Any, tmp_path: Path) -> None:
    rare = [{"text": f"{review('other', i)} r{i}", "label": f"rare {i}"} for i in range(60)]
    report = inspected(write_csv(tmp_path / "t.csv", [*review_rows(300), *rare]), "--allow", "unseen-labels")
    assert report["rows"].keys() == {"train"}
    assert report["rows"]["train"]["read"] == 360
    accounts_balance(report)


def test_a_split_column_divides_the_accounts(inspected: Any, tmp_path: Path) -> None:
    names = ["train"] * 100 + ["dev"] * 40 + ["test"] * 40 + ["attic"] * 3
    rows = [row | {"split": name} for row, name in zip(review_rows(183), names, strict=True)]
    rows[120]["label"] = ""
    columns = ("--text", "text", "--label", "label", "--set", "data.columns.split=split")
    report = inspected(write_csv(tmp_path / "t.csv", rows), *columns)
    accounts_balance(report)
    assert report["rows"] == {
        "train": {"read": 103, "kept": 100, "skipped": {"unknown-split": 3}},
        "validation": {"read": 40, "kept": 39, "skipped": {"missing-label": 1}},
        "test": {"read": 40, "kept": 40, "skipped": {}},
    }


def test_a_threshold_is_not_chosen_without_validation_rows(reviews: Path, tiny_model: Path) -> None:
    with pytest.raises(RecipeError, match="the threshold for f1 is chosen on validation rows, but there are none"):
        inspect(reviews, model=str(tiny_model), threshold="f1", validation_share=0)
    assert not inspect(reviews, model=str(tiny_model), threshold=0.3, validation_share=0).stops


def test_a_finding_that_does_not_exist_cannot_be_allowed(tiny_model: Path) -> None:
    with pytest.raises(UsageError, match="no finding 'leek'") as caught:
        inspect(review_rows(60), model=str(tiny_model), allow=["leek"])
    assert "did you mean 'leak'" in caught.value.hint
    assert inspect(review_rows(60), model=str(tiny_model), allow=["leak"]).stops is False


def test_rows_that_cannot_be_read_are_the_reason(tiny_model: Path, tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("text,label\n" + "a\0b,good\n" * 5)
    with pytest.raises(FindingError, match=r"no row can be read: encoding .*NUL") as caught:
        inspect(path, model=str(tiny_model))
    assert "5 rows" in caught.value.hint and "row 1" in caught.value.where


@pytest.mark.parametrize("data", ["", " ", ["a.csv", ""]])
def test_an_empty_path_is_not_this_folder(data: Any, tiny_model: Path) -> None:
    with pytest.raises(UsageError, match="a path is empty"):
        inspect(data, model=str(tiny_model))


def test_validation_rows_are_counted_as_blocks_of_texts_but_not_as_windows_of_words(tmp_path: Path) -> None:
    """Settings such as early stopping follow from them."""
    texts = write_csv(
        tmp_path / "t.csv", [{"text": " ".join(review("good", 9 * i + k) for k in range(60))} for i in range(20)]
    )
    words = [{"tokens": review("good", i).split() * 8, "tags": ["O", *["B-X"] * 7] * 40} for i in range(20)]
    words = [{"tokens": one["tokens"], "tags": one["tags"][: len(one["tokens"])]} for one in words]
    tagged = tmp_path / "w.jsonl"
    tagged.write_text("".join(json.dumps(one) + "\n" for one in words), encoding="utf-8")
    for data, stops in ((texts, True), (tagged, False)):
        told = Listener()
        settings = {"validation_share": 0.5, "test_share": 0, "max_length": 16}
        plan([str(data)], console=told, from_scratch="tiny", precision="fp32", **settings)
        assert any(one.what == "early stopping" for one in told.decisions) == stops
