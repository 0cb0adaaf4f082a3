"""The registry of optimizers: Luthier's and those of other packages."""

from collections.abc import Mapping
from functools import cache
from importlib.metadata import EntryPoint

from luthier.engines.optimizers.builtin import BUILT_IN
from luthier.engines.optimizers.kinds import OptimizerKind
from luthier.errors import RecipeError, nearest
from luthier.plugins import Ignored, take_plugins

GROUP = "luthier.optimizers"


@cache
def registered() -> tuple[Mapping[str, OptimizerKind], Mapping[str, str]]:
    """Name to optimizer, and entry point to why it provides none. No plug-in can take the name of Luthier's own."""
    kinds = {kind.name: kind for kind in BUILT_IN}

    def take(entry: EntryPoint, package: str) -> None:
        kind = entry.load()
        if not isinstance(kind, OptimizerKind):
            raise TypeError(f"{entry.value} is not an OptimizerKind")
        if kind.name in kinds:
            raise Ignored(f"the name {kind.name!r} is taken")
        kinds[kind.name] = kind

    broken = take_plugins(GROUP, "optimizer", take)
    return kinds, broken


def find_optimizer(name: str) -> OptimizerKind:
    """Find an optimizer by name.

    Raises:
        RecipeError: There is none, or its package is broken.
    """
    kinds, broken = registered()
    if name in kinds:
        return kinds[name]
    where = "training.optimizer"
    if name in broken:
        raise RecipeError(broken[name], where=where, hint="fix the package, or uninstall it")
    raise RecipeError(f"no optimizer {name!r}", where=where, hint=nearest(name, kinds))
