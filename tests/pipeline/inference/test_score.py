"""Scores: metrics with intervals, baselines on the same rows, directions, and undefined metrics."""

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional
from transformers import PreTrainedModel
from transformers.modeling_outputs import SequenceClassifierOutput

from luthier.console import Console
from luthier.errors import ModelError, RecipeError
from luthier.pipeline.inference.score import Scored, all_metrics, quick_metrics, score, score_split
from luthier.pipeline.preparation.prepare import Prepared, prepare
from luthier.pipeline.recipes import build_recipe
from luthier.pipeline.training.assemble import fresh_model
from luthier.tasks.phases import Answer
from luthier.tasks.summarization.task import Summarization
from luthier.tasks.text_classification.task import TextClassification
from tests.conftest import WORDS, review_rows, write_csv
from tests.engines.helpers import prepared_data, with_settings
from tests.listener import Listener
from tests.tasks.by_hand import QUICK, Oracle, learned, recipe_of

TASK, EXAMPLES = learned(TextClassification, review_rows(8))  # bad, good, bad, good, ...
SOURCE = """
seen = []

def errors(predictions, references):
    seen.append((list(predictions), list(references)))
    return sum(p != r for p, r in zip(predictions, references)) / len(references)
"""


def said(*labels: str) -> list[Answer]:
    return [{"prediction": label, "score": 0.75} for label in labels]


SAID = said("bad", "good", "bad", "bad", "bad", "good", "good", "good")  # the fourth and the seventh are wrong


def scored(baselines: dict[str, Sequence[Answer]] | None = None, **settings: Any) -> Scored:
    recipe = recipe_of(**{"evaluation__resamples": 200} | settings)
    return score(TASK, SAID, EXAMPLES, recipe, split="test", baselines=baselines or {})


@pytest.fixture
def errors(tmp_path: Path) -> str:
    """The spec of a metric without a direction."""
    (tmp_path / "own.py").write_text(SOURCE)
    return f"{tmp_path / 'own.py'}:errors"


# -- scores ----------------------------------------------------------------------------------------------------------


def test_answers_are_scored_with_intervals() -> None:
    found = scored()
    accuracy = found.metrics["accuracy"]
    assert (accuracy.value, accuracy.n) == (0.75, 8)
    assert accuracy.low is not None and accuracy.high is not None and accuracy.low < 0.75 < accuracy.high
    assert (found.split, found.metric_for_best) == ("test", "accuracy")
    assert found.directions["accuracy"] is True
    assert (found.baselines, found.differences) == ({}, {})


def test_baselines_are_compared_in_pairs_on_the_same_rows() -> None:
    found = scored({"majority": said(*["bad"] * 8), "twin": SAID})
    assert found.baselines["majority"]["accuracy"] == 0.5
    assert found.differences["majority"]["accuracy"].value == 0.25
    assert found.differences["twin"]["accuracy"].value == 0
    assert (found.differences["twin"]["accuracy"].low, found.differences["twin"]["accuracy"].high) == (0, 0)
    assert found.baselines.keys() == found.differences.keys()


def test_predictions_have_the_rows_and_inputs_they_belong_to() -> None:
    found = scored().predictions
    assert list(found) == ["source", "row", "text", "gold", "prediction", "score"]
    assert found["row"] == list(range(1, 9)) and found["source"] == ["rows.jsonl"] * 8
    assert found["text"] == EXAMPLES["text"] and found["gold"] == ["bad", "good"] * 4
    assert found["prediction"] == [answer["prediction"] for answer in SAID]


def test_keys_of_only_some_answers_are_none_for_the_others() -> None:
    answers = [*SAID[:7], {"prediction": "good", "note": "sure"}]
    found = score(TASK, answers, EXAMPLES, recipe_of(evaluation__resamples=100), split="test", baselines={})
    assert found.predictions["note"] == [None] * 7 + ["sure"]
    assert found.predictions["score"] == [0.75] * 7 + [None]


