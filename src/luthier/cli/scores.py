"""The tables of scores that `train`, `resume` and `evaluate` print, and the lines below them."""

from typing import TYPE_CHECKING

from luthier.cli.output import Output
from luthier.reporting.terminal.score_table import score_pieces
from luthier.reporting.terminal.seeds import seeds_pieces
from luthier.text import duration, plural, quantity

if TYPE_CHECKING:
    from luthier.pipeline.results import Result
    from luthier.pipeline.several.seeds import SeedsResult
    from luthier.pipeline.several.size_scores import DataSizeTest


def print_result(out: Output, finished: "Result") -> None:
    """Print the scores of a run, the path of its report, and the commands to try next."""
    from luthier.run_directory.run import COMPLETED

    result = finished.to_dict()
    if out.as_json:
        out.json(result)
        return
    out.show(score_pieces(result, finished.advice))
    words = [f"{plural(result['steps'], 'step')} in {duration(result['seconds'])}"] if result.get("seconds") else []
    if result.get("tokens_per_second"):
        words.append(quantity(result["tokens_per_second"], "tokens/s"))
    if words:
        out.text(", ".join(words))
    if result.get("stopped", COMPLETED) != COMPLETED:
        out.text(f"stopped early: {result['stopped']}")
    if result.get("report"):
        out.text(f"report  {result['report']}")
    if finished.advice:
        out.text(f"retrain {finished.advice.command}")
    out.text(f"next    {result['next']}")


def print_seeds(out: Output, finished: "SeedsResult") -> None:
    """Print the scores of several seeds, the path of their page, and the command to try next."""
    result = finished.to_dict()
    if out.as_json:
        out.json(result)
        return
    out.show(seeds_pieces(result))
    out.text(f"{plural(len(result['seeds']), 'run')} in {duration(result['seconds'])}")
    out.text(f"runs    {result['run']}")
    out.text(f"report  {result['report']}")
    out.text(f"next    {result['next']}")


def print_sizes(out: Output, finished: "DataSizeTest") -> None:
    """Print the score of each number of training rows, drawn too, and what they say of more labels."""
    out.result(finished.to_dict(), lambda _: finished.pieces(drawn=True))
