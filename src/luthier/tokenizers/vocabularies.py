"""Train the six kinds of tokenizer; equal texts give equal vocabularies with equal ids.

The WordPiece and Unigram trainers of the tokenizers library number tokens or break ties at random; these do not.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from luthier.recipe import TokenizerKind
from luthier.tokenizers.unigram import train_unigram

PREFIX = "##"  # of a WordPiece token inside a word


def train_backend(
    texts: Iterable[str], most: int, kind: TokenizerKind, special: Sequence[str], unknown: str, *, spaced: bool = False
) -> Tokenizer:
    """Train a tokenizer without post-processor.

    Args:
        texts: Training texts; they may be iterated over several times.
        most: Maximum number of tokens; except for `word` and `char`, every byte or character is always a token.
        kind: The algorithm.
        special: The special tokens, which get the first ids.
        unknown: The special token for unknown text; not used by `byte-bpe`.
        spaced: For both kinds of BPE, whether to add a space before the text.
    """
    if kind == "byte-bpe":
        return _byte_bpe(texts, most, special, spaced)
    if kind == "bpe":
        return _bpe(texts, most, special, unknown, spaced)
    if kind == "wordpiece":
        return _wordpiece(texts, most, special, unknown)
    if kind == "unigram":
        return _unigram(texts, most, special, unknown)
    return (_words if kind == "word" else _characters)(texts, most, special, unknown)


def words_of(texts: Iterable[str], backend: Tokenizer) -> Counter[str]:
    """Count each word, as split by the normalizer and the pre-tokenizer of a tokenizer."""
    normalize = backend.normalizer.normalize_str if backend.normalizer else str
    split = backend.pre_tokenizer.pre_tokenize_str
    return Counter(word for text in texts for word, _ in split(normalize(text)))


def _words(texts: Iterable[str], most: int, special: Sequence[str], unknown: str) -> Tokenizer:
    """Keep the most frequent words that occur twice, so that the model sees unknown words in training."""
    backend = Tokenizer(models.WordLevel({unknown: 0}, unk_token=unknown))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    trainer = trainers.WordLevelTrainer(vocab_size=most, min_frequency=2, special_tokens=[], show_progress=False)
    backend.train_from_iterator(texts, trainer)
    ids = backend.get_vocab()  # by frequency, then by code point
    backend.model = _known(sorted(ids, key=ids.__getitem__), most, special, unknown)
    return backend


def _characters(texts: Iterable[str], most: int, special: Sequence[str], unknown: str) -> Tokenizer:
    """Keep the most frequent characters."""
    counts = Counter[str]()
    for text in texts:
        counts.update(text)
    common = sorted(counts, key=lambda character: (-counts[character], character))
    backend = Tokenizer(_known(common, most, special, unknown))
    backend.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    backend.decoder = decoders.Fuse()
    return backend


def _known(common: Iterable[str], most: int, special: Sequence[str], unknown: str) -> models.WordLevel:
    tokens = [*special, *(token for token in common if token not in special)][:most]
    return models.WordLevel({token: i for i, token in enumerate(tokens)}, unk_token=unknown)


def _bpe(texts: Iterable[str], most: int, special: Sequence[str], unknown: str, spaced: bool) -> Tokenizer:
    """Train BPE on characters (Sennrich et al. 2016), with the space before a word as its first character."""
    backend = Tokenizer(models.BPE(unk_token=unknown))
    scheme = "always" if spaced else "never"
    # As in the paper, punctuation is split off first; `\w` includes the marks of combined characters.
    punctuation = pre_tokenizers.Split(Regex(r"[^\w▁]"), "isolated")
    backend.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Metaspace(prepend_scheme=scheme), punctuation])
    backend.decoder = decoders.Metaspace(prepend_scheme=scheme)
    # The trainer sorts the alphabet and breaks ties by id.
    trainer = trainers.BpeTrainer(vocab_size=most, min_frequency=2, special_tokens=list(special), show_progress=False)
    backend.train_from_iterator(texts, trainer)
    return backend


def _byte_bpe(texts: Iterable[str], most: int, special: Sequence[str], spaced: bool) -> Tokenizer:
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


def _wordpiece(texts: Iterable[str], most: int, special: Sequence[str], unknown: str) -> Tokenizer:
    """Train cased WordPiece as in BERT."""
    backend = Tokenizer(models.WordPiece(unk_token=unknown))
    backend.normalizer = normalizers.BertNormalizer(lowercase=False, strip_accents=False)
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    backend.decoder = decoders.WordPiece(prefix=PREFIX)

    def learned(size: int, first: Sequence[str]) -> dict[str, int]:
        learner = Tokenizer(models.WordPiece(unk_token=unknown))
        learner.normalizer, learner.pre_tokenizer = backend.normalizer, backend.pre_tokenizer
        trainer = trainers.WordPieceTrainer(
            vocab_size=size, min_frequency=2, special_tokens=list(first), show_progress=False
        )
        learner.train_from_iterator(texts, trainer)
        return learner.get_vocab()

    # The trainer gives special tokens the first ids, in order. It would otherwise number the characters inside words
    # in hash table order, and these ids decide which of two equally frequent merges comes first.
    inside = sorted(token for token in learned(0, ()) if len(token) > 1)
    backend.model = models.WordPiece(learned(most, [*special, *inside]), unk_token=unknown)
    return backend


def _unigram(texts: Iterable[str], most: int, special: Sequence[str], unknown: str) -> Tokenizer:
    """Train a unigram language model on normalized text, as SentencePiece does."""
    backend = Tokenizer(models.Unigram())
    backend.normalizer = normalizers.NFKC()
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    backend.decoder = decoders.Metaspace()
    pieces = train_unigram(words_of(texts, backend), most - len(special))
    backend.model = models.Unigram([*((token, 0.0) for token in special), *pieces], unk_id=special.index(unknown))
    return backend
