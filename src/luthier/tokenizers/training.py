"""Train tokenizers on texts. Training is deterministic: the same texts give the same tokenizer on every machine."""

import json
from collections.abc import Iterable
from pathlib import Path

from tokenizers import Tokenizer, processors
from transformers import AutoTokenizer, MBart50Tokenizer, PreTrainedTokenizerBase, PreTrainedTokenizerFast
from transformers.models.mbart50.tokenization_mbart50 import FAIRSEQ_LANGUAGE_CODES

from luthier.errors import DataError, ModelError
from luthier.models.architectures import Architecture, Kind, Markup, architecture_like
from luthier.models.quiet import quiet
from luthier.storage.temporary import temporary_directory
from luthier.tokenizers.unigram import train_unigram
from luthier.tokenizers.vocabularies import train_backend, words_of

ENOUGH = 50_000_000  # characters to train on; more hardly change the vocabulary
CHARACTERS_A_TOKEN = 400  # characters of text per token, so that tokens occur often enough to be learned
SMALLEST, LARGEST = 2_000, 32_000
LARGEST_OF_SIZE = {"tiny": 4_000, "small": 16_000, "base": 32_000}


def train_tokenizer(
    texts: Iterable[str],
    vocabulary_size: int | None = None,
    kind: Kind | None = None,
    *,
    family: str = "encoder",
    architecture: str | None = None,
    size: str | None = None,
) -> PreTrainedTokenizerBase:
    """Train a tokenizer with the special tokens and the markup that a model of the architecture expects.

    Args:
        texts: Training texts; only the first 50 million characters are used.
        vocabulary_size: Maximum number of tokens, including special ones; None for a size suited to the texts. Most
            kinds need a token to occur twice (so there may be fewer) and keep every byte or character (or more).
        kind: Algorithm; None for the architecture's own.
        family: Family of the model.
        architecture: Its `model_type`; None or an unknown one for the family's default.
        size: Size of a new model, which limits the default of `vocabulary_size`.
    Raises:
        DataError: The texts are empty.
        ModelError: transformers would load a different tokenizer than was saved.
    """
    kept = _first(texts)
    characters = sum(map(len, kept))
    if not characters:
        raise DataError("no text to train a tokenizer on: every row is empty", hint="choose another text column")
    most = vocabulary_size or suggested_size(characters, size)
    if architecture == "mbart":
        tokenizer = _mbart(kept, most)
    else:
        traits = architecture_like(architecture, family)
        tokenizer = _generic(kept, most, kind or traits.tokenizer, traits)
    if architecture is not None:
        _see_it_reads_back(tokenizer, architecture)
    return tokenizer


def suggested_size(characters: int, size: str | None = None) -> int:
    """Vocabulary size suited to the number of characters and to the size of a new model."""
    most = LARGEST_OF_SIZE[size] if size else LARGEST
    return max(SMALLEST, min(most, characters // CHARACTERS_A_TOKEN))


def _first(texts: Iterable[str]) -> list[str]:
    kept: list[str] = []
    left = ENOUGH
    for text in texts:
        if left <= 0:
            break
        kept.append(text[:left])
        left -= len(text)
    return kept


def _generic(texts: list[str], most: int, kind: Kind, traits: Architecture) -> PreTrainedTokenizerBase:
    # Byte-level BPE encodes any text, so it needs no unknown token.
    tokens = {role: token for role, token in traits.markup.tokens.items() if kind != "bpe" or role != "unk_token"}
    # A space before the text gives its first word the same token as elsewhere. Models that generate text must not add
    # one, since they have to reproduce the text exactly.
    spaced = traits.family == "encoder"
    special = list(dict.fromkeys([*tokens.values(), *traits.markup.turns]))
    backend = train_backend(texts, most, kind, special, tokens.get("unk_token", ""), spaced=spaced)
    backend.add_special_tokens(special)
    # Offsets exclude the space before a word, as with the other kinds.
    trim = [processors.ByteLevel(trim_offsets=True, add_prefix_space=spaced)] if kind == "bpe" else []
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


def _mbart(texts: list[str], most: int) -> PreTrainedTokenizerBase:
    """Train an mBART tokenizer with all mBART-50 language codes; its own class adds the markup to source and target."""
    own = ["<s>", "<pad>", "</s>", "<unk>"]
    codes = [*FAIRSEQ_LANGUAGE_CODES, "<mask>"]
    pieces = train_unigram(words_of(texts, MBart50Tokenizer().backend_tokenizer), most - len(own) - len(codes))
    vocabulary = [*((token, 0.0) for token in own), *pieces, *((code, 0.0) for code in codes)]
    return MBart50Tokenizer(vocab=vocabulary, src_lang="en_XX", tgt_lang="en_XX")


def _see_it_reads_back(tokenizer: PreTrainedTokenizerBase, architecture: str) -> None:
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
