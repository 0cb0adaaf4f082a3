"""Checks of what is learned where it is no label: tags, answers, texts that are written."""

from collections.abc import Mapping, Sequence

from luthier.data.checks.wording import MOST_ROWS, have
from luthier.findings import Finding, Severity
from luthier.text import count, listing, plural, share

MOST_LOST_TARGETS = 0.01


def lost_targets(lost: int, n: int, rows: Sequence[int]) -> list[Finding]:
    """Examples of which cutting leaves nothing to learn; above 1 % they stop a training.

    Args:
        lost: How many.
        n: Examples in all.
        rows: Source row numbers of those that are lost.
    """
    if not lost:
        return []
    severity: Severity = "error" if lost > MOST_LOST_TARGETS * n else "warning"
    return [
        Finding(
            id="lost-targets",
            severity=severity,
            message=f"{plural(lost, 'training row')} of {count(n)} ({share(lost / n)}) {have(lost)} no target left "
            "after cutting, and cannot be learned from.",
            action="Raise max_length, or shorten what stands before the target.",
            rows=tuple(rows[:MOST_ROWS]),
        )
    ]


def no_entities(counts: Mapping[str, int]) -> list[Finding]:
    """No word of training has a tag but O.

    Args:
        counts: Type of entity to how many there are in training.
    """
    if any(counts.values()):
        return []
    message = "No training row has an entity: every tag is O."
    return [Finding("no-entities", "error", message, "Check that the right columns were taken (--text, --label).")]


def numbered_tags(counts: Mapping[str, int]) -> list[Finding]:
    """Tags are numbers, and nothing says what they stand for: 0 is most often O, and would be a type of entity.

    Args:
        counts: As in `no_entities`.
    """
    if not counts or not all(name.isdigit() for name in counts):
        return []
    message = f"The tags are numbers without names: {listing(list(counts))}."
    action = "Write the tags out (O, B-PER, ...), or save the data with `datasets`, which keeps their names."
    return [Finding("numbered-tags", "error", message, action)]


def no_end(ends: Sequence[str]) -> list[Finding]:
    """No training row shows where a text ends: the model would never stop writing.

    Args:
        ends: Tokens that end a text.
    """
    tokens = listing([repr(token) for token in ends]) or "an end token, which the tokenizer lacks"
    message = f"No training row has {tokens} among what is learned: the model would not learn where to stop."
    return [Finding("no-end", "error", message, "Raise max_length, so that rows keep their ends.")]


def control_tokens(rows: Sequence[int], n: int, tokens: Sequence[str]) -> list[Finding]:
    """Messages hold the marks of the chat template, and are read as if somebody else spoke.

    Args:
        rows: Source row numbers of the rows that do.
        n: Rows in all.
        tokens: The marks.
    """
    if not rows:
        return []
    message = f"{plural(len(rows), 'training row')} of {count(n)} {have(len(rows))} marks of the chat template in the "
    message += f"text of a message ({listing([repr(token) for token in tokens], 4)}): they act as marks."
    action = "Take them out of the texts, unless they are meant to part turns."
    return [Finding("control-tokens", "warning", message, action, rows=tuple(rows[:MOST_ROWS]))]


def mended(mends: Mapping[str, tuple[str, Sequence[int]]], n: int) -> list[Finding]:
    """Rows that were put right by a rule, which is named.

    Args:
        mends: Name of each rule to what it does and the source row numbers of the rows that it changed.
        n: Rows in all.
    """
    return [
        Finding(
            id=name,
            severity="warning" if len(rows) > 0.05 * n else "info",
            message=f"{plural(len(rows), 'training row')} of {count(n)} {were} mended: {rule}.",
            action="Look at some of them; mend the data if the rule is wrong for it.",
            rows=tuple(rows[:MOST_ROWS]),
        )
        for name, (rule, rows) in mends.items()
        if rows
        for were in ("was" if len(rows) == 1 else "were",)
    ]
