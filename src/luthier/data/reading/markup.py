"""Refuse texts with signs of their own, such as XML, which no format reads: they would be learned as words."""

import re
from collections.abc import Sequence

from luthier.errors import SourceError

_CONVERT = "convert it to CSV or JSON lines, one row per text"
_XML = f"{_CONVERT}; of XML, Luthier reads only TMX"
_BEGINNINGS = (  # what a text looks like, how it begins, what to do
    (
        "an HTML page, not data",
        r"<(!doctype\s+html|html)\b",
        "pass the address of the file itself, or save the page's table as CSV",
    ),
    ("XML", r"<\?xml\s", _XML),
    ("ARFF", r"(%.*\s+)*@relation\s", _CONVERT),
    ("a gettext catalogue", r'(#.*\s+)*msgid\s+"', f"{_CONVERT}, or to TMX"),
    ("subtitles", r"WEBVTT\b|\d+\s+\d\d:\d\d:\d\d[,.]\d+\s+-->", _CONVERT),
    ("rich text", r"\{\\rtf", "save it as plain text"),
)
_LINES = (  # the same, and what its lines are like
    ("XML or SGML", re.compile(r"<[^<>]+>(.*<[^<>]+>)?"), _XML),
    ("parse trees", re.compile(r"\(\S* .*\(.*\)\s*\)"), _CONVERT),
)
_FEWEST, _MOST = 3, 0.9  # lines, and the share of them that must be alike


def refuse_markup(text: str, name: str) -> None:
    """Refuse a text that begins like markup.

    Args:
        text: Its beginning.
        name: Its name.
    Raises:
        SourceError: It is an HTML page, which servers send instead of data, or one of several other kinds.
    """
    start = text.lstrip("\ufeff \t\r\n")
    for what, beginning, hint in _BEGINNINGS:
        if re.match(beginning, start, re.IGNORECASE):
            raise SourceError(f"looks like {what}", where=name, hint=hint)


def refuse_marked_lines(lines: Sequence[str], name: str) -> None:
    """Refuse a text whose lines are markup.

    Args:
        lines: The first ones that are not blank.
        name: Its name.
    Raises:
        SourceError: Nearly all are.
    """
    for what, form, hint in _LINES:
        if sum(bool(form.fullmatch(line.strip())) for line in lines) >= max(_FEWEST, _MOST * len(lines)):
            raise SourceError(f"looks like {what}", where=name, hint=hint)
