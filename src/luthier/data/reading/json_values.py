"""JSON values on their way to rows: what the parser raises, and which values can be no row."""

import json
import re
from typing import Any

from luthier.text import shorten

# Besides json's own error: nesting without end, numbers of thousands of digits.
JSON_ERRORS = (ValueError, RecursionError)
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def has_escaped_surrogate(text: str) -> bool:
    """Whether JSON text may hold half a character; a whole one outside the first 65,536 looks alike."""
    return bool(_SURROGATE.search(text))


def value_fault(value: Any, suspicious: bool = True) -> tuple[str, str] | None:
    """Why a value cannot be a row, as reason and detail; None for a good one.

    Args:
        value: What stands in the row's place.
        suspicious: Whether it may hold lone surrogates, which no tokenizer takes.
    """
    if not isinstance(value, dict):
        return "not-an-object", f"{shorten(json.dumps(value), 60)} instead of an object"
    if suspicious:
        for key, cell in value.items():
            try:
                json.dumps([key, cell], ensure_ascii=False).encode()
            except UnicodeEncodeError:
                return "encoding", f"{key!a} holds half a character (a lone surrogate) or bytes that are none"
    return None
