"""Metrics of texts that have reference texts: ROUGE, and the leading sentences that a summary has to beat.

ROUGE is that of the package rouge_score, without stemming: F-measures, mean over examples, the best reference for each
metric where there are several. Two rules are ours. rougeLsum wants sentences on lines of their own, and they are found
by `sentence_spans`: NLTK's splitter is a model to download. And rouge_score keeps only a-z and 0-9, which turns
"für" into "f r" and leaves nothing of Greek: where a quarter of the references' words or more hold letters outside
ASCII (Greek, Russian, Hindi, Chinese, Vietnamese, Polish; not German, French or Spanish, whose published numbers are
of that kind), the tokens are `words`.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import regex

from luthier.metrics.base import Metric, average

ROUGE = ("rouge1", "rouge2", "rougeL", "rougeLsum")

# Scripts that write no blanks between words: a token is one character with its marks.
_UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}ー\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
_WORD = regex.compile(
    rf"[[{_UNSPACED}]&&[\p{{L}}\p{{N}}]]\p{{M}}*|[[\p{{L}}\p{{N}}]--[{_UNSPACED}]][[\p{{L}}\p{{N}}\p{{M}}]--[{_UNSPACED}]]*",
    regex.V1,
)
_OUTSIDE_ASCII = 0.25

# Where a sentence may end: a stop with its closing quotes before a blank, a full-width or Indic stop, a line's end.
_STOP = regex.compile(
    r"""(?<![.!?…؟])(?P<stop>[.!?…؟]+["'\p{Pe}\p{Pf}]*)(?=\s)|[。\uff01\uff1f।॥]+[\p{Pe}\p{Pf}]*|\n"""
)
_ABBREVIATION = regex.compile(
    r"\b(?:\p{Lu}|Mr|Mrs|Ms|Dr|Prof|St|Sr|Jr|Gen|Col|Sgt|Lt|Capt|Rev|Sen|Rep|Gov|vs|Nr|Fig|approx|e\.g|i\.e)\.$"
)
_NEXT = regex.compile(r"\s*(\S)")
_TURN = regex.compile(r"\s*(?:#[^#\n]{1,30}#|[\p{L}\p{N}][\p{L}\p{M}\p{N}\p{Pf}_.' -]{0,29}):(?:\s|$)")
_MOST_DOCUMENTS = 1000


def words(text: str) -> list[str]:
    """The words of a text of any script in lower case; single characters where words are not parted by blanks."""
    found: list[str] = _WORD.findall(text.lower())
    return found


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """Start and end of each sentence, without the blanks around it.

    A sentence ends with its line, or after `.`, `!`, `?`, `…` before a blank unless a small letter follows or the stop
    belongs to an initial or a common abbreviation, or after the stops of scripts that write no blank there.
    """
    spans: list[tuple[int, int]] = []
    start = 0
    for found in _STOP.finditer(text):
        if found["stop"] and _goes_on(text, start, found.end()):
            continue
        spans.append((start, found.end()))
        start = found.end()
    spans.append((start, len(text)))
    return [stripped for span in spans if (stripped := _strip(text, *span))]


def rouge_tokens(references: Sequence[Sequence[str]]) -> Literal["ascii", "words"]:
    """What ROUGE is computed on: rouge_score's own tokens of a-z and 0-9, or `words`."""
    found = [word for several in references for reference in several for word in words(reference)]
    outside = sum(not word.isascii() for word in found)
    return "words" if outside and outside >= _OUTSIDE_ASCII * len(found) else "ascii"


def rouge_metrics(
    predictions: Sequence[str], references: Sequence[Sequence[str]], names: Sequence[str] = ROUGE
) -> list[Metric]:
    """ROUGE of texts.

    An example without references is right where nothing was written: 1 for a prediction without words, else 0.

    Args:
        predictions: `n` texts.
        references: One or several texts for each.
        names: Some of `ROUGE`; those of longest common subsequences cost the most.
    """
    from rouge_score.rouge_scorer import RougeScorer

    scorer = RougeScorer(list(names), tokenizer=_Words() if rouge_tokens(references) == "words" else None)
    values = np.zeros((len(predictions), len(names)))
    for row, (prediction, several) in enumerate(zip(predictions, references, strict=True)):
        if several:
            best = scorer.score_multi([_lines(reference) for reference in several], _lines(prediction))
            values[row] = [best[name].fmeasure for name in names]
        else:
            values[row] = not words(prediction)
    return [average(name, values[:, column]) for column, name in enumerate(names)]


def lead_sentences(documents: Sequence[str], n: int) -> list[str]:
    """The first `n` sentences of each document; the first `n` turns where it is a dialogue with a turn on each line."""
    return [_lead(document, _units(document), n) for document in documents]


def lead_length(train_documents: Sequence[str], train_summaries: Sequence[str]) -> int:
    """The `n` for `lead_sentences` whose mean length in words is nearest to that of the training summaries.

    At least 1. A thousand documents are looked at.
    """
    if not train_documents:
        return 1
    target = np.mean([len(words(summary)) for summary in train_summaries[:_MOST_DOCUMENTS]])
    lengths = [
        np.cumsum([len(words(document[start:end])) for start, end in _units(document)] or [0])
        for document in train_documents[:_MOST_DOCUMENTS]
    ]
    means: list[float] = []
    for n in range(max(map(len, lengths))):
        # A document of fewer sentences is there as a whole.
        means.append(float(np.mean([length[min(n, len(length) - 1)] for length in lengths])))
        if means[-1] >= target:
            break
    return 1 + int(np.abs(np.array(means) - target).argmin())


class _Words:
    """`words` as rouge_score wants its tokenizers."""

    def tokenize(self, text: str) -> list[str]:
        return words(text)


def _goes_on(text: str, start: int, stop: int) -> bool:
    """Whether a sentence goes on after a stop."""
    following = _NEXT.match(text, stop)
    small = following is not None and following[1].islower()
    return small or _ABBREVIATION.search(text, max(start, stop - 12), stop) is not None


def _lines(text: str) -> str:
    """A text with each sentence on a line of its own."""
    return "\n".join(text[start:end] for start, end in sentence_spans(text))


def _lead(document: str, units: Sequence[tuple[int, int]], n: int) -> str:
    return document[units[0][0] : units[min(n, len(units)) - 1][1]] if units and n > 0 else ""


def _units(document: str) -> list[tuple[int, int]]:
    """Spans of the sentences, or of the lines where most of them begin with who is speaking."""
    lines = _line_spans(document)
    turns = sum(bool(_TURN.match(document, start, end)) for start, end in lines)
    return lines if len(lines) > 1 and 2 * turns > len(lines) else sentence_spans(document)


def _line_spans(text: str) -> list[tuple[int, int]]:
    ends = [at for at, character in enumerate(text) if character == "\n"] + [len(text)]
    starts = [0, *(end + 1 for end in ends)]
    return [stripped for span in zip(starts, ends, strict=False) if (stripped := _strip(text, *span))]


def _strip(text: str, start: int, end: int) -> tuple[int, int] | None:
    """A span without the blanks around it; None where nothing is left."""
    inner = text[start:end]
    left = start + len(inner) - len(inner.lstrip())
    right = start + len(inner.rstrip())
    return (left, right) if left < right else None
