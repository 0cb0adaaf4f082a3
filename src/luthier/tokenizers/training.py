"""Train tokenizers on texts. Training is deterministic: the same texts give the same tokenizer on every machine."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from tokenizers import Tokenizer, processors
from transformers import AutoTokenizer, MBart50Tokenizer, PreTrainedTokenizerBase, PreTrainedTokenizerFast
from transformers.models.mbart50.tokenization_mbart50 import FAIRSEQ_LANGUAGE_CODES

from luthier.errors import DataError, ModelError, UsageError
from luthier.findings import Decision
from luthier.models.architectures import Architecture, Markup, architecture_like
from luthier.models.quiet import quiet
from luthier.recipe import TokenizerKind
from luthier.storage.temporary import temporary_directory
from luthier.text import count, plural
from luthier.tokenizers.kinds import KINDS
from luthier.tokenizers.unigram import train_unigram
from luthier.tokenizers.vocabularies import train_backend, words_of

CHARACTERS_A_TOKEN = 400  # characters of text per token, so that tokens occur often enough to be learned
SMALLEST, LARGEST = 2_000, 32_000
LARGEST_OF_SIZE = {"tiny": 4_000, "small": 16_000, "base": 32_000}
OWN_CLASS = "mbart"  # transformers has a tokenizer class for this architecture alone


def learn(
    texts: Iterable[str],
    vocabulary_size: int | None,
    kind: TokenizerKind,
    *,
    family: str,
    architecture: str | None = None,
    size: str | None = None,
) -> tuple[PreTrainedTokenizerBase, Decision]:
    """Train a tokenizer of the requested size, or of one suited to the texts, and say why it has its size.

    Args:
        texts: As in `train_tokenizer`.
        vocabulary_size: Maximum number of tokens; None for a size suited to the texts.
        kind: As in `train_tokenizer`.
        family: As in `train_tokenizer`.
        architecture: As in `train_tokenizer`.
        size: Size of a new model, which limits the default of `vocabulary_size`.
    Raises:
        DataError: The texts are empty.
        UsageError: The alphabet of the texts alone takes more tokens than requested.
        ModelError: As in `train_tokenizer`.
    """
    texts = list(texts) if isinstance(texts, Iterator) else texts
    characters = characters_of(texts)
    if not characters:
        raise DataError("no text to train a tokenizer on: every row is empty", hint="choose another text column")
    most = vocabulary_size or suggested_size(characters, size)
    tokenizer = train_tokenizer(texts, most, kind, family=family, architecture=architecture)
    made, special = len(tokenizer), len(tokenizer.added_tokens_decoder)
    least = max(made, special + 1)
    if vocabulary_size and vocabulary_size < least:
        alphabet = KINDS[kind].alphabet
        needs = f" and {count(made - special)} {alphabet}" if alphabet else ""
        raise UsageError(
            f"a {kind} vocabulary of {plural(most, 'token')} is too small: {plural(special, 'special token')}{needs}"
            f" are always in it",
            where=f"vocabulary size {most}",
            hint=f"choose {count(least)} or more" + ("; the kind char drops rare characters" if alphabet else ""),
        )
    if made < most:
        why = f"{count(most)} requested, but {KINDS[kind].fewer}" if vocabulary_size else KINDS[kind].fewer
    elif vocabulary_size:
        why = "as requested"
    else:
        why = "suited to the amount of text" if made == most else f"the texts have so many {KINDS[kind].alphabet}"
    return tokenizer, Decision("vocabulary", plural(made, "token"), why)


def train_tokenizer(
    texts: Iterable[str],
    vocabulary_size: int,
    kind: TokenizerKind | None = None,
    *,
    family: str = "encoder",
    architecture: str | None = None,
) -> PreTrainedTokenizerBase:
    """Train a tokenizer with the special tokens and the markup that a model of the architecture expects.

    Args:
        texts: Training texts. Unless it is an iterator, it is iterated over several times, and need not fit in memory.
        vocabulary_size: Maximum number of tokens, including special ones. Most kinds need a token to occur twice (so
            there may be fewer) and keep every byte or character (or more).
        kind: Algorithm; None for the architecture's own.
        family: Family of the model.
        architecture: Its `model_type`; None or an unknown one for the family's default.
    Raises:
        ModelError: The architecture takes no other kind, or transformers would load a different tokenizer than was
            saved.
    """
    texts = list(texts) if isinstance(texts, Iterator) else texts
    traits = architecture_like(architecture, family)
    kind = kind or traits.tokenizer
    if architecture == OWN_CLASS:
        if kind != traits.tokenizer:
            what = f"{architecture} has a tokenizer class of its own, which is a {traits.tokenizer} tokenizer"
            raise ModelError(what, where=f"kind {kind}", hint=f"choose {traits.tokenizer}, or another architecture")
        tokenizer = _mbart(texts, vocabulary_size)
    else:
        tokenizer = _generic(texts, vocabulary_size, kind, traits)
    if architecture is not None:
        see_it_reads_back(tokenizer, architecture)
    return tokenizer


def characters_of(texts: Iterable[str]) -> int:
    """The number of characters of texts, counted until more would not change the suggested size."""
    found = 0
    for text in texts:
        found += len(text)
        if found >= LARGEST * CHARACTERS_A_TOKEN:
            break
    return found


def suggested_size(characters: int, size: str | None = None) -> int:
    """Vocabulary size suited to the number of characters and to the size of a new model."""
    most = LARGEST_OF_SIZE[size] if size else LARGEST
    return max(SMALLEST, min(most, characters // CHARACTERS_A_TOKEN))


def special_tokens(kind: TokenizerKind, traits: Architecture) -> list[str]:
    """The special tokens of a new tokenizer."""
    return list(dict.fromkeys([*_tokens(kind, traits).values(), *traits.markup.turns]))


def _tokens(kind: TokenizerKind, traits: Architecture) -> dict[str, str]:
    """Role to special token. Byte-level BPE encodes any text, so it needs no unknown token."""
    roles = traits.markup.tokens.items()
    return {role: token for role, token in roles if kind != "byte-bpe" or role != "unk_token"}


def _generic(texts: Iterable[str], most: int, kind: TokenizerKind, traits: Architecture) -> PreTrainedTokenizerBase:
    tokens = _tokens(kind, traits)
    # A space before the text gives its first word the same token as elsewhere. Models that generate text must not add
    # one, since they have to reproduce the text exactly.
    spaced = traits.family == "encoder"
    special = special_tokens(kind, traits)
    backend = train_backend(texts, most, kind, special, tokens.get("unk_token", ""), spaced=spaced)
    backend.add_special_tokens(special)
    # Offsets exclude the space before a word, as with the other kinds.
    trim = [processors.ByteLevel(trim_offsets=True, add_prefix_space=spaced)] if kind == "byte-bpe" else []
    backend.post_processor = processors.Sequence([*trim, _template(traits.markup, backend)])
    inputs = (
        ["input_ids", "token_type_ids", "attention_mask"] if traits.token_types else ["input_ids", "attention_mask"]
    )
    return PreTrainedTokenizerFast(tokenizer_object=backend, model_input_names=inputs, **tokens)


def _template(markup: Markup, backend: Tokenizer) -> processors.TemplateProcessing:
    pieces = f"{markup.single} {markup.pair}".split()
    used = sorted({piece.partition(":")[0] for piece in pieces if not piece.startswith("$")})
    ids = [(token, backend.token_to_id(token)) for token in used]
    return processors.TemplateProcessing(single=markup.single, pair=markup.pair, special_tokens=ids)


def _mbart(texts: Iterable[str], most: int) -> PreTrainedTokenizerBase:
    """Train an mBART tokenizer with all mBART-50 language codes; its own class adds the markup to source and target."""
    own = ["<s>", "<pad>", "</s>", "<unk>"]
    codes = [*FAIRSEQ_LANGUAGE_CODES, "<mask>"]
    pieces = train_unigram(words_of(texts, MBart50Tokenizer().backend_tokenizer), most - len(own) - len(codes))
    vocabulary = [*((token, 0.0) for token in own), *pieces, *((code, 0.0) for code in codes)]
    return MBart50Tokenizer(vocab=vocabulary, src_lang="en_XX", tgt_lang="en_XX")


def see_it_reads_back(tokenizer: PreTrainedTokenizerBase, architecture: str) -> None:
    """Check that the tokenizer loads as saved: some architectures have a tokenizer class that ignores what is saved."""
    with temporary_directory() as folder, quiet():
        tokenizer.save_pretrained(folder)
        (Path(folder) / "config.json").write_text(json.dumps({"model_type": architecture}), encoding="utf-8")
        read = AutoTokenizer.from_pretrained(folder)
    written = tokenizer.backend_tokenizer.to_str()
    if read.backend_tokenizer.to_str() != written:
        raise ModelError(
            f"transformers loads every tokenizer of the architecture {architecture} as the original one",
            where="model.fresh_tokenizer",
            hint="keep the model's own tokenizer, or choose a model of another architecture",
        )
