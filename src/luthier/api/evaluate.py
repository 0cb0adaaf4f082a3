"""`evaluate`: the score of a run or a model on rows, with intervals, baselines and a predictions file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset

from luthier.console import Console
from luthier.data import checks
from luthier.data.reading.discover import discover
from luthier.data.table import read
from luthier.data.tokenized import TARGET_LENGTH
from luthier.errors import DataError, FindingError, FingerprintError, RunError, UsageError
from luthier.models.loading import load_model
from luthier.models.sources import near
from luthier.pipeline.infer import Asked, answer
from luthier.pipeline.journal import same_data
from luthier.pipeline.predictor import Predictor, load
from luthier.pipeline.prepare import prepare, profile_sources
from luthier.pipeline.recognise import recognise
from luthier.pipeline.score import Scored, score, score_split
from luthier.recipe import Recipe, put
from luthier.run_directory.predictions import write_predictions
from luthier.run_directory.run import RECIPE, Run
from luthier.storage.atomic import write_json
from luthier.storage.disk import make_directory, writing
from luthier.text import listing


@dataclass(frozen=True)
class Evaluation:
    """What came of an evaluation.

    Args:
        directory: Where `metrics.json` and `predictions.parquet` were written.
        values: What `--json` prints.
    """

    directory: Path
    values: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        return self.values


def evaluate(
    target: str | Path,
    data: Sequence[str] = (),
    *,
    overrides: Mapping[str, Any] | None = None,
    console: Console | None = None,
) -> Evaluation:
    """Score a run or a model.

    Args:
        target: A run, a model directory, a short name or a hub name.
        data: The rows; empty: the rows that a run was scored on, read and split again from its sources.
        overrides: Dotted recipe key to value: columns, metrics, resamples.
        console: Told what is decided.
    Raises:
        UsageError: No data for a model, or a model without a task.
        FingerprintError: The run's data has changed since.
    """
    console = console or Console()
    is_run = (Path(target) / RECIPE).is_file()
    if not data and not is_run:
        if hint := near(str(target)):
            raise UsageError("no such run or model", where=str(target), hint=hint)
        hint = f"only a run knows its own test rows; give the data: luthier evaluate {target} DATA"
        raise UsageError("no data to evaluate on", where=str(target), hint=hint)
    if is_run and not data:
        if overrides:
            what = f"a run is scored again as it was, without other settings: {listing(list(overrides))}"
            raise UsageError(what, where=str(target), hint="leave them out, or name the data after the run")
        return _again(Run.open(target), console)
    return _on(str(target), [str(item) for item in data], overrides or {}, console)


def _again(run: Run, console: Console) -> Evaluation:
    """Score a run's model on its own held-out rows once more, from the sources on."""
    before = run.read_json(run.metrics_file)
    if before is None or not run.model.is_dir():
        raise RunError("the run has no score yet", where=str(run.path), hint=f"`luthier resume {run.path}` finishes it")
    prepared = prepare(run.recipe, console)
    same_data(run, prepared)
    model = load_model(prepared.task.auto_class, str(run.model), config=prepared.task.model_config())
    scored = score_split(prepared, model, before["split"], console)
    found = scored.to_dict(prepared.task.name)
    same = "the same as the run's own" if found == before else "not the same as the run's own"
    console.say(f"{len(scored.predictions['row'])} {scored.split} rows: the metrics are {same}")
    return _write(run.path / "evaluations" / scored.split, scored, prepared.task.name, str(run.path))


