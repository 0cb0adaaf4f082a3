"""`predict`: predictions for texts, or for files of any size."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any

from luthier.console import Console
from luthier.data.columns.roles import several
from luthier.data.reading.memory import Data, paths_in
from luthier.data.reading.reader import Reading
from luthier.data.reading.sources import Source, open_source
from luthier.data.records import Record, Skipped
from luthier.errors import DataError, UsageError, nearest
from luthier.pipeline.inference.answers_file import Tally, write_answers
from luthier.pipeline.inference.inputs import FIRST_ROWS, has_inputs, with_inputs
from luthier.pipeline.inference.predictor import Predictor, load
from luthier.pipeline.recipes import specs_of
from luthier.pipeline.settings import columns_of
from luthier.recipe import GenerationRecipe
from luthier.run_directory.run import as_path
from luthier.storage.temporary import temporary_directory
from luthier.text import listing, typed

__all__ = ["load", "predict", "predict_file"]

FEW = 8  # rows of a file that are looked at if none were named
GENERATION = (*GenerationRecipe.model_fields, "seed")


def predict(
    target: str | PathLike[str],
    data: Data | Sequence[str],
    *,
    device: str | None = None,
    precision: str = "fp32",
    base_model: str | None = None,
    console: Console | None = None,
    **settings: Any,
) -> Iterator[dict[str, Any]]:
    """Predict texts or the rows of a source, one at a time and in order.

    Args:
        target: A run, a model directory, a short name or a Hub name.
        data: A list of texts, the path of one source, or rows in memory in any form that `train` takes. Columns with
            other names than in training are recognised as in `train`, where that is certain.
        device: As in `load`.
        precision: As in `load`.
        base_model: As in `load`.
        console: Receives the columns that were found, and other decisions; silent by default.
        **settings: Role to column: `text` for the input, or both inputs, else by the names of the task's roles. For
            tasks that generate text, also settings such as `temperature` (default: the model's own), as in
            `Predictor.generating`.
    Returns:
        An iterator over the rows, each with its fields, `prediction`, and `score` or `scores` if the task has them.
    Raises:
        ModelError: There is no such model, or it was not fine-tuned for a task.
        DataError: The source cannot be read, or lacks a column that the model needs.
        FindingError: After the last row, if no row could be predicted.
        RecipeError: Settings of generation that are invalid, or for a model that does not generate text.
        UsageError: Several sources or splits, or too many columns.

    Example:
        >>> for row in luthier.predict("runs/first", ["The strings are worn."]):
        ...     print(row["prediction"], row["score"])
        >>> pandas.DataFrame(luthier.predict("runs/first", reviews))
    """
    console = console or Console()
    predictor, columns = _generating(
        load(target, device=device, precision=precision, base_model=base_model), settings, console
    )
    if isinstance(data, list | tuple) and data and all(isinstance(text, str) for text in data):
        if columns:
            name = next(iter(columns))
            raise UsageError(f"texts have no columns, and no setting {name!r}", hint=nearest(name, GENERATION))
        texts = (Record("texts", row, dict(predictor.fields(text))) for row, text in enumerate(data, start=1))
        return predictor.stream(texts)
    folder = temporary_directory()
    source = _open(data, Path(folder.name), predictor, columns, console)
    command = f"luthier predict {typed(target)} --file"
    reader = _reading(predictor, source, columns, console, command)
    return _counted(reader.stream(_records(source, folder), console), source.name, console)


def rows_of(
    predictor: Predictor, file: Path, rows: Sequence[int] | None, console: Console, command: str
) -> tuple[Predictor, list[Mapping[str, Any]]]:
    """Rows of a file, and the predictor for its columns.

    Args:
        predictor: The model.
        file: One source, in any form that `train` takes.
        rows: Their numbers, from 1; None for the first `FEW`.
        console: Receives the columns that were found.
        command: The command without the file, for hints.
    Raises:
        DataError: The file or one of the rows cannot be read.
        UsageError: The file has no row of that number.
    """
    wanted = range(1, FEW + 1) if rows is None else rows
    with temporary_directory() as folder:
        source = _open(str(file), Path(folder), predictor, {}, console)
        predictor = _reading(predictor, source, {}, console, command)
        found = {
            row.row: row for row in itertools.islice(source.records(), max(wanted, default=0)) if row.row in wanted
        }
        missing = [row for row in wanted if row not in found]
        if rows is not None and missing:
            n = sum(1 for _ in source.records())
            raise UsageError(f"there is no row {missing[0]}", where=str(file), hint=f"choose a row from 1 to {n}")
    chosen = [found[row] for row in wanted if row in found]
    wrong = next((row for row in chosen if isinstance(row, Skipped)), None)
    if wrong is not None:
        raise DataError(f"{wrong.reason}: {wrong.detail}", where=f"{wrong.source}, row {wrong.row}")
    return predictor, [row.values for row in chosen if isinstance(row, Record)]


def _generating(
    predictor: Predictor, settings: Mapping[str, Any], console: Console
) -> tuple[Predictor, dict[str, Any]]:
    """The predictor with the settings of generation, and the other settings."""
    generation = {name: value for name, value in settings.items() if name in GENERATION}
    columns = {name: value for name, value in settings.items() if name not in GENERATION}
    return predictor.generating(generation, console), columns


def _open(
    data: Any, folder: Path, predictor: Predictor, columns: Mapping[str, str | Sequence[str]], console: Console
) -> Source:
    """Open the only source of a call, and say what was detected; data in memory is first written to a folder."""
    specs = [spec for several in specs_of(data, folder, Console()).values() for spec in several]
    if len(specs) != 1:
        where = listing([Path(spec).name for spec in specs])
        raise UsageError("predict takes one source at a time", where=where, hint="call predict once per source")
    task = predictor.task
    known = [name for role in task.asked() for name in (role, *several(task.columns[role]))]
    for names in columns.values():
        known += [names] if isinstance(names, str) else names or []
    source = open_source(specs[0], how=Reading(by_line=True, columns=tuple(known)))
    for decision in source.decisions:
        console.decision(decision)
    return source


def _reading(
    predictor: Predictor, source: Source, columns: Mapping[str, str | Sequence[str]], console: Console, command: str
) -> Predictor:
    """The predictor for the columns of a source: those that were named, else recognised if need be."""
    short = {role: columns[role] for role in ("text", "label") if columns.get(role)}
    given = {role: name if isinstance(name, str) else list(name) for role, name in columns.items() if role not in short}
    given |= {key.removeprefix("data.columns."): name for key, name in columns_of(**short).items()}
    if not given and has_inputs(predictor.task, source.columns):
        return predictor
    first = [row for row in itertools.islice(source.records(), FIRST_ROWS) if isinstance(row, Record)]
    again = f"{command} {typed(source.name)}"
    return replace(predictor, task=with_inputs(predictor.task, first, given, console, where=source.name, again=again))


def _records(source: Source, folder: AbstractContextManager[str]) -> Iterator[Record | Skipped]:
    with folder:
        yield from source.records()


def predict_file(
    target: str | PathLike[str],
    data: Data,
    output: Path | str,
    *,
    device: str | None = None,
    precision: str = "fp32",
    base_model: str | None = None,
    console: Console | None = None,
    **settings: Any,
) -> int:
    """Write the rows of a source with their answers as JSON lines.

    Lines go to `OUTPUT.part`, which is renamed when the last row is done. If a call that was interrupted or failed is
    repeated with the same source, model and settings, it resumes there and ends with the same texts.

    Args:
        target: A run, a model directory, a short name or a Hub name.
        data: The path of one source, or rows in memory in any form that `train` takes.
        output: The file to write.
        device: As in `load`.
        precision: As in `load`.
        base_model: As in `load`.
        console: Receives the columns that were found, and shows the progress; silent by default.
        **settings: As in `predict`.
    Returns:
        Rows in the file.
    Raises:
        DataError, RecipeError: As in `predict`.
        FindingError: No row can be predicted. The output has the reason for each.
        UsageError: An unfinished output belongs to another source or model, or to other settings.
        ResourceError: The disk is full.

    Example:
        >>> luthier.predict_file("runs/first", "reviews.csv", "answers.jsonl")
    """
    console, output = console or Console(), as_path(output, "output")
    _see_output(output, paths_in(data) or [])
    with temporary_directory() as folder:
        predictor, columns = _generating(
            load(target, device=device, precision=precision, base_model=base_model), settings, console
        )
        source = _open(data, Path(folder), predictor, columns, console)
        command = f"luthier predict {typed(target)} --output {typed(output)} --file"
        return write_answers(_reading(predictor, source, columns, console, command), source, output, console)


def _counted(answers: Iterator[dict[str, Any]], source: str, console: Console) -> Iterator[dict[str, Any]]:
    """The answers to the rows of a source, and afterwards how many rows were cut or failed."""
    tally = Tally()
    for answer in answers:
        tally.add(answer)
        yield answer
    tally.tell(source, console)


def _see_output(output: Path, sources: Sequence[str]) -> None:
    """Check the output path before anything is loaded.

    Raises:
        UsageError: It is a directory, its directory does not exist, or it is the source itself.
    """
    if output.is_dir():
        raise UsageError("the output is a directory", where=str(output), hint="pass a file: --output answers.jsonl")
    if not output.parent.is_dir():
        raise UsageError("no such directory", where=str(output.parent), hint="create it, or choose another --output")
    if output.exists() and any(Path(source).exists() and output.samefile(source) for source in sources):
        raise UsageError("the output would overwrite the input", where=str(output), hint="choose another --output")
