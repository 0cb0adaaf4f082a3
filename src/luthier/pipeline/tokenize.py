"""The examples as the model reads them: how long a row may be, what is lost by that, and what the lengths tell."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from datasets import Dataset
from transformers import PretrainedConfig, PreTrainedTokenizerBase

from luthier.data import checks
from luthier.data.table import Table
from luthier.data.tokenized import Encoded, Limits, cut, measure
from luthier.errors import FindingError, UsageError
from luthier.findings import Decision, Finding
from luthier.models.loading import longest_input
from luthier.recipe import Recipe
from luthier.tasks.base import Task
from luthier.text import plural, share

TARGETS_OF = 5  # rows whose targets are shown
NO_TARGET = "no-target-left"


def encode(
    task: Task,
    examples: dict[str, Dataset],
    tokenizer: PreTrainedTokenizerBase,
    config: PretrainedConfig,
    recipe: Recipe,
    table: Table,
) -> tuple[dict[str, Encoded], Limits, Decision, list[Finding]]:
    """Token ids of every example, within limits.

    Args:
        task: Says how.
        examples: Split to its examples; those of which nothing is left to learn are taken out of it.
        tokenizer: The model's.
        config: The model's.
        recipe: May leave the limits open; they are set in it.
        table: Accounts for what is taken out.
    Returns:
        Split to its features; the limits; what was decided; what was noticed.
    Raises:
        UsageError: More was asked for than the model takes.
        FindingError: Nothing is left to learn of any training example.
    """
    salt = f"{task.name} {task.to_dict()}"
    whole = {split: _measure(task, rows, tokenizer, salt, split) for split, rows in examples.items()}
    limits, decision = choose_limits(recipe, task, whole, longest_input(tokenizer, config))
    encoded = {
        split: _cut(task, rows, whole[split], tokenizer, limits, salt, split) for split, rows in examples.items()
    }
    findings = [*_lengths_tell(task, whole["train"], examples["train"], tokenizer, limits)]
    findings += checks.lost_targets(
        len(encoded["train"].without_target), len(examples["train"]), _rows(encoded, examples)
    )
    for split in list(examples):
        if lost := encoded[split].without_target:
            if len(lost) == len(examples[split]) and split == "train":
                what = f"no target left in any of {plural(len(lost), 'row')} to learn from: {task.why_lost}"
                raise FindingError(what, where=examples[split][0]["source"], hint="raise --set max_length")
            examples[split] = table.drop(examples[split], split, NO_TARGET, lost, task.why_lost)
            if not len(examples[split]):
                del examples[split], encoded[split]
                continue
            again = _measure(task, examples[split], tokenizer, salt, split)
            encoded[split] = _cut(task, examples[split], again, tokenizer, limits, salt, split)
    encoded["train"] = encoded["train"].learnable()
    findings += task.notice(examples["train"][:], encoded["train"].rows, tokenizer)
    return encoded, limits, decision, findings


def choose_limits(recipe: Recipe, task: Task, whole: Mapping[str, Encoded], longest: int) -> tuple[Limits, Decision]:
    """Fix the lengths that the recipe leaves open: the longest row there is, up to what the model and the task take.

    Raises:
        UsageError: More was asked for than the model takes.
    """
    data, most = recipe.data, min(longest, task.longest)
    for key, asked in (("max_length", data.max_length), ("max_target_length", data.max_target_length)):
        if asked is not None and asked > longest:
            what = f"the model takes at most {longest} tokens, and {key} is {asked}"
            raise UsageError(what, where=f"data.{key}", hint=f"--set {key}={longest} or less")
    needed = max(int(encoded.full_lengths.max()) for encoded in whole.values())
    asked = data.max_length is not None
    data.max_length = data.max_length or (most if task.packs else min(most, _eights(needed)))
    targets = [encoded.full_targets for encoded in whole.values() if encoded.full_targets is not None]
    if targets and data.max_target_length is None:
        data.max_target_length = min(most, _eights(max(int(lengths.max()) for lengths in targets)))
    if data.stride is None:
        data.stride = data.max_length // 3
    limits = Limits(
        data.max_length, data.max_target_length if targets else None, min(data.stride, data.max_length // 2)
    )
    return limits, _length_decision(task, whole["train"], limits, asked, needed > most)


def lengths(encoded: Encoded, limits: Limits) -> dict[str, Any]:
    """What `data.json` says of the lengths of the training examples, before cutting."""
    full = encoded.full_lengths
    counts, edges = np.histogram(full, bins=min(40, max(1, int(full.max() - full.min()))))
    found = {
        "median": float(np.median(full)),
        "p95": float(np.quantile(full, 0.95)),
        "max": int(full.max()),
        "truncated_share": float((full > limits.length).mean()),
        "max_length": limits.length,
        "histogram": {"edges": edges.tolist(), "counts": counts.tolist()},
    }
    if encoded.full_targets is not None and limits.target is not None:
        found["target"] = {
            "median": float(np.median(encoded.full_targets)),
            "max": int(encoded.full_targets.max()),
            "truncated_share": float((encoded.full_targets > limits.target).mean()),
            "max_length": limits.target,
        }
    return found


def targets_of(task: Task, encoded: Encoded, tokenizer: PreTrainedTokenizerBase) -> list[str]:
    """What the model learns to write, of the first training rows, decoded from the labels."""
    return task.targets([encoded.rows[i] for i in range(min(TARGETS_OF, len(encoded.rows)))], tokenizer)


def _measure(task: Task, rows: Dataset, tokenizer: PreTrainedTokenizerBase, salt: str, split: str) -> Encoded:
    return measure(rows, task.encode, tokenizer, salt, training=split == "train")


def _cut(
    task: Task,
    rows: Dataset,
    whole: Encoded,
    tokenizer: PreTrainedTokenizerBase,
    limits: Limits,
    salt: str,
    split: str,
) -> Encoded:
    training = split == "train"
    packed = task.packs and training
    return cut(whole, rows, task.encode, tokenizer, limits, salt, training=training, packed=packed)


def _length_decision(task: Task, train: Encoded, limits: Limits, asked: bool, beyond: bool) -> Decision:
    long = share(float((train.full_lengths > limits.length).mean()))
    why = "as asked" if asked else ("as long as is sensible" if beyond or task.packs else "the longest row fits")
    if task.packs:
        return Decision("length", f"blocks of {limits.length} tokens", f"{why}; {long} of the texts are longer")
    if not task.cuts:
        tail = (
            f"; {long} of the rows are read in windows that share {limits.stride} tokens" if long != share(0.0) else ""
        )
        return Decision("length", f"{limits.length} tokens", why + tail)
    value = f"{limits.length} tokens"
    if limits.target is not None:
        value += f", targets {limits.target}"
    return Decision("length", value, f"{why}; {long} of the training rows are cut")


def _lengths_tell(
    task: Task, train: Encoded, examples: Dataset, tokenizer: PreTrainedTokenizerBase, limits: Limits
) -> list[Finding]:
    rows = list(examples["row"])
    shown = next(iter(task.inputs(examples[:]).values()))
    texts = [text if isinstance(text, str) else " ".join(map(str, text)) for text in shown]
    unknown, words = train.unknown.tolist(), train.words.tolist()
    found = checks.unknown_tokens(unknown, words, texts, str(tokenizer.unk_token or ""), rows)
    return [
        *(checks.truncation(train.full_lengths.tolist(), limits.length, rows) if task.cuts and not task.packs else []),
        *found,
    ]


def _rows(encoded: Mapping[str, Encoded], examples: Mapping[str, Dataset]) -> list[int]:
    return [examples["train"][i]["row"] for i in encoded["train"].without_target]


def _eights(length: int) -> int:
    """The next multiple of eight, which the kernels like best."""
    return -(-length // 8) * 8
