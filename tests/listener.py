"""A console that remembers what it is told."""

from luthier.console import Console
from luthier.findings import Decision, Finding


class Listener(Console):
    """Remembers what it is told."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.warned: list[str] = []
        self.decisions: list[Decision] = []
        self.findings: list[Finding] = []

    def say(self, text: str) -> None:
        self.said.append(text)

    def warn(self, text: str) -> None:
        self.warned.append(text)

    def decision(self, decision: Decision) -> None:
        self.decisions.append(decision)

    def finding(self, finding: Finding) -> None:
        self.findings.append(finding)
