"""Trace the scored rows that tell most about a model, for the report."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from torch import nn
from transformers import PreTrainedModel

from luthier.console import Console
from luthier.data.reading.sources import Source
from luthier.data.table import Example
from luthier.errors import LuthierError, ResourceError
from luthier.models.device import choose_device
from luthier.pipeline.inference.predictor import Predictor
from luthier.pipeline.inference.score import Scored
from luthier.pipeline.inference.traced import LONGEST, traced
from luthier.pipeline.preparation.prepare import Prepared
from luthier.reporting.telling import ROWS, TracedRow, telling_rows
from luthier.reporting.traces.trace import Trace
from luthier.run_directory.run import Run
from luthier.storage.atomic import write_directory
from luthier.text import typed

# What the code of a model or a task that is not ours may raise.
FAILURES = (LuthierError, ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)


def trace_rows(run: Run, prepared: Prepared, model: PreTrainedModel, scored: Scored, console: Console) -> None:
    """Write a page for each of up to three scored rows, and their list; see `telling_rows`.

    A model that cannot be traced costs the pages and not the run: a warning says why.
    """
    nn.Module.to(model, choose_device(prepared.recipe.device))
    try:
        chosen = _chosen(prepared, scored, console)
        traces = [(row, _trace(run, prepared, model, example)) for row, example in chosen]
        if traces:
            _write(run, prepared, traces)
    except ResourceError:
        raise
    except FAILURES as error:
        console.warn(f"the report links no traces of rows: {type(error).__name__}: {error}")
    finally:
        nn.Module.to(model, "cpu")


def _chosen(prepared: Prepared, scored: Scored, console: Console) -> list[tuple[TracedRow, Example]]:
    """The rows to trace, each with its example."""
    judged = prepared.task.judged(scored.predictions)
    if judged is None:
        return []
    rows, found, short = prepared.splits[scored.split], [], _short(prepared, scored.split)
    if not short:
        console.say(f"traces: none, because every {scored.split} row has more than {LONGEST} tokens")
    for kind, index in telling_rows(judged, short).items():
        (gold, prediction), score = judged.quote(index), float(judged.scores[index] or 0.0)
        example = rows[index]
        place = example["source"], example["row"]
        found.append((TracedRow(kind, *place, gold, prediction, score, judged.score_name), example))
    return found


def _trace(run: Run, prepared: Prepared, model: PreTrainedModel, example: Example) -> Trace:
    inputs = prepared.task.inputs({name: [value] for name, value in example.items()})
    shown = {name: values[0] for name, values in inputs.items()}
    return traced(Predictor(prepared.task, model), str(run.path), [example], [shown])


def _write(run: Run, prepared: Prepared, traces: Sequence[tuple[TracedRow, Trace]]) -> None:
    """Write the page of each row, and their list, all or none."""

    def fill(aside: Path) -> None:
        for row, trace in traces:
            trace.write_page(aside / row.page, *_again(run, prepared.sources, row))

    rows = json.dumps({"rows": [asdict(row) for row, _ in traces]}, allow_nan=False)
    write_directory(run.traces, fill, {ROWS: rows})


def _short(prepared: Prepared, split: str) -> list[int]:
    """Indices of the rows of a split of which the model reads at most `LONGEST` tokens."""
    task = prepared.task
    read = prepared.encoded[split].full_lengths
    if task.kind.long_rows.cut:
        read = np.minimum(read, task.set_limits.length)
    return np.flatnonzero(read <= LONGEST).tolist()


def _again(run: Run, sources: Mapping[str, Sequence[Source]], row: TracedRow) -> tuple[str, str]:
    """The command and the Python call that trace a row again; empty if its source is not one file or folder."""
    files = [source for several in sources.values() for source in several if source.format != "parallel"]
    named = [source for source in files if source.name == row.source] or files  # a class folder names its files
    path = named[0].path if len(named) == 1 else None
    if path is None:
        return "", ""
    command = ["luthier", "trace", typed(run.path), "--file", typed(path), "--row", str(row.row)]
    call = f"luthier.trace({str(run.path)!r}, Path({str(path)!r}), rows=[{row.row}])"
    return " ".join(command), call
