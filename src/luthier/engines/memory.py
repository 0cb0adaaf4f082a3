"""A step that runs out of memory begins again, with micro-batches of half the size and the same batch."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import torch
from accelerate import Accelerator
from accelerate.utils import send_to_device
from accelerate.utils.memory import clear_device_cache, should_reduce_batch_size

from luthier import allocator, processes
from luthier.data.batches import MicroBatch
from luthier.engines.base import Training
from luthier.engines.checkpoints import RandomState, random_state, set_random_state
from luthier.engines.events import Events, MicroBatchHalved, Stop
from luthier.errors import ResourceError

T = TypeVar("T")

RESERVE = 2**26  # bytes that must be left in a trial: allocators do not find room for the same tensors every time


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that the memory of a device, or of the computer, is used up."""
    return isinstance(error, MemoryError) or (isinstance(error, Exception) and should_reduce_batch_size(error))


def attempt(work: Callable[[], T]) -> T | None:
    """Do a part of a step, and return its result; None if it ran out of memory.

    With several processes, the error is raised: the others already wait for this one's gradients. `Trial` is there to
    notice before.
    """
    return caught(work) if processes.count() == 1 else work()


def caught(work: Callable[[], T]) -> T | None:
    """Do some work, and return its result; None if it ran out of memory.

    The error is gone on return, and with it everything that its frames held.
    """
    try:
        return work()
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
    return None


class Trial:
    """Runs the largest micro-batch of a step before the step itself, if there are several processes.

    A process that ran out of memory within the step would leave the others waiting for its gradients. So a step that
    is larger than all before is tried without exchanging gradients; the processes agree on whether it fits.

    Args:
        training: The training; its plan tells every process how large a step is for the others.
        accelerator: Runs the backward pass.
    """

    def __init__(self, training: Training, accelerator: Accelerator) -> None:
        self._training, self._accelerator = training, accelerator
        self._first_step = training.state.step
        self._tried = (0, 0)

    def fits(self, group: Sequence[MicroBatch]) -> bool:
        """Whether a step fits into the memory of every process, given its micro-batches in this process.

        All processes must ask.
        """
        training = self._training
        places, longest = training.plan.extent(training.state.step)
        if processes.count() == 1 or (places <= self._tried[0] and longest <= self._tried[1]):
            return True
        randomness = random_state(training.device)
        tried = caught(lambda: self._run(max(group, key=lambda batch: batch.n_places), times=min(2, len(group))))
        training.model.zero_grad()
        set_random_state(randomness, training.device)
        if processes.largest(int(tried is None)):
            return False
        if training.state.step > self._first_step:  # before, the optimizer has not allocated its state
            self._tried = max(self._tried[0], places), max(self._tried[1], longest)
        return True

    def _run(self, batch: MicroBatch, times: int) -> bool:
        """Forward and backward; twice if there are gradients of earlier micro-batches during the largest one."""
        reserve = torch.empty(RESERVE, dtype=torch.uint8, device=self._training.device)
        for _ in range(times):
            tensors = send_to_device(batch.tensors, self._training.device, non_blocking=True)
            # Not the wrapped model: DDP would take part in a forward pass, and one that fails would leave it halfway.
            loss_sum = self._training.objective(self._training.model, tensors)[1]
            self._accelerator.backward(loss_sum)
        return reserve.numel() > 0


def halve(training: Training, randomness: RandomState, events: Events | None) -> None:
    """Halve the micro-batches after a step ran out of memory, and return to the state before this step.

    Args:
        training: The training, whose weights and optimizer the step has not changed.
        randomness: The random state that the step began with.
        events: Told of the new size.
    Raises:
        ResourceError: The micro-batches of this step already have one row each.
    """
    training.model.zero_grad()
    clear_device_cache(garbage_collection=True)
    allocator.give_back_at_once()
    set_random_state(randomness, training.device)
    plan, step = training.plan, training.state.step
    if plan.micro_batch_size(step) == 1:
        raise processes.alike(
            ResourceError(
                f"out of memory in step {step + 1}, with one row in a micro-batch",
                where=f"step {step + 1}",
                hint="reduce max_length, set gradient_checkpointing = true, or use a smaller model",
            )
        )
    before = plan.micro_batch_size()
    training.use_parts(min(2 * plan.parts, -(-plan.most_rows // plan.processes)))
    halved = MicroBatchHalved(step + 1, before, training.plan.micro_batch_size(), training.plan.parts)
    wish = processes.on_main(lambda: events.emit("micro_batch", halved) if events is not None else None)
    if isinstance(wish, Stop) and not training.state.stopped:
        training.state.stopped = wish.reason