def _on(target: str, data: Sequence[str], overrides: Mapping[str, Any], console: Console) -> Evaluation:
    """Score a model on rows that it may never have seen."""
    predictor = load(target)
    values: dict[str, Any] = {"task": predictor.task.name, "data": {"train": list(data)}}
    for key, value in overrides.items():
        put(values, key, value)
    recipe = Recipe.build(values, where="options")
    examples = _examples(predictor, data, recipe, console)
    asked = _asked(predictor, examples)
    answers, _ = answer(predictor.task, predictor.model, predictor.tokenizer, asked, recipe, console=console)
    train = _training_rows(target, console)
    baselines = predictor.task.baselines(train[:], asked.examples) if train is not None else {}
    if not recipe.evaluation.baselines:
        baselines = {}
    scored = score(predictor.task, answers, asked.examples, recipe, split="test", baselines=baselines)
    name = Path(data[0]).name.split(".")[0] or "data"
    parent = Path(target) if (Path(target) / RECIPE).is_file() else Path()
    return _write(parent / "evaluations" / name, scored, predictor.task.name, target)


def _examples(predictor: Predictor, data: Sequence[str], recipe: Recipe, console: Console) -> Dataset:
    """The rows as examples of the model's own task, with labels that the model knows."""
    splits = discover(data)
    sources = {"test": [source for group in splits.values() for source in group]}
    profiles = profile_sources(sources)
    task = predictor.task
    known = [name for column in task.columns.values() for name in ([column] if isinstance(column, str) else column)]
    if recipe.data.columns or not all(name in profiles for name in known):
        recognition = recognise(recipe, profiles, listing(data, 3), None)
        if recognition.shape != task.shape:
            raise DataError(
                f"the rows are {recognition.shape}, and the model was tuned for {task.shape}",
                where=listing(data, 3),
                hint="name the columns with --text and --label",
            )
        task.columns = dict(recognition.columns)
        for decision in recognition.why:
            console.decision(decision)
    task.look(profiles)
    table = read(sources, task.example)
    if "test" in table.examples:
        unknown = [i for i, example in enumerate(table.examples["test"]) if not task.knows(example)]
        table.examples["test"] = table.drop(table.examples["test"], "test", "unknown-label", unknown)
    account = table.accounts["test"]
    for finding in checks.skipped_rows(account.read, account.skipped):
        console.finding(finding)
    if not table.examples.get("test"):
        reasons = listing([f"{n} {reason}" for reason, n in account.skipped.most_common()]) or "there are none"
        used = ", ".join(f"{role} {column!r}" for role, column in task.columns.items())
        labels = task.model_config().get("id2label", {})
        knows = f"; the model knows the labels {listing(list(labels.values()))}" if labels else ""
        hint = f"columns used: {used}{knows}; name others with --text and --label"
        raise FindingError(f"no row can be scored: {reasons}", where=listing(data, 3), hint=hint)
    return table.examples["test"]


def _asked(predictor: Predictor, examples: Dataset) -> Asked:
    """Examples as the model reads them, within its limits."""
    features = predictor.task.encode(examples[:], predictor.tokenizer, predictor.limits, training=False)
    rows = [{key: column[i] for key, column in features.items()} for i in range(len(features["input_ids"]))]
    lengths = np.array([len(row["input_ids"]) + row.get(TARGET_LENGTH, 0) for row in rows])
    return Asked(examples[:], rows, lengths, predictor.limits)


def _training_rows(target: str, console: Console) -> Dataset | None:
    """What a run learned from, so that the baselines can learn from it too; None where it is not there any more."""
    if not (Path(target) / RECIPE).is_file():
        return None
    run = Run.open(target)
    try:
        prepared = prepare(run.recipe, Console())
        same_data(run, prepared)
    except (DataError, FingerprintError) as error:
        console.warn(f"no baselines: the training rows cannot be read again ({error.what})")
        return None
    return prepared.splits["train"]


def _write(directory: Path, scored: Scored, task: str, target: str) -> Evaluation:
    with writing(directory):
        make_directory(directory)
    found = scored.to_dict(task)
    write_predictions(directory / "predictions.parquet", scored.predictions)
    write_json(directory / "metrics.json", found)
    shown = {key: found[key] for key in ("metrics", "baselines", "differences")}
    return Evaluation(directory, {"run": target, **shown, "directory": str(directory)})
