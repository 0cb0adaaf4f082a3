"""`trace`: what a model does with a text, stage by stage, from the text to the answer."""

from collections.abc import Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any

from luthier.api.predict import rows_of
from luthier.console import Console
from luthier.errors import UsageError
from luthier.models.loading import longest_input
from luthier.pipeline.inference.predictor import Input, Predictor, load
from luthier.pipeline.inference.traced import LONGEST, Padding, traced
from luthier.reporting.traces.trace import Trace
from luthier.text import plural, typed


def trace(
    target: str | PathLike[str],
    inputs: Input | Sequence[Input] | Path,
    *,
    padding: Padding = "longest",
    max_length: int | None = None,
    truncation: bool = True,
    attribution: bool = False,
    rows: Sequence[int] | None = None,
    device: str | None = None,
    base_model: str | None = None,
    console: Console | None = None,
    **generation: Any,
) -> Trace:
    """What a model does with texts, stage by stage. Every value is the one that plain transformers computes.

    Args:
        target: A run, a model directory, a short name or a Hub name.
        inputs: A text, a pair of texts as a tuple, a mapping with the task's columns, or a list of these; or the path
            of a file.
        padding: Pad the sequences of the batch to the longest one, or to `max_length`.
        max_length: Maximum tokens of a sequence (default: what the model reads, at most 512).
        truncation: Whether to cut what is longer, as `predict` does, or to refuse it.
        attribution: Whether to attribute the model's decision about one text to its tokens, by integrated gradients.
        rows: Numbers of the rows of the file, from 1 (default: the first 8).
        device: As in `load`.
        base_model: As in `load`.
        console: Receives decisions; silent by default.
        **generation: As in `Predictor.generating`.
    Returns:
        The trace: its repr is what the command prints, `stage("layer 3")` is an array, and `save` writes all of them.
    Raises:
        ModelError: There is no such model, or it was not fine-tuned for a task.
        UsageError: An input is too long and may not be cut, `max_length` is more than the model takes, there is no
            input, none that can be attributed, or no row of that number.

    Example:
        >>> found = luthier.trace("runs/first", "The strings are worn.")
        >>> found.stage("attention 1").shape
        (1, 12, 7, 7)
    """
    console = console or Console()
    predictor = load(target, device=device, base_model=base_model).generating(generation, console)
    predictor = _limited(predictor, max_length)
    items: Sequence[Any] = inputs if isinstance(inputs, list) else [inputs]
    if isinstance(inputs, Path):
        command = f"luthier trace {typed(target)} --file"
        predictor, items = rows_of(predictor, inputs, rows, console, command)
    elif rows is not None:
        raise UsageError(
            "rows are those of a file", where="rows", hint='write trace(model, Path("data.csv"), rows=[1])'
        )
    if not items:
        where = str(inputs) if isinstance(inputs, Path) else "inputs"
        raise UsageError("there is no text to trace", where=where, hint='write trace(model, "a text")')
    return traced(
        predictor,
        str(target),
        [predictor.query(item) for item in items],
        [predictor.fields(item) for item in items],
        padding=padding,
        truncation=truncation,
        attribution=attribution,
    )


def _limited(predictor: Predictor, length: int | None) -> Predictor:
    task = predictor.task
    limits = task.set_limits
    if length is None:
        length = min(LONGEST, limits.length)
    else:
        most = longest_input(predictor.tokenizer, predictor.model.config)
        least = predictor.tokenizer.num_special_tokens_to_add(pair=len(task.asked()) == 2) + 1
        if not least <= length <= most:
            what = f"the model reads sequences of {least} to {plural(most, 'token')}, not of {length}"
            raise UsageError(what, where="max_length", hint=f"choose a length between {least} and {most}")
    return replace(predictor, task=task.within(replace(limits, length=length)))
