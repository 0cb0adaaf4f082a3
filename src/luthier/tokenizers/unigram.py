"""Deterministic training of a Unigram vocabulary; the trainer of the tokenizers library breaks ties at random.

Follows Kudo (2018, "Subword Regularization"), with two shortcuts: the candidate pieces are those of a larger BPE
vocabulary, and only the most likely split of a word counts instead of all its splits.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from math import log

from tokenizers import Tokenizer, models, trainers

SEED = 4  # initial pieces, as a multiple of the vocabulary size
SHRINK = 0.75  # share of the pieces to keep in each round
ROUNDS = 2  # estimates at the end, with a fixed set of pieces
RARE = 0.5  # count of a character that no split uses; it stays in the vocabulary for unseen words


def train_unigram(words: Mapping[str, int], size: int) -> list[tuple[str, float]]:
    """Train pieces with their log probabilities, sorted from most to least likely.

    Args:
        words: Count of each word, as split by the pre-tokenizer.
        size: Maximum number of pieces; exceeded if the words have more characters, since each of them is a piece.
            It may be negative: special tokens can take more than the whole vocabulary.
    """
    characters = sorted({character for word in words for character in word})
    seed = Tokenizer(models.BPE())
    trainer = trainers.BpeTrainer(vocab_size=SEED * max(size, 0), min_frequency=2, show_progress=False)
    seed.train_from_iterator(_repeated(words), trainer)
    counts = _count(seed, words)
    while True:
        scores = _scores(counts, characters)
        counts = _count(_model(scores), words)
        longer = sorted(piece for piece in scores if len(piece) > 1)
        room = max(size - len(characters), 0)
        if len(longer) <= room:
            break
        losses = {piece: counts[piece] * (scores[piece] - _next_best(piece, scores)) for piece in longer}
        kept = sorted(longer, key=lambda piece: -losses[piece])[: max(room, int(SHRINK * len(longer)))]
        counts = Counter({piece: counts[piece] for piece in kept if counts[piece]} | {c: counts[c] for c in characters})
    for _ in range(ROUNDS):
        scores = _scores(counts, characters)
        counts = _count(_model(scores), words)
    return sorted(_scores(counts, characters).items(), key=lambda item: (-item[1], item[0]))


def _repeated(words: Mapping[str, int]) -> Iterator[str]:
    for word in sorted(words):
        yield from [word] * words[word]


def _count(tokenizer: Tokenizer, words: Mapping[str, int]) -> Counter[str]:
    """Count each piece in the words, as split by a tokenizer."""
    counts = Counter[str]()
    order = sorted(words)
    for word, encoding in zip(order, tokenizer.encode_batch(order), strict=True):
        for piece in encoding.tokens:
            counts[piece] += words[word]
    return counts


def _scores(counts: Mapping[str, int], characters: list[str]) -> dict[str, float]:
    used = {piece: float(n) for piece, n in counts.items() if n} | {
        character: float(max(counts.get(character, 0), RARE)) for character in characters
    }
    total = sum(used.values())
    return {piece: log(n / total) for piece, n in used.items()}


def _model(scores: Mapping[str, float]) -> Tokenizer:
    order = sorted(scores.items(), key=lambda item: (-item[1], item[0]))
    return Tokenizer(models.Unigram([("", 0.0), *order], unk_id=0))  # every character is a piece, so none is unknown


def _next_best(piece: str, scores: Mapping[str, float]) -> float:
    """The score of the best split of a piece into two pieces, or into characters if there is none."""
    halves = ((piece[:cut], piece[cut:]) for cut in range(1, len(piece)))
    splits = [scores[left] + scores[right] for left, right in halves if left in scores and right in scores]
    return max(splits, default=sum(scores[character] for character in piece))
