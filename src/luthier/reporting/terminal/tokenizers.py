"""Tokenizers side by side as text, in lines of at most 100 characters."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from luthier.reporting.terminal.display import Fields, Grid, Piece
from luthier.text import count, listing, number, plural, quantity, share, shorten
from luthier.tokenizers.advice import Measured
from luthier.tokenizers.losses import KINDS_OF_LOSS
from luthier.tracing.text import Tokens

if TYPE_CHECKING:
    from luthier.reporting.tokenizers.comparison import TokenizerComparison

LEGEND = (
    "used: tokens in the training rows; Rényi: efficiency, 1 if all tokens are equally frequent;",
    "step: of a new tiny model, with 16 rows of median length; lose: after encoding and decoding",
)
QUOTED, LONGEST = 3, 16  # unknown words that are named, and their characters


def comparison_pieces(found: "TokenizerComparison") -> list[Piece]:
    """Show a comparison of tokenizers."""
    pieces: list[Piece] = [Fields([("measured", measured_on(found))]), *tables(found), *LEGEND]
    notes = [(one.name, note) for one in found.tokenizers for note in notes_on(one)]
    pieces += [Fields(notes)] if notes else []
    for sentence in found.sentences:
        cuts = [(name, cut(tokens, sentence.starts[name])) for name, tokens in sentence.tokens.items()]
        pieces.append(Fields([("text", sentence.text), *cuts]))
    said = [("advice", found.advice.sentence), *(("", one.sentence) for one in found.advice.models)]
    dropped = [(f"not {name}", reason) for name, reason in found.advice.dropped.items()]
    commands = [("next" if not at else "", command) for at, command in enumerate(found.commands)]
    return [*pieces, "", Fields([*dropped, *said, *commands])]


def measured_on(found: "TokenizerComparison") -> str:
    """Which rows tokenizers were trained and measured on."""
    rows = found.rows
    part = f" of {count(rows.held)}" if rows.held > rows.measured else ""
    measured = f"on {count(rows.measured)}{part} {rows.split} rows"
    trained = any(one.trained for one in found.tokenizers)
    return f"{measured}; trained on {plural(rows.trained, 'other row')}" if trained else measured


def tables(found: "TokenizerComparison") -> tuple[Grid, Grid, Grid]:
    """The tokenizers in rows: vocabularies and tokens, lengths and what they cost, and losses."""
    return _vocabularies(found.tokenizers), _lengths(found.tokenizers), _losses(found.tokenizers)


def notes_on(one: Measured) -> list[str]:
    """What stands out about a tokenizer: its most frequent unknown words, and the labels that suffer most."""
    found = one.measures
    words = [f"{shorten(word, LONGEST)} ({count(n)})" for word, n in found.unknown_words[:QUOTED]]
    such = ":" if len(found.unknown_words) <= QUOTED else ", such as"  # more are known than are named
    notes = [f"unknown {found.unit}s{such} {listing(words)}"] if words else []
    if found.harder:
        worst = found.harder[0]
        unknown = f" and {share(worst.unknown_words_share)} unknown {found.unit}s" if worst.unknown_words_share else ""
        per_word = f"{number(worst.tokens_per_word, 2)} tokens per {found.unit}{unknown}"
        every = f"{number(found.tokens_per_word, 2)}" + (f" and {share(found.unknown_words_share)}" if unknown else "")
        notes.append(f"texts of {worst.label!r} have {per_word}; all texts {every}")
    return notes


def cut(tokens: Tokens, starts: Sequence[int]) -> str:
    """The tokens of a sentence, with bars between them, or a space where the sentence has white space."""
    each = zip(tokens.tokens, tokens.texts, tokens.special, strict=True)
    shown = [name if special or not text else text.strip() for name, text, special in each]
    return "".join((" " if at in starts else "│") + one for at, one in enumerate(shown))[1:]


def _vocabularies(each: Sequence[Measured]) -> Grid:
    rows = [
        [
            one.name,
            count(one.measures.vocabulary),
            count(one.measures.used),
            count(one.measures.unused),
            share(one.measures.unknown_share),
            share(one.measures.unknown_words_share),
            number(one.measures.tokens_per_word, 2),
            number(one.measures.tokens_per_byte),
            number(one.measures.efficiency),
        ]
        for one in each
    ]
    unit = each[0].measures.unit
    shares = ["unknown tokens", f"unknown {unit}s", f"tokens per {unit}", "tokens per byte"]
    heads = ["tokenizer", "vocabulary", "used", "unused", *shares, "Rényi"]
    return Grid(heads, rows, numbers=range(1, len(heads)), whole=(0,))


def _lengths(each: Sequence[Measured]) -> Grid:
    rows = [
        [
            one.name,
            count(round(one.measures.lengths.median)),
            count(round(one.measures.lengths.p95)),
            count(one.measures.lengths.longest),
            share(one.measures.lengths.cut_share),
            count(round(1000 * one.seconds_per_step)),
            quantity(one.embedding_parameters),
            quantity(one.measures.characters_per_second),
        ]
        for one in each
    ]
    limit = count(each[0].measures.lengths.limit)
    lengths = ["median tokens", "95 %", "longest", f"over {limit}"]
    heads = ["tokenizer", *lengths, "step (ms)", "embedding parameters", "characters per second"]
    return Grid(heads, rows, numbers=range(1, len(heads)), whole=(0,))


def _losses(each: Sequence[Measured]) -> Grid:
    rows = [[one.name, *(share(one.measures.losses[kind]) for kind in KINDS_OF_LOSS)] for one in each]
    return Grid(["texts that lose", *KINDS_OF_LOSS], rows, numbers=range(1, len(KINDS_OF_LOSS) + 1), whole=(0,))
