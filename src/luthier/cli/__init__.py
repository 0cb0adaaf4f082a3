"""The command line, one file per command: parse, call the function that a Python user would call, print."""

from luthier.cli.app import main

__all__ = ["main"]
