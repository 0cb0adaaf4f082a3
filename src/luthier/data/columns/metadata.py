"""Columns that describe the text of their row, such as its source, date or license, rather than a target."""

import re

from luthier.data.columns.profile import ColumnProfile, words_of

ABOUT_NAMES = {
    "language", "lang", "source", "domain", "dataset", "author", "user", "username", "date", "time", "timestamp",
    "year", "month", "country", "region", "url", "link", "platform", "version", "annotator", "annotators", "worker",
    "confidence", "votes", "vote", "count", "likes", "helpful", "length", "verified", "parse", "license", "file",
    "filename", "fname", "path", "location", "timezone", "retweet", "number", "num", "attribution", "credit",
}  # fmt: skip
HEADING_NAMES = {"title", "subject", "headline", "heading", "header", "summary"}
JUDGES = {
    "annotator", "annotators", "ann", "rater", "coder", "judge", "worker", "vote", "reviewer", "expert", "grader",
}  # fmt: skip
_MOST_JUDGEMENTS = 20  # distinct values of `annotator_1` up to which they are labels rather than people
_ORIGIN = re.compile(r"\bCC[- ]?(BY|0)\b|\battribution\b|^https?://\S+$", re.IGNORECASE)


def is_about(column: ColumnProfile) -> bool:
    """Whether a column describes the text of its row: named like metadata, or full of licenses or addresses.

    A column `annotator_1` of few values holds what an annotator said, not who it was.
    """
    words = words_of(column.name)
    numbered = len(words) == 2 and words[0] in JUDGES and (words[1].isdecimal() or len(words[1]) == 1)
    judged = numbered and column.distinct <= _MOST_JUDGEMENTS
    named = bool(ABOUT_NAMES & set(words)) and not judged
    return named or (bool(column.examples) and all(_ORIGIN.search(example) for example in column.examples))


def is_metadata(column: ColumnProfile) -> bool:
    """Whether a column describes the text of its row or is its heading, so that it may stay unread."""
    return is_about(column) or bool(HEADING_NAMES & set(words_of(column.name)))
