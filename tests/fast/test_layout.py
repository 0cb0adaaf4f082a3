"""Packing and padding again, and which tokens of a batch count."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from luthier.data.batches import IGNORED
from luthier.fast.layout import WORTHWHILE, Forward, Rows, Side, first_tokens, sides

LENGTHS = st.lists(st.integers(1, 9), min_size=2, max_size=6)


def mask_of(lengths: list[int], left: bool) -> torch.Tensor:
    width = max(lengths)
    return torch.tensor([[int((width - n <= i) if left else (i < n)) for i in range(width)] for n in lengths])


@given(LENGTHS, st.booleans())
def test_what_is_packed_and_padded_is_the_same_without_the_padding(lengths: list[int], left: bool) -> None:
    mask = mask_of(lengths, left)
    rows = Rows.of(mask)
    if sum(lengths) > WORTHWHILE * mask.numel():
        assert rows is None
        return
    assert rows is not None
    values = torch.randn(*mask.shape, 3)
    packed = rows.pack(values)
    assert packed.shape == (1, sum(lengths), 3)
    assert packed[0].equal(values[mask.bool()])
    assert rows.pad(packed).equal(values * mask.unsqueeze(-1))


def test_what_all_rows_share_is_packed_for_each() -> None:
    rows = Rows.of(mask_of([1, 3], left=False))
    assert rows is not None
    assert rows.pack(torch.arange(3).view(1, 3)).tolist() == [[0, 0, 1, 2]]


def test_a_single_row_stays_padded() -> None:
    assert Rows.of(torch.tensor([[1, 1, 0]])) is None


def test_a_tensor_is_packed_once_in_a_pass() -> None:
    rows, forward, values = Rows.of(mask_of([1, 2], left=False)), Forward(), torch.randn(2, 2, 3)
    assert rows is not None
    assert forward.pack(rows, values) is forward.pack(rows, values)


def test_tokens_after_the_last_label_of_a_decoder_are_padding() -> None:
    labels = torch.tensor([[5, IGNORED, 6, IGNORED], [IGNORED] * 4, [1, 2, 3, 4]])
    own, written = sides({"labels": labels, "attention_mask": torch.ones(3, 5)}, cross=True)
    assert own is None
    assert written is not None
    assert written.places.tolist() == [0, 1, 2, 4, 8, 9, 10, 11]


def test_keys_that_could_be_mistaken_for_each_other_leave_the_decoder_padded() -> None:
    batch = {"attention_mask": mask_of([1, 3], left=False), "labels": torch.tensor([[1, 2, 3], [4, IGNORED, IGNORED]])}
    own, written = sides(batch, cross=True)
    assert own is not None
    assert written is None


def test_first_tokens_are_found_among_packed_and_padded_ones() -> None:
    mask = mask_of([2, 3], left=False)
    batch = {"input_ids": torch.zeros_like(mask), "attention_mask": mask}
    packed, padded = first_tokens(batch, Rows.of(mask)), first_tokens(batch, None)
    assert packed is not None
    assert packed.tolist() == [0, 2]
    assert padded is not None
    assert padded.tolist() == [0, 3]
    left = {"input_ids": torch.zeros_like(mask), "attention_mask": mask_of([2, 3], left=True)}
    assert first_tokens(left, Rows.of(left["attention_mask"])) is None


def test_selected_tokens_are_padded_to_their_places() -> None:
    side = Side(read=torch.tensor([0, 3]), shape=(2, 3))
    assert side.pad(torch.tensor([[[7.0], [8.0]]])).squeeze(-1).tolist() == [[7, 0, 0], [8, 0, 0]]
