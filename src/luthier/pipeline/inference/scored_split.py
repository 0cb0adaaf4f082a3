"""The rows that `evaluate` scores where its data has several splits: those of the test split."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from luthier.console import Console
from luthier.data.reading.discover import discover
from luthier.data.reading.sources import Source
from luthier.errors import UsageError
from luthier.findings import Decision
from luthier.text import listing, typed

Part = TypeVar("Part")


def split_in_memory(splits: Mapping[str, Sequence[str]], target: str, console: Console) -> list[str]:
    """The copies of the only split of data in memory, or of its test split.

    Args:
        splits: Split to the files that it was written to, each called as the split is.
        target: The model, for hints.
        console: Receives the choice.
    Raises:
        UsageError: There are several splits, and none is called test.
    """
    names = [Path(copy).stem for copies in splits.values() for copy in copies]
    ready = " or ".join(f"luthier.evaluate({target!r}, data[{name!r}])" for name in names)
    return _only_or_test(splits, "data", f"score one of them: {ready}", console)


def sources_to_score(data: Sequence[str], target: str, console: Console) -> list[Source]:
    """The sources to score: files that were named, and of folders and datasets the only split or the test split.

    Raises:
        SourceError: A source is missing or in a format that Luthier cannot read.
        UsageError: A folder or dataset has several splits, and none is called test.
    """
    splits = discover(data, training=False)
    named = [source for sources in splits.values() for source in sources if source.name in data]
    inside = {split: [one for one in sources if one not in named] for split, sources in splits.items()}
    held = {split: [source.name for source in sources] for split, sources in inside.items() if sources}
    hint = "write the rows to score to a file, or pass them in Python: luthier.evaluate(run, rows)"
    if all(Path(name).exists() for names in held.values() for name in names):
        commands = (f"luthier evaluate {typed(target)} {' '.join(map(typed, names))}" for names in held.values())
        hint = f"score one of them: {' or '.join(commands)}"
    return [*named, *_only_or_test(inside, listing(data, 3), hint, console)]


def _only_or_test(splits: Mapping[str, Sequence[Part]], where: str, hint: str, console: Console) -> list[Part]:
    held = {split: parts for split, parts in splits.items() if parts}
    if len(held) < 2:
        return [part for parts in held.values() for part in parts]
    if "test" not in held:
        raise UsageError(f"several splits, and none is called test: {listing(list(held))}", where=where, hint=hint)
    others = listing([split for split in held if split != "test"])
    console.decision(Decision("split", "test", f"not scored: {others}"))
    return list(held["test"])
