"""What a run says about its averaged weights: which weights became the model, and by which scores."""

from collections.abc import Mapping, Sequence
from typing import Any

from luthier import text
from luthier.reporting import names

CHECKPOINT, AVERAGE = "checkpoint", "average"
_WEIGHTS = {
    CHECKPOINT: "the weights of the best checkpoint",
    "ema": "the moving average of the weights (EMA)",
    AVERAGE: "the average of the best checkpoints",
}


def in_words(found: Mapping[str, Any]) -> str:
    """A sentence about the choice: the weights that became the model, with their score and those of the others.

    Args:
        found: `averaging` in `result.json`: `chosen`; `metric`; `scores`, with `steps` and `value` for each; and
            `considered`, the steps of the checkpoints that were to be averaged, if any were.
    """
    chosen, scores = found["chosen"], found["scores"]
    if chosen not in scores:
        return f"the model has {_WEIGHTS[chosen]} after the last step, because there was no evaluation"
    parts = [f"the model has {_scored(chosen, found)} ({names.metric(found['metric'])} on the validation rows)"]
    if others := [_scored(name, found) for name in scores if name != chosen]:
        parts.append(", ".join(others))
    considered = found.get("considered", [])
    used = scores.get("average", {}).get("steps", considered[:1])
    if left_out := [step for step in considered if step not in used]:
        parts.append(f"left out of the average, which got worse with them: {_steps(left_out)}")
    elif len(considered) == 1:
        parts.append("there was only one evaluation, so no checkpoints were averaged")
    return "; ".join(parts)


def _scored(name: str, found: Mapping[str, Any]) -> str:
    entry = found["scores"][name]
    return f"{_WEIGHTS[name]} at {_steps(entry['steps'])}: {names.number(found['metric'], entry['value'])}"


def _steps(steps: Sequence[int]) -> str:
    return f"step{'s' if len(steps) > 1 else ''} {', '.join(map(text.count, steps))}"
