"""The time limit of a run: what fits is planned before the first step; a resumed run counts all of its time."""

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from luthier import allocator, processes
from luthier.console import Console
from luthier.engines import checkpoints
from luthier.engines.base import Training
from luthier.errors import DamagedError
from luthier.findings import Decision
from luthier.learning_curves.record import first_and_last_time
from luthier.pipeline.inference import cost
from luthier.pipeline.preparation.prepare import Prepared
from luthier.pipeline.training.assemble import assemble
from luthier.pipeline.training.time_plan import Needs, TimePlan, Times, plan_of, plan_time
from luthier.recipe import Recipe, TrainingRecipe
from luthier.reporting.render import vega_bundle
from luthier.run_directory import clock
from luthier.run_directory.run import Run
from luthier.storage.atomic import write_json
from luthier.storage.disk import remove_tree
from luthier.text import count, duration, epochs, plural, share

EVALUATING = 0.15  # share of the time for evaluations during training
MEASURING = 0.04  # share of the time for measuring training steps
REPORT = 2.0  # time for writing the report, by that for loading what draws its charts, which is about as long
BEFORE = ("fitted_head",)  # parts of the cost that come before the first step
DURING = ("evaluation", "samples")  # parts of the cost that are repeated during training


@dataclass(frozen=True)
class TimeLimit:
    """The time of a run.

    Args:
        recipe: Of the run; has `max_time`.
        plan: What was planned before the first step.
        run: Keeps the plan and the time used.
        before: Seconds that earlier starts of the run have used.
        elapsed: Gives the seconds since this start.
    """

    recipe: Recipe
    plan: TimePlan
    run: Run
    before: float = 0.0
    elapsed: Callable[[], float] = clock.elapsed

    @property
    def seconds(self) -> float:
        """The whole time."""
        assert self.recipe.training.max_seconds is not None
        return self.recipe.training.max_seconds

    @property
    def used(self) -> float:
        """Seconds that the run has used so far."""
        return self.before + self.elapsed()

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Keep the time that was used when this block begins and when it ends, for a later start of the run."""
        self._keep()
        try:
            yield
        finally:
            self._keep()

    def _keep(self) -> None:
        write_json(self.run.time_file, {"plan": asdict(self.plan), "used": self.used, "until": time.time()})

    def to_dict(self, planned_steps: int) -> dict[str, Any]:
        """What `train --json` says, with the seconds used until now."""
        plan = self.plan
        return {"max": self.seconds, "planned": plan.seconds, "planned_steps": planned_steps, "used": self.used}

    def words(self, steps: int, planned: int) -> str:
        """Say what was used before the report, and how many of the steps it was enough for."""
        name, used = self.recipe.training.max_time, f"{duration(self.used)} used before the report"
        if steps < planned:
            return f"max_time {name}: stopped after {count(steps)} of {plural(planned, 'planned step')}; {used}"
        return f"max_time {name}: {used}; {duration(self.plan.seconds)} were planned in all"


def time_limit(
    run: Run, prepared: Prepared, console: Console, elapsed: Callable[[], float] = clock.elapsed
) -> TimeLimit | None:
    """The time limit of a run, if its recipe has one; a new run is measured, and its steps are planned.

    Every process must call this.

    Args:
        run: Has the plan, if it was started before; if its `time.json` was lost, its steps stay, but are measured.
        prepared: Its recipe gets the planned steps.
        console: Receives what fits.
        elapsed: Gives the seconds since the run was started.
    Raises:
        RecipeError: The time is too short.
        DamagedError: `time.json` is damaged.
    """
    recipe = prepared.recipe.training
    if recipe.max_time is None or recipe.max_seconds is None:
        return None
    begun = processes.on_main(lambda: _begun(run))
    if begun is None:
        before, plan = 0.0, _plan(run, prepared, recipe.max_seconds, console, elapsed)
    else:
        before, known = begun
        from_curves = "" if known else f" by the curves, as {run.time_file.name} is missing; the planned steps stay"
        console.say(f"max_time {recipe.max_time}: {duration(before)} used before{from_curves}")
        plan = known or _lost(run, prepared, recipe.max_seconds, console, elapsed)
    recipe.planned_steps, recipe.planned_for = recipe.planned or plan.steps, recipe.max_time
    return TimeLimit(prepared.recipe, plan, run, before, elapsed)


def _begun(run: Run) -> tuple[float, TimePlan | None] | None:
    """Seconds that earlier starts of a run have used, up to the last point of its curves, and its plan if kept."""
    kept, (first, last) = run.read_json(run.time_file), first_and_last_time(run.curves_file)
    if kept is None:
        return (last - first, None) if run.recipe_file.exists() else None
    try:
        plan = TimePlan(**kept["plan"] | {"needs": Needs(**kept["plan"]["needs"])})
        return kept["used"] + max(0.0, last - kept["until"]), plan
    except (KeyError, TypeError):
        hint = "restore it from a backup, or delete it: the time is then taken from the curves"
        raise DamagedError("the file is damaged: values are missing", where=str(run.time_file), hint=hint) from None


def _plan(run: Run, prepared: Prepared, limit: float, console: Console, elapsed: Callable[[], float]) -> TimePlan:
    """Measure the parts of a run, plan its steps, and say what fits."""
    recipe, name = prepared.recipe.training, prepared.recipe.training.max_time
    if recipe.planned != recipe.planned_steps:
        console.say(f"planned_steps {recipe.planned_steps} ignored: it was planned for max_time {recipe.planned_for}")
        recipe.replanned = []
    needs, times, asked, per_epoch = _costs(run, prepared, limit, console)
    used = processes.on_main(elapsed)
    plan = plan_time(limit, used, needs, asked, times)
    if recipe.planned is not None:
        fitting, plan = plan, plan_of(asked, used, needs, times, fixed=True)
        if plan.seconds > limit:
            console.warn(
                f"max_time {name}: about {plural(fitting.steps, 'step')} fit here, not the {count(asked)} planned in"
                " the recipe, so the schedule will not reach its end; remove planned_steps from it to plan again"
            )
            return plan
    whole = "all " if plan.steps == asked else ""
    source = "" if recipe.planned is None else " planned in the recipe"
    steps = f"{plural(plan.steps, 'step')}{source} ({epochs(plan.steps / per_epoch)}, {duration(needs.step)} each)"
    evaluations = cost.scheduled(recipe, plan.steps, per_epoch) if needs.evaluation else 0
    n = plural(evaluations, "evaluation") if evaluations else "no evaluation"
    asked_for = "" if whole else f"; {plural(asked, 'step')} were asked for"
    console.say(f"max_time {name}: {whole}{steps} and {n} fit: {duration(plan.seconds)} in all{asked_for}")
    return plan


def _lost(run: Run, prepared: Prepared, limit: float, console: Console, elapsed: Callable[[], float]) -> TimePlan:
    """The plan of a run that has lost it: of all its steps, whether they fit or not."""
    needs, times, asked, _ = _costs(run, prepared, limit, console)
    return plan_of(asked, processes.on_main(elapsed), needs, times, fixed=True)


def _costs(run: Run, prepared: Prepared, limit: float, console: Console) -> tuple[Needs, Times, int, int]:
    """What the parts of a run need, how often they are done, the steps that are asked for, and those of an epoch."""
    recipe = prepared.recipe.training
    console.say(f"max_time {recipe.max_time}: measuring steps, evaluations and the final score")
    needs, asked, per_epoch = _measure(prepared, MEASURING * limit, run.path / ".measured.tmp")  # a name that is swept
    _space_evaluations(recipe, needs.evaluation, limit, console)
    return needs, times_of(recipe, per_epoch), asked, per_epoch


def times_of(recipe: TrainingRecipe, per_epoch: int) -> Times:
    """How often the parts of a training are done."""
    parts = (cost.evaluations, cost.last_evaluations, cost.checkpoints)
    return Times(*(partial(one, recipe, per_epoch=per_epoch) for one in parts))


def _space_evaluations(recipe: TrainingRecipe, seconds: float, limit: float, console: Console) -> None:
    """Evaluate less often where the evaluations would take much of the time, unless somebody said how often."""
    times = max(2, int(EVALUATING * limit / max(seconds, 1e-9)))
    if recipe.eval_strategy != "steps" or not recipe.is_open("eval_steps") or recipe.eval_steps * times >= 1:
        return
    recipe.eval_steps = float(f"{1 / times:.2g}")
    why = f"an evaluation takes {duration(seconds)}; together, they get {share(EVALUATING)} of the time at most"
    console.decision(Decision("evaluation", f"every {share(recipe.eval_steps)} of the steps", why))


def _measure(prepared: Prepared, seconds: float, folder: Path) -> tuple[Needs, int, int]:
    """What the parts of a run need, the steps that are asked for, and those of an epoch."""
    start = time.perf_counter()
    training = assemble(prepared)
    loading = time.perf_counter() - start
    found = cost.measure_cost(prepared, training, seconds=seconds)
    checkpoint, report = _checkpoint(training, folder), REPORT * processes.on_main(_charts)
    during = [found.parts[name] for name in DURING if name in found.parts]
    before = [part.expected for name, part in found.parts.items() if name in BEFORE]
    after = [part.expected for name, part in found.parts.items() if name not in (*BEFORE, *DURING, "training")]
    needs = Needs(
        begin=loading + sum(before) + 2 * found.seconds_per_step,  # the estimate of the memory runs two batches
        step=found.seconds_per_step,
        # See `Supervisor`: on a CPU, the numbers of every step are read.
        between=found.seconds_per_step * (1 if training.device.type == "cpu" else training.recipe.logging_steps),
        evaluation=sum(part.expected / part.times for part in during),
        checkpoint=checkpoint,
        # Two models are built, the best one and the one before fine-tuning, and one is written.
        end=sum(after) + 2 * loading + checkpoint + report,
    )
    per_epoch = training.plan.steps_per_epoch
    del training
    gc.collect()  # the peak of the training is measured from what is held before it
    allocator.give_back()
    return processes.on_main(lambda: needs), found.steps, per_epoch


def _checkpoint(training: Training, folder: Path) -> float:
    """Seconds to write a checkpoint."""
    start = time.perf_counter()
    checkpoints.save(training, folder, {}, keep=1)
    seconds = time.perf_counter() - start
    if processes.is_main():
        remove_tree(folder)
    return seconds


def _charts() -> float:
    """Seconds to load what draws the charts of the report, which finds it loaded."""
    vega_bundle.cache_clear()
    start = time.perf_counter()
    vega_bundle()
    return time.perf_counter() - start
