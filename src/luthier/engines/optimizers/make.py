"""Make the recipe's optimizer."""

from collections.abc import Callable
from shlex import quote

import torch
from torch import nn
from torch.optim import Optimizer

from luthier.engines.averages import averages
from luthier.engines.optimizers.groups import Group, groups_of
from luthier.engines.optimizers.guarded import guarded
from luthier.engines.optimizers.kinds import MATRICES
from luthier.engines.optimizers.registry import find_optimizer
from luthier.errors import RecipeError, nearest
from luthier.models.quiet import quiet
from luthier.recipe import TrainingRecipe


def groups_to_train(model: nn.Module, recipe: TrainingRecipe) -> list[Group]:
    """The parameter groups of the recipe's optimizer.

    Raises:
        RecipeError: There is no such optimizer, or a pattern matches no trainable parameter.
    """
    return groups_of(model, recipe, matrices_apart=find_optimizer(recipe.optimizer).matrices_apart)


def make_optimizer(model: nn.Module, recipe: TrainingRecipe, device: torch.device) -> Optimizer:
    """The recipe's optimizer over the trainable parameters of a model, which is trained on the device.

    Raises:
        RecipeError: There is no such optimizer, it does not run here, or it does not take an argument.
    """
    kind = find_optimizer(recipe.optimizer)
    where = f"training.optimizer = {kind.name}"
    if not kind.runs_on(device):
        hint = f"--set optimizer={kind.name.removeprefix('paged_')}" if kind.name.startswith("paged_") else ""
        raise RecipeError(f"{kind.name} needs {' or '.join(kind.devices)}, not {device.type}", where=where, hint=hint)
    unknown = next((name for name in recipe.optimizer_kwargs if name not in kind.takes), None)
    if unknown is not None:
        hint = nearest(unknown, kind.takes) if kind.takes else "remove it"
        raise RecipeError(f"{kind.name} takes no argument {unknown!r}", where="training.optimizer_kwargs", hint=hint)
    try:
        with quiet():
            make: Callable[..., Optimizer] = kind.load() if kind.guarded else guarded(kind.load())
    except ImportError as error:
        what = f"{kind.name} is not installed: {error}"
        hint = f"pip install {quote(kind.package)}" if kind.package else ""
        hint += f" (the extra {kind.extra} brings it)" if kind.extra else ""
        raise RecipeError(what, where=where, hint=hint) from None
    groups = [
        {
            "params": list(group.parameters.values()),
            "lr": group.learning_rate,
            "weight_decay": group.weight_decay,
            "name": group.name,
            **({MATRICES: group.matrices} if kind.matrices_apart else {}),
        }
        for group in groups_to_train(model, recipe)
    ]
    arguments = {**kind.arguments(recipe), **recipe.optimizer_kwargs}
    try:
        optimizer = make(groups, lr=recipe.learning_rate, **arguments)
    except (TypeError, ValueError) as error:
        raise RecipeError(f"{kind.name} cannot be made: {error}", where="training.optimizer_kwargs") from None
    if averages(optimizer):
        optimizer.train()  # type: ignore[attr-defined]
    return optimizer
