"""Panels of samples: what the model generated for the same prompts at each evaluation."""

from collections.abc import Iterable, Mapping
from typing import Any

from luthier.reporting.panels import Series

MOST_PROMPTS = 4
TITLE = "Samples during training"
NOTE = "What the model generates for the same validation prompts at each evaluation."


def sample_panels(samples: Iterable[Mapping[str, Any]]) -> list[Series]:
    """One series for each of the first `MOST_PROMPTS` prompts.

    Args:
        samples: `step`, `row`, `asked` (role to text) and `text` of each sample.
    """
    prompts: dict[tuple[Any, str], dict[int, str]] = {}
    for sample in samples:
        asked = [(role, str(value)) for role, value in sample["asked"].items()]
        words = "\n\n".join(value if len(asked) == 1 else f"{role}: {value}" for role, value in asked)
        prompts.setdefault((sample["row"], words), {})[sample["step"]] = sample["text"]
    return [
        Series(TITLE, list(texts), list(texts.values()), asked=asked, note=NOTE)
        for (_, asked), texts in list(prompts.items())[:MOST_PROMPTS]
    ]
