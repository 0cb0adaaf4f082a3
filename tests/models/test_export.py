"""Model directories: loadable by plain transformers, with a task card, written atomically."""

import json
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForMaskedLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

from luthier.errors import DamagedError, ResourceError
from luthier.models.export import TASK_CARD, read_task_card, save_model
from luthier.storage import disk
from luthier.storage.checksums import MANIFEST, verify

CARD = {"task": "text-classification", "max_length": 24, "learned": {"names": ["größer", "<b>"]}}


@pytest.fixture
def parts(tiny_model: Path) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    return AutoModelForMaskedLM.from_pretrained(tiny_model), AutoTokenizer.from_pretrained(tiny_model)


def test_plain_transformers_loads_a_saved_model(
    parts: tuple[PreTrainedModel, PreTrainedTokenizerBase], tmp_path: Path
) -> None:
    model, tokenizer = parts
    save_model(tmp_path / "model", model, tokenizer, CARD, "# A model\n")
    read = AutoModelForMaskedLM.from_pretrained(tmp_path / "model")
    assert all(torch.equal(a, b) for a, b in zip(model.state_dict().values(), read.state_dict().values(), strict=True))
    again = AutoTokenizer.from_pretrained(tmp_path / "model")
    assert again.model_max_length == 24, "the length used in training"
    assert again("a lovely film") == tokenizer("a lovely film")
    assert (tmp_path / "model" / "README.md").read_text() == "# A model\n"
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_the_task_card_is_read_back_unchanged(
    parts: tuple[PreTrainedModel, PreTrainedTokenizerBase], tmp_path: Path
) -> None:
    save_model(tmp_path / "model", *parts, CARD, "")
    assert read_task_card(tmp_path / "model") == CARD
    assert "größer" in (tmp_path / "model" / TASK_CARD).read_text(encoding="utf-8"), "readable without escapes"


def test_every_file_is_in_the_manifest(parts: tuple[PreTrainedModel, PreTrainedTokenizerBase], tmp_path: Path) -> None:
    save_model(tmp_path / "model", *parts, CARD, "")
    files = {path.name for path in (tmp_path / "model").iterdir()}
    assert files == {*json.loads((tmp_path / "model" / MANIFEST).read_text()), MANIFEST}
    assert files >= {"config.json", "model.safetensors", "tokenizer.json", TASK_CARD, "README.md"}
    verify(tmp_path / "model")
    (tmp_path / "model" / TASK_CARD).write_text("{}")
    with pytest.raises(DamagedError):
        verify(tmp_path / "model")


def test_a_failed_save_keeps_the_previous_model(
    parts: tuple[PreTrainedModel, PreTrainedTokenizerBase], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_model(tmp_path / "model", *parts, CARD, "first")

    def full(operation: str, path: Path) -> None:
        if path.name == "README.md":
            raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(disk, "before_change", full)
        with pytest.raises(ResourceError, match="No space left"):
            save_model(tmp_path / "model", *parts, CARD, "second")
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    assert (tmp_path / "model" / "README.md").read_text() == "first"
    verify(tmp_path / "model")
    save_model(tmp_path / "model", *parts, CARD, "second")
    assert (tmp_path / "model" / "README.md").read_text() == "second"


def test_saving_prints_nothing(
    parts: tuple[PreTrainedModel, PreTrainedTokenizerBase], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    save_model(tmp_path / "model", *parts, CARD, "")
    assert capfd.readouterr() == ("", "")


def test_a_third_party_model_has_no_task_card(tiny_model: Path) -> None:
    assert read_task_card(tiny_model) is None


@pytest.mark.parametrize("content", [b"", b'{"task": "chat"', b"\xff\xfe{}", b"[]", b"1"])
def test_the_error_for_a_damaged_card_names_the_file(content: bytes, tmp_path: Path) -> None:
    (tmp_path / TASK_CARD).write_bytes(content)
    with pytest.raises(DamagedError) as caught:
        read_task_card(tmp_path)
    assert caught.value.where == str(tmp_path / TASK_CARD)
