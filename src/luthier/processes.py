"""The processes that train together, as a launcher such as `torchrun` starts them; without one there is just this one.

What they agree on beside tensors (counts, flags, small objects) goes over a CPU group of its own: nobody waits for a
device, and the others may wait for rank 0 to read data or to score for as long as that takes.
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

PATIENCE = timedelta(days=30)  # a process that dies closes its connections: that, not the time, tells the others


def count() -> int:
    """Processes that train together."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def rank() -> int:
    """Number of this process, from 0."""
    return int(os.environ.get("RANK", "0")) if count() > 1 else 0


def is_main() -> bool:
    """Whether this process is the one that writes and speaks."""
    return rank() == 0


@contextmanager
def together() -> Iterator[None]:
    """Find the other processes, and notice while they work together when one of them is gone.

    Raises:
        ResourceError: Another process has ended. Only rank 0 says so.
    """
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
            hint="see what it said; once that is mended, `luthier resume RUN` goes on",
        )
        raise alike(gone) from None


def check(connected: int) -> None:
    """See that as many processes are connected as were started.

    Raises:
        UsageError: The launcher started more than it told, so that each would take itself for the only one.
    """
    if connected != count():
        raise UsageError(
            f"{connected} processes are connected, and this one was told of {count()}",
            where="RANK and WORLD_SIZE of the environment",
            hint="start them with `torchrun` or `accelerate launch`",
        )


def alike(error: LuthierError) -> BaseException:
    """What to raise for an error that every process meets at the same point: rank 0 tells it, the others just end.

    They end with exit code 0: a launcher that sees another one kills rank 0 before it has spoken.
    """
    return error if is_main() else SystemExit(0)


def on_main(work: Callable[[], T]) -> T:
    """Do some work in rank 0 alone, and have what comes of it in every process."""
    if count() == 1:
        return work()
    from torch import distributed

    answer: list[Any] = [work() if is_main() else None]
    distributed.broadcast_object_list(answer, src=0, group=_group())
    told: T = answer[0]
    return told


def gather(value: T) -> list[T]:
    """The value of each process, by rank."""
    if count() == 1:
        return [value]
    from torch import distributed

    values: list[Any] = [None] * count()
    distributed.all_gather_object(values, value, group=_group())
    return values


def totals(*numbers: int) -> list[int]:
    """The sum of each number over the processes."""
    return _reduced(numbers, "SUM")


def largest(number: int) -> int:
    """The largest of the processes' numbers."""
    return _reduced([number], "MAX")[0]


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
        os.environ["ACCELERATE_USE_CPU"] = "true"  # else accelerate sees no processes where it sees no GPUs
    PartialState(cpu=os.environ.get("ACCELERATE_USE_CPU", "").lower() in ("1", "true", "yes"))
    group = torch.distributed.new_group(backend="gloo", timeout=PATIENCE)
    atexit.register(_disconnect, group)
    return group


def _disconnect(group: Any) -> None:
    """Join gloo's threads, or the interpreter may abort at its end; NCCL could wait here for a process that is gone."""
    from torch import distributed

    if distributed.is_initialized():
        distributed.destroy_process_group(None if distributed.get_backend() == "gloo" else group)


def _is_lost(error: RuntimeError) -> bool:
    from torch import distributed

    return isinstance(error, distributed.DistError) or "gloo" in str(error)
