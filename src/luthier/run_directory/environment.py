"""The environment of a run: versions, processors, threads, commit, command line."""

import importlib.metadata
import os
import platform
import resource
import secrets
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil
import torch

from luthier import processes, threads
from luthier.console import Console
from luthier.findings import Decision
from luthier.plugins import OURS
from luthier.run_directory.run import Run, timestamp
from luthier.text import listing, plural

PACKAGES = (
    "torch",
    "transformers",
    "accelerate",
    "datasets",
    "tokenizers",
    "safetensors",
    "peft",
    "scikit-learn",
    "numpy",
)


def environment(gpus: Sequence[str], task_package: str = OURS) -> dict[str, Any]:
    """The content of `environment.json`.

    Args:
        gpus: Names of the GPUs.
        task_package: The package that provides the task; `task_package` is null if it is Luthier.
    """
    openmp = threads.in_effect()
    return {
        "id": secrets.token_hex(6),  # by which trackers know the run
        "luthier": importlib.metadata.version("luthier"),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "threads_why": openmp.why,
        "openmp": openmp.variables,
        "processes": processes.count(),
        "memory_bytes": psutil.virtual_memory().total,
        "devices": list(gpus),
        "versions": _versions(PACKAGES),
        "task_package": None if task_package == OURS else _pinned(task_package),
        "git_commit": _git_commit(),
        "command": shlex.join(sys.argv),
        "started": timestamp(),
    }


def log_threads(run: Run, device: torch.device, console: Console) -> None:
    """Log the number of threads and why; warn if a resumed run was started with another number."""
    now, before = torch.get_num_threads(), threads.recorded_threads(run.path)
    console.decision(Decision("threads", str(now), threads.in_effect().why))
    if before is not None and before != now and device.type == "cpu":  # on a GPU, the weights do not depend on it
        console.warn(
            "the weights may differ in rounding from those of an uninterrupted run:"
            f" it was started with {plural(before, 'thread')}, torch now uses {now};"
            f" set OMP_NUM_THREADS={before} to avoid this"
        )


def warn_of_versions(run: Run, console: Console) -> None:
    """Warn if a resumed run was started with other versions of Luthier or the libraries."""
    recorded = run.read_json(run.environment_file) or {}
    before = {"luthier": recorded.get("luthier"), **recorded.get("versions", {})}
    now = _versions(["luthier", *PACKAGES])
    changed = [f"{name} {before[name]} (now {now[name]})" for name in now if before.get(name) not in (None, now[name])]
    if changed:
        console.warn(
            "the weights may differ from those of an uninterrupted run:"
            f" it was started with {listing(changed)}; install these versions again to avoid this"
        )


def peak_memory(device: torch.device) -> int:
    """Peak memory of this process on a device, in bytes."""
    if device.type == "mps":
        return torch.mps.driver_allocated_memory()  # includes freed memory, so it is close to the peak
    if device.type != "cpu":
        most: int = torch.get_device_module(device).max_memory_allocated(device)
        return most
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # Linux counts in kilobytes


def _processor() -> str:
    try:
        with Path("/proc/cpuinfo").open(encoding="utf-8") as file:
            return next(line.partition(":")[2].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()


def _versions(names: Sequence[str]) -> dict[str, str]:
    return {name: importlib.metadata.version(name) for name in names}


def _pinned(package: str) -> str:
    """A package and its version, as pip takes them; only the name if it is not installed."""
    try:
        return f"{package}=={importlib.metadata.version(package)}"
    except importlib.metadata.PackageNotFoundError:
        return package


def _git_commit() -> str | None:
    """The git commit of the working directory; None if it is not a checkout."""
    try:
        ask = ["git", "rev-parse", "--verify", "--quiet", "HEAD"]
        found = subprocess.run(ask, capture_output=True, text=True, timeout=5, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return found.stdout.strip() or None
