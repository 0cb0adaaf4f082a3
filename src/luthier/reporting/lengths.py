"""How long the training rows are in tokens, and what becomes of those that are too long."""

from collections.abc import Mapping
from typing import Any

from luthier import text
from luthier.learning_curves.plot import Figure
from luthier.reporting.drawing import charts
from luthier.reporting.panels import Histogram


def histogram(lengths: Mapping[str, Any], fate: str) -> Figure | None:
    """The histogram of lengths, with the length that is too long.

    Args:
        lengths: Of `data.json`.
        fate: What becomes of rows that are longer than `{limit}` tokens; empty where they are cut.
    """
    found = lengths.get("histogram") or {}
    if not found.get("counts"):
        return None
    median, p95, most = (text.count(round(lengths[key])) for key in ("median", "p95", "max"))
    note = f"Median {median} tokens, 95 % have at most {p95}, longest {most}."
    panel = Histogram(
        found["edges"], found["counts"], "Lengths", "tokens in a row", " ".join([note, *sentences(lengths, fate)])
    )
    mark_name = "the most that the model is given at once" if fate else "where rows are cut"
    return charts.histogram(panel, mark=lengths.get("max_length"), mark_name=mark_name)


def sentences(lengths: Mapping[str, Any], fate: str) -> list[str]:
    """What becomes of the training rows that are too long, and how long targets are where they have a length."""
    found = []
    if limit := lengths.get("max_length"):
        found.append(_limit("Rows", lengths, limit, fate))
    if target := lengths.get("target"):
        median, most = (text.count(round(target[key])) for key in ("median", "max"))
        found.append(f"Targets have a median of {median} tokens, the longest has {most}.")
        found.append(_limit("Targets", target, target["max_length"]))
    return found


def _limit(what: str, lengths: Mapping[str, Any], limit: int, otherwise: str = "") -> str:
    share = lengths.get("truncated_share") or 0.0
    if otherwise:
        fate = otherwise.format(limit=text.count(limit))
        more = "none is longer" if not share else f"{text.share(share)} are longer than one"
        return f"{what} are {fate}: {more}."
    cut = f"{text.share(share)} of the {what.lower()} are longer and were cut" if share else "none is longer"
    return f"{what} are cut at {text.count(limit)} tokens: {cut}."
