"""The table of scores that `train`, `resume` and `evaluate` print, and the lines below it."""

from collections.abc import Mapping
from typing import Any

from luthier.cli.output import Output
from luthier.reporting.names import number, score
from luthier.text import count, duration, quantity


def print_result(out: Output, result: Mapping[str, Any]) -> None:
    """Print the scores of a run, the path of its report and a command to try next."""
    if out.as_json:
        out.json(result)
        return
    print_scores(out, result)
    words = [f"{count(result['steps'])} steps in {duration(result['seconds'])}"] if result.get("seconds") else []
    if result.get("tokens_per_second"):
        words.append(quantity(result["tokens_per_second"], "tokens/s"))
    if words:
        out.text(", ".join(words))
    if result.get("report"):
        out.text(f"report  {result['report']}")
    out.text(f"next    {result['next']}")


def print_scores(out: Output, result: Mapping[str, Any]) -> None:
    """Print one row per metric: the score with its interval, and each baseline."""
    metrics: Mapping[str, Any] = result.get("metrics") or {}
    baselines: Mapping[str, Mapping[str, float]] = result.get("baselines") or {}
    if not metrics:
        out.text("not scored: there are no held-out rows")
        return
    rows = []
    for name, value in metrics.items():
        shown = value or {}
        cells = [name, score(name, shown.get("value"), shown.get("low"), shown.get("high"))]
        cells += [number(name, scores[name]) if scores.get(name) is not None else "" for scores in baselines.values()]
        rows.append(cells)
    example = next((value for value in metrics.values() if value), None)
    model = f"model, {count(example['n'])} {example['split']} rows" if example else "model"
    out.table(["metric", model, *baselines], rows, numbers=range(1, 2 + len(baselines)))
    for name, value in metrics.items():
        if value and value.get("signature"):
            out.text(f"{name}  {value['signature']}")
