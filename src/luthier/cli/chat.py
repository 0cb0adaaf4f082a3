"""`luthier chat`: talk to a decoder."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

from luthier.cli.options import Json, Quiet, Verbose
from luthier.cli.output import Output
from luthier.errors import LuthierError

if TYPE_CHECKING:
    from luthier.api.chat import Conversation

HELP = "/reset forgets the conversation, /system TEXT tells the model what it is, /save FILE keeps it, /exit ends"


def chat(
    target: Annotated[str, Argument(metavar="RUN|MODEL", help="A run, a model directory, smollm2 or a hub name.")],
    system: Annotated[str, Option(help="What the model is told before the first turn.")] = "",
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Talk to a model; what is typed into a pipe is answered line by line.

    /reset forgets the conversation, /system TEXT tells the model what it is, /save FILE keeps it, /exit ends.
    """
    out = Output(as_json=json, quiet=quiet, verbose=verbose)

    from luthier.api.chat import chat as begin

    conversation = begin(target, system=system)
    terminal = sys.stdin.isatty()
    if terminal:
        out.console.say(HELP)
    while (line := _read(terminal)) is not None:
        if line.startswith("/"):
            if not _heed(line, conversation, out):
                break
        elif line:
            _answer(line, conversation, out)
    return 0


def _read(terminal: bool) -> str | None:
    """What the user types; None at the end."""
    if terminal:
        sys.stderr.write("> ")
        sys.stderr.flush()
    try:
        line = sys.stdin.readline()
    except KeyboardInterrupt:
        return None
    return line.strip() if line else None


def _answer(line: str, conversation: "Conversation", out: Output) -> None:
    """Write the answer as it comes. Ctrl-C breaks off the answer, not the conversation."""
    said = ""
    try:
        for piece in conversation.reply(line):
            said += piece
            if not out.as_json:
                out.piece(piece)
    except KeyboardInterrupt:
        out.console.say("(broken off)")
    if out.as_json:
        out.json({"prompt": line, "prediction": said.strip()})
    else:
        out.text()


def _heed(line: str, conversation: "Conversation", out: Output) -> bool:
    """Do what a command of the conversation asks; False to end it."""
    command, _, rest = line.partition(" ")
    rest = rest.strip()
    if command == "/reset":
        conversation.reset()
        out.console.say("forgotten")
    elif command == "/system":
        conversation.system = rest
        out.console.say(f"system: {rest or 'nothing'}")
    elif command == "/save" and rest:
        try:
            conversation.save(Path(rest))
        except LuthierError as error:
            out.console.warn(error.what)
        else:
            out.console.say(f"saved in {rest}")
    elif command in ("/exit", "/quit"):
        return False
    else:
        out.console.say(HELP)
    return True
