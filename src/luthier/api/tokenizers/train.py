"""`tokenizer train`: from a table of text to a tokenizer that transformers loads."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
from datasets import Dataset
from transformers import PreTrainedTokenizerBase

from luthier.api.tokenizers.opening import checked_size, opened
from luthier.console import Console
from luthier.data.checks.texts import skipped_rows
from luthier.data.reading.memory import Data
from luthier.data.reading.sources import Source
from luthier.data.records import Skipped
from luthier.data.table import Accounts
from luthier.data.texts import Texts
from luthier.errors import UsageError, nearest
from luthier.findings import Decision
from luthier.models.architectures import DEFAULTS, architecture_named
from luthier.models.quiet import quiet
from luthier.pipeline.preparation.opening import Found, empty_columns
from luthier.pipeline.preparation.split import names_of, none_usable
from luthier.recipe import Recipe, TokenizerKind
from luthier.run_directory.run import as_path
from luthier.storage.atomic import write_directory
from luthier.text import typed, with_article
from luthier.tokenizers.kinds import KINDS, kind_named
from luthier.tokenizers.suitability import encode, spaced
from luthier.tokenizers.training import learn, special_tokens


@dataclass(frozen=True)
class TrainedTokenizer:
    """A tokenizer that was trained and saved.

    Args:
        directory: Where it was written; `AutoTokenizer.from_pretrained` loads it.
        kind: Its kind.
        vocabulary_size: Its tokens, with special ones.
        rows: The rows that it was trained on: how many were read, kept, and skipped for which reason.
        sample: The rows that the next two were measured on: all, or a random sample.
        tokens_per_word: Tokens per word between white space; None of scripts without it, such as Chinese.
        unknown_share: Share of unknown tokens.
        next: The command that trains a new model with it.
    """

    directory: Path
    kind: TokenizerKind
    vocabulary_size: int
    rows: Accounts
    sample: int
    tokens_per_word: float | None
    unknown_share: float
    next: str

    def to_dict(self) -> dict[str, Any]:
        """What `tokenizer train --json` prints."""
        return vars(self) | {"directory": str(self.directory), "rows": self.rows.to_dict()}


def train_tokenizer(
    data: Data | Recipe,
    output: Path | str,
    *,
    kind: str | None = None,
    vocabulary_size: int | None = None,
    family: str | None = None,
    architecture: str | None = None,
    console: Console | None = None,
    **settings: Any,
) -> TrainedTokenizer:
    """Train a tokenizer on the texts of data, and save it. All training rows are used; they need not fit in memory.

    Args:
        data: As in `train`.
        output: Directory to write.
        kind: `word`, `char`, `bpe`, `byte-bpe`, `wordpiece` or `unigram`; by default the one of the architecture.
        vocabulary_size: Maximum number of tokens, including special ones; by default one suited to the texts.
        family: Family of the models that it is for, which decides its special tokens: `encoder`, `decoder` or
            `encoder-decoder`; by default the family that the data's task needs.
        architecture: Their architecture, such as `bert` or `llama`; by default the usual one of the family.
        console: Receives decisions, findings and progress; silent by default.
        **settings: Recipe keys of the data, as in `train`: `task`, `text`, `label`, `columns` and the table `data`.
    Returns:
        Where the tokenizer is, and how it splits a sample of the data.
    Raises:
        DataError: The data cannot be read, or has no text.
        UsageError: The output directory is in use, a name is unknown, or the vocabulary is smaller than the alphabet.

    Example:
        >>> luthier.train_tokenizer("reviews.csv", "tokenizer", kind="bpe", vocabulary_size=4000).tokens_per_word
    """
    console = console or Console()
    directory = as_path(output, "output")
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        hint = "choose another directory with --output, or remove it"
        raise UsageError("the output directory exists already", where=str(directory), hint=hint)
    vocabulary_size = checked_size(vocabulary_size)
    requested = None if kind is None else kind_named(kind)
    family = _family(family, architecture)
    with opened(data, settings, console) as held:
        recipe, sources, found = held.recipe, held.sources, held.found
        needed = found.reader.kind.family
        model = architecture or DEFAULTS[family or needed]
        method = requested or architecture_named(model).tokenizer
        column = str(recipe.data.columns["split"]) if recipe.data.columns.get("split") else None
        decisions = _decisions(method, model, requested=requested is not None)
        for decision in [_rows(sources, column), *decisions]:
            console.decision(decision)
        examples = _sample(found, sources)
        task = found.reader.fit(examples, Recipe())
        with console.progress("train tokenizer", None) as progress:
            texts = Texts(sources["train"], task.example, task.texts, column, progress)
            tokenizer, size = learn(texts, vocabulary_size, method, family=family or needed, architecture=model)
        console.decision(size)
        skipped = skipped_rows(texts.account.read, texts.account.skipped)
        for finding in [*skipped, *empty_columns(recipe.data.columns, found.profiles)]:
            console.finding(finding)
    write_directory(directory, lambda aside: _save(tokenizer, aside))
    per_word, unknown = _measure(tokenizer, list(task.texts(examples[:])))
    # Data whose task needs another family is not what a model with this tokenizer is trained on.
    fitting = held if family in (None, needed) else replace(held, data=Recipe())
    own = [] if architecture is None else ["--set", f"architecture={architecture}"]
    command = fitting.train_command("--from-scratch", "tiny", "--tokenizer", typed(directory), *own)
    measured = len(examples), per_word, unknown
    return TrainedTokenizer(directory, method, len(tokenizer), texts.account, *measured, command)


def _family(family: str | None, architecture: str | None) -> str | None:
    """The family that was requested, by itself or by an architecture; None if the data decides.

    Raises:
        UsageError: There is no such family, or the architecture is of another one.
        ModelError: There is no such architecture.
    """
    if family is not None and family not in DEFAULTS:
        raise UsageError(f"no family {family!r}", where="family", hint=nearest(family, DEFAULTS))
    if architecture is None:
        return family
    own = architecture_named(architecture).family
    if family not in (None, own):
        what = f"{architecture} is {with_article(own)}, not {with_article(str(family))}"
        raise UsageError(what, where="architecture", hint="leave out one of the two")
    return own


def _rows(sources: Mapping[str, Sequence[Source]], split_column: str | None) -> Decision:
    if set(sources) == {"train"} and split_column is None:
        return Decision("rows", "every row", "also those that `luthier train` will hold out")
    return Decision("rows", "the training rows", "validation and test rows are not read")


def _decisions(kind: TokenizerKind, architecture: str, *, requested: bool) -> list[Decision]:
    about, traits = KINDS[kind], architecture_named(architecture)
    why = "as requested" if requested else f"the kind of {architecture}"
    tokens = " ".join(special_tokens(kind, traits))
    return [
        Decision("tokenizer", kind, f"{why}: {about.what}"),
        Decision("normalization", about.normalization, ""),
        Decision("pre-tokenization", about.splits, ""),
        Decision("special tokens", tokens, f"those of {architecture}, {with_article(traits.family)}"),
    ]


def _sample(found: Found, sources: Mapping[str, Sequence[Source]]) -> Dataset:
    """The examples in the sample that the columns were recognised from.

    Raises:
        FindingError: There are none.
    """
    rows = [found.reader.example(record) for record in found.sample]
    skipped = [row for row in rows if isinstance(row, Skipped)]
    if len(skipped) == len(rows):
        account = Accounts(len(rows), 0, Counter(row.reason for row in skipped))
        raise none_usable("train", account, names_of({"train": sources["train"]}), skipped[0])
    return Dataset(pa.Table.from_pylist([row for row in rows if not isinstance(row, Skipped)]))


def _save(tokenizer: PreTrainedTokenizerBase, directory: Path) -> None:
    with quiet():
        tokenizer.save_pretrained(directory)


def _measure(tokenizer: PreTrainedTokenizerBase, texts: list[str]) -> tuple[float | None, float]:
    """Tokens per word, and the share of unknown tokens."""
    rows = encode(tokenizer, texts)
    tokens = sum(map(len, rows))
    words = sum(len(text.split()) for text in texts) if spaced(texts) else 0
    unknown = sum(row.count(tokenizer.unk_token_id) for row in rows)
    return tokens / words if words else None, unknown / max(tokens, 1)
