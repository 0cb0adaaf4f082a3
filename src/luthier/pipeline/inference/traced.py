"""Trace what a model does with examples, from their text to its answers."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import torch
from accelerate.utils import send_to_device
from torch import Tensor

from luthier.console import Console
from luthier.data.batches import pad_inputs
from luthier.data.table import Example
from luthier.data.tokenized import Examples
from luthier.errors import UsageError
from luthier.pipeline.inference.infer import asked_of
from luthier.pipeline.inference.predictor import Predictor, unread
from luthier.reporting.traces.trace import Trace
from luthier.tasks.phases import Written
from luthier.text import plural
from luthier.tracing.anatomy import anatomy
from luthier.tracing.attribution import Attribution, attribute, decision
from luthier.tracing.decoding import Writing, candidates, choices, follow, lens
from luthier.tracing.record import Record, record
from luthier.tracing.stages import stages
from luthier.tracing.text import Read, Tokens, cut

Padding = Literal["longest", "max_length"]
LONGEST = 512  # tokens of a row; the attention of longer ones takes much memory, and is hard to read
STEPS = 12  # tokens of the paths that a decoder writes
GREEDY: Mapping[str, Any] = {"do_sample": False, "num_beams": 1, "max_new_tokens": STEPS}
SAMPLED: Mapping[str, Any] = {"do_sample": True, "num_beams": 1, "temperature": 1.0, "max_new_tokens": STEPS}


def traced(
    predictor: Predictor,
    name: str,
    examples: Sequence[Example],
    inputs: Sequence[Mapping[str, Any]],
    *,
    padding: Padding = "longest",
    truncation: bool = True,
    attribution: bool = False,
) -> Trace:
    """Trace what a model does with examples, as one batch; the options are those of `luthier.trace`.

    Raises:
        UsageError: An example is too long and may not be cut, or there is nothing that can be attributed.
    """
    columns: Examples = {name: [example[name] for example in examples] for name in examples[0]}
    read = _read(predictor, inputs, columns)
    if not truncation:
        _refuse_long(predictor, read)
    model = predictor.model
    written = predictor.task.write(model, columns, Console()) or [] if model.config.is_encoder_decoder else []
    batch = _batch(predictor, columns, padding, written)
    found = record(model, batch)
    sequences = [Tokens.of(row, predictor.tokenizer) for row in batch["input_ids"].flatten(0, -2).tolist()]
    return Trace(
        anatomy(model, name, predictor.task.kind.family, predictor.task.name),
        read,
        sequences,
        stages(batch, found),
        _writing(predictor, columns, found.logits.get("logits"), written),
        predictor.answers(examples),
        found.seconds,
        _attribution(predictor, batch, found, sequences, written) if attribution else None,
    )


def _attribution(
    predictor: Predictor,
    batch: Mapping[str, Tensor],
    found: Record,
    sequences: Sequence[Tokens],
    written: Sequence[Written],
) -> Attribution:
    """Attribute what the model decided about the only sequence.

    Raises:
        UsageError: There are several, or the model decided nothing: every tag is `O`, or the answer is empty.
    """
    if len(sequences) > 1:
        what = f"attribution explains one sequence, not {len(sequences)}"
        raise UsageError(what, where="attribution", hint="trace a single text that the model reads at once")
    model, writes = predictor.model, predictor.task.outputs_per_token(predictor.model) > 0
    special = set(predictor.tokenizer.all_special_ids)
    ids = written[0].ids[1:] if written else ()
    # Special tokens count only in an answer of nothing else: the language of a translation, for one, is not chosen.
    answer = [None if one in special and not special.issuperset(ids) else one for one in ids]
    asked = decision(found, sequences[0], model.config.id2label or {}, writes=writes, answer=answer)
    if asked is None:
        nothing = "the answer is empty" if writes else "every tag is O"
        raise UsageError(f"there is nothing to attribute: {nothing}", where="attribution", hint="leave attribution out")
    return attribute(model, batch, asked, predictor.tokenizer)


def _read(predictor: Predictor, inputs: Sequence[Mapping[str, Any]], columns: Examples) -> list[Read]:
    found = []
    for values, left in zip(inputs, unread(predictor.task, columns), strict=True):
        cuts = {role: cut(text, predictor.tokenizer) for role, text in values.items() if isinstance(text, str)}
        found.append(Read(values, cuts, left))
    return found


def _refuse_long(predictor: Predictor, read: Sequence[Read]) -> None:
    limit = predictor.task.set_limits.length
    for place, one in enumerate(read, start=1):
        if one.unread:
            what = f"the text has {plural(limit + one.unread, 'token')}, but the trace reads {limit}"
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
