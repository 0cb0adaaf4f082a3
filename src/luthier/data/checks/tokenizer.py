"""Checks of how the model's tokenizer suits the texts."""

from collections.abc import Mapping, Sequence

from luthier.data.checks.wording import MOST_ROWS, have, part_of, quote, row_numbers
from luthier.findings import Finding, Severity
from luthier.text import count, listing, number, plural, share, shorten

FEW_UNKNOWN = 0.001  # share of the tokens from which on unknown ones are said
MANY_UNKNOWN = 0.01
MANY_TIMES = 3.0  # tokens of a word, by those of a word of English news
MANY_PER_CHARACTER = 1.5
MANY_ALTERED = 0.01
FEW, SHORT = 5, 24  # examples in a message, and characters of each
BEFORE, AFTER = 24, 36  # characters of an example around the first difference


def unknown_tokens(
    unknown: Sequence[int],
    lengths: Sequence[int],
    parts: Mapping[str, int],
    token: str,
    rows: Sequence[int],
    *,
    action: str,
) -> list[Finding]:
    """Tokens that are unknown to the tokenizer: from 0.1 % of all on, or more than half of those of a row.

    Args:
        unknown: Unknown tokens of each row.
        lengths: Tokens of each row, without special tokens.
        parts: Parts of the texts that become unknown tokens, and how often they occur; may be those of some rows.
        token: How the tokenizer writes an unknown token, such as `[UNK]`; empty if it has none.
        rows: Source row number of each row.
        action: What to do about it: depends on where the tokenizer is from.
    """
    lost = [index for index, (n, length) in enumerate(zip(unknown, lengths, strict=True)) if 2 * n > length]
    part = sum(unknown) / max(1, sum(lengths))
    if not lost and part < FEW_UNKNOWN:
        return []
    some = [index for index, n in enumerate(unknown) if n]
    common = sorted(parts, key=lambda one: (-parts[one], one))[:FEW]
    mostly = f"; {plural(len(lost), 'row')} {have(len(lost))} more unknown tokens than known ones" if lost else ""
    examples = f", most often {listing([quote(shorten(one, SHORT)) for one in common])}" if common else ""
    severity: Severity = "warning" if part > MANY_UNKNOWN or len(lost) > MANY_UNKNOWN * len(lengths) else "info"
    message = (
        f"{share(part)} of the tokens, in {count(len(some))} of {plural(len(unknown), 'row')}, are unknown to the "
        f"tokenizer{f' ({token})' if token else ''}{examples}: the model cannot tell them apart{mostly}."
    )
    return [Finding("unknown-tokens", severity, message, action, row_numbers(lost or some, rows))]


def many_tokens(mean: float, english: float, n: int, *, spaced: bool, action: str) -> list[Finding]:
    """Words take three times as many tokens as those of English news; or characters more than 1.5, where no spaces are.

    Args:
        mean: Tokens of a word, or of a character.
        english: Tokens of a word of English news.
        n: Number of texts that were looked at.
        spaced: Whether the texts have spaces between words.
        action: As in `unknown_tokens`.
    """
    if (mean < MANY_TIMES * english) if spaced else (mean < MANY_PER_CHARACTER):
        return []
    times = f", {number(mean / english, 1)} times as many as in English news ({number(english, 1)})" if spaced else ""
    message = (
        f"A {'word' if spaced else 'character'} takes {number(mean, 1)} tokens on average{times}, in a "
        f"sample of {plural(n, 'text')}: the tokenizer was made for other texts, and rows become long."
    )
    return [Finding("many-tokens", "warning", message, action)]


def altered_targets(losses: Mapping[str, Sequence[int]], n: int, example: tuple[str, str]) -> list[Finding]:
    """Targets that change when they are encoded and decoded, so that the model cannot learn to write them.

    Args:
        losses: What is lost, such as `line breaks`, to the source row numbers of the rows that lose it.
        n: Number of rows that were looked at.
        example: A target of the most frequent loss, and what comes back.
    """
    rows = sorted({row for some in losses.values() for row in some})
    if not rows:
        return []
    kinds = sorted(losses, key=lambda kind: (-len(losses[kind]), kind))
    lost = listing([f"{kind} ({plural(len(losses[kind]), 'row')})" for kind in kinds])
    severity: Severity = "warning" if len(rows) > MANY_ALTERED * n else "info"
    change = "changes" if len(rows) == 1 else "change"
    message = (
        f"{part_of(len(rows), n, 'sampled target')} {change} when encoded and decoded, so the model cannot learn to "
        f"write them exactly: they lose {lost}. {_around(*example)} becomes {_around(*reversed(example))}."
    )
    action = "Train a tokenizer that loses nothing: --tokenizer byte-bpe, for a pretrained model with "
    action += "--fresh-tokenizer."
    return [Finding("altered-targets", severity, message, action, tuple(rows[:MOST_ROWS]))]


def _around(text: str, other: str) -> str:
    """A text around the place where another one begins to differ, with its line breaks as they are written in code."""
    place = next((i for i, (one, two) in enumerate(zip(text, other, strict=False)) if one != two), len(other))
    begin, end = max(0, place - BEFORE), place + AFTER
    return repr(f"{'…' if begin else ''}{text[begin:end]}{'…' if end < len(text) else ''}")
