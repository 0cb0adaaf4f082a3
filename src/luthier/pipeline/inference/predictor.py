"""Predict with a model: texts, pairs, mappings, or the rows of a source."""

import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import copy, deepcopy
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

from luthier.console import Console
from luthier.data.batches import by_length, flat, longest
from luthier.data.records import Fault, Record, Skipped
from luthier.data.table import Example
from luthier.data.tokenized import Examples, Limits
from luthier.errors import ColumnError, DataError, ModelError, UsageError
from luthier.models.adapters.load import load_any
from luthier.models.device import AUTO, choose_device
from luthier.models.export import TASK_CARD, read_task_card
from luthier.models.finite import overflowed
from luthier.models.loading import load_config, load_tokenizer, longest_input, verify_model
from luthier.models.precision import weights_dtype
from luthier.models.scratch import refuse_tokens_without_embedding
from luthier.models.sources import locate
from luthier.pipeline.fast_path import inference
from luthier.pipeline.inference.answered import Answered
from luthier.pipeline.inference.infer import MOST_TOKENS, asked_of, infer
from luthier.recipe import FastRecipe
from luthier.run_directory.run import Run, as_path
from luthier.run_directory.run_set import best_run
from luthier.tasks.phases import Bound, Fitted
from luthier.tasks.registry import limits_in, refuse_unused, registry, restore
from luthier.text import plural, shorten, typed

CHUNK = 2_048  # rows held at once: enough to batch by length, few enough for constant memory
CPU_BUDGET = 2_048  # tokens per batch; few, so that what a layer computes stays in the processor's caches

Input = str | Sequence[str] | Mapping[str, Any]


