"""Languages of translation models: their names, and how to set the languages of a multilingual model."""

import re

from transformers import PreTrainedTokenizerBase
from transformers.models.whisper.tokenization_whisper import LANGUAGES

from luthier.errors import ModelError
from luthier.findings import Decision
from luthier.text import listing

_CODE = re.compile(r"[a-z]{2,3}_[A-Z][A-Za-z]{1,3}")  # en_XX of mBART, eng_Latn of NLLB


def english_name(code: str) -> str:
    """The English name of a language by its ISO 639-1 code, with or without a region; the code if it has none."""
    return str(LANGUAGES.get(_without_region(code), code)).title()


def set_direction(tokenizer: PreTrainedTokenizerBase, source: str, target: str) -> list[Decision]:
    """Set the source and target language of a multilingual tokenizer.

    Args:
        tokenizer: The tokenizer of any model; unchanged if it has no language codes.
        source: Source language, such as `en`.
        target: Target language.
    Returns:
        The decisions made.
    Raises:
        ModelError: The tokenizer has no code for one of the languages, or the languages are unknown.
    """
    if not hasattr(tokenizer, "src_lang"):
        return []
    codes = sorted(token for token in tokenizer.get_vocab() if _CODE.fullmatch(token))
    tokenizer.src_lang, tokenizer.tgt_lang = (_code(language, codes) for language in (source, target))
    why = "the model's codes; a translation starts with the second"
    return [Decision("language codes", f"{tokenizer.src_lang} to {tokenizer.tgt_lang}", why)]


def first_token(tokenizer: PreTrainedTokenizerBase) -> int | None:
    """The token that a translation begins with, once the direction is set; None if there is none."""
    return tokenizer.get_vocab()[tokenizer.tgt_lang] if hasattr(tokenizer, "src_lang") else None


def _without_region(code: str) -> str:
    return re.split("[-_]", code)[0]


def _code(language: str, codes: list[str]) -> str:
    if language in codes:
        return language
    wanted = _without_region(language)
    found = [code for code in codes if code.split("_")[0] == wanted]
    if not wanted or not found:
        raise ModelError(
            f"the model has no code for the language {language!r}" if wanted else "the languages are unknown",
            where="data.shape",
            hint=f"set both, as in --set shape=en-de; the model knows {listing(codes, 8)}",
        )
    return found[0]
