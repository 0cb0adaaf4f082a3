"""The page that `luthier trace --output trace.html` writes: a text's way through a model, to look at and to click."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import softmax

from luthier.reporting.drawing.cuts import OWN_COLUMNS, Cutting, Strip, cutting, padding, strip, words
from luthier.reporting.drawing.diagram import inside, pipeline, short, timed_stacks
from luthier.reporting.drawing.heat import heat
from luthier.reporting.drawing.links import MOST
from luthier.reporting.drawing.way import EMPTY, QUOTED, headline, plain, shape, spoken, steps
from luthier.reporting.render import render
from luthier.storage.atomic import write_text
from luthier.text import count, duration, listing, number, plural, shorten, size
from luthier.tracing.anatomy import groups
from luthier.tracing.stages import Values
from luthier.tracing.text import Read

if TYPE_CHECKING:
    from luthier.reporting.traces.trace import Trace

FOLD = 64  # tokens; the table of a longer sequence is folded
MOST_LABELS = 40
SPAN_ENDS = {"start_logits": "The answer starts here", "end_logits": "The answer ends here"}
DOUBT = "Doubt: 1 minus the probability of the token's label"


@dataclass(frozen=True, slots=True)
class Measure:
    """A row with a bar: its name, further cells, and the length of the bar as a share of the longest possible."""

    name: str
    cells: Sequence[str]
    share: float


def write_page(path: Path, trace: "Trace", command: str = "", call: str = "") -> Path:
    """Write the page of a trace.

    Args:
        path: The file.
        trace: What to show.
        command: The command that made it.
        call: The same in Python; by default with the inputs.
    Returns:
        The file.
    Raises:
        ResourceError: It cannot be written.
    """
    columns = _columns(trace)
    cuttings = [cutting(one, own) for one, own in zip(trace.sequences, columns, strict=True)]
    pads = [padding(one, own) for one, own in zip(trace.sequences, columns, strict=True)]
    page = render(
        "trace.html",
        charts=False,
        assets=("tokens.css", "trace.css", "trace.js"),
        headline=headline(trace),
        facts=_facts(trace, cuttings),
        model=trace.model,
        pipeline=pipeline(steps(trace, cuttings)),
        inside=inside(trace.model, trace.seconds, _shapes(trace)),
        inputs=[(_passages(read), read.unread) for read in trace.inputs],
        cuttings=cuttings,
        fold=FOLD,
        values=heat(trace, pads),
        most=MOST,
        layers=[stage for stage in trace.stages if "norm" in stage.notes],
        writing=trace.writing,
        strips=_strips(trace, pads),
        scores=_scores(trace),
        spans=_spans(trace),
        times=_times(trace),
        weights=_weights(trace),
        command=command,
        snippet=_snippet(trace, call or _call(trace)),
    )
    write_text(path, page)
    return path


def _columns(trace: "Trace") -> list[dict[str, Values]]:
    """The mask and the segments of each sequence."""
    n = len(trace.sequences)
    found = {stage.name: stage.values.reshape(n, -1) for stage in trace.stages if stage.name in OWN_COLUMNS}
    return [{name: values[at] for name, values in found.items()} for at in range(n)]


def _facts(trace: "Trace", cuttings: Sequence[Cutting]) -> list[tuple[str, str]]:
    more = len(trace.inputs) - 1
    read = " / ".join(shorten(spoken(value), QUOTED) for value in trace.inputs[0].values.values())
    return [
        ("Text", read + (f", and {plural(more, 'more text')}" if more else "")),
        ("Model", trace.model.name),
        ("Task", f"{trace.model.task} ({trace.model.family})"),
        ("Tokens", words(cuttings[0]) if len(cuttings) == 1 else plural(len(cuttings), "sequence")),
        ("Forward pass", duration(sum(trace.seconds.values()))),
    ]


def _passages(read: Read) -> list[tuple[str, str]]:
    """An input in its forms: as it is, as the tokenizer normalizes it, and in pieces."""
    found = []
    for role, value in read.values.items():
        cut = read.cuts.get(role)
        found.append((role, spoken(value) if spoken(value).strip() else EMPTY))
        found += [("normalized", cut.normalized)] if cut and cut.normalized != cut.text else []
        found += [(plural(len(cut.pieces), "piece"), " | ".join(cut.pieces))] if cut and cut.pieces else []
    return found


def _strips(trace: "Trace", pads: Sequence[Values]) -> list[list[Strip]]:
    """Of each sequence the probabilities over its tokens: of a span's start and end, or of each token's label; and
    what each token adds to the decision, if that was asked for."""
    logits = trace.logits
    found = []
    for at, (tokens, pad) in enumerate(zip(trace.sequences, pads, strict=True)):
        ends = {SPAN_ENDS[name]: values[at] for name, values in logits.items() if name in SPAN_ENDS}
        odds = {name: softmax(np.where(pad, -np.inf, values)) for name, values in ends.items()}
        if trace.writing is None and not odds and logits["logits"].ndim == 3:
            doubt = 1 - softmax(logits["logits"][at], axis=-1).max(-1)
            odds = {DOUBT: np.where(tokens.special, 0.0, doubt)}  # special tokens have no label
        found.append([strip(name, tokens, values, pad) for name, values in odds.items()])
    if trace.attribution is not None:
        name = f"What decided: how much each token adds to {trace.attribution.of}"
        found[0].append(strip(name, trace.sequences[0], np.asarray(trace.attribution.values), pads[0]))
    return found if any(found) else []


def _scores(trace: "Trace") -> list[tuple[str, list[Measure]]]:
    """The scores of the labels in the answer to each input, beside the logits that they come from."""
    logits = trace.logits.get("logits", np.empty(0))
    found = []
    for at, (read, answer) in enumerate(zip(trace.inputs, trace.answers, strict=True)):
        scores: Mapping[str, float] = answer.get("scores") or {}
        own = logits[at].tolist() if logits.shape == (len(trace.answers), len(scores)) else [None] * len(scores)
        rows = [
            Measure(label, ["" if logit is None else number(logit), number(score)], score)
            for (label, score), logit in zip(scores.items(), own, strict=True)
        ]
        best = sorted(rows, key=lambda row: -row.share)[:MOST_LABELS]
        found.append((shorten(plain(read.values), QUOTED), best))
    return [one for one in found if one[1]]


def _spans(trace: "Trace") -> tuple[Sequence[str], list[Measure]]:
    """The spans that the model finds in the first input, or the best answers: heads of a table, and its rows."""
    answers = trace.answer.get("n_best") or []
    if answers:
        rows = [(one["text"], count(one["start"]), one["score"]) for one in answers]
        return ("Answer", "Start", "Score"), [
            Measure(text, [start, number(score)], score) for text, start, score in rows
        ]
    said = trace.answer.get("prediction")
    spans = [one for one in said if isinstance(one, Mapping)] if isinstance(said, list) else []
    found = [Measure(one["text"], [one["type"], number(one["score"])], one["score"]) for one in spans]
    return ("Span", "Type", "Score"), found


def _times(trace: "Trace") -> list[Measure]:
    """Seconds of the stages, by the names that the stages have, and the modules that they are of."""
    stacks = timed_stacks(trace.seconds)
    sides = dict(zip(stacks, ("encoder ", "decoder ") if len(stacks) == 2 else ("",), strict=False))
    rows = []
    for name, one in trace.seconds.items():
        stack, _, index = name.rpartition(".")
        stage = f"{sides[stack]}layer {int(index) + 1}" if stack in sides else name
        rows.append((stage, [name if stack else "", f"{number(1000 * one, 1)} ms"], one))
    return _measures(rows)


def _weights(trace: "Trace") -> list[Measure]:
    """What each part weighs, with the layers of a stack together."""
    rows = []
    for parts in groups(trace.model.parts):
        n, lent = len(parts), listing([short(one) for one in parts[0].shares])
        name = parts[0].name if n == 1 else f"{parts[0].name} to {parts[-1].name.rpartition('.')[2]}"
        kind = (f"{n} x " if n > 1 else "") + parts[0].kind + (f", shared with {lent}" if lent else "")
        parameters, held = sum(part.parameters for part in parts), sum(part.n_bytes for part in parts)
        rows.append((name, [kind, count(parameters), size(held)], float(parameters)))
    return _measures(rows)


def _measures(rows: Sequence[tuple[str, Sequence[str], float]]) -> list[Measure]:
    longest = max((value for _, _, value in rows), default=0.0) or 1.0
    return [Measure(name, cells, value / longest) for name, cells, value in rows]


def _shapes(trace: "Trace") -> dict[str, str]:
    """The shapes of the hidden states, by stack, and of the logits."""
    states = [stage for stage in trace.stages if "norm" in stage.notes]
    sides = {side: [one for one in states if one.name.startswith(side)] for side in ("encoder", "decoder")}
    own = {side: shape(several[-1].values) for side, several in sides.items() if several}
    logits = ", ".join(f"{name} {shape(values)}".removeprefix("logits ") for name, values in trace.logits.items())
    return {"hidden": shape(states[-1].values), "logits": logits, **own}


def _snippet(trace: "Trace", call: str) -> str:
    imports = ["from pathlib import Path", "", "import luthier"] if "Path(" in call else ["import luthier"]
    return "\n".join([*imports, "", f"found = {call}", f'found.stage("{trace.stages[-1].name}")'])


def _call(trace: "Trace") -> str:
    rows = [dict(read.values) for read in trace.inputs]
    given = [next(iter(row.values())) if len(row) == 1 and plain(row) in row.values() else row for row in rows]
    return f"luthier.trace({trace.model.name!r}, {(given[0] if len(given) == 1 else given)!r})"
