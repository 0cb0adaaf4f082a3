"""What every kind of label has: names, weights in the loss, and whether training knows a label."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.errors import RecipeError
from luthier.recipe import Recipe
from luthier.tasks.text_classification.kinds import OneLabel, SeveralLabels
from luthier.tasks.text_classification.labels import Labels, weights_of
from luthier.tasks.text_classification.number import Number


def weighing(weights: object) -> Recipe:
    return Recipe.build({"training": {"class_weights": weights}})


def test_labels_weigh_the_same_unless_a_recipe_says_otherwise() -> None:
    assert weights_of(Recipe(), ["a", "b"], {"a": 3, "b": 1}) is None


def test_balanced_weights_are_higher_for_rarer_labels() -> None:
    assert weights_of(weighing("balanced"), ["a", "b"], {"a": 3, "b": 1}) == pytest.approx((2 / 3, 2.0))
    assert weights_of(weighing("balanced"), ["a", "b", "c"], {"a": 2, "b": 1})[2:] == (1.0,), "of no row"  # type: ignore[index]


@given(st.lists(st.sampled_from("abcd"), min_size=1))
def test_balanced_weights_have_a_mean_of_one_over_the_rows(labels: list[str]) -> None:
    counts = Counter(labels)
    names = sorted(counts)
    weights = weights_of(weighing("balanced"), names, counts)
    assert weights is not None
    by_name = dict(zip(names, weights, strict=True))
    assert sum(by_name[label] for label in labels) / len(labels) == pytest.approx(1)
    sums = [by_name[name] * counts[name] for name in names]
    assert sums == pytest.approx([sums[0]] * len(sums)), "each label weighs as much as any other"


def test_a_label_without_a_weight_of_its_own_has_one() -> None:
    assert weights_of(weighing({"b": 2.5, "c": 0}), ["a", "b", "c"], {}) == (1.0, 2.5, 0.0)


@pytest.mark.parametrize(
    ("weights", "words", "hint"),
    [({"goood": 2.0}, "'goood'", "'good'"), ({"good": -0.5}, "'good' is -0.5", "0 or more")],
)
def test_a_weight_that_cannot_be_is_refused(weights: dict[str, float], words: str, hint: str) -> None:
    with pytest.raises(RecipeError, match=words) as caught:
        weights_of(weighing(weights), ["bad", "good"], {})
    assert caught.value.where == "training.class_weights"
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("labels", "known", "unknown", "width"),
    [
        (OneLabel(("bad", "good")), ["good"], ["god", ""], 2),
        (SeveralLabels(("joy", "fear", "awe")), [["joy", "awe"], []], [["joy", "rage"]], 3),
        (Number(), [1.5, -3.0], [], 1),
    ],
)
def test_training_knows_the_labels_that_it_has(
    labels: Labels, known: list[Any], unknown: list[Any], width: int
) -> None:
    assert all(labels.knows(one) for one in known)
    assert not any(labels.knows(one) for one in unknown)
    assert labels.width == width


def test_every_kind_has_a_word_of_its_own_for_each_thing() -> None:
    kinds: list[type[Labels]] = [OneLabel, SeveralLabels, Number]
    assert len({kind.kind for kind in kinds}) == len({kind.problem_type for kind in kinds}) == 3
