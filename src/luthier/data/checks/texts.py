"""Checks of texts and of rows as a whole."""

import re
from collections.abc import Mapping, Sequence

from luthier.data.checks.duplicates import normalise
from luthier.data.checks.wording import are, have, quote, row_numbers
from luthier.findings import Finding, Severity
from luthier.text import count, listing, plural, share

FEWEST_TO_TRAIN = 50
FEWEST_TO_SCORE = 30


def truncation(lengths: Sequence[int], most: int, rows: Sequence[int] | None = None) -> list[Finding]:
    """Rows that are longer than the model is given.

    Args:
        lengths: Tokens of each row before it is cut, special tokens included.
        most: Tokens that a row may have.
        rows: Source row number of each row; 1, 2, 3 ... when None.
    """
    cut = [index for index, length in enumerate(lengths) if length > most]
    if not cut:
        return []
    part = len(cut) / len(lengths)
    before, after = sum(lengths), sum(min(length, most) for length in lengths)
    return [
        Finding(
            id="truncation",
            severity="warning" if part > 0.05 else "info",
            message=f"{plural(len(cut), 'row')} of {count(len(lengths))} ({share(part)}) {have(len(cut))} more than "
            f"{plural(most, 'token')} and {are(len(cut))} cut; {count(after)} of {plural(before, 'token')} are kept, "
            f"the longest row has {count(max(lengths))}.",
            action="Raise the length if the model allows it (--set max_length=...), or shorten the texts to what "
            "matters.",
            rows=row_numbers(cut, rows),
        )
    ]


def unknown_tokens(
    unknown: Sequence[int],
    lengths: Sequence[int],
    texts: Sequence[str],
    token: str = "",
    rows: Sequence[int] | None = None,
) -> list[Finding]:
    """Rows of which the tokenizer does not know more than half.

    Args:
        unknown: Unknown tokens of each row.
        lengths: Tokens of each row, without special tokens.
        texts: Text of each row, for the example.
        token: How the tokenizer writes an unknown token, such as `[UNK]`.
        rows: Source row number of each row; 1, 2, 3 ... when None.
    """
    lost = [index for index, (n, length) in enumerate(zip(unknown, lengths, strict=True)) if 2 * n > length]
    if not lost:
        return []
    part = len(lost) / len(lengths)
    return [
        Finding(
            id="unknown-tokens",
            severity="warning" if part > 0.01 else "info",
            message=f"In {plural(len(lost), 'row')} of {count(len(lengths))} ({share(part)}) more than half of the "
            f"tokens are unknown to the tokenizer{f' ({token})' if token else ''}: {quote(texts[lost[0]])}.",
            action="Take a model whose tokenizer was made for this language or script.",
            rows=row_numbers(lost, rows),
        )
    ]


def id_as_text(column: str, texts: Sequence[str]) -> list[Finding]:
    """The chosen text column holds numbers or ids, not language.

    Args:
        column: Name of the column.
        texts: Its value in each row.
    """
    if len(texts) < 2:
        return []
    numeric = sum(bool(_NUMBER.fullmatch(text.strip())) for text in texts) / len(texts)
    coded = sum(looks_like_id(text) for text in texts) / len(texts)
    if numeric <= 0.9 and (coded <= 0.9 or len(set(texts)) <= 0.9 * len(texts)):
        return []
    what = f"is a number in {share(numeric)} of the rows" if numeric > 0.9 else "looks like an id in nearly every row"
    return [
        Finding(
            id="id-as-text",
            severity="warning",
            message=f"The text column {column!r} {what}: {listing([quote(text) for text in texts[:3]])}.",
            action="Name the column that holds the text with --text.",
        )
    ]


def short_text(column: str, texts: Sequence[str], rows: Sequence[int] | None = None) -> list[Finding]:
    """Most texts are one character, or none; arguments as in `id_as_text` and `truncation`."""
    short = [index for index, text in enumerate(texts) if len(text.strip()) < 2]
    if len(short) <= len(texts) / 2:
        return []
    return [
        Finding(
            id="short-text",
            severity="warning",
            message=f"{plural(len(short), 'row')} of {count(len(texts))} have less than two characters in the text "
            f"column {column!r}: {quote(texts[short[0]])}.",
            action="Name the column that holds the text with --text.",
            rows=row_numbers(short, rows),
        )
    ]


def constant_text(column: str, texts: Sequence[str]) -> list[Finding]:
    """All rows have the same text; arguments as in `id_as_text`."""
    if len(texts) < 2 or any(normalise(text) != normalise(texts[0]) for text in texts[1:]):
        return []
    return [
        Finding(
            id="constant-text",
            severity="error",
            message=f"All {plural(len(texts), 'row')} have the same text in the column {column!r}: {quote(texts[0])}.",
            action="Name the column that holds the text with --text.",
        )
    ]


def empty_column(column: str, role: str, empty: int, n: int) -> list[Finding]:
    """A column that is used is empty in more than half of the rows.

    Args:
        column: Its name.
        role: What it is used as, such as `text_pair`.
        empty: Rows in which it is empty.
        n: Rows looked at.
    """
    if 2 * empty <= n:
        return []
    return [
        Finding(
            id="empty-column",
            severity="warning",
            message=f"The column {column!r} ({role}) is empty in {count(empty)} of {plural(n, 'row')} "
            f"looked at ({share(empty / n)}).",
            action="Name another column, or leave this one out.",
        )
    ]


def few_rows(n: int, split: str = "train") -> list[Finding]:
    """Too few rows to train on, or to score on.

    Args:
        n: Rows of the split that can be used.
        split: `train`, `validation` or `test`.
    """
    if split != "train":
        if n >= FEWEST_TO_SCORE:
            return []
        message = f"The {split} split has {plural(n, 'row')}: its scores will have wide intervals or none."
        return [Finding("few-rows", "warning", message, f"Give more {split} rows, or a larger share.")]
    if n >= FEWEST_TO_TRAIN:
        return []
    message = f"There {are(n)} only {plural(n, 'training row')}; below {FEWEST_TO_TRAIN} a model learns little."
    return [Finding("few-rows", "warning", message, "Label more rows; a hundred for each class is a good start.")]


def skipped_rows(read: int, reasons: Mapping[str, int]) -> list[Finding]:
    """Rows that cannot be used; half of them or more is an error of its own.

    Args:
        read: Rows read.
        reasons: Rows skipped, by reason.
    """
    aside = sum(reasons.values())
    if not aside:
        return []
    worst = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
    why = listing([f"{reason} {count(n)}" for reason, n in worst if n])
    mostly = 2 * aside >= read
    severity: Severity = "error" if mostly else "warning" if aside > 0.01 * read else "info"
    return [
        Finding(
            id="mostly-skipped" if mostly else "skipped-rows",
            severity=severity,
            message=f"{plural(aside, 'row')} of {count(read)} ({share(aside / read)}) {are(aside)} skipped: {why}.",
            action="skipped.jsonl names each row and its reason; check that the right columns were taken."
            if not mostly
            else "Check that the right columns were taken (--text, --label) and that the file is read as it was meant.",
        )
    ]


_NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)*|\.\d+)([eE][+-]?\d+)?%?")


def looks_like_id(text: str) -> bool:
    """Whether a text is one code without spaces: `B00123X`, a UUID, a URL; a plain word is not."""
    code = text.strip()
    if not code or not code.isascii() or len(code.split()) > 1:
        return False
    return code.startswith(("http://", "https://")) or any(character.isdigit() for character in code)
