"""What a figure was measured on: the machine and the versions, in the lines that go above every table of RESULTS.md."""

import os
import platform
import resource
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = ("luthier", "torch", "transformers", "accelerate", "tokenizers", "datasets", "scikit-learn")
# Processor features that decide how fast a matrix product is, by precision.
FLAGS = ("avx2", "avx512f", "avx512_bf16", "amx_bf16")
ROOT = Path(__file__).resolve().parent.parent


def processor() -> str:
    """Model, usable cores, and which of `FLAGS` it has."""
    info = Path("/proc/cpuinfo").read_text(encoding="utf-8") if Path("/proc/cpuinfo").exists() else ""
    fields = dict(line.split(":", 1) for line in info.split("\n\n")[0].splitlines() if ":" in line)
    entries = {name.strip(): value.strip() for name, value in fields.items()}
    model = entries.get("model name") or platform.processor() or platform.machine()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    present = [flag for flag in FLAGS if flag in entries.get("flags", "").split()]
    return f"{model}, {cores} cores ({', '.join(present) or 'no vector flags known'})"


def memory() -> str:
    """Main memory in GiB."""
    return f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB"


def versions() -> dict[str, str]:
    """Package to version; `not installed` where there is none."""
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def commit() -> str:
    """The commit that was measured, with `+` when files differ from it."""
    command = ["git", "-C", str(ROOT), "describe", "--always", "--dirty=+", "--abbrev=10"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    return result.stdout.strip() or "no commit"


def describe() -> str:
    """Machine, versions and commit as a markdown list."""
    packages = ", ".join(f"{name} {number}" for name, number in versions().items())
    threads = os.environ.get("OMP_NUM_THREADS", "not set")
    return "\n".join(
        [
            f"- machine: {processor()}, {memory()}, {platform.system()} {platform.release()}",
            f"- versions: Python {platform.python_version()}, {packages}",
            f"- commit {commit()}, OMP_NUM_THREADS {threads}",
        ]
    )


def command_line() -> str:
    """The running measurement as one would type it."""
    spec = sys.modules["__main__"].__spec__
    module = spec.name.removesuffix(".__main__") if spec else f"bench.{Path(sys.argv[0]).stem}"
    return " ".join(["python -m", module, *sys.argv[1:]])


def peak_memory() -> int:
    """The most memory that this process had, in bytes, as the kernel counts it."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    print(describe())
