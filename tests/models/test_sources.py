"""Where a model comes from, and what a mistyped name may have meant."""

import shutil
from pathlib import Path

import pytest
import torch

from luthier.errors import ModelError
from luthier.models import sources
from luthier.models.sources import PACKAGED, default_model, locate, near, packaged_directory


def test_a_short_name_is_the_installed_package_or_the_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "packaged_directory", lambda name: "/models/minilm")
    assert locate("minilm") == "/models/minilm"
    monkeypatch.setattr(sources, "packaged_directory", lambda name: None)
    assert locate("minilm") == PACKAGED["minilm"].hub


def test_an_installed_package_is_found_by_its_files() -> None:
    found = packaged_directory("minilm")
    assert found is None or (Path(found) / "config.json").is_file()


def test_a_directory_is_itself_and_a_run_is_its_model(tiny_model: Path, tmp_path: Path) -> None:
    assert locate(str(tiny_model)) == str(tiny_model)
    shutil.copytree(tiny_model, tmp_path / "run" / "model")
    assert locate(str(tmp_path / "run")) == str(tmp_path / "run" / "model")


def test_a_name_that_may_be_one_of_the_hub_is_left_alone() -> None:
    assert locate("answerdotai/ModernBERT-base") == "answerdotai/ModernBERT-base"
    assert locate("bert-base-uncased") == "bert-base-uncased"


@pytest.mark.parametrize("name", ["./none", "../none", "/none/at/all", "~/none", "a/b/c", "model.safetensors", "x.bin"])
def test_what_can_only_be_a_path_has_to_exist(name: str) -> None:
    with pytest.raises(ModelError, match="no such model directory") as caught:
        locate(name)
    assert caught.value.where == name
    assert caught.value.hint


def test_a_file_and_a_directory_without_a_model_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"it has no config\.json"):
        locate(str(tmp_path))
    (tmp_path / "model.safetensors").touch()
    with pytest.raises(ModelError, match="this is a file"):
        locate(str(tmp_path / "model.safetensors"))


def test_a_near_miss_is_a_short_name_or_a_directory_beside(tmp_path: Path) -> None:
    (tmp_path / "tiny-bert").mkdir()
    assert near("minlm") == "did you mean 'minilm'?"
    assert near(str(tmp_path / "tiny-brt")) == f"did you mean '{tmp_path / 'tiny-bert'}'?"
    assert near("minilm") == near(str(tmp_path)) == near("nothing like it") == ""


def test_the_hint_for_a_path_lists_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "alpha").mkdir()
    with pytest.raises(ModelError) as caught:
        locate(str(tmp_path / "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz" / "q"))
    assert "short names: minilm" in caught.value.hint


def test_the_default_follows_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    name, why = default_model("encoder")
    assert name == "minilm" and "CPU" in why and "--model" in why
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    name, why = default_model("encoder")
    assert "ModernBERT" in name and "GPU" in why
    with pytest.raises(ModelError, match="no default model of the family decoder"):
        default_model("decoder")
