"""Tensors as arrays."""

import numpy as np
import pytest
import torch

from luthier.arrays import array_of


@pytest.mark.parametrize(
    ("kind", "found"), [(torch.float32, np.float32), (torch.bfloat16, np.float32), (torch.int64, np.int64)]
)
def test_a_tensor_is_an_array_that_numpy_knows(kind: torch.dtype, found: type) -> None:
    array = array_of(torch.ones(2, 3, dtype=kind))
    assert (array.dtype, array.shape, array.sum()) == (found, (2, 3), 6)
    assert array_of(torch.ones(2, requires_grad=True)).tolist() == [1, 1]
