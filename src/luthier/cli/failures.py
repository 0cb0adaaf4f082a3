"""Turns any exception into a message of at most six lines and an exit code."""

import errno
import re
import signal
import sys
import traceback
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path

from typer.exceptions import TyperException

from luthier import interrupts
from luthier.cli.unknown import instead_of
from luthier.errors import LuthierError, ResourceError, UsageError
from luthier.other_tools import place_of
from luthier.plugins import OURS
from luthier.storage.append import AppendFile
from luthier.storage.disk import write
from luthier.storage.temporary import temporary_file

MOST_LINES = 6
_KEY = re.compile(r"(data|model|training|fast|evaluation|generation|tracking)\.[\w.]+|device|seed|task")
_NO_TABLE = object()
BROKEN_PIPE = 141


class Interrupted(LuthierError):
    """Ctrl-C or SIGTERM before anything was saved."""

    def __init__(self, number: signal.Signals, command: str) -> None:
        what = "interrupted" if number == signal.SIGINT else f"interrupted by {number.name}"
        resumes = command in ("luthier train", "luthier resume")
        hint = "`luthier runs` lists the runs, `luthier resume RUN` resumes one" if resumes else "repeat the command"
        if command == "luthier watch":
            hint = "no run was stopped; repeat the command to keep watching"
        super().__init__(what, hint=hint)
        self.exit_code = 128 + number


class Bug(LuthierError):
    """An internal error: any exception that Luthier does not expect."""

    exit_code = 1


def as_luthier_error(error: BaseException, command: str, words: Sequence[str] = ()) -> LuthierError:
    """Convert any exception to the error that is printed, for a command (`luthier train`) and its words."""
    if isinstance(error, LuthierError):
        # Functions name the argument that was given; the command has an option for it.
        error.where = re.sub(
            r"^([\w.]+\.\w+|device|seed|task)=(?=,|$)", lambda key: _option(key[1], words), error.where
        )
        error.where = _origin(error.where, words) if _KEY.fullmatch(error.where) else error.where
        return error
    if isinstance(error, TyperException):
        return _usage(error, command, words)
    if isinstance(error, KeyboardInterrupt):
        sent = error.signal if isinstance(error, interrupts.Interrupted) else signal.SIGINT
        return Interrupted(sent, command)
    if _is_out_of_memory(error):
        return ResourceError(
            "out of memory",
            where=command,
            hint="increase gradient_accumulation_steps, reduce eval_batch_size, or use a smaller model",
        )
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return ResourceError(
            f"cannot write: {error.strerror}",
            where=str(error.filename or ""),
            hint="free some disk space and try again",
        )
    if (number := interrupts.caught()) is not None:
        return Interrupted(number, command)  # raised while a library was imported, which made another error of it
    return _bug(error)


def _origin(key: str, words: Sequence[str]) -> str:
    """Where the command line sets a recipe key: its option, or the recipe file that holds it; else the key itself."""
    option, options = _option(key, words), {word.partition("=")[0] for word in words if word.startswith("--")}
    files = [(word, _in_file(Path(word), key)) for word in words if word.endswith(".toml")]
    in_file = next((f"{file}, {key}" for file, found in files if found is not None), key)
    if any(found is _NO_TABLE for _, found in files):
        return in_file
    return option if option in options or _is_set(key, words) else in_file


def _option(key: str, words: Sequence[str]) -> str:
    """The option of a recipe key: `--lr`, or `--set learning_rate` if the command line has it so."""
    return f"--set {key.rpartition('.')[2]}" if _is_set(key, words) else place_of(key)


def _is_set(key: str, words: Sequence[str]) -> bool:
    """Whether the command line has `--set KEY=VALUE`, with or without the table of the key."""
    return bool({key, key.rpartition(".")[2]} & {word.partition("=")[0] for word in words if "=" in word})


def _in_file(path: Path, key: str) -> object:
    """The value of a key in a recipe file, `_NO_TABLE` if something else is in the place of its table, or None."""
    from luthier.recipe import read_toml

    with suppress(LuthierError):
        value: object = read_toml(path)
        for part in key.split("."):
            if not isinstance(value, dict):
                return None if value is None else _NO_TABLE
            value = value.get(part)
        return value
    return None