@dataclass(frozen=True)
class Predictor:
    """A model ready to predict.

    Args:
        task: The task it was fine-tuned for, with its tokenizer and limits.
        model: In evaluation mode.
        foreign: Whether the model has no task card: its task was inferred, and nothing is known of its training data.
    """

    task: Bound[Any]
    model: PreTrainedModel
    foreign: bool = False

    @property
    def chunk(self) -> int:
        """Rows that `stream` answers together: what is sampled for a row depends on those that it is batched with."""
        return CHUNK

    @property
    def tokenizer(self) -> PreTrainedTokenizerBase:
        return self.task.tokenizer

    def generating(self, settings: Mapping[str, Any], console: Console | None = None) -> "Predictor":
        """The same model, which generates text with other settings.

        Args:
            settings: Keys of the recipe's table `generation`, such as `temperature` or `max_new_tokens`, and `seed`.
                The others stay as they are in the model's generation config.
            console: Receives decisions; silent by default.
        Raises:
            RecipeError: The model does not generate text, or a setting is unknown, invalid or contradicts another.
        """
        if not settings:
            return self
        refuse_unused(self.task.kind, self.task.shape, [f"generation.{name}" for name in settings])
        model: PreTrainedModel = copy(self.model)  # shares the weights
        model.generation_config = deepcopy(model.generation_config)
        task, decisions = self.task.generating(model, settings)
        task.configure(model)
        for decision in decisions:
            (console or Console()).decision(decision)
        return replace(self, task=task, model=model)

    def predict(self, inputs: Sequence[Input], **generation: Any) -> list[dict[str, Any]]:
        """Predict the inputs, in order.

        Args:
            inputs: Texts, pairs of texts, or mappings with the task's columns; or a single text or mapping.
            **generation: As in `generating`, for this call.
        Returns:
            For each input `prediction`, `score` and `scores` by label, and `truncated` if the text was cut.
        Raises:
            ColumnError: A mapping lacks a column that the task needs.
            DataError: An input is invalid.
            RecipeError: As in `generating`.
            UsageError: A text was given to a model that takes pairs, or a pair to one that takes texts; or a table.
        """
        if generation:
            return self.generating(generation).predict(inputs)
        if isinstance(inputs, str | Mapping):
            inputs = [inputs]
        if hasattr(inputs, "columns"):  # a loop over a data frame gives the names of its columns
            hint = "luthier.predict(RUN, data) takes data frames and tables"
            raise UsageError("inputs must be texts or rows, not a table", where=type(inputs).__name__, hint=hint)
        if not isinstance(inputs, Iterable):
            raise _no_input(inputs)
        asked = (self.query(item) for item in inputs)
        return list(itertools.chain.from_iterable(self.answers(chunk) for chunk in _chunks(asked)))

    def stream(self, rows: Iterable[Record | Skipped], console: Console | None = None) -> Iterator[dict[str, Any]]:
        """The fields of each row with its answer, in order; a row that cannot be read has `error` instead of an answer.

        Args:
            rows: The rows, of which a chunk is read at a time.
            console: Receives the names of fields that change (see `Answered`); silent by default.
        Raises:
            ColumnError: The first row lacks a column that the task needs.
        """
        first: Record | None = None
        answered = Answered(console or Console())
        for chunk in _chunks(rows):
            asked: list[Example | Skipped] = []
            for row in chunk:
                if isinstance(row, Record):
                    first = first or row
                    asked.append(self._asked(row, first))
                else:
                    asked.append(row)
            found = self.answers([example for example in asked if not isinstance(example, Skipped)])
            answered.see(found)
            answers = iter(found)
            for row, example in zip(chunk, asked, strict=True):
                fields = row.values if isinstance(row, Record) else {"row": row.row}
                if isinstance(example, Skipped):
                    error = f"{example.reason}: {example.detail}"
                    yield answered.row(fields, {"prediction": None, "error": error})
                else:
                    yield answered.row(fields, next(answers))

    def query(self, item: Input) -> Example:
        """The example to predict for an input.

        Raises:
            DataError: The task refuses the input.
        """
        asked = self._example(self.fields(item))
        if isinstance(asked, Fault):
            raise DataError(f"{asked.reason}: {asked.detail}", where=shorten(str(item), 60))
        return asked

    def _example(self, values: Mapping[str, Any]) -> Example | Fault:
        """The example of a row; a fault if tokenizers cannot read its text, or if the task refuses it."""
        try:
            json.dumps(list(values.values()), ensure_ascii=False, default=str).encode()
        except UnicodeEncodeError:
            return Fault("encoding", "the text holds half a character (a lone surrogate) or invalid bytes")
        return self.task.query(values)

    def _asked(self, record: Record, first: Record) -> Example | Skipped:
        """The example of a row. A column missing from the first row is an error; a later row without it is skipped."""
        values = self.fields(record.values) if len(first.values) == 1 else record.values
        try:
            asked = self._example(values)
        except ColumnError as error:
            if record is first:
                raise ColumnError(error.what, where=record.source, hint=error.hint) from None
            return Skipped(record.source, record.row, "missing-column", error.what)
        return asked.of(record) if isinstance(asked, Fault) else asked

    def fields(self, item: Input) -> Mapping[str, Any]:
        """An input as a row with columns; a single column is the text, whatever its name."""
        roles = self.task.asked()
        if isinstance(item, Mapping):
            return dict(zip(roles, item.values(), strict=True)) if len(item) == len(roles) == 1 else item
        if not isinstance(item, Iterable):
            raise _no_input(item)
        texts: list[Any] = [item] if isinstance(item, str) else list(item)
        if any(isinstance(text, int) for text in texts):  # bytes are numbers
            raise _no_input(item)
        if len(texts) != len(roles):
            what = f"the model takes {plural(len(roles), 'text')} per row, not {len(texts)}"
            hint = "pass the second text of each pair, to predict with --pair" if len(roles) == 2 else "pass one text"
            raise UsageError(what, where=" | ".join(shorten(str(text), 60) for text in texts), hint=hint)
        return dict(zip(roles, texts, strict=True))

    def answers(self, examples: Sequence[Example]) -> list[dict[str, Any]]:
        """The answers to examples, in order, as `predict` returns them.

        Raises:
            NonFiniteError: The model's outputs are nan or infinite.
        """
        if not examples:
            return []
        task = self.task
        columns = {name: [example[name] for example in examples] for name in examples[0]}
        written = task.write(self.model, columns, Console())
        if written is not None:
            answers = [task.readable({"prediction": one.text}) for one in written]
            cut = [n > 0 for n in unread(task, columns)]
        else:
            whole = task.within(None).encode(columns, training=False)
            long = [longest(ids) > task.set_limits.length for ids in whole["input_ids"]]
            cut = [task.kind.long_rows.cut and one for one in long]
            asked = asked_of(columns, task.encode(columns, training=False) if any(long) else whole)
            device = next(self.model.parameters()).device
            batches = by_length(asked.lengths, tokens=CPU_BUDGET if device.type == "cpu" else MOST_TOKENS)
            objective = inference(task, self.model, FastRecipe())
            collected, _ = infer(task, self.model, asked, batches, task.collator(self.model), objective)
            for row, outputs in zip(asked.rows, collected, strict=True):
                if isinstance(outputs, np.ndarray) and not (outputs < np.inf).all():
                    text = str(task.tokenizer.decode(flat(row["input_ids"]), skip_special_tokens=True))
                    raise overflowed(repr(shorten(text, 60)), self.model)
            answers = [task.readable(answer) for answer in task.answers(columns, asked.rows, collected)]
        return [answer | {"truncated": True} if one else answer for answer, one in zip(answers, cut, strict=True)]


