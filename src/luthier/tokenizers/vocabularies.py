"""Train the five kinds of tokenizer; equal texts give equal vocabularies with equal ids.

The WordPiece and Unigram trainers of the tokenizers library number tokens or break ties at random; these do not.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from luthier.models.architectures import Kind
from luthier.tokenizers.unigram import train_unigram

PREFIX = "##"  # of a WordPiece token inside a word


def train_backend(
    texts: Sequence[str], most: int, kind: Kind, special: Sequence[str], unknown: str, *, spaced: bool = False
) -> Tokenizer:
    """Train a tokenizer without post-processor.

    Args:
        texts: Training texts.
        most: Maximum number of tokens; except for `word` and `character`, every byte or character is always a token.
        kind: The algorithm.
        special: The special tokens, which get the first ids.
        unknown: The special token for unknown text; not used by `bpe`.
        spaced: For `bpe`, whether to add a space before the text.
    """
    if kind == "bpe":
        return _bytes(texts, most, special, spaced)
    if kind == "wordpiece":
        return _wordpiece(texts, most, special, unknown)
    if kind == "unigram":
        backend = Tokenizer(models.Unigram())
        backend.normalizer = normalizers.NFKC()
        backend.pre_tokenizer = pre_tokenizers.Metaspace()
        backend.decoder = decoders.Metaspace()
        pieces = train_unigram(words_of(texts, backend), most - len(special))
        backend.model = models.Unigram([*((token, 0.0) for token in special), *pieces], unk_id=special.index(unknown))
        return backend
    backend = Tokenizer(models.WordLevel({unknown: 0}, unk_token=unknown))
    if kind == "word":
        backend.pre_tokenizer = pre_tokenizers.Whitespace()
        least = 2  # so that the model sees unknown words in training
    else:
        backend.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
        backend.decoder = decoders.Fuse()
        least = 1
    counts = words_of(texts, backend)
    common = sorted((word for word, n in counts.items() if n >= least), key=lambda word: (-counts[word], word))
    vocabulary = [*special, *(word for word in common if word not in special)][:most]
    backend.model = models.WordLevel({token: i for i, token in enumerate(vocabulary)}, unk_token=unknown)
    return backend


def words_of(texts: Iterable[str], backend: Tokenizer) -> Counter[str]:
    """Count each word, as split by the normalizer and the pre-tokenizer of a tokenizer."""
    normalize = backend.normalizer.normalize_str if backend.normalizer else str
    split = backend.pre_tokenizer.pre_tokenize_str
    return Counter(word for text in texts for word, _ in split(normalize(text)))


def _bytes(texts: Sequence[str], most: int, special: Sequence[str], spaced: bool) -> Tokenizer:
    """Train byte-level BPE as in GPT-2."""
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=spaced)
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=most,
        min_frequency=2,
        special_tokens=list(special),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    backend.train_from_iterator(texts, trainer)
    return backend


def _wordpiece(texts: Sequence[str], most: int, special: Sequence[str], unknown: str) -> Tokenizer:
    """Train cased WordPiece as in BERT."""
    backend = Tokenizer(models.WordPiece(unk_token=unknown))
    backend.normalizer = normalizers.BertNormalizer(lowercase=False, strip_accents=False)
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    backend.decoder = decoders.WordPiece(prefix=PREFIX)
    # The trainer gives special tokens the first ids, in order. It would otherwise number the characters inside words
    # in hash table order, and these ids decide which of two equally frequent merges comes first.
    inside = sorted({PREFIX + character for word in words_of(texts, backend) for character in word[1:]})
    trainer = trainers.WordPieceTrainer(
        vocab_size=most, min_frequency=2, special_tokens=[*special, *inside], show_progress=False
    )
    learner = Tokenizer(backend.model)
    learner.normalizer, learner.pre_tokenizer = backend.normalizer, backend.pre_tokenizer
    learner.train_from_iterator(texts, trainer)
    backend.model = models.WordPiece(learner.get_vocab(), unk_token=unknown)
    return backend
