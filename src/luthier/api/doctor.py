"""`doctor`: devices and their measured speed, memory, disk, versions, models and hub of this machine."""

import shutil
import socket
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
from huggingface_hub import constants

from luthier import threads
from luthier.data.reading.formats import registry as formats
from luthier.engines.optimizers import registry as optimizers
from luthier.models.device import gpus
from luthier.models.precision import choose, measure
from luthier.models.sources import PACKAGED, packaged_directory
from luthier.run_directory.environment import environment
from luthier.tasks import registry as tasks

OF_A_RUN = {
    "git_commit",
    "command",
    "started",
    "task_package",
}  # entries of an environment about the run, not the machine
HUB_PATIENCE_SECONDS = 3.0


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
        "hub": _hub(),
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


def _hub() -> dict[str, Any]:
    """Whether the Hugging Face Hub can be reached; this only opens a connection."""
    endpoint = constants.ENDPOINT
    if constants.HF_HUB_OFFLINE:
        return {"endpoint": endpoint, "offline": True, "reachable": False}
    parts = urlsplit(endpoint)
    try:
        port = parts.port or (443 if parts.scheme == "https" else 80)
        socket.create_connection((parts.hostname or "", port), timeout=HUB_PATIENCE_SECONDS).close()
    except OSError:
        return {"endpoint": endpoint, "offline": False, "reachable": False}
    return {"endpoint": endpoint, "offline": False, "reachable": True}
