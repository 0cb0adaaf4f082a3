"""Formatting of numbers and lists for people, the same in the terminal, the report and the model card."""

import math
import os
import re
import shlex
import tomllib
from collections.abc import Sequence
from typing import Any


def number(value: float | None, digits: int = 3) -> str:
    """Format a score or another small number: `0.942`; `not defined` for None and nan."""
    if value is None or math.isnan(value):
        return "not defined"
    return f"{value:.{digits}f}"


def amount(value: float) -> str:
    """Format a number in the unit of the data, however small: `3.142`, `0.00042`."""
    return number(value) if not value or abs(value) >= 0.1 or math.isnan(value) else f"{value:.3g}"


def count(value: int) -> str:
    """Format an integer with thousands separators: `4,076`."""
    return f"{value:,}"


def quantity(value: float, unit: str = "") -> str:
    """Format a large number with a unit prefix: `12.3 k tokens/s`, `22.7 M parameters`."""
    for limit, rounded, letter in ((1e9, 5e4, "G"), (1e6, 50, "M"), (1e3, 0.5, "k")):
        if abs(value) >= limit - rounded:  # else 999,960 would read 1000.0 k
            return f"{value / limit:.1f} {letter} {unit}".rstrip()
    return f"{value:.0f} {unit}".rstrip()


def size(n_bytes: float) -> str:
    """Format a number of bytes in decimal units: `98 MB`."""
    for limit, rounded, unit in ((1e9, 5e5, "GB"), (1e6, 500, "MB"), (1e3, 0.5, "kB")):
        if n_bytes >= limit - rounded:
            scaled = n_bytes / limit
            return f"{scaled:.1f} {unit}" if scaled < 9.95 else f"{scaled:.0f} {unit}"
    return f"{n_bytes:.0f} bytes"


def duration(seconds: float) -> str:
    """Format a duration: `12 ms`, `0.8 s`, `42 s`, `4 min 10 s`, `2 h 5 min`."""
    if 0.0005 <= seconds < 0.0995:
        return f"{1000 * seconds:.0f} ms"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def share(value: float) -> str:
    """Format a fraction as a percentage: `4.2 %`."""
    return f"{100 * value:.1f} %"


def with_article(noun: str) -> str:
    """A noun with its indefinite article: `an encoder`."""
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def epochs(value: float) -> str:
    """Format a number of epochs: `1 epoch`, `0.3 epochs`."""
    digits = 1 if value >= 0.1 else 3
    if float(round(value, digits)).is_integer() and (value >= 0.1 or not value):
        return plural(round(value), "epoch")
    return f"{number(value, digits)} epochs"


def plural(n: int, noun: str, many: str = "") -> str:
    """Format a count with its noun: `1 row`, `4,076 rows`."""
    return f"{count(n)} {noun if n == 1 else many or noun + 's'}"


def listing(items: Sequence[object], most: int = 5) -> str:
    """List the first items and the number of others: `1, 2, 3 and 40 more`."""
    shown = ", ".join(str(item) for item in items[:most])
    left = len(items) - most
    return f"{shown} and {count(left)} more" if left > 0 else shown


def shorten(text: str, most: int = 200) -> str:
    """Put a text on one line of at most `most` characters; an ellipsis marks what was cut."""
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"


def typed(path: str | os.PathLike[str]) -> str:
    """A path as a user types it in a command: quoted for the shell, and not mistaken for an option; `-` is stdin."""
    name = os.fspath(path)
    return shlex.quote(f"./{name}" if name.startswith("-") and name != "-" else name)


def sed_pattern(text: str) -> str:
    """A text as a pattern of `sed -E`, in which it means itself."""
    return re.sub(r"[\[\\.*^$+?(){}|/]", r"\\\g<0>", text)


def toml_value(text: str) -> Any:
    """The value that a text stands for in TOML, else the text itself: `0.1`, `true`, `['a', 'b']`, `f1`."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text.strip()
