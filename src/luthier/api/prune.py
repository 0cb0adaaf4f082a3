"""`prune`: remove the checkpoints of finished runs."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from luthier.errors import RunError
from luthier.run_directory.run import Run, as_paths
from luthier.text import typed


def prune(run_dirs: Sequence[Path | str]) -> list[dict[str, Any]]:
    """Remove the checkpoints of finished runs, which take most of their disk space. Models and reports are kept.

    Args:
        run_dirs: Finished runs.
    Returns:
        For each different run `run`, `freed_bytes` and `size_bytes`, the size that is left.
    Raises:
        RunError: One of them is not a run directory, is not complete, or another process is writing to it; nothing is
            removed.
        ResourceError: The checkpoints cannot be removed.

    Example:
        >>> luthier.prune([run["run"] for run in luthier.runs() if run["state"] == "done"])
    """
    found = {run.path.resolve(): run for run in map(Run.open, as_paths(run_dirs, "run_dirs"))}.values()
    with ExitStack() as locks:
        for run in found:
            locks.enter_context(run.lock())
            if not run.result_file.exists():
                what = "the run is not complete: it needs its checkpoints to be resumed"
                raise RunError(what, where=str(run.path), hint=f"`luthier resume {typed(run.path)}` finishes it")
        freed = [run.remove_checkpoints() for run in found]
    return [
        {"run": str(run.path), "freed_bytes": n_bytes, "size_bytes": run.size()}
        for run, n_bytes in zip(found, freed, strict=True)
    ]
