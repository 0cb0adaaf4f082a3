"""Lengths of the training rows in tokens, and what happens to rows that are too long."""

from collections.abc import Mapping
from typing import Any

from luthier import text
from luthier.learning_curves.plot import Figure
from luthier.reporting.drawing import charts
from luthier.reporting.panels import Histogram


def histogram(lengths: Mapping[str, Any], fate: str) -> Figure | None:
    """Histogram of row lengths, with the maximum length marked; None without data.

    Args:
        lengths: `lengths` in `data.json`.
        fate: What happens to rows of more than `{limit}` tokens; empty where they are truncated.
    """
    found = lengths.get("histogram") or {}
    if not found.get("counts"):
        return None
    median, p95, most = (text.count(round(lengths[key])) for key in ("median", "p95", "max"))
    note = f"Median {median} tokens, 95 % have at most {p95}, longest {most}."
    panel = Histogram(
        found["edges"], found["counts"], "Lengths", "tokens in a row", " ".join([note, *sentences(lengths, fate)])
    )
    mark_name = "largest input of the model" if fate else "rows are truncated here"
    return charts.histogram(panel, mark=lengths.get("max_length"), mark_name=mark_name)


def sentences(lengths: Mapping[str, Any], fate: str) -> list[str]:
    """Sentences on what happens to rows that are too long and, where targets have a length, on their lengths."""
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
        more = "all fit into one" if not share else f"{text.share(share)} need more than one"
        return f"{what} are {fate}: {more}."
    cut = f"{text.share(share)} of them are longer" if share else "none is longer"
    return f"{what} are truncated at {text.count(limit)} tokens: {cut}."
