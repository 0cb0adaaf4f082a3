"""Models in GGUF files, converted once to plain model directories, which then load in a second."""

import copy
import hashlib
import io
import os
from collections.abc import Sequence
from contextlib import redirect_stderr
from functools import cache
from pathlib import Path

import torch
from huggingface_hub import constants
from tokenizers import pre_tokenizers
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

from luthier.console import Console
from luthier.errors import DamagedError, ModelError, ResourceError
from luthier.models.quiet import quiet
from luthier.storage.atomic import remove_directory, sweep, write_directory
from luthier.storage.checksums import verify
from luthier.storage.disk import join, make_directory, remove
from luthier.storage.lock import lock_of

VERSION = 1  # of the converted files; a new version converts again
PLACE = "LUTHIER_CACHE"  # environment variable
QUICK = 150_000_000  # files with fewer bytes are converted in less than a minute


def cache_directory() -> Path:
    """The directory of converted models: in `$LUTHIER_CACHE`, or else beside the cache of the Hub library."""
    return Path(os.environ.get(PLACE) or Path(constants.HF_HOME) / "luthier").expanduser() / "models"


def converted(
    name: str, parts: Sequence[Path], *, sha256: str = "", digits: bool = False, console: Console | None = None
) -> Path:
    """The directory of a model converted from a GGUF file; the first call converts it.

    Args:
        name: Name of the directory, such as `smollm2`.
        parts: The file, or its parts in order.
        sha256: Expected SHA-256 of the whole file; empty for any.
        digits: Whether the tokenizer splits numbers into digits. GGUF states this in a field that transformers ignores.
        console: Receives a message before a conversion.
    Raises:
        DamagedError: The file does not match its checksum.
        ModelError: The library that reads GGUF is missing.
        ResourceError: The cache cannot be written.
    """
    found = _digest(tuple(parts), tuple(part.stat().st_mtime_ns for part in parts))
    if sha256 and found != sha256:
        raise DamagedError("the GGUF file is damaged", where=str(parts[0]), hint="install its package again")
    place = cache_directory()
    target = place / f"{name}-{hashlib.sha256(f'{found} {digits} {VERSION}'.encode()).hexdigest()[:16]}"
    try:
        if _is_whole(target):
            return target
        make_directory(place)
        with lock_of(place):
            if not _is_whole(target):  # another process may have converted it in the meantime
                _convert(name, parts, digits, target, console or Console())
    except (OSError, ResourceError) as error:
        what = error.what if isinstance(error, ResourceError) else f"cannot write: {error.strerror or error}"
        hint = f"free some disk space, or set the environment variable {PLACE} to another directory"
        raise ResourceError(f"{name} cannot be converted: {what}", where=str(place), hint=hint) from None
    return target


def _convert(name: str, parts: Sequence[Path], digits: bool, target: Path, console: Console) -> None:
    size = sum(part.stat().st_size for part in parts)
    console.say(f"converting {name} from GGUF, once: {'less than a minute' if size < QUICK else 'some minutes'}")
    sweep(target.parent)
    if target.exists():
        remove_directory(target)  # it is damaged

    def fill(aside: Path) -> None:
        whole = aside / "whole.gguf"
        join(parts, whole)
        model, tokenizer = _read(whole, digits)
        remove(whole)
        with quiet():
            model.save_pretrained(aside)
            tokenizer.save_pretrained(aside)

    write_directory(target, fill)


def _read(file: Path, digits: bool) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Read a GGUF file as a plain model in float32, and its tokenizer."""
    try:
        with quiet(), redirect_stderr(io.StringIO()):  # its progress bars cannot be turned off
            tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name)
            quantized: PreTrainedModel = AutoModelForCausalLM.from_pretrained(
                file.parent, gguf_file=file.name, dtype=torch.float32
            )
    except ImportError as error:
        raise ModelError(f"GGUF cannot be read here: {error}", where=str(file), hint="pip install gguf") from None
    # transformers treats the loaded model as quantized and cannot save it, so its weights are moved to a plain model.
    config = copy.deepcopy(quantized.config)
    for trace in ("quantization_config", "_model_name_or_path"):
        if hasattr(config, trace):
            delattr(config, trace)
    with torch.device("meta"):
        model: PreTrainedModel = AutoModelForCausalLM.from_config(config)
    model.load_state_dict(quantized.state_dict(), assign=True)
    model.tie_weights()
    model.generation_config = quantized.generation_config
    backend = tokenizer.backend_tokenizer
    if digits:
        backend.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(True), backend.pre_tokenizer])
    tokenizer.model_max_length = config.max_position_embeddings
    return model, tokenizer


def _is_whole(directory: Path) -> bool:
    if not directory.is_dir():
        return False
    try:
        _verify_once(directory)
    except DamagedError:
        return False
    return True


@cache
def _verify_once(directory: Path) -> None:
    verify(directory)  # errors are not cached


@cache
def _digest(parts: tuple[Path, ...], times: tuple[int, ...]) -> str:
    """SHA-256 of the concatenated parts; computed again if one was modified."""
    found = hashlib.sha256()
    for part in parts:
        with part.open("rb") as file:
            while block := file.read(1 << 20):
                found.update(block)
    return found.hexdigest()
