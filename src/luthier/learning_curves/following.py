"""Follow a run from outside: what its directory tells of it, again and again, while another process trains it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from luthier.learning_curves.diagnose import diagnose
from luthier.learning_curves.diagnosis import Diagnosis
from luthier.learning_curves.facts import Facts, planned_steps
from luthier.learning_curves.record import CurveFollower, Series
from luthier.recipe import Recipe
from luthier.run_directory.life import Life, life_of
from luthier.run_directory.run import Run

RECENT = 50  # steps that the pace is measured over


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A run at one moment.

    Args:
        run: The run.
        life: Whether it is still being trained.
        recipe: Its recipe; None before it is written.
        curves: Its curves so far.
        facts: What else is known of it.
        findings: What the curves show so far, worst first.
    """

    run: Run
    life: Life
    recipe: Recipe | None
    curves: Mapping[str, Series]
    facts: Facts
    findings: tuple[Diagnosis, ...]

    @property
    def name(self) -> str:
        """The name of the run."""
        return self.run.name()

    @property
    def losses(self) -> Series:
        """The training loss of each step."""
        return self.curves.get("train/loss", Series())

    @property
    def step(self) -> int:
        """Steps done."""
        return self.losses.steps[-1] if self.losses.steps else 0

    @property
    def total_steps(self) -> int | None:
        """Steps of the whole training; None before the first one."""
        return planned_steps(self.recipe.training, self.losses) if self.recipe else None

    @property
    def seconds_left(self) -> float | None:
        """Seconds of training left, at the pace of the last steps with their evaluations; None if unknown."""
        times, total = self.losses.times[-RECENT:], self.total_steps
        if self.life.ended or total is None or len(times) < 2:
            return None
        return (times[-1] - times[0]) / (len(times) - 1) * max(0, total - self.step)

    @property
    def last_sign(self) -> float | None:
        """When the last point was recorded, in seconds since the epoch of Unix; None if there is none."""
        return max((series.times[-1] for series in self.curves.values()), default=None)

    def to_dict(self) -> dict[str, Any]:
        """What `--json` prints."""
        return {
            "run": str(self.run.path),
            "state": self.life.state,
            "why": self.life.why,
            "step": self.step,
            "total_steps": self.total_steps,
            "findings": [finding.to_dict() for finding in self.findings],
        }


class Follower:
    """Takes snapshots of a run; curves are diagnosed again only after an evaluation, or when the run has ended.

    Args:
        run: The run, which may not have a recipe yet.
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        self._file = CurveFollower(run.curves_file)
        self._facts = Facts()
        self._findings: tuple[Diagnosis, ...] = ()
        self._diagnosed: tuple[int, bool] | None = None

    def look(self) -> Snapshot:
        """Take a snapshot.

        Raises:
            DamagedError: A file of the run is damaged.
            RecipeError: Its recipe cannot be read.
        """
        life = life_of(self.run)  # before the points, so that a run that has ended has all of them
        self._file.update()
        recipe = self.run.recipe if self.run.recipe_file.exists() else None  # a time limit changes its steps
        curves = self._file.curves
        due = (len(curves.get("eval/loss", Series()).steps), life.ended)
        if recipe is not None and due != self._diagnosed:
            self._facts, self._diagnosed = Facts.of(self.run, curves), due
            self._findings = tuple(diagnose(curves, self._facts))
        return Snapshot(self.run, life, recipe, curves, self._facts, self._findings)
