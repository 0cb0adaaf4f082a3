"""What an optimizer of the registry is: the class that a library keeps, its arguments, and what suits it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch.optim import Optimizer

from luthier.recipe import TrainingRecipe

MATRICES = "matrices"  # the key of a group's flag: weight matrices between the embeddings and the head


@dataclass(frozen=True)
class OptimizerKind:
    """An optimizer that a recipe can name; another package adds one with the entry point group `luthier.optimizers`.

    Args:
        name: Its name in the recipe.
        about: What it is, with its source, in a line.
        load: Imports and returns the class. It takes parameter groups and `lr`.
        arguments: Keyword arguments of the class that follow from the recipe, such as `betas`.
        takes: Arguments that `training.optimizer_kwargs` can set.
        defaults: Recipe keys that suit it better than the usual defaults.
        schedules: The schedules that it works with; empty for all.
        package: The package of its library, if the base does not bring it, as pip takes it.
        extra: The extra of Luthier that brings this package.
        devices: Types of devices that it runs on; empty for all.
        guarded: Whether its `step` makes no update while `found_inf` is set, as fused optimizers of torch do.
        matrices_apart: Whether the weight matrices between the embeddings and the head need groups of their own, marked
            with the key `MATRICES`.

    Example:
        A plug-in is one file, `lamb.py`, and the entry point `lamb = "package.lamb:LAMB"`:

        >>> from torch_optimizer import Lamb
        >>> LAMB = OptimizerKind("lamb", "LAMB (You et al. 2020)", lambda: Lamb, takes=("clamp_value",))
    """

    name: str
    about: str
    load: Callable[[], type[Optimizer]]
    arguments: Callable[[TrainingRecipe], Mapping[str, Any]] = lambda recipe: {}
    takes: tuple[str, ...] = ()
    defaults: Mapping[str, Any] = field(default_factory=dict)
    schedules: tuple[str, ...] = ()
    package: str = ""
    extra: str = ""
    devices: tuple[str, ...] = ()
    guarded: bool = False
    matrices_apart: bool = False

    def runs_on(self, device: torch.device) -> bool:
        return not self.devices or device.type in self.devices
