"""What a check noticed, in data or in curves, and what a reader decided."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

Severity = Literal["info", "warning", "error"]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that a check noticed.

    Args:
        id: Stable name in kebab case, such as `near-equal-labels`; `--allow` takes it.
        severity: `error` stops `train` unless it is allowed.
        message: What was found with its evidence (counts, examples), one or two sentences.
        action: What to do about it.
        rows: Row numbers (1-based, as in the source) that show it; at most a few dozen.
    """

    id: str
    severity: Severity
    message: str
    action: str
    rows: tuple[int, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        return asdict(self) | {"rows": list(self.rows)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Finding":
        """The finding that `to_dict` wrote."""
        return cls(**{**values, "rows": tuple(values["rows"])})


@dataclass(frozen=True, slots=True)
class Decision:
    """A choice that Luthier made for the user, printed as one line: `encoding: utf-8 (byte-order mark)`."""

    what: str
    value: str
    why: str

    def to_dict(self) -> dict[str, str]:
        return asdict(self)
