"""Threads and spin counts: chosen from what Linux shows, overruled by the user, recorded, kept by resume."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from luthier import threads
from luthier.api.resume import resume
from luthier.api.train import train
from luthier.cli import main
from luthier.console import Console
from luthier.findings import Decision
from luthier.threads import SPINS_BUSY, SPINS_IDLE

VARIABLES = (*threads.SETS_THREADS, *threads.SETS_SPINS)
SETTINGS: dict[str, Any] = {"training.max_steps": 2, "training.precision": "fp32", "evaluation.resamples": 100}


class Machine:
    """The files of a machine of 8 logical CPUs, two to a core, below a folder."""

    def __init__(self, root: Path, patch: pytest.MonkeyPatch) -> None:
        self.root = root
        self.patch = patch
        for cpu in range(8):
            first = cpu // 2 * 2
            self.write(f"sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list", f"{first}-{first + 1}")
        self.affinity(*range(8))
        self.load()

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")

    def affinity(self, *cpus: int) -> None:
        self.patch.setattr(os, "sched_getaffinity", lambda pid: set(cpus), raising=False)

    def load(self, *percent: float) -> None:
        """How busy CPU 0, 1, ... are while the load is sampled; the others are idle."""
        busy = [*percent, *[0.0] * (8 - len(percent))]
        self.patch.setattr(psutil, "cpu_percent", lambda seconds, percpu: busy)

    def choose(self, recorded: int | None = None, **environ: str) -> threads.Choice:
        return threads.choose(environ, recorded, self.root)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(tmp_path / "root", monkeypatch)


def chosen(number: int, spins: int) -> dict[str, str]:
    return {"OMP_NUM_THREADS": str(number), "GOMP_SPINCOUNT": str(spins)}


def test_an_idle_machine_gives_each_core_a_thread(machine: Machine) -> None:
    choice = machine.choose()
    assert choice.variables == chosen(4, SPINS_IDLE)
    assert choice.why == "4 physical cores; spin count 5,000, as enough cores are free"


def test_threads_stay_within_the_affinity(machine: Machine) -> None:
    machine.affinity(2, 3, 4)
    assert machine.choose().variables == chosen(2, SPINS_IDLE)


def test_cores_that_cannot_be_told_apart_count_each(machine: Machine) -> None:
    machine.affinity(100, 101, 102)
    assert machine.choose().variables["OMP_NUM_THREADS"] == "3"


@pytest.mark.parametrize(
    ("busy", "spins"),
    [
        ([100] * 4, SPINS_IDLE),  # four of eight CPUs are left for four threads
        ([100] * 4 + [40], SPINS_IDLE),  # less than half a CPU more is no process that computes
        ([100] * 5, SPINS_BUSY),
        ([100] * 8, SPINS_BUSY),
    ],
)
def test_the_load_chooses_the_spin_count_alone(machine: Machine, busy: list[int], spins: int) -> None:
    machine.load(*busy)
    assert machine.choose().variables == chosen(4, spins)


def test_the_reason_names_the_load(machine: Machine) -> None:
    machine.affinity(0, 2)
    machine.load(100)
    expected = "2 physical cores; spin count 1,000, as other processes use 1.0 of 2 cores"
    assert machine.choose().why == expected


def test_load_outside_the_affinity_does_not_count(machine: Machine) -> None:
    machine.load(*[100] * 6)
    for cpus, busy in (({6, 7}, 0), ({5, 6}, 1), ({0, 5}, 2), ({5, 100}, 1)):
        assert threads.busy_cores(cpus) == busy


def test_a_busy_process_is_seen() -> None:
    everywhere = os.sched_getaffinity(0)
    loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in everywhere]
    try:
        assert max(threads.busy_cores(everywhere) for _ in range(20)) > len(everywhere) - 0.5
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


@pytest.mark.parametrize(
    ("files", "quota"),
    [
        ({}, None),
        ({"proc/self/cgroup": "0::/", "sys/fs/cgroup/cpu.max": "max 100000"}, None),
        ({"proc/self/cgroup": "0::/", "sys/fs/cgroup/cpu.max": "250000 100000"}, 2.5),
        ({"proc/self/cgroup": "0::/a/b", "sys/fs/cgroup/a/cpu.max": "50000 100000"}, 0.5),
        (
            {
                "proc/self/cgroup": "0::/a/b",
                "sys/fs/cgroup/a/cpu.max": "300000 100000",
                "sys/fs/cgroup/a/b/cpu.max": "100000 50000",
            },
            2.0,
        ),
        # version 1, where a container sees the host's path but its own files
        (
            {
                "proc/self/cgroup": "5:memory:/docker/x\n4:cpu,cpuacct:/docker/x\n0::/docker/x",
                "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "150000",
                "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000",
            },
            1.5,
        ),
        (
            {
                "proc/self/cgroup": "4:cpu:/",
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000",
            },
            None,
        ),
    ],
)
def test_the_tightest_quota_of_the_cgroup_counts(machine: Machine, files: dict[str, str], quota: float | None) -> None:
    for name, text in files.items():
        machine.write(name, text)
    assert threads.cpu_quota(machine.root) == quota


@pytest.mark.parametrize(
    ("quota", "expected"),
    [
        (9, chosen(4, SPINS_IDLE)),
        (3, chosen(3, SPINS_IDLE)),
        (2.5, chosen(3, SPINS_BUSY)),  # three threads, of which the quota stops one half of the time
        (2.4, chosen(2, SPINS_IDLE)),
        (0.3, {"OMP_NUM_THREADS": "1"}),
    ],
)
def test_threads_stay_within_the_quota(machine: Machine, quota: float, expected: dict[str, str]) -> None:
    machine.write("proc/self/cgroup", "0::/")
    machine.write("sys/fs/cgroup/cpu.max", f"{int(quota * 100_000)} 100000")
    assert machine.choose().variables == expected
    assert f"CPU quota of {quota:g}" in machine.choose().why or quota == 9


def test_processes_of_one_host_share_the_cores(machine: Machine) -> None:
    assert machine.choose(LOCAL_WORLD_SIZE="2").variables == chosen(2, SPINS_IDLE)
    assert machine.choose(LOCAL_WORLD_SIZE="2").why.startswith("4 physical cores for 2 processes; ")
    machine.write("proc/self/cgroup", "0::/")
    machine.write("sys/fs/cgroup/cpu.max", "350000 100000")
    choice = machine.choose(LOCAL_WORLD_SIZE="3")
    assert choice == threads.Choice({"OMP_NUM_THREADS": "1"}, "CPU quota of 3.5 for 3 processes")


def test_a_resumed_run_keeps_its_threads(machine: Machine) -> None:
    choice = machine.choose(recorded=3)
    assert choice.variables == chosen(3, SPINS_IDLE)
    assert choice.why.startswith("as in the run so far; ")
    more = machine.choose(recorded=9)
    assert more.variables == chosen(9, SPINS_BUSY) | {"MKL_DYNAMIC": "FALSE"}
    assert machine.choose(recorded=3, OMP_NUM_THREADS="2").variables == {"GOMP_SPINCOUNT": str(SPINS_IDLE)}


def test_the_reason_names_what_the_user_has_set(machine: Machine) -> None:
    choice = machine.choose(OMP_NUM_THREADS="8", OMP_WAIT_POLICY="passive")
    assert choice == threads.Choice({}, "OMP_NUM_THREADS=8; OMP_WAIT_POLICY=passive")
    assert machine.choose(OMP_NUM_THREADS="1") == threads.Choice({}, "OMP_NUM_THREADS=1")


@given(
    environ=st.fixed_dictionaries({}, optional=dict.fromkeys(VARIABLES, st.sampled_from(["1", "3", "4,2", "0", "x"]))),
    recorded=st.none() | st.integers(1, 9),
    busy=st.lists(st.integers(0, 100), max_size=8),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_the_user_has_set_always_stands(
    machine: Machine, environ: dict[str, str], recorded: int | None, busy: list[int]
) -> None:
    machine.load(*busy)
    choice = machine.choose(recorded, **environ)
    assert set(choice.variables) <= {"OMP_NUM_THREADS", "GOMP_SPINCOUNT", "MKL_DYNAMIC"}
    assert ("OMP_NUM_THREADS" in choice.variables) == (not environ.keys() & set(threads.SETS_THREADS))
    if environ.keys() & set(threads.SETS_SPINS):
        assert "GOMP_SPINCOUNT" not in choice.variables
    for name, value in environ.items():
        assert f"{name}={value}" in choice.why


def test_a_system_without_affinity_is_left_alone(machine: Machine) -> None:
    machine.patch.delattr(os, "sched_getaffinity")
    assert machine.choose().variables == {}


@pytest.mark.parametrize("text", [None, "{", "[]", "{}", '{"threads": "2"}', '{"threads": 0}'])
def test_a_run_that_does_not_tell_its_threads(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "environment.json").write_text(text)
    assert threads.recorded_threads(tmp_path) is None


def test_of_several_runs_the_first_one_tells_the_threads(tmp_path: Path) -> None:
    for name, n in (("seed-1", 3), ("seed-2", 4)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "environment.json").write_text(f'{{"threads": {n}}}')
    assert threads.recorded_threads(tmp_path) == 3


@pytest.mark.parametrize(
    ("words", "calls"),
    [
        ("train data.csv", [None]),
        ("resume RUN --json", [5]),
        ("resume --json RUN", [5]),
        ("resume", [None]),
        ("train --help", []),
        ("runs nowhere", []),
        ("", []),
    ],
)
def test_commands_that_use_torch_choose_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: str, calls: list[int | None]
) -> None:
    made: list[int | None] = []
    (tmp_path / "environment.json").write_text('{"threads": 5}')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(threads, "set_up", made.append)
    monkeypatch.setattr(sys, "argv", ["luthier", *words.replace("RUN", str(tmp_path)).split()])
    main()
    assert made == calls


def test_a_program_that_calls_the_command_is_not_touched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "set_up", lambda recorded: pytest.fail("called"))
    assert main(["train", "nowhere.csv"]) != 0


def bare() -> dict[str, str]:
    """The environment of a user who has set nothing."""
    return {name: value for name, value in os.environ.items() if name not in VARIABLES}


def test_a_program_that_imports_luthier_is_not_touched() -> None:
    program = "import os, sys; before = dict(os.environ); import luthier, luthier.cli; luthier.errors; luthier.train"
    program += "; sys.exit('torch' not in sys.modules or dict(os.environ) != before)"
    assert subprocess.run([sys.executable, "-c", program], env=bare(), check=False).returncode == 0


class Told(Console):
    """Keeps what is said."""

    def __init__(self) -> None:
        self.decisions: dict[str, tuple[str, str]] = {}
        self.warnings: list[str] = []

    def decision(self, decision: Decision) -> None:
        self.decisions[decision.what] = (decision.value, decision.why)

    def warn(self, text: str) -> None:
        self.warnings.append(text)


def unfinish(run: Path, **changed: object) -> None:
    """Make a run one that was stopped after its last step."""
    (run / "result.json").unlink()
    file = run / "environment.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changed))


def test_a_resume_with_another_number_of_threads_warns(tmp_path: Path, reviews: Path, tiny_model: Path) -> None:
    run = tmp_path / "run"
    now = torch.get_num_threads()
    told = Told()
    train(reviews, run_dir=run, console=told, **SETTINGS | {"model.name": str(tiny_model)})
    recorded = json.loads((run / "environment.json").read_text())
    assert recorded["threads"] == now
    assert told.decisions["threads"] == (str(now), recorded["threads_why"])
    assert f"threads: {now} ({recorded['threads_why']})" in (run / "log.txt").read_text()
    assert recorded["openmp"] == {name: os.environ[name] for name in VARIABLES if name in os.environ}

    unfinish(run)
    resume(run, console=told)
    assert not [text for text in told.warnings if "rounding" in text]

    unfinish(run, threads=now + 1)
    resume(run, console=told)
    (warning,) = [text for text in told.warnings if "rounding" in text]
    assert f"started with {now + 1} threads, torch now uses {now}; set OMP_NUM_THREADS={now + 1}" in warning
    assert warning in (run / "log.txt").read_text()


@pytest.mark.slow
def test_the_command_records_its_choice_and_resumes_with_it(tmp_path: Path, reviews: Path, tiny_model: Path) -> None:
    run = tmp_path / "run"

    def luthier(*words: object) -> str:
        line = [sys.executable, "-m", "luthier", *map(str, words)]
        done = subprocess.run(line, env=bare(), capture_output=True, text=True, timeout=300, check=True)
        return next(line for line in done.stderr.splitlines() if line.startswith("threads: "))

    given = [word for key, value in SETTINGS.items() for word in ("--set", f"{key}={value}")]
    line = luthier("train", reviews, "--model", tiny_model, "--run-dir", run, *given)
    recorded = json.loads((run / "environment.json").read_text())
    number = threads.choose(bare()).variables["OMP_NUM_THREADS"]
    assert recorded["openmp"]["OMP_NUM_THREADS"] == number == str(recorded["threads"])
    assert line == f"threads: {number} ({recorded['threads_why']})"

    unfinish(run, threads=int(number) + 1)
    line = luthier("resume", run)
    assert line.startswith(f"threads: {int(number) + 1} (as in the run so far; spin count ")
