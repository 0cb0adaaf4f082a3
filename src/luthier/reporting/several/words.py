"""Several seeds in words: the result, which seed is the model, and what varies."""

from collections.abc import Mapping
from typing import Any

from luthier.reporting import names
from luthier.reporting.verdict import main_metric
from luthier.text import plural

VARIES = (
    "The seeds vary the weights that start at random, dropout and the order of the rows. All seeds share the splits, "
    "and so the scored rows."
)
MEANS = (
    "The interval of a mean is a t-interval over the seeds, on these rows; the interval of a single seed is over the "
    "rows, for that model."
)


def headline(values: Mapping[str, Any], own: Mapping[str, str]) -> str:
    """The result in one sentence."""
    name, entry = main_metric(values)
    n = plural(len(values["seeds"]), "seed")
    if not values["metrics"]:
        return f"{n}: not scored, as there are no held-out rows."
    if not entry or entry["mean"] is None:
        return f"{n}: {names.metric(name, own)} is not defined."
    found = names.score(name, entry["mean"], entry["low"], entry["high"])
    sd = "" if entry["sd"] is None else f", standard deviation {names.number(name, entry['sd'])}"
    rows = plural(entry["n"], f"{entry['split']} row")
    return f"{names.capital(names.metric(name, own))} over {n}{partly(entry)}: mean {found}{sd}, on {rows}."


def partly(entry: Mapping[str, Any]) -> str:
    """That a mean leaves out seeds, for which the metric is undefined, as a correlation is for equal predictions."""
    defined, seeds = entry["n_seeds"], len(entry["values"])
    return f" (defined for {defined} of {seeds})" if defined < seeds else ""


def best_words(values: Mapping[str, Any], own: Mapping[str, str]) -> str:
    """Which seed is the model, and by what."""
    best = values["best"]
    if best is None:
        return "No seed was picked as the model, because none was evaluated on validation rows."
    name = values["metric_for_best"]
    score = names.number(name, best["validation"])
    what = names.metric(name, own)
    return f"Seed {best['seed']} is the model: the best {what} on the validation rows, {score}. No test row picked it."
