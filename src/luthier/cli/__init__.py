"""The command line: one file a command. A command parses, calls the function that a Python user would call, prints."""

from luthier.cli.app import main

__all__ = ["main"]
