"""Checks of the numbers to predict, from plain lists to findings."""

from collections.abc import Sequence

import numpy as np

from luthier.data.checks.wording import are, row_numbers
from luthier.findings import Finding
from luthier.text import count, number, plural

# Numbers this many times as far from the median as three quarters of all are outliers, if they multiply the standard
# deviation, in which numbers are learned, by so much that the others are about the same in it.
FAR, SPREAD = 20, 10


def constant_target(values: Sequence[float]) -> list[Finding]:
    """The number to predict is the same in all training rows."""
    if not len(values) or min(values) < max(values):
        return []
    message = f"The number to predict is {number(values[0])} in all {plural(len(values), 'training row')}."
    return [Finding("constant-target", "error", message, "Choose the column to predict with --label.")]


def outliers(values: Sequence[float], rows: Sequence[int]) -> list[Finding]:
    """A few numbers so far from the others that a model learns little else.

    Args:
        values: The number of each training row.
        rows: Source row number of each row.
    """
    numbers = np.asarray(values, float)
    if len(numbers) < 2:
        return []
    distances = np.abs(numbers - np.median(numbers))
    far = distances > FAR * np.quantile(distances, 0.75)
    others = numbers[~far]
    if not far.any() or not others.std() or numbers.std() < SPREAD * others.std():
        return []
    found, n = numbers[far], int(far.sum())
    between = f"{found[0]:g}" if n == 1 else f"{found.min():g} to {found.max():g}"
    message = (
        f"The model will learn little but outliers: {count(n)} of {plural(len(numbers), 'training row')} {are(n)} far "
        f"from the others ({between}; the others are {others.min():g} to {others.max():g})."
    )
    action = "Correct or remove these rows if they are errors or stand for a missing number; else predict logarithms."
    return [Finding("outliers", "warning", message, action, row_numbers(np.flatnonzero(far).tolist(), rows))]
