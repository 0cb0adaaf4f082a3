"""Prepare everything that training needs except the model: the steps shared by inspect, train and evaluate."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset
from transformers import PretrainedConfig

from luthier.console import Console
from luthier.data.checks import CHECKS
from luthier.data.checks.duplicates import MOST_LEAKED, leaked
from luthier.data.checks.texts import few_rows, skipped_rows
from luthier.data.examples import rows_of, take, values_of
from luthier.data.reading.sources import Source
from luthier.data.sample import Sample, draw, of_sample
from luthier.data.table import Table
from luthier.data.tokenized import Encoded
from luthier.errors import FindingError, RecipeError, UsageError, nearest
from luthier.findings import Decision, Finding
from luthier.metrics.custom import custom_metrics, how_called, takes_outputs
from luthier.models.loading import load_config
from luthier.pipeline.defaults import Basis, decide_training, usual_rate
from luthier.pipeline.inference.infer import asked_of, evenly
from luthier.pipeline.inference.outputs import RawOutputs
from luthier.pipeline.parts import choose_model, load_parts, make_parts, with_defaults
from luthier.pipeline.preparation.opening import empty_columns, open_sources, recognise_columns
from luthier.pipeline.preparation.split import make_splits, names_of, read_table, sizes
from luthier.pipeline.preparation.tokenize import lengths, targets_of, tokenize
from luthier.pipeline.training.batches import decide_tokens
from luthier.pipeline.training.label_head import decide_head
from luthier.plugins import OURS
from luthier.recipe import Recipe
from luthier.tasks.base import Task
from luthier.tasks.phases import Bound, Fitted
from luthier.text import listing

TRIAL_ROWS = 256  # rows on which metrics of raw outputs are tried before training


@dataclass
class Prepared:
    """Data that has been read, checked, split and encoded.

    Args:
        recipe: The recipe with every setting decided.
        task: The task, with what it learned, the tokenizer and the limits.
        sources: Split to the sources the user gave.
        table: What became of every row; its examples are by the splits of the sources.
        splits: Split to its examples.
        encoded: Split to its encoded examples.
        config: The model's configuration.
        greater_is_better: Direction of the metric that selects the best checkpoint.
        ranked_by_answers: Whether that metric is one of generated answers.
        findings: What the checks found, worst first.
        decisions: Choices made for the user.
        seen: Held-out split to its examples whose text is also in training; they are not in `splits`.
        sample: The sample that was read, if not all rows were.
    """

    recipe: Recipe
    task: Bound[Any]
    sources: dict[str, list[Source]]
    table: Table
    splits: dict[str, Dataset]
    encoded: dict[str, Encoded]
    config: PretrainedConfig
    greater_is_better: bool
    ranked_by_answers: bool
    findings: list[Finding]
    decisions: list[Decision]
    seen: dict[str, Dataset] = field(default_factory=dict)
    sample: Sample | None = None

    @property
    def metric_for_best(self) -> str:
        """The metric that selects the best checkpoint."""
        return ranking_metric(self.recipe, self.task)

    @property
    def stopping(self) -> list[Finding]:
        """The findings that stop training."""
        return stopping(self.findings, self.recipe)

    def to_dict(self) -> dict[str, Any]:
        """The content of `data.json`."""
        return {
            "task": self.task.name,
            "shape": self.recipe.data.shape,
            "columns": self.recipe.data.columns,
            "rows": {name: account.to_dict() for name, account in self.table.accounts.items()},
            "splits": {name: len(split) for name, split in self.splits.items()},
            "labels": self.task.label_counts(self.splits["train"]),
            "label_counts": {name: self.task.label_counts(split) for name, split in self.splits.items()},
            "lengths": lengths(self.encoded["train"], self.task.set_limits),
            "targets": targets_of(self.task, self.encoded["train"]),
            "metric_for_best": self.metric_for_best,
            "greater_is_better": self.greater_is_better,
            "usual_learning_rate": usual_rate(self.recipe, self.config),
            "findings": [finding.to_dict() for finding in self.findings],
            "decisions": [decision.to_dict() for decision in self.decisions],
            "sources": [
                {
                    "name": source.name,
                    "path": str(source.path) if source.path else None,
                    "split": split,
                    "format": source.format,
                    "sha256": source.digest or None,
                    "decisions": [decision.to_dict() for decision in source.decisions],
                }
                for split, several in self.sources.items()
                for source in several
            ],
        }


def row_counts(kind: Task[Any], examples: Mapping[str, Dataset], encoded: Mapping[str, Encoded]) -> dict[str, int]:
    """Split to the rows that count: blocks of packed texts, windows to train on, and the examples of other splits."""
    packed = kind.long_rows.packed  # a window is of one row, which a validation row is
    return {one: len(encoded[one].rows if packed or one == "train" else rows) for one, rows in examples.items()}


def ranking_metric(recipe: Recipe, task: Fitted[Any]) -> str:
    """The metric that selects the best checkpoint: the recipe's, else the task's."""
    return recipe.evaluation.metric_for_best or task.metric_for_best


def prepare(recipe: Recipe, console: Console, *, spool_to: Path | None = None, may_sample: bool = False) -> Prepared:
    """Read, recognise, check, split and encode the data of a recipe.

    Args:
        recipe: May leave the task, the columns, the model and the lengths open.
        console: Receives decisions and findings.
        spool_to: Path for a copy of standard input, so that it can be read again.
        may_sample: Whether to read only a sample of large data; `train_rows` then has no effect.
    Raises:
        DataError: The data cannot be read or lacks what the task needs.
        UsageError: The task or the model is invalid.
    """
    recipe = recipe.model_copy(deep=True)
    sources = open_sources(recipe, spool_to)
    drawn, train_rows = draw(sources) if may_sample else None, recipe.data.train_rows
    if drawn is not None:
        sources, recipe.data.train_rows = drawn.sources, None
    given = load_config(recipe.model.name, console) if recipe.model.name else None
    found = recognise_columns(recipe, sources, given)
    reader, sources, profiles, kind = found.reader, found.sources, found.profiles, found.reader.kind
    decisions = [*found.decisions, *choose_model(recipe, kind.family, console)]
    recipe, chosen = with_defaults(recipe, kind)
    decisions += chosen
    for decision in decisions:
        console.decision(decision)
    loaded = load_parts(recipe, kind.family)

    table = read_table(sources, reader, recipe)
    examples, split_decision = make_splits(table, reader, recipe)
    _require_validation(recipe, examples)
    task = reader.fit(examples["train"], recipe)
    keys = {split: [task.key(example) for example in rows_of(rows)] for split, rows in examples.items()}
    findings = check(table, task, examples, keys) + empty_columns(recipe.data.columns, profiles)
    check_allowed(recipe, kind, findings)
    seen = {}
    for name in [name for name in examples if name != "train"]:
        slips = leaked(keys["train"], keys[name])
        if slips and len(slips) <= MOST_LEAKED * len(keys[name]):
            seen[name] = take(examples[name], [i for i in slips if task.knows(examples[name][i])])
            examples[name] = table.drop(
                examples[name], name, "in-training", slips, "the same text is in the training rows"
            )
        unknown = [i for i, example in enumerate(rows_of(examples[name])) if not task.knows(example)]
        examples[name] = table.drop(examples[name], name, "unseen-label", unknown)
    del keys  # not needed during the training, and as large as the texts
    examples = {name: rows for name, rows in examples.items() if len(rows)}

    config, tokenizer, made = make_parts(loaded, task, examples["train"], recipe)
    bound, ready = task.bind(tokenizer, config)
    better, measured = check_metrics(bound, examples, recipe)
    of_answers, generated = check_answers(bound, examples, recipe)
    bound, encoded, length_decision, length_findings = tokenize(bound, examples, config, recipe, table)
    counted = row_counts(kind, examples, encoded)
    counted = counted if drawn is None else drawn.sizes(counted, table.accounts, train_rows)
    basis = basis_of(bound, examples, encoded["train"], counted, config)
    recipe, trained = decide_training(recipe, basis)
    batches = decide_tokens(recipe, encoded["train"].lengths)
    split_decision = replace(split_decision, value=sizes(examples))  # without the rows that were dropped since
    made = [split_decision, *made, *ready, *decide_head(bound, config), length_decision]
    made += [*batches, *trained, *measured, *generated]
    for decision in made:
        console.decision(decision)
    severities = ("error", "warning", "info")
    findings = sorted(findings + length_findings, key=lambda finding: severities.index(finding.severity))
    findings = findings if drawn is None else of_sample(findings)
    for finding in findings:
        console.finding(finding)
    decisions += made
    return Prepared(
        recipe, bound, sources, table, examples, encoded, config, better, of_answers, findings, decisions, seen, drawn
    )


def basis_of(
    task: Bound[Any],
    examples: Mapping[str, Dataset],
    train: Encoded,
    counted: Mapping[str, int],
    config: PretrainedConfig,
) -> Basis:
    """What the training settings follow from; `counted` has the windows or blocks of the training rows."""
    return Basis(
        task.kind,
        counted["train"],
        float(train.lengths.mean()),
        counted.get("validation", 0),
        task.metric_for_best,
        config,
        _one_label(examples),
    )


def _one_label(examples: Mapping[str, Dataset]) -> bool:
    """Whether all validation rows, of two or more, have the same label; tags of words are none."""
    rows = examples.get("validation")
    if rows is None or len(rows) < 2 or "label" not in rows.column_names:
        return False
    labels = iter(values_of(rows, "label"))
    first = next(labels)
    return all(one == first for one in labels)  # mostly known after a few


def _require_validation(recipe: Recipe, examples: Mapping[str, Dataset]) -> None:
    """Refuse what is to be chosen on validation rows, a threshold or an average, if there are none."""
    if "validation" in examples:
        return
    if recipe.training.average_best:
        what = "average_best chooses checkpoints by their validation metric, but there are no validation rows"
        hint = "add --valid DATA or a validation_share above 0, or remove average_best"
        raise RecipeError(what, where="training.average_best", hint=hint)
    aim = recipe.evaluation.threshold
    if isinstance(aim, str):
        what = f"the threshold for {aim} is chosen on validation rows, but there are none"
        hint = "add --valid DATA or a validation_share above 0, or set the threshold to a number"
        raise RecipeError(what, where="evaluation.threshold", hint=hint)


def stopping(findings: Sequence[Finding], recipe: Recipe) -> list[Finding]:
    """The errors among the findings that the recipe does not allow."""
    return [finding for finding in findings if finding.severity == "error" and finding.id not in recipe.data.allow]


def check_allowed(recipe: Recipe, kind: Task[Any], findings: Sequence[Finding]) -> None:
    """Check that `data.allow` names findings that exist; a task of another package may have its own.

    Raises:
        UsageError: There is no such finding.
    """
    known = {*CHECKS, *(finding.id for finding in findings)}
    unknown = [name for name in recipe.data.allow if name not in known]
    if unknown and kind.package == OURS:
        hint = nearest(unknown[0], sorted(known))
        hint = hint if hint.startswith("did you mean") else "`luthier inspect` shows the findings of the data"
        raise UsageError(f"no finding {unknown[0]!r}", where="--allow", hint=hint)


def refuse(findings: Sequence[Finding], sources: Mapping[str, Sequence[Source]]) -> None:
    """Raise if there are findings that make training or a score pointless, as `stopping` returns them.

    Raises:
        FindingError: The first finding, and how to continue despite it.
    """
    if findings:
        worst, *others = findings
        more = f" (and {listing([finding.id for finding in others])})" if others else ""
        allow = "" if "--allow" in worst.action else f" To continue anyway: --allow {worst.id}"
        raise FindingError(worst.message + more, where=_place(sources, worst), hint=worst.action + allow)


def check(
    table: Table, task: Fitted[Any], examples: Mapping[str, Dataset], keys: Mapping[str, Sequence[str]]
) -> list[Finding]:
    """Run every check that needs no tokenizer.

    Args:
        table: What became of every row.
        task: The task, which adds checks of its own.
        examples: Split to its examples.
        keys: Split to the content key of each example.
    """
    findings = task.check(examples, keys, given=list(table.examples))
    for split, account in table.accounts.items():
        for finding in skipped_rows(account.read, account.skipped):
            at = f"{split}: " if len(table.accounts) > 1 else ""
            findings.append(replace(finding, message=at + finding.message))
    for split, rows in examples.items():
        findings += few_rows(len(rows), split)
    if len(examples) == 1:
        message = "No rows are held out: the model will not be scored."
        findings.append(
            Finding("no-held-out", "warning", message, "Pass test rows with --test, or set test_share above 0.")
        )
    return findings


def check_metrics(task: Bound[Any], examples: Mapping[str, Dataset], recipe: Recipe) -> tuple[bool, list[Decision]]:
    """Try the metrics before training, on the gold answers shifted by one row.

    Returns:
        Whether a higher value of the metric that selects the best checkpoint is better, and what custom metrics get.
    Raises:
        UsageError: A custom metric cannot be found or fails.
        RecipeError: The metric for the best checkpoint is unknown, or its direction is not stated or contradicted.
    """
    split = next(name for name in ("validation", "test", "train") if name in examples)
    rows = examples[split][:]
    gold = list(task.gold(rows))
    directions = {"loss": False} | {m.name: m.greater_is_better for m in task.metrics(task.perfect(rows), rows)}
    specs: dict[str, str] = {}
    raw, shifted = _trial_outputs(task, examples[split], recipe), gold[-1:] + gold[:-1]
    for spec in recipe.evaluation.metrics:
        for metric in custom_metrics(spec, shifted, gold, outputs=raw, taken=set(directions), resamples=0):
            directions[metric.name], specs[metric.name] = metric.greater_is_better, spec
    best = ranking_metric(recipe, task)
    if best not in directions:
        hint = nearest(best, directions)
        hint = f"{hint} metrics: {', '.join(directions)}" if hint.startswith("did you mean") else hint
        raise RecipeError(f"no metric {best!r} for this data", where="evaluation.metric_for_best", hint=hint)
    own, asked = directions[best], recipe.evaluation.greater_is_better
    if own is not None and asked is not None and own != asked:
        raise RecipeError(
            f"metric_mode is {recipe.evaluation.metric_mode}, but a {'higher' if own else 'lower'} {best} is better",
            where="evaluation.metric_mode",
            hint="remove metric_mode, or set evaluation.metric_for_best to the metric it belongs to",
        )
    direction = asked if own is None else own
    if direction is None:
        lower, higher = (
            f"--metric-mode {mode}" + (f" or evaluation.metrics=['{specs[best]}:{mode}']" if best in specs else "")
            for mode in ("min", "max")
        )
        raise RecipeError(
            f"{best} selects the checkpoint, but its direction is not stated",
            where="evaluation.metric_for_best",
            hint=f"if lower is better: {lower}; if higher is better: {higher}",
        )
    return direction, [how_called(spec, raw) for spec in recipe.evaluation.metrics]


def check_answers(task: Bound[Any], examples: Mapping[str, Dataset], recipe: Recipe) -> tuple[bool, list[Decision]]:
    """Find out whether the metric that selects the best checkpoint is one of generated answers.

    If so, every validation row is answered at each evaluation, as `Seq2SeqTrainer` does with `predict_with_generate`:
    a few rows would select by chance.

    Returns:
        Whether it is, and that this is done.
    Raises:
        RecipeError: Nothing is to be generated during training.
    """
    best = ranking_metric(recipe, task)
    if "validation" not in examples or "evaluation.samples" not in task.kind.uses(task.shape):
        return False, []
    rows = examples["validation"][:]
    unanswered = [answer | {"prediction": None} for answer in task.perfect(rows)]
    if best in {"loss", *(metric.name for metric in task.metrics(unanswered, rows))}:
        return False, []
    if not recipe.evaluation.samples:
        what = f"{best} selects the checkpoint by generated answers, but samples is 0: none are generated in training"
        hint = "remove samples, or select by the loss: --set metric_for_best=loss"
        raise RecipeError(what, where="evaluation.samples", hint=hint)
    why = f"{best} selects the checkpoint; --set metric_for_best=loss takes less time"
    return True, [Decision("answers", "to every validation row, at each evaluation", why)]


def _trial_outputs(task: Bound[Any], rows: Dataset, recipe: Recipe) -> RawOutputs | None:
    """Made-up raw outputs, shifted by one row, for at most `TRIAL_ROWS` rows; None if no metric takes them."""
    if not any(map(takes_outputs, recipe.evaluation.metrics)):
        return None
    few = rows.select(evenly(len(rows), TRIAL_ROWS))[:]
    features = task.encode(few, training=False)
    predictions, label_ids = task.trial_outputs(features)
    raw = RawOutputs(asked_of(few, features).rows)
    shifted = [tensor.roll(1, dims=0).numpy() for tensor in predictions]
    raw.add(np.arange(len(shifted[0])), shifted, [tensor.numpy() for tensor in label_ids])
    return raw


def _place(sources: Mapping[str, Sequence[Source]], finding: Finding) -> str:
    names = names_of(sources)
    return f"{names}, rows {finding.first_rows(5)}" if finding.rows else names
