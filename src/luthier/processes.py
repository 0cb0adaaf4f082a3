"""The processes of one training, started by a launcher such as `torchrun`; without a launcher, just this process.

Counts, flags and small objects are exchanged in a separate CPU group: no process waits for a device, and the others can
wait for rank 0 to read data or compute scores, however long that takes.
"""

import atexit
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import cache
from typing import Any, TypeVar

from luthier.errors import LuthierError, ResourceError, UsageError

T = TypeVar("T")

# What Accelerate reads from its launcher or from `accelerate config`: a model that is divided among processes.
DIVIDED = {
    "ACCELERATE_USE_DEEPSPEED": "DeepSpeed",
    "ACCELERATE_USE_FSDP": "FSDP",
    "ACCELERATE_USE_MEGATRON_LM": "Megatron-LM",
    "ACCELERATE_USE_PARALLELISM_CONFIG": "a model that is divided among processes",
}
TIMEOUT = timedelta(days=30)  # never reached: a process that dies closes its connections, which the others notice


def count() -> int:
    """The number of processes in this training."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def require_one(what: str) -> None:
    """Refuse several processes.

    Args:
        what: That runs in one, for the error.
    Raises:
        UsageError: There are several.
    """
    if count() > 1:
        hint = "run it without torchrun or accelerate launch"
        raise UsageError(f"{what} runs in one process", where="WORLD_SIZE", hint=hint)


def rank() -> int:
    """The index of this process, from 0."""
    return int(os.environ.get("RANK", "0")) if count() > 1 else 0


def is_main() -> bool:
    """Whether this process writes files and prints."""
    return rank() == 0


@contextmanager
def together() -> Iterator[None]:
    """Connect to the other processes, and raise when one of them ends.

    Raises:
        ResourceError: Another process has ended. Only rank 0 raises it.
        UsageError: The launcher asks for FSDP, DeepSpeed or the like. Only rank 0 raises it.
    """
    for variable, what in DIVIDED.items():
        if os.environ.get(variable, "").lower() in ("1", "true"):
            hint = "use torchrun, or accelerate launch --multi_gpu: each process has the whole model; --lora needs less"
            raise alike(UsageError(f"{what} is not supported", where=variable, hint=hint))
    if count() == 1:
        yield
        return
    try:
        _group()
        yield
    except RuntimeError as error:
        if not _is_lost(error):
            raise
        gone = ResourceError(
            "another process of this training has ended",
            where=f"{count()} processes",
            hint="fix the error that it printed, then continue with `luthier resume RUN`",
        )
        raise alike(gone) from None


def check(connected: int) -> None:
    """Check that all processes are among the `connected` ones.

    Raises:
        UsageError: The number differs from the environment's, so that each process would train alone.
    """
    if connected != count():
        raise UsageError(
            f"{connected} processes are connected, but WORLD_SIZE is {count()}",
            where="the environment variables RANK and WORLD_SIZE",
            hint="start the processes with `torchrun` or `accelerate launch`",
        )


def alike(error: LuthierError) -> BaseException:
    """The exception to raise for an error that every process meets: rank 0 reports it, the others exit.

    They exit with code 0, since with any other code the launcher kills rank 0 before it has printed the error.
    """
    return error if is_main() else SystemExit(0)


def on_main(work: Callable[[], T]) -> T:
    """Run a function in rank 0 only, and return its result in every process."""
    if count() == 1:
        return work()
    from torch import distributed

    box: list[Any] = [work() if is_main() else None]
    distributed.broadcast_object_list(box, src=0, group=_group())
    result: T = box[0]
    return result


def gather(value: T) -> list[T]:
    """The value of every process, by rank."""
    if count() == 1:
        return [value]
    from torch import distributed

    values: list[Any] = [None] * count()
    distributed.all_gather_object(values, value, group=_group())
    return values


def totals(*numbers: int) -> list[int]:
    """The sum of each number over all processes."""
    return _reduced(numbers, "SUM")


def largest(number: int) -> int:
    """The largest number of any process."""
    return _reduced([number], "MAX")[0]


def device() -> Any:
    """The torch device that Accelerate has assigned to this process, of several."""
    from accelerate import PartialState

    _group()
    return PartialState().device


def _reduced(numbers: Sequence[int], operation: str) -> list[int]:
    if count() == 1:
        return list(numbers)
    import torch

    reduced = torch.tensor(numbers)
    torch.distributed.all_reduce(reduced, getattr(torch.distributed.ReduceOp, operation), group=_group())
    return reduced.tolist()


@cache
def _group() -> Any:
    """The CPU group; the first call connects the processes and gives each its device."""
    import torch
    from accelerate import PartialState

    if not torch.cuda.is_available():
        os.environ["ACCELERATE_USE_CPU"] = "true"  # else accelerate ignores the launcher if there is no GPU
    PartialState(cpu=os.environ.get("ACCELERATE_USE_CPU", "").lower() in ("1", "true", "yes"))
    group = torch.distributed.new_group(backend="gloo", timeout=TIMEOUT)
    atexit.register(_disconnect, group)
    return group


def _disconnect(group: Any) -> None:
    """Join gloo's threads, else the interpreter may abort at exit; NCCL could wait here for a process that is gone."""
    from torch import distributed

    if distributed.is_initialized():
        distributed.destroy_process_group(None if distributed.get_backend() == "gloo" else group)


def _is_lost(error: RuntimeError) -> bool:
    from torch import distributed

    return isinstance(error, distributed.DistError) or "gloo" in str(error)
