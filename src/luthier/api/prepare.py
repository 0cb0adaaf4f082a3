"""From a recipe to everything that a training needs but the model: the steps that inspect, train and evaluate share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset
from transformers import PretrainedConfig, PreTrainedTokenizerBase

from luthier.console import Console
from luthier.data import checks, packages, splits
from luthier.data.columns import ColumnProfile, Recognition, profile, require
from luthier.data.discover import discover
from luthier.data.encode import Encoded, cut, measure
from luthier.data.records import Record
from luthier.data.sources import Source, sample
from luthier.data.table import Table, read, take
from luthier.errors import ColumnError, FindingError, RecipeError, SourceError, UsageError, nearest
from luthier.findings import Decision, Finding
from luthier.metrics.custom import custom_metrics
from luthier.models.loading import LONGEST, load_config, load_tokenizer, longest_input
from luthier.models.sources import default_model
from luthier.recipe import Recipe
from luthier.tasks.base import Task, find, registry
from luthier.text import count, listing, plural, share

SAMPLE = 5_000  # rows looked at to find the task and the columns
SPLITS = ("train", "validation", "test")
USES = {"train": "learn from", "validation": "validate on", "test": "test on"}


@dataclass
class Prepared:
    """Data that is read, checked, split and encoded.

    Args:
        recipe: The recipe with everything decided that was left open.
        task: The task, which has learned the labels.
        sources: Split to the sources the user gave.
        table: Every row's fate; its examples are those of the sources' splits.
        splits: The examples that train, validate and test.
        encoded: The same, as the model reads them.
        tokenizer: The model's.
        config: The model's configuration.
        findings: What the checks noticed, worst first.
        decisions: What was decided for the user.
    """

    recipe: Recipe
    task: Task
    sources: dict[str, list[Source]]
    table: Table
    splits: dict[str, Dataset]
    encoded: dict[str, Encoded]
    tokenizer: PreTrainedTokenizerBase
    config: PretrainedConfig
    findings: list[Finding]
    decisions: list[Decision]

    @property
    def length(self) -> int:
        assert self.recipe.data.max_length is not None
        return self.recipe.data.max_length

    @property
    def stopping(self) -> list[Finding]:
        """The findings that stop a training."""
        return [f for f in self.findings if f.severity == "error" and f.id not in self.recipe.data.allow]

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
            "lengths": _lengths(self.encoded["train"], self.length),
            "findings": [finding.to_dict() for finding in self.findings],
            "decisions": [decision.to_dict() for decision in self.decisions],
            "sources": [
                {
                    "name": source.name,
                    "path": str(source.path) if source.path else None,
                    "split": split,
                    "format": source.format,
                    "sha256": source.digest,
                    "decisions": [decision.to_dict() for decision in source.decisions],
                }
                for split, several in self.sources.items()
                for source in several
            ],
        }


def prepare(recipe: Recipe, console: Console, *, spool_to: Path | None = None) -> Prepared:
    """Read, recognise, check, split and encode the data of a recipe.

    Args:
        recipe: May leave the task, the columns, the model and the length open.
        console: Told what is decided.
        spool_to: Where standard input is kept, so that it can be read again.
    Raises:
        DataError: The data cannot be read or lacks what the task needs.
        UsageError: The task or the model cannot be.
    """
    recipe = recipe.model_copy(deep=True)
    sources = open_sources(recipe, spool_to)
    decisions = _source_decisions(sources)
    profiles = profile_sources(sources)
    recognition = recognise(recipe, profiles, _names(sources))
    task_class = find(recognition.task)
    recipe = recipe.with_defaults(task_class.defaults)
    recipe.task, recipe.data.shape, recipe.data.columns = recognition.task, recognition.shape, recognition.columns
    decisions += recognition.why
    if recipe.model.name is None:
        recipe.model.name, why = default_model(task_class.family)
        decisions.append(Decision("model", recipe.model.name, why))
    for decision in decisions:
        console.decision(decision)
    config, tokenizer = load_config(recipe.model.name), load_tokenizer(recipe.model.name)

    task = task_class.recognised(recognition, recipe)
    task.look(profiles)
    table = read_table(sources, task, recipe)
    examples, split_decision = make_splits(table, task, recipe)
    console.decision(split_decision)
    task.learn(examples["train"], recipe)
    findings = check(table, task, examples, recipe)
    for name in [name for name in examples if name != "train"]:
        examples[name] = table.drop(examples[name], name, "unseen-label", task.knows)
    examples = {name: rows for name, rows in examples.items() if len(rows)}
    check_metrics(task, examples, recipe)

    encoded, length_decision, length_findings = encode(task, examples, tokenizer, config, recipe)
    console.decision(length_decision)
    severities = ("error", "warning", "info")
    findings = sorted(findings + length_findings, key=lambda finding: severities.index(finding.severity))
    for finding in findings:
        console.finding(finding)
    decisions += [split_decision, length_decision]
    return Prepared(recipe, task, sources, table, examples, encoded, tokenizer, config, findings, decisions)


def refuse_findings(prepared: Prepared) -> None:
    """Stop where a finding makes training pointless.

    Raises:
        FindingError: The worst one, and how to go on all the same.
    """
    if prepared.stopping:
        worst, *others = prepared.stopping
        more = f" (and {listing([finding.id for finding in others])})" if others else ""
        allow = "" if "--allow" in worst.action else f" To go on all the same: --allow {worst.id}"
        raise FindingError(worst.message + more, where=_place(prepared.sources, worst), hint=worst.action + allow)


def open_sources(recipe: Recipe, spool_to: Path | None) -> dict[str, list[Source]]:
    """The sources of each split, as the recipe names them.

    Raises:
        UsageError: No data is named.
        SourceError: A source is missing or in no form that is read.
    """
    if not recipe.data.train:
        raise UsageError("no data is named to learn from", where="data.train", hint="luthier train reviews.csv")
    data = recipe.data
    train, validation, test = (
        [packages.resolve(spec) for spec in specs] for specs in (data.train, data.validation, data.test)
    )
    found = discover(train, validation=validation, test=test, stdin_to=spool_to)
    if not found.get("train"):
        held = listing([split for split in SPLITS if found.get(split)])
        hint = "name the files to learn from; --valid and --test take the others"
        raise SourceError(f"nothing to learn from: there are only {held} data", where=listing(data.train, 3), hint=hint)
    return {split: found[split] for split in SPLITS if found.get(split)}


def profile_sources(sources: Mapping[str, Sequence[Source]]) -> dict[str, ColumnProfile]:
    """What the columns of the training rows hold, from a random sample over all of its sources."""
    several = sources.get("train") or next(iter(sources.values()))
    records: list[Record] = []
    for source in several:
        records += sample(source, SAMPLE // len(several) + 1, seed=0)
    return profile(records)


def recognise(recipe: Recipe, profiles: Mapping[str, ColumnProfile], where: str) -> Recognition:
    """The task and the columns, found from the content unless the recipe names them.

    Args:
        recipe: May name the task, its shape and columns.
        profiles: The columns that there are.
        where: The sources' names, for an error.
    Raises:
        ColumnError: No task fits; the nearest one says what it misses.
    """
    given = {role: columns for role, columns in recipe.data.columns.items() if columns}
    named = [name for columns in given.values() for name in ([columns] if isinstance(columns, str) else columns)]
    require(named, profiles, where=where)
    tasks = [find(recipe.task)] if recipe.task else list(registry().values())
    found = [task.recognise(profiles, given, recipe.data.shape) for task in tasks]
    fitting = [recognition for recognition in found if recognition is not None]
    if not fitting:
        raise ColumnError(
            f"no columns for {tasks[0].name}: {tasks[0].why_not(profiles, given)}",
            where=where,
            hint=f"name others with --text and --label; columns: {listing(list(profiles), 12)}",
        )
    return max(fitting, key=lambda recognition: recognition.confidence)


def read_table(sources: Mapping[str, Sequence[Source]], task: Task, recipe: Recipe) -> Table:
    """Every row as an example or set aside.

    Raises:
        FindingError: No row is left to learn from, or of data that was given to score on.
    """
    column = recipe.data.columns.get("split")
    table = read(sources, task.example, column if isinstance(column, str) else None)
    for split in ["train", *(split for split in sources if split != "train")]:
        if split not in table.examples:
            account, names = table.accounts[split], [source.name for source in sources.get(split, ())]
            reasons = listing([f"{count(n)} {reason}" for reason, n in account.set_aside.most_common()])
            first = next((f": {row.detail}" for row in table.rejected if row.source in names), "")
            raise FindingError(
                f"of {plural(account.read, 'row')} to {USES[split]} none can be used"
                f" ({reasons or 'the source is empty'}){first}",
                where=_names({split: sources.get(split, ())}),
                hint="name other columns with --text and --label, or look at the file",
            )
    return table


def make_splits(table: Table, task: Task, recipe: Recipe) -> tuple[dict[str, Dataset], Decision]:
    """Take the splits that were given, and make those that were not out of the training rows.

    With held-out data of either kind given, no test rows are taken from training.
    """
    examples = {split: table.examples[split] for split in SPLITS if split in table.examples}
    train = examples["train"]
    shares = {
        "validation": recipe.data.validation_share if "validation" not in examples else 0.0,
        "test": recipe.data.test_share if not {"validation", "test"} & examples.keys() else 0.0,
    }
    given = [split for split in examples if split != "train"]
    if any(shares.values()):
        keys, strata = [task.key(example) for example in train], task.strata(train)
        rows = splits.make(keys, strata, **shares, seed=recipe.seed)
        examples |= {split: take(train, positions) for split, positions in rows.items() if len(positions)}
    if recipe.data.train_rows is not None:
        examples["train"] = _sampled(examples["train"], task, recipe.data.train_rows, recipe.seed)
    sizes = ", ".join(f"{split} {count(len(examples[split]))}" for split in SPLITS if split in examples)
    made = [split for split, part in shares.items() if part and split in examples]
    reasons = [f"{' and '.join(given)} given"] if given else []
    if made:
        reasons.append(f"{' and '.join(made)} held out by seed {recipe.seed}, equal texts kept together")
    if recipe.data.train_rows is not None:
        reasons.append(f"training on a sample of {count(recipe.data.train_rows)}")
    ordered = {split: examples[split] for split in SPLITS if split in examples}
    return ordered, Decision("splits", sizes, "; ".join(reasons) or "nothing held out")


def _sampled(train: Dataset, task: Task, n: int, seed: int) -> Dataset:
    """A stratified sample without repeated texts: who labels few rows labels none twice."""
    first: dict[str, int] = {}
    for i, example in enumerate(train):
        first.setdefault(task.key(example), i)
    distinct = take(train, list(first.values()))
    if n > len(distinct):
        raise RecipeError(
            f"train_rows is {count(n)}, and there {'is' if len(distinct) == 1 else 'are'} only"
            f" {plural(len(distinct), 'different training row')}",
            where="data.train_rows",
            hint="ask for fewer, or leave it out to take them all",
        )
    return take(distinct, splits.subsample(range(len(distinct)), task.strata(distinct), n, seed))


def check(table: Table, task: Task, examples: Mapping[str, Dataset], recipe: Recipe) -> list[Finding]:
    """Every check that needs no tokenizer."""
    keys = {split: [task.key(example) for example in rows] for split, rows in examples.items()}
    findings = task.check(examples, keys, given=list(table.examples))
    for split, account in table.accounts.items():
        for finding in checks.set_aside(account.read, account.set_aside):
            at = f"{split}: " if len(table.accounts) > 1 else ""
            findings.append(Finding(finding.id, finding.severity, at + finding.message, finding.action, finding.rows))
    for split, rows in examples.items():
        findings += checks.few_rows(len(rows), split)
    if len(examples) == 1:
        message = "No rows are held out: the model will not be scored."
        findings.append(Finding("no-held-out", "warning", message, "Give test rows, or set data.test_share."))
    return findings


def check_metrics(task: Task, examples: Mapping[str, Dataset], recipe: Recipe) -> None:
    """Try the metrics before anything is trained, on right answers that stand a row too low.

    Raises:
        UsageError: A metric of the user's cannot be found or fails.
        RecipeError: The metric that shall pick the checkpoint is none of them.
    """
    split = next(name for name in ("validation", "test", "train") if name in examples)
    gold = task.gold(examples[split])
    metrics = [*task.metrics(gold, gold)]
    for spec in recipe.evaluation.metrics:
        metrics += custom_metrics(spec, gold[-1:] + gold[:-1], gold, resamples=0)
    names, wanted = ["loss", *(metric.name for metric in metrics)], recipe.evaluation.metric_for_best
    if wanted is not None and wanted not in names:
        hint = nearest(wanted, names)
        hint = hint if hint.startswith("known") else f"{hint} known: {', '.join(names)}"
        raise RecipeError(f"no metric {wanted!r} for this data", where="evaluation.metric_for_best", hint=hint)


def encode(
    task: Task,
    examples: Mapping[str, Dataset],
    tokenizer: PreTrainedTokenizerBase,
    config: PretrainedConfig,
    recipe: Recipe,
) -> tuple[dict[str, Encoded], Decision, list[Finding]]:
    """Token ids of every example, the length they are cut at, and what the lengths tell."""
    salt = f"{task.name} {task.to_dict()}"
    whole = {split: measure(rows, task.encode, tokenizer, salt) for split, rows in examples.items()}
    decision = _choose_length(recipe, whole, longest_input(tokenizer, config))
    length = recipe.data.max_length
    assert length is not None
    encoded = {split: cut(whole[split], rows, task.encode, tokenizer, length, salt) for split, rows in examples.items()}
    full, unknown = whole["train"].full_lengths.tolist(), whole["train"].unknown.tolist()
    special = tokenizer.num_special_tokens_to_add("text_pair" in examples["train"].column_names)
    rows, texts = list(examples["train"]["row"]), list(examples["train"]["text"])
    findings = [
        *checks.truncation(full, length, rows),
        *checks.unknown_tokens(unknown, [n - special for n in full], texts, str(tokenizer.unk_token or ""), rows),
    ]
    return encoded, decision, findings


def _choose_length(recipe: Recipe, whole: Mapping[str, Encoded], longest: int) -> Decision:
    """Fix `max_length`: the longest row there is, up to what the model takes."""
    asked = recipe.data.max_length
    limit = min(longest, LONGEST)
    needed = int(max(encoded.full_lengths.max() for encoded in whole.values()))
    if asked is not None and asked > longest:
        raise UsageError(
            f"the model takes at most {longest} tokens, and max_length is {asked}",
            where="data.max_length",
            hint=f"--set max_length={longest} or less",
        )
    recipe.data.max_length = asked or min(limit, -(-needed // 8) * 8)
    cut_share = share(float((whole["train"].full_lengths > recipe.data.max_length).mean()))
    why = "as asked" if asked else ("what the model takes" if needed > limit else "the longest row fits")
    return Decision("length", f"{recipe.data.max_length} tokens", f"{why}; {cut_share} of the training rows are cut")


def _lengths(encoded: Encoded, most: int) -> dict[str, Any]:
    lengths = encoded.full_lengths
    counts, edges = np.histogram(lengths, bins=min(40, max(1, int(lengths.max() - lengths.min()))))
    return {
        "median": float(np.median(lengths)),
        "p95": float(np.quantile(lengths, 0.95)),
        "max": int(lengths.max()),
        "truncated_share": float((lengths > most).mean()),
        "max_length": most,
        "histogram": {"edges": edges.tolist(), "counts": counts.tolist()},
    }


def _source_decisions(sources: Mapping[str, Sequence[Source]]) -> list[Decision]:
    several = [source for group in sources.values() for source in group]
    if len(several) == 1:
        return list(several[0].decisions)
    return [
        Decision(f"{Path(source.name).name} {decision.what}", decision.value, decision.why)
        for source in several
        for decision in source.decisions
    ]


def _place(sources: Mapping[str, Sequence[Source]], finding: Finding) -> str:
    names = _names(sources)
    return f"{names}, rows {listing(finding.rows)}" if finding.rows else names


def _names(sources: Mapping[str, Sequence[Source]]) -> str:
    return listing(list(dict.fromkeys(source.name for group in sources.values() for source in group)), 3)