def lines(error: LuthierError) -> str:
    """Format an error for standard error, in at most six lines."""
    below = [
        f"{label}: {' '.join(words.split())}"
        for label, words in (("where", error.where), ("hint", error.hint))
        if words.strip()
    ]
    # Messages of libraries can be long; their first lines say most.
    what = [line for line in f"error: {error.what}".splitlines() if line.strip()][: MOST_LINES - len(below)]
    return "\n".join([*what, *below])


def _usage(error: TyperException, command: str, words: Sequence[str]) -> UsageError:
    message, _, near = error.message.partition(" Did you mean ")
    possible = getattr(error, "possibilities", None)
    hint = f"`{command} --help` shows the usage"
    if (option := getattr(error, "option_name", "")) and message.startswith("No such option"):
        context = getattr(error, "ctx", None)
        options = [name for param in context.command.params for name in param.opts] if context else []
        hint = instead_of(option, options, words) or hint
    elif near:
        hint = f"did you mean {near}"
    elif possible:
        hint = f"did you mean {' or '.join(sorted(possible))}?"
    else:
        message = error.format_message()
    about, wrong_value, _ = message.partition("Input should be ")
    if wrong_value:
        from luthier.recipe.tables import needed

        message = f"{about}must be {needed(message)}"
    message = message.rstrip(".")
    message = re.sub(r"Got unexpected extra argument\(s\) \((.+)\)", r"unexpected argument: \1", message)
    return UsageError(message[:1].lower() + message[1:], where=command, hint=hint)


def _is_out_of_memory(error: BaseException) -> bool:
    # Compare names and text: importing torch here would slow down every other error.
    names = {cls.__name__ for cls in type(error).__mro__}
    return bool(names & {"MemoryError", "OutOfMemoryError"}) or (
        isinstance(error, RuntimeError) and "can't allocate memory" in str(error)
    )


def _bug(error: BaseException) -> Bug:
    story = "".join(traceback.format_exception(error))
    place = _keep(story, error)
    short = f"{type(error).__name__}: {error}".splitlines()[0]
    if plug_in := _plug_in(error):
        what = f"{plug_in} failed: {short}"
        return Bug(what, where=place, hint="report it to the authors of that package, with this file")
    return Bug(f"internal error: {short}", where=place, hint="please report it, with this file")


def _plug_in(error: BaseException) -> str:
    """The task of another package whose code is in a traceback, and the last line of that code; empty if there is none.

    Only looks if tasks were loaded: no task can be at fault before.
    """
    if (registry := sys.modules.get("luthier.tasks.registry")) is None:
        return ""
    others = {_top(type(task).__module__): task for task in registry.registry().values() if task.package != OURS}
    for frame, line in reversed(list(traceback.walk_tb(error.__traceback__))):
        if (task := others.get(_top(frame.f_globals.get("__name__", "")))) is not None:
            place = f"{Path(frame.f_code.co_filename).name}, line {line}"
            return f"the task {task.name!r} of the package {task.package} ({place})"
    return ""


def _top(module: str) -> str:
    return module.partition(".")[0]


def _keep(story: str, error: BaseException) -> str:
    """Append a traceback to the log of the run in the exception's notes (`run: PATH`), else write it to a new file.

    Returns:
        The file; where the error was raised, if no file can be written.
    """
    for note in getattr(error, "__notes__", []):
        if note.startswith("run: "):
            log = Path(note.removeprefix("run: ")) / "log.txt"
            try:
                with closing(AppendFile(log)) as file:
                    file.append(story)
                    file.flush()
            except ResourceError:
                break
            return str(log)
    try:
        fresh = temporary_file(".txt")
        write(fresh, story.encode("utf-8", "backslashreplace"))
    except OSError as unwritten:  # the disk is full, which may be what went wrong in the first place
        last = traceback.extract_tb(error.__traceback__)[-1:]
        at = "".join(f"{Path(frame.filename).name}, line {frame.lineno}; " for frame in last)
        return f"{at}the traceback cannot be kept: {unwritten.strerror or unwritten}"
    return str(fresh)
