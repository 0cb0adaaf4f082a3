"""Baseline for language models: trigrams with interpolated Kneser-Ney smoothing.

Follows Chen and Goodman (1999), with one discount for each order. It uses the model's tokens, so that losses and
perplexities can be compared, and its probabilities sum to 1 over the whole vocabulary. On Shakespeare (BPE of 8,000
tokens) its perplexity is 199; if shorter n-grams are counted by occurrences, it is 228.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from luthier.arrays import FloatArray, IntArray


def trigram_nll(
    train: Sequence[IntArray], test: Sequence[IntArray], vocabulary: int, *, first: bool = True
) -> FloatArray:
    """Negative log-likelihood of test documents under a trigram model of the training documents.

    Args:
        train: Token ids of each training document, below `vocabulary`.
        test: Token ids of each test document.
        vocabulary: Vocabulary size.
        first: Whether a document's first token is also predicted, from the beginning of the document; False to match
            a decoder without a begin-of-text token.

    Returns:
        `[n]` in nats, summed over the predicted tokens of each test document.
    """
    base = vocabulary + 1  # the largest digit marks the beginning of a document
    trigrams, _, _ = _trigrams(train, vocabulary)
    seen, counts = np.unique(trigrams, return_counts=True)
    # Kneser-Ney: shorter n-grams are counted by the number of distinct tokens before them, not by occurrences.
    pairs, befores = np.unique(seen % base**2, return_counts=True)
    singles, before_pairs = np.unique(pairs % base, return_counts=True)
    orders = [_Order.of(singles, before_pairs, base), _Order.of(pairs, befores, base), _Order.of(seen, counts, base)]

    asked, document, place = _trigrams(test, vocabulary)
    probability = np.full(len(asked), 1.0 / vocabulary)
    for order, digits in zip(orders, (base, base**2, base**3), strict=True):
        probability = order.interpolate(asked % digits, probability)
    wanted = place >= (0 if first else 1)
    return _sums(document[wanted], -np.log(probability[wanted]), len(test))


@dataclass(frozen=True)
class _Order:
    """The n-grams of one order, encoded as integers whose digits are tokens.

    Args:
        ngrams: `[k]` distinct n-grams, ascending.
        counts: `[k]` count of each n-gram.
        contexts: `[c]` distinct n-grams without their last token, ascending.
        totals: `[c]` total count of the n-grams with each context.
        kinds: `[c]` number of distinct tokens after each context.
        discount: Amount subtracted from each count and given to the next lower order.
        base: Base of the integers.
    """

    ngrams: IntArray
    counts: FloatArray
    contexts: IntArray
    totals: FloatArray
    kinds: FloatArray
    discount: float
    base: int

    @classmethod
    def of(cls, ngrams: IntArray, counts: IntArray, base: int) -> "_Order":
        contexts, place = np.unique(ngrams // base, return_inverse=True)
        totals = _sums(place, counts, len(contexts))
        kinds = _sums(place, np.ones(len(place)), len(contexts))
        once, twice = np.count_nonzero(counts == 1), np.count_nonzero(counts == 2)
        # Ney's estimate; bounded, since 0 would leave nothing for new tokens, and 1 nothing for those seen once.
        discount = float(np.clip(once / (once + 2 * twice), 0.1, 0.9)) if once else 0.5
        return cls(ngrams, counts.astype(np.float64), contexts, totals, kinds, discount, base)

    def interpolate(self, ngrams: IntArray, lower: FloatArray) -> FloatArray:
        """Probability of each n-gram's last token, given `lower`, that of the next lower order: `[m]` each."""
        count = _look_up(ngrams, self.ngrams, self.counts)
        contexts = ngrams // self.base
        total = _look_up(contexts, self.contexts, self.totals)
        kinds = _look_up(contexts, self.contexts, self.kinds)
        known = total > 0
        mixed = np.maximum(count - self.discount, 0.0) + self.discount * kinds * lower
        return np.where(known, mixed / np.where(known, total, 1.0), lower)


def _sums(groups: IntArray, values: FloatArray | IntArray, n: int) -> FloatArray:
    """Sum values by group: `[n]`."""
    return np.asarray(np.bincount(groups, weights=values, minlength=n), dtype=np.float64)


def _look_up(keys: IntArray, known: IntArray, values: FloatArray) -> FloatArray:
    """The value of each key; 0 for unknown keys."""
    if not len(known):
        return np.zeros(len(keys))
    at = np.minimum(np.searchsorted(known, keys), len(known) - 1)
    return np.where(known[at] == keys, values[at], 0.0)


def _trigrams(documents: Sequence[IntArray], vocabulary: int) -> tuple[IntArray, IntArray, IntArray]:
    """Each token with the two before it as an integer, its document, and its position there: three `[tokens]`."""
    lengths = np.array([len(document) for document in documents], dtype=np.int64)
    document = np.repeat(np.arange(len(documents)), lengths)
    tokens = np.concatenate([np.asarray(ids, dtype=np.int64) for ids in documents] or [np.zeros(0, np.int64)])
    if len(tokens) and not 0 <= tokens.min() <= tokens.max() < vocabulary:
        raise ValueError(f"token ids must be in 0..{vocabulary - 1}, are {tokens.min()}..{tokens.max()}")
    place = np.arange(len(tokens)) - (np.cumsum(lengths) - lengths)[document]
    one, two = np.roll(tokens, 1), np.roll(tokens, 2)
    one[place < 1] = vocabulary
    two[place < 2] = vocabulary
    base = vocabulary + 1
    return (two * base + one) * base + tokens, document, place
