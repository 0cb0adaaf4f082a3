"""Recognise the text and label columns of a classification task, and its shape."""

from luthier.data.columns.metadata import is_metadata
from luthier.data.columns.profile import ColumnProfile, Recognition, is_certain_id, is_split, may_be_quantity, require
from luthier.data.columns.roles import Columns, Given, Profiles, described, is_named, is_structured, several, with_split
from luthier.errors import RecipeError, UsageError
from luthier.tasks.text_classification.label_columns import (
    LABEL_NAMES,
    find_labels,
    is_object,
    is_outcome,
    label_place,
    label_score,
)
from luthier.tasks.text_classification.shape import (
    NEARLY_ALL,
    is_flag,
    kind_of,
    may_be_a_number,
    may_be_classes,
    may_have_thousands,
    number_share,
)
from luthier.tasks.text_classification.text_columns import (
    compared,
    entities,
    find_texts,
    may_be_text,
    pair_of,
    rival_of,
    text_score,
)
from luthier.text import listing, plural

TASK = "text-classification"
DOUBTS = {  # kind of label: what may be unclear about its column, and the kinds to choose from
    "several": (may_be_classes, ("several", "one")),
    "number": (may_have_thousands, ("number",)),
    "one": (may_be_a_number, ("number", "one")),
}


def recognise_classification(profiles: Profiles, *, given: Given, shape: str | None) -> Recognition | None:
    """Find the text, the second text and the label of a table, and what kind of label it is.

    Args:
        profiles: The table's columns (`columns.profile`).
        given: Columns that the user named, by role: `text` (two of them are a pair), `text_pair`, `label` (several of
            them are 0/1 columns), `labels`.
        shape: The shape that the user asked for, one of the task's; None if not set.
    Returns:
        None if no text or no label is found; `why_not` says why.
    Raises:
        ColumnError: A column that the user named does not exist.
        UsageError: One column is named for two roles, or too many for one.
        RecipeError: The named columns contradict the shape.
    """
    asked_texts, asked_labels = _asked(profiles, given, shape)
    if _objects(profiles, asked_texts, asked_labels):
        return None
    texts_shape, labels_shape = shape.split("/") if shape else (None, None)
    labels_by_name = {name for name in profiles if name not in asked_texts and label_place(name) is not None}
    labels_by_name -= entities(profiles)
    texts = find_texts(profiles, asked_texts, set(asked_labels), labels_by_name, texts_shape)
    if texts is None:
        return None
    labels = find_labels(profiles, asked_labels, set(texts.columns), labels_shape)
    if labels is None:
        return None
    kind, kind_why = kind_of(profiles, labels.columns, labels_shape, several="labels" in given)

    columns: Columns = dict(zip(("text", "text_pair"), texts.columns, strict=False))
    if kind == "several":
        joined = len(labels.columns) == 1 and not is_flag(profiles[labels.columns[0]])
        columns["labels"] = labels.columns[0] if joined else labels.columns
    else:
        columns["label"] = labels.columns[0]
    why = [*texts.why, *labels.why, *kind_why]
    columns = with_split(profiles, given, columns, why)
    side = "pair" if len(texts.columns) == 2 else "single"
    sure = round(min(texts.confidence, labels.confidence), 2)
    unclear, shapes = texts.unclear or labels.unclear or ("" if asked_texts else compared(profiles)), list[str]()
    if not unclear and labels_shape is None and "labels" not in given:
        doubt, kinds = DOUBTS[kind]
        unclear, shapes = doubt(profiles[labels.columns[0]]), [f"{side}/{one}" for one in kinds]
    return Recognition(TASK, f"{side}/{kind}", columns, sure, why, unclear, shapes)


