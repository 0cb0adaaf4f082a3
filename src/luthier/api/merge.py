"""`merge`: an adapter into the weights of its base model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel

from luthier.errors import DamagedError, ModelError, UsageError
from luthier.models.adapters.load import BASE, is_adapter, load_any
from luthier.models.export import read_task_card, save_model
from luthier.models.sources import locate
from luthier.pipeline.inference.predictor import Predictor, load
from luthier.reporting.card import merged_card
from luthier.run_directory.predictions import read_predictions
from luthier.run_directory.run import RECIPE, Run, as_path

CHECKED = 16  # rows whose texts are compared
TOLERANCE = 1e-4  # relative to the largest output
TOLERANCE_OF_FOUR_BITS = 2e-2  # products with weights in 4 bits are computed in bfloat16


@dataclass(frozen=True)
class Merged:
    """A model that an adapter was merged into.

    Args:
        directory: Where it was written.
        texts: How many texts the outputs of both were compared on.
        difference: Their largest difference, relative to the largest output.
    """

    directory: Path
    texts: int
    difference: float

    def to_dict(self) -> dict[str, Any]:
        """What `merge --json` prints."""
        return {"model": str(self.directory), "texts": self.texts, "difference": self.difference}


def merge(target: str | PathLike[str], output: Path | str | None = None, *, base_model: str | None = None) -> Merged:
    """Merge an adapter into the weights of its base model, and write the whole model, which needs neither.

    Before it is written, its outputs are compared with those of the adapter on the base model.

    Args:
        target: A run with an adapter, or the directory of an adapter.
        output: Directory to write; by default `merged` in the run, or beside the adapter.
        base_model: The base model, if it is no longer where it was in training.
    Returns:
        Where the whole model is, and how near its outputs are.
    Raises:
        ModelError: It is no adapter, or its base model is missing or another one.
        DamagedError: The outputs differ, or a file is damaged.
        UsageError: The output directory exists.

    Example:
        >>> luthier.merge("runs/first").directory
    """
    name = str(as_path(target, "target"))
    if not is_adapter(name):
        raise ModelError("the model is not an adapter: there is nothing to merge", where=name, hint="use it as it is")
    predictor = load(name, base_model=base_model, device="cpu")
    source = Path(locate(name))
    directory = as_path(output, "output") if output is not None else source.with_name("merged")
    if directory.exists():
        hint = "choose another directory with --output, or remove it"
        raise UsageError("the output directory exists already", where=str(directory), hint=hint)
    task = predictor.task
    wanted = task.model_config()
    merged = load_any(task.kind.auto_class, name, base=base_model, merge=True, config=wanted, verified=True)
    task.configure(merged.eval())
    texts = _texts(predictor, Path(name))
    difference = _difference(predictor, merged, texts)
    recorded = read_task_card(source) or {}
    most = TOLERANCE_OF_FOUR_BITS if recorded[BASE]["four_bit"] else TOLERANCE
    if not difference <= most:
        what = f"the merged model's outputs differ from the adapter's by {difference:.2g}, more than {most:g}"
        raise DamagedError(what, where=str(source), hint="use the adapter as it is; nothing was written")
    card = {key: value for key, value in recorded.items() if key != BASE}
    readme = source / "README.md"
    words = merged_card(readme.read_text(encoding="utf-8"), task.kind.transformers_code(task, "."))
    save_model(directory, merged, predictor.tokenizer, card, words)
    return Merged(directory, len(texts), difference)


def _difference(predictor: Predictor, merged: PreTrainedModel, texts: Sequence[str]) -> float:
    """The largest difference of the outputs for some texts, relative to the largest output."""
    found = 0.0
    for text in texts:
        inputs = predictor.tokenizer(
            text, return_tensors="pt", truncation=True, max_length=predictor.task.set_limits.length
        )
        if merged.config.is_encoder_decoder:
            inputs["decoder_input_ids"] = inputs["input_ids"]
        inputs.pop("token_type_ids", None)
        with torch.inference_mode():
            one, other = (_numbers(model(**inputs)) for model in (predictor.model, merged))
        found = max(found, float((one - other).abs().max() / one.abs().max().clamp(min=1e-12)))
    return found


def _numbers(outputs: Mapping[str, Any]) -> Tensor:
    """Every logit of a model's outputs."""
    return torch.cat([value.float().flatten() for name, value in outputs.items() if name.endswith("logits")])


def _texts(predictor: Predictor, target: Path) -> list[str]:
    """Texts to compare outputs on: the longest that a run was scored on, and a sample input."""
    columns = (read_predictions(Run(target).predictions_file) or {}) if (target / RECIPE).is_file() else {}
    texts = {text for column in columns.values() for text in column if isinstance(text, str) and text}
    texts |= {str(text) for text in predictor.task.kind.trial(predictor.task).values()}
    return sorted(texts, key=len)[-CHECKED:]
