"""Names for labels that the data writes as codes."""

from collections.abc import Collection, Mapping

from luthier.errors import RecipeError
from luthier.findings import Decision
from luthier.text import listing, plural

LABEL_NAMES = "label_names"  # where a task keeps them, among its details


def require_found(label_names: Mapping[str, str], labels: Collection[str]) -> None:
    """Refuse names for codes that do not occur, unless every label of the data has a name.

    Args:
        label_names: Code to name.
        labels: The labels of the training rows, named.
    Raises:
        RecipeError: A code does not occur, and a label has no name.
    """
    unknown = [code for code, name in label_names.items() if name not in labels]
    unnamed = sorted(set(labels) - set(label_names.values()))
    if unknown and unnamed:
        what = f"no training row has the label {unknown[0]!r}, which label_names calls {label_names[unknown[0]]!r}"
        hint = f"{plural(len(unnamed), 'label')} without a name: {listing(unnamed)}"
        raise RecipeError(what, where="data.label_names", hint=hint)


def named(label_names: Mapping[str, str], labels: Collection[str] | None = None) -> list[Decision]:
    """The decision that says which codes have which names; none without names.

    Args:
        label_names: Code to name.
        labels: The labels of the training rows, named; None if they are not known as they were written.
    """
    if not label_names:
        return []
    labels = label_names.values() if labels is None else labels
    unused = [f"{code} ({name})" for code, name in label_names.items() if name not in labels]
    unnamed = [label for label in labels if label not in label_names.values()]
    notes = [
        f"no training row has {listing(unused)}" if unused else "",
        f"without a name: {listing(unnamed)}" if unnamed else "",
    ]
    value = ", ".join(f"{code} = {name}" for code, name in label_names.items() if name in labels)
    return [Decision("label names", value or "none used", "; ".join(filter(None, notes)) or "as given")]
