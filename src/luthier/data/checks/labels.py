"""Checks of the labels, from plain lists to findings."""

import re
import unicodedata
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence

from luthier.data.checks.duplicates import normalise
from luthier.data.checks.wording import MOST_ROWS, are, have, quote, row_numbers
from luthier.findings import Finding, Severity
from luthier.text import count, listing, plural, share

RARE = 5
FEWEST_TO_JUDGE = 20
MISSING_WORDS = {"na", "n/a", "nan", "null", "none", "nil", "<na>", "#n/a", "missing", "-", "?"}
_ITEMS = r"(|[^\]}]*[,;|'\"][^\]}]*)"  # none, or separated or quoted ones: [OTHER] is a name
_LIST = re.compile(rf"set\(\)|(frozenset\()?(\[{_ITEMS}\]|\{{{_ITEMS}\}})\)?")
_WHOLE = re.compile(r"([+-]?\d+)\.?0*")


def near_equal_labels(labels: Iterable[Hashable]) -> list[Finding]:
    """Labels that probably mean the same: `Yes `, `yes`, `yes.`; 1, 1.0, "1"; True, "True". They are not merged.

    Args:
        labels: The label of each row, as read (types kept).
    """
    # 1, 1.0 and True are one dictionary key, so the type is part of it.
    counts = Counter((type(label).__name__, label) for label in labels)
    alike: dict[str, list[tuple[str, Hashable]]] = {}
    for one in counts:
        alike.setdefault(_folded(one[1]), []).append(one)
    findings = []
    for spellings in alike.values():
        if len(spellings) > 1:
            spelled = listing([f"{one[1]!r} ({plural(counts[one], 'row')})" for one in spellings], 6)
            message = f"Nearly identical labels count as different classes: {spelled}."
            action = "If they mean the same, spell them the same way in the data."
            findings.append(Finding("near-equal-labels", "warning", message, action))
    return findings


def missing_like_labels(labels: Iterable[Hashable]) -> list[Finding]:
    """Labels that other tools read as missing (NA, null, None, nan) but Luthier reads as text."""
    counts = Counter(label for label in labels if isinstance(label, str))
    found = {label: n for label, n in counts.items() if label.strip().casefold() in MISSING_WORDS}
    if not found:
        return []
    named = listing([f"{label!r} ({plural(n, 'row')})" for label, n in found.items()])
    message = f"Counted as a class, but may mean a missing label: {named}."
    action = "If it means a missing label, leave the field empty: those rows are then skipped."
    return [Finding("missing-like-labels", "warning", message, action)]


def list_like_labels(labels: Iterable[str]) -> list[Finding]:
    """Classes that are written like lists of labels, in a notation that is not read: `{good,cheap}`, `[good, cheap]`.

    So are lists in several notations, or beside words such as None.

    Args:
        labels: The label of each row.
    """
    counts = Counter(label for label in labels if _LIST.fullmatch(label.strip()))
    if not counts:
        return []
    named = listing([f"{label!r} ({plural(n, 'row')})" for label, n in counts.most_common()], 4)
    message = f"Counted as a class each, but written like lists of labels: {named}."
    action = (
        'Write all rows alike, as `["good", "cheap"]` or `good|cheap`; `--allow list-like-labels` keeps the classes.'
    )
    return [Finding("list-like-labels", "error", message, action)]


def unlabelled_rows(labels: Sequence[Sequence[str]], rows: Sequence[int]) -> list[Finding]:
    """Rows that have none of several labels, which an empty cell means too.

    Args:
        labels: The labels of each training row.
        rows: The rows' numbers.
    """
    bare = [row for row, found in zip(rows, labels, strict=True) if not found]
    if not bare:
        return []
    message = (
        f"{count(len(bare))} of {plural(len(labels), 'training row')} {have(len(bare))} no label, and the model "
        "learns that none applies."
    )
    action = "If their labels are merely missing, remove the rows."
    return [Finding("unlabelled-rows", "info", message, action, tuple(bare[:MOST_ROWS]))]


