"""A trace as text: the stages from the text to the answer, in lines of at most 100 characters."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from luthier.reporting.drawing.cuts import OWN_COLUMNS
from luthier.reporting.drawing.way import EMPTY, spans, spoken
from luthier.reporting.terminal.display import Fields, Grid, Piece
from luthier.text import count, duration, listing, number, plural, quantity, share, shorten, size
from luthier.tracing.anatomy import Anatomy, groups
from luthier.tracing.attribution import Attribution
from luthier.tracing.decoding import Candidate, Choice, Writing
from luthier.tracing.stages import Stage, Values
from luthier.tracing.text import Read, Tokens

if TYPE_CHECKING:
    from luthier.reporting.traces.trace import Trace

HEAD, TAIL = 24, 4  # tokens of a long sequence that are shown
FEW, OTHERS, LONGEST, MOST_TEXT, DIGITS = 5, 3, 16, 300, 2
LEGEND = "norm: length of a token's vector; similar: its cosine to the stage before; entropy: of its attention, in bits"


def trace_pieces(trace: "Trace") -> list[Piece]:
    """Show a trace."""
    pieces: list[Piece] = [Fields([("model", _model(trace.model))]), _parts(trace.model, trace.seconds)]
    for place, read in enumerate(trace.inputs, start=1):
        pieces.append(Fields(_read(read, place if len(trace.inputs) > 1 else None)))
    for place, tokens in enumerate(trace.sequences):
        if len(trace.sequences) > 1:
            pieces.append(f"sequence {place + 1} of {len(trace.sequences)}")
        pieces.append(_tokens(tokens, trace.stages, place, trace.attribution))
    pieces += [_layers(trace.stages, trace.sequences[0]), LEGEND]
    pieces += [] if trace.writing is None else _writing(trace.writing)
    decided = [] if trace.attribution is None else [("attribution", _attribution(trace.attribution))]
    return [*pieces, Fields([*_outputs(trace.logits, trace.writing), *decided, *_answers(trace.answers)])]


def _model(model: Anatomy) -> str:
    layers = " + ".join(map(str, model.stacks))
    sizes = f"{layers} layers of width {count(model.width)} with {plural(model.heads, 'attention head')}"
    return f"{model.name}: {model.architecture}, {sizes}, {quantity(model.parameters, 'parameters')}; {model.task}"


def _parts(model: Anatomy, seconds: Mapping[str, float]) -> Grid:
    """The parts of a model, with equal layers of a stack in one line."""
    rows = []
    for parts in groups(model.parts):
        spent = sum(seconds.get(part.name, 0.0) for part in parts)
        if len(parts) == 1:
            shared = f", shared with {listing(parts[0].shares)}" if parts[0].shares else ""
            label = f"{parts[0].name}{shared}"
        else:
            label = f"{parts[0].name} to {parts[-1].name}"
        parameters, held = sum(part.parameters for part in parts), sum(part.n_bytes for part in parts)
        each = f"{len(parts)} x {parts[0].kind}" if len(parts) > 1 else parts[0].kind
        rows.append([label, each, count(parameters), size(held), duration(spent) if spent else ""])
    return Grid(["part", "module", "parameters", "memory", "time"], rows, numbers=(2, 3, 4), whole=(0,))


def _read(read: Read, place: int | None) -> list[tuple[str, str]]:
    found = []
    for role, value in read.values.items():
        name = role if place is None else f"{role} {place}"
        cut = read.cuts.get(role)
        found.append((name, shorten(spoken(value), MOST_TEXT) or EMPTY))
        if cut is not None and cut.normalized != cut.text:
            found.append(("normalized", shorten(cut.normalized, MOST_TEXT)))
        if cut is not None and cut.pieces:
            found.append(("pieces", shorten(" | ".join(cut.pieces), MOST_TEXT)))
    return [*found, ("cut off", plural(read.unread, "token"))] if read.unread else found


def _tokens(tokens: Tokens, stages: Sequence[Stage], place: int, attribution: Attribution | None) -> Grid:
    values = {stage.name: stage.values for stage in stages}
    inputs = {name: values[name].reshape(-1, len(tokens.ids))[place] for name in OWN_COLUMNS if name in values}
    hidden = [name for name, array in values.items() if array.ndim == 3 and array.shape[1] == len(tokens.ids)]
    read = [name for name in hidden if name.endswith("embeddings") or "layer" in name]
    read = [name for name in read if not name.startswith("decoder")]
    norms = {label: np.linalg.norm(values[name][place], axis=-1) for label, name in _ends(read)}
    decided = {} if attribution is None else {"attribution": attribution.values}
    numbers = {**norms, **decided}
    heads = ["", "token", "id", *(OWN_COLUMNS[name] for name in inputs), *numbers]
    rows = []
    for at in _shown(len(tokens.ids)):
        if at is None:
            left = len(tokens.ids) - HEAD - TAIL
            rows.append(["", f"... {plural(left, 'more token')}", *[""] * (len(heads) - 2)])
            continue
        own = [str(int(column[at])) for column in inputs.values()]
        sizes = [number(float(column[at]), DIGITS) for column in numbers.values()]
        rows.append([str(at), tokens.tokens[at], str(tokens.ids[at]), *own, *sizes])
    return Grid(heads, rows, numbers=(0, *range(2, len(heads))), whole=(1,))


def _ends(names: Sequence[str]) -> list[tuple[str, str]]:
    return [("norm of embedding", names[0]), ("of last layer", names[-1])] if names else []


def _shown(n: int) -> list[int | None]:
    if n <= HEAD + TAIL + 1:
        return list(range(n))
    return [*range(HEAD), None, *range(n - TAIL, n)]


def _layers(stages: Sequence[Stage], tokens: Tokens) -> Grid:
    attention = {stage.name: stage for stage in stages if "attention " in stage.name}
    rows = []
    for stage in stages:
        if "norm" not in stage.notes:
            continue
        own = attention.get(stage.name.replace("layer", "attention"))
        similar = number(stage.notes["similarity"], DIGITS) if "similarity" in stage.notes else ""
        spread = number(own.notes["entropy"], DIGITS) if own else ""
        link = _strongest(own.values, tokens) if own and not stage.name.startswith("decoder") else ""
        rows.append([stage.name, _shape(stage.shape), number(stage.notes["norm"], DIGITS), similar, spread, link])
    heads = ["stage", "shape", "norm", "similar", "entropy", "strongest attention"]
    return Grid(heads, rows, numbers=(2, 3, 4), whole=(0, 1, 5))


def _shape(shape: Sequence[int]) -> str:
    return " x ".join(map(str, shape))


def _strongest(weights: Values, tokens: Tokens) -> str:
    """The strongest link between two different ordinary tokens of the first sequence."""
    n = len(tokens.ids)
    links = weights[0].copy()
    plain = np.array([not special for special in tokens.special])
    links[:, ~plain, :] = 0
    links[:, :, ~plain] = 0
    links[:, np.arange(n), np.arange(n)] = 0
    head, at, to = map(int, np.unravel_index(int(links.argmax()), links.shape))
    if not links[head, at, to]:
        return ""
    names = (shorten(tokens.tokens[place], LONGEST) for place in (at, to))
    return f"{' to '.join(names)}, head {head + 1}: {number(float(links[head, at, to]), DIGITS)}"


def _writing(writing: Writing) -> list[Piece]:
    pieces: list[Piece] = []
    if writing.layers is not None:
        rows = [[f"layer {i}", *map(_odds, said)] for i, said in enumerate(writing.layers, start=1)]
        pieces.append(Grid(["logit lens", "first", "second", "third"], rows, whole=(0,)))
    for name, path in writing.paths.items():
        rows = [[str(i), _odds(one.chosen), _others(one)] for i, one in enumerate(path, start=1)]
        pieces.append(Grid([name, "token", "instead of"], rows, numbers=(0,), whole=(1, 2)))
    return pieces


def _odds(one: Candidate) -> str:
    return f"{shorten(repr(one.text), LONGEST)} {share(one.probability)}"


def _others(step: Choice) -> str:
    others = [one for one in step.candidates if one.id != step.chosen.id]
    return ", ".join(map(_odds, others[:OTHERS]))


def _outputs(logits: Mapping[str, Values], writing: Writing | None) -> list[tuple[str, str]]:
    if writing is not None:
        return [("next", ", ".join(map(_odds, writing.candidates[:FEW])))]
    found = []
    for name, values in logits.items():
        first = values[0]
        shown = ", ".join(number(float(one)) for one in first.ravel()[:8]) if first.ndim == 1 else ""
        found.append((name, f"{_shape(values.shape)}{': ' + shown if shown else ''}"))
    return found


def _attribution(found: Attribution) -> str:
    from_to = f"{number(found.baseline, DIGITS)} with {found.filler} for each token to {number(found.output, DIGITS)}"
    return f"of {found.of}, from {from_to}; the tokens add up to that within {share(found.error)}"


def _answers(answers: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    found = []
    for place, answer in enumerate(answers, start=1):
        name = "answer" if len(answers) == 1 else f"answer {place}"
        scores = answer.get("scores")
        odds = ", ".join(f"{label} {number(score)}" for label, score in scores.items()) if scores else ""
        found.append((name, shorten(_in_words(answer.get("prediction")), MOST_TEXT)))
        found += [("scores", odds)] if odds else []
    return found


def _in_words(said: Any) -> str:
    if isinstance(said, list) and said:
        return spans(said) if isinstance(said[0], Mapping) else listing(said)
    return "nothing" if said == [] else str(said)
