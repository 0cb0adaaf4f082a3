"""Measures of made-up tokenizers."""

from typing import Any

from luthier.tokenizers.advice import Measured
from luthier.tokenizers.losses import KINDS_OF_LOSS
from luthier.tokenizers.measures import LabelMeasures, Lengths, Measures


def measured(name: str, **values: Any) -> Measured:
    """A good tokenizer, except for the given values: measures, kinds of loss, `cut`, `seconds` and `families`."""
    losses = {kind: values.pop(kind.replace(" ", "_"), 0.0) for kind in KINDS_OF_LOSS}
    lengths = Lengths(20.0, 8.0, 14.0, 19.0, 26.0, 40.0, 61, 512, values.pop("cut", 0.0))
    seconds, families = values.pop("seconds", 0.05), values.pop("families", ())
    made: dict[str, Any] = {
        "vocabulary": 4000,
        "special": 5,
        "used": 3900,
        "unknown_share": 0.0,
        "unit": "word",
        "unknown_words_share": 0.0,
        "unknown_words": (),
        "tokens_per_word": 1.4,
        "tokens_per_byte": 0.24,
        "characters_per_token": 4.1,
        "efficiency": 0.5,
        "lengths": lengths,
        "losses": losses,
        "characters_per_second": 1.2e6,
        "labels": (LabelMeasures("sport", 100, 1.4, 0.0),),
    }
    measures = Measures(**(made | values))
    return Measured(name, not families, families, seconds, 128 * measures.vocabulary, measures)
