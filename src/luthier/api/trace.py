"""`trace`: what a model does with a text, stage by stage, from the text to the answer."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any, Literal

import torch
from accelerate.utils import send_to_device
from torch import Tensor

from luthier.api.predict import first_rows
from luthier.console import Console
from luthier.data.batches import longest, pad_inputs
from luthier.data.tokenized import Examples
from luthier.errors import UsageError
from luthier.models.loading import longest_input
from luthier.pipeline.inference.infer import asked_of
from luthier.pipeline.inference.predictor import Input, Predictor, load
from luthier.reporting.traces.trace import Trace
from luthier.tasks.phases import Bound, Written
from luthier.text import plural, typed
from luthier.tracing.anatomy import anatomy
from luthier.tracing.attribution import Attribution, attribute, decision
from luthier.tracing.decoding import Writing, candidates, choices, follow, lens
from luthier.tracing.record import Record, record
from luthier.tracing.stages import stages
from luthier.tracing.text import Read, Tokens, cut

Padding = Literal["longest", "max_length"]
ROWS = 8  # of a file that are traced
STEPS = 12  # tokens of the paths that a decoder writes
GREEDY: Mapping[str, Any] = {"do_sample": False, "num_beams": 1, "max_new_tokens": STEPS}
SAMPLED: Mapping[str, Any] = {"do_sample": True, "num_beams": 1, "temperature": 1.0, "max_new_tokens": STEPS}


def trace(
    target: str | PathLike[str],
    inputs: Input | Sequence[Input] | Path,
    *,
    padding: Padding = "longest",
    max_length: int | None = None,
    truncation: bool = True,
    attribution: bool = False,
    device: str | None = None,
    base_model: str | None = None,
    console: Console | None = None,
    **generation: Any,
) -> Trace:
    """What a model does with texts, stage by stage. Every value is the one that plain transformers computes.

    Args:
        target: A run, a model directory, a short name or a Hub name.
        inputs: A text, a pair of texts as a tuple, a mapping with the task's columns, or a list of these; or the path
            of a file, of which the first 8 rows are traced.
        padding: Pad the sequences of the batch to the longest one, or to `max_length`.
        max_length: Maximum tokens of a sequence (default: that of the model's training).
        truncation: Whether to cut what is longer, as `predict` does, or to refuse it.
        attribution: Whether to attribute the model's decision to the tokens, by integrated gradients. Of one text, and
            of an encoder or a decoder.
        device: As in `load`.
        base_model: As in `load`.
        console: Receives decisions; silent by default.
        **generation: As in `Predictor.generating`.
    Returns:
        The trace: its repr is what the command prints, `stage("layer 3")` is an array, and `save` writes all of them.
    Raises:
        ModelError: There is no such model, or it was not fine-tuned for a task.
        UsageError: An input is too long and may not be cut, `max_length` is more than the model takes, there is no
            input, or none that can be attributed.

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
        predictor, items = first_rows(predictor, inputs, ROWS, console, command)
    if not items:
        where = str(inputs) if isinstance(inputs, Path) else "inputs"
        raise UsageError("there is no text to trace", where=where, hint='write trace(model, "a text")')
    examples = [predictor.query(item) for item in items]
    columns: Examples = {name: [example[name] for example in examples] for name in examples[0]}
    read = _read(predictor, items, columns)
    if not truncation:
        _refuse_long(predictor, read)
    model = predictor.model
    written = predictor.task.write(model, columns, Console()) or [] if model.config.is_encoder_decoder else []
    batch = _batch(predictor, columns, padding, written)
    found = record(model, batch)
    sequences = [Tokens.of(row, predictor.tokenizer) for row in batch["input_ids"].flatten(0, -2).tolist()]
    return Trace(
        anatomy(model, str(target), predictor.task.kind.family, predictor.task.name),
        read,
        sequences,
        stages(batch, found),
        _writing(predictor, columns, found.logits.get("logits"), written),
        predictor.predict(items),
        found.seconds,
        _attribution(predictor, batch, found, sequences) if attribution else None,
    )


def _attribution(
    predictor: Predictor, batch: Mapping[str, Tensor], found: Record, sequences: Sequence[Tokens]
) -> Attribution:
    """Attribute what the model decided about the only sequence.

    Raises:
        UsageError: There are several, the model is an encoder-decoder, or it decided nothing: every tag is `O`.
    """
    hint = "leave attribution out"
    if len(sequences) > 1:
        what = f"attribution explains one sequence, not {len(sequences)}"
        raise UsageError(what, where="attribution", hint="trace a single text that the model reads at once")
    if len(found.stacks) > 1:
        what = "attribution explains encoders and decoders, not encoder-decoders"
        raise UsageError(what, where="attribution", hint=hint)
    model, writes = predictor.model, predictor.task.outputs_per_token(predictor.model) > 0
    asked = decision(found, sequences[0], model.config.id2label or {}, writes=writes)
    if asked is None:
        raise UsageError("there is nothing to attribute: every tag is O", where="attribution", hint=hint)
    return attribute(model, batch, asked, predictor.tokenizer)


def _limited(predictor: Predictor, length: int | None) -> Predictor:
    if length is None:
        return predictor
    most = longest_input(predictor.tokenizer, predictor.model.config)
    least = predictor.tokenizer.num_special_tokens_to_add(pair=len(predictor.task.asked()) == 2) + 1
    if not least <= length <= most:
        what = f"the model reads sequences of {least} to {plural(most, 'token')}, not of {length}"
        raise UsageError(what, where="max_length", hint=f"choose a length between {least} and {most}")
    task = predictor.task
    return replace(predictor, task=task.within(replace(task.set_limits, length=length)))


def _read(predictor: Predictor, items: Sequence[Input], columns: Examples) -> list[Read]:
    found = []
    for item, unread in zip(items, _unread(predictor.task, columns), strict=True):
        values = predictor.fields(item)
        cuts = {role: cut(text, predictor.tokenizer) for role, text in values.items() if isinstance(text, str)}
        found.append(Read(values, cuts, unread))
    return found


def _unread(task: Bound[Any], columns: Examples) -> list[int]:
    """How many tokens of each input the length limit cuts off."""
    prompts = task.prompts(columns)
    if prompts is not None:
        whole = task.within(replace(task.set_limits, length=sys.maxsize)).prompts(columns) or []
        return [len(ids) - len(kept) for ids, kept in zip(whole, prompts, strict=True)]
    if not task.kind.long_rows.cut:
        return [0] * len(next(iter(columns.values())))  # read in windows
    rows = task.within(None).encode(columns, training=False)["input_ids"]
    return [max(0, longest(ids) - task.set_limits.length) for ids in rows]


def _refuse_long(predictor: Predictor, read: Sequence[Read]) -> None:
    limit = predictor.task.set_limits.length
    for place, one in enumerate(read, start=1):
        if one.unread:
            what = f"the text has {plural(limit + one.unread, 'token')}, and {limit} are read"
            hint = "shorten it, raise --max-length, or allow truncation"
            raise UsageError(what, where=f"text {place}", hint=hint)


def _batch(predictor: Predictor, columns: Examples, padding: Padding, written: Sequence[Written]) -> dict[str, Tensor]:
    """The arguments of the model's forward, on its device."""
    task, tokenizer, model = predictor.task, predictor.tokenizer, predictor.model
    prompts = task.prompts(columns)
    if prompts is not None:
        # Padding on the right: a decoder does not look ahead, so that its values are those without padding.
        made = pad_inputs([{"input_ids": ids, "attention_mask": [1] * len(ids)} for ids in prompts], tokenizer, "right")
    else:
        asked = asked_of(columns, task.encode(columns, training=False))
        made = {name: tensor for name, tensor in task.collator(model)(asked.rows).items() if name != "labels"}
    if padding == "max_length":
        side = "right" if prompts is not None else None
        full: Any = {name: tensor for name, tensor in made.items() if name in tokenizer.model_input_names}
        length = task.set_limits.length
        made |= tokenizer.pad(full, padding=padding, max_length=length, padding_side=side, return_tensors="pt")
    if model.config.is_encoder_decoder:
        # It reads all tokens of its own answer but the last.
        rows = [{"input_ids": list(one.ids[:-1] or one.ids)} for one in written]
        made["decoder_input_ids"] = pad_inputs(rows, tokenizer, "right")["input_ids"]
    moved: dict[str, Tensor] = send_to_device(made, model.device)
    return moved


def _writing(
    predictor: Predictor, columns: Examples, logits: Tensor | None, written: Sequence[Written]
) -> Writing | None:
    """What the model has to choose from for the first input."""
    task, model, tokenizer = predictor.task, predictor.model, predictor.tokenizer
    prompts = task.prompts(columns)
    if prompts is None or logits is None:
        return None
    first: Examples = {name: column[:1] for name, column in columns.items()}
    if model.config.is_encoder_decoder:
        answer = written[0]
        return Writing(candidates(logits[0, 0], tokenizer), {"answer": choices(logits[0], answer.ids[1:], tokenizer)})
    prompt = prompts[0]
    paths = {}
    for name, settings in {"greedy": GREEDY, "sampled": SAMPLED}.items():
        other = predictor.generating(settings)
        (text,) = other.task.write(other.model, first, Console()) or []
        paths[name] = choices(follow(model, prompt, text.ids), text.ids, tokenizer) if text.ids else []
    alone = {"input_ids": torch.tensor([prompt], device=model.device)}
    layers = lens(model, alone)
    said = None if layers is None else [candidates(layer, tokenizer, 3) for layer in layers]
    return Writing(candidates(logits[0, len(prompt) - 1], tokenizer), paths, said)
