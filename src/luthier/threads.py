"""OpenMP threads of a command: how many, and how long an idle one spins before it sleeps.

torch reads both when it is loaded. A thread that spins while it waits keeps a core from the thread it waits for as soon
as another process needs that core: beside one busy process, training with OpenMP's default takes several times longer.
"""

import json
import os
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from luthier.text import count, number, plural

# MiniLM on two cores, 30 steps in bf16, seconds by spin count (`python -m bench.threads --spins ...` measures it):
#                              300,000  10,000  5,000  3,000  1,000     0
#     alone                        7.6     7.7    7.9    8.2    8.8   9.5
#     beside a busy process      28-96    22.9   18.4   16.3   14.0  13.1
# Cores that are free at the start may be busy later.
SPINS_IDLE, SPINS_BUSY = 5_000, 1_000
SAMPLE_SECONDS = 0.1
THREADS, SPINS = "OMP_NUM_THREADS", "GOMP_SPINCOUNT"
SETS_THREADS = (THREADS, "MKL_NUM_THREADS")
SETS_SPINS = (SPINS, "OMP_WAIT_POLICY")
ROOT = Path("/")


@dataclass(frozen=True, slots=True)
class Choice:
    """What to set in the environment before torch is loaded.

    Args:
        variables: Names and values to set; empty when there is nothing to choose.
        why: The reasons, as the log prints them.
    """

    variables: dict[str, str]
    why: str


_made: list[Choice] = []  # the choice of `set_up`


def set_up(recorded: int | None = None) -> None:
    """Choose for this process and the processes that it starts. Call it before torch is imported.

    Args:
        recorded: Threads of the run to resume.
    """
    choice = choose(os.environ, recorded)
    os.environ.update(choice.variables)
    _made[:] = [choice]


def chosen() -> Choice:
    """What `set_up` chose; in a program that imports luthier, what a command would choose now."""
    return _made[0] if _made else choose(os.environ)


def in_effect() -> Choice:
    """What the environment says, and why."""
    names = (*SETS_THREADS, *SETS_SPINS)
    variables = {name: os.environ[name] for name in names if os.environ.get(name)}
    why = _made[0].why if _made else _set_by_user(os.environ, names) or "the defaults of torch and OpenMP"
    return Choice(variables, why)


def choose(environ: Mapping[str, str], recorded: int | None = None, root: Path = ROOT) -> Choice:
    """Choose the number of threads and the spin count. What the user's environment sets is kept.

    Args:
        environ: The environment.
        recorded: Threads of the run to resume: another number rounds differently.
        root: Where `proc` and `sys` are.
    """
    if not hasattr(os, "sched_getaffinity"):
        return Choice({}, "torch's default")  # not Linux: neither libgomp nor /proc
    cpus, quota = os.sched_getaffinity(0), cpu_quota(root)
    cores, variables = physical_cores(cpus, root), {}
    why = _set_by_user(environ, SETS_THREADS)
    if why:
        threads = next(_integer(environ[name]) for name in SETS_THREADS if environ.get(name))
    else:
        threads, why = (recorded, "as in the run so far") if recorded else _threads(environ, cores, quota)
        variables[THREADS] = str(threads)
        if threads > cores and not environ.get("MKL_DYNAMIC"):
            variables["MKL_DYNAMIC"] = "FALSE"  # or MKL, and with it torch, stays at the number of cores
    if kept := _set_by_user(environ, SETS_SPINS):
        return Choice(variables, f"{why}; {kept}")
    if threads == 1:
        return Choice(variables, why)  # it waits for no other thread
    spins, load = _spins(threads, cpus, quota)
    return Choice(variables | {SPINS: str(spins)}, f"{why}; spin count {count(spins)}, as {load}")


def _threads(environ: Mapping[str, str], cores: int, quota: float | None) -> tuple[int, str]:
    """The number of threads of one process, and why."""
    threads, why = cores, plural(cores, "physical core")
    if quota is not None and quota < cores:
        threads, why = int(quota + 0.5), f"CPU quota of {quota:g}"
    local = _integer(environ.get("LOCAL_WORLD_SIZE", "1"))
    if local > 1:
        threads, why = threads // local, f"{why} for {local} processes"
    return max(1, threads), why


def _spins(threads: int, cpus: Collection[int], quota: float | None) -> tuple[int, str]:
    """The spin count, and why."""
    if quota is not None and quota < threads:
        return SPINS_BUSY, f"the CPU quota is {quota:g}"
    busy = busy_cores(cpus)
    if len(cpus) - busy > threads - 0.5:  # below half a core, no other process computes
        return SPINS_IDLE, "enough cores are free"
    return SPINS_BUSY, f"other processes use {number(busy, 1)} of {len(cpus)} cores"


def recorded_threads(run: Path) -> int | None:
    """Threads that a run, or the first one of several in a directory, was started with; None if no file says it."""
    for file in (run / "environment.json", *sorted(run.glob("*/environment.json"))):
        with suppress(OSError, ValueError, KeyError, TypeError):
            threads = json.loads(file.read_bytes())["threads"]
            return threads if isinstance(threads, int) and threads > 0 else None
    return None


def physical_cores(cpus: Collection[int], root: Path = ROOT) -> int:
    """Cores behind some logical CPUs. Hyper-threads share arithmetic units, so torch too uses one thread per core."""
    siblings = (root / f"sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list" for cpu in cpus)
    return len({_read(path) or str(path) for path in siblings})


def cpu_quota(root: Path = ROOT) -> float | None:
    """The tightest CPU quota of this process's cgroup and those above it, in cores; None if there is none."""
    quotas = []
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        top = root / "sys/fs/cgroup" / controllers
        # In a container, the path may be the host's: files missing there are at the top.
        for group in (top / path.strip("/"), *(top / path.strip("/")).parents):
            v1 = f"{_read(group / 'cpu.cfs_quota_us')} {_read(group / 'cpu.cfs_period_us')}"
            quota, _, period = (_read(group / "cpu.max") or v1).partition(" ")
            if quota.isdigit() and period.isdigit():
                quotas.append(int(quota) / int(period))
            if group == top:
                break
    return min(quotas, default=None)


def busy_cores(cpus: Collection[int]) -> float:
    """How many of some logical CPUs other processes keep busy, measured over a short time."""
    import psutil

    shares = psutil.cpu_percent(SAMPLE_SECONDS, percpu=True)
    return sum(shares[cpu] for cpu in cpus if cpu < len(shares)) / 100


def _set_by_user(environ: Mapping[str, str], names: Collection[str]) -> str:
    """The variables among `names` that the user has set, as the log prints them."""
    return ", ".join(f"{name}={environ[name]}" for name in names if environ.get(name))


def _integer(text: str) -> int:
    return int(text) if text.isdigit() else 2  # `OMP_NUM_THREADS=4,2` is valid too: more than one


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError:
        return ""
