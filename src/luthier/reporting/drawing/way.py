"""The way of a text through a model in words: the answer in a sentence, and the steps that lead to it."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import expit, softmax

from luthier.reporting.drawing.cuts import Cutting, words
from luthier.reporting.drawing.diagram import Step
from luthier.text import count, duration, listing, number, plural, quantity, share, shorten
from luthier.tracing.stages import Values

if TYPE_CHECKING:
    from luthier.reporting.traces.trace import Trace

QUOTED, MOST_SPANS, FEW = 90, 3, 6
EMPTY = "(empty)"  # in place of a text without a character
CLOSE = 1e-3  # between the scores of an answer and a function of the logits that may have made them


def headline(trace: "Trace") -> str:
    """What the model answers to the first input, and how sure it is."""
    said, score = trace.answer.get("prediction"), trace.answer.get("score")
    if trace.writing is not None:
        first = trace.writing.candidates[0]
        sure = f"the most probable first token is {quoted(first.text)} ({share(first.probability)})"
        return f"The model writes {quoted(said) if said else 'nothing'}; {sure}."
    if isinstance(said, list) and said and isinstance(said[0], Mapping):
        more = f" and {count(len(said) - MOST_SPANS)} more" if len(said) > MOST_SPANS else ""
        return f"The model finds {plural(len(said), 'span')}: {spans(said[:MOST_SPANS])}{more}."
    if isinstance(said, list):
        return f"The model finds {listing(said) if said else 'nothing in this text'}{_sure(score)}."
    if isinstance(said, float):
        return f"The model answers {number(said)}."
    return f"The model {f'answers {quoted(said)}' if said else 'finds no answer'}{_sure(score)}."


def spans(found: Sequence[Mapping[str, Any]]) -> str:
    """The spans that a model finds in a text."""
    return ", ".join(f"{one['type']} {quoted(one['text'])}{_in_brackets(one.get('score'))}" for one in found)


def steps(trace: "Trace", cuttings: Sequence[Cutting]) -> list[Step]:
    """The steps from text to answer, with the figures of this text.

    Args:
        trace: The trace.
        cuttings: The tokens of its sequences.
    """
    texts = [cut for read in trace.inputs for cut in read.cuts.values()]
    n_characters, n_pieces = sum(len(cut.text) for cut in texts), sum(len(cut.pieces) for cut in texts)
    changed = any(cut.normalized != cut.text for cut in texts)
    made = ["normalized"] * changed + [f"cut into {plural(n_pieces, 'piece')}"] * bool(n_pieces)
    unread = sum(read.unread for read in trace.inputs)
    ids = [one for tokens in trace.sequences for one in tokens.ids]
    first = list(map(str, ids[:FEW])) + ["…"] * (len(ids) > FEW)
    model = trace.model
    layers = " + ".join(plural(n, "layer") for n in model.stacks)
    return [
        Step("Text", [plural(n_characters, "character") if texts else "", quoted(plain(trace.inputs[0].values))]),
        Step("Tokenizer", [", then ".join(made), f"{count(model.vocabulary)} tokens in the vocabulary"]),
        Step(
            "Token ids",
            [
                f"{shape(trace.stage('input_ids'))}: {'; '.join(map(words, cuttings[:2]))}",
                ", ".join(first),
                f"{plural(unread, 'token')} cut off" if unread else "",
            ],
        ),
        Step(
            "Model",
            [
                f"{model.architecture}: {layers}, {quantity(model.parameters, 'parameters')}",
                duration(sum(trace.seconds.values())),
            ],
        ),
        Step("Logits", [_logits(name, values) for name, values in trace.logits.items()]),
        Step("Post-processing", [_after(trace)]),
        Step("Answer", [headline(trace).removeprefix("The model ")]),
    ]


def _after(trace: "Trace") -> str:
    """What is done to the logits."""
    if trace.writing is not None:
        return "softmax: a probability for each next token; choose one, append it, repeat"
    if "start_logits" in trace.logits:
        return "softmax over the tokens: the most probable pair of a start and an end"
    logits, scores = trace.logits["logits"], trace.answer.get("scores")
    if logits.ndim == 3:
        return "softmax for each token: a label for each word, words joined to spans"
    if not scores:
        return "none: the logit is the answer"
    said = np.array(list(scores.values()))
    for name, function in {"softmax": softmax, "sigmoid": expit}.items():
        if said.shape == logits[0].shape and np.allclose(function(logits[0]), said, atol=CLOSE):
            return f"{name}: a probability for each label"
    return "calibrated probabilities of the labels"


def plain(values: Mapping[str, object]) -> str:
    """The first value of an input as text; words of a list with blanks between."""
    return spoken(next(iter(values.values()), ""))


def spoken(value: object) -> str:
    """A value of an input as text."""
    words_of = isinstance(value, list | tuple) and all(isinstance(one, str) for one in value)
    return " ".join(value) if words_of else str(value)  # type: ignore[arg-type]  # a list of words


def quoted(value: object) -> str:
    """A text in quotation marks, cut where it is long."""
    return f"“{shorten(str(value), QUOTED)}”"


def shape(values: Values) -> str:
    """The shape of an array: `1 x 19 x 384`."""
    return " x ".join(map(count, values.shape))


def _logits(name: str, values: Values) -> str:
    few = values[0].tolist()[:FEW] if name == "logits" and values.ndim == 2 else []
    return f"{name} {shape(values)}".removeprefix("logits ") + (f": {', '.join(map(number, few))}" if few else "")


def _sure(score: float | None) -> str:
    """A probability in words; one that rounds to 1 is not certainty."""
    if score is None:
        return ""
    return f" with a probability {'above 99.9 %' if score >= 0.9995 else f'of {share(score)}'}"


def _in_brackets(score: float | None) -> str:
    return "" if score is None else f" ({share(score)})"
