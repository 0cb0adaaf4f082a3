"""`evaluate`: score a run or a model, with intervals, baselines and a predictions file."""

import hashlib
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

from datasets import Dataset

from luthier.console import Console
from luthier.data.checks.duplicates import training_rows
from luthier.data.checks.texts import skipped_rows
from luthier.data.reading.memory import Data, name_of_copy
from luthier.data.reading.sources import Source
from luthier.data.records import Record, Skipped
from luthier.data.table import Example, read
from luthier.data.tokenized import Encoded
from luthier.errors import ColumnError, DataError, FindingError, FingerprintError, RunError, UsageError, closest
from luthier.findings import Finding
from luthier.metrics.custom import how_called
from luthier.models.adapters.load import load_any
from luthier.models.device import choose_device
from luthier.models.sources import near
from luthier.pipeline.inference.infer import Asked, answer
from luthier.pipeline.inference.outputs import RawOutputs
from luthier.pipeline.inference.predictor import Predictor, load
from luthier.pipeline.inference.score import Scored, score, score_split
from luthier.pipeline.inference.scored_split import sources_to_score, split_in_memory
from luthier.pipeline.journal import same_data
from luthier.pipeline.preparation.opening import profile_sources, source_decisions
from luthier.pipeline.preparation.prepare import check_allowed, prepare, refuse, stopping
from luthier.pipeline.preparation.recognise import recognise
from luthier.pipeline.preparation.tokenize import tokenize_split
from luthier.pipeline.recipes import specs_of
from luthier.pipeline.results import Evaluation
from luthier.pipeline.settings import dotted, place
from luthier.recipe import Recipe
from luthier.recipe.tables import put
from luthier.run_directory.predictions import write_predictions
from luthier.run_directory.run import RECIPE, Run, as_path
from luthier.run_directory.run_set import best_run
from luthier.storage.atomic import write_json
from luthier.storage.disk import make_directory, writing
from luthier.storage.temporary import temporary_directory
from luthier.tasks.phases import Bound
from luthier.tasks.registry import find, refuse_unused
from luthier.text import listing, plural, typed

USED = (  # the settings that scoring uses, besides those of the generation of text
    *("task", "data.allow", "data.columns", "data.label_names", "data.shape"),
    *("evaluation.baselines", "evaluation.eval_batch_size", "evaluation.generated_rows", "evaluation.resamples"),
    *("evaluation.metrics", "evaluation.metric_for_best", "evaluation.metric_mode"),
)


def evaluate(
    target: str | PathLike[str],
    data: Data | None = None,
    *,
    device: str | None = None,
    base_model: str | None = None,
    console: Console | None = None,
    **settings: Any,
) -> Evaluation:
    """Score a run or a model.

    Args:
        target: A run, a directory of several seeds (its best run), a model directory, a short name or a Hub name.
        data: The rows, in any form that `train` takes except a recipe; of several splits, the test split. None for
            the rows that a run was scored on, read and split again from its sources.
        device: As in `load`; None for the device of the run's recipe, when a run is scored again.
        base_model: As in `load`.
        console: Receives decisions and progress; silent by default.
        **settings: Recipe keys as in `train`: columns, metrics, resamples, `allow`; keys of the table `generation`,
            such as `temperature` (default: the model's own), and `seed` for sampling.
    Returns:
        The scores, and where they and the predictions were written.
    Raises:
        RecipeError: The task does not use a setting, or generation settings contradict each other.
        UsageError: No data for a model, a model without a task, a setting that only training uses, or several splits
            of which none is called test.
        FindingError: Half of the rows or more cannot be scored, and `allow` does not name this finding.
        FingerprintError: The run's data has changed since training.

    Example:
        >>> luthier.evaluate("runs/first", new_reviews, label="stars").metrics["accuracy"].value
    """
    console, target = console or Console(), str(best_run(as_path(target, "target")))
    is_run = (Path(target) / RECIPE).is_file()
    if data is None and not is_run:
        if hint := near(target):
            raise UsageError("no such run or model", where=target, hint=hint)
        hint = f"only a run knows its own test rows: add the data: luthier evaluate {typed(target)} DATA"
        raise UsageError("no data to evaluate on", where=target, hint=hint)
    others = dotted(settings)
    names = {key: key.removeprefix("generation.") for key in others if key == "seed" or key.startswith("generation.")}
    generation = {name: others.pop(key) for key, name in names.items()}
    if data is None:
        if others:
            what = f"when a run is scored again, only generation settings can be changed, not {listing(list(others))}"
            raise UsageError(what, where=target, hint="remove them, or add data after the run")
        return _again(Run.open(target), generation, device, base_model, console)
    unused = [key for key in others if key not in USED and not key.startswith(("data.columns.", "data.label_names."))]
    if unused:
        hint = "remove it: only `luthier train` uses it"
        raise UsageError(f"evaluate does not use {unused[0]}", where=place(settings, target)(unused[0]), hint=hint)
    with temporary_directory() as folder:
        splits = specs_of(data, Path(folder), console)
        specs = split_in_memory(splits, target, console)
        predictor = load(target, device=device, base_model=base_model)
        refuse_unused(predictor.task.kind, predictor.task.shape, others)
        return _on(target, predictor, specs, others, generation, console, place(settings, target), base_model)


