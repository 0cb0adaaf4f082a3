"""Adapters in model directories: the base model that each belongs to, loading and merging."""

import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import snapshot_download
from transformers import GenerationConfig, PreTrainedModel

from luthier.errors import DamagedError, ModelError, RecipeError
from luthier.models.adapters.quantized import check_four_bits, four_bits
from luthier.models.export import read_task_card
from luthier.models.loading import load_config, load_model, verify_model
from luthier.models.quiet import quiet
from luthier.models.sources import ADAPTER, locate
from luthier.recipe import ModelRecipe
from luthier.storage.checksums import digest

BASE = "base"  # key of the task card
WEIGHTS = "model*.safetensors"


@dataclass(frozen=True)
class Base:
    """The model that an adapter was trained on.

    Args:
        name: Short name, absolute directory or Hub name.
        digest: SHA-256 of its weights.
        four_bit: Whether it is held in 4 bits.
        vocabulary: Rows of its embeddings.
        grown_to: Rows of the embeddings with the adapter, which has those of new tokens.
    """

    name: str
    digest: str
    four_bit: bool
    vocabulary: int
    grown_to: int

    def to_dict(self) -> dict[str, Any]:
        """The entry of the task card."""
        return asdict(self)


def base_of(recipe: ModelRecipe, model: PreTrainedModel) -> Base | None:
    """The base model of a recipe with an adapter; None without an adapter.

    Args:
        recipe: Names the base model.
        model: The same with the adapter.
    """
    if recipe.adapter is None or recipe.name is None:
        return None
    directory = Path(recipe.name).expanduser()
    name = str(directory.absolute()) if directory.is_dir() else recipe.name
    rows, grown_to = (int(one.get_text_config().vocab_size) for one in (load_config(name), model.config))
    return Base(name, weights_digest(name), recipe.adapter.kind == "qlora", rows, grown_to)


def is_adapter(name: str) -> bool:
    """Whether a model is an adapter."""
    return (Path(locate(name)) / ADAPTER).is_file()


def load_any(
    auto_class: str,
    name: str,
    *,
    base: str | None = None,
    merge: bool = False,
    four_bit: bool = False,
    config: Mapping[str, Any] | None = None,
    dropout: float | None = None,
    verified: bool = False,
    finished: bool = False,
) -> PreTrainedModel:
    """Load a model as `load_model`, or the base model of an adapter with the adapter.

    Args:
        auto_class: As in `load_model`, like `config`, `dropout`, `verified` and `finished`.
        name: As in `load_model`; or the directory of an adapter.
        base: The base model, if it is no longer where it was; only for adapters.
        merge: Whether an adapter is merged into the weights of its base model.
        four_bit: Whether to hold a model that is not an adapter in 4 bits.
    Raises:
        ModelError: As `load_model`, or the base model is missing or another one.
        DamagedError: A file is damaged.
    """
    path = Path(locate(name))
    if not is_adapter(name):
        if base is not None:
            raise ModelError("the model is not an adapter, so it has no base model", where=name, hint="remove --model")
        quantization = four_bits(auto_class, load_config(name)) if four_bit else None
        return load_model(
            auto_class,
            name,
            config=config,
            dropout=dropout,
            verified=verified,
            finished=finished,
            quantization=quantization,
        )
    if not verified:
        verify_model(str(path))
    found = find_base(path, base)
    if found.four_bit:
        check_four_bits(torch.device("cpu"))
    settings = load_config(name)
    settings.get_text_config().vocab_size = found.vocabulary
    quantization = four_bits(auto_class, settings) if found.four_bit else None
    model = load_model(
        auto_class, found.name, config=config, dropout=dropout, settings=settings, quantization=quantization
    )
    if found.grown_to != found.vocabulary:
        model.resize_token_embeddings(found.grown_to, mean_resizing=False)  # the adapter has those of new tokens
    if merge and found.four_bit:
        model = model.dequantize()
    model = _attach(model, path, merge=merge)
    if model.can_generate():
        model.generation_config = GenerationConfig.from_pretrained(path)
    return model


def find_base(path: Path, moved_to: str | None = None) -> Base:
    """The base model of an adapter, where it is now.

    Args:
        path: Directory of the adapter.
        moved_to: The base model, if it is no longer where it was.
    Raises:
        ModelError: It is missing, or it is another model than the adapter was trained on.
    """
    try:
        base = Base(**(read_task_card(path) or {})[BASE])
    except (KeyError, TypeError):
        what = "the adapter does not say which base model it belongs to: luthier.json is missing or incomplete"
        hint = "merge it with the tool that made it, then pass the merged model"
        raise ModelError(what, where=str(path), hint=hint) from None
    name = moved_to or base.name
    try:
        now = weights_digest(name)
    except ModelError as error:
        what = f"the adapter's base model cannot be loaded: {error.what}"
        hint = "`--model BASE` says where it is now; in Python, base_model=" if moved_to is None else error.hint
        raise ModelError(what, where=name, hint=hint) from None
    if now != base.digest:
        what = f"{name} is not the base model that the adapter was trained on: its weights are different"
        hint = f"`--model BASE` (in Python, base_model=) says where that one is; SHA-256 of its weights: {base.digest}"
        raise ModelError(what, where=str(path), hint=hint)
    return replace(base, name=name)


def weights_digest(name: str) -> str:
    """SHA-256 over the SHA-256 of a model's safetensors files.

    Raises:
        ModelError: There is no such model, or it has no safetensors.
    """
    place = locate(name)
    if not Path(place).is_dir():
        load_config(name)  # raises if the Hub has no such model
        place = snapshot_download(place, allow_patterns=[WEIGHTS])
    files = sorted(Path(place).glob(WEIGHTS))
    if not files:
        raise ModelError(f"the model has no weights: no {WEIGHTS}", where=name)
    return sha256("".join(map(digest, files)).encode()).hexdigest()


def _attach(model: PreTrainedModel, path: Path, *, merge: bool) -> PreTrainedModel:
    """A base model with an adapter, in evaluation mode."""
    from peft import PeftModel

    try:
        # peft only warns of weights that an adapter lacks; transformers' own loading loses those of DoRA.
        with quiet(), warnings.catch_warnings():
            warnings.filterwarnings("error", message=".*missing adapter keys.*")
            warnings.filterwarnings("ignore", message=".*ignore_mismatched_sizes.*")
            # The base model is the one that it was trained on, so that only a head can have another size.
            adapted: Any = PeftModel.from_pretrained(
                model, str(path), torch_device="cpu", ignore_mismatched_sizes=merge
            )
    except (UserWarning, RuntimeError, KeyError, ValueError) as error:
        what = f"the adapter does not fit its base model: {str(error).splitlines()[0]}"
        raise DamagedError(what, where=str(path), hint="train again, or restore the adapter from a backup") from None
    # A whole model learns in full again, as if it had been loaded from a directory.
    whole: PreTrainedModel = adapted.merge_and_unload().requires_grad_(True) if merge else adapted.get_base_model()
    return whole


def refuse_nested(recipe: ModelRecipe) -> None:
    """Refuse an adapter on an adapter.

    Raises:
        RecipeError: The base model is an adapter itself.
    """
    if recipe.adapter is not None and recipe.name is not None and is_adapter(recipe.name):
        what = "the model is an adapter itself, and an adapter is trained on a whole model"
        hint = f"`luthier merge {recipe.name}` writes the whole model; pass that one with --model"
        raise RecipeError(what, where=f"model.name = {recipe.name}", hint=hint)
