"""Draw the pictures of `luthier watch` in docs/ from a run: `python docs/watched.py RUN`."""

import io
import sys
from pathlib import Path

from rich.console import Console, ConsoleDimensions

from luthier.learning_curves.following import Follower
from luthier.reporting.terminal.watch import screen
from luthier.run_directory.run import Run

HERE = Path(__file__).parent


def main(run: str) -> None:
    """Draw the run as it is now, in terminals of 80 and of 160 columns."""
    shot = Follower(Run.open(run)).look()
    now = shot.last_sign or 0.0
    for width, height in ((80, 30), (160, 30)):
        console = Console(width=width, height=height, file=io.StringIO(), record=True, force_terminal=True)
        console.print(screen(shot, ConsoleDimensions(width, height), now))
        console.save_svg(str(HERE / f"watch-{width}.svg"), title=f"luthier watch runs/{shot.name}", clear=False)


if __name__ == "__main__":
    main(sys.argv[1])
