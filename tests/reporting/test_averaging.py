"""The sentence about averaged weights."""

from typing import Any

from luthier.reporting.averaging import in_words

SCORES: dict[str, Any] = {
    "checkpoint": {"steps": [1200], "value": 0.8125},
    "ema": {"steps": [1400], "value": 0.8333},
}


def test_it_names_the_chosen_weights_and_the_scores_of_all() -> None:
    assert in_words({"chosen": "ema", "metric": "f1_macro", "scores": SCORES}) == (
        "the model has the moving average of the weights (EMA) at step 1,400: 0.833 (macro F1 on the validation rows);"
        " the weights of the best checkpoint at step 1,200: 0.812"
    )


def test_several_steps_and_no_evaluation() -> None:
    scores = {"average": {"steps": [20, 10], "value": 0.9}}
    found = in_words({"chosen": "average", "metric": "accuracy", "scores": scores})
    assert found.startswith("the model has the average of the best checkpoints at steps 20, 10: 0.9")
    assert found.endswith("(accuracy on the validation rows)")
    last = in_words({"chosen": "ema", "metric": "accuracy", "scores": {}})
    assert last.endswith("(EMA) after the last step, because there was no evaluation")


def test_checkpoints_that_were_left_out_are_named() -> None:
    best = {"checkpoint": {"steps": [20], "value": 0.8}}
    said = {"chosen": "checkpoint", "metric": "accuracy", "considered": [20, 40, 60], "scores": best}
    assert in_words(said).endswith("; left out of the average, which got worse with them: steps 40, 60")
    some = said | {"chosen": "average", "scores": best | {"average": {"steps": [20, 60], "value": 0.9}}}
    assert in_words(some).endswith("; left out of the average, which got worse with them: step 40")
    assert in_words(said | {"considered": [20]}).endswith(
        "; there was only one evaluation, so no checkpoints were averaged"
    )