def test_the_written_scores_are_json_with_split_and_direction() -> None:
    written = json.loads(json.dumps(scored({"majority": said(*["bad"] * 8)}).to_dict("text-classification")))
    assert (written["task"], written["split"], written["metric_for_best"]) == (
        "text-classification",
        "test",
        "accuracy",
    )
    assert written["metrics"]["accuracy"].keys() == {
        *("value", "low", "high", "n", "split", "greater_is_better", "limits")
    }
    assert written["metrics"]["accuracy"]["limits"] == [0.0, 1.0]
    assert written["metrics"]["accuracy"]["split"] == "test"
    assert written["baselines"]["majority"]["accuracy"] == 0.5
    assert written["differences"]["majority"]["accuracy"].keys() == {"value", "low", "high", "n"}


# -- metrics of the user ---------------------------------------------------------------------------------------------


def test_metric_mode_is_the_direction_of_metric_for_best_only(errors: str) -> None:
    plain: dict[str, Any] = {"evaluation__metrics": [errors]}
    assert scored(**plain).metrics["errors"].value == 0.25
    assert scored(**plain).directions["errors"] is None
    best = scored(**plain, evaluation__metric_for_best="errors", evaluation__metric_mode="min")
    assert (best.metric_for_best, best.directions["errors"]) == ("errors", False)
    other = scored(**plain, evaluation__metric_mode="min")
    assert (other.directions["errors"], other.directions["accuracy"]) == (None, True), "only the best metric"


def summaries() -> tuple[Any, Any, list[Answer]]:
    """Four documents, of which two got a summary."""
    rows = [{"document": f"the story of town {i} is long", "summary": f"town {i}"} for i in range(4)]
    task, examples = learned(Summarization, rows)
    texts = ["town 0", None, None, "night"]
    answers = [{"prediction": text, "nll": 2.0, "tokens": 2, "bytes": 6} for text in texts]
    return task, examples, answers


def test_a_custom_metric_gets_only_the_rows_with_a_generated_text(errors: str) -> None:
    task, examples, answers = summaries()
    found = {m.name: m for m in all_metrics(task, answers, examples, recipe_of(evaluation__metrics=[errors]))}
    assert (found["errors"].n, found["rougeL"].n, found["loss"].n) == (2, 2, 4)
    assert float(found["errors"].on(np.ones((1, 2)))[0]) == 0.5


def test_a_custom_metric_is_omitted_if_no_text_was_generated(errors: str) -> None:
    task, examples, answers = summaries()
    none = [answer | {"prediction": None} for answer in answers]
    found = all_metrics(task, none, examples, recipe_of(evaluation__metrics=[errors]))
    assert [metric.name for metric in found] == ["loss"]


def test_baselines_are_scored_only_on_the_rows_with_a_generated_text() -> None:
    task, examples, answers = summaries()
    lead: list[Answer] = [{"prediction": f"town {i}"} for i in range(4)]
    recipe = recipe_of(evaluation__resamples=100)
    found = score(task, answers, examples, recipe, split="validation", baselines={"lead": lead})
    assert found.metrics["loss"].n == 4 and found.metrics["loss"].value == 1.0
    assert found.metrics["rouge1"].n == 2 and found.metrics["rouge1"].value == 0.5
    assert found.baselines["lead"]["rouge1"] == 1.0
    assert (found.differences["lead"]["rouge1"].value, found.differences["lead"]["rouge1"].n) == (-0.5, 2)
    assert "loss" not in found.differences["lead"], "the baseline gives no probabilities"


# -- a model on prepared data ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Prepared:
    held: dict[str, Any] = {"data.validation_share": 0.2, "data.test_share": 0.2, "evaluation.resamples": 100}
    return prepared_data(tmp_path_factory.mktemp("score"), tiny_model, n=50, **held)


@pytest.fixture
def model(data: Prepared) -> PreTrainedModel:
    return fresh_model(data).eval()


