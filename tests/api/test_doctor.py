"""What `luthier doctor` says about this machine."""

import json

import pytest
from huggingface_hub import constants

from luthier.api import doctor as module
from luthier.data.reading.formats.registry import Registered as Formats
from luthier.tasks.registry import Registered


def test_doctor_is_plain_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.tasks, "registered", lambda: Registered({}, {"x": "the task 'x' is broken"}))
    monkeypatch.setattr(module.formats, "registered", lambda: Formats((), {"yaml": "the format 'yaml' is broken"}))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    found = json.loads(json.dumps(module.doctor()))
    cpu = found["devices"][0]
    assert cpu["device"] == "cpu"
    assert cpu["precision"] in {"fp32", "bf16"}
    assert cpu["precisions"]["fp32"] > 0
    assert found["hub"]["offline"] is True
    assert 0 < found["disk"]["free_bytes"] <= found["disk"]["total_bytes"]
    assert "minilm" in found["models"]
    assert "torch" in found["versions"]
    assert not {"command", "task_package"} & found.keys()
    assert found["broken"] == ["the task 'x' is broken", "the format 'yaml' is broken"]


def test_a_hub_that_does_not_answer_is_not_called_offline(monkeypatch: pytest.MonkeyPatch) -> None:
    def silent() -> bool:
        constants.HF_HUB_OFFLINE = True  # as `reachable` does
        return False

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", "https://hub.example")
    monkeypatch.setattr(module, "reachable", silent)
    monkeypatch.setattr(module, "_devices", lambda processor: [])
    assert module.doctor()["hub"] == {"endpoint": "https://hub.example", "offline": False, "reachable": False}
