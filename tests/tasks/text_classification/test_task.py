"""Text classification in its shapes: from a row to an example, to a loss, to an answer, and back from a directory."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest
import torch
from datasets import Dataset
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from transformers import BertConfig
from transformers.modeling_outputs import SequenceClassifierOutput
from transformers.utils import ModelOutput

from luthier.data.batches import IGNORED
from luthier.data.columns.profile import profile
from luthier.data.records import Fault, Record, Skipped
from luthier.errors import ColumnError, RecipeError
from luthier.recipe import Recipe
from luthier.tasks.phases import Answer, Bound, Recognised
from luthier.tasks.registry import find, refuse_unused, registry, restore
from luthier.tasks.text_classification.labels import Labels
from luthier.tasks.text_classification.task import SHAPES, TextClassification, _embedded
from tests.listener import Listener
from tests.tasks.by_hand import bound, came_back

ROWS: dict[str, list[dict[str, Any]]] = {
    "single/one": [{"text": f"a film {i}", "label": "good" if i % 2 else "bad"} for i in range(20)],
    "pair/one": [{"a": f"a film {i}", "b": f"two people {i}", "same": str(i % 2)} for i in range(20)],
    "single/several": [
        {"text": f"a film {i}", "joy": i % 2, "fear": int(i % 3 == 0), "awe": int(i % 5 == 0)} for i in range(20)
    ],
    "pair/number": [{"a": f"a film {i}", "b": f"two people {i}", "score": f"{0.25 * i}"} for i in range(20)],
}
COLUMNS: dict[str, dict[str, Any]] = {
    "single/one": {"text": "text", "label": "label"},
    "pair/one": {"text": "a", "text_pair": "b", "label": "same"},
    "single/several": {"text": "text", "labels": ["joy", "fear", "awe"]},
    "pair/number": {"text": "a", "text_pair": "b", "label": "score"},
}
ALL = list(ROWS)


def learned(shape: str, **training: Any) -> tuple[Bound[Labels], Dataset]:
    """The task on the rows of a shape, and its examples."""
    recipe = Recipe.build({"data": {"columns": COLUMNS[shape], "shape": shape}, "training": training})
    records = [Record("rows.csv", i, row) for i, row in enumerate(ROWS[shape], start=1)]
    kind = TextClassification()
    found = kind.recognise(profile(records), COLUMNS[shape], shape)
    assert found is not None
    details = kind.details(shape, found.columns, profile(records))
    task = Recognised(kind, found.shape, found.columns, details)
    examples = Dataset.from_list([dict(task.example(record)) for record in records])
    return bound(task.fit(examples, recipe), Mock()), examples


def out(logits: torch.Tensor) -> ModelOutput:
    """What a model gives back."""
    return SequenceClassifierOutput(logits=logits)


def answers_of(task: Bound[Labels], logits: np.ndarray) -> list[Answer]:
    """The answers to rows of which the model gave these logits."""
    kept = task.collect(out(torch.tensor(logits)), {})
    return task.answers({}, [{}] * len(kept), kept)


def loss_of(task: Bound[Labels], logits: torch.Tensor, labels: Sequence[Any], **training: Any) -> float:
    summed = task.loss(Recipe.build({"training": training}).training)
    return float(summed(out(logits), {"labels": torch.tensor(task.learned.encode(labels))}))


def lengths(texts: Sequence[str]) -> np.ndarray:
    """Made-up embeddings from which a label can be told."""
    return np.array([[len(text), int(text.split()[-1]), int(text.split()[-1]) % 2] for text in texts], dtype=float)


@pytest.mark.parametrize("shape", ALL)
def test_a_linear_model_on_embeddings_answers_in_the_form_of_the_model(shape: str) -> None:
    task, examples = learned(shape)
    found = task.probe(lengths, examples[:], examples[:5])["probe"]
    gold = task.gold(examples[:5])
    assert len(found) == 5 and type(found[0]["prediction"]) is type(gold[0])
    if not shape.endswith("/several"):
        values = {m.name: float(m.on(np.ones((1, m.n)))[0]) for m in task.metrics(found, examples[:5])}
        assert values.get("accuracy", values.get("pearson")) == pytest.approx(1, abs=0.01)


def test_a_threshold_for_the_model_is_not_one_for_the_linear_model() -> None:
    task, examples = learned("single/one")
    strict = replace(task, learned=replace(task.learned, threshold=0.999))
    assert (
        strict.probe(lengths, examples[:], examples[:])["probe"]
        == task.probe(lengths, examples[:], examples[:])["probe"]
    )


def test_a_pair_is_both_texts_their_difference_and_their_product() -> None:
    found = _embedded(lengths, [["a 3"], ["bb 4"]])
    assert found.tolist() == [[3, 3, 1, 4, 4, 0, 1, 1, 1, 12, 12, 0]]


@pytest.mark.parametrize("shape", ALL)
def test_a_row_becomes_an_example_with_its_place(shape: str) -> None:
    task, examples = learned(shape)
    assert task.shape == shape
    assert examples[3]["source"] == "rows.csv"
    assert examples[3]["row"] == 4
    assert examples[3]["text"] == "a film 3"
    assert ("text_pair" in examples.column_names) is shape.startswith("pair/")


def test_the_labels_of_each_shape() -> None:
    assert learned("single/one")[1]["label"][:2] == ["bad", "good"]
    assert learned("pair/one")[1]["label"][:2] == ["0", "1"]
    assert learned("single/several")[1]["label"][:4] == [["fear", "awe"], ["joy"], [], ["joy", "fear"]]
    assert learned("pair/number")[1]["label"][:3] == [0.0, 0.25, 0.5]


@pytest.mark.parametrize(
    ("shape", "change", "reason"),
    [
        ("single/one", {"text": None}, "missing-text"),
        ("single/one", {"text": " \n"}, "empty-text"),
        ("single/one", {"label": ""}, "missing-label"),
        ("pair/one", {"a": None, "b": None}, "missing-text"),
        ("pair/one", {"a": "", "b": " "}, "empty-text"),
        ("pair/one", {"b": ["a list"]}, "not-text"),
        ("single/several", {"joy": None}, "missing-label"),
        ("single/one", {"label": b"\xff"}, "bad-label"),
        ("single/several", {"joy": 2}, "bad-label"),
        ("pair/number", {"score": "high"}, "bad-label"),
        ("pair/number", {"score": "nan"}, "bad-label"),
        ("pair/number", {"score": "inf"}, "bad-label"),
        ("pair/number", {"score": math.nan}, "missing-label"),
    ],
)
def test_a_row_that_cannot_be_used_is_set_aside_with_its_reason(shape: str, change: dict, reason: str) -> None:
    task, _ = learned(shape)
    found = task.example(Record("rows.csv", 7, ROWS[shape][0] | change))
    assert isinstance(found, Skipped)
    assert (found.source, found.row, found.reason) == ("rows.csv", 7, reason)
    assert next(iter(change)) in found.detail


@pytest.mark.parametrize("empty", ["", " \n", None, math.nan])
@pytest.mark.parametrize(("column", "role"), [("a", "text"), ("b", "text_pair")])
def test_one_text_of_a_pair_may_be_empty(column: str, role: str, empty: Any) -> None:
    task, _ = learned("pair/one")
    row = ROWS["pair/one"][3]
    texts = {"text": row["a"], "text_pair": row["b"]} | {role: ""}
    assert task.example(Record("rows.csv", 4, row | {column: empty})) == {
        "source": "rows.csv", "row": 4, **texts, "label": "1"
    }  # fmt: skip
    asked = task.query({"a": row["a"], "b": row["b"]} | {column: empty})
    assert not isinstance(asked, Fault) and {name: text.strip() for name, text in asked.items()} == texts
    assert task.query(dict.fromkeys(["a", "b"])) == Fault("missing-text", "column 'a' is empty")
    with pytest.raises(ColumnError):
        task.query({"a": "a film"})


def test_empty_texts_of_pairs_are_counted() -> None:
    task, examples = learned("pair/one")
    assert task.missed(examples, "test") == []
    gaps = examples.map(lambda example: {"text_pair": ""} if example["row"] in (2, 5) else {})
    keys = {"train": [task.key(example) for example in gaps]}
    (finding,) = [one for one in task.check({"train": gaps}, keys, given=["train"]) if one.id == "empty-texts"]
    assert (finding.severity, finding.rows) == ("info", (2, 5))
    assert finding.message.startswith("2 of 20 rows (10.0 %) have an empty text in the column 'b' and are kept: ")


@pytest.mark.parametrize("word", ["NA", "null", "None", "nan"])
def test_words_of_missing_values_are_words(word: str) -> None:
    task, _ = learned("single/one")
    found = task.example(Record("rows.csv", 1, {"text": word, "label": word}))
    assert not isinstance(found, Skipped)
    assert (found["text"], found["label"]) == (word, word)


def test_the_loss_of_one_label_is_torchs_cross_entropy() -> None:
    task, examples = learned("single/one")
    logits, labels = torch.randn(20, 2), task.learned.encode(examples["label"])
    expected = nn.CrossEntropyLoss(reduction="sum")(logits, torch.tensor(labels))
    assert loss_of(task, logits, examples["label"]) == pytest.approx(float(expected), rel=1e-6)
    smooth = nn.CrossEntropyLoss(reduction="sum", label_smoothing=0.2)(logits, torch.tensor(labels))
    assert loss_of(task, logits, examples["label"], label_smoothing=0.2) == pytest.approx(float(smooth), rel=1e-6)
    assert smooth != expected


def test_class_weights_weigh_the_loss_of_their_label() -> None:
    task, examples = learned("single/one", class_weights={"bad": 3.0})
    logits, labels = torch.randn(20, 2), torch.tensor(task.learned.encode(examples["label"]))
    expected = nn.CrossEntropyLoss(torch.tensor([3.0, 1.0]), reduction="sum")(logits, labels)
    found = loss_of(task, logits, examples["label"], class_weights={"bad": 3.0})
    assert found == pytest.approx(float(expected), rel=1e-6)


def test_the_loss_of_several_labels_is_torchs_binary_cross_entropy() -> None:
    task, examples = learned("single/several")
    logits, labels = torch.randn(20, 3), torch.tensor(task.learned.encode(examples["label"]), dtype=torch.float32)
    assert labels[:4].tolist() == [[0, 1, 1], [1, 0, 0], [0, 0, 0], [1, 1, 0]]
    expected = nn.BCEWithLogitsLoss(reduction="sum")(logits, labels)
    assert loss_of(task, logits, examples["label"]) == pytest.approx(float(expected), rel=1e-6)


def test_the_loss_of_a_number_is_torchs_squared_error() -> None:
    task, examples = learned("pair/number")
    logits, gold = torch.randn(20, 1), np.array(examples["label"])
    labels = torch.tensor((gold - gold.mean()) / gold.std(), dtype=torch.float32)
    expected = nn.MSELoss(reduction="sum")(logits[:, 0], labels)
    assert loss_of(task, logits, examples["label"]) == pytest.approx(float(expected), rel=1e-6)


@pytest.mark.parametrize("shape", ALL)
def test_an_ignored_label_adds_nothing_to_the_loss(shape: str) -> None:
    task, examples = learned(shape)
    logits = torch.randn(20, task.learned.width)
    labels = torch.tensor(task.learned.encode(examples["label"]))
    summed = task.loss(Recipe().training)
    part = summed(out(logits[:12]), {"labels": labels[:12]})
    labels[12:] = IGNORED
    assert float(summed(out(logits), {"labels": labels})) == pytest.approx(float(part), rel=1e-6)


@settings(max_examples=50)
@given(st.lists(st.tuples(*[st.floats(-500, 500)] * 2), min_size=1, max_size=8))
def test_the_answer_of_one_label_is_the_softmax(logits: list[tuple[float, ...]]) -> None:
    fitted = TextClassification().of_model(BertConfig(architectures=["BertForSequenceClassification"]), Mock())
    assert fitted is not None
    task = bound(fitted, Mock())
    answers = answers_of(task, np.array(logits))
    expected = torch.softmax(torch.tensor(logits, dtype=torch.float64), dim=1)
    for answer, row in zip(answers, expected, strict=True):
        assert answer["scores"] == pytest.approx(row.tolist(), abs=1e-5)
        assert answer["score"] == max(answer["scores"])
        assert answer["scores"][task.learned.names.index(answer["prediction"])] == answer["score"]


def test_the_answer_of_several_labels_is_those_above_the_threshold() -> None:
    task, _ = learned("single/several")
    answer = answers_of(task, np.array([[2.0, -1.0, 0.0]]))[0]
    assert answer["prediction"] == ["joy", "awe"]
    assert answer["scores"] == pytest.approx(torch.sigmoid(torch.tensor([2.0, -1.0, 0.0])).tolist(), abs=1e-7)
    assert task.readable(answer)["scores"].keys() == {"joy", "fear", "awe"}
    assert answers_of(task, np.array([[-9.0, -9.0, -9.0]]))[0]["prediction"] == []


def test_codes_are_read_as_the_names_of_their_labels() -> None:
    names = {"0": "negative", "1": "positive"}
    one = Recognised(TextClassification(), "single/one", {"text": "text", "label": "label"}, {}).named(names)
    several = Recognised(TextClassification(), "single/several", {"text": "text", "labels": "label"}, {}).named(names)
    for label, found in ((0, "negative"), ("1", "positive"), ("2", "2"), ("positive", "positive")):
        example = one.example(Record("rows.csv", 1, {"text": "a film", "label": label}))
        assert not isinstance(example, Skipped) and example["label"] == found
    example = several.example(Record("rows.csv", 1, {"text": "a film", "label": [0, 1]}))
    assert not isinstance(example, Skipped) and example["label"] == ["negative", "positive"]
    other = one.reading(
        {"text": "review", "label": "stars"}, profile([Record("a.csv", 1, {"review": "x", "stars": 1})])
    )
    assert other.named({"2": "mixed"}).label_names == names | {"2": "mixed"}, "further names"
    example = other.example(Record("rows.csv", 1, {"review": "a film", "stars": 1}))
    assert not isinstance(example, Skipped) and example["label"] == "positive", "another table keeps the names"


def test_the_threshold_is_chosen_on_the_validation_answers_and_told() -> None:
    listener = Listener()
    task, examples = learned("single/one")
    aimed = replace(task, learned=replace(task.learned, aim="precision=0.9", calibrate=False))
    answers = [{"scores": [1 - p, p]} for p in np.linspace(0, 1, len(examples))]
    gold = ["good" if p > 0.7 else "bad" for p in np.linspace(0, 1, len(examples))]
    rows = examples.remove_columns("label").add_column("label", gold)
    tuned = aimed.tuned(lambda: (answers, rows[:]), listener)
    assert tuned.learned.threshold == pytest.approx(13.5 / 19) and "precision=0.9" in tuned.learned.chosen
    (decision,) = listener.decisions
    assert (decision.what, decision.value, decision.why) == ("threshold", "0.711", tuned.learned.chosen)
    wrong = rows.remove_columns("label").add_column("label", ["bad"] * len(rows))
    kept = aimed.tuned(lambda: (answers, wrong[:]), listener).learned
    assert kept.threshold == 0.5 and listener.warned == [f"the threshold stays 0.500: {kept.chosen}"]
    given_one = replace(task, learned=replace(task.learned, threshold=0.7, calibrate=False))
    assert given_one.tuned(lambda: pytest.fail("a given threshold needs no answers"), listener) == given_one


@pytest.mark.parametrize("shape", ["single/one", "single/several"])
@pytest.mark.parametrize("aim", [None, "f1", "precision=0.9"])
def test_a_temperature_is_fitted_on_the_validation_answers_and_changes_no_prediction(
    shape: str, aim: str | None
) -> None:
    task, _ = learned(shape)
    names, rng, listener = task.learned.names, np.random.default_rng(0), Listener()
    logits = rng.normal(0, 2, (400, len(names)))
    if shape == "single/one":
        gold: list[Any] = [rng.choice(names, p=row) for row in torch.tensor(logits).softmax(-1).numpy()]
    else:
        flags = torch.tensor(logits).sigmoid().numpy() > rng.random(logits.shape)
        gold = [[name for name, flag in zip(names, row, strict=True) if flag] for row in flags]
    plain = replace(task, learned=replace(task.learned, aim=aim, calibrate=False))
    calls: list[int] = []

    def answers(of: Bound[Labels], scaled: float = 3.0) -> list[Answer]:
        calls.append(1)
        return answers_of(of, scaled * logits)

    aimed = replace(plain, learned=replace(plain.learned, calibrate=True))
    tuned = aimed.tuned(lambda: (answers(aimed), {"label": gold}), listener)
    assert len(calls) == 1, "one pass over the validation rows"
    assert tuned.learned.temperature == pytest.approx(3.0, rel=0.15)
    first = listener.decisions[0]
    assert (first.what, first.value) == ("calibration", f"temperature {tuned.learned.temperature:.2f}")
    assert first.why == tuned.learned.calibration and first.why.startswith("fitted on the 400 validation rows")
    uncalibrated = plain.tuned(lambda: (answers(plain), {"label": gold}), Listener())
    others = rng.normal(0, 6, (500, len(names)))
    assert [one["prediction"] for one in answers_of(tuned, others)] == [
        one["prediction"] for one in answers_of(uncalibrated, others)
    ]
    assert came_back(tuned).learned == tuned.learned
    old = {key: value for key, value in tuned.to_dict()["learned"].items() if "calibrat" not in key}
    old.pop("temperature")
    assert restore({**tuned.to_dict(), "learned": old}).learned.temperature == 1.0


def test_what_is_not_calibrated_is_told_with_the_reason() -> None:
    task, examples = learned("single/one")
    few = replace(task, learned=replace(task.learned, calibrate=True))
    logits = np.zeros((len(examples), 2))
    for validation, why in (
        (None, "0 validation rows; a temperature needs at least 50"),
        (lambda: (answers_of(task, logits), examples[:]), "20 validation rows; a temperature needs at least 50"),
    ):
        listener = Listener()
        assert few.tuned(validation, listener).learned == replace(few.learned, calibration=why)
        assert [(one.what, one.value, one.why) for one in listener.decisions] == [("calibration", "none", why)]
    given_one = replace(
        task.learned,
        threshold=0.7,
        calibrate=False,
        calibration="the given threshold 0.7 applies to uncalibrated scores",
    )
    _, decisions = replace(task, learned=given_one).bind(Mock(), BertConfig())
    assert ("calibration", "none") in [(one.what, one.value) for one in decisions]
    tuned = replace(task, learned=replace(few.learned, temperature=1.4, calibration="fitted"))
    assert "calibration" not in [one.what for one in tuned.bind(Mock(), BertConfig())[1]], "told when it was fitted"


def test_the_code_for_transformers_says_that_its_scores_are_not_calibrated() -> None:
    for shape, function in (("single/one", "softmax"), ("single/several", "sigmoid")):
        task, _ = learned(shape)
        assert "calibrated" not in task.kind.transformers_code(task, "model")
        calibrated = replace(task, learned=replace(task.learned, temperature=2.0, threshold=2 / 3))
        code = task.kind.transformers_code(calibrated, "model")
        assert f"the {function} of the logits / 2." in code
        assert "from a pipeline score of 0.8 on" in code, "of the pipeline's scores, which are not calibrated"


def test_the_answer_of_a_number_is_the_number() -> None:
    task, examples = learned("pair/number")
    said = answers_of(task, np.array([[2.0]]))[0]
    gold = np.array(examples["label"])
    assert task.readable(said) == {"prediction": pytest.approx(gold.mean() + 2 * gold.std())}
    finished = replace(task, learned=replace(task.learned, in_model=True))
    assert task.readable(answers_of(finished, np.array([[3.25]]))[0]) == {"prediction": 3.25}


@pytest.mark.parametrize("shape", ALL)
def test_a_task_comes_back_from_what_it_wrote(shape: str) -> None:
    task, _ = learned(shape)
    back = bound(came_back(task), Mock())
    assert back.model_config() == task.model_config()
    logits = np.random.default_rng(0).normal(size=(5, task.learned.width))
    assert answers_of(back, logits) == answers_of(task, logits)
    assert back.query(ROWS[shape][0]) == task.query(ROWS[shape][0])


@pytest.mark.parametrize("shape", ALL)
def test_gold_as_prediction_is_a_perfect_score(shape: str) -> None:
    task, examples = learned(shape)
    metrics = task.metrics(task.perfect(examples[:]), examples[:])
    values = {metric.name: float(metric.on(np.ones((1, metric.n)))[0]) for metric in metrics}
    assert task.metric_for_best in values
    for metric in metrics:
        assert values[metric.name] == pytest.approx(1.0 if metric.greater_is_better else 0.0), metric.name


@pytest.mark.parametrize(
    ("config", "shape"),
    [
        ({"num_labels": 3}, "single/one"),
        ({"num_labels": 1}, "single/number"),
        ({"num_labels": 3, "problem_type": "multi_label_classification"}, "single/several"),
        ({"num_labels": 1, "problem_type": "regression"}, "single/number"),
    ],
)
def test_the_task_of_somebody_elses_model_follows_from_its_configuration(config: dict, shape: str) -> None:
    task = TextClassification().of_model(BertConfig(architectures=["BertForSequenceClassification"], **config), Mock())
    assert task is not None
    assert task.shape == shape
    assert task.query({"text": "a film"}) == {"text": "a film"}
    assert len(task.learned.names) == (0 if shape.endswith("number") else config["num_labels"])


def test_a_model_without_the_head_is_of_no_task_of_ours() -> None:
    assert TextClassification().of_model(BertConfig(architectures=["BertForMaskedLM"]), Mock()) is None
    assert TextClassification().of_model(BertConfig(), Mock()) is None


def test_a_text_to_predict_is_found_by_its_column_or_its_role() -> None:
    task, _ = learned("pair/one")
    assert task.query({"a": "one", "b": "two", "id": 3}) == {"text": "one", "text_pair": "two"}
    assert task.query({"text": "one", "text_pair": "two"}) == {"text": "one", "text_pair": "two"}
    with pytest.raises(ColumnError, match="no column 'b'") as caught:
        task.query({"a": "one", "bb": "two"})
    assert "columns: a, bb" in caught.value.hint
    single, _ = learned("single/one")
    with pytest.raises(ColumnError, match="no column 'text'"):
        single.query({"id": 3})
    assert single.query({"text": ""}) == {"text": ""}
    missing = single.query({"text": None})
    assert isinstance(missing, Fault) and missing.reason == "missing-text"


def test_weights_that_cannot_be_are_refused_before_a_model_is_loaded() -> None:
    with pytest.raises(RecipeError, match="no label 'god'"):
        learned("single/one", class_weights={"god": 2.0})
    with pytest.raises(RecipeError, match=r"the weight of 'good' is -1\.0"):
        learned("single/one", class_weights={"good": -1.0})
    with pytest.raises(RecipeError, match=r"does not use training\.class_weights for rows of shape pair/number"):
        refuse_unused(TextClassification(), "pair/number", ["training.class_weights"])


def test_the_registry_finds_the_task_by_name() -> None:
    assert type(registry()["text-classification"]) is TextClassification
    assert find("text-classification") is registry()["text-classification"]
    assert len(SHAPES) == 6


def test_flags_without_names_are_learned_by_their_positions() -> None:
    """A label that no row has keeps its place; a cell that is no list of flags is skipped."""
    rows = [{"text": f"a film {i}", "tags": [i % 2, 0, int(i % 3 == 0)]} for i in range(20)]
    kind, records = TextClassification(), [Record("rows.jsonl", i, row) for i, row in enumerate(rows, start=1)]
    found = kind.recognise(profile(records), {}, None)
    assert found is not None
    assert (found.shape, found.columns) == ("single/several", {"text": "text", "labels": "tags"})
    task = Recognised(kind, found.shape, found.columns, kind.details(found.shape, found.columns, profile(records)))
    examples = Dataset.from_list([dict(task.example(record)) for record in records])
    fitted = task.fit(examples, Recipe.build({"data": {"columns": found.columns}}))
    assert fitted.learned.names == ("0", "1", "2")
    assert fitted.learned.encode(examples["label"]) == [[float(flag) for flag in row["tags"]] for row in rows]
    assert fitted.label_counts(examples) == {"0": 10, "1": 0, "2": 7}
    for odd in ([0, 1], "none", {"0": 1, "x": 1}):
        skipped = task.example(Record("rows.jsonl", 21, {"text": "a film", "tags": odd}))
        assert isinstance(skipped, Skipped) and skipped.reason == "bad-label"


def test_numbers_that_may_have_thousands_are_told_where_they_are_read_as_fractions() -> None:
    profiles = profile([Record("rows.csv", i, {"text": "a film", "price": f"{i}.793"}) for i in range(1, 9)])
    profiles["price"] = replace(profiles["price"], thousands="1.793")
    task = Recognised(TextClassification(), "single/number", {"text": "text", "label": "price"}, {})
    assert [finding.id for finding in task.doubts(profiles)] == ["unclear-thousands"]
    assert not replace(task, details={"writing": {"mark": ","}}).doubts(profiles)
    assert not replace(task, shape="single/one").doubts(profiles)


def test_fields_of_objects_are_read_as_columns() -> None:
    kind = TextClassification()
    task = Recognised(kind, "single/one", {"text": "review.body", "label": "meta.stars"}, {})
    row = {"review": {"body": "a film"}, "meta": {"stars": 4}}
    found = task.example(Record("rows.jsonl", 1, row))
    assert not isinstance(found, Skipped)
    assert (found["text"], found["label"]) == ("a film", "4")
    assert task.query({"review": {"body": "a film"}}) == task.query({"review.body": "a film"}) == {"text": "a film"}
    missing = task.example(Record("rows.jsonl", 1, {"review": {}, "meta": {"stars": 4}}))
    assert isinstance(missing, Skipped) and missing.reason == "missing-text"
