"""Which of several tokenizers to use, and why."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from luthier.text import count, listing, number, share, with_article
from luthier.tokenizers.measures import Measures

MOST_UNKNOWN, USELESS = 0.01, 0.5  # share of words; a model learns nothing from an unknown word
MOST_LOST = 0.01  # share of texts, where the model writes texts and they should come out as they were
LONGER, MORE_CUT, DEARER = 2.0, 0.1, 3.0  # beside the best: tokens per word, share of cut rows, seconds per step
SHOWN = 0.0005  # smaller shares are written as 0.0 %
ALIKE = 0.01  # difference of Rényi efficiency that decides nothing
OWN_LONGER = 1.5  # tokens per word of a pretrained model's own tokenizer, beside the best one trained on the texts


@dataclass(frozen=True)
class Measured:
    """A tokenizer with its measures.

    Args:
        name: As the user calls it.
        trained: Whether it was trained on the data.
        families: Families of the pretrained model that it belongs to; empty if it belongs to none.
        seconds_per_step: Of an optimizer step of a tiny model, see `measure_steps`.
        embedding_parameters: Parameters of the embeddings of a tiny model.
        measures: How it suits the texts.
        unfit: Why a new model cannot have it; empty if it can.
    """

    name: str
    trained: bool
    families: Sequence[str]
    seconds_per_step: float
    embedding_parameters: int
    measures: Measures
    unfit: str = ""

    @property
    def per_word(self) -> float:
        """Tokens per word."""
        return self.measures.tokens_per_word


@dataclass(frozen=True)
class ModelAdvice:
    """Advice for the pretrained model that a tokenizer belongs to.

    Args:
        name: The model.
        keep: Whether to keep its own tokenizer; None if the model is not for this task.
        sentence: The advice, with its evidence.
    """

    name: str
    keep: bool | None
    sentence: str


@dataclass(frozen=True)
class Advice:
    """Which tokenizer to use.

    Args:
        name: The tokenizer for a new model; None if none of them will do.
        headline: The advice.
        evidence: What it rests on.
        dropped: Each tokenizer that is worse to the reason.
        models: Advice for each pretrained model.
    """

    name: str | None
    headline: str
    evidence: Sequence[str]
    dropped: Mapping[str, str] = field(default_factory=dict)
    models: Sequence[ModelAdvice] = ()

    @property
    def sentence(self) -> str:
        """The advice, with its evidence."""
        return f"{self.headline} ({', '.join(self.evidence)})." if self.evidence else f"{self.headline}."


def advise(tokenizers: Sequence[Measured], task: str, family: str) -> Advice:
    """Choose a tokenizer for a new model, and say of each pretrained model whether to keep its own.

    Tokenizers that models of the family cannot have are dropped, then those that lose information, then those whose
    rows are much longer. Of the rest, the one with the highest Rényi efficiency is chosen; where that is equal, the one
    that loses least if the model writes text, else the one with the fewest tokens per word.

    Args:
        tokenizers: All of them; at least one. One of a pretrained model is only chosen if there are no others.
        task: Name of the task.
        family: Family of the models that it needs.
    """
    new = [one for one in tokenizers if not one.families] or list(tokenizers)
    writes = family != "encoder"
    reasons = {one.name: one.unfit or _loss(one, writes=writes) for one in new}
    whole = _kept(new, reasons)
    shortest, cheapest = min(whole, key=lambda one: one.per_word), min(whole, key=lambda one: one.seconds_per_step)
    reasons |= {one.name: _length(one, shortest, cheapest) for one in whole if not reasons[one.name]}
    kept = _kept(whole, reasons)
    most = max(one.measures.efficiency for one in kept)
    alike = [one for one in kept if one.measures.efficiency >= most - ALIKE]
    best = min(alike, key=lambda one: (max(one.measures.losses.values()) if writes else 0, one.per_word))
    models = [_for_model(one, best, task, family) for one in tokenizers if one.families]
    if best.unfit:
        none = f"None of these can be the tokenizer of a new {family}; compare kinds to train, such as bpe"
        return Advice(None, none, (), reasons, models)
    if best.measures.unknown_words_share > USELESS:
        none = "None of these knows these texts; compare byte-bpe, which knows every text"
        return Advice(None, none, (_unknown(best),), reasons, models)
    dropped = {name: reason for name, reason in reasons.items() if reason and name != best.name}
    start = "No tokenizer here fits these texts well; the best" if reasons[best.name] else "Best"
    evidence = _evidence(best, kept, reasons[best.name], writes=writes)
    return Advice(best.name, f"{start} for a new model: {best.name}", evidence, dropped, models)


def _kept(tokenizers: Sequence[Measured], reasons: Mapping[str, str]) -> list[Measured]:
    """The tokenizers that there is no reason to drop; if there is one for each, those that know the most words."""
    kept = [one for one in tokenizers if not reasons[one.name]]
    usable = [one for one in tokenizers if not one.unfit] or tokenizers
    least = min(one.measures.unknown_words_share for one in usable)
    return kept or [one for one in usable if one.measures.unknown_words_share == least]


def _loss(one: Measured, *, writes: bool) -> str:
    """Why a tokenizer loses too much; empty if it doesn't."""
    found = one.measures
    if found.unknown_words_share > MOST_UNKNOWN:
        return _unknown(one)
    kind, most = max(found.losses.items(), key=lambda pair: pair[1])
    if writes and most > MOST_LOST:
        what = f"unknown {found.unit}s" if kind == "unknown" else kind
        return f"{share(most)} of the texts lose {what}, so a model could not write them"
    return ""


