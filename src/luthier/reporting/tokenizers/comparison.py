"""Tokenizers side by side, on the same texts."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from luthier.reporting.terminal.display import Piece, Shown
from luthier.reporting.terminal.tokenizers import comparison_pieces
from luthier.reporting.tokenizers.page import write_page
from luthier.tokenizers.advice import Advice, Measured
from luthier.tracing.text import Tokens


@dataclass(frozen=True)
class Rows:
    """The rows of a comparison.

    Args:
        trained: Rows that tokenizers were trained on.
        measured: Rows that all were measured on; none of them was trained on.
        held: Rows that could have been measured.
        split: Where these come from: `validation` or `test`.
    """

    trained: int
    measured: int
    held: int
    split: str


@dataclass(frozen=True)
class Sentence:
    """A sentence, cut by each tokenizer.

    Args:
        text: The sentence.
        tokens: Name of the tokenizer to the tokens, without special ones.
        starts: Name of the tokenizer to the positions of the tokens that begin with white space or come after it.
    """

    text: str
    tokens: Mapping[str, Tokens]
    starts: Mapping[str, Sequence[int]]


@dataclass(frozen=True, repr=False)
class TokenizerComparison(Shown):
    """Tokenizers side by side, on the same texts. The repr is what the command prints.

    Args:
        task: The task of the data.
        family: The family of the models that it needs.
        rows: The rows that tokenizers were trained and measured on.
        tokenizers: Each with its measures, in the order of the names.
        sentences: The same sentences, cut by each.
        advice: Which one to use.
        commands: Commands that follow the advice.
    """

    task: str
    family: str
    rows: Rows
    tokenizers: Sequence[Measured]
    sentences: Sequence[Sentence]
    advice: Advice
    commands: Sequence[str]

    def __getitem__(self, name: str) -> Measured:
        """A tokenizer by its name."""
        return {one.name: one for one in self.tokenizers}[name]

    def to_dict(self) -> dict[str, Any]:
        """What `--json` prints."""
        found = asdict(self)
        for one, made in zip(self.tokenizers, found["tokenizers"], strict=True):
            made["measures"]["unused"] = one.measures.unused
            made["measures"]["harder"] = [label.label for label in one.measures.harder]
        return found

    def write_page(self, file: Path | str, command: str = "") -> None:
        """Write an HTML page with charts, and with the cuts in colours.

        Args:
            file: The page: one file, which needs no network.
            command: The command that made it, to show on the page.
        """
        write_page(Path(file), self, command)

    def _pieces(self) -> list[Piece]:
        return comparison_pieces(self)
