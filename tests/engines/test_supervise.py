"""Between the steps: when it evaluates and saves, which checkpoint is the best one, and what ends a training early."""

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from luthier.engines import checkpoints, engine_named
from luthier.engines.base import Training
from luthier.engines.events import Events, Stop
from luthier.engines.ranking import ANY
from luthier.engines.supervise import Supervisor
from luthier.errors import ResourceError
from luthier.learning_curves.record import CurveWriter, read_curves
from luthier.pipeline.preparation.prepare import Prepared
from luthier.pipeline.training.assemble import assemble
from luthier.storage import disk
from tests.engines.helpers import ENGINES, prepared_data, same_weights, weights, with_settings

pytestmark = pytest.mark.parametrize("engine", ENGINES)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Prepared:
    """40 rows in batches of 8: 5 steps an epoch."""
    return prepared_data(tmp_path_factory.mktemp("data"), tiny_model, n=40, **{"training.batch_size": 8})


@pytest.fixture
def supervised(data: Prepared, tmp_path: Path, engine: str) -> Callable[..., Supervisor]:
    """Trains to the end under a supervisor whose evaluations give the values that a test names."""

    def go(
        values: Sequence[float] | None = None,
        evaluate: Callable[[], Mapping[str, float]] | None = None,
        events: Events | None = None,
        greater_is_better: bool = True,
        change: Callable[[Training], None] = lambda training: None,
        tolerance: float = 0.0,
        **settings: Any,
    ) -> Supervisor:
        settings = {f"training__{key}": value for key, value in settings.items()}
        training = assemble(with_settings(data, training__engine=engine, training__epochs=3.0, **settings))
        change(training)
        given: Iterator[float] = iter(values or [])
        supervisor = Supervisor(
            training,
            tmp_path / "checkpoints",
            CurveWriter(tmp_path / "curves.jsonl"),
            {"seed": 42},
            evaluate or ((lambda: {"loss": 0.5, "score": next(given)}) if values else None),
            "score",
            greater_is_better,
            lambda rows: f"rows {list(rows)}",
            events or Events(),
            tolerance,
        )
        (tmp_path / "checkpoints").mkdir(exist_ok=True)
        with supervisor.watch():
            engine_named(engine)(training, supervisor)
        supervisor.curves.close()
        return supervisor

    return go


def saved(supervisor: Supervisor) -> list[int]:
    return [checkpoint.step for checkpoint in checkpoints.list_checkpoints(supervisor.directory)]


def evaluated(supervisor: Supervisor) -> list[int]:
    curves = read_curves(supervisor.directory.parent / "curves.jsonl")
    return curves["eval/score"].steps if "eval/score" in curves else []


def test_evaluates_and_saves_by_epochs(supervised: Callable[..., Supervisor]) -> None:
    found = supervised([0.1, 0.2, 0.3])
    assert evaluated(found) == [5, 10, 15]
    assert saved(found) == [10, 15]  # two are kept, and the best is among them
    assert found.training.state.best_step == 15


def test_evaluates_and_saves_by_steps_and_always_at_the_end(supervised: Callable[..., Supervisor]) -> None:
    told: list[int] = []
    events = Events()
    events.on("checkpoint", lambda event: told.append(event.step))
    found = supervised(
        [0.9, 0.1, 0.1, 0.1],
        events=events,
        eval_strategy="steps",
        eval_steps=4,
        save_strategy="steps",
        save_steps=6,
        save_total_limit=1,
    )
    assert evaluated(found) == [4, 8, 12, 15]
    assert told == [4, 6, 12, 15]  # 4 is the best so far
    assert saved(found) == [4, 15]


def test_evaluates_and_saves_after_each_share_of_the_steps(supervised: Callable[..., Supervisor]) -> None:
    told: list[int] = []
    events = Events()
    events.on("checkpoint", lambda event: told.append(event.step))
    shares = {"eval_strategy": "steps", "eval_steps": 0.1, "save_strategy": "steps", "save_steps": 0.4}
    found = supervised([0.9, *[0.1] * 7], events=events, **shares)
    assert evaluated(found) == [2, 4, 6, 8, 10, 12, 14, 15]  # a tenth of 15 steps is rounded up
    assert told == [2, 6, 12, 15]  # 2 is the best so far


def test_without_evaluation_and_saving_nothing_is_saved(supervised: Callable[..., Supervisor]) -> None:
    found = supervised(None, eval_strategy="no", save_strategy="no")
    assert evaluated(found) == [] and saved(found) == [] and found.training.state.step == 15
    assert found.training.state.best_step is None


