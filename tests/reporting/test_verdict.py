"""The verdict: which baseline counts, and what the difference to it says."""

from typing import Any

import pytest

from luthier.reporting.names import baseline
from luthier.reporting.verdict import main_metric, strongest, verdict


def entry(value: float, **more: Any) -> dict[str, Any]:
    return {"value": value, "low": value - 0.05, "high": value + 0.05, "n": 200, "split": "test"} | {
        "greater_is_better": True,
        **more,
    }


def scored(difference: tuple[float, float] | None, **metrics: float) -> dict[str, Any]:
    """Scores beside the majority class, whose recall is perfect and whose accuracy is 0.6."""
    found = {name: entry(value) for name, value in metrics.items()}
    tested = {"value": sum(difference) / 2, "low": difference[0], "high": difference[1]} if difference else None
    return {
        "metric_for_best": "accuracy",
        "metrics": found,
        "baselines": {"majority": {"accuracy": 0.6, "recall": 1.0, "precision": 0.6}},
        "differences": {"majority": dict.fromkeys(found, tested)} if tested else {},
    }


@pytest.mark.parametrize(
    ("difference", "tone", "words"),
    [
        ((0.1, 0.3), "good", "above the majority class: significant (95 %)"),
        ((-0.1, 0.3), "bad", "Not significantly better than the majority class"),
        ((-0.3, 0.1), "bad", "Not better than the majority class: accuracy 0.800"),
        ((-0.1, 0.1), "bad", "Not better than the majority class: accuracy 0.800"),
        (
            (0.0, 0.0),
            "bad",
            "Exactly as good as the majority class: accuracy 0.800 (0.750-0.850) on 200 test rows; train",
        ),
        ((-0.3, -0.1), "bad", "The majority class is significantly better: accuracy 0.600 against this model's 0.800"),
        (None, "open", "0.600 for the majority class; the difference was not tested"),
    ],
)
def test_the_verdict_is_that_of_the_interval(difference: tuple[float, float] | None, tone: str, words: str) -> None:
    found = verdict(scored(difference, accuracy=0.8), {})
    assert found.tone == tone
    assert words in found.sentence
    assert "0.800 (0.750-0.850) on 200 test rows" in found.sentence


@pytest.mark.parametrize(("name", "what"), [("probe", "fine-tuning"), ("tfidf", "training this model")])
@pytest.mark.parametrize(("low", "high"), [(-0.31, -0.25), (-0.02, 0.01)])
def test_the_best_baseline_that_is_better_is_named_with_what_does_not_pay(
    name: str, what: str, low: float, high: float
) -> None:
    metrics, tested = scored((0.1, 0.3), accuracy=0.65), {"value": (low + high) / 2, "low": low, "high": high}
    metrics["baselines"] |= {name: {"accuracy": 0.93}, "other": {"accuracy": 0.9}}
    metrics["differences"] |= {key: {"accuracy": tested} for key in (name, "other")}
    found = verdict(metrics, {})
    assert found.tone == "bad" and baseline(name).lower() in found.sentence.lower()
    assert found.sentence.endswith(f"; {what} did not pay off in this run.")


def test_a_model_that_may_be_better_is_not_said_not_to_pay() -> None:
    assert "pay" not in verdict(scored((-0.1, 0.3), accuracy=0.8), {}).sentence


@pytest.mark.parametrize("name", ["recall", "precision"])
def test_always_predicting_one_class_is_no_rival_in_recall_or_precision(name: str) -> None:
    metrics = scored((0.1, 0.3), accuracy=0.8, **{name: 0.7})
    assert strongest(metrics, "accuracy") == "majority"
    assert strongest(metrics, name) is None
    metrics["baselines"]["tfidf"] = {name: 0.5}
    assert strongest(metrics, name) == "tfidf"


def test_a_score_of_validation_rows_says_that_it_is_optimistic() -> None:
    metrics = scored((0.1, 0.3), accuracy=0.8)
    assert verdict(metrics, {}).notes == ()
    metrics["metrics"]["accuracy"]["split"] = "validation"
    (note,) = verdict(metrics, {}).notes
    assert "optimistic" in note and "data.test_share" in note


def test_where_the_loss_picked_the_step_the_first_metric_is_the_main_one() -> None:
    scores: dict[str, Any] = {"metric_for_best": "loss", "metrics": {"accuracy": {"value": 0.5}}}
    assert main_metric(scores) == ("accuracy", {"value": 0.5})
    of_text = {"metric_for_best": "loss", "metrics": {"perplexity": {"value": 9.0}, "loss": {"value": 2.0}}}
    assert main_metric(of_text) == ("loss", {"value": 2.0})
    assert main_metric(scores | {"metric_for_best": "mine"}) == ("mine", None)
    assert main_metric({}) == ("score", None)


def test_an_undefined_metric_has_no_verdict() -> None:
    metrics = scored(None, accuracy=0.8)
    metrics["metrics"]["accuracy"] |= {"value": None, "low": None, "high": None}
    found = verdict(metrics, {})
    assert (found.tone, found.sentence) == ("open", "Accuracy is not defined on these 200 test rows.")
