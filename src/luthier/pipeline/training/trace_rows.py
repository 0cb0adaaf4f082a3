"""Trace the scored rows that tell most about a model, for the report."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from torch import nn
from transformers import PreTrainedModel

from luthier.console import Console
from luthier.data.reading.sources import Source
from luthier.errors import LuthierError
from luthier.models.device import choose_device
from luthier.pipeline.inference.predictor import Predictor
from luthier.pipeline.inference.score import Scored
from luthier.pipeline.inference.traced import traced
from luthier.pipeline.prepare import Prepared
from luthier.reporting.telling import ROWS, Judged, Kind, TracedRow, telling_rows
from luthier.reporting.traces.trace import Trace
from luthier.run_directory.run import Run
from luthier.storage.atomic import write_json
from luthier.storage.disk import make_directory
from luthier.text import typed

LONGEST = 512  # tokens of a row; the attention of longer ones takes much memory, and is hard to read
# What the code of a model or a task that is not ours may raise.
FAILURES = (LuthierError, ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)


def trace_rows(run: Run, prepared: Prepared, model: PreTrainedModel, scored: Scored, console: Console) -> None:
    """Write a page for each of up to three scored rows, and their list; see `telling_rows`.

    A model that cannot be traced costs the pages and not the run: a warning says why.

    Args:
        run: Gets the pages.
        prepared: The data, with the task as it scored the rows.
        model: The model of the run.
        scored: Its answers.
        console: Receives the warning.
    """
    found: list[tuple[TracedRow, Trace]] = []
    nn.Module.to(model, choose_device(prepared.recipe.device))
    try:
        judged = prepared.task.judged(scored.predictions)
        if judged is None:
            return
        for kind, index in telling_rows(judged, _short(prepared, scored.split)).items():
            example = prepared.splits[scored.split][index]
            inputs = prepared.task.inputs({name: [value] for name, value in example.items()})
            shown = {name: values[0] for name, values in inputs.items()}
            row = _row(kind, index, judged, example)
            found.append((row, traced(Predictor(prepared.task, model), str(run.path), [example], [shown])))
    except FAILURES as error:
        console.warn(f"the report links no traces of rows: {type(error).__name__}: {error}")
        found = []
    finally:
        nn.Module.to(model, "cpu")
    if not found:
        return
    make_directory(run.traces)
    for row, trace in found:
        trace.write_page(run.traces / row.page, *_again(run, prepared.sources, row))
    write_json(run.traces / ROWS, {"rows": [asdict(row) for row, _ in found]})


def _short(prepared: Prepared, split: str) -> list[int]:
    """Indices of the rows of a split of which the model reads at most `LONGEST` tokens."""
    task = prepared.task
    read = prepared.encoded[split].full_lengths
    if task.kind.long_rows.cut:
        read = np.minimum(read, task.set_limits.length)
    return np.flatnonzero(read <= LONGEST).tolist()


def _row(kind: Kind, index: int, judged: Judged, example: Mapping[str, Any]) -> TracedRow:
    gold, prediction = judged.quote(index)
    score = float(judged.scores[index] or 0.0)
    return TracedRow(kind, example["source"], example["row"], gold, prediction, score, judged.score_name)


def _again(run: Run, sources: Mapping[str, Sequence[Source]], row: TracedRow) -> tuple[str, str]:
    """The command and the Python call that trace a row again; empty if its source is not a file."""
    paths = {source.name: source.path for several in sources.values() for source in several}
    path = paths.get(row.source) or (next(iter(paths.values())) if len(paths) == 1 else None)
    if path is None:
        return "", ""
    command = ["luthier", "trace", typed(run.path), "--file", typed(path), "--row", str(row.row)]
    call = f"luthier.trace({str(run.path)!r}, Path({str(path)!r}), rows=[{row.row}])"
    return " ".join(command), call