@pytest.mark.parametrize(
    ("values", "steps"), [([0.1, 0.3, 0.2], [5, 10]), ([0.1, 0.2, 0.3], [5, 10]), ([0.3, 0.2, 0.1], [5])]
)
def test_without_saving_only_the_best_weights_so_far_are_saved_and_not_those_of_the_end(
    supervised: Callable[..., Supervisor], values: list[float], steps: list[int]
) -> None:
    """Which go from memory to the end."""
    found = supervised(values, save_strategy="no")
    assert saved(found) == steps and evaluated(found) == [5, 10, 15]


def test_a_training_that_stops_early_without_saving_saves_nothing_more(supervised: Callable[..., Supervisor]) -> None:
    found = supervised([0.3, 0.2, 0.1], save_strategy="no", early_stopping_patience=1)
    assert found.training.state.step == 10 and saved(found) == [5]


@pytest.mark.parametrize(("greater", "best"), [(True, 10), (False, 5)])
def test_the_best_checkpoint_is_that_of_the_best_value_and_the_first_of_equals(
    supervised: Callable[..., Supervisor], greater: bool, best: int
) -> None:
    found = supervised([0.1, 0.7, 0.7], greater_is_better=greater, save_total_limit=1)
    assert found.training.state.best_step == best
    assert found.training.state.best_value == (0.7 if greater else 0.1)
    assert saved(found) == [best, 15]


@pytest.mark.parametrize(
    ("losses", "best", "gainless"),
    [
        ([0.158, 0.02, 0.002], 15, 2),  # all as right, and ever surer
        ([0.02, 0.158, 0.02], 5, 2),
        ([0.158, 0.02, math.nan], 10, 2),
    ],
)
def test_equal_values_go_to_the_lower_loss_and_count_as_no_gain(
    supervised: Callable[..., Supervisor], losses: list[float], best: int, gainless: int
) -> None:
    given = iter(losses)
    found = supervised(evaluate=lambda: {"loss": next(given), "score": 1.0}, save_total_limit=1)
    state = found.training.state
    assert (state.best_step, state.best_loss) == (best, min(losses))
    assert state.evaluations_without_gain == gainless
    assert saved(found) == sorted({best, 15})


def test_the_best_weights_are_restored_as_they_were(supervised: Callable[..., Supervisor]) -> None:
    kept: dict[int, dict[str, torch.Tensor]] = {}
    trainings: list[Training] = []
    events = Events()
    events.on("evaluation", lambda event: kept.update({event.step: weights(trainings[0].model)}))
    found = supervised([0.1, 0.7, 0.2], events=events, change=trainings.append)
    best = next(c for c in checkpoints.list_checkpoints(found.directory) if c.step == 10)
    checkpoints.load_weights(found.training, best)
    assert same_weights(weights(found.training.model), kept[10])
    assert not same_weights(kept[10], kept[15])


def test_the_best_checkpoints_to_average_are_kept_besides_the_newest(supervised: Callable[..., Supervisor]) -> None:
    found = supervised(
        [0.1, 0.5, 0.3, 0.4, 0.2, 0.4, 0.1, 0.1],
        eval_strategy="steps",
        eval_steps=2,
        save_strategy="no",
        average_best=3,
        save_total_limit=1,
    )
    ranked = found.training.state.ranked
    assert [(one.step, one.value) for one in ranked] == [(4, 0.5), (8, 0.4), (12, 0.4)]
    assert saved(found) == [4, 8, 12]
    newest, _ = checkpoints.newest_whole(found.directory)
    assert newest is not None
    checkpoints.restore(found.training, newest)
    assert found.training.state.step == 12 and found.training.state.ranked == ranked


def test_the_last_step_is_saved_if_it_is_to_be_averaged(supervised: Callable[..., Supervisor]) -> None:
    found = supervised([0.1, 0.2, 0.3], save_strategy="no", average_best=2, save_total_limit=1)
    assert saved(found) == [10, 15]


def test_averaged_weights_are_evaluated_beside_those_as_trained(supervised: Callable[..., Supervisor]) -> None:
    """The average of the second evaluation is the best one; its gain counts against stopping early."""
    told: list[tuple[int, bool, bool]] = []
    events = Events()
    events.on("evaluation", lambda event: told.append((event.step, event.best, event.ema_best)))
    values = iter([0.2, 0.5, 0.6, 0.4, 0.3, 0.4])  # EMA, raw
    found = supervised(
        evaluate=lambda: {"loss": 0.5, "score": next(values)},
        events=events,
        ema_decay=0.9,
        early_stopping_patience=1,
        save_total_limit=1,
    )
    state = found.training.state
    assert told == [(5, True, True), (10, False, True), (15, False, False)]
    assert (state.best_step, state.best_value) == (5, 0.5)
    assert state.ema_best is not None and (state.ema_best.step, state.ema_best.value) == (10, 0.6)
    assert saved(found) == [5, 10, 15]
    curves = read_curves(found.directory.parent / "curves.jsonl")
    assert curves["eval/score"].values == [0.5, 0.4, 0.4] and curves["eval/ema_score"].values == [0.2, 0.6, 0.3]


