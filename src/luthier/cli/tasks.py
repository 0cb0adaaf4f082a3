"""`luthier tasks`: what a model can be tuned to do."""

from luthier.cli.options import Json, Quiet, Verbose
from luthier.cli.output import Output


def tasks(json: Json = False, quiet: Quiet = False, verbose: Verbose = False) -> int:
    """List the tasks."""
    out = Output(as_json=json, quiet=quiet, verbose=verbose)

    from luthier.tasks.base import registry

    found = [
        {"name": task.name, "family": task.family, "auto_class": task.auto_class, "about": task.about}
        for task in registry().values()
    ]
    if json:
        out.json({"tasks": found})
    else:
        out.table(["task", "family", "auto class", "about"], [list(task.values()) for task in found], whole=range(3))
    return 0
