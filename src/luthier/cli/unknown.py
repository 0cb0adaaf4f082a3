"""What to use instead of an option that a command does not have."""

from collections.abc import Collection, Sequence
from typing import Any

from luthier.errors import LIKE, RecipeError, closest
from luthier.text import toml_value


def instead_of(option: str, options: Collection[str], words: Sequence[str]) -> str:
    """A hint for an unknown option; empty if nothing is like it.

    Args:
        option: The option, such as `--weight-decay`.
        options: The command's own options; with `--set` among them, recipe keys are suggested too.
        words: The words of the command line, to show the given value.
    """
    from luthier.other_tools import hint_for, written
    from luthier.recipe import Recipe

    name, given = _name(option), _given(words)
    settable = (key for key in Recipe.known_keys() if "*" not in key) if "--set" in options else ()
    keys = {known.rpartition(".")[2]: known for known in settable}
    try:
        exact = Recipe.full_key(name) if keys else ""
    except RecipeError:
        exact = ""
    if exact:
        return f"use {written({exact: given.get(name)}, 'option', options)}"
    if keys and (hint := hint_for(name, given, "option", options)):
        return hint
    begun = [known for known in options if known.startswith(f"{option}-")]
    if near := closest(option, options, least=LIKE) or (begun[0] if len(begun) == 1 else None):
        return f"did you mean {near}?"
    if near := closest(name, keys, least=LIKE):
        return f"did you mean {written({keys[near]: given.get(name)}, 'option', options)}?"
    return ""


def _given(words: Sequence[str]) -> dict[str, Any]:
    """Every option with its value; True for one without a value."""
    found: dict[str, Any] = {}
    for word, after in zip(words, [*words[1:], "--"], strict=True):
        if word.startswith("--"):
            option, equals, value = word.partition("=")
            found[_name(option)] = toml_value(value if equals else "true" if after.startswith("--") else after)
    return found


def _name(option: str) -> str:
    return option.lstrip("-").replace("-", "_")
