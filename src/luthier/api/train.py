"""`train`: from a table of text to a model, an honest score and a report."""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from luthier import processes
from luthier.api.report import report
from luthier.console import Console
from luthier.engines.events import Events, Listener, Name
from luthier.pipeline.assemble import decide_precision
from luthier.pipeline.journal import blamed_on, claimed, data_name, keep_stdin, write_skipped
from luthier.pipeline.prepare import prepare, refuse_findings
from luthier.pipeline.recipes import build_recipe
from luthier.pipeline.training import Result, finish, take_part
from luthier.recipe import Recipe
from luthier.run_directory.environment import environment
from luthier.run_directory.log import Tee
from luthier.run_directory.run import Run, new_path
from luthier.storage.atomic import write_json, write_text


def train(
    data: Sequence[str] | str | Path,
    *,
    overrides: Mapping[str, Any] | None = None,
    run_dir: Path | str | None = None,
    console: Console | None = None,
    callbacks: Sequence[tuple[Name, Listener]] = (),
) -> Result:
    """Inspect, split, tokenize, train, evaluate and report.

    Args:
        data: Sources to learn from, or a recipe file.
        overrides: Dotted recipe key to value, such as `{"training.epochs": 1}`.
        run_dir: Where to write; a fresh directory below `runs` by default.
        console: Told what is decided and how it goes; silent by default.
        callbacks: Events to listen to, as (name, listener); of several processes, rank 0 alone calls them.
    Raises:
        LuthierError: See its subclasses; the run directory is left as far as it came.
    """
    events = Events()
    for name, listener in callbacks:
        events.on(name, listener)
    specs = [str(data)] if isinstance(data, str | Path) else [str(item) for item in data]
    recipe = build_recipe(specs, overrides or {})
    with processes.together():
        return _begin(recipe, run_dir, events, Tee(console or Console())) if processes.is_main() else take_part()


def _begin(recipe: Recipe, run_dir: Path | str | None, events: Events, console: Tee) -> Result:
    """A new run, from its data on."""
    with claimed(run_dir) as asked, tempfile.TemporaryDirectory() as spool:
        prepared = prepare(recipe, console, spool_to=Path(spool) / "stdin")
        refuse_findings(prepared)
        decide_precision(prepared, console)
        run = asked or Run.create(new_path(prepared.task.name, data_name(prepared)))
        with run.lock(), blamed_on(run):
            console.write_to(run.log_file)
            keep_stdin(prepared, Path(spool) / "stdin", run)
            write_json(run.environment_file, environment())
            write_json(run.data_file, prepared.to_dict())
            write_skipped(prepared, run)
            # The last of them: a run that has a recipe has everything that a resume does not write again.
            write_text(run.recipe_file, prepared.recipe.to_toml())
            processes.on_main(lambda: (run, prepared.recipe))
            result = finish(run, prepared, events, console)
            report(run.path)
            return result


def plan(data: Sequence[str], overrides: Mapping[str, Any], console: Console | None = None) -> Recipe:
    """The complete recipe that `train` would run, with everything decided. Nothing is written."""
    prepared = prepare(build_recipe(data, overrides), console or Console())
    decide_precision(prepared, console or Console())
    return prepared.recipe