def test_early_stopping_counts_evaluations_without_gain(supervised: Callable[..., Supervisor]) -> None:
    found = supervised(
        [0.5, 0.6, 0.6, 0.55, 0.9], eval_strategy="steps", eval_steps=2, early_stopping_patience=2, save_total_limit=1
    )
    state = found.training.state
    assert evaluated(found) == [2, 4, 6, 8]
    assert (state.step, state.best_step, state.evaluations_without_gain) == (8, 4, 2)
    assert state.stopped == "score did not improve in 2 evaluations"
    assert saved(found) == [4, 8]
    assert checkpoints.newest_whole(found.directory)[0].step == 8


def test_a_metric_that_is_nan_or_missing_is_never_the_best(supervised: Callable[..., Supervisor]) -> None:
    found = supervised([math.nan, 0.2, math.nan])
    assert (found.training.state.best_step, found.training.state.best_value) == (10, 0.2)
    assert math.isnan(read_curves(found.directory.parent / "curves.jsonl")["eval/score"].values[0])
    without = supervised(evaluate=lambda: {"loss": 0.1})
    assert without.training.state.best_step is None


def test_a_listener_may_stop_the_training_and_the_state_is_saved(supervised: Callable[..., Supervisor]) -> None:
    events, ends = Events(), []
    events.on("step", lambda event: Stop("enough") if event.step == 7 else None)
    events.on("end", lambda event: ends.append((event.step, event.reason)))
    found = supervised([0.1, 0.2, 0.3], events=events)
    assert found.training.state.step == 7 and found.training.state.stopped == "enough"
    assert saved(found)[-1] == 7
    assert ends == [(7, "enough")]


@pytest.mark.parametrize(("strategy", "evaluations"), [("epoch", [5, 7]), ("no", [])])
def test_a_listener_that_stops_may_ask_for_an_evaluation(
    supervised: Callable[..., Supervisor], strategy: str, evaluations: list[int]
) -> None:
    events = Events()
    events.on("step", lambda event: Stop("late", evaluate=True) if event.step == 7 else None)
    found = supervised([0.1, 0.2] if evaluations else None, events=events, eval_strategy=strategy)
    assert (found.training.state.step, found.training.state.stopped) == (7, "late")
    assert evaluated(found) == evaluations
    assert found.training.state.best_step == (7 if evaluations else None)
    assert saved(found)[-1] == 7


def test_listeners_hear_the_numbers_of_the_curves(supervised: Callable[..., Supervisor]) -> None:
    steps, evaluations = [], []
    events = Events()
    events.on("step", steps.append, every=2)
    events.on("evaluation", evaluations.append)
    found = supervised([0.1, 0.3, 0.2], events=events)
    curves = read_curves(found.directory.parent / "curves.jsonl")
    assert [event.step for event in steps] == list(range(2, 16, 2))
    assert [event.loss for event in steps] == curves["train/loss"].values[1::2]
    assert [event.grad_norm for event in steps] == curves["train/grad_norm"].values[1::2]
    assert [event.learning_rate for event in steps] == curves["train/learning_rate"].values[1::2]
    assert [(event.step, event.metrics["score"], event.best) for event in evaluations] == [
        (5, 0.1, True),
        (10, 0.3, True),
        (15, 0.2, False),
    ]
    assert curves["train/loss"].steps == list(range(1, 16))


def test_an_evaluation_that_draws_random_numbers_does_not_change_the_training(
    supervised: Callable[..., Supervisor], data: Prepared
) -> None:
    def with_dropout(training: Training) -> None:
        for module in training.model.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.3

    def reckless() -> Mapping[str, float]:
        torch.manual_seed(0)
        np.random.seed(0)
        return {"loss": float(torch.rand(3).sum()), "score": 0.5}

    quiet = supervised(None, change=with_dropout, eval_strategy="no")
    loud = supervised(evaluate=reckless, change=with_dropout, eval_strategy="steps", eval_steps=1)
    assert same_weights(weights(quiet.training.model), weights(loud.training.model))
    plain = supervised(None, eval_strategy="no")
    assert not same_weights(weights(quiet.training.model), weights(plain.training.model)), "dropout was off"


