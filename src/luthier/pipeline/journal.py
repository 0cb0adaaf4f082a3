"""Start and resume runs: claim the run directory, keep the data, and check that it is unchanged."""

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import zip_longest
from pathlib import Path

from luthier.console import Console
from luthier.data.reading.sources import is_stream
from luthier.engines.checkpoints import list_checkpoints
from luthier.errors import FingerprintError, InterruptedRun, LuthierError, ResourceError, UsageError
from luthier.interrupts import Interrupted
from luthier.pipeline.preparation.prepare import Prepared
from luthier.run_directory.log import log_end
from luthier.run_directory.run import Run, as_path
from luthier.storage.atomic import move, write_text
from luthier.storage.disk import make_directory, remove_tree
from luthier.text import size, typed

STDIN = "stdin"  # name of the file for standard input or another stream


@contextmanager
def claimed(run_dir: Path | str) -> Iterator[Run]:
    """Claim and lock a new run directory; restore it if an error occurs before the run is set up."""
    path = as_path(run_dir, "run_dir")
    if not str(run_dir).strip():
        raise UsageError("a path is empty", where="--run-dir", hint="name a new directory")
    existed = path.exists()
    run = Run.create(path)
    with ExitStack() as held:
        try:
            held.enter_context(run.lock())
        except ResourceError:
            _restore(run, existed)
            raise
        Run.create(run.path)  # another process may have finished with it before the lock was ours
        remove_tree(run.data)  # of a start that was killed
        try:
            yield run
        except BaseException:
            _restore(run, existed)
            raise


def _restore(run: Run, existed: bool) -> None:
    """Undo a claim, unless the run has begun. The directory was empty before."""
    if not run.recipe_file.exists():
        remove_tree(run.path)
        if existed:
            make_directory(run.path)


@contextmanager
def blamed_on(run: Run) -> Iterator[None]:
    """Say how to resume a run that a signal stopped; note the run in other exceptions, whose traceback goes to its log.

    The log also says how the run ended.

    Raises:
        InterruptedRun: A signal stopped it, and it can be resumed.
    """
    try:
        yield
    except Interrupted as error:
        if not run.recipe_file.exists():
            raise
        saved = list_checkpoints(run.checkpoints)
        where = f"after step {saved[-1].step}" if saved else "from the beginning"
        hint = f"`luthier resume {typed(run.path)}` continues {where}"
        log_end(run.log_file, "stopped", f"by {error.signal.name}")
        raise InterruptedRun(f"stopped by {error.signal.name}", where=str(run.path), hint=hint) from None
    except Exception as error:
        error.add_note(f"run: {run.path}")
        why = error.what if isinstance(error, LuthierError) else f"{type(error).__name__}: {error}"
        log_end(run.log_file, "stopped" if isinstance(error, InterruptedRun) else "failed", why)
        raise


def keep_data(prepared: Prepared, spool: Path, run: Run) -> None:
    """Move streams and data given in memory into the run, so that the run can be resumed and repeated.

    Args:
        prepared: Its recipe and sources are updated to the new paths.
        spool: The folder that `build_recipe` and `prepare` wrote them to.
        run: The run, which keeps them in `data`.
    """
    moved = {path: (run.data / path.name).absolute() for path in sorted(spool.iterdir())}
    places = {str(path): str(kept) for path, kept in moved.items()}
    for source in [source for several in prepared.sources.values() for source in several]:
        if source.path is not None and source.path in moved:
            assert source.digest  # computed now and cached: it cannot be once the file has moved
            source.path = moved[source.path]
            places[source.name] = str(source.path)  # a stream
    for path, kept in moved.items():
        make_directory(kept.parent)
        move(path, kept)
    data = prepared.recipe.data
    for specs in (data.train, data.validation, data.test):
        specs[:] = [places.get(spec, spec) for spec in specs]


def write_skipped(prepared: Prepared, run: Run) -> None:
    lines = [json.dumps(skipped.to_dict(), ensure_ascii=False) for skipped in prepared.table.skipped]
    write_text(run.skipped_file, "".join(f"{line}\n" for line in lines))


def discard_checkpoints(run: Run, console: Console) -> None:
    """Remove what a complete run could be resumed from, unless its recipe keeps it."""
    if run.recipe.training.keep_checkpoints:
        return
    try:
        freed = run.remove_checkpoints()
    except ResourceError as error:
        console.warn(f"the checkpoints of the finished run could not be removed: {error.what} ({error.where})")
    else:
        if freed:
            console.say(f"checkpoints removed: {size(freed)} (--keep-checkpoints keeps them)")


def data_name(prepared: Prepared) -> str:
    """Name of the data in the name of a run: the file, or its folder if the file is called `train`."""
    return name_of_data(next(iter(prepared.sources.values()))[0].name)


def name_of_data(name: str) -> str:
    """The same for the name of a source, or of several."""
    first = Path() if is_stream(name) else Path(name)
    stem = re.split(r"\.| \[", first.name)[0]  # without the extension, or the split of a dataset
    return first.resolve().parent.name if stem in ("train", "data") else stem or first.resolve().name


def same_data(run: Run, prepared: Prepared) -> None:
    """Check that the sources are unchanged since the run began, even if there is no checkpoint yet."""
    before = (run.read_json(run.data_file) or {}).get("sources")
    if before is None:
        return
    for split, sources in prepared.sources.items():
        then = [source["sha256"] for source in before if source["split"] == split]
        for source, digest in zip_longest(sources, then):
            if source is None or source.digest != digest:
                raise FingerprintError(
                    "the data has changed since the run began",
                    where=source.name if source else f"the {split} data",
                    hint="restore the file, or start a new run with `luthier train`",
                )
