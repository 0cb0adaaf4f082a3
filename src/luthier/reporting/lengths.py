"""How long the training rows are in tokens, and what becomes of those that are too long."""

from collections.abc import Mapping
from typing import Any

from luthier import text
from luthier.learning_curves.plot import Figure
from luthier.reporting import charts
from luthier.reporting.panels import Histogram

# What is done with a row that is longer than the model is given at once; where nothing stands it is cut.
_WINDOWS = "read in windows of {limit} tokens"
_BLOCKS = "laid end to end in blocks of {limit} tokens"
_NOT_CUT = {
    "token-classification": _WINDOWS,
    "question-answering": _WINDOWS,
    "text-generation": _BLOCKS,
    "creative-writing": _BLOCKS,
}


def histogram(lengths: Mapping[str, Any], task: str) -> Figure | None:
    """The histogram of lengths, with the length that is too long.

    Args:
        lengths: Of `data.json`.
        task: Name of the task, which decides what becomes of long rows.
    """
    found = lengths.get("histogram") or {}
    if not found.get("counts"):
        return None
    median, p95, most = (text.count(round(lengths[key])) for key in ("median", "p95", "max"))
    note = f"Median {median} tokens, 95 % have at most {p95}, longest {most}."
    panel = Histogram(
        found["edges"], found["counts"], "Lengths", "tokens in a row", " ".join([note, *sentences(lengths, task)])
    )
    mark_name = "the most that the model is given at once" if task in _NOT_CUT else "where rows are cut"
    return charts.histogram(panel, mark=lengths.get("max_length"), mark_name=mark_name)


def sentences(lengths: Mapping[str, Any], task: str) -> list[str]:
    """What becomes of the training rows that are too long, and how long targets are where they have a length."""
    found = []
    if limit := lengths.get("max_length"):
        found.append(_limit("Rows", lengths, limit, _NOT_CUT.get(task)))
    if target := lengths.get("target"):
        median, most = (text.count(round(target[key])) for key in ("median", "max"))
        found.append(f"Targets have a median of {median} tokens, the longest has {most}.")
        found.append(_limit("Targets", target, target["max_length"]))
    return found


def _limit(what: str, lengths: Mapping[str, Any], limit: int, otherwise: str | None = None) -> str:
    share = lengths.get("truncated_share") or 0.0
    if otherwise:
        fate = otherwise.format(limit=text.count(limit))
        more = "none is longer" if not share else f"{text.share(share)} are longer than one"
        return f"{what} are {fate}: {more}."
    cut = f"{text.share(share)} of the {what.lower()} are longer and were cut" if share else "none is longer"
    return f"{what} are cut at {text.count(limit)} tokens: {cut}."
