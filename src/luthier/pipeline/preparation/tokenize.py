"""Tokenize the examples: choose the length limits, and check what they cut."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from math import ceil
from typing import Any

import numpy as np
from datasets import Dataset
from transformers import PretrainedConfig

from luthier.arrays import IntArray
from luthier.data.checks.targets import lost_targets
from luthier.data.checks.tokenizer import many_tokens, unknown_tokens
from luthier.data.examples import values_of
from luthier.data.table import Table
from luthier.data.tokenized import Encode, Encoded, Limits, cut, measure, tokenizer_digest
from luthier.errors import FindingError, UsageError
from luthier.findings import Decision, Finding
from luthier.models.loading import longest_input
from luthier.pipeline.inference.infer import evenly
from luthier.recipe import Recipe
from luthier.tasks.base import Task
from luthier.tasks.long_rows import CUT
from luthier.tasks.phases import Bound
from luthier.text import plural
from luthier.tokenizers.suitability import ENGLISH_NEWS, FEWEST_WORDS, LONGEST, SAMPLE, density, unknown_parts

TARGETS_OF = 5  # rows whose targets are shown
BYTES_PER_TOKEN = 4.0  # of pieces of words, in most languages; what is called the beginning of a text is in such tokens
# Models whose tokenizer covers about a hundred languages.
MULTILINGUAL = {
    "encoder": "FacebookAI/xlm-roberta-base",
    "decoder": "Qwen/Qwen3-0.6B",
    "encoder-decoder": "google/mt5-small",
}
NO_TARGET = "no-target-left"


def tokenize(
    task: Bound[Any], examples: dict[str, Dataset], config: PretrainedConfig, recipe: Recipe, table: Table
) -> tuple[Bound[Any], dict[str, Encoded], Decision, list[Finding]]:
    """Tokenize every example, within length limits.

    Args:
        task: The task, which encodes the examples.
        examples: Split to its examples; those without any target left are removed from it.
        config: The model's configuration.
        recipe: May leave the limits open; they are set in it.
        table: Records the removed examples as skipped.
    Returns:
        The task with the limits; split to its features; the decision about the limits; findings.
    Raises:
        UsageError: A requested length exceeds the model's limit.
        FindingError: No training example has a target left.
    """
    digest = tokenizer_digest(task.tokenizer)
    whole = {split: _measure(task, rows, split, digest) for split, rows in examples.items()}
    size = _bytes_per_token(task, examples["train"], whole["train"].full_lengths)
    limits, decision = choose_limits(recipe, task.kind, whole, longest_input(task.tokenizer, config), size)
    bound = task.within(limits)
    new = recipe.model.name is None or recipe.model.fresh_tokenizer
    findings = _tokenizer_tells(bound, whole["train"], examples["train"], new=new)
    encoded: dict[str, Encoded] = {}
    for split, rows in list(examples.items()):
        left, encoded[split], told = _within_limits(bound, rows, whole[split], split, table, digest)
        findings += told
        if len(left):
            examples[split] = left
        elif split == "train":
            what = f"no target left in any of {plural(len(rows), 'training row')}: {task.kind.why_lost}"
            raise FindingError(what, where=rows[0]["source"], hint="increase it with --set max_length")
        else:
            del examples[split], encoded[split]
    encoded["train"] = encoded["train"].learnable()
    findings += bound.notice(examples["train"][:], encoded["train"].rows)
    return bound, encoded, decision, findings


def tokenize_split(task: Bound[Any], rows: Dataset, split: str, table: Table) -> tuple[Dataset, Encoded, list[Finding]]:
    """Tokenize the examples of one held-out split within the task's limits, as `tokenize` does.

    Returns:
        The other examples, their features, and findings about what the limits cut.
    """
    digest = tokenizer_digest(task.tokenizer)
    return _within_limits(task, rows, _measure(task.within(None), rows, split, digest), split, table, digest)


def _within_limits(
    task: Bound[Any], rows: Dataset, whole: Encoded, split: str, table: Table, digest: str
) -> tuple[Dataset, Encoded, list[Finding]]:
    """See `tokenize_split`; `whole` are the examples before truncation."""
    encoded, numbers = _cut(task, rows, whole, split, digest), values_of(rows, "row")
    findings = task.kind.long_rows.check(whole, task.set_limits, numbers, split)
    if lost := encoded.without_target:
        findings += lost_targets([numbers[i] for i in lost], len(rows), split)
        rows = table.drop(rows, split, NO_TARGET, lost, task.kind.why_lost)
        if len(rows):
            encoded = _cut(task, rows, _measure(task.within(None), rows, split, digest), split, digest)
    return rows, encoded, findings


def choose_limits(
    recipe: Recipe,
    kind: Task[Any],
    whole: Mapping[str, Encoded],
    longest: int,
    bytes_per_token: float = BYTES_PER_TOKEN,
) -> tuple[Limits, Decision]:
    """Choose the lengths that the recipe leaves open: the longest row, up to the limits of the model and the task.

    Args:
        recipe: Its open lengths are set.
        kind: The task.
        whole: Split to its features, not cut.
        longest: Most tokens that the model reads.
        bytes_per_token: Of the training texts.
    Raises:
        UsageError: More was asked for than the model takes.
    """
    data, lengths = recipe.data, whole["train"].full_lengths
    most, why = _most_tokens(kind, lengths, min(longest, kind.longest), bytes_per_token)
    for key, asked in (("max_length", data.max_length), ("max_target_length", data.max_target_length)):
        if asked is not None and asked > longest:
            what = f"the model takes at most {longest} tokens, but {key} is {asked}"
            raise UsageError(what, where=f"data.{key}", hint=f"--set {key}={longest} or less")
    needed = max(int(encoded.full_lengths.max()) for encoded in whole.values())
    given = data.max_length is not None
    data.max_length = data.max_length or kind.long_rows.length(needed, most)
    targets = [encoded.full_targets for encoded in whole.values() if encoded.full_targets is not None]
    if targets and data.max_target_length is None:
        data.max_target_length = CUT.length(max(int(lengths.max()) for lengths in targets), most)
    if data.stride is None:
        data.stride = kind.long_rows.stride(data.max_length)
    limits = Limits(data.max_length, data.max_target_length if targets else None, data.stride or 0)
    if kind.long_rows.cut and recipe.model.name and needed <= limits.length < longest:
        limits = replace(limits, reads=longest)  # what a new model has not seen, it has not learned
    lowered = ""
    if limits.stride > limits.length // 2:
        limits = replace(limits, stride=limits.length // 2)
        lowered = f"; the stride is {limits.stride}, half of the length, instead of {data.stride}"
        data.stride = limits.stride
    longer = float((lengths > limits.length).mean())
    decision = kind.long_rows.decision(limits, longer, asked=given, needed=needed, most=most, why=why)
    return limits, replace(decision, why=decision.why + lowered)


def _most_tokens(kind: Task[Any], lengths: IntArray, most: int, bytes_per_token: float) -> tuple[int, str]:
    """The default maximum of a row's tokens, and why: fewer where most rows are long, and a part of each is enough."""
    if kind.beginning is None:
        return most, "a sensible maximum"
    # Characters, or pieces of words in a language that the tokenizer does not know, say less than other tokens.
    part = ceil(kind.beginning * max(1.0, BYTES_PER_TOKEN / bytes_per_token))
    read = np.minimum(lengths, most)
    if np.median(read) <= 2 * part:
        return most, "a sensible maximum"
    times = float(read.sum() / np.minimum(lengths, part).sum())
    return part, f"the beginning usually says enough; --set max_length={most} takes about {times:.1f} times as long"


