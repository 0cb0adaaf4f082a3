"""The scored rows that tell most about a model: which they are, and the pages that trace them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isnan
from typing import Any, Literal

from luthier.errors import DamagedError
from luthier.run_directory.run import Run
from luthier.text import amount, listing

ROWS = "rows.json"  # in the directory of the traces: the rows that are traced
Kind = Literal["right", "error", "close", "best", "worst"]
TITLES: dict[Kind, str] = {
    "right": "A typical right answer",
    "error": "The most confident error",
    "close": "The closest decision",
    "best": "The lowest {}",
    "worst": "The highest {}",
}


@dataclass(frozen=True)
class Judged:
    """How the scored rows came out.

    Args:
        scores: [n] the confidence in each answer; its error or loss where no answer is right or wrong; None for a row
            that was not answered.
        quote: Gives the gold answer and the prediction of a row, by its index, as text.
        right: [n] whether each answer is right; None where no answer is right or wrong.
        margins: [n] how far each answer is from being another one; by default its confidence.
        sureness: [n] how sure the model is of what is wrong in an answer; by default its confidence.
        score_name: What `scores` are.
    """

    scores: Sequence[float | None]
    quote: Callable[[int], tuple[str, str]]
    right: Sequence[bool] | None = None
    margins: Sequence[float] | None = None
    sureness: Sequence[float] | None = None
    score_name: str = "confidence"


@dataclass(frozen=True)
class TracedRow:
    """A scored row with a page that traces it; a line of the report.

    Args:
        kind: Why it was chosen.
        source: Its source.
        row: Its number in the source, from 1.
        gold: The gold answer.
        prediction: The model's answer.
        score: As in `Judged`.
        score_name: As in `Judged`.
    """

    kind: Kind
    source: str
    row: int
    gold: str
    prediction: str
    score: float
    score_name: str

    @property
    def title(self) -> str:
        return TITLES[self.kind].format(self.score_name)

    @property
    def page(self) -> str:
        """Name of its page in the directory of the traces."""
        return f"{self.kind}.html"


def quoted(answer: Any) -> str:
    """An answer as text, such as a label, several labels, or a number."""
    if isinstance(answer, float):
        return amount(answer)
    return listing([str(one) for one in answer]) if isinstance(answer, list | tuple) else str(answer)


def telling_rows(judged: Judged, among: Sequence[int]) -> dict[Kind, int]:
    """Choose up to three different rows, always the same ones of the same scores.

    Args:
        judged: How the rows came out.
        among: Indices of the rows to choose from.
    Returns:
        The right answer with the median confidence, the most confident error, and the answer with the smallest margin;
        where no answer is right or wrong, those with the lowest and the highest score. A kind without a row is missing.
    """
    scores = {i: score for i in among if (score := judged.scores[i]) is not None and not isnan(score)}
    by_score = sorted(scores, key=lambda i: (scores[i], i))
    if judged.right is None:
        return {**({"best": by_score[0]} if by_score else {}), **({"worst": by_score[-1]} if by_score[1:] else {})}
    right = [i for i in by_score if judged.right[i]]
    wrong = [i for i in by_score if not judged.right[i]]
    found: dict[Kind, int] = {"right": right[(len(right) - 1) // 2]} if right else {}
    if wrong:
        sure = scores if judged.sureness is None else judged.sureness
        found["error"] = min(wrong, key=lambda i: (-sure[i], i))
    margins = scores if judged.margins is None else judged.margins
    others = [i for i in by_score if i not in found.values()]
    if others:
        found["close"] = min(others, key=lambda i: (margins[i], i))
    return found


def traced_rows(run: Run) -> list[TracedRow]:
    """The rows of a run that are traced and whose pages are there.

    Raises:
        DamagedError: The list of them is damaged.
    """
    file = run.traces / ROWS
    try:
        rows = [TracedRow(**values) for values in (run.read_json(file) or {}).get("rows", [])]
    except TypeError as error:
        raise DamagedError(f"the file is damaged: {error}", where=str(file), hint="delete it") from None
    return [row for row in rows if (run.traces / row.page).is_file()]