def why_not(profiles: Profiles, *, given: Given | None = None) -> str:
    """Explain, with a short clause for each column, why no text or no label was found."""
    asked_texts, asked_labels = _asked(profiles, given or {}, None)
    if objects := _objects(profiles, asked_texts, asked_labels):
        option, name = objects[0]
        fields = listing([f"{option} {field}" for field in profiles[name].fields], 4)
        return described(profiles[name]) + (f": name one of its fields: {fields}" if fields else "")
    texts = find_texts(profiles, asked_texts, set(asked_labels), set(), None)
    if texts is None:
        return f"no column contains text: {'; '.join(described(column) for column in profiles.values())}"
    rest = [described(column) for column in profiles.values() if column.name not in texts.columns]
    taken = " and ".join(repr(name) for name in texts.columns)
    clauses = [f"{taken} {'is' if len(texts.columns) == 1 else 'are'} the text", *rest]
    return f"no column looks like a label: {'; '.join(clauses)}{'' if rest else ', and there is no other column'}"


def likely(profiles: Profiles) -> list[Columns]:
    """The columns that may have been meant as text and label, best first, where `recognise_classification` is unsure.

    Args:
        profiles: The table's columns.
    """
    texts = {
        column.name: text_score(column)
        for column in profiles.values()
        if may_be_text(column) and not is_named(column.name, LABEL_NAMES)
    }
    if not texts:
        return []
    text = max(texts, key=lambda name: texts[name])
    labels = [
        column
        for name, column in profiles.items()
        if name != text
        and not (is_certain_id(column) or is_split(column) or is_object(column))
        and (is_outcome(column) or not is_metadata(column))
        and column.distinct > 1
        and (column.distinct_share <= 0.5 or column.flags is not None or _is_score(column))
    ]
    labels.sort(key=label_score, reverse=True)
    rival = rival_of(text, profiles, texts)
    side = [name for name in profiles if name in (text, rival)] if rival else (text, "")
    first, second = pair_of(profiles, texts) or side
    pairs: list[Columns] = [
        {"text": first, "text_pair": second, "label": one.name}
        for one in labels[:1]
        if second and one.name not in (first, second)
    ]
    singles: list[Columns] = [{"text": text, "label": one.name} for one in labels[:3] if one.name != rival]
    return [*pairs, *singles]


def _is_score(column: ColumnProfile) -> bool:
    named = label_place(column.name) is not None
    return number_share(column) >= NEARLY_ALL and (named or may_be_quantity(column))


def _asked(profiles: Profiles, given: Given, shape: str | None) -> tuple[list[str], list[str]]:
    """The columns that the user named as texts and as labels; checks that they exist and do not conflict."""
    texts = [*several(given.get("text")), *several(given.get("text_pair"))]
    labels = [*several(given.get("label")), *several(given.get("labels"))]
    require(texts, profiles, where="--text")
    require(labels, profiles, where="--label")
    if twice := [name for name in {*texts, *labels} if (texts + labels).count(name) > 1]:
        raise UsageError(
            f"the column {sorted(twice)[0]!r} is named twice", where="--text, --label", hint="name each column once"
        )
    if len(texts) > 2:
        raise UsageError(
            f"{plural(len(texts), 'text column')} were given", where="--text", hint="pass one, or two for pairs"
        )
    if shape and shape.startswith("single") and len(texts) == 2:
        raise RecipeError(f"two texts were given for the shape {shape}", where="shape", hint=f"pair/{shape[7:]}")
    if shape and not shape.endswith("several") and len(labels) > 1:
        raise RecipeError(
            f"{plural(len(labels), 'label column')} were given for the shape {shape}",
            where="shape",
            hint=f"{shape.split('/')[0]}/several",
        )
    return texts, labels


def _objects(profiles: Profiles, texts: list[str], labels: list[str]) -> list[tuple[str, str]]:
    """The named columns of lists or objects that are no texts or labels, each after the option that names it."""
    found = [("--text", name) for name in texts if is_structured(profiles[name])]
    return found + [("--label", name) for name in labels if is_object(profiles[name])]
