"""`luthier tasks`: the list of tasks."""

from luthier.cli.output import Output
from luthier.reporting.terminal.display import Grid


def tasks(out: Output) -> int:
    """List the tasks and their model families."""
    from luthier.tasks.registry import registered, registry

    found = [
        {
            "name": task.name,
            "family": task.family,
            "auto_class": task.auto_class,
            "about": task.about,
            "row": task.row,
            "metrics": list(task.metric_names),
        }
        for task in registry().values()
    ]
    for why in registered().broken.values():
        out.console.warn(why)
    rows = [[str(task[key]) for key in ("name", "family", "about")] for task in found]
    out.result({"tasks": found}, lambda _: [Grid(["task", "family", "description"], rows, whole=range(2))])
    return 0
