"""Array types, and tensors as arrays."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

BoolArray = NDArray[np.bool_]
FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


def array_of(tensor: "Tensor") -> NDArray[Any]:
    """A tensor as an array; bfloat16, which numpy lacks, as float32."""
    values: NDArray[Any] = (tensor.float() if tensor.is_floating_point() else tensor).detach().cpu().numpy()
    return values
