"""Checks of texts and of rows as a whole."""

import re
from collections.abc import Mapping, Sequence

from luthier.data.checks.duplicates import normalise
from luthier.data.checks.wording import are, have, part_of, quote, row_numbers, row_of
from luthier.data.records import Skipped
from luthier.findings import Finding, Severity
from luthier.text import count, listing, plural, share

FEWEST_TO_TRAIN = 50
FEWEST_TO_SCORE = 30


def truncation(
    lengths: Sequence[int],
    most: int,
    rows: Sequence[int],
    split: str,
    *,
    targets: bool = False,
) -> list[Finding]:
    """Rows, or targets, that are longer than the maximum length.

    Args:
        lengths: Tokens of each row before truncation, including special tokens.
        most: Maximum tokens of a row.
        rows: Source row number of each row.
        split: The split that they are in.
        targets: Whether the lengths are those of separate targets.
    """
    cut = [index for index, length in enumerate(lengths) if length > most]
    if not cut:
        return []
    before, after = sum(lengths), sum(min(length, most) for length in lengths)
    over = f"more than {plural(most, 'token')}"
    what = f"a target of {over}, which is truncated" if targets else f"{over} and {are(len(cut))} truncated"
    key = "max_target_length" if targets else "max_length"
    severity: Severity = "warning" if len(cut) > 0.05 * len(lengths) else "info"
    message = (
        f"{part_of(len(cut), len(lengths), row_of(split))} {have(len(cut))} {what}; {count(after)} of "
        f"{plural(before, 'token')} are kept; the longest has {count(max(lengths))}."
    )
    action = f"Train with a higher --set {key}=... if the model allows it, or shorten the texts."
    numbers = row_numbers(cut, rows)
    return [Finding("truncated-targets" if targets else "truncation", severity, message, action, numbers)]


def id_as_text(column: str, texts: Sequence[str]) -> list[Finding]:
    """The chosen text column contains numbers or ids instead of text.

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
    message = f"The text column {column!r} {what}: {listing([quote(text) for text in texts[:3]])}."
    action = "Choose the text column with --text."
    return [Finding("id-as-text", "warning", message, action)]


def short_text(column: str, texts: Sequence[str], rows: Sequence[int]) -> list[Finding]:
    """Most texts are empty or a single character; arguments as in `id_as_text` and `truncation`."""
    short = [index for index, text in enumerate(texts) if len(text.strip()) < 2]
    if len(short) <= len(texts) / 2:
        return []
    message = (
        f"{count(len(short))} of {plural(len(texts), 'row')} {have(len(short))} fewer than two characters in the text "
        f"column {column!r}: {quote(texts[short[0]])}."
    )
    action = "Choose the text column with --text."
    return [Finding("short-text", "warning", message, action, row_numbers(short, rows))]


def empty_texts(column: str, texts: Sequence[str], rows: Sequence[int]) -> list[Finding]:
    """Rows of text pairs with one empty text, which are used; arguments as in `id_as_text` and `truncation`."""
    empty = [index for index, text in enumerate(texts) if not text]
    if not empty:
        return []
    message = (
        f"{part_of(len(empty), len(texts), 'row')} {have(len(empty))} an empty text in the column {column!r} and "
        f"{are(len(empty))} kept: only rows without either text are skipped."
    )
    action = "Fill the column or remove these rows, if both texts are needed."
    return [Finding("empty-texts", "info", message, action, row_numbers(empty, rows))]


def constant_text(column: str, texts: Sequence[str]) -> list[Finding]:
    """All rows have the same text; arguments as in `id_as_text`."""
    if len(texts) < 2 or any(normalise(text) != normalise(texts[0]) for text in texts[1:]):
        return []
    message = f"All {plural(len(texts), 'row')} have the same text in the column {column!r}: {quote(texts[0])}."
    action = "Choose the text column with --text."
    return [Finding("constant-text", "error", message, action)]


def empty_column(column: str, role: str, empty: int, n: int) -> list[Finding]:
    """A column with a role is empty in more than half of the rows.

    Args:
        column: Its name.
        role: Its role, such as `text_pair`.
        empty: Rows in which it is empty.
        n: Number of rows checked.
    """
    if 2 * empty <= n:
        return []
    message = f"The column {column!r} ({role}) is empty in {count(empty)} of {plural(n, 'row')} checked "
    message += f"({share(empty / n)})."
    action = "Choose another column, or drop this one."
    return [Finding("empty-column", "warning", message, action)]


def few_rows(n: int, split: str = "train") -> list[Finding]:
    """Too few rows for training or scoring.

    Args:
        n: Usable rows of the split.
        split: `train`, `validation` or `test`.
    """
    if split != "train":
        if n >= FEWEST_TO_SCORE:
            return []
        option = "--test" if split == "test" else "--valid"
        message = f"The {split} split has {plural(n, 'row')}: its scores will have wide intervals or none."
        return [Finding("few-rows", "warning", message, f"Add rows with {option}, or increase {split}_share.")]
    if n >= FEWEST_TO_TRAIN:
        return []
    message = f"There {are(n)} only {plural(n, 'training row')}; below {FEWEST_TO_TRAIN} a model learns little."
    return [Finding("few-rows", "warning", message, "Label more rows; 100 per class is a good start.")]


def skipped_rows(read: int, reasons: Mapping[str, int], rows: Sequence[Skipped] = ()) -> list[Finding]:
    """Skipped rows; if half of the rows or more are skipped, the finding is the error `mostly-skipped`.

    Args:
        read: Number of rows read.
        reasons: Number of skipped rows by reason.
        rows: The skipped rows, of which one is quoted.
    """
    aside = sum(reasons.values())
    if not aside:
        return []
    worst = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
    why = listing([f"{reason} {count(n)}" for reason, n in worst if n])
    first = next((row for row in rows if row.reason == worst[0][0]), None)
    why += f"; row {first.row}: {first.detail}" if first else ""
    mostly = 2 * aside >= read
    severity: Severity = "error" if mostly else "warning" if aside > 0.01 * read else "info"
    message = f"{part_of(aside, read, 'row')} {are(aside)} skipped: {why}."
    action = "Check that the right columns were used; a training run lists each skipped row in skipped.jsonl."
    if mostly:
        action = "Check that the right columns were used (--text, --label) and that the file was parsed correctly."
    return [Finding("mostly-skipped" if mostly else "skipped-rows", severity, message, action)]


_NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)*|\.\d+)([eE][+-]?\d+)?%?")


def looks_like_id(text: str) -> bool:
    """Whether a text looks like an id without spaces: `B00123X`, a UUID, a URL; a plain word does not."""
    code = text.strip()
    if not code or not code.isascii() or len(code.split()) > 1:
        return False
    return code.startswith(("http://", "https://")) or any(character.isdigit() for character in code)
