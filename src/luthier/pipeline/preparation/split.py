"""Read the rows of sources as examples, and split them."""

from collections.abc import Mapping, Sequence
from typing import Any

from datasets import Dataset

from luthier.data import splits
from luthier.data.examples import rows_of, take
from luthier.data.reading.discover import SPLITS
from luthier.data.reading.sources import Source
from luthier.data.records import Skipped
from luthier.data.table import Accounts, Table, read
from luthier.errors import FindingError, RecipeError
from luthier.findings import Decision
from luthier.recipe import Recipe
from luthier.tasks.phases import Recognised
from luthier.text import count, listing, plural

USES = {"train": "learn from", "validation": "validate on", "test": "test on"}


def read_table(sources: Mapping[str, Sequence[Source]], task: Recognised[Any], recipe: Recipe) -> Table:
    """Read every row as an example, or skip it.

    Raises:
        FindingError: No row is left to train on, or in held-out data that the user gave.
    """
    column = recipe.data.columns.get("split")
    table = read(sources, task.example, column if isinstance(column, str) else None)
    for split in ["train", *(split for split in sources if split != "train")]:
        if split not in table.examples:
            account, names = table.accounts[split], [source.name for source in sources.get(split, ())]
            if isinstance(column, str) and not account.read:
                raise FindingError(
                    f"the column {column!r}, which names the split of each row, names no {split} row",
                    where=names_of(sources),
                    hint="correct its values, or drop the column to let Luthier split the rows",
                )
            first = next((row for row in table.skipped if row.source in names), None)
            raise none_usable(split, account, names_of({split: sources.get(split, ())}), first)
    return table


def none_usable(split: str, account: Accounts, where: str, first: Skipped | None) -> FindingError:
    """The error that every row of a split was skipped, with the reasons, and the details of the first one."""
    reasons = listing([f"{count(n)} {reason}" for reason, n in account.skipped.most_common()])
    why = f"({reasons or 'the source is empty'})" + (f": {first.detail}" if first else "")
    return FindingError(
        f"of {plural(account.read, 'row')} to {USES[split]} none is usable {why}",
        where=where,
        hint="choose other columns with --text and --label, or check the file",
    )


def make_splits(table: Table, task: Recognised[Any], recipe: Recipe) -> tuple[dict[str, Dataset], Decision]:
    """Use the splits that the user gave, and split the others off from the training rows.

    If the user gave validation or test data, no test rows are split off.
    """
    examples = {split: table.examples[split] for split in SPLITS if split in table.examples}
    train = examples["train"]
    shares = {
        "validation": recipe.data.validation_share if "validation" not in examples else 0.0,
        "test": recipe.data.test_share if not {"validation", "test"} & examples.keys() else 0.0,
    }
    given = [split for split in examples if split != "train"]
    if any(shares.values()):
        groups, strata = map(task.group, rows_of(train)), task.strata(train)
        rows = splits.make(groups, strata, **shares, seed=recipe.split_seed)
        examples |= {split: take(train, positions) for split, positions in rows.items() if len(positions)}
    if recipe.data.train_rows is not None:
        examples["train"] = _sampled(examples["train"], task, recipe.data.train_rows, recipe.sample_seed)
    made = [split for split, part in shares.items() if part and split in examples]
    reasons = [f"{' and '.join(given)} given"] if given else []
    if made:
        reasons.append(f"{' and '.join(made)} held out by seed {recipe.split_seed}, equal texts kept together")
    if recipe.data.train_rows is not None:
        reasons.append(f"training on a sample of {count(recipe.data.train_rows)}")
    ordered = {split: examples[split] for split in SPLITS if split in examples}
    return ordered, Decision("splits", sizes(ordered), "; ".join(reasons) or "nothing held out")


def sizes(examples: Mapping[str, Dataset]) -> str:
    """The number of rows of each split."""
    return ", ".join(f"{split} {count(len(rows))}" for split, rows in examples.items())


def _sampled(train: Dataset, task: Recognised[Any], n: int, seed: int) -> Dataset:
    """A stratified sample without duplicate texts."""
    rows = distinct(train, task)
    if n > len(rows):
        raise RecipeError(
            f"train_rows is {count(n)}, and there {'is' if len(rows) == 1 else 'are'} only"
            f" {plural(len(rows), 'different training row')}",
            where="data.train_rows",
            hint="use a smaller number, or remove train_rows to use all rows",
        )
    return take(rows, splits.subsample(range(len(rows)), task.strata(rows), n, seed))


def distinct(train: Dataset, task: Recognised[Any]) -> Dataset:
    """The training rows without duplicate texts: those that `train_rows` draws from."""
    first: dict[str, int] = {}
    for i, example in enumerate(rows_of(train)):
        first.setdefault(task.key(example), i)
    return take(train, list(first.values()))


def names_of(sources: Mapping[str, Sequence[Source]]) -> str:
    """The sources as the user named them."""
    return listing(list(dict.fromkeys(source.name for group in sources.values() for source in group)), 3)
