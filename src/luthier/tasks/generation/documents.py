"""Documents for decoders: packed into blocks for training, and read in overlapping windows for evaluation."""

from bisect import bisect_left, insort
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from luthier.data.batches import IGNORED, Collate, padded
from luthier.data.tokenized import EXAMPLES, TARGETS, Features, Limits
from luthier.metrics.baselines.ngram import trigram_nll
from luthier.models.packing import packs
from luthier.tasks.generation.writes import lengths
from luthier.tasks.phases import Answer

Document = tuple[list[int], list[int]]  # token ids, and the label of each, IGNORED if it is not learned
# Training defaults of decoders: rows are long, and each token has as many logits as the vocabulary.
DEFAULTS = {"training.eval_on_start": True, "training.batch_size": 8}


def next_tokens(labels: Tensor) -> Tensor:
    """The label that follows each one, which is predicted there: [b, t]."""
    return functional.pad(labels[:, 1:], (0, 1), value=IGNORED)


def collator(tokenizer: PreTrainedTokenizerBase, model: PreTrainedModel, *, blocks: bool) -> Collate:
    """A collator that pads documents or blocks; blocks are split if the model cannot keep packed documents apart.

    Args:
        tokenizer: Its padding token is used.
        model: The model that the batches are for.
        blocks: Whether rows may be blocks.
    """
    apart = blocks and not packs(model)

    def collate(rows: Sequence[Any]) -> dict[str, Tensor]:
        rows = [{key: row[key] for key in ("input_ids", "labels", "position_ids") if key in row} for row in rows]
        if "position_ids" not in rows[0]:
            return _padded(rows, tokenizer)
        return _padded(_apart(rows), tokenizer) if apart else _packed(rows, tokenizer)

    return collate


def trigram_answers(
    train: Sequence[Document], test: Sequence[Document], tokenizer: PreTrainedTokenizerBase
) -> list[Answer]:
    """Score the labels of documents with a trigram model of the training documents, given all tokens before.

    Args:
        train: Documents to learn from, every token of them.
        test: Documents whose labels are predicted.
        tokenizer: Tokenizer of both.
    """
    prefixes: list[tuple[int, int, int]] = []  # document, number of tokens, and whether to add or subtract its cost
    for i, (_, labels) in enumerate(test):
        learned = [False, *(label != IGNORED for label in labels[1:]), False]
        for place in range(1, len(learned)):
            if learned[place] != learned[place - 1]:
                prefixes.append((i, place, -1 if learned[place] else 1))
    asked = [np.array(test[i][0][:end], dtype=np.int64) for i, end, _ in prefixes]
    costs = trigram_nll([np.array(ids) for ids, _ in train], asked, len(tokenizer), first=False)
    totals = np.zeros(len(test))
    for (i, _, sign), cost in zip(prefixes, costs, strict=True):
        totals[i] += sign * cost
    scored = [[label for label in labels[1:] if label != IGNORED] for _, labels in test]
    return [
        {"prediction": None, "nll": float(total), **lengths(tokenizer, tokens)}
        for total, tokens in zip(totals, scored, strict=True)
    ]


def pack(documents: Sequence[Document], length: int) -> Features:
    """Pack documents into blocks. Documents that fit a block are not cut (best-fit decreasing, Ding et al. 2024).

    Positions restart with each document, from which transformers keeps attention within it. The first token of each
    document, or of a piece of a long one, has no context and is not a label.

    Args:
        documents: In order.
        length: Tokens per block.
    """
    pieces = [
        (owner, ids[at : at + length], labels[at : at + length])
        for owner, (ids, labels) in enumerate(documents)
        for at in range(0, len(ids), length)
    ]
    blocks: list[list[int]] = []
    room: list[tuple[int, int]] = []  # tokens left and block, sorted
    for piece in sorted(range(len(pieces)), key=lambda i: -len(pieces[i][1])):
        size = len(pieces[piece][1])
        place = bisect_left(room, (size, -1))
        left, block = room.pop(place) if place < len(room) else (length, len(blocks))
        if block == len(blocks):
            blocks.append([])
        blocks[block].append(piece)
        insort(room, (left - size, block))
    features: Features = {name: [] for name in ("input_ids", "labels", "position_ids", EXAMPLES, TARGETS)}
    for numbers in sorted(sorted(block) for block in blocks):
        held = [pieces[i] for i in numbers]
        labels = [label for _, _, part in held for label in (IGNORED, *part[1:])]
        features["input_ids"].append([token for _, tokens, _ in held for token in tokens])
        features["labels"].append(labels)
        features["position_ids"].append([place for _, tokens, _ in held for place in range(len(tokens))])
        features[EXAMPLES].append(list(dict.fromkeys(owner for owner, _, _ in held)))
        features[TARGETS].append(sum(label != IGNORED for label in labels))
    return features


def windows(documents: Sequence[Document], limits: Limits | None) -> Features:
    """Documents in windows that share `limits.stride` tokens. Each token is a label once, with maximum context."""
    features: Features = {name: [] for name in ("input_ids", "labels", EXAMPLES, TARGETS)}
    for owner, (ids, labels) in enumerate(documents):
        length = limits.length if limits else max(len(ids), 1)
        step = length - max(1, limits.stride) if limits else length
        start = scored = 0
        while start == 0 or scored < len(ids):
            end = min(start + length, len(ids))
            fresh = [label if place >= max(scored, 1) else IGNORED for place, label in enumerate(labels[:end])][start:]
            features["input_ids"].append(ids[start:end])
            features["labels"].append(fresh)
            features[EXAMPLES].append([owner])
            features[TARGETS].append(sum(label != IGNORED for label in fresh))
            scored, start = end, start + step
    return features


def _padded(rows: Sequence[dict[str, list[int]]], tokenizer: PreTrainedTokenizerBase) -> dict[str, Tensor]:
    """Rows of one document each, padded at the end."""
    ids = [row["input_ids"] for row in rows]
    found = {
        "input_ids": padded(ids, _pad(tokenizer)),
        "attention_mask": padded([[1] * len(row) for row in ids], 0),
    }
    if "labels" in rows[0]:
        found["labels"] = padded(row["labels"] for row in rows)
    return found


def _packed(rows: Sequence[dict[str, list[int]]], tokenizer: PreTrainedTokenizerBase) -> dict[str, Tensor]:
    """Blocks, padded with one more document. There is no mask: the positions separate the documents."""
    longest = max(len(row["input_ids"]) for row in rows)
    positions = [[*row["position_ids"], *range(longest - len(row["position_ids"]))] for row in rows]
    return {
        "input_ids": padded((row["input_ids"] for row in rows), _pad(tokenizer)),
        "position_ids": torch.tensor(positions),
        "labels": padded(row["labels"] for row in rows),
    }


def _apart(rows: Sequence[dict[str, list[int]]]) -> list[dict[str, list[int]]]:
    """Blocks split into one row per document, for a model that cannot keep packed documents apart."""
    found = []
    for row in rows:
        starts = [place for place, position in enumerate(row["position_ids"]) if position == 0]
        for start, end in zip(starts, [*starts[1:], len(row["position_ids"])], strict=True):
            found.append({name: row[name][start:end] for name in ("input_ids", "labels")})
    return found


def _pad(tokenizer: PreTrainedTokenizerBase) -> int:
    assert isinstance(tokenizer.pad_token_id, int)
    return tokenizer.pad_token_id
