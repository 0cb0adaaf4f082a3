"""What a run would do to the parameters: the groups of the optimizer and the learning rate schedule."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from luthier.reporting.terminal.display import Grid, as_text
from luthier.text import count

BARS = "▁▂▃▄▅▆▇█"
WIDTH = 50  # characters of a drawn schedule


def plan_lines(groups: Sequence[Mapping[str, Any]], rates: Sequence[float]) -> Iterator[str]:
    """Lines of a table of the groups, and of a drawing of the schedule.

    Args:
        groups: The parameter groups, as `--dry-run --json` prints them.
        rates: Learning rate of each step; empty for a schedule that follows a metric.
    """
    rows = [
        (one["name"], count(one["parameters"]), f"{one['learning_rate']:.3g}", f"{one['weight_decay']:g}")
        for one in groups
    ]
    grid = Grid(("group", "parameters", "learning rate", "weight decay"), rows, (1, 2, 3))
    yield from as_text([grid]).splitlines()
    yield f"schedule  {drawn(rates)}" if rates else "schedule  follows the validation loss"


def drawn(rates: Sequence[float]) -> str:
    """A schedule as bars, with its first, highest and last rate."""
    top = max(rates)
    n = min(len(rates), WIDTH)
    # The highest rate of the steps behind each bar, so that a short peak is seen.
    parts = [rates[len(rates) * i // n : len(rates) * (i + 1) // n] for i in range(n)]
    bars = "".join(BARS[round(max(part) / top * (len(BARS) - 1))] if top else BARS[0] for part in parts)
    values = list(dict.fromkeys(f"{rate:.3g}" for rate in (rates[0], top, rates[-1])))
    return f"{bars}  {' -> '.join(values)} over {count(len(rates))} steps"
