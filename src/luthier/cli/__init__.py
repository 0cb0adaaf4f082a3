"""The command line, one file per command: parse, call the function that a Python user would call, print."""

import sys
from collections.abc import Sequence

from luthier import interrupts
from luthier.run_directory import clock


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command, and let no signal be lost from the first moment on, while the libraries are imported.

    Args:
        argv: The arguments after `luthier`; None takes them from `sys.argv`.
    Returns:
        The exit code, as `luthier.cli.app.main` describes it.
    """
    with interrupts.watched(), clock.running():
        try:
            from luthier.cli.app import main as run

            return run(argv)
        except (Exception, KeyboardInterrupt):
            number = interrupts.caught()
            if number is None:
                raise
            sys.stderr.write("error: interrupted\n")
            return 128 + number


__all__ = ["main"]
