"""An estimate of the memory that training needs, from two small batches."""

import gc
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from itertools import accumulate
from typing import Any

import numpy as np
import torch
from accelerate.utils import convert_outputs_to_fp32, send_to_device
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.profiler import profile

from luthier import allocator, processes
from luthier.console import Console
from luthier.data.batches import Batch, train_loader
from luthier.engines.averages import averages
from luthier.engines.base import Training
from luthier.engines.checkpoints import random_state, set_random_state
from luthier.engines.memory import caught
from luthier.pipeline.training.peak import PeakMemory
from luthier.text import plural, size

DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}
SEARCHED = 5_000  # steps whose lengths are looked at for the largest micro-batch
# What a CPU process holds beyond its tensors, as measured on the models of bench/memory.py: gaps of the allocator, and
# what kernels keep for each shape.
OVERHEAD, GAPS = 100_000_000, 0.1  # bytes, and a share of the rest
SAMPLE = 2**16  # values of a parameter with which the optimizer is tried; some keep small parameters in another form


@dataclass(frozen=True)
class MemoryEstimate:
    """The memory of a device that training needs, in bytes.

    Args:
        weights: Parameters and buffers, and the EMA of parameters.
        gradients: Of the trainable parameters; twice if several processes exchange them.
        optimizer_state: After the first step.
        activations: The most that the forward and backward pass of the largest micro-batch hold besides gradients.
        overhead: What a CPU process holds beyond its tensors.
        total: The most at one time; less than the sum, as many activations are gone when the last gradients come.
        rows: Rows of this micro-batch.
        tokens: Tokens of its longest row.
    """

    weights: int
    gradients: int
    optimizer_state: int
    activations: int
    overhead: int
    total: int
    rows: int
    tokens: int

    def to_dict(self) -> dict[str, int]:
        return asdict(self)

    def __str__(self) -> str:
        return (
            f"about {size(self.total)} (weights {size(self.weights)}, gradients {size(self.gradients)}, optimizer state"
            f" {size(self.optimizer_state)}, activations {size(self.activations)} for {plural(self.rows, 'row')} of"
            f" {plural(self.tokens, 'token')}{f', allocator {size(self.overhead)}' if self.overhead else ''})"
        )


@dataclass(frozen=True)
class Memory:
    """The memory of a training: what was estimated, and what was measured."""

    estimate: MemoryEstimate | None
    peak: PeakMemory

    def say(self, console: Console) -> None:
        """Compare both in a line, if both are known."""
        if self.estimate is not None and self.peak.of_steps is not None:
            console.say(f"memory: {size(self.peak.of_steps)} measured, {size(self.estimate.total)} estimated")

    def to_dict(self) -> dict[str, Any]:
        return {
            "peak_memory_bytes": self.peak.of_process,
            "training_memory": {
                "estimated": self.estimate.to_dict() if self.estimate else None,
                "measured_bytes": self.peak.of_steps,
            },
        }


def estimate_memory(training: Training) -> MemoryEstimate | None:
    """Estimate what a training holds at most, before its first step.

    Runs two and three rows of the largest micro-batch forward and backward, in the recipe's precision. What each
    operation allocates and frees depends linearly on the number of rows, so two runs give the course of memory for any
    number. Random state, weights and gradients are as before.

    Returns:
        The estimate; None if even these rows do not fit, or the device does not record its memory.
    """
    step = _largest_step(training)
    loader = train_loader(training.plan, training.rows, training.collate, start=step, stop=step + 1)
    largest = max(loader, key=lambda batch: batch.n_places).tensors
    rows = len(largest["labels"])
    few = (2, 3) if rows > 1 else (1, 2)
    model, device = training.model, training.device
    randomness = random_state(device)
    model.to(device).train()  # type: ignore[arg-type]  # its decorator hides the signature
    # Rows are sorted by length: the longest, the shortest, and of three one of the middle, which tells of the others.
    chosen = [np.linspace(0, rows - 1, n).round().astype(int) for n in few]  # a row repeatedly, if there are fewer
    batches = [{name: tensor[places] for name, tensor in largest.items()} for places in chosen]
    # The first pass of a process also allocates what later ones find.
    _, *courses = [caught(partial(_course, training, batch)) for batch in (batches[0], *batches)]
    model.zero_grad()
    set_random_state(randomness, device)
    gc.collect()  # what the profiler has left, several hundred MB for a model of 30 layers
    allocator.give_back()
    one, other = courses
    if not one or not other:
        return None
    if len(one) != len(other):  # other kernels for other shapes; then the peaks have to do
        one, other = [max(one)], [max(other)]
    per_row = [b - a for a, b in zip(one, other, strict=True)]
    peak = max(start + (rows - few[0]) * more for start, more in zip(one, per_row, strict=True))
    activations, gradients = rows * max(per_row), _bytes(p for p in model.parameters() if p.requires_grad)
    if training.plan.parts > 1:  # the gradients of the first micro-batch are held during the others
        peak = max(peak, gradients + activations)
    weights, state = _bytes(_weights(training)), optimizer_bytes(training.optimizer)
    if processes.count() > 1:
        gradients *= 2  # DDP keeps a copy to exchange
        peak += gradients // 2
    total, tokens = weights + state + peak, training.plan.extent(step)[1]
    gaps = device.type == "cpu" and not training.recipe.gradient_checkpointing  # which returns large blocks at once
    overhead = OVERHEAD + round(GAPS * total) if gaps else 0
    return MemoryEstimate(weights, gradients, state, activations, overhead, total + overhead, rows, tokens)


