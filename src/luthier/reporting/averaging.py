"""What a run says about its averaged weights: which weights became the model, and by which scores."""

from collections.abc import Mapping
from typing import Any

from luthier import text
from luthier.reporting import names

CHECKPOINT = "checkpoint"
_WEIGHTS = {
    CHECKPOINT: "the weights of the best checkpoint",
    "ema": "the moving average of the weights (EMA)",
    "average": "the average of the best checkpoints",
}


def in_words(found: Mapping[str, Any]) -> str:
    """A sentence about the choice: the weights that became the model, with their score and those of the others.

    Args:
        found: `averaging` in `result.json`: `chosen`, `metric`, and `scores` with `steps` and `value` of each.
    """
    chosen, scores = found["chosen"], found["scores"]
    if chosen not in scores:
        return f"the model has {_WEIGHTS[chosen]} after the last step, because there was no evaluation"
    others = [_scored(name, found) for name in scores if name != chosen]
    against = f"; {', '.join(others)}" if others else ""
    metric = names.metric(found["metric"])
    return f"the model has {_scored(chosen, found)} ({metric} on the validation rows){against}"


def _scored(name: str, found: Mapping[str, Any]) -> str:
    steps, value = found["scores"][name]["steps"], found["scores"][name]["value"]
    place = f"step{'s' if len(steps) > 1 else ''} {', '.join(map(text.count, steps))}"
    return f"{_WEIGHTS[name]} at {place}: {names.number(found['metric'], value)}"
