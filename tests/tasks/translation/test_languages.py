"""Languages by their English names, and as a model of many languages is told them."""

from dataclasses import replace

import pytest

from luthier.errors import ModelError
from luthier.models.loading import load_config, load_tokenizer
from luthier.tasks.translation.languages import english_name, first_token, set_direction
from luthier.tasks.translation.task import Translation
from tests.matrix.data import rows as drawn
from tests.tasks.by_hand import learned
from tests.tasks.generation.drawn import Built


@pytest.mark.parametrize(
    ("shape", "message"),
    [("en-xh", None), ("en-tlh", "no code for the language 'tlh'"), ("", "languages are unknown")],
)
def test_languages_that_mbart_lacks_are_told(shape: str, message: str | None, built: Built) -> None:
    tokenizer = load_tokenizer(str(built("mBART")))
    task, _ = learned(Translation, drawn("translation", 9))
    task = replace(task, shape=shape)
    if message is None:
        task, _ = task.bind(tokenizer, load_config(str(built("mBART"))))
        assert tokenizer.tgt_lang == "xh_ZA"
        return
    with pytest.raises(ModelError, match=message) as caught:
        task, _ = task.bind(tokenizer, load_config(str(built("mBART"))))
    assert "--set shape=en-de" in caught.value.hint


@pytest.mark.parametrize(
    ("code", "name"),
    [("de", "German"), ("pt_BR", "Portuguese"), ("zh-CN", "Chinese"), ("ht", "Haitian Creole"), ("en_XX", "English")],
)
def test_the_english_name_of_a_language(code: str, name: str) -> None:
    assert english_name(code) == name


@pytest.mark.parametrize(
    ("source", "target", "codes"),
    [
        ("en", "de", ("en_XX", "de_DE")),
        ("pt_BR", "zh-CN", ("pt_XX", "zh_CN")),
        ("de_DE", "en_XX", ("de_DE", "en_XX")),
    ],
)
def test_a_tokenizer_of_many_languages_is_told_two_in_its_own_codes(
    source: str, target: str, codes: tuple[str, str], built: Built
) -> None:
    tokenizer = load_tokenizer(str(built("mBART")))
    (decision,) = set_direction(tokenizer, source, target)
    assert decision.value == " to ".join(codes)
    assert tokenizer("the cat")["input_ids"][0] == tokenizer.convert_tokens_to_ids(codes[0])
    assert first_token(tokenizer) == tokenizer.convert_tokens_to_ids(codes[1])


def test_a_tokenizer_without_languages_is_told_nothing(built: Built) -> None:
    tokenizer = load_tokenizer(str(built("T5")))
    before = tokenizer("the cat")["input_ids"]
    assert set_direction(tokenizer, "en", "tlh") == []
    assert first_token(tokenizer) is None
    assert tokenizer("the cat")["input_ids"] == before
