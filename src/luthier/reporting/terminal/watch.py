"""What `watch` shows: a run with its curves, several runs as lines, or a line for each evaluation."""

from collections.abc import Sequence
from datetime import datetime

from rich.console import ConsoleDimensions, Group, RenderableType
from rich.table import Table
from rich.text import Text

from luthier.learning_curves.following import Snapshot
from luthier.learning_curves.plot import smooth
from luthier.learning_curves.record import Series
from luthier.reporting import names
from luthier.reporting.terminal.curves import told
from luthier.reporting.terminal.display import Grid, Piece
from luthier.reporting.terminal.display import table as as_table
from luthier.reporting.terminal.plot import MARK, Curve, plot
from luthier.text import count, duration, epochs, number, quantity, share, typed

TRAIN, EVAL = "blue", "red"
STATES = {"done": "bold green", "failed": "bold red", "died": "bold red", "stopped": "bold yellow"}
SIDE_BY_SIDE = 120  # columns
GAP = 3  # columns between two plots
HEIGHT = 11  # lines of a plot
AROUND = 10  # lines of the terminal that are not for plots
SILENT = 120.0  # seconds without a point that are worth a word
MOST_METRICS = 3


def screen(shot: Snapshot, size: ConsoleDimensions, now: float) -> RenderableType:
    """A run: how far it is, its losses and metrics as plots, as many as there is room for, and the findings so far.

    Args:
        shot: The run.
        size: Columns and lines of the terminal.
        now: Seconds since the epoch of Unix.
    """
    beside = 2 if size.width >= SIDE_BY_SIDE else 1
    width = (size.width - GAP * (beside - 1)) // beside
    plots = _plots(shot, width)[: beside * max(1, (size.height - AROUND) // (HEIGHT + 1))]
    grid = Table.grid(padding=(0, GAP, 0, 0), pad_edge=False)
    for i in range(0, len(plots), beside):
        grid.add_row(*plots[i : i + beside])
    findings = [Text(str(line)) for line in told([finding.to_dict() for finding in shot.findings])]
    measured = [Text(", ".join(found))] if (found := _measured(shot)) else []
    return Group(_title(shot), Text(progress(shot)), *measured, *_words(shot, now), Text(), grid, *findings)


def table(shots: Sequence[Snapshot], now: float) -> RenderableType:
    """Several runs, a line for each."""
    rows = []
    for shot in shots:
        left, silence = shot.seconds_left, _silence(shot, now)
        rows.append(
            [
                shot.name,
                shot.life.state,
                f"{count(shot.step)}/{count(shot.total_steps)}" if shot.total_steps else "",
                "" if left is None else duration(left),
                _last(shot.losses),
                _last(shot.curves.get("eval/loss", Series())),
                ", ".join(_measured(shot)[:1]),
                ", ".join([*(one.id for one in shot.findings if one.severity != "info"), *([silence] * bool(silence))]),
            ]
        )
    heads = ["run", "state", "step", "left", "train", "eval", "metric", "findings"]
    return as_table(Grid(heads, rows, numbers=(2, 3, 4, 5)))


def evaluation_line(shot: Snapshot) -> str:
    """The newest evaluation of a run, on one line."""
    evaluated = [f"eval loss {_last(shot.curves['eval/loss'])}"] if "eval/loss" in shot.curves else []
    return ", ".join([progress(shot), f"train loss {_last(shot.losses)}", *evaluated, *_measured(shot)])


def ending(shot: Snapshot) -> list[Piece]:
    """How a run ended, what to do next, and what its curves show."""
    return [_ended(shot), *told([finding.to_dict() for finding in shot.findings])]


def _ended(shot: Snapshot) -> str:
    path, why = typed(shot.run.path), f": {shot.life.why}" if shot.life.why else ""
    if shot.life.state == "done":
        return f"{shot.name}: done after {count(shot.step)} steps; report: {shot.run.report_file}"
    resume = f"; `luthier resume {path}` continues" if shot.recipe else ""  # without one there is nothing to resume
    return f"{shot.name}: {shot.life.state} at step {count(shot.step)}{why}{resume}"


def progress(shot: Snapshot) -> str:
    """How far a run is: its step, epoch, speed and the time left."""
    if not shot.step:
        return "before the first step"
    total, speed = shot.total_steps, shot.curves.get("train/tokens_per_second", Series()).values
    parts = [f"step {count(shot.step)}" + (f" of {count(total)} ({share(shot.step / total)})" if total else "")]
    parts += [epochs(shot.losses.epochs[-1])] if shot.losses.epochs else []
    parts += [quantity(speed[-1], "tokens/s")] if speed else []
    parts += [f"{duration(shot.seconds_left)} left"] if shot.seconds_left is not None else []
    return ", ".join(parts)


def _title(shot: Snapshot) -> Text:
    about = [str(shot.recipe.task), shot.recipe.model.title or ""] if shot.recipe else []
    state = (shot.life.state, STATES.get(shot.life.state, "bold"))
    return Text.assemble((shot.name, "bold"), "  ", state, "  ", (", ".join(filter(None, about)), "dim"))


def _words(shot: Snapshot, now: float) -> list[Text]:
    """What the state needs to be understood."""
    if shot.life.ended:
        return [Text(_ended(shot))]
    silence = _silence(shot, now)
    return [Text(silence, "yellow")] if silence else []


def _silence(shot: Snapshot, now: float) -> str:
    """That nothing came for a while, and why it may be so."""
    if shot.life.ended or shot.last_sign is None or now - shot.last_sign < SILENT:
        return ""
    since = datetime.fromtimestamp(shot.last_sign).strftime("%H:%M:%S")
    host = f"; its process is on {shot.life.host}, which cannot be checked from here" if shot.life.host else ""
    return f"nothing new since {since} ({duration(now - shot.last_sign)}){host}"


def _plots(shot: Snapshot, width: int) -> list[Text]:
    """The losses, and each metric with two evaluations."""
    train, evaluation = shot.losses.finite(), shot.curves.get("eval/loss", Series()).finite()
    # Early in a training, its whole length would leave the curves no room.
    drawn, end = [], min(shot.total_steps or 0, 2 * shot.step)
    if train.steps:
        raw = smooth(train)[1] if len(train.steps) > 4 else train
        lines = [Curve(raw.steps, raw.values, TRAIN), Curve(evaluation.steps, evaluation.values, EVAL, marked=True)]
        heading = Text.assemble(("loss  ", "bold"), (f"⠒ train {_last(train)}", TRAIN))
        if evaluation.steps:
            heading.append(f"  {MARK} evaluation {_last(evaluation)}", EVAL)
        drawn.append(Text("\n").join([heading, plot(lines, width, HEIGHT, last_step=end)]))
    for name, series in _metrics(shot):
        if len(series.steps) > 1:
            heading = Text.assemble((f"{names.metric(name)}  ", "bold"), (f"{MARK} {_score(name, series)}", EVAL))
            lines = [Curve(series.steps, series.values, EVAL, marked=True)]
            drawn.append(Text("\n").join([heading, plot(lines, width, HEIGHT, last_step=end)]))
    return drawn


def _metrics(shot: Snapshot) -> list[tuple[str, Series]]:
    """The metrics, the one that selects the best checkpoint first."""
    found = {
        name.removeprefix("eval/"): series.finite()
        for name, series in shot.curves.items()
        if name.startswith("eval/") and name != "eval/loss"
    }
    first = sorted(found.items(), key=lambda item: item[0] != shot.facts.metric)
    return [(name, series) for name, series in first if series.steps][:MOST_METRICS]


def _measured(shot: Snapshot) -> list[str]:
    return [f"{names.metric(name)} {_score(name, series)}" for name, series in _metrics(shot)]


def _score(name: str, series: Series) -> str:
    return names.number(name, series.values[-1])


def _last(series: Series) -> str:
    return number(series.values[-1]) if series.values else ""
