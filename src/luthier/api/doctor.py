"""`doctor`: devices and their measured speed, memory, disk, versions, models and hub of this machine."""

import shutil
from pathlib import Path
from typing import Any

import psutil
from huggingface_hub import constants

from luthier import threads
from luthier.data.reading.formats import registry as formats
from luthier.engines.optimizers import registry as optimizers
from luthier.hub import reachable
from luthier.models.device import gpus
from luthier.models.precision import choose, measure
from luthier.models.sources import PACKAGED, packaged_directory
from luthier.run_directory.environment import environment
from luthier.tasks import registry as tasks

OF_A_RUN = {"git_commit", "command", "started", "task_package"}  # what an environment says of the run


def doctor() -> dict[str, Any]:
    """Report on this machine; takes a second or two.

    Returns:
        The machine's part of `environment.json`; `devices` with `precisions` (GFLOP/s), `precision` and `why`;
        `memory_available_bytes`, `disk`, `models` (short name to directory or None) and `hub`; `set_before_torch`: the
        variables that a Python program should set before it imports torch, which commands set themselves; `broken`:
        why plug-ins cannot be used.

    Example:
        >>> luthier.doctor()["devices"][0]["precision"]
    """
    advice = threads.chosen()  # measures the load, so call it before anything else
    disk = shutil.disk_usage(Path.cwd())
    machine = {key: value for key, value in environment(()).items() if key not in OF_A_RUN}
    return {
        **machine,
        "set_before_torch": advice.variables,
        "memory_available_bytes": psutil.virtual_memory().available,
        "disk": {"path": str(Path.cwd()), "free_bytes": disk.free, "total_bytes": disk.total},
        "devices": [_measured(device) for device in _devices(machine["processor"])],
        "models": {name: packaged_directory(name) for name in PACKAGED},
        # Read in this order: libraries are told to be offline once the Hub does not answer.
        "hub": {"endpoint": constants.ENDPOINT, "offline": constants.HF_HUB_OFFLINE, "reachable": reachable()},
        "broken": [
            *tasks.registered().broken.values(),
            *formats.registered().broken.values(),
            *optimizers.registered()[1].values(),
        ],
    }


def _devices(processor: str) -> list[dict[str, Any]]:
    memory = psutil.virtual_memory().total
    devices: list[dict[str, Any]] = [{"device": "cpu", "name": processor, "memory_bytes": memory}]
    devices += [{"device": str(device), "name": name, "memory_bytes": size} for device, name, size in gpus()]
    return devices


def _measured(device: dict[str, Any]) -> dict[str, Any]:
    precision, why = choose(device["device"])
    return {**device, "precisions": measure(device["device"]), "precision": precision, "why": why}
