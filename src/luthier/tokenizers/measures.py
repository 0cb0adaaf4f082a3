"""How a tokenizer suits texts: what of its vocabulary is used, what it does not know, and how many tokens it takes."""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from accelerate.utils import patch_environment
from transformers import PreTrainedTokenizerBase

from luthier.tokenizers.losses import losses_of
from luthier.tokenizers.suitability import encode, spaced, units

ALPHA = 2.5  # of the Rényi entropy: the order that predicted translation quality best in the paper
QUOTED = 5  # unknown words that are named
PASSES = 3  # over the texts, of which the fastest is the speed
LEAST_WORDS, LEAST_ROWS = 200, 5  # of a label; figures of fewer say little
HARDER, MORE_UNKNOWN, NOTED = 1.2, 2.0, 0.01  # tokens per word and unknown words of a label, beside those of all texts


@dataclass(frozen=True)
class Row:
    """A row of data.

    Args:
        texts: What a model reads of it at once.
        labels: Its labels; empty where the task has none.
    """

    texts: Sequence[str]
    labels: Sequence[str] = ()


@dataclass(frozen=True)
class Lengths:
    """Tokens of the rows, with special tokens: quantiles, and the share of rows with more than `limit`."""

    mean: float
    p5: float
    p25: float
    median: float
    p75: float
    p95: float
    longest: int
    limit: int
    cut_share: float


@dataclass(frozen=True)
class LabelMeasures:
    """How a tokenizer suits the texts of one label; as in `Measures`."""

    label: str
    rows: int
    tokens_per_word: float
    unknown_words_share: float


@dataclass(frozen=True)
class Measures:
    """How a tokenizer suits texts.

    Args:
        vocabulary: Its tokens, with special ones.
        special: Its special tokens.
        used: Its other tokens that occur in the training rows.
        unknown_share: Share of unknown tokens.
        unit: What the next three count: a `word` between white space, or a `character` of scripts without white space
            between words.
        unknown_words_share: Share of the words that are unknown, entirely or in part.
        unknown_words: The most frequent of them, with their counts.
        tokens_per_word: Tokens per word.
        tokens_per_byte: Tokens per byte of UTF-8.
        characters_per_token: Characters per token.
        efficiency: Rényi efficiency, see `renyi_efficiency`.
        lengths: Tokens of the rows.
        losses: Kind of loss to the share of texts that have it after encoding and decoding, see `losses_of`.
        characters_per_second: Speed of encoding in one thread: of the fastest of a few passes.
        labels: The same for the texts of each label.
    """

    vocabulary: int
    special: int
    used: int
    unknown_share: float
    unit: str
    unknown_words_share: float
    unknown_words: Sequence[tuple[str, int]]
    tokens_per_word: float
    tokens_per_byte: float
    characters_per_token: float
    efficiency: float
    lengths: Lengths
    losses: Mapping[str, float]
    characters_per_second: float
    labels: Sequence[LabelMeasures]

    @property
    def unused(self) -> int:
        """Its ordinary tokens that do not occur in the training rows: no training changes their embeddings."""
        return self.vocabulary - self.special - self.used

    @property
    def harder(self) -> list[LabelMeasures]:
        """Labels whose texts take clearly more tokens per word than all texts, or have more unknown words."""
        found = [
            one
            for one in self.labels
            if one.tokens_per_word >= HARDER * self.tokens_per_word
            or (one.unknown_words_share >= max(NOTED, MORE_UNKNOWN * self.unknown_words_share))
        ]
        return sorted(found, key=lambda one: (-one.unknown_words_share, -one.tokens_per_word))


@dataclass(frozen=True)
class Sample:
    """Rows to measure tokenizers on.

    Args:
        rows: Rows that no tokenizer was trained on.
        seen: Texts of training rows, to see which tokens occur in training.
    """

    rows: Sequence[Row]
    seen: Sequence[str]

    @cached_property
    def texts(self) -> list[str]:
        """All texts, row by row."""
        return [text for row in self.rows for text in row.texts]

    @cached_property
    def spaced(self) -> bool:
        """Whether white space stands between words; otherwise characters count as words."""
        return spaced(self.texts)

    @cached_property
    def words(self) -> Counter[str]:
        """Count of each word."""
        return Counter(word for text in self.texts for word in units(text, words=self.spaced))


