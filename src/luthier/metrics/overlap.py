"""Overlap of texts with reference texts: ROUGE, and leading sentences as the baseline for summaries.

ROUGE is computed by the package rouge_score, without stemming: F-measures, averaged over examples, with the best of
several references for each metric. Luthier differs in two ways. First, rougeLsum needs one sentence per line; these
are found by `sentence_spans`, since NLTK's splitter is a model to download. Second, rouge_score keeps only a-z and 0-9,
which turns "für" into "f r" and removes Greek altogether: if a quarter of the words in the references or more contain
letters outside ASCII (Greek, Russian, Hindi, Chinese, Vietnamese, Polish; not German, French or Spanish, whose
published scores use the ASCII tokens), the tokens are `words`.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import regex

from luthier.metrics.base import Metric, average

ROUGE = ("rouge1", "rouge2", "rougeL", "rougeLsum")

# Scripts without spaces between words: a token is one character with its combining marks.
_UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}ー\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
_WORD = regex.compile(
    rf"[[{_UNSPACED}]&&[\p{{L}}\p{{N}}]]\p{{M}}*|[[\p{{L}}\p{{N}}]--[{_UNSPACED}]][[\p{{L}}\p{{N}}\p{{M}}]--[{_UNSPACED}]]*",
    regex.V1,
)
_OUTSIDE_ASCII = 0.25

# Where a sentence may end: a stop with closing quotes before whitespace, a full-width or Indic stop, a line break.
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
    """The words of a text in lower case, for any script; single characters in scripts without spaces between words."""
    found: list[str] = _WORD.findall(text.lower())
    return found


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """Start and end of each sentence, without surrounding whitespace.

    A sentence ends with its line; after `.`, `!`, `?`, `…` and whitespace, unless a lowercase letter follows or the
    stop belongs to an initial or a common abbreviation; or after a stop of a script that has no space there.
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
    """The tokens that ROUGE is computed on: rouge_score's own (a-z and 0-9), or `words`."""
    found = [word for several in references for reference in several for word in words(reference)]
    outside = sum(not word.isascii() for word in found)
    return "words" if outside and outside >= _OUTSIDE_ASCII * len(found) else "ascii"


def rouge_metrics(
    predictions: Sequence[str], references: Sequence[Sequence[str]], names: Sequence[str] = ROUGE
) -> list[Metric]:
    """Compute ROUGE.

    An example without references scores 1 if the prediction has no words, else 0.

    Args:
        predictions: `n` texts.
        references: One or several texts for each prediction, or none.
        names: Subset of `ROUGE`; rougeL and rougeLsum are the slowest.
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
    """The first `n` sentences of each document; the first `n` turns if it is a dialogue with one turn per line."""
    return [_lead(document, _units(document), n) for document in documents]


def lead_length(train_documents: Sequence[str], train_summaries: Sequence[str]) -> int:
    """The `n` for `lead_sentences` whose mean length in words is closest to that of the training summaries.

    At least 1. Only the first thousand documents are used.
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
        # A document with fewer sentences counts in full.
        means.append(float(np.mean([length[min(n, len(length) - 1)] for length in lengths])))
        if means[-1] >= target:
            break
    return 1 + int(np.abs(np.array(means) - target).argmin())


class _Words:
    """Adapter from `words` to the tokenizer interface of rouge_score."""

    def tokenize(self, text: str) -> list[str]:
        return words(text)


def _goes_on(text: str, start: int, stop: int) -> bool:
    """Whether a sentence continues after a stop."""
    following = _NEXT.match(text, stop)
    small = following is not None and following[1].islower()
    return small or _ABBREVIATION.search(text, max(start, stop - 12), stop) is not None


def _lines(text: str) -> str:
    """Put each sentence of a text on its own line."""
    return "\n".join(text[start:end] for start, end in sentence_spans(text))


def _lead(document: str, units: Sequence[tuple[int, int]], n: int) -> str:
    return document[units[0][0] : units[min(n, len(units)) - 1][1]] if units and n > 0 else ""


def _units(document: str) -> list[tuple[int, int]]:
    """Spans of the sentences, or of the lines if most of them begin with a speaker."""
    lines = _line_spans(document)
    turns = sum(bool(_TURN.match(document, start, end)) for start, end in lines)
    return lines if len(lines) > 1 and 2 * turns > len(lines) else sentence_spans(document)


def _line_spans(text: str) -> list[tuple[int, int]]:
    ends = [at for at, character in enumerate(text) if character == "\n"] + [len(text)]
    starts = [0, *(end + 1 for end in ends)]
    return [stripped for span in zip(starts, ends, strict=False) if (stripped := _strip(text, *span))]


def _strip(text: str, start: int, end: int) -> tuple[int, int] | None:
    """Strip whitespace from a span; None if nothing is left."""
    inner = text[start:end]
    left = start + len(inner) - len(inner.lstrip())
    right = start + len(inner.rstrip())
    return (left, right) if left < right else None