def exclusive_labels(labels: Sequence[Sequence[str]], names: Sequence[str]) -> list[Finding]:
    """Each training row has exactly one of several labels, so they may be classes.

    Args:
        labels: The labels of each training row.
        names: All labels.
    """
    if not labels or len(names) < 2 or any(len(found) != 1 for found in labels):
        return []
    rows, known = plural(len(labels), "training row"), plural(len(names), "label")
    message = f"Each of the {rows} has exactly one of the {known}, but the model may predict any number of them."
    action = "If they exclude each other, write the label of each row in one column: they are then classes."
    return [Finding("exclusive-labels", "info", message, action)]


def none_labelled(labels: Sequence[Sequence[str]], split: str) -> list[Finding]:
    """No evaluated row has any of several labels.

    Args:
        labels: The labels of each row.
        split: Name of the rows, such as `test`.
    """
    if any(labels):
        return []
    rows = plural(len(labels), f"{split} row")
    message = f"None of the {rows} has a label: every prediction of one counts as an error."
    action = "If the labels are merely missing, add them: the scores mean nothing without them."
    return [Finding("unlabelled-rows", "warning", message, action)]


def unseen_labels(
    train: Iterable[Hashable],
    others: Mapping[str, Sequence[Hashable]],
    rows: Mapping[str, Sequence[int]],
) -> list[Finding]:
    """Labels of validation or test rows that no training row has; one finding per affected split.

    Args:
        train: Labels of the training rows (multi-label: flattened).
        others: Labels of the rows of the other splits, by split.
        rows: Source row numbers of the same rows, by split.
    """
    known = set(train)
    findings = []
    for split, labels in others.items():
        unseen = Counter(label for label in labels if label not in known)
        if unseen:
            named = listing([f"{label!r} ({plural(n, 'row')})" for label, n in unseen.most_common()])
            message = f"{plural(len(unseen), 'label')} of the {split} rows {are(len(unseen))} in no training row: "
            message += f"{named}. The training labels are {listing(sorted(map(repr, known)), 10)}."
            action = "Correct the spelling, add training rows with these labels, or remove these rows."
            having = (index for index, label in enumerate(labels) if label in unseen)
            findings.append(Finding("unseen-labels", "error", message, action, row_numbers(having, rows[split])))
    return findings


def missed_labels(counts: Mapping[str, int], known: Iterable[str], split: str) -> list[Finding]:
    """Labels of evaluated rows that the model cannot predict; they count as errors.

    Args:
        counts: Number of occurrences of each label in the evaluated rows.
        known: Labels that the model can predict.
        split: Name of the rows, such as `test`.
    """
    known = sorted(known)
    unseen = Counter({label: n for label, n in counts.items() if label not in known})
    if not unseen:
        return []
    named = listing([f"{label!r} ({count(n)})" for label, n in unseen.most_common()])
    message = (
        f"The {split} rows have labels that the model cannot predict, which count as errors: {named}. It knows "
        f"{listing([repr(label) for label in known], 10)}."
    )
    action = "Correct the spelling, add training rows with these labels, or remove them from the data."
    return [Finding("missed-labels", "warning", message, action)]


def one_class(counts: Mapping[str, int]) -> list[Finding]:
    """All training rows have the same label.

    Args:
        counts: Training rows of each class.
    """
    present = [label for label, n in counts.items() if n]
    if len(present) != 1:
        return []
    n = counts[present[0]]
    rows = "The only training row has" if n == 1 else f"All {count(n)} training rows have"
    message = f"{rows} the label {present[0]!r}: there is nothing to learn."
    action = "Add rows of another class, or choose the label column with --label."
    return [Finding("one-class", "error", message, action)]


