"""Checks of targets other than labels: tags, answers and texts to generate."""

from collections.abc import Mapping, Sequence

from luthier.data.checks.wording import MOST_ROWS, are, have, part_of, row_of
from luthier.data.columns.numbers import as_whole
from luthier.findings import Finding, Severity
from luthier.text import count, listing, plural

MOST_LOST_TARGETS = 0.01


def lost_targets(rows: Sequence[int], n: int, split: str = "train") -> list[Finding]:
    """Examples without any target left after truncation; an error above 1 %.

    Args:
        rows: Source row numbers of these examples.
        n: Number of all examples.
        split: The split that they are in.
    """
    lost = len(rows)
    if not lost:
        return []
    severity: Severity = "error" if lost > MOST_LOST_TARGETS * n else "warning"
    what = "cannot be trained on" if split == "train" else f"{are(lost)} not scored"
    message = f"{part_of(lost, n, row_of(split))} {have(lost)} no target left after truncation and {what}."
    action = "Train with a higher --set max_length=..., or shorten the text before the target."
    return [Finding("lost-targets", severity, message, action, tuple(rows[:MOST_ROWS]))]


def unclear_thousands(column: str, value: str) -> list[Finding]:
    """Numbers to score against that may have thousands or a fraction, read as the fraction.

    Args:
        column: The column of the numbers.
        value: One of them, as it is written.
    """
    message = f"The numbers in {column!r} are ambiguous: {value} is read as a fraction, but may be {as_whole(value)}."
    action = f"If it is {as_whole(value)}, write it that way in the file: otherwise the scores are wrong."
    return [Finding("unclear-thousands", "warning", message, action)]


def no_entities(counts: Mapping[str, int]) -> list[Finding]:
    """No training row has a tag other than O.

    Args:
        counts: Entity type to the number of its entities in training.
    """
    if any(counts.values()):
        return []
    message = "No training row has an entity: every tag is O."
    return [Finding("no-entities", "error", message, "Check that the right columns were used (--text, --label).")]


def no_answers(counts: Mapping[str, int]) -> list[Finding]:
    """No training question has an answer.

    Args:
        counts: Training rows with an `answer`, and those with `no answer`.
    """
    if counts["answer"] or not counts["no answer"]:
        return []
    message = (
        f"None of the {plural(counts['no answer'], 'training question')} has an answer: there is nothing to learn."
    )
    action = "Check that the right columns were used (--text, --label), and the form of the answers."
    return [Finding("no-answers", "error", message, action)]


def numbered_tags(counts: Mapping[str, int]) -> list[Finding]:
    """Tags are numbers without names: 0 usually means O, but would be read as an entity type.

    Args:
        counts: As in `no_entities`.
    """
    if not counts or not all(name.isdigit() for name in counts):
        return []
    message = f"The tags are numbers without names: {listing(list(counts))}."
    action = "Name them, such as --label-names 0=O,1=B-PER, or save the data with `datasets`, which keeps the names."
    return [Finding("numbered-tags", "error", message, action)]


def no_end(ends: Sequence[str]) -> list[Finding]:
    """No training row has an end token among its targets, so the model would not learn to stop generating.

    Args:
        ends: Tokens that end a text.
    """
    tokens = listing([repr(token) for token in ends]) or "an end token, which the tokenizer lacks"
    message = f"No training row has {tokens} in its target: the model would not learn where to stop."
    return [Finding("no-end", "error", message, "Increase max_length so that rows keep their end token.")]


def control_tokens(rows: Sequence[int], n: int, tokens: Sequence[str]) -> list[Finding]:
    """Messages contain control tokens of the chat template, and would be read as turns of another speaker.

    Args:
        rows: Source row numbers of the affected rows.
        n: Number of all rows.
        tokens: The control tokens.
    """
    if not rows:
        return []
    message = f"{count(len(rows))} of {plural(n, 'training row')} {have(len(rows))} chat-template tokens in the "
    message += f"text of a message ({listing([repr(token) for token in tokens], 4)}): they act as turn markers."
    action = "Remove them from the texts, unless they are meant to separate turns."
    return [Finding("control-tokens", "warning", message, action, rows=tuple(rows[:MOST_ROWS]))]


def masked_turns(masked: int, n: int, rows: Sequence[int]) -> list[Finding]:
    """Assistant turns that the data marks as not to be learned.

    Args:
        masked: Number of these turns in training.
        n: Number of all assistant turns in training.
        rows: Source row numbers of the rows with such turns.
    """
    if not masked:
        return []
    message = f"{part_of(masked, n, 'assistant turn')} {are(masked)} read but excluded from the loss: marked with "
    message += "weight 0, loss false or the like."
    action = "Remove the mark from turns that the model should learn."
    return [Finding("masked-turns", "info", message, action, rows=tuple(rows[:MOST_ROWS]))]


def mended(mends: Mapping[str, tuple[str, Sequence[int]]], n: int) -> list[Finding]:
    """Rows that were corrected by a rule; one finding per rule.

    Args:
        mends: Name of each rule to its description and the source row numbers of the rows it changed.
        n: Number of all rows.
    """
    action = "Check some of them; correct the data where the rule is wrong for it."
    findings = []
    for name, (rule, rows) in mends.items():
        if rows:
            severity: Severity = "warning" if len(rows) > 0.05 * n else "info"
            were = "was" if len(rows) == 1 else "were"
            message = f"{count(len(rows))} of {plural(n, 'training row')} {were} corrected: {rule}."
            findings.append(Finding(name, severity, message, action, tuple(rows[:MOST_ROWS])))
    return findings
