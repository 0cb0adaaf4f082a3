"""Diversity metrics of generated texts: distinct n-grams, repetition within a text, similarity between texts.

All are between 0 and 1 and use `words`. The contribution of a text depends on the other texts, and a resample contains
some texts twice, unlike any sample from a model: recomputed on resamples, `distinct` would always be too low and
`self_bleu` too high. So each text's contribution among all texts is computed once, and resamples sum these numbers.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from luthier.arrays import FloatArray
from luthier.metrics.base import Metric, ratio
from luthier.metrics.overlap import words

Words = Sequence[str]

_MOST_TEXTS = 100  # of self-BLEU, which compares each text with all others
_REPEATED = 4  # n-gram order of `repetition`
_ORDER = 4  # maximum n-gram order of BLEU


def diversity_metrics(texts: Sequence[str]) -> list[Metric]:
    """`distinct_1` to `distinct_3`, `repetition` and `self_bleu` of generated texts."""
    samples = [words(text) for text in texts]
    return [*(distinct(samples, n) for n in (1, 2, 3)), repetition(samples), self_bleu(samples)]


def distinct(samples: Sequence[Words], n: int) -> Metric:
    """Distinct n-grams / n-grams, over all samples (Li et al. 2016). It decreases with the number of words.

    On a resample, an n-gram that occurs in a single text counts as often as this text is drawn; one that occurs in
    several texts always counts once (to first order, the number of distinct n-grams varies like this). On 200 draws of
    50 and of 200 speeches of Shakespeare, 90 to 96 % of the intervals contained the mean of the draws; with plain
    resampling, no interval contained its own value.
    """
    by_text = [_ngrams(sample, n) for sample in samples]
    texts_with = Counter(ngram for counts in by_text for ngram in counts)
    alone = [sum(texts_with[ngram] == 1 for ngram in counts) for counts in by_text]
    shared = len(texts_with) - sum(alone)
    statistics = np.array([alone, [counts.total() for counts in by_text]], dtype=np.float64).T.reshape(-1, 2)
    return Metric(f"distinct_{n}", statistics, lambda sums: np.minimum(ratio(shared + sums[..., 0], sums[..., 1]), 1.0))


def repetition(samples: Sequence[Words]) -> Metric:
    """Share of a text's 4-grams that already occurred earlier in it, averaged over texts of 4 words or more."""
    by_text = [_ngrams(sample, _REPEATED) for sample in samples]
    shares = [1 - len(counts) / counts.total() if counts else 0.0 for counts in by_text]
    return _mean("repetition", shares, [bool(counts) for counts in by_text])


def self_bleu(samples: Sequence[Words]) -> Metric:
    """Mean BLEU-4 of each text with all others as references (Zhu et al. 2018), smoothed as in sacreBLEU.

    Texts without words are excluded; of more than 100 texts, 100 evenly spaced ones are used.
    """
    from sacrebleu.metrics.bleu import BLEU

    spoken = [at for at, sample in enumerate(samples) if sample]
    step = max(1.0, len(spoken) / _MOST_TEXTS)
    chosen = [spoken[int(k * step)] for k in range(min(len(spoken), _MOST_TEXTS))]
    scores, taken = np.zeros(len(samples)), np.zeros(len(samples))
    if len(chosen) > 1:
        lengths = [len(samples[at]) for at in chosen]
        right = np.stack([_shared([_ngrams(samples[at], n) for at in chosen]) for n in range(1, _ORDER + 1)], axis=1)
        for k, at in enumerate(chosen):
            total = [max(0, lengths[k] - n) for n in range(_ORDER)]
            nearest = min((abs(other - lengths[k]), other) for j, other in enumerate(lengths) if j != k)[1]
            found = BLEU.compute_bleu(right[k].tolist(), total, lengths[k], nearest, "exp", effective_order=True)
            scores[at], taken[at] = found.score / 100, 1.0
    return _mean("self_bleu", scores, taken)


def _shared(by_text: Sequence[Counter[tuple[str, ...]]]) -> FloatArray:
    """Clipped n-gram matches of each text: an n-gram counts at most as often as in the other text with most of it."""
    first = Counter[tuple[str, ...]]()
    second = Counter[tuple[str, ...]]()
    for counts in by_text:
        for ngram, count in counts.items():
            low, high = sorted((count, first[ngram]))
            first[ngram], second[ngram] = high, max(second[ngram], low)
    # The highest count in another text is the second highest one if this text has the highest.
    return np.array(
        [
            sum(min(count, second[ngram] if count == first[ngram] else first[ngram]) for ngram, count in counts.items())
            for counts in by_text
        ]
    )


def _ngrams(sample: Words, n: int) -> Counter[tuple[str, ...]]:
    return Counter(zip(*(sample[at:] for at in range(n)), strict=False))


def _mean(name: str, parts: Sequence[float] | FloatArray, taken: Sequence[float] | FloatArray) -> Metric:
    """The mean over the texts with `taken` 1; the `parts` of the others must be 0."""
    statistics = np.array([parts, taken], dtype=np.float64).T.reshape(-1, 2)
    return Metric(name, statistics, lambda sums: ratio(sums[..., 0], sums[..., 1]), greater_is_better=False)