def held(training: Training) -> int:
    """Bytes of a training on its device before the next step: weights, and the optimizer's state after a resume."""
    tensors = [*_weights(training), *_tensors(training.optimizer.state_dict())]
    return _bytes(tensor for tensor in tensors if tensor.device.type == training.device.type)


def optimizer_bytes(optimizer: Optimizer) -> int:
    """Bytes of an optimizer's state after its first step; where it has none yet, tried on parts of its parameters."""
    now = _bytes(_tensors(optimizer.state_dict()))
    if now:
        return now
    found: dict[tuple[int, tuple[int, ...]], int] = {}
    total = 0
    for index, group in enumerate(optimizer.param_groups):
        for parameter in group["params"]:
            key = index, tuple(parameter.shape)
            if key not in found:
                found[key] = _state_of(optimizer, group, parameter)
            total += found[key]
    return total


def _state_of(optimizer: Optimizer, group: Mapping[str, Any], parameter: nn.Parameter) -> int:
    """Bytes of the state of one parameter: a new optimizer of this kind makes a step on some of its rows."""
    per_row = max(1, parameter[:1].numel()) if parameter.dim() else 1
    some = parameter.detach()[: -(-SAMPLE // per_row)] if parameter.dim() else parameter.detach()
    sample = nn.Parameter(some.clone())
    sample.grad = torch.zeros_like(sample)
    make: Callable[..., Optimizer] = type(optimizer)
    new = make([{**group, "params": [sample]}], lr=group["lr"])
    if averages(new):
        new.train()  # type: ignore[attr-defined]
    new.step()
    factor = parameter.numel() / sample.numel()
    tensors = _tensors(new.state_dict())
    return round(sum(_bytes([tensor]) * (factor if tensor.numel() > 1 else 1) for tensor in tensors))


def _weights(training: Training) -> list[Tensor]:
    """Parameters and buffers, and the moving average of the parameters."""
    ema = {} if training.ema is None else training.ema.state_dict()
    return [*training.model.parameters(), *training.model.buffers(), *ema.values()]


def _tensors(state: Any) -> list[Tensor]:
    """The tensors in nested dicts and lists."""
    if isinstance(state, Tensor):
        return [state]
    inner = state.values() if isinstance(state, Mapping) else state if isinstance(state, list | tuple) else ()
    return [tensor for value in inner for tensor in _tensors(value)]


def _bytes(tensors: Iterable[Tensor]) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def _largest_step(training: Training) -> int:
    """The step with the largest micro-batch, of the next epoch."""
    plan, start = training.plan, training.state.step
    stop = min(training.total_steps, start + min(plan.steps_per_epoch, SEARCHED))
    return max(range(start, stop), key=lambda step: plan.extent(step)[0], default=start)


def _course(training: Training, batch: Batch) -> list[int]:
    """Bytes in use after each operation of a forward and backward pass, beyond those before it."""
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # or the profiler writes to standard error
    training.model.zero_grad()
    with profile(profile_memory=True) as profiled:
        tensors = send_to_device(batch, training.device)
        loss_sum = training.objective(_in_precision(training), tensors)[1]
        assert loss_sum is not None  # training rows have labels
        loss_sum.backward()
        del tensors, loss_sum
    usage = "self_cpu_memory_usage" if training.device.type == "cpu" else "self_device_memory_usage"
    events = sorted(profiled.events(), key=lambda event: event.time_range.end)
    return list(accumulate(changed for event in events if (changed := int(getattr(event, usage)))))


def _in_precision(training: Training) -> Any:
    """The model in the recipe's precision, as Accelerate prepares it."""
    dtype = DTYPES.get(training.recipe.precision)
    if dtype is None:
        return training.model

    def forward(**inputs: Any) -> Any:
        with torch.autocast(training.device.type, dtype):
            return training.model(**inputs)

    return convert_outputs_to_fp32(forward)
