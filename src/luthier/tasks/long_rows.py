"""How rows longer than the length limit are handled."""

from collections.abc import Sequence
from dataclasses import dataclass

from luthier.data.checks.texts import truncation
from luthier.data.tokenized import Encoded, Limits
from luthier.findings import Decision, Finding
from luthier.text import share


@dataclass(frozen=True)
class LongRows:
    """A way to handle long rows.

    Args:
        fate: Description for report pages, with `{limit}` for the length; empty if rows are cut.
        packed: Whether several examples are packed into one row, so that rows are as long as possible.
        tail: End of the printed line about the length, with `{share}` (of rows that are longer) and `{stride}`.
    """

    fate: str
    packed: bool
    tail: str

    @property
    def cut(self) -> bool:
        """Whether text is lost."""
        return not self.fate

    def length(self, needed: int, most: int) -> int:
        """The default row length: the longest row, rounded up to a multiple of 8, at most `most`; `most` if packed.

        Kernels are fastest on multiples of 8.
        """
        return most if self.packed else min(most, -(-needed // 8) * 8)

    def stride(self, length: int) -> int | None:
        """The default number of tokens that consecutive windows share; None if rows are cut."""
        return None if self.cut else length // 3

    def decision(self, limits: Limits, longer: float, *, asked: bool, needed: int, most: int, why: str) -> Decision:
        """The decision about the length, as it is printed.

        Args:
            limits: The chosen limits.
            longer: Share of the training rows that are longer.
            asked: Whether the user set the length.
            needed: Tokens of the longest row.
            most: Maximum tokens per row.
            why: Why this is the maximum.
        """
        why = "as asked" if asked else ("the longest row fits" if needed <= most and not self.packed else why)
        value = f"blocks of {limits.length} tokens" if self.packed else f"{limits.length} tokens"
        if limits.target is not None:
            value += f", targets {limits.target}"
        if limits.reads:
            why += f"; the trained model reads up to {limits.reads}"
        if longer or self.packed:
            why += self.tail.format(share=share(longer), stride=limits.stride)
        return Decision("length", value, why)

    def check(self, encoded: Encoded, limits: Limits, rows: Sequence[int], split: str) -> list[Finding]:
        """Findings about text that is cut.

        Args:
            encoded: The examples of a split.
            limits: The chosen limits.
            rows: Source row number of each example.
            split: The split.
        """
        if not self.cut:
            return []
        found = truncation(encoded.full_lengths.tolist(), limits.length, rows, split)
        if encoded.full_targets is not None and limits.target is not None:
            found += truncation(encoded.full_targets.tolist(), limits.target, rows, split, targets=True)
        return found


CUT = LongRows("", False, "; {share} of the training rows are truncated")
WINDOWS = LongRows(
    "read in windows of {limit} tokens", False, "; {share} of the rows are read in windows that share {stride} tokens"
)
BLOCKS = LongRows("concatenated into blocks of {limit} tokens", True, "; {share} of the texts are longer")
