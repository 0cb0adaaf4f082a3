"""Optimizers that make no update while a flag on the device is set."""

from collections.abc import Callable
from typing import Any

from torch import Tensor
from torch.optim import Optimizer


def guarded(kind: type[Optimizer]) -> type[Optimizer]:
    """A subclass that makes no update while `found_inf` is set, as fused optimizers of torch do by themselves.

    There is no fused kernel, so each step waits for the device to read the flag.
    """

    class Guarded(kind):  # type: ignore[misc,valid-type]
        found_inf: Tensor | None = None

        def step(self, closure: Callable[[], Any] | None = None) -> Any:
            flag, self.found_inf = self.found_inf, None  # torch's Adafactor raises if the flag is set
            try:
                return None if flag is not None and flag.item() else super().step(closure)
            finally:
                self.found_inf = flag

    Guarded.__name__ = Guarded.__qualname__ = f"Guarded{kind.__name__}"
    return Guarded
