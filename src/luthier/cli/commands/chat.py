"""`luthier chat`: a conversation with a decoder."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from typer import Argument, Option

from luthier import interrupts
from luthier.cli.output import Output
from luthier.cli.settings import BASE, SAMPLING, by_name, takes
from luthier.errors import LuthierError

if TYPE_CHECKING:
    from luthier.api.chat import Conversation

HELP = "/reset clears the conversation, /system TEXT sets the system message, /save FILE saves, /exit quits"


@takes(*SAMPLING, BASE, "--device")
def chat(
    out: Output,
    target: Annotated[str, Argument(metavar="RUN|MODEL", help="Run, model directory, short name or Hub name.")],
    changes: dict[str, Any],
    system: Annotated[str, Option(metavar="TEXT", help="System message of the conversation.")] = "",
) -> int:
    """Chat with a decoder in the terminal.

    Lines from a pipe are answered one by one.
    /reset clears the conversation, /system TEXT sets the system message, /save FILE saves, /exit quits.
    """
    from luthier.api.chat import chat as begin

    conversation = begin(target, system=system, console=out.console, **by_name(changes))
    interrupts.release()  # from here on, Ctrl-C stops a reply or ends the conversation
    terminal = sys.stdin.isatty()
    if terminal:
        out.console.say(HELP)
    while (line := _read(terminal)) is not None:
        if line.startswith("/"):
            if not _obey(line, conversation, out):
                break
        elif line:
            _answer(line, conversation, out)
    return 0


def _read(terminal: bool) -> str | None:
    """Read a line from the user; None at the end of input."""
    if terminal:
        sys.stderr.write("> ")
        sys.stderr.flush()
    try:
        line = sys.stdin.readline()
    except KeyboardInterrupt:
        return None
    return line.strip() if line else None


def _answer(line: str, conversation: "Conversation", out: Output) -> None:
    """Print the reply as it is generated. Ctrl-C stops the reply, not the conversation."""
    reply = ""
    try:
        for piece in conversation.reply(line):
            reply += piece
            if not out.as_json:
                out.piece(piece)
    except KeyboardInterrupt:
        out.console.say("(stopped)")
    if out.as_json:
        out.json({"prompt": line, "prediction": reply.strip()})
    else:
        out.text()


def _obey(line: str, conversation: "Conversation", out: Output) -> bool:
    """Run a `/command`; False to quit."""
    command, _, rest = line.partition(" ")
    rest = rest.strip()
    if command == "/reset":
        conversation.reset()
        out.console.say("conversation cleared")
    elif command == "/system":
        conversation.system = rest
        out.console.say(f"system message: {rest or 'none'}")
    elif command == "/save" and rest:
        try:
            conversation.save(Path(rest))
        except LuthierError as error:
            out.console.warn(error.what)
        else:
            out.console.say(f"saved to {rest}")
    elif command in ("/exit", "/quit"):
        return False
    else:
        out.console.say(HELP)
    return True
