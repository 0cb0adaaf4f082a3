"""What training changes of a model: read from one model, set in another."""

import pytest
import torch
from torch import nn

from luthier.models.learned import learned, load_learned, state_digest, trainable


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.words, self.out = nn.Embedding(5, 3), nn.Linear(3, 5, bias=False)
        self.out.weight = self.words.weight
        self.frozen = nn.Linear(3, 3).requires_grad_(False)
        self.register_buffer("count", torch.zeros(2))
        self.register_buffer("made", torch.zeros(2), persistent=False)


def test_what_learns_is_held_once_and_buffers_that_are_saved_too() -> None:
    model = Tied()
    assert learned(model).keys() == {"words.weight", "count"}
    assert trainable(model) == 15


def test_it_is_set_in_another_model_and_shared_weights_stay_shared() -> None:
    one, other = Tied(), Tied()
    kept = other.frozen.weight.clone()
    load_learned(other, learned(one))
    assert torch.equal(other.out.weight, one.words.weight) and other.out.weight is other.words.weight
    assert torch.equal(other.frozen.weight, kept)
    one.words.weight.data.zero_()
    assert other.words.weight.abs().sum() > 0, "the weights are copied"


def test_the_digest_is_of_names_and_values() -> None:
    torch.manual_seed(0)
    state = Tied().state_dict()
    assert state_digest(state) == state_digest(dict(reversed(state.items())))
    assert state_digest(state) != state_digest({**state, "count": torch.ones(2)})
    assert state_digest(state) != state_digest({f"x.{name}": tensor for name, tensor in state.items()})


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(RuntimeError, match="the model has no new"):
        load_learned(Tied(), {"new": torch.zeros(1)})
    with pytest.raises(RuntimeError):
        load_learned(Tied(), {"words.weight": torch.zeros(7, 3)})
