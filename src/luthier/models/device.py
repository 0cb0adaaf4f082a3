"""Choose the device that a model runs on."""

from collections.abc import Iterator

import torch
from accelerate.utils import parse_flag_from_env

from luthier import processes
from luthier.errors import UsageError

AUTO = "auto"


def available() -> list[torch.device]:
    """The devices of this machine in the order in which `auto` prefers them; `ACCELERATE_USE_CPU` hides the GPUs."""
    found: list[torch.device] = []
    if not parse_flag_from_env("ACCELERATE_USE_CPU"):
        if torch.cuda.is_available():
            found += [torch.device("cuda", number) for number in range(torch.cuda.device_count())]
        if torch.backends.mps.is_available():
            found.append(torch.device("mps"))
        if torch.xpu.is_available():
            found += [torch.device("xpu", number) for number in range(torch.xpu.device_count())]
    return [*found, torch.device("cpu")]


def choose_device(asked: str = AUTO) -> torch.device:
    """Choose the device for a model. If there are several processes, each keeps the one that Accelerate assigned to it.

    Args:
        asked: `auto`, a kind of device such as `cuda`, or one device such as `cuda:1`.
    Raises:
        UsageError: There is no such device, or a launcher has assigned another one to this process.
    """
    if processes.count() > 1:
        own = processes.device()
        if asked not in (AUTO, own.type):
            what = f"the launcher assigned the device {own} to this process, not {asked}"
            hint = "leave device at auto; with ACCELERATE_USE_CPU=true in the environment, all processes run on the CPU"
            raise UsageError(what, where="device", hint=hint)
        return own
    found = available()
    if asked == AUTO:
        return torch.device(found[0].type)
    if asked not in {str(device) for device in found} | {device.type for device in found}:
        hint = f"available: {', '.join(map(str, found))}"
        raise UsageError(f"no device {asked!r} on this machine", where="device", hint=hint)
    return torch.device(asked)


def make_current(device: torch.device) -> None:
    """Make a device without a number, such as Accelerate's `cuda`, refer to this one."""
    if device.index is not None:
        torch.get_device_module(device).set_device(device.index)


def gpus() -> Iterator[tuple[torch.device, str, int]]:
    """Each GPU of this machine, with its name and the bytes of its memory."""
    for device in available():
        if device.type == "mps":
            yield device, "Apple GPU", torch.mps.recommended_max_memory()
        elif device.type != "cpu":
            found = torch.get_device_module(device).get_device_properties(device)
            yield device, found.name, found.total_memory
