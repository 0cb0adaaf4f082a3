"""Findings for the tests of checks: each is seen to be one that people can read."""

from luthier.data.checks import CHECKS
from luthier.findings import Finding


def sound(findings: list[Finding]) -> list[Finding]:
    """The findings, each of a listed check and of whole sentences with an action."""
    for finding in findings:
        assert finding.id in CHECKS
        assert finding.severity in CHECKS[finding.id]
        assert finding.message[0].isupper() or finding.message[0].isdigit() or finding.message[0] == "'"
        assert finding.message.endswith(".")
        assert finding.action.endswith(".")
    return findings


def only(findings: list[Finding]) -> Finding:
    assert len(findings) == 1
    return sound(findings)[0]


def named(findings: list[Finding]) -> list[tuple[str, str]]:
    return [(finding.id, finding.severity) for finding in sound(findings)]


def severities(findings: list[Finding]) -> list[str]:
    return [finding.severity for finding in sound(findings)]
