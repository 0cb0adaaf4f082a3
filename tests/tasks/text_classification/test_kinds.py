"""The three kinds of label: how each is read, counted, learned and scored."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from datasets import Dataset
from hypothesis import assume, given
from hypothesis import strategies as st
from torch import nn

from luthier.data.batches import IGNORED
from luthier.data.records import Fault
from luthier.errors import RecipeError
from luthier.metrics.calibration import TEMPERATURES
from luthier.recipe import Recipe
from luthier.tasks.text_classification.cells import Cells
from luthier.tasks.text_classification.kinds import KINDS, OneLabel, SeveralLabels
from luthier.tasks.text_classification.labels import Labels
from luthier.tasks.text_classification.number import Number
from luthier.tasks.text_classification.temperatures import moved


def values_of(labels: Labels, predicted: list[Any], gold: list[Any]) -> dict[str, float]:
    """The metrics by name."""
    return {metric.name: float(metric.on(np.ones((1, metric.n)))[0]) for metric in labels.metrics(predicted, gold)}


def split(labels: list[Any]) -> Dataset:
    return Dataset.from_dict({"label": labels, "row": list(range(1, len(labels) + 1))})


def test_a_kind_is_found_by_the_second_half_of_a_shape() -> None:
    assert {"one": OneLabel, "several": SeveralLabels, "number": Number} == KINDS


# -- reading ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cell", "label"), [("good", "good"), (0, "0"), (1.5, "1.5"), (True, "True"), (" NA ", " NA ")]
)
def test_one_label_is_read_as_it_is_written(cell: Any, label: str) -> None:
    assert OneLabel.read({"label": cell}, "label", Cells()) == label


@pytest.mark.parametrize(
    ("cells", "labels"),
    [
        ({"joy": 1, "fear": 0, "awe": "1"}, ["joy", "awe"]),
        ({"joy": True, "fear": "False", "awe": " TRUE "}, ["joy", "awe"]),
        ({"joy": 0.0, "fear": "1.0", "awe": "0"}, ["fear"]),
        ({"joy": 0, "fear": 0, "awe": 0}, []),
    ],
)
def test_flags_name_the_labels_that_a_row_has(cells: dict[str, Any], labels: list[str]) -> None:
    assert SeveralLabels.read(cells, ["joy", "fear", "awe"], Cells()) == labels


@pytest.mark.parametrize(
    ("cell", "separator", "labels"),
    [("joy|fear", "|", ["joy", "fear"]), (["joy", 2], None, ["joy", "2"]), ("", "|", []), ([], None, [])],
)
def test_labels_of_one_cell_are_parted(cell: Any, separator: str | None, labels: list[str]) -> None:
    assert SeveralLabels.read({"moods": cell}, "moods", Cells(separator)) == labels


@pytest.mark.parametrize(("cell", "number"), [(3, 3.0), ("-1.5", -1.5), (" 2e3 ", 2000.0)])
def test_a_number_is_read_also_from_text(cell: Any, number: float) -> None:
    assert Number.read({"score": cell}, "score", Cells()) == number


def test_an_empty_cell_of_joined_labels_is_none_in_files_and_in_memory() -> None:
    joined = Cells("|")
    assert [SeveralLabels.read({"moods": empty}, "moods", joined) for empty in ("", None, math.nan)] == [[], [], []]
    written = [SeveralLabels.read({"moods": empty}, "moods", Cells("[]")) for empty in ("", None, "[]")]
    assert [one if isinstance(one, list) else one.reason for one in written] == ["missing-label", "missing-label", []]


@pytest.mark.parametrize(
    ("kind", "values", "columns", "reason", "words"),
    [
        (OneLabel, {"label": None}, "label", "missing-label", "'label'"),
        (OneLabel, {}, "label", "missing-label", "'label'"),
        (SeveralLabels, {"moods": None}, "moods", "missing-label", "'moods'"),
        (SeveralLabels, {"joy": 1, "fear": None, "awe": ""}, ["joy", "fear", "awe"], "missing-label", "fear, awe"),
        (SeveralLabels, {"joy": 1, "fear": 0.5}, ["joy", "fear"], "bad-label", "'fear' is 0.5"),
        (SeveralLabels, {"joy": "maybe", "fear": 1}, ["joy", "fear"], "bad-label", "'joy' is 'maybe'"),
        (Number, {"score": math.nan}, "score", "missing-label", "'score'"),
        (Number, {"score": "1,5"}, "score", "bad-label", "'1,5'"),
        (Number, {"score": math.inf}, "score", "bad-label", "inf"),
        (Number, {"score": True}, "score", "bad-label", "True"),
    ],
)
def test_a_label_that_is_none_of_its_kind_is_a_fault(
    kind: type[Labels], values: dict[str, Any], columns: str | list[str], reason: str, words: str
) -> None:
    found = kind.read(values, columns, Cells())
    assert isinstance(found, Fault)
    assert found.reason == reason and words in found.detail


# -- what is learned of the training labels --------------------------------------------------------------------------


def fitted(
    labels: list[Any],
    kind: type[Labels] = OneLabel,
    threshold: float | str = 0.5,
    calibrate: bool = True,
    **data: Any,
) -> Labels:
    evaluation = {"threshold": threshold, "calibrate": calibrate}
    return kind.fit(labels, Recipe.build({"data": data, "evaluation": evaluation}), Cells())


def test_a_threshold_is_given_or_chosen_later() -> None:
    for labels, kind in ((["bad", "good"], OneLabel), ([["joy"], ["fear"]], SeveralLabels)):
        assert (fitted(labels, kind, 0.4).threshold, fitted(labels, kind, 0.4).aim) == (0.4, None)
        assert (fitted(labels, kind, "f1").threshold, fitted(labels, kind, "f1").aim) == (0.5, "f1")


@pytest.mark.parametrize("threshold", [0.4, "f1"])
def test_a_threshold_is_for_two_labels(threshold: float | str) -> None:
    with pytest.raises(RecipeError, match=r"threshold is for two labels, .* there are 3: a, b, c"):
        fitted(["a", "b", "c"], threshold=threshold)


def test_of_two_labels_the_positive_one_is_predicted_from_the_threshold_on() -> None:
    logits = np.log(np.array([[0.2, 0.8], [0.4, 0.6], [0.7, 0.3]]))
    for threshold, found in ((0.5, "110"), (0.6 - 1e-9, "110"), (0.7, "100"), (0.25, "111")):
        answers = OneLabel(("0", "1"), 1, threshold=threshold).answers(logits)
        assert "".join(one["prediction"] for one in answers) == found
        assert [one["score"] for one in answers] == pytest.approx(
            [one["scores"][int(one["prediction"])] for one in answers]
        ), "the probability of the prediction"


def test_scores_are_calibrated_unless_a_threshold_is_given_for_them() -> None:
    for labels, kind in ((["bad", "good"], OneLabel), ([["joy"], ["fear"]], SeveralLabels)):
        for threshold, wanted, why in (
            (0.5, True, ""),
            ("f1", True, ""),
            (0.7, False, "given threshold 0.7 applies to uncalibrated scores"),
        ):
            found = fitted(labels, kind, threshold)
            assert found.calibrate == wanted and why in found.calibration and bool(found.calibration) == bool(why)
            off = fitted(labels, kind, threshold, calibrate=False)
            assert (off.calibrate, off.calibration, off.threshold) == (False, "", found.threshold)
    assert not fitted([1.0, 2.0], Number).calibrate


def test_the_logits_are_divided_by_the_temperature() -> None:
    logits = np.array([[2.0, -1.0], [0.5, 0.25]])
    one, several = OneLabel(("a", "b"), 1, temperature=2.5), SeveralLabels(("a", "b"), temperature=2.5)
    scores = np.array([answer["scores"] for answer in one.answers(logits)])
    assert scores == pytest.approx(torch.tensor(logits / 2.5).softmax(-1).numpy())
    scores = np.array([answer["scores"] for answer in several.answers(logits)])
    assert scores == pytest.approx(torch.tensor(logits / 2.5).sigmoid().numpy())


@given(
    st.lists(st.lists(st.integers(-3000, 3000), min_size=2, max_size=2), min_size=1, max_size=6),
    st.floats(*TEMPERATURES),
    st.sampled_from([0.5, 0.02, 0.35, 0.9]),
)
def test_predictions_do_not_change_with_the_temperature(
    hundredths: list[list[int]], temperature: float, threshold: float
) -> None:
    logits = np.array(hundredths) / 100
    probabilities = torch.tensor(np.stack([logits[:, 1] - logits[:, 0], *logits.T])).sigmoid().numpy()
    assume(threshold == 0.5 or np.abs(probabilities - threshold).min() > 1e-9)
    three = np.concatenate([logits, logits[:, :1] - 1], axis=1)
    for labels, of in (
        (OneLabel(("a", "b"), 1, threshold), logits),
        (OneLabel(("a", "b", "c")), three),
        (SeveralLabels(("a", "b"), threshold=threshold), logits),
    ):
        then = moved(labels.threshold, temperature)
        calibrated = replace(labels, temperature=temperature, threshold=then)
        said, before = ([one["prediction"] for one in kind.answers(of)] for kind in (calibrated, labels))
        assert said == before


def test_what_calibration_is_measured_on() -> None:
    answers = [{"scores": [0.2, 0.8], "prediction": "good"}, {"scores": [0.6, 0.4], "prediction": "good"}]
    found = OneLabel(("bad", "good"), 1, threshold=0.3).decided(answers, ["good", "bad"])
    assert found.confidence().tolist() == [0.8, 0.4] and found.right.tolist() == [True, False]
    found = SeveralLabels(("joy", "awe")).decided(answers, [["joy", "awe"], []])
    assert found.confidence().tolist() == [0.2, 0.8, 0.6, 0.4], "each label has a probability of its own"
    assert found.right.tolist() == [True, True, False, False]


def test_what_a_threshold_decides() -> None:
    answers = [{"scores": [0.2, 0.8]}, {"scores": [0.6, 0.4]}]
    scores, truth = OneLabel(("bad", "good"), 1).choices(answers, ["good", "bad"])
    assert (scores.tolist(), truth.tolist()) == ([0.8, 0.4], [True, False])
    scores, truth = SeveralLabels(("joy", "awe")).choices(answers, [["joy", "awe"], []])
    assert (scores.tolist(), truth.tolist()) == ([0.2, 0.8, 0.6, 0.4], [True, True, False, False])
    assert len(OneLabel(("a", "b", "c")).choices([{"scores": [1, 0, 0]}], ["a"])[0]) == 0


def test_named_labels_keep_the_order_of_their_codes() -> None:
    names = {"0": "ok", "1": "bad", "10": "awful"}
    found = fitted(["bad", "ok", "awful"], label_names=names)
    assert found.names == ("ok", "bad", "awful") and list(found.counts(["awful", "ok"])) == ["ok", "awful"]
    two = fitted(["bad", "ok"], label_names={"0": "ok", "1": "bad"})
    assert two.positive == 1 and two.names[1] == "bad", "code 1 stays the positive label"
    assert fitted([["bad"], ["ok"]], SeveralLabels, label_names={"0": "ok", "1": "bad"}).names == ("ok", "bad")
    with pytest.raises(RecipeError, match="no label '1'") as caught:
        fitted(["bad", "ok"], label_names={"0": "ok", "1": "bad"}, positive_label="1")
    assert caught.value.hint == "write bad: label_names gives 1 this name"


def test_flags_are_named() -> None:
    data = {"columns": {"labels": ["0", "1"]}, "label_names": {"0": "joy", "1": "fear"}}
    assert fitted([["joy"], ["fear"]], SeveralLabels, **data).names == ("joy", "fear")


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (["good", "bad", "good"], ("bad", "good")),
        (["10", "9", "1"], ("1", "9", "10")),
        (["b", "2", "-1.5", "a"], ("-1.5", "2", "a", "b")),
    ],
)
def test_labels_stand_by_size_and_then_by_the_alphabet(labels: list[str], names: tuple[str, ...]) -> None:
    assert fitted(labels).names == names
    assert fitted([[one] for one in labels], SeveralLabels).names == names
    assert list(OneLabel(names).counts(labels)) == list(names)


@pytest.mark.parametrize(
    ("labels", "positive"),
    [
        (["0", "1"], "1"),
        (["entailment", "not_entailment"], "entailment"),
        (["Spam", "ham"], "Spam"),
        (["False", "True"], "True"),
        (["pos", "positive"], "positive"),
        (["bad", "good"], "good"),
    ],
)
def test_the_positive_class_is_known_by_its_word_or_is_the_second(labels: list[str], positive: str) -> None:
    found = fitted(labels)
    assert found.positive is not None
    assert found.names[found.positive] == positive


def test_the_positive_class_is_the_one_that_was_asked_for() -> None:
    assert fitted(["bad", "good"], positive_label="bad").positive == 0
    assert fitted(["bad", "good", "fair"]).positive is None, "of three there is none"
    with pytest.raises(RecipeError, match="for two labels, but there are 3: bad, fair, good"):
        fitted(["bad", "good", "fair"], positive_label="bad")
    with pytest.raises(RecipeError, match="'god'") as caught:
        fitted(["bad", "good"], positive_label="god")
    assert (caught.value.where, caught.value.hint) == ("data.positive_label", "did you mean 'good'?")


def test_columns_of_flags_keep_their_order_and_labels_that_no_row_has() -> None:
    found = fitted([["awe"], ["joy", "awe"]], SeveralLabels, columns={"labels": ["joy", "fear", "awe"]})
    assert (found.names, found.threshold) == (("joy", "fear", "awe"), 0.5)
    assert found.counts([["awe"], ["joy", "awe"]]) == {"joy": 1, "fear": 0, "awe": 2}


def test_a_number_has_no_names_and_no_weights() -> None:
    assert fitted([1.5, 2.0], Number).names == ()
    assert Number().counts([1.5]) == {}
    assert Number.uses == (), "neither weights nor a threshold: see `refuse_unused`"


def test_a_number_is_learned_in_standard_deviations_and_answered_in_its_unit() -> None:
    labels = fitted([1500.0, 2000.0, 2500.0], Number)
    assert (labels.mean, labels.scale) == (2000.0, pytest.approx(408.248, abs=1e-3))
    encoded = labels.encode([1500.0, 2000.0])
    assert encoded == pytest.approx([-1.2247, 0.0], abs=1e-4)
    answers = labels.answers(np.array(encoded)[:, None])
    assert [answer["prediction"] for answer in answers] == pytest.approx([1500.0, 2000.0])
    assert labels.decoded(torch.tensor(encoded)).tolist() == pytest.approx([1500.0, 2000.0], rel=1e-6)
    finished = replace(labels, in_model=True)
    assert [answer["prediction"] for answer in finished.answers(np.array([[1500.0]]))] == [1500.0]
    gold, said = torch.tensor(encoded), torch.tensor([[-1.0], [1.0]])
    assert finished.loss(0)(labels.decoded(said), gold) == pytest.approx(float(labels.loss(0)(said, gold)), rel=1e-5)
    assert fitted([3.0, 3.0], Number) == Number()  # nothing to learn, and nothing to divide by


def test_splits_are_balanced_by_label_by_labels_and_by_size() -> None:
    assert OneLabel.strata(["a", "b"]) == ["a", "b"]
    several = SeveralLabels.strata([["a"], ["a", "b"]] * 10)
    assert len(set(several)) == 2 and several[0] == several[2]
    assert len(set(Number.strata([float(i) for i in range(100)]))) == 10


# -- checks ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("labels", "train", "test", "found"),
    [
        (OneLabel(("a",)), ["a"] * 30, ["b"], {"unseen-labels", "one-class"}),
        (OneLabel(("a", "b")), ["a"] * 60 + ["b"] * 3, ["a"], {"rare-class", "imbalance"}),
        (
            OneLabel(("NA", "Yes", "yes")),
            ["NA", "yes", "Yes"] * 10,
            ["yes"],
            {"near-equal-labels", "missing-like-labels"},
        ),
        (OneLabel(tuple(map(str, range(30)))), [str(i) for i in range(30)], ["1"], {"label-by-row", "rare-class"}),
        (SeveralLabels(("a", "b")), [["a"]] * 30, [["a"]], {"constant-label", "rare-class"}),
        (SeveralLabels(("a", "b")), [["a"], ["b"], []] * 10, [["c"]], {"unseen-labels"}),
        (SeveralLabels(("a", "b")), [["a"], ["b"]] * 15, [["a"]], {"exclusive-labels"}),
        (OneLabel(("a", "b")), ["a", "b"] * 15, ["a", "a"], {"one-class"}),
        (Number(), [1.5] * 30, [2.0], {"constant-target"}),
        (Number(), [1.5, 2.5] * 15 + [1e6], [2.0], {"outliers"}),
        (OneLabel(("a", "b")), ["a", "b"] * 15, ["a"], set()),
        (Number(), [1.5, 2.5] * 15, [2.0], set()),
    ],
)
def test_labels_that_cannot_be_learned_are_found(
    labels: Labels, train: list[Any], test: list[Any], found: set[str]
) -> None:
    findings = labels.check({"train": split(train), "test": split(test)})
    assert {finding.id for finding in findings} >= found
    assert bool(findings) is bool(found)


def test_unseen_labels_of_rows_with_several_have_the_numbers_of_the_rows() -> None:
    train = Dataset.from_dict({"label": [["a"], ["b"]], "row": [1, 2]})
    test = Dataset.from_dict({"label": [["a", "b"], ["a", "b"], ["a", "y", "z"]], "row": [10, 11, 12]})
    findings = SeveralLabels(("a", "b")).check({"train": train, "test": test})
    assert next(one for one in findings if one.id == "unseen-labels").rows == (12,)


# -- learning --------------------------------------------------------------------------------------------------------


def test_labels_as_the_loss_reads_them() -> None:
    assert OneLabel(("bad", "good")).encode(["good", "bad"]) == [1, 0]
    assert SeveralLabels(("joy", "fear")).encode([["fear"], [], ["fear", "joy"]]) == [
        [0.0, 1.0],
        [0.0, 0.0],
        [1.0, 1.0],
    ]
    assert Number().encode([1.5, -2.0]) == [1.5, -2.0]


def test_each_of_several_labels_weighs_as_much_as_it_is_given() -> None:
    plain, weighed = SeveralLabels(("joy", "fear")), SeveralLabels(("joy", "fear"), weights=(3.0, 0.5))
    logits, labels = torch.zeros(2, 2), torch.tensor([[1.0, 0.0], [0.0, 0.0]])
    assert float(plain.loss(0.0)(logits, labels)) == pytest.approx(4 * math.log(2))
    assert float(weighed.loss(0.0)(logits, labels)) == pytest.approx((2 * 3.0 + 2 * 0.5) * math.log(2))


def test_smoothing_moves_the_target_of_a_label_towards_a_half() -> None:
    logits, labels = torch.tensor([[2.0, -1.0]]), torch.tensor([[1.0, 0.0]])
    expected = nn.BCEWithLogitsLoss(reduction="sum")(logits, torch.tensor([[0.9, 0.1]]))
    assert float(SeveralLabels(("joy", "fear")).loss(0.2)(logits, labels)) == pytest.approx(float(expected))


def test_an_ignored_row_of_several_labels_or_of_a_number_costs_nothing() -> None:
    ignored = torch.full((1, 2), float(IGNORED))
    assert float(SeveralLabels(("joy", "fear")).loss(0.0)(torch.ones(1, 2), ignored)) == 0.0
    assert float(Number().loss(0.0)(torch.ones(1, 1), torch.tensor([float(IGNORED)]))) == 0.0


# -- answers and scores ----------------------------------------------------------------------------------------------


def test_logits_of_any_size_become_probabilities() -> None:
    (answer,) = OneLabel(("bad", "good")).answers(np.array([[1000.0, 1000.0 + math.log(3)]]))
    assert answer["prediction"] == "good"
    assert answer["scores"] == pytest.approx([0.25, 0.75]) and answer["score"] == max(answer["scores"])


def test_the_score_of_several_labels_is_that_of_the_whole_set() -> None:
    odds = [math.log(3), -math.log(4)]  # 0.75 and 0.2
    (answer,) = SeveralLabels(("joy", "fear")).answers(np.array([odds]))
    assert answer["prediction"] == ["joy"]
    assert answer["score"] == pytest.approx(0.75 * 0.8)
    (lower,) = SeveralLabels(("joy", "fear"), threshold=0.2 - 1e-9).answers(np.array([odds]))
    assert lower["prediction"] == ["joy", "fear"]


@pytest.mark.parametrize(
    ("labels", "predicted", "gold", "scores"),
    [
        (
            *(OneLabel(("bad", "good"), 1), ["good", "good", "bad"], ["good", "bad", "bad"]),
            {"accuracy": 2 / 3, "f1": 2 / 3, "precision": 0.5, "recall": 1.0, "mcc": 0.5},
        ),
        (
            *(SeveralLabels(("joy", "fear")), [["joy"], ["joy", "fear"]], [["joy"], ["fear"]]),
            {"exact_match": 0.5, "jaccard": 0.75, "f1_micro": 0.8, "f1_macro": (2 / 3 + 1) / 2},
        ),
        (
            *(Number(), [1.0, 2.0, 4.0], [1.0, 2.0, 3.0]),
            {"mae": 1 / 3, "mse": 1 / 3, "pearson": 9 / math.sqrt(84), "spearman": 1.0, "r2": 0.5},
        ),
    ],
)
def test_scores_by_hand(labels: Labels, predicted: list[Any], gold: list[Any], scores: dict[str, float]) -> None:
    assert values_of(labels, predicted, gold) == pytest.approx(scores)
    assert labels.best in scores


def test_the_baselines_answer_in_labels_and_numbers() -> None:
    train = ["good film"] * 4 + ["bad film"] * 6
    one = OneLabel(("bad", "good")).baselines(train, ["good"] * 4 + ["bad"] * 6, ["good film", "bad film"])
    assert one == {"majority": ["bad", "bad"], "tfidf": ["good", "bad"]}
    several = SeveralLabels(("joy", "fear")).baselines(train, [["joy"]] * 4 + [["joy", "fear"]] * 6, ["good film"])
    assert several == {"majority": [["joy", "fear"]], "tfidf": [["joy"]]}
    number = Number().baselines(train, [5.0] * 4 + [0.0] * 6, ["good film", "bad film"])
    assert number["mean"] == [2.0, 2.0]
    assert number["tfidf"][0] > number["mean"][0] > number["tfidf"][1]


def test_balanced_weights_give_each_class_the_same_sum() -> None:
    labels = ["bad"] * 15 + ["good"] * 5
    found = OneLabel.fit(labels, Recipe.build({"training": {"class_weights": "balanced"}}), Cells())
    logits = torch.zeros(20, 2)
    summed, encoded = found.loss(0.0), torch.tensor(found.encode(labels))
    of_bad, of_good = (summed(logits[part], encoded[part]) for part in (slice(15), slice(15, None)))
    assert float(of_bad) == pytest.approx(float(of_good))
    assert float(of_bad + of_good) == pytest.approx(20 * math.log(2), rel=1e-6)
