"""Durations in a recipe: `90s`, `10m` or `1h30m`, stored in one form."""

import math
import re
from typing import Annotated, Any

from pydantic import BeforeValidator

_UNITS = {"h": 3600, "m": 60, "s": 1}
MOST = 10_000  # hours
_NUMBER = r"(\d+(?:\.\d+)?)"
_FORM = re.compile(rf"(?:{_NUMBER}h(?:ours?)?)?(?:{_NUMBER}m(?:in(?:ute)?s?)?)?(?:{_NUMBER}s(?:ec(?:ond)?s?)?)?")


def seconds_of(duration: str) -> float:
    """The seconds of a duration such as `1h30m`, `1.5 hours`, `4 min 10 s` or `90`.

    Raises:
        ValueError: It has another form, is not above 0, or is above `MOST` hours.
    """
    written = re.sub(r"\s", "", duration).lower()
    written += "s" if re.fullmatch(_NUMBER, written) else ""
    found = _FORM.fullmatch(written)
    if not written or found is None:
        raise ValueError(f"{duration!r} is not a duration: write it as 90s, 10m or 1h30m")
    seconds = sum(float(n) * unit for n, unit in zip(found.groups(), _UNITS.values(), strict=True) if n)
    if not round(seconds, 3):
        raise ValueError(f"the duration must be above 0, got {duration!r}")
    if seconds > 3600 * MOST:
        raise ValueError(f"the duration must be at most {MOST}h")
    return seconds


def duration_of(seconds: float) -> str:
    """Write a duration, to the millisecond, in the form that recipes store: `90` is `1m30s`."""
    hours, rest = divmod(round(seconds, 3), 3600)
    minutes, rest = divmod(round(rest, 3), 60)
    parts = {"h": hours, "m": minutes, "s": round(rest, 3)}
    return "".join(f"{n:.15g}{unit}" for unit, n in parts.items() if n)


def _canonical(value: Any) -> Any:
    if isinstance(value, int | float) and not isinstance(value, bool):
        if not (value > 0 and math.isfinite(value)):
            raise ValueError(f"the duration must be above 0, got {value!r}")
        value = f"{value:f}"
    return duration_of(seconds_of(value)) if isinstance(value, str) else value


Duration = Annotated[str, BeforeValidator(_canonical)]
