"""What `watch` shows of runs, in terminals of several sizes."""

from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console, ConsoleDimensions, RenderableType

from luthier.learning_curves.diagnosis import Diagnosis
from luthier.learning_curves.facts import Facts
from luthier.learning_curves.following import Snapshot
from luthier.learning_curves.record import Series
from luthier.recipe import Recipe
from luthier.reporting.terminal.display import as_text
from luthier.reporting.terminal.watch import ending, evaluation_line, progress, screen, table
from luthier.run_directory.life import Life
from luthier.run_directory.run import Run

FINDING = Diagnosis("rate-too-high", "warning", "The learning rate is too high.", "Divide it by three.")
RECIPE = Recipe.build({"task": "text-classification", "data": {"train": ["a.csv"]}, "model": {"name": "minilm"}})
STEPS = list(range(1, 61))
LATER = 1120.0  # when the last point was recorded


def evaluated(*values: float) -> Series:
    return Series([20 * (i + 1) for i in range(len(values))], list(values), [], [LATER] * len(values))


SHOT = Snapshot(
    Run(Path("runs/my run")),
    Life("running"),
    RECIPE,
    {
        "train/loss": Series(STEPS, [1 / s for s in STEPS], [s / 40 for s in STEPS], [1000.0 + 2 * s for s in STEPS]),
        "train/tokens_per_second": Series([60], [1500.0], [1.5], [LATER]),
        "eval/loss": evaluated(0.7, 0.5, float("nan")),
        "eval/accuracy": evaluated(0.6, 0.7, 0.8),
        "eval/f1": evaluated(0.5, 0.6, 0.7),
    },
    Facts("f1"),
    (FINDING,),
)
PREPARING = Snapshot(Run(Path("runs/new")), Life("preparing"), None, {}, Facts(), ())


def text(renderable: RenderableType, width: int, height: int = 60) -> str:
    console = Console(width=width, height=height, color_system=None, force_terminal=False)
    with console.capture() as captured:
        console.print(renderable)
    return captured.get()


@pytest.mark.parametrize(("width", "height"), [(40, 10), (80, 24), (80, 60), (160, 40), (300, 100)])
def test_a_run_fits_the_terminal(width: int, height: int) -> None:
    shown = text(screen(SHOT, ConsoleDimensions(width, height), LATER), width, height)
    lines = shown.splitlines()
    assert max(map(len, lines)) <= width
    assert lines[0].split()[:4] == ["my", "run", "running", "text-classification,"]
    told = " ".join(shown.split())
    assert "step 60 of 120 (50.0 %), 1.5 epochs, 1.5 k tokens/s, 2 min 0 s left" in told
    assert "F1 0.700, accuracy 0.800" in shown
    assert "warning: The learning rate is too high. [rate-too-high]" in told
    headings = [line for line in lines if "⠒ train" in line or "● 0." in line]
    assert len(headings) == {(40, 10): 1, (80, 24): 1, (80, 60): 3, (160, 40): 2, (300, 100): 2}[width, height]
    assert "● evaluation 0.500" in shown, "nan is not drawn"


def test_silence_is_said_with_the_host_that_cannot_be_asked() -> None:
    size = ConsoleDimensions(80, 24)
    assert "nothing new" not in text(screen(SHOT, size, LATER + 60), 80)
    assert "nothing new since" in text(screen(SHOT, size, LATER + 600), 80)
    far = replace(SHOT, life=Life("running", host="node7"))
    shown = " ".join(text(screen(far, size, LATER + 600), 80).split())
    assert "(10 min 0 s); its process is on node7, which cannot be checked from here" in shown
    assert "nothing new" in text(table([SHOT], LATER + 600), 200)


def test_runs_are_lines() -> None:
    shown = text(table([SHOT, PREPARING, replace(SHOT, life=Life("died"))], LATER), 120).splitlines()
    lines = [line.split() for line in shown if line.strip()]
    assert lines[0] == ["run", "state", "step", "left", "train", "eval", "metric", "findings"]
    assert lines[2][:4] == ["my", "run", "running", "60/120"] and lines[2][-3:] == ["F1", "0.700", "rate-too-high"]
    assert lines[3] == ["new", "preparing"]
    assert "died" in lines[4]


def test_lines_for_a_log() -> None:
    assert evaluation_line(SHOT) == (
        "step 60 of 120 (50.0 %), 1.5 epochs, 1.5 k tokens/s, 2 min 0 s left, train loss 0.017, "
        "eval loss not defined, F1 0.700, accuracy 0.800"
    )
    assert progress(PREPARING) == "before the first step"


def test_the_end_says_what_to_do_next() -> None:
    assert as_text(ending(replace(SHOT, life=Life("done")))).splitlines()[0] == (
        "my run: done after 60 steps; report: runs/my run/report.html"
    )
    died = " ".join(as_text(ending(replace(SHOT, life=Life("died", "process 7 is gone")))).split())
    assert "my run: died at step 60: process 7 is gone; `luthier resume 'runs/my run'` continues" in died
    assert "[rate-too-high]" in died
    damaged = as_text(ending(replace(PREPARING, life=Life("failed", "the recipe is truncated"))))
    assert damaged.strip() == "new: failed at step 0: the recipe is truncated", "nothing to resume"
    assert "died at step 60" in text(screen(replace(SHOT, life=Life("died")), ConsoleDimensions(80, 24), LATER), 80)
