"""The table of architectures for models from scratch: families, special tokens, and look-ups."""

import re

import pytest
from transformers import CONFIG_MAPPING

from luthier.errors import ModelError
from luthier.models.architectures import (
    ARCHITECTURES,
    DEFAULTS,
    TURN_END,
    TURN_START,
    architecture_like,
    architecture_named,
)
from luthier.models.families import families_of
from luthier.recipe import Recipe


def marks(template: str) -> list[str]:
    """The special tokens of a template, without token type ids."""
    return [piece.partition(":")[0] for piece in template.split() if not piece.startswith("$")]


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_the_family_of_each_architecture_is_that_of_transformers(name: str) -> None:
    assert families_of(CONFIG_MAPPING[name]()) == {ARCHITECTURES[name].family}


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_templates_use_only_the_special_tokens_of_the_architecture(name: str) -> None:
    markup = ARCHITECTURES[name].markup
    assert set(marks(markup.single) + marks(markup.pair)) <= set(markup.tokens.values())
    assert re.findall(r"\$\w", markup.single) == ["$A"]
    assert re.findall(r"\$\w", markup.pair) == ["$A", "$B"]
    assert {"pad_token", "unk_token"} <= markup.tokens.keys()


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_each_family_has_the_special_tokens_that_it_needs(name: str) -> None:
    traits = ARCHITECTURES[name]
    roles = traits.markup.tokens.keys()
    if traits.family == "encoder":
        assert {"cls_token", "sep_token", "mask_token"} <= roles
        assert marks(traits.markup.single)[0] == traits.markup.tokens["cls_token"]
    else:
        assert {"bos_token", "eos_token"} <= roles
    assert (traits.start is not None) == (traits.family == "encoder-decoder")
    assert traits.start is None or f"{traits.start}_token" in roles


def test_the_special_tokens_of_decoders_do_not_look_like_html() -> None:
    for traits in ARCHITECTURES.values():
        if traits.family == "decoder":
            assert traits.markup.turns == (TURN_START, TURN_END)
            written = [*traits.markup.tokens.values(), *traits.markup.turns]
            assert not [mark for mark in written if re.fullmatch(r"</?\w+/?>", mark)]
            assert len(set(written)) == len(written), "no token has two roles"


def test_training_defaults_of_an_architecture_are_recipe_keys() -> None:
    keys = Recipe.known_keys()
    own = {name: traits.training for name, traits in ARCHITECTURES.items() if traits.training}
    assert all(key in keys for training in own.values() for key in training)
    assert set(own) == {"t5"}


def test_an_architecture_is_found_by_its_name() -> None:
    assert architecture_named("bert") is ARCHITECTURES["bert"]
    assert architecture_like("gpt2", "encoder") is ARCHITECTURES["gpt2"], "the name takes precedence over the family"


def test_an_unknown_architecture_is_an_error_with_the_nearest_name() -> None:
    with pytest.raises(ModelError, match="'lama'") as caught:
        architecture_named("lama")
    assert (caught.value.where, caught.value.hint) == ("model.architecture", "did you mean 'llama'?")
    with pytest.raises(ModelError) as far:
        architecture_named("")
    assert all(name in far.value.hint for name in ARCHITECTURES)


@pytest.mark.parametrize("family", DEFAULTS)
def test_an_unlisted_architecture_is_treated_as_the_default_of_its_family(family: str) -> None:
    default = ARCHITECTURES[DEFAULTS[family]]
    assert default.family == family
    for unknown in (None, "", "opt"):
        assert architecture_like(unknown, family) is default