def test_the_model_evaluates_in_evaluation_mode_and_trains_in_training_mode(
    supervised: Callable[..., Supervisor],
) -> None:
    modes: list[tuple[str, bool]] = []
    models: list[torch.nn.Module] = []

    def spy(training: Training) -> None:
        models.append(training.model)
        training.model.bert.register_forward_pre_hook(lambda *_: modes.append(("forward", training.model.training)))

    def evaluate() -> Mapping[str, float]:
        modes.append(("evaluate", models[0].training))
        return {"loss": 0.1, "score": 0.1}

    supervised(evaluate=evaluate, change=spy)
    assert set(modes) == {("forward", True), ("evaluate", False)}
    assert modes.count(("evaluate", False)) == 3


def test_curves_that_cannot_be_written_are_told_as_such(
    supervised: Callable[..., Supervisor], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(operation: str, path: Path) -> None:
        if operation == "fsync" and path.name == "curves.jsonl":
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(disk, "before_change", full)
    with pytest.raises(ResourceError, match="No space left"):
        supervised([0.1, 0.2, 0.3])


@pytest.mark.parametrize(
    ("values", "best", "near"),
    [
        ([0.5, 0.8, 0.75], 15, [False, False, True]),  # as good as the best, and trained longer
        ([0.5, 0.8, 0.65], 10, [False, False, False]),
        ([0.8, 0.72, 0.65], 10, [False, True, False]),  # worse than the best, not than the one that was taken
        ([0.8, 0.75, 0.9], 15, [False, True, False]),
    ],
)
def test_the_last_checkpoint_within_the_tolerance_of_the_best_is_taken(
    supervised: Callable[..., Supervisor], values: list[float], best: int, near: list[bool]
) -> None:
    told: list[bool] = []
    events = Events()
    events.on("evaluation", lambda event: told.append(event.near))
    found = supervised(values, events=events, tolerance=0.1, save_total_limit=1)
    assert found.training.state.best_step == best and told == near
    assert saved(found) == sorted({best, 15})


def test_training_stops_early_where_every_evaluation_is_outside_of_the_tolerance(
    supervised: Callable[..., Supervisor],
) -> None:
    stays = supervised([0.8, 0.75, 0.72], tolerance=0.1, early_stopping_patience=1)
    assert not stays.training.state.stopped
    falls = supervised([0.8, 0.65, 0.9], tolerance=0.1, early_stopping_patience=1)
    assert falls.training.state.step == 10 and "did not improve" in falls.training.state.stopped


@pytest.mark.parametrize(
    ("values", "best"), [([0.8, 0.2, math.nan], 15), ([math.nan, 0.8, math.nan], 15), ([math.nan, math.nan, 0.1], 15)]
)
def test_the_last_checkpoint_is_taken_whatever_its_metric_where_the_tolerance_is_that_wide(
    supervised: Callable[..., Supervisor], values: list[float], best: int
) -> None:
    found = supervised(values, tolerance=2 * ANY, save_total_limit=1)
    assert found.training.state.best_step == best and saved(found) == [15]
    newest, _ = checkpoints.newest_whole(found.directory)
    assert newest is not None
    before = json.dumps(found.training.state.to_dict())
    checkpoints.restore(found.training, newest)
    assert json.dumps(found.training.state.to_dict()) == before


def test_better_than_an_undefined_last_one_is_the_best(supervised: Callable[..., Supervisor]) -> None:
    found = supervised([0.2, math.nan, 0.9], tolerance=2 * ANY)
    assert (found.training.state.best_step, found.training.state.best_value) == (15, 0.9)


def test_an_undefined_metric_does_not_stop_the_training_early(supervised: Callable[..., Supervisor]) -> None:
    found = supervised([0.8, math.nan, math.nan], tolerance=0.1, early_stopping_patience=1)
    assert not found.training.state.stopped and found.training.state.evaluations_without_gain == 0
    assert found.training.state.best_step == 5


def test_a_resumed_training_knows_the_best_value_and_not_only_that_of_its_weights(
    supervised: Callable[..., Supervisor],
) -> None:
    found = supervised([0.5, 0.8, 0.75], tolerance=0.1)
    newest, _ = checkpoints.newest_whole(found.directory)
    assert newest is not None
    checkpoints.restore(found.training, newest)
    top = found.training.state.top
    assert top is not None and (top.step, top.value) == (10, 0.8)