def test_quick_metrics_equal_those_of_a_plain_forward_pass(data: Prepared, model: PreTrainedModel) -> None:
    values, answers, _ = quick_metrics(data, model, "validation")
    losses, right = [], []
    for row, label in zip(data.encoded["validation"].rows, data.splits["validation"]["label"], strict=True):
        with torch.no_grad():
            logits = model(**{name: torch.tensor([row[name]]) for name in ("input_ids", "attention_mask")}).logits
        losses.append(float(functional.cross_entropy(logits, torch.tensor([row["labels"]]))))
        right.append(("bad", "good")[int(logits.argmax())] == label)
    assert values["loss"] == pytest.approx(np.mean(losses), rel=1e-5)
    assert values["accuracy"] == pytest.approx(np.mean(right))
    assert len(answers) == len(right) == 10


def test_quick_metrics_omit_undefined_metrics(tmp_path: Path, tiny_model: Path) -> None:
    numbers = prepared_data(tmp_path, tiny_model, "pair/number", n=40, **{"data.validation_share": 0.2})
    same: Any = Oracle(lambda ids: SequenceClassifierOutput(logits=torch.full((len(ids), 1), 1.5)))
    values = quick_metrics(numbers, same, "validation").values
    assert "pearson" not in values, "the correlation of constant predictions is undefined"
    gold, labels = np.array(numbers.splits["validation"]["label"][:]), numbers.task.learned
    said = 1.5 * labels.scale + labels.mean  # standard deviations from the mean, until the model is finished
    assert values["mse"] == pytest.approx(float(((gold - said) ** 2).mean()))
    assert not any(map(math.isnan, values.values()))


def chats(folder: Path, console: Console, **settings: Any) -> Prepared:
    """40 short conversations, 12 of them for validation."""
    rows = [[("user", f"say {i}"), ("assistant", f"number {i} it is")] for i in range(40)]
    lines = [json.dumps({"messages": [{"role": role, "content": text} for role, text in row]}) for row in rows]
    (folder / "chats.jsonl").write_text("\n".join(lines), encoding="utf-8")
    values = {"task": "chat", "from_scratch": "tiny", "validation_share": 0.3, "max_new_tokens": 2, **settings}
    return prepare(build_recipe([str(folder / "chats.jsonl")], values, folder, Console()), console)


def test_a_metric_of_answers_that_selects_the_checkpoint_is_one_of_all_validation_rows(tmp_path: Path) -> None:
    def answered(prepared: Prepared) -> int:
        return quick_metrics(prepared, fresh_model(prepared).eval(), "validation").metrics[-1].n

    console = Listener()
    prepared = chats(tmp_path, console, metric_for_best="rougeL")
    rows = len(prepared.splits["validation"])
    assert rows > prepared.recipe.evaluation.samples == 8
    assert answered(prepared) == rows
    (said,) = [str(decision) for decision in console.decisions if decision.what == "answers"]
    assert "every validation row" in said and "rougeL selects the checkpoint" in said
    console = Listener()
    assert answered(chats(tmp_path, console)) == 8, "the loss selects it"
    assert "answers" not in {decision.what for decision in console.decisions}


def test_a_metric_of_answers_cannot_select_the_checkpoint_if_none_are_generated(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="rougeL selects the checkpoint by generated answers, but samples is 0") as no:
        chats(tmp_path, Console(), metric_for_best="rougeL", samples=0)
    assert no.value.where == "evaluation.samples"
    (tmp_path / "own.py").write_text(SOURCE)
    own = {"metrics": [f"{tmp_path / 'own.py'}:errors:min"], "metric_for_best": "errors"}
    with pytest.raises(RecipeError, match="errors selects the checkpoint by generated answers"):
        chats(tmp_path, Console(), samples=0, **own)
    assert not chats(tmp_path, Console(), samples=0, metric_for_best="perplexity").ranked_by_answers


