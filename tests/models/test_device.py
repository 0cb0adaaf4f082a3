"""The device: which one is taken, what is refused, and that a run keeps to it."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

import luthier
from luthier import processes
from luthier.console import Console
from luthier.engines.checkpoints import FINGERPRINT, Checkpoint, check_fingerprint
from luthier.errors import FingerprintError, UsageError
from luthier.models.device import available, choose_device, gpus, make_current
from luthier.pipeline.training import assemble as assembling
from luthier.pipeline.training.assemble import decide_precision, fingerprint
from luthier.recipe import Recipe
from luthier.storage.atomic import write_json
from tests.conftest import review_rows, write_csv
from tests.engines.helpers import prepared_data

Machine = Callable[..., None]


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A machine with so many GPUs of each kind."""
    monkeypatch.delenv("ACCELERATE_USE_CPU", raising=False)

    def have(*, cuda: int = 0, mps: bool = False, xpu: int = 0) -> None:
        for module, count in ((torch.cuda, cuda), (torch.xpu, xpu)):
            monkeypatch.setattr(module, "is_available", lambda count=count: count > 0)
            monkeypatch.setattr(module, "device_count", lambda count=count: count)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)

    have()
    return have


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """This process is one of two, and Accelerate gave it a device."""

    def on(name: str) -> None:
        monkeypatch.setenv("WORLD_SIZE", "2")
        monkeypatch.setattr(processes, "device", lambda: torch.device(name))

    return on


@pytest.mark.parametrize(
    ("has", "taken"),
    [
        ({}, "cpu"),
        ({"xpu": 1}, "xpu"),
        ({"mps": True}, "mps"),
        ({"cuda": 2}, "cuda"),
        ({"mps": True, "xpu": 1}, "mps"),
        ({"cuda": 1, "mps": True, "xpu": 1}, "cuda"),
    ],
)
def test_auto_takes_a_gpu_where_there_is_one(machine: Machine, has: dict[str, int], taken: str) -> None:
    machine(**has)
    assert choose_device() == choose_device("auto") == torch.device(taken)


@pytest.mark.parametrize("asked", ["cpu", "cuda", "cuda:1", "xpu", "xpu:0", "mps"])
def test_what_is_asked_for_is_taken(machine: Machine, asked: str) -> None:
    machine(cuda=2, mps=True, xpu=1)
    assert choose_device(asked) == torch.device(asked)


@pytest.mark.parametrize("asked", ["cuda:2", "mps", "xpu", "gpu", "CUDA", ""])
def test_what_is_not_there_is_refused_with_what_is(machine: Machine, asked: str) -> None:
    machine(cuda=2)
    with pytest.raises(UsageError, match=f"no device '{asked}' on this machine") as caught:
        choose_device(asked)
    assert (caught.value.where, caught.value.hint) == ("device", "available: cuda:0, cuda:1, cpu")


