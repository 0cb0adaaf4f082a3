"""`tokenizer compare`: tokenizers side by side on the same texts, and which one to use."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from datasets import Dataset
from transformers import PretrainedConfig, PreTrainedTokenizerBase

from luthier.api.tokenizers.opening import Opened, checked_size, opened
from luthier.console import Console
from luthier.data.checks.duplicates import leaked
from luthier.data.checks.texts import skipped_rows
from luthier.data.examples import take
from luthier.data.reading.memory import Data
from luthier.errors import FindingError, ModelError, UsageError
from luthier.findings import Decision
from luthier.models.architectures import DEFAULTS
from luthier.models.device import choose_device
from luthier.models.families import families_of
from luthier.models.loading import load_config, longest_input
from luthier.models.quiet import quiet
from luthier.models.scratch import POSITIONS, shape_of
from luthier.pipeline.inference.infer import evenly
from luthier.pipeline.parts import ENOUGH, spread
from luthier.pipeline.preparation.split import make_splits, read_table
from luthier.recipe import Recipe, TokenizerKind
from luthier.reporting.tokenizers.comparison import Rows, Sentence, TokenizerComparison
from luthier.tasks.phases import Fitted
from luthier.text import typed
from luthier.tokenizers.advice import Advice, Measured, advise
from luthier.tokenizers.kinds import KINDS, kind_named
from luthier.tokenizers.measures import Row, Sample, measure
from luthier.tokenizers.saved import find_saved, why_unfit
from luthier.tokenizers.sentences import choose_sentences, word_starts
from luthier.tokenizers.step_cost import measure_steps
from luthier.tokenizers.suitability import units
from luthier.tokenizers.training import learn
from luthier.tracing.text import Tokens

MOST = 2_000  # rows that are measured
LEAST_SIZE = 64  # of a vocabulary in a recipe
SEEN = 5_000_000  # characters of training texts to find the used tokens in


@dataclass(frozen=True)
class Named:
    """What a name in a comparison stands for.

    Args:
        name: As it was given.
        kind: The kind to train; None for a saved tokenizer.
        tokenizer: The saved tokenizer; None for a kind.
        config: The configuration of the model that it belongs to, if it does.
    """

    name: str
    kind: TokenizerKind | None = None
    tokenizer: PreTrainedTokenizerBase | None = None
    config: PretrainedConfig | None = None


@dataclass(frozen=True)
class Examples:
    """Examples to train tokenizers on, and others to measure them on.

    Args:
        task: The task, fitted to the former.
        train: To train on.
        held: To measure on: an even part of what was held out.
        of: How many were held out.
        split: The split of the latter.
    """

    task: Fitted[Any]
    train: Dataset
    held: Dataset
    of: int
    split: str


def compare_tokenizers(
    data: Data | Recipe,
    names: Sequence[str],
    *,
    vocabulary_size: int | None = None,
    console: Console | None = None,
    **settings: Any,
) -> TokenizerComparison:
    """Compare tokenizers on the texts of data, and say which one to use.

    Kinds are trained on the training rows, as `train` splits them. All tokenizers are measured on validation rows,
    which none of them was trained on: on 2,000 of them at most.

    Args:
        data: As in `train`.
        names: Kinds to train (`word`, `char`, `bpe`, `byte-bpe`, `wordpiece`, `unigram`), and short names, directories
            or Hub names of saved tokenizers and of models. A directory called like a kind is `./word`.
        vocabulary_size: Maximum number of tokens of each kind, including special ones; by default one suited to the
            texts.
        console: Receives decisions, findings and progress; silent by default.
        **settings: Recipe keys of the data, as in `train`: `task`, `text`, `label`, `columns` and the table `data`.
    Returns:
        The measures of each tokenizer, and the advice.
    Raises:
        DataError: The data cannot be read, or has no text.
        UsageError: There is no name, a name is given twice, or a vocabulary is smaller than its alphabet.
        ModelError: There is no such tokenizer.

    Example:
        >>> found = luthier.compare_tokenizers("reviews.csv", ["bpe", "unigram", "minilm"])
        >>> found["bpe"].measures.tokens_per_word, found.advice.sentence
    """
    console = console or Console()
    named, size = [_named(name) for name in _distinct(names)], checked_size(vocabulary_size)
    with opened(data, settings, console) as held:
        family = held.found.reader.kind.family
        examples = _examples(held, console)
    texts = list(examples.task.texts(examples.train[:]))
    tokenizers = _trained(named, texts, family, size, console)
    sample = Sample(_rows(examples.task, examples.held, apart=family == "encoder-decoder"), spread(texts, SEEN)[0])
    if not sample.words:
        what = "there is no text to measure on: every row is empty"
        raise FindingError(what, where=f"{examples.split} rows", hint="choose another text column with --text")
    limit = min([POSITIONS, *_limits(named, family)])
    with console.progress("measure tokenizers", len(named), "tokenizers") as progress:
        measures = {}
        for name, tokenizer in tokenizers.items():
            measures[name] = measure(tokenizer, sample, limit)
            progress.advance(1)
    seconds = measure_steps(tokenizers, sample.rows, family, limit, choose_device())
    width = shape_of("tiny", family).width
    measured = [
        Measured(
            one.name,
            one.kind is not None,
            tuple(sorted(families_of(one.config))) if one.config is not None else (),
            seconds[one.name],
            width * measures[one.name].vocabulary,
            measures[one.name],
            "" if one.tokenizer is None else why_unfit(one.tokenizer, family, DEFAULTS[family]),
        )
        for one in named
    ]
    advice = advise(measured, examples.task.name, family)
    return TokenizerComparison(
        examples.task.name,
        family,
        Rows(len(examples.train), len(examples.held), examples.of, examples.split),
        measured,
        [_cut(sentence, tokenizers) for sentence in _sentences(sample)],
        advice,
        _commands(held, advice, tokenizers),
    )


def _distinct(names: Sequence[str]) -> Sequence[str]:
    """The names, if there are any and they differ.

    Raises:
        UsageError: There is none, they are no list, or one is given twice.
    """
    if isinstance(names, str):
        raise UsageError("names is one text", where="names", hint=f"pass a list: [{names!r}]")
    if not names:
        hint = f"name kinds to train ({', '.join(KINDS)}) or models, such as minilm"
        raise UsageError("there is nothing to compare", where="names", hint=hint)
    twice = [name for name, n in Counter(names).items() if n > 1]
    if twice:
        raise UsageError(f"{twice[0]} is named twice", where="names", hint="remove one of the two")
    return names


def _named(name: str) -> Named:
    if name in KINDS:
        return Named(name, kind=kind_named(name))
    tokenizer = find_saved(name, "names")
    try:
        config = load_config(name)
    except ModelError:
        config = None  # a tokenizer that was saved alone
    return Named(name, tokenizer=tokenizer, config=config)


def _limits(named: Sequence[Named], family: str) -> list[int]:
    """Most tokens that each model of the family reads."""
    return [
        longest_input(one.tokenizer, one.config)
        for one in named
        if one.tokenizer is not None and one.config is not None and family in families_of(one.config)
    ]


def _examples(held: Opened, console: Console) -> Examples:
    """The examples of the training rows, and of rows that are held out.

    Raises:
        FindingError: No row is held out, or all are also in training.
    """
    table = read_table(held.sources, held.found.reader, held.recipe)
    splits, decision = make_splits(table, held.found.reader, held.recipe)
    console.decision(decision)
    for account in table.accounts.values():
        for finding in skipped_rows(account.read, account.skipped):
            console.finding(finding)
    split = next((name for name in ("validation", "test") if len(splits.get(name, ()))), None)
    if split is None:
        hint = "pass more rows, or others with --valid"
        raise FindingError("no rows are held out to measure tokenizers on", where="data", hint=hint)
    task = held.found.reader.fit(splits["train"], held.recipe)
    train, others = ([task.key(row) for row in splits[name]] for name in ("train", split))
    seen = set(leaked(train, others))
    fresh = [at for at in range(len(others)) if at not in seen]
    if not fresh:
        what = f"the texts of all {split} rows are also in the training rows"
        raise FindingError(what, where="data", hint="pass other rows with --valid")
    kept = [fresh[at] for at in evenly(len(fresh), MOST)]
    return Examples(task, splits["train"], take(splits[split], kept), len(fresh), split)


def _trained(
    named: Sequence[Named], texts: Sequence[str], family: str, size: int | None, console: Console
) -> dict[str, PreTrainedTokenizerBase]:
    """The tokenizer of each name; kinds are trained on texts."""
    part, step = spread(texts, ENOUGH)
    found = {}
    with console.progress("train tokenizers", len(named), "tokenizers") as progress:
        for one in named:
            if one.kind is None:
                assert one.tokenizer is not None
                found[one.name] = one.tokenizer
            else:
                made, decision = learn(part, size, one.kind, family=family, architecture=DEFAULTS[family])
                why = f"trained on one in {step} texts; {decision.why}" if step > 1 else decision.why
                console.decision(Decision(one.name, decision.value, why))
                found[one.name] = made
            progress.advance(1)
    return found


def _rows(task: Fitted[Any], examples: Dataset, *, apart: bool) -> list[Row]:
    """What a model reads at once; an encoder-decoder reads and writes the texts of a row apart."""
    columns, rows = examples[:], []
    for at in range(len(examples)):
        texts = tuple(task.texts({name: values[at : at + 1] for name, values in columns.items()}))
        labels = tuple(label for label, n in task.label_counts(take(examples, [at])).items() if n)
        rows += [Row((text,)) for text in texts] if apart else [Row(texts, labels)]
    return rows


def _sentences(sample: Sample) -> list[str]:
    """A typical sentence, and the one with the words that are rarest in the training rows."""
    words = sample.spaced
    known = Counter(word for text in sample.seen for word in units(text, words=words))
    return choose_sentences(sample.texts, known, words=words)


def _cut(sentence: str, tokenizers: Mapping[str, PreTrainedTokenizerBase]) -> Sentence:
    tokens, starts = {}, {}
    for name, one in tokenizers.items():
        with quiet():
            cut = one(sentence, add_special_tokens=False, return_offsets_mapping=one.is_fast)
        tokens[name] = Tokens.of(cut["input_ids"], one)
        starts[name] = word_starts(sentence, cut.get("offset_mapping", ()))
    return Sentence(sentence, tokens, starts)


def _commands(held: Opened, advice: Advice, tokenizers: Mapping[str, PreTrainedTokenizerBase]) -> list[str]:
    """The commands that follow the advice: for a new model, and for each pretrained one."""
    found, tokenizer = list[str](), list[str]()
    if advice.name is not None:
        tokenizer = ["--tokenizer", typed(advice.name)]
        size = max(LEAST_SIZE, len(tokenizers[advice.name]))
        tokenizer += ["--set", f"vocabulary_size={size}"] if advice.name in KINDS else []
        found.append(held.train_command("--from-scratch", "tiny", *tokenizer))
    for one in advice.models:
        if one.keep is not None:
            fresh = ["--fresh-tokenizer", *(tokenizer if one.name != advice.name else ())]
            found.append(held.train_command("--model", typed(one.name), *([] if one.keep else fresh)))
    return found