def test_a_split_is_scored_with_baselines_and_the_model_is_unchanged(data: Prepared, model: PreTrainedModel) -> None:
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    task, found = score_split(data, model.train(), "test", Console())
    few = "10 validation rows; a temperature needs at least 50"
    assert task.learned == replace(data.task.learned, calibration=few), "there is nothing to tune"
    assert found.split == "test" and found.metrics["accuracy"].n == 10
    assert found.baselines.keys() == found.differences.keys() == {"majority", "tfidf", "probe"}
    assert found.predictions["row"] == data.splits["test"]["row"][:]
    assert not model.training and model.device.type == "cpu"
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())


def test_a_linear_model_on_frozen_features_is_compared_with_and_learns_from_some_rows(
    data: Prepared, model: PreTrainedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("luthier.pipeline.inference.score.PROBED", 12)
    seen: list[Sequence[str]] = []

    def embedded(prepared: Prepared, texts: Sequence[str], console: Console) -> Any:
        seen.append(texts)
        return np.array([[text.count(word) for word in WORDS["good"] + WORDS["bad"]] for text in texts])

    monkeypatch.setattr("luthier.pipeline.inference.score.embed", embedded)
    _, found = score_split(data, model, "test", Console())
    assert len(seen[0]) == 12 + 10 and set(seen[0][12:]) == set(data.splits["test"]["text"])
    assert (found.baselines["probe"]["accuracy"] or 0) > 0.5

    def refused(prepared: Prepared, texts: Sequence[str], console: Console) -> Any:
        raise ModelError("no embeddings")

    monkeypatch.setattr("luthier.pipeline.inference.score.embed", refused)
    told = Listener()
    assert score_split(data, model, "test", told)[1].baselines.keys() == {"majority", "tfidf"}
    assert told.warned == ["no linear model on frozen features to compare with: no embeddings"]
    scratch = with_settings(data, model__name=None)
    assert score_split(scratch, model, "test", Console())[1].baselines.keys() == {"majority", "tfidf"}


def test_baselines_can_be_turned_off(data: Prepared, model: PreTrainedModel) -> None:
    told = Listener()
    _, found = score_split(with_settings(data, evaluation__baselines=False), model, "validation", told)
    assert (found.split, found.baselines, told.said) == ("validation", {}, [])


def test_rows_that_training_also_has_are_scored_beside_the_others(tmp_path: Path, tiny_model: Path) -> None:
    rows = review_rows(60)
    test = write_csv(tmp_path / "test.csv", [*rows[:10], *review_rows(90)[60:]])
    given = {"data.test": [str(test)], "data.validation_share": 0.0, "data.shape": "single/one"}
    recipe = build_recipe(
        write_csv(tmp_path / "train.csv", rows), QUICK | given | {"model.name": str(tiny_model)}, tmp_path, Console()
    )
    prepared = prepare(recipe, Console())
    assert {finding.id: finding.severity for finding in prepared.findings}["leak"] == "warning"
    assert (len(prepared.splits["test"]), len(prepared.seen["test"])) == (30, 10)
    model = fresh_model(prepared)
    _, found = score_split(prepared, model, "test", Console())
    assert found.metrics["accuracy"].n == 30, "the headline is that of rows which training lacks"
    assert found.all_rows["accuracy"].n == 40
    whole = evaluate_plainly(prepared, model, [*prepared.splits["test"], *prepared.seen["test"]])
    assert found.all_rows["accuracy"].value == pytest.approx(whole)
    assert found.to_dict("a task")["all_rows"]["accuracy"]["n"] == 40


def evaluate_plainly(prepared: Prepared, model: PreTrainedModel, examples: Sequence[dict[str, Any]]) -> float:
    """Accuracy of a plain forward pass for each row alone."""
    names: dict[int, str] = prepared.task.model_config()["id2label"]
    right = 0
    for example in examples:
        with torch.inference_mode():
            logits = model.eval()(**prepared.task.tokenizer(example["text"], return_tensors="pt")).logits
        right += names[int(logits.argmax())] == example["label"]
    return right / len(examples)
