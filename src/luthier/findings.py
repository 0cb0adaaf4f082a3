"""Findings of checks, in data or learning curves, and decisions made for the user."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

Severity = Literal["info", "warning", "error"]


@dataclass(frozen=True, slots=True)
class Finding:
    """A problem or fact found by a check.

    Args:
        id: Stable name in kebab case, such as `near-equal-labels`; the argument of `--allow`.
        severity: `error` stops `train` unless the finding is allowed.
        message: What was found, with evidence (counts, examples), in one or two sentences.
        action: How to fix it; printed as the hint.
        rows: Numbers of the affected rows (1-based, as in the source); at most a few dozen.
    """

    id: str
    severity: Severity
    message: str
    action: str
    rows: tuple[int, ...] = ()

    def first_rows(self, most: int) -> str:
        """The first row numbers, as text. The message says how many there are: `rows` may hold only the first."""
        return ", ".join([*map(str, self.rows[:most]), *(["..."] if len(self.rows) > most else [])])

    def to_dict(self) -> dict[str, Any]:
        return asdict(self) | {"rows": list(self.rows)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Finding":
        """The finding that `to_dict` wrote."""
        return cls(**{**values, "rows": tuple(values["rows"])})


@dataclass(frozen=True, slots=True)
class Decision:
    """A choice that Luthier made for the user, printed on one line: `encoding: utf-8 (byte-order mark)`."""

    what: str
    value: str
    why: str

    def __str__(self) -> str:
        return f"{self.what}: {self.value}" + (f" ({self.why})" if self.why else "")

    def to_dict(self) -> dict[str, str]:
        return asdict(self)
