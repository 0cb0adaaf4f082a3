"""`evaluate`: a run on its own rows once more, and a model on rows that it has not seen."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from datasets import Dataset, DatasetDict

from luthier.api.evaluate import evaluate
from luthier.api.train import train
from luthier.errors import ColumnError, DamagedError, DataError, FindingError, FingerprintError, RunError, UsageError
from luthier.models.loading import load_tokenizer
from luthier.pipeline.results import Evaluation
from luthier.run_directory.predictions import read_predictions
from luthier.run_directory.run import Run
from luthier.storage.atomic import write_json
from luthier.tasks.text_classification import temperatures
from tests.conftest import PLAIN_BY_NAME, review_rows, write_csv
from tests.listener import Listener
from tests.tasks.conftest import COLUMNS

ROWS = review_rows(140)[100:]  # none of them is among those that the run has seen


def predictions(found: Evaluation) -> dict[str, list[Any]]:
    columns = read_predictions(found.directory / "predictions.parquet")
    assert columns is not None
    return columns


def test_an_evaluation_is_typed_and_takes_rows_in_memory(copied: Path) -> None:
    again = evaluate(copied)
    assert isinstance(again, Evaluation)
    found = evaluate(copied, [{"body": row["text"], "y": row["label"]} for row in ROWS], text="body", label="y")
    assert found.metrics["accuracy"].n == 40
    assert found.directory.parent == copied / "evaluations"
    assert re.fullmatch(r"list-of-dicts-\w{6}", found.directory.name)
    assert found.to_dict()["directory"] == str(found.directory)
    assert re.search(rf"^directory +{re.escape(str(found.directory))}$", repr(found), re.MULTILINE)
    with pytest.raises(UsageError, match=r"not evaluation\.threshold"):
        evaluate(copied, threshold=0.3)


def test_codes_are_named_and_the_threshold_that_validation_chose_is_used_again(
    tiny_model: Path, tmp_path: Path
) -> None:
    codes = [{"text": row["text"], "label": int(row["label"] == "good")} for row in review_rows(100)]
    names, console = {0: "bad", 1: "good"}, Listener()
    settings = {"label_names": names, "threshold": "recall=0.9", "max_steps": 1, "baselines": False}
    result = train(codes, model=str(tiny_model), run_dir=tmp_path / "run", console=console, **settings)
    (why,) = [decision.why for decision in console.decisions if decision.what == "threshold"]
    assert why.startswith("chosen for recall=0.9 on the 10 validation rows: precision")
    predictor = result.predictor()
    labels = predictor.task.learned
    assert labels.names == ("bad", "good") and labels.threshold != 0.5
    assert evaluate(result, console=console).metrics == result.metrics
    assert console.said[-1].endswith("the metrics are the same as the run's own")
    by_code = evaluate(result, [{"text": row["text"], "label": int(row["label"] == "good")} for row in ROWS])
    by_name = evaluate(result, ROWS)
    by_other = evaluate(
        result,
        [{**row, "label": "ja" if row["label"] == "good" else "nein"} for row in ROWS],
        label_names={"ja": "good", "nein": "bad"},
    )
    assert by_code.metrics == by_name.metrics == by_other.metrics and by_code.metrics["recall"].n == 40
    for answer in predictor.predict(["a film", "the acting"]):
        above = answer["scores"]["good"] >= labels.threshold
        assert answer["prediction"] == ("good" if above else "bad")
    assert f"from a pipeline score of {labels.threshold:.4g} on" in (result.model_path / "README.md").read_text()


@pytest.mark.parametrize("engine", ["loop", "trainer"])
def test_scores_are_calibrated_on_the_validation_rows_and_predictions_are_the_same_without(
    engine: str, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(temperatures, "SIGNIFICANT", -10)  # any temperature will do
    settings: dict[str, Any] = {"model": str(tiny_model), "engine": engine, "epochs": 2, "learning_rate": 5e-3}
    settings = PLAIN_BY_NAME | settings | {"validation_share": 0.4, "precision": "fp32", "baselines": False}
    settings["resamples"] = 100
    # Some labels are wrong, so that no model can be right in every row.
    rows = [row | ({"label": "good"} if i % 5 == 0 else {}) for i, row in enumerate(review_rows(160))]
    console = Listener()
    result = train(rows, run_dir=tmp_path / "run", console=console, **settings)
    plain = train(rows, run_dir=tmp_path / "plain", calibrate=False, **settings)
    (said,) = [decision for decision in console.decisions if decision.what == "calibration"]
    predictor, uncalibrated = result.predictor(), plain.predictor()
    temperature = predictor.task.learned.temperature
    assert temperature != 1.0 and said.value == f"temperature {temperature:.2f}"
    assert uncalibrated.task.learned.temperature == 1.0 and plain.metrics == result.metrics
    texts = [str(row["text"]) for row in ROWS]
    for now, before in zip(predictor.predict(texts), uncalibrated.predict(texts), strict=True):
        assert now["prediction"] == before["prediction"]
        odds = {name: one["scores"]["good"] / one["scores"]["bad"] for name, one in (("now", now), ("before", before))}
        assert odds["now"] ** temperature == pytest.approx(odds["before"], rel=1e-4)
        assert now["score"] == now["scores"][now["prediction"]]
    assert evaluate(result, console=console).metrics == result.metrics
    assert predictions(evaluate(result)) == read_predictions(Run(result.run.path).predictions_file)
    assert evaluate(result, ROWS).metrics == evaluate(plain, ROWS).metrics
    assert f"the softmax of the logits / {temperature:.4g}" in (result.model_path / "README.md").read_text()


def test_a_run_is_scored_again_to_the_same_numbers(copied: Path) -> None:
    run, console = Run(copied), Listener()
    before = run.read_json(run.metrics_file)
    found = evaluate(str(copied), console=console)
    assert before is not None and found.to_dict()["metrics"] == before["metrics"]
    assert json.loads((copied / "evaluations" / "test" / "metrics.json").read_text()) == before
    assert predictions(found) == read_predictions(run.predictions_file)
    assert console.said[-1].endswith("the metrics are the same as the run's own")


def test_a_run_whose_score_was_another_says_so(copied: Path) -> None:
    run, console = Run(copied), Listener()
    scores = run.read_json(run.metrics_file)
    assert scores is not None
    scores["metrics"]["accuracy"]["value"] = 0.4321
    write_json(run.metrics_file, scores)
    evaluate(copied, console=console)
    assert console.said[-1].endswith("the metrics are not the same as the run's own")


def test_each_row_is_scored_in_the_order_of_the_file_beside_baselines(copied: Path, tmp_path: Path) -> None:
    found = evaluate(copied, write_csv(tmp_path / "my reviews (2026).csv", ROWS), resamples=100)
    assert re.fullmatch(r"my-reviews-2026-\w{6}", found.directory.name)
    columns = predictions(found)
    assert columns["text"] == [row["text"] for row in ROWS]
    assert columns["gold"] == [row["label"] for row in ROWS]
    right = [answer == gold for answer, gold in zip(columns["prediction"], columns["gold"], strict=True)]
    assert found.metrics["accuracy"].value == pytest.approx(sum(right) / 40)
    assert found.baselines["majority"]["accuracy"] == 0.5, "half of the rows are of each label"
    assert found.differences["majority"]["accuracy"].value == pytest.approx(sum(right) / 40 - 0.5)
    assert evaluate(copied, tmp_path / "my reviews (2026).csv", baselines=False).baselines == {}


def test_of_several_splits_the_test_split_is_scored(copied: Path, tmp_path: Path) -> None:
    parts = {"train": review_rows(48), "dev": review_rows(70)[60:], "test": ROWS}
    (tmp_path / "data").mkdir()
    for name, rows in parts.items():
        write_csv(tmp_path / "data" / f"{name}.csv", rows)
    memory = DatasetDict({name: Dataset.from_list(rows) for name, rows in parts.items()})
    console, listening = Listener(), Listener()
    folder = evaluate(copied, tmp_path / "data", console=console, resamples=100)
    assert folder.metrics == evaluate(copied, memory, console=listening, resamples=100).metrics
    assert folder.metrics["accuracy"].n == len(ROWS)
    assert not console.findings, "none of them was trained on"
    for heard in (console, listening):
        assert "split: test (not scored: train, validation)" in map(str, heard.decisions)
    assert {"format", "encoding", "separator", "header"} <= {decision.what for decision in console.decisions}
    del memory["test"]
    with pytest.raises(UsageError, match="none is called test: train, validation"):
        evaluate(copied, memory)


def test_rows_that_cannot_be_scored_are_left_out_and_told(copied: Path) -> None:
    console = Listener()
    odd: list[dict[str, object]] = [{"text": "a film", "label": "mixed"}, {"text": None, "label": "good"}]
    assert evaluate(copied, [*ROWS, *odd], console=console).metrics["accuracy"].n == 40
    assert [finding.id for finding in console.findings] == ["skipped-rows"]
    assert "unknown-label" in console.findings[0].message and "missing-text" in console.findings[0].message
    with pytest.raises(FindingError, match="no row can be scored: 3 unknown-label") as caught:
        evaluate(copied, [{"text": f"a film {i}", "label": "mixed"} for i in range(3)])
    assert "bad, good" in caught.value.hint
    assert "--label-names mixed=bad,..." in caught.value.hint
    with pytest.raises(FindingError) as caught:
        evaluate(copied, [{"text": f"a film {i}", "label": "GOOD"} for i in range(3)])
    assert "--label-names GOOD=good,..." in caught.value.hint, "rather than the first of the model's"


def test_a_conversation_that_the_template_refuses_is_skipped(
    built: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    model, console = shutil.copytree(built("LLaMA"), tmp_path / "model"), Listener()
    tokenizer = load_tokenizer(str(model))
    tokenizer.chat_template = (
        "{% for one in messages %}{% if (one.role == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('turns') }}"
        "{% endif %}{{ one.content + eos_token }}{% endfor %}"
    )
    tokenizer.save_pretrained(model)
    user, reply = {"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hi"}
    rows = [{"messages": [user, reply]}, {"messages": [user, user, reply]}, {"messages": [user, reply]}]
    assert evaluate(model, rows, console=console, max_new_tokens=4).metrics["loss"].n == 2
    assert "refused-conversation" in console.findings[0].message


def test_rows_of_which_half_cannot_be_scored_are_refused_unless_that_is_allowed(copied: Path) -> None:
    odd: list[dict[str, object]] = [{"text": f"a film {i}", "label": "mixed"} for i in range(40)]
    rows = [*ROWS, *odd]
    with pytest.raises(FindingError) as caught:
        evaluate(copied, rows)
    assert "40 of 80 rows (50.0 %)" in caught.value.what and "--allow mostly-skipped" in caught.value.hint
    assert not (copied / "evaluations").exists()
    assert evaluate(copied, rows, allow=["mostly-skipped"]).metrics["accuracy"].n == 40
    with pytest.raises(UsageError, match="no finding 'mostly-skiped'") as caught:
        evaluate(copied, rows, allow=["mostly-skiped"])
    assert caught.value.hint == "did you mean 'mostly-skipped'?"


def test_rows_without_a_target_left_are_skipped_and_told_as_in_training(tmp_path: Path) -> None:
    def talk(name: str, n: int, first: int, long: int) -> str:
        """A file of short conversations, the first of which have a question that leaves no room for the answer."""
        rows = [
            {"role": "user", "content": ("long text " * 40 if i < long else "short") + f" {first + i}"}
            for i in range(n)
        ]
        pairs = [{"messages": [row, {"role": "assistant", "content": f"reply {i}"}]} for i, row in enumerate(rows)]
        (tmp_path / name).write_text("\n".join(map(json.dumps, pairs)), encoding="utf-8")
        return str(tmp_path / name)

    data, test = talk("train.jsonl", 60, 0, 0), talk("test.jsonl", 40, 100, 30)
    few = {"max_steps": 1, "generation.max_new_tokens": 2, "baselines": False, "max_length": 64}
    console = Listener()
    settings: dict[str, Any] = {"task": "chat", "from_scratch": "tiny", "test": test, **few}
    with pytest.raises(FindingError, match=r"30 of 40 test rows \(75.0 %\) have no target left"):
        train(data, run_dir=tmp_path / "refused", **settings)
    result = train(data, run_dir=tmp_path / "run", allow=["lost-targets"], console=console, **settings)
    (splits,) = [decision.value for decision in console.decisions if decision.what == "splits"]
    assert splits.endswith("test 10")
    with pytest.raises(FindingError, match=r"30 of 40 test rows \(75.0 %\) have no target left"):
        evaluate(result, test)
    again = evaluate(result, test, allow=["lost-targets"], console=(told := Listener()), baselines=False)
    assert again.metrics == result.metrics
    assert again.metrics["loss"].n == 10
    assert {finding.id for finding in told.findings} == {"lost-targets", "truncation"}


def test_rows_that_the_model_was_trained_on_are_told(copied: Path) -> None:
    described, console = Run(copied).read_json(Run(copied).data_file), Listener()
    assert described is not None
    seen = described["splits"]["train"]  # of the 48 rows of the run
    evaluate(copied, review_rows(48), console=console)
    (finding,) = console.findings
    assert (finding.id, finding.severity) == ("training-rows", "warning")
    assert f"{seen} of 48 rows" in finding.message
    console = Listener()
    evaluate(copied, ROWS, console=console)
    assert console.findings == []


def test_without_the_training_rows_there_are_no_baselines(copied: Path, tmp_path: Path) -> None:
    run, console = Run(copied), Listener()
    (source,) = run.recipe.data.train
    run.recipe_file.write_text(run.recipe_file.read_text().replace(source, str(tmp_path / "moved.csv")))
    found = evaluate(copied, ROWS, console=console)
    assert found.baselines == {} and found.metrics["accuracy"].n == 40
    (warning,) = console.warned
    assert "no baselines" in warning and "cannot be read again" in warning


def test_a_model_alone_is_scored_beside_the_caller(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = evaluate(run / "model", ROWS)
    assert re.fullmatch(r"evaluations/list-of-dicts-\w{6}", found.directory.as_posix())
    assert (tmp_path / found.directory / "metrics.json").is_file()
    assert found.baselines == {}, "nobody knows what it learned from"
    assert found.to_dict()["run"] == str(run / "model")


def test_flags_need_a_column_for_each_label_of_the_model(tuned: Callable[[str], Path], tmp_path: Path) -> None:
    run = shutil.copytree(tuned("single/several"), tmp_path / "run")
    flags = COLUMNS["single/several"]["labels"]
    rows = [{"text": f"a film {i}", **{name: (i + j) % 2 for j, name in enumerate(flags)}} for i in range(20)]
    fewer = [{key: value for key, value in row.items() if key != flags[0]} for row in rows]
    with pytest.raises(ColumnError, match=f"1 label of the model has no column: {flags[0]}"):
        evaluate(run, fewer, label=list(flags[1:]))
    renamed = [{"other" if key == flags[0] else key: value for key, value in row.items()} for row in rows]
    found = evaluate(run, renamed, label=["other", *flags[1:]], label_names={"other": flags[0]})
    assert found.metrics["f1_micro"].n == 20


def test_rows_of_which_none_has_a_label_are_told(tuned: Callable[[str], Path], tmp_path: Path) -> None:
    run, console = shutil.copytree(tuned("single/several"), tmp_path / "run"), Listener()
    bare = [{"text": f"a film {i}", **dict.fromkeys(COLUMNS["single/several"]["labels"], 0)} for i in range(20)]
    evaluate(run, bare, console=console)
    assert "unlabelled-rows" in [finding.id for finding in console.findings]


def test_rows_of_another_shape_are_refused(copied: Path) -> None:
    rows = [{"first": row["text"], "second": "a story", "same": i % 2} for i, row in enumerate(ROWS)]
    with pytest.raises(DataError, match=r"the rows are pair/one, .* single/one"):
        evaluate(copied, rows, text=["first", "second"], label="same")
    assert not (copied / "evaluations").exists()


def test_a_run_is_not_scored_again_on_data_that_has_changed(copied: Path, tmp_path: Path) -> None:
    run = Run(copied)
    (source,) = run.recipe.data.train
    changed = tmp_path / "changed" / Path(source).name
    changed.parent.mkdir()
    changed.write_text(Path(source).read_text() + "one more,,good,0,0,0,1\n")
    for file in (run.recipe_file, run.data_file):
        file.write_text(file.read_text().replace(source, str(changed)))
    with pytest.raises(FingerprintError, match="the data has changed"):
        evaluate(copied)


def test_a_run_without_a_score_is_refused(copied: Path) -> None:
    Run(copied).metrics_file.unlink()
    with pytest.raises(DamagedError, match="the scores of the run are missing") as caught:
        evaluate(copied)
    assert caught.value.hint.endswith(f"luthier train {copied / 'recipe.toml'}"), "resume would say it is complete"
    Run(copied).result_file.unlink()
    with pytest.raises(RunError, match="no score yet") as unfinished:
        evaluate(copied)
    assert f"luthier resume {copied}" in unfinished.value.hint


def test_only_a_run_knows_its_rows(run: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no data to evaluate on") as caught:
        evaluate(run / "model")
    assert f"luthier evaluate {run / 'model'} DATA" in caught.value.hint


def test_files_of_one_name_do_not_replace_each_others_scores(copied: Path, tmp_path: Path) -> None:
    found = []
    for folder, rows in (("one", review_rows(70)[60:]), ("two", review_rows(80)[68:])):
        (tmp_path / folder).mkdir()
        found.append(evaluate(copied, write_csv(tmp_path / folder / "test.csv", rows)).directory)
    again = evaluate(copied, tmp_path / "one" / "test.csv").directory
    assert len({*found, evaluate(copied).directory}) == 3
    assert again == found[0]


def test_a_task_that_the_model_was_not_trained_for_is_refused(copied: Path) -> None:
    with pytest.raises(UsageError, match="trained for text-classification, not for summarization"):
        evaluate(copied, ROWS, task="summarization")


def test_a_run_and_a_result_are_paths(copied: Path) -> None:
    assert evaluate(Run(copied), ROWS, resamples=100).metrics["accuracy"].n == len(ROWS)
