"""Open the data of a recipe, and recognise its task and columns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transformers import PretrainedConfig

from luthier.data.checks.texts import empty_column
from luthier.data.columns.profile import ColumnProfile, is_mark, profile
from luthier.data.columns.roles import several
from luthier.data.reading import packages
from luthier.data.reading.discover import SPLITS, discover
from luthier.data.reading.sources import Source, sample
from luthier.data.records import Record, Skipped
from luthier.errors import FindingError, SourceError, UsageError
from luthier.findings import Decision, Finding
from luthier.pipeline.preparation.recognise import recognise
from luthier.pipeline.preparation.split import names_of
from luthier.pipeline.preparation.unlabelled import with_labels
from luthier.recipe import Recipe
from luthier.tasks.phases import Recognised
from luthier.tasks.registry import find
from luthier.text import listing, plural

SAMPLE = 5_000  # rows to sample for recognising the task and the columns


def open_sources(recipe: Recipe, spool_to: Path | None) -> dict[str, list[Source]]:
    """Open the sources of each split that the recipe names.

    Raises:
        UsageError: No data is named.
        SourceError: A source is missing or in a format that Luthier cannot read.
    """
    if not recipe.data.train:
        raise UsageError("no training data", where="data.train", hint="luthier train reviews.csv")
    data = recipe.data
    train, validation, test = (
        [packages.resolve(spec) for spec in specs] for specs in (data.train, data.validation, data.test)
    )
    found = discover(train, validation=validation, test=test, stdin_to=spool_to)
    if not found.get("train"):
        held = listing([split for split in SPLITS if found.get(split)])
        hint = "pass the training files; --valid and --test take the others"
        raise SourceError(f"no training data: there is only {held} data", where=listing(data.train, 3), hint=hint)
    return {split: found[split] for split in SPLITS if found.get(split)}


@dataclass(frozen=True)
class Found:
    """What was recognised in sources.

    Args:
        reader: The task, with its columns.
        sources: Split to the sources that have labels.
        profiles: The profile of every column.
        sample: The training rows that they were recognised from: a random sample of all sources.
        decisions: What was detected about the sources, and which task and columns were chosen.
    """

    reader: Recognised[Any]
    sources: dict[str, list[Source]]
    profiles: dict[str, ColumnProfile]
    sample: list[Record]
    decisions: list[Decision]


def recognise_columns(recipe: Recipe, sources: Mapping[str, list[Source]], model: PretrainedConfig | None) -> Found:
    """Recognise the task and the columns of sources, and set them in the recipe; raises like `recognise`."""
    records = sample_rows(sources)
    profiles = profile(records)
    recognition = recognise(recipe, profiles, names_of(sources), model)
    kind = find(recognition.task)
    recipe.task, recipe.data.shape, recipe.data.columns = recognition.task, recognition.shape, recognition.columns
    details = kind.details(recognition.shape, recognition.columns, profiles)
    reader = Recognised(kind, recognition.shape, recognition.columns, details).named(recipe.data.label_names)
    labelled, unused = with_labels(dict(sources), reader, profiles, recipe)
    return Found(reader, labelled, profiles, records, [*source_decisions(sources), *recognition.why, *unused])


def profile_sources(sources: Mapping[str, Sequence[Source]]) -> dict[str, ColumnProfile]:
    """Profile the columns of the training rows, from a random sample of all their sources."""
    return profile(sample_rows(sources))


def sample_rows(sources: Mapping[str, Sequence[Source]]) -> list[Record]:
    """A random sample of the training rows of all their sources."""
    several = sources.get("train") or next(iter(sources.values()))
    records: list[Record] = []
    for source in several:
        records += sample(source, SAMPLE // len(several) + 1, seed=0)
    if not records:
        _refuse_unreadable(several)
    return records


def _refuse_unreadable(sources: Sequence[Source]) -> None:
    """Raise if there are rows, but none can be read.

    Raises:
        FindingError: With the reason of the first row.
    """
    skipped = [row for source in sources for row in source.records() if isinstance(row, Skipped)]
    if skipped:
        first = skipped[0]
        what = f"no row can be read: {first.reason}" + (f" ({first.detail})" if first.detail else "")
        hint = f"fix the file: {plural(len(skipped), 'row')} cannot be read"
        raise FindingError(what, where=f"{first.source}, row {first.row}", hint=hint)


def empty_columns(columns: Mapping[str, str | list[str]], profiles: Mapping[str, ColumnProfile]) -> list[Finding]:
    """Findings about columns in use that are empty in most training rows."""
    used = [(role, profiles[name]) for role, names in columns.items() for name in several(names) if name in profiles]
    return [
        finding
        for role, column in used
        if not (is_mark(column) and len(several(columns[role])) > 1)  # empty where the label is not set
        for finding in empty_column(column.name, role, round(column.missing_share * column.n), column.n)
    ]


def source_decisions(sources: Mapping[str, Sequence[Source]]) -> list[Decision]:
    """What was detected about sources, such as encoding and header; of several, with their names."""
    several = [source for group in sources.values() for source in group]
    if len(several) == 1:
        return list(several[0].decisions)
    return [
        Decision(f"{Path(source.name).name} {decision.what}", decision.value, decision.why)
        for source in several
        for decision in source.decisions
    ]
