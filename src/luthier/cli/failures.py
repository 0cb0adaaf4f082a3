"""Every way a command can fail, as one message of at most six lines and one exit code."""

import errno
import traceback
from contextlib import closing
from pathlib import Path

from typer.exceptions import TyperException

from luthier.errors import LuthierError, ResourceError, UsageError
from luthier.storage.append import AppendFile
from luthier.storage.disk import write
from luthier.storage.temporary import temporary_file

MOST_LINES = 6
INTERRUPTED = 130
BROKEN_PIPE = 141


class Interrupted(LuthierError):
    """Ctrl-C before there was anything to save."""

    exit_code = INTERRUPTED


class Bug(LuthierError):
    """An error that nobody foresaw."""

    exit_code = 1


def as_luthier_error(error: BaseException, command: str) -> LuthierError:
    """What a user is told about any exception.

    Args:
        error: What was raised.
        command: The command as typed so far, such as `luthier train`.
    """
    if isinstance(error, LuthierError):
        return error
    if isinstance(error, TyperException):
        return _usage(error, command)
    if isinstance(error, KeyboardInterrupt):
        return Interrupted("interrupted", hint="`luthier runs` lists what was begun, `luthier resume RUN` goes on")
    if _is_out_of_memory(error):
        return ResourceError(
            "the memory is used up", where=command, hint="a smaller batch_size or eval_batch_size, or a smaller model"
        )
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return ResourceError(
            f"cannot write: {error.strerror}", where=str(error.filename or ""), hint="make room and try again"
        )
    return _bug(error)


def lines(error: LuthierError) -> str:
    """The message for standard error, at most six lines."""
    below = [
        f"{label}: {' '.join(words.split())}"
        for label, words in (("where", error.where), ("hint", error.hint))
        if words.strip()
    ]
    # A library's words may run on; their first lines say most.
    what = [line for line in f"error: {error.what}".splitlines() if line.strip()][: MOST_LINES - len(below)]
    return "\n".join([*what, *below])


def _usage(error: TyperException, command: str) -> UsageError:
    message, _, near = error.message.partition(" Did you mean ")
    possible = getattr(error, "possibilities", None)
    hint = f"`{command} --help` lists what there is"
    if near:
        hint = f"did you mean {near}"
    elif possible:
        hint = f"did you mean {' or '.join(sorted(possible))}?"
    else:
        message = error.format_message()
    message = message.rstrip(".")
    return UsageError(message[:1].lower() + message[1:], where=command, hint=hint)


def _is_out_of_memory(error: BaseException) -> bool:
    # By name and by text: torch must not be imported to look at an error that has nothing to do with it.
    names = {cls.__name__ for cls in type(error).__mro__}
    return bool(names & {"MemoryError", "OutOfMemoryError"}) or (
        isinstance(error, RuntimeError) and "can't allocate memory" in str(error)
    )


def _bug(error: BaseException) -> Bug:
    story = "".join(traceback.format_exception(error))
    place = _keep(story, error)
    short = f"{type(error).__name__}: {error}".splitlines()[0]
    return Bug(f"this is a bug of ours: {short}", where=place, hint="send us that file with the command you typed")


def _keep(story: str, error: BaseException) -> str:
    """Put a traceback into the log of the run that an exception's note names (`run: PATH`), else into a new file."""
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
    fresh = temporary_file(".txt")
    write(fresh, story.encode("utf-8", "backslashreplace"))
    return str(fresh)