def measure(tokenizer: PreTrainedTokenizerBase, sample: Sample, limit: int) -> Measures:
    """Measure how a tokenizer suits texts.

    Args:
        tokenizer: The tokenizer.
        sample: What to measure it on; it has at least one word.
        limit: Maximum tokens of a row.
    """
    seconds = []
    for _ in range(PASSES):
        # One thread, so that speeds can be compared between machines; the library reads this at each call.
        with patch_environment(TOKENIZERS_PARALLELISM="false"):
            start = time.perf_counter()
            rows = encode(tokenizer, sample.texts)
            seconds.append(time.perf_counter() - start)
    counts = Counter(token for ids in rows for token in ids)
    tokens, words, characters = counts.total(), sample.words.total(), sum(map(len, sample.texts))
    lost = unknown_words(tokenizer, sample.words)
    unknown = Counter({word: n for word, n in sample.words.items() if word in lost})
    special = set(tokenizer.all_special_ids)
    seen = {token for ids in encode(tokenizer, sample.seen) for token in ids}
    return Measures(
        vocabulary=len(tokenizer),
        special=len(special),
        used=len(seen - special),
        unknown_share=counts[tokenizer.unk_token_id] / max(tokens, 1),
        unit="word" if sample.spaced else "character",
        unknown_words_share=unknown.total() / words,
        unknown_words=unknown.most_common(QUOTED),
        tokens_per_word=tokens / words,
        tokens_per_byte=tokens / sum(len(text.encode("utf-8", "replace")) for text in sample.texts),
        characters_per_token=characters / max(tokens, 1),
        efficiency=renyi_efficiency([*counts.values()], len(tokenizer)),
        lengths=_lengths(tokenizer, sample.rows, rows, limit),
        losses=losses_of(tokenizer, sample.texts, rows, lost),
        characters_per_second=characters / min(seconds),
        labels=_by_label(sample, rows, lost),
    )


def unknown_words(tokenizer: PreTrainedTokenizerBase, words: Mapping[str, int]) -> set[str]:
    """Which words have an unknown token."""
    unknown = tokenizer.unk_token_id
    if unknown is None or not words:
        return set()
    each = list(words)
    return {word for word, ids in zip(each, encode(tokenizer, each), strict=True) if unknown in ids}


def renyi_efficiency(counts: Sequence[int], vocabulary: int) -> float:
    """Rényi efficiency of order 2.5: 1 if all tokens of a vocabulary are equally frequent, 0 if only one occurs.

    Zouhar et al. 2023, Tokenization and the Noiseless Channel (https://aclanthology.org/2023.acl-long.284). It compares
    vocabularies of similar size; a small one, such as of characters, comes out high.

    Args:
        counts: How often each token that occurs does.
        vocabulary: The number of tokens, with those that do not occur.
    """
    if len(counts) < 2 or vocabulary < 2:
        return 0.0
    shares = np.asarray(counts, np.float64) / sum(counts)
    return float(np.log((shares**ALPHA).sum()) / (1 - ALPHA) / np.log(vocabulary))


def _lengths(
    tokenizer: PreTrainedTokenizerBase, rows: Sequence[Row], encoded: Sequence[Sequence[int]], limit: int
) -> Lengths:
    each, lengths = iter(encoded), []
    for row in rows:
        special = tokenizer.num_special_tokens_to_add(pair=len(row.texts) == 2)
        lengths.append(sum(len(next(each)) for _ in row.texts) + special)
    p5, p25, median, p75, p95 = np.quantile(lengths, (0.05, 0.25, 0.5, 0.75, 0.95)).tolist()
    cut = float(np.mean(np.array(lengths) > limit))
    return Lengths(float(np.mean(lengths)), p5, p25, median, p75, p95, max(lengths), limit, cut)


def _by_label(sample: Sample, encoded: Sequence[Sequence[int]], unknown: set[str]) -> list[LabelMeasures]:
    each = iter(encoded)
    n, tokens, words, lost = Counter[str](), Counter[str](), Counter[str](), Counter[str]()
    for row in sample.rows:
        length = sum(len(next(each)) for _ in row.texts)
        own = [word for text in row.texts for word in units(text, words=sample.spaced)]
        missing = sum(word in unknown for word in own)
        for label in row.labels:
            n[label] += 1
            tokens[label] += length
            words[label] += len(own)
            lost[label] += missing
    return [
        LabelMeasures(label, n[label], tokens[label] / words[label], lost[label] / words[label])
        for label in n
        if n[label] >= LEAST_ROWS and words[label] >= LEAST_WORDS
    ]
