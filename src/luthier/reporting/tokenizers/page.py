"""The page that `luthier tokenizer compare --output FILE.html` writes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from luthier.learning_curves.plot import Figure
from luthier.reporting.drawing.charts import parts, ranges
from luthier.reporting.drawing.cuts import Chip, cutting
from luthier.reporting.render import render
from luthier.reporting.terminal.tokenizers import measured_on, notes_on, tables
from luthier.storage.atomic import write_text
from luthier.text import count, plural
from luthier.tokenizers.measures import Measures
from luthier.tracing.text import Tokens

if TYPE_CHECKING:
    from luthier.reporting.tokenizers.comparison import TokenizerComparison


@dataclass(frozen=True, slots=True)
class Cut:
    """How a tokenizer cuts a sentence: its name, how many tokens there are, and the tokens."""

    name: str
    tokens: str
    chips: Sequence[Chip]


def write_page(path: Path, found: "TokenizerComparison", command: str = "") -> Path:
    """Write the page of a comparison.

    Args:
        path: The file.
        found: What to show.
        command: The command that made it.
    Returns:
        The file.
    Raises:
        ResourceError: It cannot be written.
    """
    vocabularies, lengths, losses = tables(found)
    page = render(
        "tokenizers.html",
        charts=True,
        assets=("tokens.css",),
        advice=found.advice,
        commands=found.commands,
        facts=_facts(found),
        vocabularies=vocabularies,
        lengths=lengths,
        losses=losses,
        figures=_figures(found),
        notes=[(one.name, note) for one in found.tokenizers for note in notes_on(one)],
        sentences=[(one.text, _cuts(one.tokens)) for one in found.sentences],
        command=command,
        snippet=_snippet(found),
    )
    write_text(path, page)
    return path


def _facts(found: "TokenizerComparison") -> list[tuple[str, str]]:
    return [
        ("Tokenizers", count(len(found.tokenizers))),
        ("Task", f"{found.task} ({found.family})"),
        ("Measured", measured_on(found)),
    ]


def _figures(found: "TokenizerComparison") -> list[Figure]:
    """Charts of the lengths of the rows, and of the vocabularies."""
    lengths = {one.name: one.measures.lengths for one in found.tokenizers}
    rows = {name: (one.p5, one.p25, one.median, one.p75, one.p95) for name, one in lengths.items()}
    limit = found.tokenizers[0].measures.lengths.limit
    caption = "Line: 5 % to 95 % of the rows; bar: the middle half; tick: median."
    used = {one.name: _parts(one.measures) for one in found.tokenizers}
    return [
        ranges("Lengths of rows", caption, "tokens", rows, limit),
        parts("Vocabularies", "Training does not change the embeddings of unused tokens.", "tokens", used),
    ]


def _parts(one: Measures) -> Mapping[str, float]:
    return {"used in training rows": one.used, "unused": one.unused, "special": one.special}


def _cuts(tokens: Mapping[str, Tokens]) -> list[Cut]:
    drawn = {name: cutting(one, {}) for name, one in tokens.items()}
    return [Cut(name, plural(one.n, "token"), one.chips) for name, one in drawn.items()]


def _snippet(found: "TokenizerComparison") -> str:
    names = [one.name for one in found.tokenizers]
    best = found.advice.name or names[0]
    return f"import luthier\n\nfound = luthier.compare_tokenizers(DATA, {names!r})\nfound[{best!r}].measures"
