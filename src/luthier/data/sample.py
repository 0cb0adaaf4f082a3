"""Sample sources that are too large to be read whole in seconds."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from luthier.data.reading.sources import Source
from luthier.data.table import Accounts
from luthier.findings import Finding

MOST = 1 << 23  # bytes that are read whole
SIZE = 1 << 21  # bytes of a sample

Sources = dict[str, list[Source]]


@dataclass(frozen=True)
class Sample:
    """A sample of sources.

    Args:
        sources: Split to its sources, with the rows of the sample.
        whole: Split to its sources with all rows; a stream is kept as long as they are.
        read: Split to the bytes of its sample.
        of: Split to the bytes of its sources.
    """

    sources: Sources
    whole: Sources
    read: Mapping[str, int]
    of: Mapping[str, int]

    def rows(self, accounts: Mapping[str, Accounts]) -> dict[str, int]:
        """Estimate the rows of each split.

        Args:
            accounts: Row counts of the sample; those of a split without sources come from the training sources.
        """
        shares = {split: self.read[split] / max(self.of[split], 1) for split in self.sources}
        return {
            split: round(account.read / (shares.get(split, shares["train"]) or 1))
            for split, account in accounts.items()
        }

    def sizes(
        self, kept: Mapping[str, int], accounts: Mapping[str, Accounts], train_rows: int | None = None
    ) -> dict[str, int]:
        """Estimate what a number of rows of the sample, by split, is of all rows.

        Args:
            kept: Split to its rows; splits without sources come from the training sources.
            accounts: As in `rows`.
            train_rows: At most so many rows train; None for all.
        """
        estimated = self.rows(accounts)
        grow = {split: estimated[split] / max(account.read, 1) for split, account in accounts.items()}
        sizes = {split: round(n * grow.get(split, grow["train"])) for split, n in kept.items()}
        return sizes | {"train": min(sizes["train"], train_rows or sizes["train"])}

    def to_dict(self, accounts: Mapping[str, Accounts]) -> dict[str, Any]:
        """What `inspect --json` says of the sample.

        Args:
            accounts: As in `rows`.
        """
        return {
            "rows": sum(account.read for account in accounts.values()),
            "of_rows": sum(self.rows(accounts).values()),
            "bytes": sum(self.read.values()),
            "of_bytes": sum(self.of.values()),
        }


def draw(sources: Mapping[str, Sequence[Source]], most: int = MOST, size: int = SIZE) -> Sample | None:
    """Sample sources, each with the same number of bytes at most.

    Args:
        sources: Split to its sources.
        most: Bytes in total that need no sample.
        size: Bytes of the sample, about.
    Returns:
        The sample; None if all rows can be read, or must be, since no source can be sampled.
    """
    several = [source for group in sources.values() for source in group]
    if sum(source.size for source in several) <= most:
        return None
    parts = {source: source.part(max(size // len(several), 1)) for source in several}
    if not any(parts.values()):
        return None
    read = {
        split: sum(round(source.size * (part[1] if (part := parts[source]) else 1)) for source in group)
        for split, group in sources.items()
    }
    return Sample(
        sources={
            split: [part[0] if (part := parts[source]) else source for source in group]
            for split, group in sources.items()
        },
        whole={split: [*group] for split, group in sources.items()},
        read=read,
        of={split: sum(source.size for source in group) for split, group in sources.items()},
    )


def of_sample(findings: Iterable[Finding]) -> list[Finding]:
    """Findings in a sample: each says so, since there may be more in all rows, or what is missing may be there."""
    return [
        replace(
            finding,
            message=f"In the sample: {finding.message}",
            action=f"{finding.action} --all checks every row." if finding.severity == "error" else finding.action,
        )
        for finding in findings
    ]
