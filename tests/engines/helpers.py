"""What the engines' tests share: data of every shape, a training set up in a moment, a record of its steps."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from luthier.console import Console
from luthier.engines import engine_named
from luthier.engines.base import Step, Training
from luthier.engines.optimizers.builtin import BUILT_IN
from luthier.pipeline.preparation.prepare import Prepared, prepare
from luthier.pipeline.recipes import build_recipe
from luthier.pipeline.training.assemble import assemble
from luthier.recipe import Recipe
from tests.conftest import PLAIN, review, write_csv

ENGINES = ("loop", "trainer")
OPTIMIZERS = tuple(kind.name for kind in BUILT_IN if kind.runs_on(torch.device("cpu")))
SHAPES = ("single/one", "pair/one", "single/several", "pair/number")
COLUMNS: dict[str, dict[str, Any]] = {
    "single/one": {"text": "text", "label": "label"},
    "pair/one": {"text": "text", "text_pair": "other", "label": "label"},
    "single/several": {"text": "text", "labels": ["warm", "long", "odd"]},
    "pair/number": {"text": "text", "text_pair": "other", "label": "score"},
}


def rows(n: int) -> list[dict[str, object]]:
    """Rows of 5 to 25 words that serve every shape."""
    found: list[dict[str, object]] = []
    for i in range(n):
        label = ("good", "bad")[i % 2]
        text = review(label, i)
        flags = {"warm": i % 2, "long": int(len(text.split()) > 14), "odd": int(i % 3 == 0)}
        found.append(
            {"text": text, "other": review(label, 1000 + i), "label": label, "score": f"{i % 11 / 2.5:.2f}", **flags}
        )
    return found


def prepared_data(directory: Path, model: Path, shape: str = "single/one", n: int = 83, **more: Any) -> Prepared:
    """Data ready for training: by default every row trains, and an epoch of batches of 16 ends with one of 3."""
    data = write_csv(directory / f"{shape.replace('/', '-')}.csv", rows(n))
    overrides = {
        **PLAIN,
        "data.shape": shape,
        "data.validation_share": 0.0,
        "data.test_share": 0.0,
        "model.name": str(model),
        "model.dropout": 0.0,
        "training.precision": "fp32",
        **{f"data.columns.{role}": column for role, column in COLUMNS[shape].items()},
        **more,
    }
    return prepare(build_recipe(data, overrides, directory, Console()), Console())


def with_settings(prepared: Prepared, **settings: Any) -> Prepared:
    """The same data under another recipe; keys are dotted, with `__` for the dot."""
    recipe: Recipe = prepared.recipe.model_copy(deep=True)
    for key, value in settings.items():
        section, _, name = key.rpartition("__")
        setattr(getattr(recipe, section) if section else recipe, name, value)
    task = prepared.task
    if "training__class_weights" in settings:  # fit turns them into the loss
        task = replace(task, learned=task.kind.fit(task, prepared.splits["train"], recipe))
    return replace(prepared, recipe=recipe, task=task)


@dataclass
class Trace:
    """The numbers of each step, and the weights after the last."""

    losses: list[float] = field(default_factory=list)
    norms: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)
    weights: dict[str, Tensor] = field(default_factory=dict)


def weights(model: torch.nn.Module) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}


def run_steps(
    prepared: Prepared, change: Callable[[Training], None] = lambda training: None, **settings: Any
) -> tuple[Trace, Training]:
    """Train and record every step. `change` may bend the training before it starts."""
    prepared = with_settings(prepared, **settings)
    training, trace = assemble(prepared), Trace()
    change(training)

    def on_step(step: Step) -> bool:
        trace.losses.append(float(step.loss))
        trace.norms.append(float(step.grad_norm))
        trace.rates.append(step.learning_rate)
        return False

    engine_named(prepared.recipe.training.engine)(training, on_step)
    trace.weights = weights(training.model)
    return trace, training


def loss_gap(one: Trace, other: Trace) -> float:
    """The largest relative difference of a step's loss; infinite where the steps differ in number or are not finite."""
    if len(one.losses) != len(other.losses) or not one.losses:
        return float("inf")
    gaps = torch.tensor([abs(a - b) / abs(a) for a, b in zip(one.losses, other.losses, strict=True)])
    return float(torch.nan_to_num(gaps, nan=float("inf")).max())


def weight_gap(one: Trace, other: Trace) -> float:
    """The largest difference of any weight after the last step."""
    assert one.weights.keys() == other.weights.keys() and one.weights
    gaps = torch.stack([(one.weights[name] - other.weights[name]).abs().max() for name in one.weights])
    return float(torch.nan_to_num(gaps, nan=float("inf")).max())


def same_weights(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    """Whether two sets of weights are equal bit for bit."""
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)
