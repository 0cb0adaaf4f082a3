"""Checks for authors of tasks: `check_task` runs a task end to end, as users do."""

import io
import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout, suppress
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file

from luthier.api.evaluate import evaluate
from luthier.api.inspect import inspect
from luthier.api.resume import resume
from luthier.api.train import train
from luthier.data.batches import flat
from luthier.engines.events import CheckpointSaved
from luthier.learning_curves.record import read_curves
from luthier.pipeline.inference.predictor import load
from luthier.pipeline.results import Result
from luthier.run_directory.run import Run
from luthier.storage.atomic import write_text
from luthier.tasks.base import Task
from luthier.tasks.registry import provisional, registry, shapes_using

ENGINES = ("loop", "trainer")
LOSSES_AGREE = 1e-5  # relative, between the engines
QUICK: Mapping[str, Any] = {
    "training.precision": "fp32",
    "training.max_steps": 6,
    "training.batch_size": 8,
    "training.save_strategy": "steps",
    "training.save_steps": 3,
    "training.eval_strategy": "steps",
    "training.eval_steps": 3,
    "model.dropout": 0.0,
    "evaluation.resamples": 100,
}
QUICK_TEXTS: Mapping[str, Any] = {"evaluation.samples": 2, "evaluation.generated_rows": 4}


def check_task(
    kind: type[Task[Any]], rows: Sequence[Mapping[str, Any]], folder: Path, *, model: str | Path, **settings: Any
) -> Result:
    """Run a task end to end: recognise, train in both engines, stop and resume, evaluate, report, predict.

    Args:
        kind: The task.
        rows: A few dozen rows, as a user would have them; the last one is also used for a prediction.
        folder: An empty directory for the data and the runs.
        model: A small model that can be fine-tuned for the task.
        settings: Recipe keys; they override the quick settings.
    Returns:
        The result of the run in the engine `loop`.
    Raises:
        AssertionError: Something does not work as users expect.

    Example:
        >>> check_task(MultipleChoice, rows, tmp_path, model="minilm")
    """
    data = folder / "rows.jsonl"
    write_text(data, "".join(json.dumps(dict(row)) + "\n" for row in rows))
    texts = {key: value for key, value in QUICK_TEXTS.items() if shapes_using(kind(), key)}
    keys: dict[str, Any] = {**QUICK, **texts, "model.name": str(model), **settings}
    with _known(kind()):
        _check_inspection(kind, data, keys)
        loop, trainer = (train(data, run_dir=folder / name, **keys | {"training.engine": name}) for name in ENGINES)
        _check_engines(loop, trainer)
        _check_resume(loop, data, folder / "stopped", keys)
        again = evaluate(loop.run.path).to_dict()["metrics"]
        assert again == loop.to_dict()["metrics"], "`luthier evaluate RUN` gives other scores than the run"
        _check_words(loop, kind)
        _check_predictions(loop, rows[-1])
    return loop


@contextmanager
def _known(task: Task[Any]) -> Iterator[None]:
    """Register the task by its name, whether or not its package is installed."""
    if type(registry().get(task.name)) is type(task):
        yield
    else:
        with provisional(task):
            yield


def _check_inspection(kind: type[Task[Any]], data: Path, keys: Mapping[str, Any]) -> None:
    found = inspect(data, cost=False, **keys).to_dict()
    assert found["task"] == kind.name, f"the rows were recognised as {found['task']}"
    known = {role.name for role in kind.roles} | {"split"}
    assert found["columns"].keys() <= known, f"columns of roles that the task does not name: {found['columns']}"
    for split, account in found["rows"].items():
        counted = account["kept"] + sum(account["skipped"].values())
        assert account["read"] == counted, f"{split}: {account['read']} rows read, {counted} kept or skipped"
    assert not [one for one in found["findings"] if one["severity"] == "error"], found["findings"]


def _check_engines(loop: Result, trainer: Result) -> None:
    ours, theirs = (np.array(read_curves(one.run.curves_file)["train/loss"].values) for one in (loop, trainer))
    assert np.isfinite(ours).all() and len(ours) == loop.to_dict()["steps"], "the loss is not finite at every step"
    assert np.allclose(ours, theirs, rtol=LOSSES_AGREE, atol=0), f"the engines disagree: {ours} and {theirs}"
    padding = loop.to_dict()["padding_share"]
    assert 0 <= padding < 1, f"a padding share of {padding}: does `input_ids` hold the tokens of a row?"
    for name, score in loop.to_dict()["metrics"].items():
        value = score and score["value"]
        assert value is not None and np.isfinite(value), f"{name} is not defined"


def _check_resume(whole: Result, data: Path, run: Path, keys: dict[str, Any]) -> None:
    """Check that a run interrupted after its first checkpoint and resumed ends with bit-identical weights."""

    def break_off(event: CheckpointSaved) -> None:
        raise KeyboardInterrupt

    with suppress(KeyboardInterrupt):
        train(data, run_dir=run, callbacks=[("checkpoint", break_off)], **keys | {"training.engine": "loop"})
    resume(run)
    weights = [load_file(one.model / "model.safetensors") for one in (whole.run, Run(run))]
    changed = [name for name in weights[0] if not np.array_equal(weights[0][name], weights[1][name])]
    assert not changed, f"other weights after a resume: {changed[:3]}"


def _check_words(result: Result, kind: type[Task[Any]]) -> None:
    """Check that the report names the task, and that the code and commands in it work."""
    page = result.report_path.read_text(encoding="utf-8")
    assert kind.name in page, "the report does not name the task"
    words = load(result.run.path).task.words(result.run.path)
    assert words.hub_tag in (result.model_path / "README.md").read_text(encoding="utf-8")
    for snippet in words.snippets:
        assert _run(snippet.language, snippet.code).strip(), f"{snippet.title} prints nothing: {snippet.code}"
    assert _run("shell", words.next_command).strip(), f"the next command prints nothing: {words.next_command}"


def _run(language: str, code: str) -> str:
    """Run code and return what it prints; a command line is run in this process."""
    from luthier.cli import main

    printed = io.StringIO()
    with redirect_stdout(printed):
        if language == "python":
            exec(compile(code, "snippet", "exec"), {})
        elif shlex.split(code)[:2] == ["luthier", "chat"]:  # a conversation would wait for input
            printed.write(code)
        else:
            assert main(shlex.split(code)[1:]) == 0, code
    return printed.getvalue()


def _check_predictions(result: Result, row: Mapping[str, Any]) -> None:
    """Check that an answer does not depend on other rows, and that a row can be predicted without its target."""
    predictor = load(result.run.path)
    (alone,), several = predictor.predict([row]), predictor.predict([row] * 3)
    assert [one["prediction"] for one in several] == [alone["prediction"]] * 3, "an answer depends on its neighbours"
    read = predictor.task.query(row)
    assert isinstance(read, dict), f"the row is refused: {read}"
    features = predictor.task.encode({name: [value] for name, value in read.items()}, training=False)
    assert all(isinstance(token, int) for ids in features["input_ids"] for token in flat(ids))
