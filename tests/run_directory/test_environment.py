"""What a run ran on, and what a run that goes on with another number of threads is told."""

import json
import shlex
import subprocess
from pathlib import Path

import psutil
import pytest
import torch

import luthier
from luthier.run_directory.environment import PACKAGES, environment, log_threads, peak_memory, warn_of_versions
from luthier.run_directory.run import Run
from tests.listener import Listener

CPU, CUDA = torch.device("cpu"), torch.device("cuda")


def logged(path: Path, device: torch.device, before: int | None) -> Listener:
    """What is logged for a run that was started with so many threads."""
    if before is not None:
        (path / "environment.json").write_text(json.dumps({"threads": before}))
    listener = Listener()
    log_threads(Run(path), device, listener)
    return listener


def test_the_environment_is_what_this_process_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["luthier", "train", "my data.csv"])
    found = environment(["NVIDIA H100"])
    assert found["luthier"] == luthier.__version__ and found["devices"] == ["NVIDIA H100"]
    assert found["threads"] == torch.get_num_threads() and found["processes"] == 1
    assert set(found["versions"]) == set(PACKAGES) and found["versions"]["torch"] == torch.__version__
    assert shlex.split(found["command"]) == ["luthier", "train", "my data.csv"]
    assert found["memory_bytes"] == psutil.virtual_memory().total
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_the_package_of_a_task_is_kept_with_its_version() -> None:
    assert environment([])["task_package"] is None
    assert environment([], "pytest")["task_package"] == f"pytest=={pytest.__version__}"
    assert environment([], "luthier-none")["task_package"] == "luthier-none"


def test_the_variables_of_openmp_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    found = environment([])["openmp"]
    assert found["OMP_NUM_THREADS"] == "3" and "MKL_NUM_THREADS" not in found


def test_the_commit_is_that_of_the_checkout_that_the_command_was_given_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert environment([])["git_commit"] is None
    subprocess.run(["git", "init", "-q"], check=True)
    assert environment([])["git_commit"] is None
    identity = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *identity, "commit", "-q", "--allow-empty", "-m", "first"], check=True)
    (head,) = (tmp_path / ".git" / "refs" / "heads").iterdir()
    assert environment([])["git_commit"] == head.read_text().strip()


def test_a_machine_without_git_has_no_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert environment([])["git_commit"] is None


def test_the_number_of_threads_is_logged_with_its_reason(tmp_path: Path) -> None:
    (decision,) = logged(tmp_path, CPU, before=None).decisions
    assert (decision.what, decision.value) == ("threads", str(torch.get_num_threads())) and decision.why


@pytest.mark.parametrize(("device", "more", "warned"), [(CPU, 1, True), (CPU, 0, False), (CUDA, 1, False)])
def test_another_number_of_threads_than_before_is_warned_of_on_a_cpu(
    tmp_path: Path, device: torch.device, more: int, warned: bool
) -> None:
    now = torch.get_num_threads()
    warnings = logged(tmp_path, device, before=now + more).warned
    assert len(warnings) == warned
    assert all(f"{now + more} threads" in text and f"OMP_NUM_THREADS={now + more}" in text for text in warnings)


def test_a_run_that_does_not_say_its_threads_is_not_warned_of(tmp_path: Path) -> None:
    assert logged(tmp_path, CPU, before=None).warned == []


def test_other_versions_than_a_run_was_started_with_are_warned_of(tmp_path: Path) -> None:
    then, listener = environment([]), Listener()
    (tmp_path / "environment.json").write_text(json.dumps(then))
    warn_of_versions(Run(tmp_path), listener)
    assert listener.warned == []
    old = then | {"luthier": "0.0.1", "versions": {**then["versions"], "torch": "1.0"}}
    (tmp_path / "environment.json").write_text(json.dumps(old))
    warn_of_versions(Run(tmp_path), listener)
    (warning,) = listener.warned
    assert f"started with luthier 0.0.1 (now {then['luthier']}), torch 1.0 (now {torch.__version__});" in warning


@pytest.mark.parametrize("recorded", [None, {}, {"versions": {}}])
def test_a_run_that_does_not_say_its_versions_is_not_warned_of(tmp_path: Path, recorded: object) -> None:
    if recorded is not None:
        (tmp_path / "environment.json").write_text(json.dumps(recorded))
    warn_of_versions(Run(tmp_path), listener := Listener())
    assert listener.warned == []


def test_the_peak_is_in_bytes_on_a_cpu() -> None:
    now = psutil.Process().memory_info().rss
    assert now / 2 < peak_memory(CPU) <= psutil.virtual_memory().total
    held = torch.ones(50_000_000 // 4)
    assert peak_memory(CPU) >= held.nbytes


def test_the_peak_of_another_device_is_what_its_allocator_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda device: 7 if device == CUDA else 0)
    monkeypatch.setattr(torch.mps, "driver_allocated_memory", lambda: 11)
    assert (peak_memory(CUDA), peak_memory(torch.device("mps"))) == (7, 11)
