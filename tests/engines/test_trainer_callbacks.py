"""`TrainerCallback`s see the state of the run, its evaluations and its checkpoints, and what they ask for is heeded."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from datasets import Dataset
from transformers import (
    EarlyStoppingCallback,
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainingArguments,
)

from luthier.api import one_run, resume, train
from luthier.engines.events import Events
from luthier.engines.trainer_callbacks import STOPPED, as_callback
from luthier.errors import UsageError
from luthier.learning_curves.record import read_curves
from luthier.pipeline.results import Result
from tests.conftest import review_rows
from tests.faults.runs import quick_report

ROWS = review_rows(54)  # 42 train: 3 steps of 16 rows in an epoch, the last of 10
HOOKS = [name for name in dir(TrainerCallback) if name.startswith("on_")]
Heard = list[tuple[str, int, dict[str, Any]]]


class Recorder(TrainerCallback):
    """Remembers each call: name, step and the numbers; and does something at some of them."""

    def __init__(self, act: Callable[[str, Any, TrainerControl], None] = lambda name, state, control: None) -> None:
        self.heard: Heard = []
        self.act = act

    def names(self, *wanted: str) -> list[tuple[str, int]]:
        return [(name, step) for name, step, _ in self.heard if name in wanted]

    def numbers(self, hook: str, key: str) -> dict[int, float]:
        return {step: numbers[key] for name, step, numbers in self.heard if name == hook and key in numbers}


def _hook(name: str) -> Callable[..., None]:
    def hear(self: Recorder, args: Any, state: Any, control: TrainerControl, **more: Any) -> None:
        numbers = more.get("metrics") or more.get("logs") or {}
        extra = {"checkpoint": more["checkpoint"]} if "checkpoint" in more else {}
        self.heard.append((name, state.global_step, {**numbers, "state.epoch": state.epoch, **extra}))
        self.act(name, state, control)

    return hear


for _name in HOOKS:
    setattr(Recorder, _name, _hook(_name))


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(one_run, "report", quick_report)


def run(folder: Path, model: Path, *callbacks: Any, **settings: Any) -> Result:
    values: dict[str, Any] = {
        "model": str(model),
        "engine": "trainer",
        "max_steps": 7,
        "batch_size": 16,
        "precision": "fp32",
        "validation_share": 0.2,
        "test_share": 0.0,
        "resamples": 100,
        "baselines": False,
        "training": {"eval_strategy": "steps", "eval_steps": 2, "save_strategy": "steps", "save_steps": 2},
    }
    return train.train(ROWS, run_dir=folder, callbacks=callbacks, **values | settings)


def curve(result: Result, name: str) -> dict[int, float]:
    series = read_curves(result.run.curves_file)[name]
    return dict(zip(series.steps, series.values, strict=True))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> tuple[Result, Recorder]:
    """A run of 7 steps, and what was heard of it."""
    told = Recorder()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(one_run, "report", quick_report)
        return run(tmp_path_factory.mktemp("whole") / "run", tiny_model, told), told


def test_the_numbers_are_those_of_the_curves(whole: tuple[Result, Recorder]) -> None:
    result, told = whole
    for name in ("loss", "learning_rate", "grad_norm"):
        assert told.numbers("on_log", name) == pytest.approx(curve(result, f"train/{name}"), rel=1e-6)
    for name in ("loss", "accuracy"):
        found = curve(result, f"eval/{name}")
        assert list(found) == [2, 4, 6, 7]
        assert told.numbers("on_evaluate", f"eval_{name}") == told.numbers("on_log", f"eval_{name}") == found
    assert told.numbers("on_step_end", "state.epoch") == {step: pytest.approx(step / 3) for step in range(1, 8)}
    saved = [numbers["checkpoint"] for name, _, numbers in told.heard if name == "on_save"]
    assert [path.name for path in saved] == [f"step-{step:06}" for step in (2, 4, 6, 7)]


def test_the_calls_are_those_of_a_plain_trainer(
    whole: tuple[Result, Recorder], tmp_path: Path, tiny_model: Path
) -> None:
    """With batches of its own; `on_evaluate` and `on_save` at the end of an epoch come before `on_epoch_end` here."""
    from transformers import AutoModelForSequenceClassification

    told, rows = Recorder(), Dataset.from_list([{"input_ids": [2, 7, 8], "labels": i % 2} for i in range(42)])
    settings: dict[str, Any] = {"per_device_train_batch_size": 16, "max_steps": 7, "logging_steps": 1, "eval_steps": 2}
    args = TrainingArguments(
        str(tmp_path), use_cpu=True, report_to="none", eval_strategy="steps", save_steps=2, **settings
    )
    model = AutoModelForSequenceClassification.from_pretrained(tiny_model)
    Trainer(model, args, train_dataset=rows, eval_dataset=rows, callbacks=[told]).train()
    ignored = {"on_prediction_step"}
    assert set(told.names(*HOOKS)) - set(whole[1].names(*HOOKS)) == {
        (name, step) for name, step, _ in told.heard if name in ignored
    }
    for hook in (*HOOKS[:2], "on_epoch_begin", "on_epoch_end", "on_step_end", "on_evaluate", "on_save", "on_log"):
        if hook not in ignored:
            assert whole[1].names(hook) == told.names(hook), hook


@pytest.mark.parametrize(
    ("hook", "step", "stops"),
    [
        ("on_step_end", 3, 3),
        ("on_log", 3, 3),
        ("on_step_begin", 3, 4),  # the step is done to its end
        ("on_substep_end", 3, 4),
        ("on_evaluate", 2, 2),
        ("on_save", 2, 2),
        ("on_epoch_end", 3, 3),
        ("on_train_begin", 0, 1),
    ],
)
def test_a_stop_ends_the_training_after_the_step_with_a_model_of_it(
    hook: str, step: int, stops: int, tmp_path: Path, tiny_model: Path
) -> None:
    def act(name: str, state: Any, control: TrainerControl) -> None:
        if (name, state.global_step) == (hook, step):
            control.should_training_stop = True

    told = Recorder(act)
    found = run(tmp_path / "run", tiny_model, told, gradient_accumulation_steps=2).to_dict()
    assert (found["steps"], found["stopped"]) == (stops, STOPPED)
    assert told.names("on_step_end")[-1] == ("on_step_end", stops)
    assert told.names("on_save")[-1] == ("on_save", stops), "its model can be had"
    assert told.names("on_train_end") == [("on_train_end", stops)]


def test_a_stop_at_the_last_step_is_not_an_early_one(tmp_path: Path, tiny_model: Path) -> None:
    def act(name: str, state: Any, control: TrainerControl) -> None:
        control.should_training_stop = control.should_training_stop or state.global_step == 2

    found = run(tmp_path / "run", tiny_model, Recorder(act), max_steps=2)
    assert found.to_dict()["stopped"] == "all steps completed"


def test_evaluations_and_checkpoints_come_when_asked_for(tmp_path: Path, tiny_model: Path) -> None:
    def act(name: str, state: Any, control: TrainerControl) -> None:
        control.should_log = False  # `on_log` is called all the same
        if name == "on_step_end":
            control.should_evaluate = state.global_step == 1
            control.should_save = state.global_step == 3

    told = Recorder(act)
    result = run(tmp_path / "run", tiny_model, told, max_steps=4, training={"eval_strategy": "epoch"})
    assert list(curve(result, "eval/loss")) == [1, 3, 4]
    assert told.names("on_evaluate") == [("on_evaluate", step) for step in (1, 3, 4)]
    assert ("on_save", 3) in told.names("on_save")


def test_a_resumed_run_shows_its_own_steps(tmp_path: Path, tiny_model: Path, whole: tuple[Result, Recorder]) -> None:
    class Broken(Exception):
        pass

    def act(name: str, state: Any, control: TrainerControl) -> None:
        if (name, state.global_step) == ("on_save", 4):
            raise Broken

    with pytest.raises(Broken):
        run(tmp_path / "run", tiny_model, Recorder(act))
    told = Recorder()
    result = resume.resume(tmp_path / "run", callbacks=[told])
    before = [(name, step) for name, step in whole[1].names(*HOOKS) if step >= 4]
    start = before.index(("on_step_begin", 4))
    assert told.names(*HOOKS) == [
        ("on_init_end", 0),
        ("on_train_begin", 4),
        ("on_epoch_begin", 4),
        *before[start:],
    ]
    expected = {step: loss for step, loss in whole[1].numbers("on_log", "loss").items() if step > 4}
    assert told.numbers("on_log", "loss") == expected
    assert told.numbers("on_log", "train_loss") == {7: pytest.approx(sum(expected.values()) / 3)}
    assert told.numbers("on_evaluate", "eval_loss").keys() == {6, 7}
    assert curve(result, "train/loss") == curve(whole[0], "train/loss")


def test_the_evaluation_before_the_first_step_is_heard(tmp_path: Path, tiny_model: Path) -> None:
    told = Recorder()
    run(tmp_path / "run", tiny_model, told, max_steps=1, training={"eval_on_start": True})
    assert told.names("on_train_begin", "on_evaluate", "on_step_end") == [
        ("on_train_begin", 0),
        ("on_evaluate", 0),
        ("on_step_end", 1),
        ("on_evaluate", 1),
    ]


def test_callbacks_change_no_step(tmp_path: Path, tiny_model: Path, whole: tuple[Result, Recorder]) -> None:
    assert curve(run(tmp_path / "run", tiny_model), "train/loss") == curve(whole[0], "train/loss")


def test_a_class_is_a_callback_and_the_users_printer_prints(
    tmp_path: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(tmp_path / "run", tiny_model, PrinterCallback, max_steps=1)
    printed = capsys.readouterr().out
    assert printed.count("'learning_rate'") == 1 and printed.count("'eval_loss'") == 1


@pytest.mark.parametrize("name", ["on_step_end", "on_step_begin", "on_epoch_begin"])
def test_the_end_of_an_epoch_cannot_be_asked_for(name: str, tmp_path: Path, tiny_model: Path) -> None:
    def act(called: str, state: Any, control: TrainerControl) -> None:
        control.should_epoch_stop = called == name

    with pytest.raises(UsageError, match="should_epoch_stop") as caught:
        run(tmp_path / "run", tiny_model, Recorder(act))
    assert "should_training_stop" in caught.value.hint


# -- refusals --------------------------------------------------------------------------------------------------------


def test_the_engine_loop_refuses_them_before_any_work(tmp_path: Path, tiny_model: Path) -> None:
    with pytest.raises(UsageError, match="the engine loop cannot call a TrainerCallback") as caught:
        run(tmp_path / "run", tiny_model, Recorder(), engine="loop")
    assert caught.value.where == "Recorder"
    assert 'engine="trainer"' in caught.value.hint and '("evaluation", function)' in caught.value.hint
    assert not (tmp_path / "run").exists()


def test_early_stopping_is_a_setting(tmp_path: Path, tiny_model: Path) -> None:
    with pytest.raises(UsageError, match="loses its count") as caught:
        run(tmp_path / "run", tiny_model, EarlyStoppingCallback(early_stopping_patience=3))
    assert "early_stopping_patience=3" in caught.value.hint


def test_what_is_a_callback() -> None:
    told = Recorder()
    assert as_callback(told) is told
    assert isinstance(as_callback(Recorder), Recorder)
    assert as_callback(print) is as_callback(int) is as_callback(("step", print)) is None


def test_pairs_and_callbacks_may_be_mixed(tmp_path: Path, tiny_model: Path) -> None:
    told, steps = Recorder(), []
    run(tmp_path / "run", tiny_model, told, ("step", lambda event: steps.append(event.step)), max_steps=2)
    assert steps == [step for _, step in told.names("on_step_end")] == [1, 2]
    Events.listening([("step", print)]).check_engine("loop")


@pytest.mark.parametrize("engine", ["loop", "trainer"])
def test_events_are_heard_in_both_engines(engine: str, tmp_path: Path, tiny_model: Path) -> None:
    heard: list[tuple[str, int]] = []

    def hear(name: Any) -> tuple[Any, Callable[[Any], None]]:
        return name, lambda event: heard.append((name, event.step))

    names = ("step", "evaluation", "checkpoint", "end")
    run(tmp_path / "run", tiny_model, *map(hear, names), engine=engine, max_steps=3)
    assert heard == [
        ("step", 1),
        ("step", 2),
        ("evaluation", 2),
        ("checkpoint", 2),
        ("step", 3),
        ("evaluation", 3),
        ("checkpoint", 3),
        ("end", 3),
    ]


@pytest.mark.parametrize("engine", ["loop", "trainer"])
def test_compute_metrics_is_measured_in_both_engines(engine: str, tmp_path: Path, tiny_model: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "import numpy as np\n"
        "def compute_metrics(p):\n"
        "    return {'top': (np.argmax(p.predictions, axis=1) == p.label_ids).mean()}\n"
    )
    spec = f"{tmp_path / 'mine.py'}:compute_metrics:max"
    result = run(tmp_path / "run", tiny_model, engine=engine, max_steps=4, metrics=[spec], metric_for_best="top")
    assert curve(result, "eval/top") == curve(result, "eval/accuracy")
    top, accuracy = result.metrics["top"], result.metrics["accuracy"]
    assert (top.value, top.n) == (accuracy.value, accuracy.n)
    assert torch.isfinite(torch.tensor(top.low))
