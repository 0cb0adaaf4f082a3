"""Shared by the pipeline's tests: a console that records what it receives."""

from luthier.console import Console
from luthier.findings import Decision


class Told(Console):
    """Records decisions, messages and warnings."""

    def __init__(self) -> None:
        self.decisions: list[Decision] = []
        self.said: list[str] = []
        self.warned: list[str] = []

    def decision(self, decision: Decision) -> None:
        self.decisions.append(decision)

    def say(self, text: str) -> None:
        self.said.append(text)

    def warn(self, text: str) -> None:
        self.warned.append(text)