def test_accelerate_may_be_told_to_leave_the_gpus_alone(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine(cuda=1)
    monkeypatch.setenv("ACCELERATE_USE_CPU", "true")
    assert choose_device() == torch.device("cpu") and available() == [torch.device("cpu")]
    with pytest.raises(UsageError, match="no device 'cuda'"):
        choose_device("cuda")


def test_of_several_processes_each_keeps_its_own(machine: Machine, launched: Callable[[str], None]) -> None:
    machine(cuda=2)
    launched("cuda:1")
    assert choose_device() == choose_device("cuda") == torch.device("cuda:1")
    for asked in ("cpu", "cuda:0", "cuda:1"):
        with pytest.raises(UsageError, match=f"assigned the device cuda:1 to this process, not {asked}") as caught:
            choose_device(asked)
        assert "ACCELERATE_USE_CPU" in caught.value.hint


def test_a_device_with_a_number_becomes_the_current_one(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    monkeypatch.setattr(torch.cuda, "set_device", seen.append)
    for name in ("cpu", "cuda", "mps", "cuda:1"):
        make_current(torch.device(name))
    assert seen == [1]


def test_gpus_have_a_name_and_memory(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    class Card:
        name, total_memory = "A card", 80

    assert list(gpus()) == []
    machine(cuda=2, mps=True)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda found: Card)
    monkeypatch.setattr(torch.mps, "recommended_max_memory", lambda: 16)
    found = [(str(place), name, memory) for place, name, memory in gpus()]
    assert found == [("cuda:0", "A card", 80), ("cuda:1", "A card", 80), ("mps", "Apple GPU", 16)]


# -- where it is used ------------------------------------------------------------------------------------------------


def test_a_device_that_is_not_there_is_refused_before_the_data_is_read(machine: Machine, tmp_path: Path) -> None:
    def refused(call: Callable[[], object]) -> None:
        with pytest.raises(UsageError, match="no device 'cuda' on this machine"):
            call()

    refused(lambda: luthier.train("none.csv", device="cuda", run_dir=tmp_path / "run"))
    refused(lambda: luthier.load("none", device="cuda"))
    refused(lambda: luthier.chat("none", device="cuda"))
    write_csv(tmp_path / "data.csv", review_rows(4))
    refused(lambda: luthier.predict_file("none", tmp_path / "data.csv", tmp_path / "out.jsonl", device="cuda"))
    refused(lambda: luthier.evaluate("none", tmp_path / "data.csv", device="cuda"))
    refused(lambda: next(luthier.predict("none", ["text"], device="cuda")))


def test_a_run_is_scored_again_on_its_own_device_or_another(
    machine: Machine, tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = write_csv(tmp_path / "data.csv", review_rows(40))
    settings = {"device": "cpu", "model.name": str(tiny_model), "training.max_steps": 1, "evaluation.resamples": 100}
    run = tmp_path / "run"
    luthier.train(data, run_dir=run, **settings)
    machine(cuda=1)  # which nothing may touch
    assert luthier.load(run, device="cpu").model.device.type == "cpu"
    assert luthier.evaluate(run).metrics
    with pytest.raises(UsageError, match="no device 'mps' on this machine"):
        luthier.evaluate(run, device="mps")
    assert luthier.evaluate(run, data, device="cpu").metrics


def test_a_resume_does_not_change_the_device_in_silence(
    tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared = prepared_data(tmp_path, tiny_model)
    model = assembling.fresh_model(prepared)
    before = fingerprint(prepared, model)
    assert prepared.recipe.device == "auto" and before["device"] == "cpu"
    prepared.recipe.device = "cpu"
    assert fingerprint(prepared, model) == before, "the same device by another name"
    monkeypatch.setattr(assembling, "choose_device", lambda asked: torch.device("cuda"))
    checkpoint = Checkpoint(tmp_path / "step-000001")
    checkpoint.path.mkdir()
    write_json(checkpoint.path / FINGERPRINT, before)
    with pytest.raises(FingerprintError, match="device: cpu -> cuda"):
        check_fingerprint(checkpoint, fingerprint(prepared, model))


def test_the_precision_is_measured_on_the_device(
    machine: Machine, tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared = prepared_data(tmp_path, tiny_model)
    seen: list[torch.device] = []
    monkeypatch.setattr(assembling, "choose", lambda place: (seen.append(place), ("fp32", "why"))[1])
    machine(xpu=1)
    prepared.recipe.training.precision = "auto"
    decide_precision(prepared, Console())
    prepared.recipe.device, prepared.recipe.training.precision = "cpu", "auto"
    decide_precision(prepared, Console())
    assert seen == [torch.device("xpu"), torch.device("cpu")]
    prepared.recipe.training.precision = "fp16"
    with pytest.raises(UsageError, match="fp16 needs a GPU"):
        decide_precision(prepared, Console())


def test_the_recipe_has_the_key() -> None:
    assert Recipe().flatten()["device"] == "auto"
    assert Recipe.build({"device": "cuda:1"}).device == "cuda:1"
    assert 'device = "auto"' in Recipe().to_toml()
