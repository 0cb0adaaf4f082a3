"""The registry of optimizers: Luthier's and those of other packages."""

from collections.abc import Mapping
from functools import cache
from importlib.metadata import entry_points

from luthier.engines.optimizers.builtin import BUILT_IN
from luthier.engines.optimizers.kinds import OptimizerKind
from luthier.errors import RecipeError, nearest
from luthier.text import shorten

GROUP = "luthier.optimizers"


@cache
def registered() -> tuple[Mapping[str, OptimizerKind], Mapping[str, str]]:
    """Name to optimizer, and entry point to why it provides none. No plug-in can take the name of Luthier's own."""
    kinds = {kind.name: kind for kind in BUILT_IN}
    broken: dict[str, str] = {}
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name):
        package = f"{entry.dist.name} {entry.dist.version}" if entry.dist else entry.value
        where = f"the optimizer {entry.name!r} of the package {package}"
        try:
            kind = entry.load()
            if not isinstance(kind, OptimizerKind):
                raise TypeError(f"{entry.value} is not an OptimizerKind")
        except (Exception, SystemExit) as error:  # importing a plug-in can raise anything
            broken[entry.name] = f"{where} cannot be used: {type(error).__name__}: {shorten(str(error))}"
            continue
        if kind.name in kinds:
            broken[entry.name] = f"{where} is ignored: the name {kind.name!r} is taken"
            continue
        kinds[kind.name] = kind
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