def one_class_held_out(train: Iterable[str], others: Mapping[str, Sequence[str]]) -> list[Finding]:
    """All rows of a held-out split, of two or more, have the same label, and the training rows have others too.

    Args:
        train: Labels of the training rows.
        others: Labels of the rows of the other splits, by split.
    """
    known = set(train)
    findings = []
    for split, labels in others.items():
        if len(labels) < 2 or len(known) < 2 or len(set(labels)) > 1 or labels[0] not in known:
            continue
        option = "--test" if split == "test" else "--valid"
        message = (
            f"The {split} scores cover a single class: all {count(len(labels))} {split} rows have the label "
            f"{labels[0]!r}, so always predicting it scores best."
        )
        action = f"Use {split} rows of every class; without {option}, Luthier splits them off."
        findings.append(Finding("one-class", "warning", message, action))
    return findings


def rare_class(counts: Mapping[str, int]) -> list[Finding]:
    """Classes with fewer than five training rows; `counts` as in `one_class`."""
    rare = sorted((n, str(label)) for label, n in counts.items() if n < RARE)
    if not rare or len(counts) < 2:
        return []
    named = listing([f"{label!r} ({plural(n, 'row')})" for n, label in rare])
    message = (
        f"{count(len(rare))} of {plural(len(counts), 'class', 'classes')} {have(len(rare))} fewer than {RARE} "
        f"training rows: {named}."
    )
    action = "Collect more rows of these classes, or merge them with others: their scores are unreliable."
    return [Finding("rare-class", "warning", message, action)]


def label_by_row(counts: Mapping[str, int]) -> list[Finding]:
    """At least 90 % of the rows, of 20 or more, have a label that no other row has; `counts` as in `one_class`."""
    n, single = sum(counts.values()), [label for label, rows in counts.items() if rows == 1]
    if n < FEWEST_TO_JUDGE or 10 * len(single) < 9 * n:
        return []
    message = (
        f"{count(len(single))} of {plural(n, 'training row')} have a unique label, such as {quote(single[0])}: "
        "there are no classes to learn."
    )
    action = "Choose the label column with --label."
    return [Finding("label-by-row", "error", message, action)]


def imbalance(counts: Mapping[str, int], n: int | None = None) -> list[Finding]:
    """The largest class has at least ten times the training rows of the smallest.

    Args:
        counts: As in `one_class`.
        n: Number of training rows; None if each has one class.
    """
    present = sorted(((n, str(label)) for label, n in counts.items() if n), reverse=True)
    if len(present) < 2 or present[0][0] < 10 * present[-1][0]:
        return []
    (most, largest), (least, smallest) = present[0], present[-1]
    severity: Severity = "warning" if most >= 50 * least else "info"
    message = (
        f"The largest class, {largest!r}, has {plural(most, 'training row')} "
        f"({share(most / (n or sum(counts.values())))}), the smallest, {smallest!r}, {count(least)}."
    )
    action = "Prefer macro F1 to accuracy; more rows of the small classes help most."
    return [Finding("imbalance", severity, message, action)]


def constant_label(counts: Mapping[str, int], n: int) -> list[Finding]:
    """A label of a multi-label task is set in no training row, or in every one.

    Args:
        counts: Training rows with each label, including zeros.
        n: Number of training rows.
    """
    never = [repr(label) for label, rows in counts.items() if rows == 0]
    always = [repr(label) for label, rows in counts.items() if rows == n]
    if n == 0 or not never + always:
        return []
    said = [f"set in no training row: {listing(never)}"] if never else []
    said += [f"set in all {plural(n, 'training row')}: {listing(always)}"] if always else []
    message = f"Constant labels cannot be learned: {'; '.join(said)}."
    action = "Exclude these labels with --label, or add rows that differ."
    return [Finding("constant-label", "warning", message, action)]


def _folded(label: Hashable) -> str:
    """The normal form that a label shares with its near-equal spellings."""
    seen = normalise("".join(one for one in str(label) if unicodedata.category(one) != "Cf"))
    text = seen.rstrip(".,;: ") or seen
    if whole := _WHOLE.fullmatch(text):
        return str(int(whole[1]))
    return re.sub(r"(?<=\w)[-_ ]+(?=\w)", " ", text)
