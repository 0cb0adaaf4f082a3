"""A text as its tokens: in the colours of a strip, and in the rows of a table."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from luthier.text import number, plural
from luthier.tracing.stages import Values
from luthier.tracing.text import Tokens

HEATS = 10  # classes of colour in the style
FIRST = 5
OWN_COLUMNS = {"attention_mask": "mask", "token_type_ids": "segment"}  # of a table of tokens, by what a model gets


@dataclass(frozen=True, slots=True)
class Chip:
    """A token in a strip.

    Args:
        text: What it says.
        title: What a pointer that rests on it shows.
        kind: Classes of the style.
    """

    text: str
    title: str
    kind: str


@dataclass(frozen=True, slots=True)
class Row:
    """A token in a table; a run of padding is one row.

    Args:
        place: Position, or the first and the last one.
        token: Its name in the vocabulary.
        text: What it says.
        id: Its id.
        columns: Mask and segment, where the model has them.
        kind: `special`, `padding` or empty.
    """

    place: str
    token: str
    text: str
    id: str
    columns: Sequence[str]
    kind: str


@dataclass(frozen=True, slots=True)
class Cutting:
    """The tokens of a sequence: as a strip and as a table, with the names of the table's own columns."""

    chips: Sequence[Chip]
    rows: Sequence[Row]
    heads: Sequence[str]
    n: int
    n_special: int
    n_padding: int


@dataclass(frozen=True, slots=True)
class Strip:
    """Values over the tokens of a text, such as the probability that the answer starts there.

    Args:
        name: What the values are.
        chips: The tokens, coloured by value.
        best: The first few: token, position and value.
    """

    name: str
    chips: Sequence[Chip]
    best: Sequence[tuple[str, int, str]]


def cutting(tokens: Tokens, columns: Mapping[str, Values]) -> Cutting:
    """Prepare the tokens of a sequence.

    Args:
        tokens: The tokens.
        columns: Of the model's inputs those with a number for each token, such as `attention_mask`: [t].
    """
    pad = padding(tokens, columns)
    kinds = ["padding" if pad[at] else "special" if tokens.special[at] else "" for at in range(len(tokens.ids))]
    chips, rows = [], []
    for kind, first, last in _runs(kinds):
        token, text, n = tokens.tokens[first], shown(tokens.texts[first]), last - first + 1
        own = [str(int(values[first])) for values in columns.values()]
        place = str(first) if n == 1 else f"{first} to {last}"
        rows.append(Row(place, token, text, str(tokens.ids[first]), own, kind))
        label = (token if kind else text or token) + (f" x {n}" if n > 1 else "")
        chips.append(Chip(label, f"{place}: {token}, id {tokens.ids[first]}", kind or f"turn-{first % 4}"))
    heads = [OWN_COLUMNS[name] for name in columns]
    special = sum(kind == "special" for kind in kinds)
    return Cutting(chips, rows, heads, len(kinds), special, int(pad.sum()))


def padding(tokens: Tokens, columns: Mapping[str, Values]) -> Values:
    """Which tokens are padding."""
    mask = columns.get("attention_mask")
    return np.zeros(len(tokens.ids), dtype=bool) if mask is None else np.asarray(mask == 0)


def strip(name: str, tokens: Tokens, values: Values, pad: Values) -> Strip:
    """Prepare values over tokens.

    Args:
        name: What they are.
        tokens: The tokens.
        values: [t]; those below 0 have a colour of their own.
        pad: Which tokens are padding; they are left out.
    """
    most = float(np.abs(values[~pad]).max()) or 1.0
    kept = [at for at in range(len(tokens.ids)) if not pad[at]]
    chips = [
        Chip(
            tokens.tokens[at] if tokens.special[at] else shown(tokens.texts[at]),
            f"{at}: {number(float(values[at]))}",
            f"heat-{round(HEATS * abs(float(values[at])) / most)}" + (" against" if values[at] < 0 else ""),
        )
        for at in kept
    ]
    best = sorted(kept, key=lambda at: -abs(float(values[at])))[:FIRST]
    return Strip(name, chips, [(tokens.tokens[at], at, number(float(values[at]))) for at in best])


def shown(text: str) -> str:
    """A token's text, with its line breaks visible."""
    return text.replace("\r\n", "↵").replace("\n", "↵").replace("\r", "↵").replace("\t", "⇥")


def label(token: str, text: str, special: bool = False) -> str:
    """A short name of a token: what it says, or its name in the vocabulary where that cannot be seen."""
    return token if special or "\N{REPLACEMENT CHARACTER}" in text else shown(text).strip() or token


def words(cut: Cutting) -> str:
    """How many tokens there are, and of which kinds."""
    kinds = [f"{cut.n_special} special"] * bool(cut.n_special) + [f"{cut.n_padding} padding"] * bool(cut.n_padding)
    return plural(cut.n, "token") + (f", of which {' and '.join(kinds)}" if kinds else "")


def _runs(kinds: Sequence[str]) -> Iterator[tuple[str, int, int]]:
    """Each token alone, and padding in runs: kind, first and last position."""
    keys = [(kind, 0 if kind == "padding" else at) for at, kind in enumerate(kinds)]
    at = 0
    for (kind, _), run in groupby(keys):
        n = len(list(run))
        yield kind, at, at + n - 1
        at += n
