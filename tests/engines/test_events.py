"""Listeners are checked when they are added, heard at their cadence, and heeded when they ask to stop."""

import pytest

from luthier.engines.events import EvaluationNumbers, Events, Replan, StepNumbers, Stop, TrainingEnded
from luthier.errors import UsageError


def step(number: int) -> StepNumbers:
    return StepNumbers(number, 0.5, 10, 0.3, 1.0, 1e-4, 100.0)


@pytest.mark.parametrize("listener", [lambda: None, lambda a, b: None, lambda *, event: None])
def test_a_listener_that_cannot_be_called_is_refused_when_it_is_added(listener: object) -> None:
    with pytest.raises(UsageError, match="must take one argument") as caught:
        Events().on("step", listener)
    assert "def listener(event)" in caught.value.hint


@pytest.mark.parametrize("listener", [lambda event: None, lambda event, more=1: None, lambda *events: None, print])
def test_whatever_takes_one_argument_is_welcome(listener: object) -> None:
    Events().on("step", listener)


def test_an_unknown_event_is_answered_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="no event 'steps'") as caught:
        Events().on("steps", print)
    assert "did you mean 'step'" in caught.value.hint


def test_each_listener_has_its_cadence_and_its_turn() -> None:
    heard: list[tuple[str, int]] = []
    events = Events()
    events.on("step", lambda event: heard.append(("third", event.step)), every=3)
    events.on("step", lambda event: heard.append(("all", event.step)))
    events.on("end", lambda event: heard.append(("end", event.step)))
    for number in range(1, 5):
        assert events.emit("step", step(number)) is None
    events.emit("end", TrainingEnded(4, "done"))
    assert heard == [("all", 1), ("all", 2), ("third", 3), ("all", 3), ("all", 4), ("end", 4)]


def test_the_first_wish_to_stop_counts_and_every_listener_hears_the_event() -> None:
    heard: list[int] = []
    events = Events()
    events.on("evaluation", lambda event: Stop("first"))
    events.on("evaluation", lambda event: Stop("second"))
    events.on("evaluation", lambda event: heard.append(event.step))
    assert events.emit("evaluation", EvaluationNumbers(1, 0.1, {"loss": 1.0}, True)) == Stop("first")
    assert heard == [1]


def test_other_steps_are_planned_unless_a_listener_stops() -> None:
    events = Events()
    events.on("step", lambda event: Replan(50))
    events.on("step", lambda event: Stop("done") if event.step == 2 else None)
    assert [events.emit("step", step(number)) for number in (1, 2)] == [Replan(50), Stop("done")]


def test_other_answers_than_a_stop_mean_nothing() -> None:
    events = Events()
    events.on("step", lambda event: True)
    assert events.emit("step", step(1)) is None
