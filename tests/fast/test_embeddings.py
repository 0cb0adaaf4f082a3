"""The gradients of embedding tables, in kept memory: those that torch computes."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from luthier.fast import embeddings
from luthier.fast.embeddings import keep_gradients

TOKENS, WIDTH = 30, 4
IDS = st.lists(st.integers(0, TOKENS - 1), min_size=1, max_size=9)
STEPS = st.lists(st.lists(IDS, min_size=1, max_size=3), min_size=1, max_size=4)


@pytest.fixture(autouse=True)
def every_table_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embeddings, "LARGE", 1)


class Model(nn.Module):
    """A table and an output layer."""

    def __init__(self, *, tied: bool = False) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.table, self.output = nn.Embedding(TOKENS, WIDTH, padding_idx=0), nn.Linear(WIDTH, TOKENS, bias=False)
        if tied:
            self.output.weight = self.table.weight

    def forward(self, ids: Tensor) -> Tensor:
        found: Tensor = self.output(self.table(ids))
        return found


def gradients(made: Model, run: list[list[list[int]]], *, clipped: bool = True) -> list[Tensor]:
    """The gradient of the table after each step of several micro-batches; the optimizer changes the weights."""
    optimizer = torch.optim.AdamW(made.parameters(), lr=0.1, fused=True)
    found = []
    for step in run:
        for ids in step:
            made(torch.tensor(ids)).sin().sum().backward()
        if clipped:
            nn.utils.clip_grad_norm_(made.parameters(), 0.1)
        gradient = made.table.weight.grad
        assert gradient is not None
        found.append(gradient.clone())
        optimizer.step()
        optimizer.zero_grad()
    return [*found, made.table.weight.detach()]


@settings(max_examples=30)
@given(st.lists(st.lists(IDS, min_size=1, max_size=1), min_size=1, max_size=5))
def test_a_step_of_one_batch_has_the_gradient_of_torch_bit_for_bit(run: list[list[list[int]]]) -> None:
    kept = Model()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(embeddings, "LARGE", 1)
        assert keep_gradients(kept) == 1
    assert all(map(torch.equal, gradients(kept, run), gradients(Model(), run)))


@settings(max_examples=30)
@given(STEPS)
def test_micro_batches_have_the_gradient_of_torch_within_rounding(run: list[list[list[int]]]) -> None:
    kept = Model().double()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(embeddings, "LARGE", 1)
        keep_gradients(kept)
    for ours, theirs in zip(gradients(kept, run), gradients(Model().double(), run), strict=True):
        torch.testing.assert_close(ours, theirs)


def test_the_memory_is_kept() -> None:
    kept = Model()
    keep_gradients(kept)
    places = set()
    for ids in ([1, 2], [3], [2, 2, 4]):
        kept.zero_grad()
        kept(torch.tensor(ids)).sum().backward()
        gradient = kept.table.weight.grad
        assert gradient is not None
        assert not gradient.is_sparse
        places.add(gradient.data_ptr())
    assert len(places) == 1


def test_a_table_that_is_used_in_another_way_now_and_then_has_its_gradient() -> None:
    made, kept = Model(), Model()
    keep_gradients(kept)
    for dense in (False, True, False):
        for one in (made, kept):
            one.zero_grad()
            found = one(torch.tensor([1, 2])).sum() + (one.table.weight.square().sum() if dense else 0)
            found.backward()
        torch.testing.assert_close(kept.table.weight.grad, made.table.weight.grad)


def test_tables_without_a_gain_are_left_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    frozen, by_frequency, again = Model(), Model(), Model()
    frozen.table.weight.requires_grad = False
    by_frequency.table.scale_grad_by_freq = True
    keep_gradients(again)
    for left in (Model(tied=True), frozen, by_frequency, again):
        assert keep_gradients(left) == 0
    monkeypatch.setattr(embeddings, "LARGE", TOKENS * WIDTH + 1)
    small = Model()
    assert keep_gradients(small) == 0
    assert not small.table.sparse