def _length(one: Measured, shortest: Measured, cheapest: Measured) -> str:
    """Why a tokenizer makes rows too long; empty if it doesn't."""
    if one.per_word > LONGER * shortest.per_word:
        return f"{number(one.per_word / shortest.per_word, 1)} times as many tokens as {shortest.name}"
    cut, least = one.measures.lengths.cut_share, shortest.measures.lengths.cut_share
    if cut > least + MORE_CUT:
        limit = one.measures.lengths.limit
        return f"{share(cut)} of the rows are longer than {limit} tokens ({share(least)} with {shortest.name})"
    if one.seconds_per_step > DEARER * cheapest.seconds_per_step:
        return f"a step takes {_step(one)} ({_step(cheapest)} with {cheapest.name})"
    return ""


def _evidence(best: Measured, kept: Sequence[Measured], against: str, *, writes: bool) -> list[str]:
    facts = [_unknown(best), f"{number(best.per_word, 2)} tokens per {best.measures.unit}"]
    facts.append(f"{_step(best)} per step of a tiny model")
    others = [one for one in kept if one is not best]
    if others:
        rivals = listing([f"{one.name} {number(one.measures.efficiency)}" for one in others], len(others))
        facts.append(f"Rényi efficiency {number(best.measures.efficiency)} ({rivals})")
        if best.measures.efficiency < max(one.measures.efficiency for one in others):
            facts.append(f"equal within {ALIKE}, and it {'loses less' if writes else 'takes fewer tokens'}")
    return [*facts, against] if against and against not in facts else facts


def _for_model(one: Measured, best: Measured, task: str, family: str) -> ModelAdvice:
    """Whether to keep a pretrained model's own tokenizer."""
    facts = f"{_unknown(one)}, {number(one.per_word, 2)} tokens per {one.measures.unit}"
    lossy = [kind for kind in ("case", "accents", "characters") if one.measures.losses[kind] > MOST_LOST]
    facts += f" ({number(best.per_word, 2)} with {best.name})" if best is not one else ""
    facts += f", {' and '.join(lossy)} lost" if lossy else ""
    if family not in one.families:
        what = f"{one.name} is {with_article(one.families[0])}, and {task} needs {with_article(family)}"
        return ModelAdvice(one.name, None, f"{what}; its tokenizer: {facts}.")
    if one.measures.unknown_words_share <= MOST_UNKNOWN and one.per_word <= OWN_LONGER * best.per_word:
        return ModelAdvice(
            one.name, True, f"For {one.name}, keep its own tokenizer, which it was pretrained with: {facts}."
        )
    if best.measures.unknown_words_share > MOST_UNKNOWN:
        return ModelAdvice(one.name, None, f"{one.name} does not suit these texts; choose another model: {facts}.")
    return ModelAdvice(one.name, False, f"For {one.name}, train a new tokenizer, or choose another model: {facts}.")


def _unknown(one: Measured) -> str:
    part, what = one.measures.unknown_words_share, f"unknown {one.measures.unit}s"
    if not part:
        return f"no {what}"
    return f"{share(part)} {what}" if part >= SHOWN else f"fewer than 0.1 % {what}"


def _step(one: Measured) -> str:
    return f"{count(round(1000 * one.seconds_per_step))} ms"
