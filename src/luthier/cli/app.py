"""The command `luthier`: its commands, and the one place where errors become messages and exit codes."""

import io
import os
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperOption

from luthier import processes, threads
from luthier.cli.commands import (
    chat,
    compare,
    doctor,
    evaluate,
    inspect,
    merge,
    predict,
    prune,
    report,
    resume,
    runs,
    tasks,
    tokenizer,
    trace,
    train,
)
from luthier.cli.commands.learning_curves import curves, datasize, lr_find, track, watch
from luthier.cli.failures import BROKEN_PIPE, as_luthier_error, lines
from luthier.cli.libraries import load, silence
from luthier.cli.options import GENERAL, with_output
from luthier.cli.output import dumps
from luthier.errors import RecipeError, UsageError

HELP = "Fine-tune transformer language models, from a table of text to a model you can trust."
COMMANDS = {
    "Train": (train.train, resume.resume, lr_find.lr_find, datasize.datasize),
    "Understand": (
        inspect.inspect,
        evaluate.evaluate,
        compare.compare,
        curves.curves,
        report.report,
        trace.trace,
        watch.watch,
    ),
    "Use": (predict.predict, chat.chat, merge.merge),
    "Look around": (runs.runs, track.track, prune.prune, tasks.tasks, doctor.doctor),
}
GROUPS = {"tokenizer": ("Train", tokenizer.HELP, (tokenizer.train, tokenizer.compare))}  # name to panel, help, commands
USES_TORCH = {
    "inspect",
    "train",
    "resume",
    "lr-find",
    "datasize",
    "evaluate",
    "predict",
    "chat",
    "merge",
    "doctor",
    "tokenizer",
    "trace",
}


class Command(TyperCommand):
    """A command whose help lists `--help` with the other general options, and whose libraries are loaded sooner."""

    def invoke(self, ctx: Any) -> Any:
        if ctx.command_path.split()[1] in USES_TORCH:
            load()
        return super().invoke(ctx)

    def get_help_option(self, ctx: Any) -> TyperOption | None:
        option = super().get_help_option(ctx)
        if option is not None:
            option.metavar, option.rich_help_panel = "", GENERAL
        return option


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: The arguments after `luthier`; None takes them from `sys.argv`.
    Returns:
        The exit code: 0 done, 1 internal error, 2 usage, 3 data, 4 resources, 5 interrupted but resumable, 130 Ctrl-C,
        143 SIGTERM.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    if argv is None and words[:1] and words[0] in USES_TORCH and not {"-h", "--help"} & set(words):
        runs = [Path(word) for word in words[1:] if words[0] == "resume" and not word.startswith("-")]
        threads.set_up(threads.recorded_threads(runs[0]) if runs else None)
    if processes.is_main():
        return _main(words)
    # Under a launcher, only rank 0 prints results. The other ranks take part in training and print nothing but errors.
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
        return _main(words) if words[:1] in (["train"], ["resume"]) else 0


def _main(words: list[str]) -> int:
    silence()
    stdout = sys.stdout
    try:
        code = _run(words)
        stdout.flush()
        return code
    except BrokenPipeError:
        # The reader closed the pipe. Python flushes standard output again when it exits: send that to nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stdout.fileno())
        return BROKEN_PIPE
    except (Exception, KeyboardInterrupt) as error:
        failure = as_luthier_error(error, _command(words), words)
        if not processes.is_main() and type(failure) in (UsageError, RecipeError):
            return 0  # every rank meets the same usage error, and rank 0 reports it
        if "--json" in words:
            stdout.write(dumps({"error": failure.to_dict()}) + "\n")
        sys.stderr.write(lines(failure) + "\n")
        return failure.exit_code
    finally:
        sys.stdout = stdout


def _run(words: list[str]) -> int:
    app = build()
    if "_LUTHIER_COMPLETE" in os.environ:
        app(prog_name="luthier")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # Escape text that is not valid Unicode (a lone surrogate); JSON allows these escapes too.
            stream.reconfigure(errors="backslashreplace")
    try:
        with typer.main.get_command(app).make_context("luthier", words) as context:
            code: int = context.command.invoke(context) or 0
            return code
    except typer.Exit as done:
        return done.exit_code


def build() -> typer.Typer:
    """Build the command line with all its commands."""
    app = typer.Typer(
        name="luthier",
        help=HELP,
        context_settings={"help_option_names": ["-h", "--help"]},
        pretty_exceptions_enable=False,
    )
    app.callback(invoke_without_command=True)(_root)
    for panel, commands in COMMANDS.items():
        for command in commands:
            app.command(cls=Command, rich_help_panel=panel)(with_output(command))
    for name, (panel, about, subcommands) in GROUPS.items():
        group = typer.Typer(name=name, help=about)
        group.callback(invoke_without_command=True)(_group)
        for subcommand in subcommands:
            group.command(cls=Command)(with_output(subcommand))
        app.add_typer(group, rich_help_panel=panel)
    return app


def _group(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        sys.stdout.write(context.get_help() + "\n")


def _root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", metavar="", help="Print the version and exit.")] = False,
) -> None:
    if version:
        from luthier import __version__

        sys.stdout.write(f"luthier {__version__}\n")
    elif context.invoked_subcommand is None:
        sys.stdout.write(context.get_help() + "\n")


def _command(words: Sequence[str]) -> str:
    """The name of the command, such as `luthier train` or `luthier tokenizer train`."""
    names = {command.__name__.replace("_", "-") for several in COMMANDS.values() for command in several} | GROUPS.keys()
    found = [word for word in words[:1] if word in names]
    if found and found[0] in GROUPS:
        below = {command.__name__ for command in GROUPS[found[0]][2]}
        found += [word for word in words[1:2] if word in below]
    return " ".join(["luthier", *found])