def _bytes_per_token(task: Bound[Any], examples: Dataset, lengths: IntArray) -> float:
    if task.kind.beginning is None:
        return BYTES_PER_TOKEN  # nothing depends on it
    texts = task.texts(examples[:SAMPLE])
    return sum(len(text.encode(errors="replace")) for text in texts) / int(lengths[:SAMPLE].sum())


def lengths(encoded: Encoded, limits: Limits) -> dict[str, Any]:
    """Statistics of the lengths of the training examples before cutting, for `data.json`."""
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


def targets_of(task: Bound[Any], encoded: Encoded) -> list[str]:
    """The target texts of the first training rows, decoded from the labels."""
    return task.targets([encoded.rows[i] for i in range(min(TARGETS_OF, len(encoded.rows)))])


def _measure(task: Bound[Any], rows: Dataset, split: str, digest: str) -> Encoded:
    encode, key = _encoder(task, split, digest)
    return measure(rows, encode, task.tokenizer, key)


def _cut(task: Bound[Any], rows: Dataset, whole: Encoded, split: str, digest: str) -> Encoded:
    encode, key = _encoder(task, split, digest)
    packed = task.kind.long_rows.packed and split == "train"
    return cut(whole, rows, encode, task.tokenizer, task.set_limits, key, packed=packed)


def _encoder(task: Bound[Any], split: str, digest: str) -> tuple[Encode, str]:
    """The function that encodes the examples of a split, and its cache key."""
    training = split == "train"
    return partial(task.encode, training=training), f"{digest} {task.token_key()} {training}"


def _tokenizer_tells(task: Bound[Any], train: Encoded, examples: Dataset, *, new: bool) -> list[Finding]:
    """Findings about how the tokenizer suits the texts; all rows are counted, and a sample is looked at closely."""
    action = (
        "Train another kind of tokenizer: --tokenizer byte-bpe knows every text."
        if new
        else f"Choose a model whose tokenizer covers these texts, such as --model {MULTILINGUAL[task.kind.family]}, or "
        "train a tokenizer on them: --fresh-tokenizer."
    )
    tokenizer = task.tokenizer
    with_unknown = np.flatnonzero(train.unknown).tolist()
    closely = [with_unknown[i] for i in evenly(len(with_unknown), SAMPLE)]
    parts = unknown_parts(tokenizer, _texts(task, examples, closely))
    unknown, words, rows = train.unknown.tolist(), train.words.tolist(), values_of(examples, "row")
    found = unknown_tokens(unknown, words, parts, str(tokenizer.unk_token or ""), rows, action=action)
    texts = _texts(task, examples, evenly(len(examples), SAMPLE))
    own, english = density(tokenizer, texts), density(tokenizer, ENGLISH_NEWS)
    if own.units >= FEWEST_WORDS:
        found += many_tokens(own.mean, english.mean, len(texts), spaced=own.spaced, action=action)
    return found


def _texts(task: Bound[Any], examples: Dataset, places: list[int]) -> list[str]:
    """The beginnings of the texts of some examples."""
    return [text[:LONGEST] for text in task.texts(examples.select(places)[:])] if places else []
