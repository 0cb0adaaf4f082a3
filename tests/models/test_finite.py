"""One number that is not finite, wherever it stands, makes a model's weights not finite."""

import math

import pytest
import torch
from torch import Tensor
from transformers import BertConfig, BertForSequenceClassification

from luthier.errors import ModelError
from luthier.models.finite import all_finite, require_finite


def tensors(dtype: torch.dtype = torch.float32) -> list[Tensor]:
    return [torch.zeros(3, 5, dtype=dtype), torch.full((1001,), 2.0, dtype=dtype), torch.tensor(0.5, dtype=dtype)]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16, torch.float64])
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_one_bad_number_is_found(dtype: torch.dtype, bad: float, place: int) -> None:
    found = tensors(dtype)
    assert all_finite(found)
    found[place].view(-1)[-1] = bad
    assert not all_finite(found)


def test_the_largest_numbers_are_finite() -> None:
    most = torch.finfo(torch.float32).max
    assert all_finite([torch.full((100,), most), torch.full((100,), -most)])


def test_whole_numbers_and_empty_tensors_do_not_matter() -> None:
    assert all_finite([])
    assert all_finite([torch.tensor([], dtype=torch.float32), torch.tensor([1, 2]), torch.tensor([True])])
    assert not all_finite([torch.tensor([1, 2]), torch.tensor([math.nan])])
    assert all_finite([torch.nn.Linear(2, 2).weight]), "a weight that needs a gradient"


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_model_with_a_bad_number_is_refused_by_the_name_of_its_parameter(bad: float) -> None:
    config = BertConfig(vocab_size=5, hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8)
    model = BertForSequenceClassification(config)
    require_finite(model, "downloaded")
    with torch.no_grad():
        model.classifier.weight[0, 3] = bad
    with pytest.raises(ModelError, match=r"in 1 parameter, such as classifier\.weight") as error:
        require_finite(model, "downloaded")
    assert error.value.where == "downloaded"
