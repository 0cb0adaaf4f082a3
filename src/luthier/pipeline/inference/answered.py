"""Rows with their answers, as `predict` writes them: no field of a row is lost to a field of its answer."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from luthier.console import Console
from luthier.findings import Decision
from luthier.text import listing

Fields = Mapping[str, Any]
SOMETIMES = ("prediction", "error", "truncated")  # fields that the answers to some rows have


class Answered:
    """Joins rows with their answers. A field of a row that is called like one of an answer becomes `input_NAME`.

    Args:
        console: Receives the names that change, each once.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._taken = set(SOMETIMES)
        self._said = set[str]()

    def see(self, answers: Iterable[Fields]) -> None:
        """Learn the fields of the answers to come: they are the same in all rows, except `SOMETIMES`."""
        self._taken.update(*answers)

    def row(self, values: Fields, answer: Fields) -> dict[str, Any]:
        """A row with its answer."""
        names = _apart(values, self._taken)
        if new := [name for name, other in names.items() if name != other and name not in self._said]:
            self._said.update(new)
            changed = listing([f"{name!r} -> {names[name]!r}" for name in new], 10)
            self._console.decision(Decision("column names", changed, "answers have fields of these names"))
        return {names[name]: value for name, value in values.items()} | dict(answer)


def with_answer(values: Fields, answer: Fields) -> dict[str, Any]:
    """One row with its answer, joined as by `Answered`."""
    joined = Answered(Console())
    joined.see([answer])
    return joined.row(values, answer)


def _apart(names: Collection[str], taken: Collection[str]) -> dict[str, str]:
    """The names of a row's fields in the output, none of which is taken."""
    found = {name: name for name in names if name not in taken}
    for name in (name for name in names if name in taken):
        other = f"input_{name}"
        while other in taken or other in found.values():
            other = f"input_{other}"
        found[name] = other
    return found
