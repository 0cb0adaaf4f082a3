"""The memory that training was measured to need: its weights, and what the process held beyond them in the steps."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import torch

from luthier.engines.events import Events
from luthier.run_directory.environment import peak_memory

STATUS, RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


class PeakMemory:
    """Measures the peak of training steps on a device: from `begin` to the first evaluation or checkpoint."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._base = 0
        self._earlier = 0
        self._watching = False
        self.of_steps: int | None = None  # bytes; None if the system does not tell them

    @property
    def of_process(self) -> int:
        """The peak of the whole process, as `peak_memory`, which `begin` would make forget."""
        return max(self._earlier, peak_memory(self._device))

    def begin(self, events: Events, weights: int) -> None:
        """Measure from now on.

        Args:
            events: Tell when steps are done.
            weights: Bytes of the model on the device, which count; libraries and data that are held too do not.
        """
        self._base = max(0, _held(self._device) - weights)
        self._earlier = peak_memory(self._device)
        self._watching = _forget_peak(self._device)
        events.on("step", self._look)
        events.on("evaluation", self._end)
        events.on("checkpoint", self._end)

    def _look(self, _: Any) -> None:
        if self._watching:
            self.of_steps = max(0, _peak(self._device) - self._base)

    def _end(self, _: Any) -> None:
        self._watching = False


def _held(device: torch.device) -> int:
    if device.type == "cpu":
        return psutil.Process().memory_info().rss
    if device.type == "mps":
        return torch.mps.current_allocated_memory()
    held: int = torch.get_device_module(device).memory_allocated(device)
    return held


def _forget_peak(device: torch.device) -> bool:
    """Begin a new peak; False if the system cannot."""
    if device.type not in ("cpu", "mps"):
        torch.get_device_module(device).reset_peak_memory_stats(device)
        return True
    if device.type == "cpu":
        with suppress(OSError), RESET.open("w") as file:
            file.write("5")  # see proc(5)
            return True
    return False


def _peak(device: torch.device) -> int:
    """The peak since `_forget_peak`."""
    if device.type != "cpu":
        return peak_memory(device)
    lines = STATUS.read_text(encoding="utf-8").splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))
