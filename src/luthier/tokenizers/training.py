"""Tokenizers trained on the data at hand. The same texts give the same tokenizer, whatever the machine and the day."""

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

ENOUGH = 50_000_000  # characters; more texts change a vocabulary little
CHARACTERS_A_TOKEN = 400  # so that a token is met often enough to be learned
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
    """A tokenizer with the special tokens, and the markup around a text, that a model of the architecture expects.

    Args:
        texts: What to learn from; the first 50 million characters are looked at.
        vocabulary_size: Tokens at most, special ones among them; None for what the texts carry. Tokens that would be
            met once are not made, so there may be fewer; every byte or character is one, so there may be more.
        kind: Algorithm; None for the architecture's own.
        family: Family of the model.
        architecture: Its `model_type`; None, or one that nothing is known of, for the family's default.
        size: Size of a new model, which bounds what None for `vocabulary_size` gives.
    Raises:
        DataError: The texts are empty.
        ModelError: transformers would read the tokenizer otherwise than it was written.
    """
    kept = _first(texts)
    characters = sum(map(len, kept))
    if not characters:
        raise DataError("no text to make a tokenizer from: every row is empty", hint="name another column of text")
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
    """Tokens of a vocabulary for texts of so many characters, and for a new model of a size."""
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
    # Bytes know every text, so nothing is unknown to them.
    tokens = {role: token for role, token in traits.markup.tokens.items() if kind != "bpe" or role != "unk_token"}
    # A word that begins a text is the token that it is elsewhere. Models that write have to give back what was there.
    spaced = traits.family == "encoder"
    special = list(dict.fromkeys([*tokens.values(), *traits.markup.turns]))
    backend = train_backend(texts, most, kind, special, tokens.get("unk_token", ""), spaced=spaced)
    backend.add_special_tokens(special)
    # Offsets leave out the space before a word, as those of other kinds do.
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
    """With the codes of all languages of mBART-50, the way its own class has them: that one marks up both sides."""
    own = ["<s>", "<pad>", "</s>", "<unk>"]
    codes = [*FAIRSEQ_LANGUAGE_CODES, "<mask>"]
    pieces = train_unigram(words_of(texts, MBart50Tokenizer().backend_tokenizer), most - len(own) - len(codes))
    vocabulary = [*((token, 0.0) for token in own), *pieces, *((code, 0.0) for code in codes)]
    return MBart50Tokenizer(vocab=vocabulary, src_lang="en_XX", tgt_lang="en_XX")


def _see_it_reads_back(tokenizer: PreTrainedTokenizerBase, architecture: str) -> None:
    """Some architectures have a class of their own that cuts text its own way, whatever the saved tokenizer says."""
    with temporary_directory() as folder, quiet():
        tokenizer.save_pretrained(folder)
        (Path(folder) / "config.json").write_text(json.dumps({"model_type": architecture}), encoding="utf-8")
        read = AutoTokenizer.from_pretrained(folder)
    written = tokenizer.backend_tokenizer.to_str()
    if read.backend_tokenizer.to_str() != written:
        raise ModelError(
            f"transformers reads every tokenizer of the architecture {architecture} as if it were the original one",
            where="model.fresh_tokenizer",
            hint="keep the model's own tokenizer, or name a model of another architecture",
        )
