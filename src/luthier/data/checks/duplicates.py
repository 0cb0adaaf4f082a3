"""Content keys that identify rows with the same text, and the checks based on them."""

import unicodedata
from collections.abc import Hashable, Mapping, Sequence
from hashlib import blake2b

import numpy as np

from luthier.data.checks.wording import have, part_of, quote, row_numbers
from luthier.findings import Finding, Severity
from luthier.text import count, listing, plural, share

MOST_LEAKED = 0.5  # share of a split's rows; a larger leak is an error


def normalise(text: str) -> str:
    """Normalise the compatibility forms, case and whitespace of a text."""
    if text.isascii():
        return " ".join(text.lower().split())
    # Case folding can undo the composition, so normalise twice (as in toNFKC_Casefold).
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return " ".join(folded.split())


def key(*texts: str) -> str:
    """The content key of a row: rows whose texts are equal after `normalise` have equal keys.

    Returns:
        32 hexadecimal digits (BLAKE2b, 16 bytes), so that a million keys take little memory.
    """
    content = "\x1f".join(map(normalise, texts))  # \x1f counts as whitespace, so normalised text never contains it
    return blake2b(content.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def groups(keys: Sequence[str]) -> dict[str, list[int]]:
    """The keys that several rows share, with the positions of these rows, in order of first appearance."""
    hashes = np.fromiter(map(hash, keys), np.int64, len(keys))  # most rows share no key, and then need no list
    values, counts = np.unique(hashes, return_counts=True)
    rows: dict[str, list[int]] = {}
    for index in np.flatnonzero(np.isin(hashes, values[counts > 1])).tolist():
        rows.setdefault(keys[index], []).append(index)
    return {one: members for one, members in rows.items() if len(members) > 1}


def duplicates(keys: Sequence[str], texts: Sequence[str], rows: Sequence[int]) -> list[Finding]:
    """Rows that repeat the text of another row of the same split.

    Args:
        keys: Content key of each row.
        texts: Text of each row, for the example.
        rows: Source row number of each row.
    """
    same = groups(keys)
    if not same:
        return []
    extra = sum(len(members) - 1 for members in same.values())
    largest = max(same.values(), key=len)
    severity: Severity = "warning" if extra > 0.05 * len(keys) else "info"
    message = (
        f"{part_of(extra, len(keys), 'row')} {'repeats' if extra == 1 else 'repeat'} the text of another row, in "
        f"{plural(len(same), 'group')}; the largest has {plural(len(largest), 'row')}: {quote(texts[largest[0]])}."
    )
    action = "Remove the duplicates unless they should count more. Luthier's own split keeps equal texts together."
    repeated = (index for members in same.values() for index in members[1:])
    return [Finding("duplicates", severity, message, action, row_numbers(repeated, rows))]


def conflicting_labels(
    keys: Sequence[str], labels: Sequence[Hashable], texts: Sequence[str], rows: Sequence[int]
) -> list[Finding]:
    """Rows with the same text and different labels.

    Args:
        keys: Content key of each row.
        labels: Label of each row (multi-label: a frozenset).
        texts: Text of each row, for the example.
        rows: Source row number of each row.
    """
    conflicts = [members for members in groups(keys).values() if len({labels[index] for index in members}) > 1]
    if not conflicts:
        return []
    involved, first = [index for members in conflicts for index in members], conflicts[0]
    given = listing([repr(label) for label in dict.fromkeys(labels[index] for index in first)], 4)
    message = (
        f"{plural(len(conflicts), 'text')} in {plural(len(involved), 'row')} ({share(len(involved) / len(keys))}) "
        f"{have(len(conflicts))} conflicting labels: {quote(texts[first[0]])} is labelled {given}."
    )
    action = "Label equal texts the same way, or remove these rows: no model can get all of them right."
    return [Finding("conflicting-labels", "warning", message, action, row_numbers(involved, rows))]


def leak(
    train: Sequence[str],
    others: Mapping[str, Sequence[str]],
    texts: Mapping[str, Sequence[str]],
    rows: Mapping[str, Sequence[int]],
) -> list[Finding]:
    """Validation or test rows whose text is also in training; one finding per affected split.

    Up to half of the rows of a split is a warning: the score is that of the other rows, and the score of all rows is
    given beside it.

    Args:
        train: Content keys of the training rows.
        others: Content keys of the `validation` and `test` rows, by split.
        texts: Texts of the same rows, by split, for the example.
        rows: Source row numbers of the same rows, by split.
    """
    findings = []
    for split, keys in others.items():
        shared = leaked(train, keys)
        if not shared:
            continue
        few = len(shared) <= MOST_LEAKED * len(keys)
        severity: Severity = "warning" if few else "error"
        if list(keys) == list(train):
            message = f"The {split} rows are exactly the training rows ({plural(len(keys), 'row')}, the same order): "
            message += "the score would only measure memorization."
        else:
            message = f"{part_of(len(shared), len(keys), f'{split} row')} {have(len(shared))} a text that is also in "
            message += f"the training rows: {quote(texts[split][shared[0]])}."
            message += " The score leaves these rows out; the score on all rows is given beside it." if few else ""
        action = f"Remove these texts from training or from the {split} file, or drop the file and let Luthier split"
        action += "." if few else "; `--allow leak` continues, and marks the scores."
        findings.append(Finding("leak", severity, message, action, row_numbers(shared, rows[split])))
    return findings


def training_rows(
    train: Sequence[str], keys: Sequence[str], texts: Sequence[str], rows: Sequence[int]
) -> list[Finding]:
    """Evaluated rows whose text is also among the rows that the model was trained on.

    Args:
        train: Content keys of the training rows.
        keys: Content keys of the evaluated rows.
        texts: Their texts, for the example.
        rows: Their source row numbers.
    """
    shared = leaked(train, keys)
    if not shared:
        return []
    all_or_some = "All" if len(shared) == len(keys) else f"{count(len(shared))} of"
    message = (
        f"The scores partly measure memorization: {all_or_some} {plural(len(keys), 'row')} "
        f"({share(len(shared) / len(keys))}) {have(len(shared))} a text that the model was trained on: "
        f"{quote(texts[shared[0]])}."
    )
    action = "Evaluate on rows that the training data does not contain."
    return [Finding("training-rows", "warning", message, action, row_numbers(shared, rows))]


def leaked(train: Sequence[str], others: Sequence[str]) -> list[int]:
    """Positions of the rows whose text is also in training, or in another split given in its place.

    Args:
        train: Content keys of the training rows.
        others: Content keys of other rows.
    """
    seen = set(others).intersection(train)
    return [index for index, one in enumerate(others) if one in seen]


def held_out_overlap(
    validation: Sequence[str], test: Sequence[str], texts: Sequence[str], rows: Sequence[int]
) -> list[Finding]:
    """Test rows whose text is also in validation, which selects the checkpoint.

    Args:
        validation: Content keys of the validation rows.
        test: Content keys of the test rows.
        texts: Texts of the test rows, for the example.
        rows: Source row numbers of the test rows.
    """
    shared = leaked(validation, test)
    if not shared:
        return []
    message = (
        f"{part_of(len(shared), len(test), 'test row')} {have(len(shared))} a text that is also in the validation "
        f"rows: {quote(texts[shared[0]])}."
    )
    action = "Remove them from one of the splits: validation picks the checkpoint, so the test score is biased."
    return [Finding("held-out-overlap", "warning", message, action, row_numbers(shared, rows))]
