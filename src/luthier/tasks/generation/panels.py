"""Report panels of tasks that generate text: the generated texts beside the gold texts."""

from collections.abc import Mapping, Sequence
from typing import Any

from luthier.reporting.panels import Pair, Panel, SideBySide
from luthier.reporting.telling import Judged

MOST_SHOWN = 40
LOSS = "loss of the reference"
PLACES = ("source", "row")
ANSWER = ("gold", "prediction", "nll", "tokens", "bytes")


def panels(predictions: Mapping[str, Sequence[Any]], note: str = "") -> list[Panel]:
    """The panels of a run's predictions.

    Args:
        predictions: Columns of the predictions file.
        note: Note on the scores, such as a signature.
    """
    written = [i for i, text in enumerate(predictions.get("prediction") or ()) if text is not None]
    if not written:
        return []
    roles = [name for name in predictions if name not in (*PLACES, *ANSWER)]
    pairs = [
        Pair(
            texts=[(role, str(predictions[role][i])) for role in roles],
            gold=_several(predictions["gold"][i]),
            prediction=str(predictions["prediction"][i]),
            score=predictions["nll"][i] / predictions["tokens"][i] if predictions["tokens"][i] else None,
            source=predictions["source"][i],
            row=predictions["row"][i],
        )
        for i in _spread(written)
    ]
    spread = "Evenly spaced over the rows, not selected by quality." if len(pairs) < len(written) else ""
    note = "\n".join(filter(None, (note, spread)))
    return [SideBySide(pairs, len(written), "Generated answers", score_name=LOSS, note=note)]


def judged(predictions: Mapping[str, Sequence[Any]]) -> Judged | None:
    """How the rows came out, by the loss of the reference; only rows with a generated text count."""
    said, gold = predictions.get("prediction"), predictions["gold"]
    if said is None:
        return None
    losses = zip(said, predictions["nll"], predictions["tokens"], strict=True)
    scores = [nll / tokens if text is not None and tokens else None for text, nll, tokens in losses]
    return Judged(scores, lambda i: (_several(gold[i])[0], str(said[i])), score_name=LOSS)


def _several(gold: Any) -> list[str]:
    return [gold] if isinstance(gold, str) else [str(one) for one in gold]


def _spread(places: Sequence[int]) -> list[int]:
    """At most `MOST_SHOWN` of the places, evenly spaced."""
    step = max(1, -(-len(places) // MOST_SHOWN))
    return list(places[::step])
