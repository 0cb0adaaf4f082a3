"""Measure the speed and correctness of a device in each precision, rather than look them up.

On some processors bfloat16 runs a hundred times slower than float32, and no list of processors says so reliably.
"""

import time
from collections.abc import Sequence

import torch

from luthier.errors import UsageError
from luthier.recipe import Precision
from luthier.text import listing

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
WORTH_IT = 1.2  # a lower precision must be this many times faster than fp32
ENOUGH_SECONDS = 0.03  # a product this long outweighs the cost of waking threads on a busy machine
TRIES = 2  # the fastest one counts
ROUNDS = 3  # the precisions take turns, and each one's fastest turn counts
SMALLEST = 256
LARGEST = {"cpu": 1024, "cuda": 4096}


def measure(device: torch.device | str, precisions: Sequence[str] = tuple(DTYPES)) -> dict[str, float]:
    """Measure the speed of a matrix product in each precision.

    Products grow until one takes long enough to be timed, so a precision that is a hundred times slower than the
    others is detected with a small one.

    Args:
        device: Where to measure.
        precisions: Which of fp32, bf16 and fp16 to measure.
    Returns:
        Precision to GFLOP/s, without the precisions that the device lacks or computes wrongly.
    """
    device = torch.device(device)
    products = {}
    for name in precisions:
        try:
            if _is_sound(device, DTYPES[name]):
                products[name] = _product_worth_timing(device, DTYPES[name])
        except (RuntimeError, NotImplementedError, TypeError):
            continue  # torch raises these if a device has no product in this precision
    fastest = dict.fromkeys(products, float("inf"))
    # They take turns, so that other load on the machine slows all of them alike.
    for _ in range(ROUNDS):
        for name, matrix in products.items():
            fastest[name] = min(fastest[name], _timed(matrix))
    return {name: 2 * len(products[name]) ** 3 / seconds / 1e9 for name, seconds in fastest.items()}


def choose(device: torch.device | str) -> tuple[Precision, str]:
    """Choose the precision to train in on a device.

    A GPU trains in bf16 if its hardware has it, else in fp16; a CPU in whichever of fp32 and bf16 measures faster.
    fp32 stays unless the other is at least 1.2 times faster.

    Args:
        device: Where the model will run.
    Returns:
        The precision and the reason.
    """
    device = torch.device(device)
    other: Precision = "fp16" if device.type == "cuda" and not torch.cuda.is_bf16_supported() else "bf16"
    rates = measure(device, ("fp32", other))
    plain, lower = rates.get("fp32", 0.0), rates.get(other, 0.0)
    if not lower:
        return "fp32", f"{other} gives wrong results on this machine"
    why = f"a matrix product runs at {plain:.0f} GFLOP/s in fp32, {lower:.0f} in {other}"
    return (other if lower >= WORTH_IT * plain else "fp32"), why


def weights_dtype(precision: str, device: torch.device) -> torch.dtype:
    """The type of the weights of a model that predicts in a precision.

    Args:
        precision: fp32, bf16 or fp16.
        device: Where the model will run.
    Raises:
        UsageError: There is no such precision, or none of that device.
    """
    if precision not in DTYPES:
        raise UsageError(f"no precision {precision!r}", where="--precision", hint=f"choose {listing(list(DTYPES))}")
    if precision == "fp16" and device.type == "cpu":
        raise UsageError("fp16 needs a GPU", where="--precision", hint="--precision bf16, or fp32")
    return DTYPES[precision]


def _is_sound(device: torch.device, dtype: torch.dtype) -> bool:
    """Whether a product is finite and near the float32 one, within the resolution of the precision."""
    generator = torch.Generator().manual_seed(0)
    left, right = (torch.randn(SMALLEST, SMALLEST, generator=generator) for _ in range(2))
    expected = left @ right
    product = (left.to(device, dtype) @ right.to(device, dtype)).float().cpu()
    error = (product - expected).abs().max() / expected.abs().max()
    return bool(torch.isfinite(product).all()) and float(error) < 8 * torch.finfo(dtype).eps + 1e-3


def _product_worth_timing(device: torch.device, dtype: torch.dtype) -> torch.Tensor:
    """The smallest square matrix whose product with itself takes long enough to time; warmed up."""
    largest = LARGEST.get(device.type, 2048)
    size = SMALLEST
    while True:
        matrix = torch.ones(size, size, dtype=dtype, device=device)
        _timed(matrix)  # the first product of a size also chooses and loads the kernel
        if size >= largest or min(_timed(matrix) for _ in range(TRIES)) > ENOUGH_SECONDS:
            return matrix
        size *= 2


def _timed(matrix: torch.Tensor) -> float:
    _wait(matrix.device)
    start = time.perf_counter()
    matrix @ matrix
    _wait(matrix.device)
    return time.perf_counter() - start


def _wait(device: torch.device) -> None:
    if device.type != "cpu":
        torch.accelerator.synchronize(device)