def _again(
    run: Run, generation: Mapping[str, Any], device: str | None, base_model: str | None, console: Console
) -> Evaluation:
    """Score a run's model again on its own held-out rows, read from its sources."""
    before = run.scores()
    if not run.model.is_dir():
        hint = f"`luthier resume {typed(run.path)}` finishes it"
        raise RunError("the run has no model yet", where=str(run.path), hint=hint)
    recipe = _recipe(run, base_model)
    find(str(recipe.task), run.task_package, where=str(run.path))
    recipe.device = device or recipe.device
    choose_device(recipe.device)
    prepared = prepare(recipe, console)
    same_data(run, prepared)
    auto_class, wanted = prepared.task.kind.auto_class, prepared.task.model_config()
    model = load_any(auto_class, str(run.model), base=base_model, config=wanted, finished=True)
    predictor = Predictor(prepared.task.finished(model), model).generating(generation, console)
    prepared.task = predictor.task
    _, scored = score_split(prepared, predictor.model, before["split"], console)
    if not generation:
        equal = scored.to_dict(prepared.task.name) == before
        same = "the same as the run's own" if equal else "not the same as the run's own"
        console.say(f"{len(scored.predictions['row'])} {scored.split} rows: the metrics are {same}")
    return _write(run.path / "evaluations" / scored.split, scored, prepared.task.name, str(run.path), generation)


def _on(
    target: str,
    predictor: Predictor,
    data: Sequence[str],
    settings: Mapping[str, Any],
    generation: Mapping[str, Any],
    console: Console,
    where: Callable[[str], str],
    base_model: str | None,
) -> Evaluation:
    """Score a model on new data; `where` names the place of a setting, for errors."""
    if (asked := settings.get("task")) not in (None, predictor.task.name):
        what = f"the model was trained for {predictor.task.name}, not for {asked}"
        raise UsageError(what, where="--task", hint="remove --task, or evaluate another model")
    predictor = predictor.generating(generation, console)
    values: dict[str, Any] = {"task": predictor.task.name, "data": {"train": list(data)}}
    for key, value in settings.items():
        put(values, key, value)
    recipe = Recipe.build(values, where=where)
    sources = sources_to_score(data, target, console)
    task, examples, encoded = _examples(predictor, sources, recipe, console)
    asked = Asked.of(examples[:], encoded)
    raw = RawOutputs.wanted(recipe, asked.rows)
    generated = recipe.evaluation.generated_rows
    answers, _ = answer(task, predictor.model, asked, recipe, generated=generated, console=console, raw=raw)
    for spec in recipe.evaluation.metrics:
        console.decision(how_called(spec, raw))
    train = _training_rows(target, base_model, console)
    for finding in _seen(task, train, examples) if train is not None else []:
        console.finding(finding)
    baselines = task.baselines(train[:], asked.examples) if train is not None else {}
    if not recipe.evaluation.baselines:
        baselines = {}
    scored = score(task, answers, asked.examples, recipe, split="test", baselines=baselines, raw=raw)
    named = sources[0].name if name_of_copy(Path(data[0])) else Path(data[0]).name.split(".")[0]
    # Files of one name have different scores, and none replaces those of the run's own rows.
    content = hashlib.sha256("".join(source.digest for source in sources).encode()).hexdigest()
    name = "-".join([*re.findall(r"\w+", named), content[:6]])
    parent = Path(target) if (Path(target) / RECIPE).is_file() else Path()
    return _write(parent / "evaluations" / name, scored, task.name, target, generation)


