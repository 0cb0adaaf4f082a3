"""What happens to a row that is longer than the model is given at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from luthier.data import checks
from luthier.data.tokenized import Limits
from luthier.findings import Decision, Finding
from luthier.text import share


@dataclass(frozen=True)
class LongRows:
    """One way to deal with long rows.

    Args:
        fate: What a page says of it, with `{limit}` for the length; empty where rows are cut.
        packed: Whether several examples are laid in one row, so that every row is as long as can be.
        tail: The end of the line about the length, with `{share}` of the rows that are longer and `{stride}`.
    """

    fate: str
    packed: bool
    tail: str

    @property
    def cut(self) -> bool:
        """Whether text is lost."""
        return not self.fate

    def length(self, needed: int, most: int) -> int:
        """The tokens of a row where nobody said: as many as the longest row needs, in eights, up to the most.

        Kernels like multiples of eight best.
        """
        return most if self.packed else min(most, -(-needed // 8) * 8)

    def decision(self, limits: Limits, longer: float, *, asked: bool, needed: int, most: int) -> Decision:
        """The line about the length.

        Args:
            limits: What was decided.
            longer: Share of the training rows that are longer.
            asked: Whether the user said how long.
            needed: Tokens of the longest row.
            most: Tokens that a row may have at most.
        """
        why = "as asked" if asked else ("the longest row fits" if needed <= most and not self.packed else _SENSIBLE)
        value = f"blocks of {limits.length} tokens" if self.packed else f"{limits.length} tokens"
        if limits.target is not None:
            value += f", targets {limits.target}"
        long = share(longer)
        quiet = self.fate and not self.packed and long == share(0.0)  # nothing happens to any row
        return Decision("length", value, why if quiet else why + self.tail.format(share=long, stride=limits.stride))

    def check(self, lengths: Sequence[int], most: int, rows: Sequence[int]) -> list[Finding]:
        """What is lost by it."""
        return checks.truncation(lengths, most, rows) if self.cut else []

    def mark(self, answers: Sequence[dict[str, Any]], long: Sequence[bool]) -> list[dict[str, Any]]:
        """Answers with `truncated` where the input was cut."""
        pairs = zip(answers, long, strict=True)
        return [answer | {"truncated": True} if self.cut and cut else answer for answer, cut in pairs]


_SENSIBLE = "as long as is sensible"
CUT = LongRows("", False, "; {share} of the training rows are cut")
WINDOWS = LongRows(
    "read in windows of {limit} tokens", False, "; {share} of the rows are read in windows that share {stride} tokens"
)
BLOCKS = LongRows("laid end to end in blocks of {limit} tokens", True, "; {share} of the texts are longer")
