"""Batches: every row once in an epoch, the same rows however a step is divided, padding that counts for nothing."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import PreTrainedTokenizerFast

from luthier.arrays import IntArray
from luthier.data.batches import (
    IGNORED,
    POOL,
    Batch,
    BatchPlan,
    FeatureRow,
    amounts,
    by_length,
    flat,
    groups,
    longest,
    pad_inputs,
    padded,
    tensor_of,
    train_loader,
)

LENGTHS = st.lists(st.integers(0, 40), min_size=1, max_size=60).map(np.array)


def plan_of(n: int, batch_size: int, **more: Any) -> BatchPlan:
    return BatchPlan(np.arange(1, n + 1), batch_size, **more)


def steps(plan: BatchPlan, epoch: int = 0) -> list[list[int]]:
    first = epoch * plan.steps_per_epoch
    return [plan.rows(step).tolist() for step in range(first, first + plan.steps_per_epoch)]


@given(LENGTHS, st.integers(1, 20), st.booleans(), st.integers(0, 3))
def test_an_epoch_has_every_row_once_in_full_batches_but_one(
    lengths: IntArray, batch_size: int, grouping: bool, seed: int
) -> None:
    plan = BatchPlan(lengths, batch_size, seed=seed, grouping=grouping)
    for epoch in (0, 1):
        batches = steps(plan, epoch)
        assert sorted(row for batch in batches for row in batch) == list(range(len(lengths)))
        sizes = sorted(map(len, batches), reverse=True)
        assert sizes[:-1] == [batch_size] * (len(batches) - 1)
        assert all(lengths[batch].tolist() == sorted(lengths[batch]) for batch in batches)  # shortest first


@given(LENGTHS, st.integers(1, 12), st.integers(1, 4), st.integers(1, 3))
def test_a_step_has_the_same_rows_however_it_is_divided(
    lengths: IntArray, batch_size: int, parts: int, processes: int
) -> None:
    plans = [BatchPlan(lengths, batch_size, parts=parts, rank=rank, processes=processes) for rank in range(processes)]
    whole = BatchPlan(lengths, batch_size)
    for step in range(2 * whole.steps_per_epoch):
        pieces = [piece for plan in plans for piece in plan.micro_batches(step)]
        assert len(pieces) == parts * processes
        assert sorted(row for piece in pieces for row in piece if row >= 0) == sorted(whole.rows(step).tolist())
        fillers = [piece for piece in pieces if piece[0] < 0]
        assert fillers == [[-1 - whole.rows(step)[0]]] * max(0, len(pieces) - len(whole.rows(step)))


@given(LENGTHS, st.integers(1, 100), st.booleans(), st.integers(0, 3))
def test_a_token_budget_holds_for_every_step_with_more_than_one_row(
    lengths: IntArray, tokens: int, grouping: bool, seed: int
) -> None:
    plan = BatchPlan(lengths, None, seed=seed, grouping=grouping, tokens=tokens)
    epochs = [steps(plan, epoch) for epoch in (0, 1)]
    for batches in epochs:
        assert sorted(row for batch in batches for row in batch) == list(range(len(lengths)))
        assert all(len(batch) == 1 or len(batch) * lengths[batch].max() <= tokens for batch in batches)
        assert all(lengths[batch].tolist() == sorted(lengths[batch]) for batch in batches)
        assert max(map(len, batches)) == plan.most_rows
    assert sorted(epochs[0]) == sorted(epochs[1])  # made once, in another order


@given(LENGTHS, st.integers(1, 100), st.integers(1, 4), st.integers(1, 3))
def test_a_step_by_tokens_has_the_same_rows_however_it_is_divided(
    lengths: IntArray, tokens: int, parts: int, processes: int
) -> None:
    shared: dict[str, Any] = {"batch_size": None, "tokens": tokens}
    plans = [BatchPlan(lengths, parts=parts, rank=r, processes=processes, **shared) for r in range(processes)]
    whole = BatchPlan(lengths, **shared)
    for step in range(whole.steps_per_epoch):
        pieces = [piece for plan in plans for piece in plan.micro_batches(step)]
        assert sorted(row for piece in pieces for row in piece if row >= 0) == sorted(whole.rows(step).tolist())


def test_a_token_budget_is_used_up_and_its_order_follows_the_seed() -> None:
    lengths = np.random.default_rng(0).integers(1, 60, 3_000)
    plan, other = (BatchPlan(lengths, None, seed=seed, tokens=600) for seed in (1, 2))
    assert plan.steps_per_epoch < 1.1 * lengths.sum() / 600
    assert steps(plan) != steps(plan, 1) and sorted(steps(plan)) != sorted(steps(other))


def test_a_micro_batch_has_rows_of_like_length() -> None:
    plan = plan_of(16, 16, parts=2, processes=2)
    other = plan_of(16, 16, parts=2, processes=2, rank=1)
    assert plan.micro_batches(0) == [[0, 1, 2, 3], [8, 9, 10, 11]]
    assert other.micro_batches(0) == [[4, 5, 6, 7], [12, 13, 14, 15]]


def test_a_micro_batch_has_a_size_and_an_extent() -> None:
    plan = plan_of(10, 8, parts=2, grouping=False)
    assert plan.micro_batch_size() == 4
    assert [plan.micro_batch_size(step) for step in (0, 1)] == [4, 1]
    assert plan_of(3, 8).micro_batch_size() == 3 and plan_of(16, 8, parts=2, processes=3).micro_batch_size() == 2
    for step in range(4):
        rows = [plan.lengths[micro] for micro in plan.micro_batches(step)]
        assert plan.extent(step) == (max(len(row) * row.max() for row in rows), max(row.max() for row in rows))


def test_an_epoch_is_counted_in_passes_over_the_data() -> None:
    plan = plan_of(10, 4)
    assert plan.steps_per_epoch == 3
    assert [plan.epoch(step) for step in (0, 3, 9)] == [0, 1, 3]


def test_the_order_follows_the_seed_and_differs_between_epochs() -> None:
    plan = plan_of(200, 10, seed=1)
    assert steps(plan) == steps(plan_of(200, 10, seed=1))
    assert steps(plan) != steps(plan_of(200, 10, seed=2))
    assert steps(plan) != steps(plan, epoch=1)
    assert plan.rows(45).tolist() == plan_of(200, 10, seed=1).rows(45).tolist()  # from any step on


def test_grouped_batches_have_less_padding() -> None:
    lengths = np.random.default_rng(0).integers(1, 500, 2_000)

    def padded(grouping: bool) -> int:
        batches = steps(BatchPlan(lengths, 20, grouping=grouping))
        return sum(len(batch) * int(lengths[batch].max()) for batch in batches)

    assert padded(True) < 1.1 * lengths.sum()
    assert padded(False) > 1.7 * lengths.sum()


def test_rows_of_like_length_are_looked_for_in_a_pool_and_not_in_all_rows() -> None:
    spread = [max(batch) - min(batch) for batch in steps(plan_of(4 * POOL * 10, 10))]
    assert max(spread) > 10  # sorted as a whole, a batch would hold ten neighbours


WIDE = [{"input_ids": [5] * n, "labels": [n] * n} for n in range(1, 8)]


def collate(rows: Sequence[FeatureRow]) -> Batch:
    width = max(len(row["input_ids"]) for row in rows)
    ids = [[*row["input_ids"], *[0] * (width - len(row["input_ids"]))] for row in rows]
    return {"input_ids": torch.tensor(ids), "labels": padded(row["labels"] for row in rows)}


@pytest.mark.parametrize("workers", [0, 2])
def test_a_loader_gives_the_micro_batches_of_the_plan_from_any_step_on(workers: int) -> None:
    plan = plan_of(7, 3, parts=2)
    torch.manual_seed(3)
    before = torch.get_rng_state()
    loaded = list(train_loader(plan, WIDE, collate, start=1, stop=5, workers=workers))
    assert torch.equal(torch.get_rng_state(), before)
    expected = [micro for step in range(1, 5) for micro in plan.micro_batches(step)]
    assert len(loaded) == len(expected) == 8
    for batch, rows in zip(loaded, expected, strict=True):
        lengths = [row + 1 for row in rows] if rows[0] >= 0 else [-rows[0]]
        assert batch.tensors["input_ids"].ne(0).sum(dim=1).tolist() == lengths
        assert batch.n_labels == (sum(lengths) if rows[0] >= 0 else 0)
        assert (batch.n_tokens, batch.n_places) == (sum(lengths), len(rows) * max(lengths))


def test_a_filler_has_the_shape_of_its_row_and_no_label() -> None:
    plan = plan_of(7, 7, parts=8)
    *full, filler = train_loader(plan, WIDE, collate, start=0, stop=1)
    assert [batch.n_labels for batch in full] == [1, 2, 3, 4, 5, 6, 7]
    assert filler.tensors["labels"].tolist() == [[IGNORED]]
    assert WIDE[0]["labels"] == [1]  # the row itself keeps its label


@pytest.mark.parametrize(("label", "ignored"), [(3, -100), (2.5, -100.0), ([1.0, 0.0], [-100.0, -100.0])])
def test_labels_of_any_form_are_ignored_in_a_filler(label: Any, ignored: Any) -> None:
    def one(rows: Sequence[FeatureRow]) -> Batch:
        return {"input_ids": torch.tensor([rows[0]["input_ids"]]), "labels": torch.tensor([rows[0]["labels"]])}

    _, filler = train_loader(plan_of(1, 1, parts=2), [{"input_ids": [5], "labels": label}], one, start=0, stop=1)
    assert filler.tensors["labels"].tolist() == [ignored]
    assert filler.n_labels == 0


def test_the_tokens_of_a_decoder_count_too() -> None:
    def both(rows: Sequence[FeatureRow]) -> Batch:
        batch = collate(rows)
        return batch | {"decoder_input_ids": batch["labels"].clone()}

    rows = [{"input_ids": [5, 5], "labels": [6]}, {"input_ids": [5], "labels": [6, 6, 6]}]
    (batch,) = train_loader(plan_of(2, 2), rows, both, start=0, stop=1)
    assert (batch.n_labels, batch.n_tokens, batch.n_places) == (4, 3 + 4, 4 + 6)


def test_micro_batches_come_together_for_each_step() -> None:
    loader = train_loader(plan_of(7, 3, parts=2), WIDE, collate, start=0, stop=3)
    grouped = list(groups(loader, 2))
    assert [len(group) for group in grouped] == [2, 2, 2]
    assert [sum(len(batch.tensors["labels"]) for batch in group) for group in grouped].count(3) == 2
    assert amounts([batch for group in grouped for batch in group])[0] == 1 + 2 + 3 + 4 + 5 + 6 + 7
    assert amounts([]) == [0, 0, 0]


@given(LENGTHS, st.one_of(st.none(), st.integers(1, 9)), st.one_of(st.none(), st.integers(1, 90)))
def test_batches_for_predicting_are_within_their_limits(
    lengths: IntArray, rows: int | None, tokens: int | None
) -> None:
    batches = by_length(lengths, rows=rows, tokens=tokens)
    order = [int(row) for batch in batches for row in batch]
    assert Counter(order) == Counter(range(len(lengths)))
    assert lengths[order].tolist() == sorted(lengths, reverse=True)
    for batch in batches:
        assert rows is None or len(batch) <= rows
        assert tokens is None or len(batch) == 1 or len(batch) * lengths[batch].max() <= tokens


def test_batches_for_predicting_are_as_large_as_may_be() -> None:
    lengths = np.array([3, 10, 3, 3, 9])
    assert [batch.tolist() for batch in by_length(lengths, tokens=9)] == [[1], [4], [0, 2, 3]]
    assert [batch.tolist() for batch in by_length(lengths, rows=2)] == [[1, 4], [0, 2], [3]]
    assert [batch.tolist() for batch in by_length(lengths)] == [[1, 4, 0, 2, 3]]
    assert by_length(np.array([], dtype=np.int64)) == []


@pytest.mark.parametrize(
    ("ids", "tokens", "most"),
    [
        ([], [], 0),
        ([1, 2, 3], [1, 2, 3], 3),
        ([[1, 2], [3]], [1, 2, 3], 2),
        ([[[1], [2, 3, 4]], [[5]]], [1, 2, 3, 4, 5], 3),
    ],
)
def test_a_row_may_have_several_sequences(ids: list[Any], tokens: list[int], most: int) -> None:
    assert flat(ids) == tokens
    assert longest(ids) == most


def test_inputs_are_padded_to_the_longest(tokenizer: PreTrainedTokenizerFast) -> None:
    rows = [{**tokenizer("a b c"), "labels": 1}, {**tokenizer("d"), "labels": 0}]
    padded = pad_inputs(rows, tokenizer)
    assert sorted(padded) == ["attention_mask", "input_ids"]
    assert padded["input_ids"].tolist() == [[2, 4, 5, 6, 3], [2, 7, 3, 0, 0]]
    assert padded["attention_mask"].tolist() == [[1] * 5, [1, 1, 1, 0, 0]]
    assert pad_inputs(rows, tokenizer, "left")["input_ids"].tolist() == [[2, 4, 5, 6, 3], [0, 0, 2, 7, 3]]


def test_rows_of_several_sequences_are_padded_together(tokenizer: PreTrainedTokenizerFast) -> None:
    padded = pad_inputs([dict(tokenizer(["a b", "c"])), dict(tokenizer(["d", "e"]))], tokenizer)
    assert padded["input_ids"].tolist() == [[[2, 4, 5, 3], [2, 6, 3, 0]], [[2, 7, 3, 0], [2, 8, 3, 0]]]
    assert padded["attention_mask"].shape == (2, 2, 4)


def test_rows_are_padded_with_what_is_ignored_or_another_value() -> None:
    assert padded([[1, 2], []]).tolist() == [[1, 2], [IGNORED, IGNORED]]
    assert padded(iter([[1, 2], [3]]), 0).tolist() == [[1, 2], [3, 0]]


@pytest.mark.parametrize(
    ("labels", "tensor"),
    [([2, 0], [2, 0]), ([0.5, 1.0], [0.5, 1]), ([[1], [2, 3]], [[1, IGNORED], [2, 3]]), ([[0.0, 1.0]], [[0, 1]])],
)
def test_labels_of_any_shape_are_a_tensor(labels: list[Any], tensor: list[Any]) -> None:
    assert tensor_of(labels).tolist() == tensor
