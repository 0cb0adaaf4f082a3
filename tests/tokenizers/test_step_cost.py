"""The time of a step with each tokenizer."""

import pytest
import torch

from luthier.tokenizers.measures import Row
from luthier.tokenizers.step_cost import HEADS, measure_steps
from luthier.tokenizers.training import train_tokenizer
from tests.conftest import review

TEXTS = [review("good", i) for i in range(20)]


@pytest.mark.parametrize("family", HEADS)
def test_each_tokenizer_has_its_time_and_randomness_is_left_alone(family: str) -> None:
    tokenizers = {kind: train_tokenizer(TEXTS, 300, kind, family=family) for kind in ("char", "byte-bpe")}
    before = torch.random.get_rng_state()
    found = measure_steps(tokenizers, [Row([text]) for text in TEXTS], family, 32, torch.device("cpu"))
    assert found.keys() == tokenizers.keys() and min(found.values()) > 0
    assert torch.equal(before, torch.random.get_rng_state())


def test_a_single_row_is_a_step_too() -> None:
    tokenizers = {"char": train_tokenizer(TEXTS, 300, "char")}
    assert measure_steps(tokenizers, [Row(["a", "b"])], "encoder", 16, torch.device("cpu"))["char"] > 0