def unread(task: Bound[Any], columns: Examples) -> list[int]:
    """How many tokens of each input the length limit cuts off; 0 if inputs are read in windows."""
    prompts = task.prompts(columns)
    if prompts is not None:
        whole = task.uncut.prompts(columns) or []
        return [len(ids) - len(kept) for ids, kept in zip(whole, prompts, strict=True)]
    if not task.kind.long_rows.cut:
        return [0] * len(next(iter(columns.values())))
    rows = task.within(None).encode(columns, training=False)["input_ids"]
    return [max(0, longest(ids) - task.set_limits.length) for ids in rows]


def _no_input(item: Any) -> UsageError:
    what = f"an input must be a text, a pair of texts or a mapping, got {shorten(repr(item), 60)}"
    return UsageError(what, where="inputs", hint='write predict(["a text"]), or [{column: value}]')


def load(
    target: str | PathLike[str],
    *,
    device: str | None = None,
    precision: str = "fp32",
    base_model: str | None = None,
) -> Predictor:
    """Load a model for prediction.

    Args:
        target: A run, a directory of several seeds (its best run), a model directory, a short name or a Hub name.
        device: Device to run on, such as cpu or cuda:1; None for a GPU if there is one.
        precision: fp32, bf16 or fp16. The last two are faster where the hardware has them, and change some answers.
        base_model: The base model of an adapter, if it is no longer where it was in training.
    Returns:
        The model with its tokenizer and task; `predict` answers texts.
    Raises:
        UsageError: There is no such device or precision.
        ModelError: There is no such model, it was not fine-tuned for a task, or an adapter's base model is missing.
        DamagedError: A file of the model does not match its checksum.

    Example:
        >>> luthier.load("runs/first").predict(["The strings are worn."])
        >>> luthier.load("runs/stories").predict(["Once upon a time"], temperature=0.7, max_new_tokens=50)
    """
    name, place = str(best_run(as_path(target, "target"))), choose_device(device or AUTO)
    dtype = weights_dtype(precision, place)
    if (Path(name) / "recipe.toml").is_file() and not (Path(name) / "model").is_dir():
        raise ModelError("the run has no model yet", where=name, hint=f"`luthier resume {typed(name)}` finishes it")
    path = locate(name)
    verify_model(path)
    card = read_task_card(Path(path)) if Path(path).is_dir() else None
    tokenizer = load_tokenizer(path)
    config = load_config(path)
    if card is not None:
        package = Run(Path(name)).task_package or card.get("package", "")  # a run knows its version too
        fitted, limits = restore({**card, "package": package}, where=name), limits_in(card)
    else:
        fitted, limits = _of_model(config, tokenizer, name), Limits(longest_input(tokenizer, config))
    task, _ = fitted.bind(tokenizer, config)
    task = task.within(limits)
    wanted = {} if card is None else task.model_config()
    model = load_any(task.kind.auto_class, path, base=base_model, config=wanted, verified=True, finished=True)
    refuse_tokens_without_embedding(model, tokenizer)
    if model.config.pad_token_id is None:
        model.config.pad_token_id = tokenizer.pad_token_id
    task, _ = task.generating(model, {})
    task.configure(model)
    return Predictor(task, model.eval().to(place, dtype), foreign=card is None)


def _of_model(config: PretrainedConfig, tokenizer: PreTrainedTokenizerBase, name: str) -> Fitted[Any]:
    """The task of a model without a task card.

    Raises:
        ModelError: The model was not fine-tuned for a task.
    """
    found = (kind.of_model(config, tokenizer) for kind in registry().values())
    task = next((task for task in found if task is not None), None)
    if task is None:
        raise ModelError(
            "the model was not fine-tuned for a task",
            where=name,
            hint=f"it has neither {TASK_CARD} nor a task head; `luthier train` creates such a model",
        )
    return task


def _chunks(items: Iterable[Any]) -> Iterator[tuple[Any, ...]]:
    iterator = iter(items)
    while chunk := tuple(itertools.islice(iterator, CHUNK)):
        yield chunk