def _examples(
    predictor: Predictor, several: Sequence[Source], recipe: Recipe, console: Console
) -> tuple[Bound[Any], Dataset, Encoded]:
    """The model's task for the columns of the data, and the rows as examples, limited to labels that it knows."""
    task, sources, names = predictor.task, {"test": several}, listing([source.name for source in several], 3)
    for decision in source_decisions(sources):
        console.decision(decision)
    profiles = profile_sources(sources)
    columns = task.columns
    known = [name for column in columns.values() for name in ([column] if isinstance(column, str) else column)]
    if recipe.data.columns or not all(name in profiles for name in known):
        recognition = recognise(recipe, profiles, names, None)
        if recognition.shape != task.shape:
            raise DataError(
                f"the rows are {recognition.shape}, but the model was trained for {task.shape}",
                where=names,
                hint="name the columns with --text and --label",
            )
        columns = recognition.columns
        for decision in recognition.why:
            console.decision(decision)
    task = task.reading(columns, profiles, anew=predictor.foreign).named(recipe.data.label_names)
    labels = task.model_config().get("id2label", {})
    learned = [role.name for role in task.kind.roles if role.learned]
    for flags in (column for role, column in columns.items() if role in learned and isinstance(column, list)):
        _require_labels(labels.values(), {task.name_of(name) for name in flags}, names)

    def example(record: Record) -> Example | Skipped:
        found = task.example(record)
        refusal = None if isinstance(found, Skipped) else task.refusal(found)
        return found if refusal is None else refusal.of(record)

    table = read(sources, example)
    if "test" in table.examples:
        unknown = [i for i, example in enumerate(table.examples["test"]) if not task.knows(example)]
        table.examples["test"] = table.drop(table.examples["test"], "test", "unknown-label", unknown)
    account = table.accounts["test"]
    findings = [*task.doubts(profiles), *skipped_rows(account.read, account.skipped, table.skipped)]
    examples, encoded = table.examples.get("test"), None
    if examples:
        findings += task.missed(examples, "test")
        examples, encoded, cut = tokenize_split(task, examples, "test", table)
        findings += cut
    check_allowed(recipe, task.kind, findings)
    for finding in findings:
        console.finding(finding)
    if not examples or encoded is None:
        reasons = listing([f"{n} {reason}" for reason, n in account.skipped.most_common()]) or "there are none"
        used = ", ".join(f"{role} {column!r}" for role, column in task.columns.items())
        knows = f"; the model knows the labels {listing(list(labels.values()))}" if labels else ""
        hint = f"columns used: {used}{knows}; choose others with --text and --label"
        if labels and set(account.skipped) == {"unknown-label"}:
            own = table.skipped[0].detail
            like = closest(own, labels.values()) or next(iter(labels.values()))
            hint += f", or name the file's labels as the model does: --label-names {typed(f'{own}={like}')},..."
        raise FindingError(f"no row can be scored: {reasons}", where=names, hint=hint)
    refuse(stopping(findings, recipe), sources)
    return task, examples, encoded


def _require_labels(known: Iterable[str], there: Collection[str], where: str) -> None:
    """Check that each label of the model has a column of flags: without one, it would count as set in no row."""
    if missing := [label for label in known if label not in there]:
        have = "has" if len(missing) == 1 else "have"
        what = f"{plural(len(missing), 'label')} of the model {have} no column: {listing(missing)}"
        hint = f"add {'it' if len(missing) == 1 else 'them'}, or name other columns: --label-names COLUMN={missing[0]}"
        raise ColumnError(what, where=where, hint=hint)


def _seen(task: Bound[Any], train: Dataset, examples: Dataset) -> list[Finding]:
    """The finding about rows that the model was trained on."""
    known, asked = ([task.key(example) for example in rows] for rows in (train, examples))
    return training_rows(known, asked, list(map(str, examples[task.kind.quoted])), list(examples["row"]))


def _training_rows(target: str, base_model: str | None, console: Console) -> Dataset | None:
    """The training rows of a run, for its baselines; None if they are no longer available."""
    if not (Path(target) / RECIPE).is_file():
        return None
    run = Run.open(target)
    try:
        prepared = prepare(_recipe(run, base_model), Console())
        same_data(run, prepared)
    except (DataError, FingerprintError) as error:
        console.warn(
            f"the training rows cannot be read again ({error.what}): there are no baselines, and rows that the model "
            "was trained on are not detected"
        )
        return None
    return prepared.splits["train"]


def _recipe(run: Run, base_model: str | None) -> Recipe:
    """The recipe of a run, with the place where its base model is now."""
    recipe = run.recipe
    recipe.model.name = base_model or recipe.model.name
    return recipe


def _write(directory: Path, scored: Scored, task: str, target: str, generation: Mapping[str, Any]) -> Evaluation:
    with writing(directory):
        make_directory(directory)
    found = scored.to_dict(task) | ({"generation": dict(generation)} if generation else {})
    write_predictions(directory / "predictions.parquet", scored.predictions)
    write_json(directory / "metrics.json", found)
    shown = ("metric_for_best", "metrics", "baselines", "differences", "all_rows", "generation")
    kept = {key: found[key] for key in shown if key in found}
    return Evaluation({"run": target, **kept, "directory": str(directory)}, directory)
