"""`luthier watch`: runs as they go on."""

import time
from collections.abc import Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from rich.live import Live
from typer import Argument

from luthier.cli.output import Output
from luthier.errors import InterruptedRun

if TYPE_CHECKING:
    from luthier.learning_curves.following import Snapshot

UNFINISHED = InterruptedRun.exit_code


def watch(
    out: Output,
    run: Annotated[Path, Argument(metavar="RUN|DIR", help="Run directory, or a directory of runs.")],
) -> int:
    """Watch a run, or all runs in a directory.

    It works from another terminal or over a shared disk, and ends when the runs end.
    Ctrl-C stops watching; the run continues.
    The exit code is 0 if the run is done, and 5 if it can be resumed.
    """
    from luthier.api.learning_curves.watch import is_run
    from luthier.api.learning_curves.watch import watch as follow
    from luthier.reporting.terminal.watch import ending, evaluation_line, screen, table

    one, live, said = is_run(run), out.live(), dict[Path, int]()

    def draw(live: Live, shots: "Sequence[Snapshot]") -> None:
        now, size = time.time(), live.console.size
        live.update(screen(shots[0], size, now) if one else table(shots, now), refresh=True)

    def lines(shots: "Sequence[Snapshot]") -> None:
        """A line for each evaluation since the last call."""
        for shot in shots:
            evaluations = len(shot.curves["eval/loss"].steps) if "eval/loss" in shot.curves else 0
            if evaluations > said.get(shot.run.path, 0) and not out.console.quiet:
                say = out.console.say if out.as_json else out.text
                say(("" if one else f"{shot.name}: ") + evaluation_line(shot))
            said[shot.run.path] = evaluations

    with live or nullcontext():
        shots = follow(run, lines if live is None else partial(draw, live))
    if out.as_json:
        found = [shot.to_dict() for shot in shots]
        out.json(found[0] if one else {"runs": found})
    elif live is None:
        out.show([line for shot in shots for line in ending(shot)])
    return UNFINISHED if one and shots[0].life.state != "done" else 0
