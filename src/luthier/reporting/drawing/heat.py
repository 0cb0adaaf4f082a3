"""The values that the script of a trace's page draws as heat maps: hidden states and attention."""

import json
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from luthier.reporting.drawing.cuts import label
from luthier.reporting.drawing.links import Attention, affordable, base64, pack
from luthier.tracing.stages import Values
from luthier.tracing.text import Tokens

if TYPE_CHECKING:
    from luthier.reporting.traces.trace import Trace

ROOM = 4_750_000  # characters of the values; a page of 512 tokens stays below 5 MB
TABLES = 8  # characters of the tables for one of the names of tokens
# Stages with attention, the tokens that attend, and those that they attend to.
KINDS = (
    ("attention", "read", "read"),
    ("encoder attention", "read", "read"),
    ("decoder attention", "written", "written"),
    ("cross-attention", "written", "read"),
)


def heat(trace: "Trace", pads: Sequence[Values]) -> dict[str, Any]:
    """All heat maps of a trace, as JSON.

    Args:
        trace: The trace.
        pads: Which tokens of each sequence are padding: [t].
    Returns:
        `sequences`: names of the tokens `read` and `written`; `hidden`: by stack; `attention`: by kind;
        `kept`: links of each token and head.
    """
    written = _written(trace)
    sequences = [
        {"read": _names(one), "padding": pad.astype(int).tolist(), "written": own}
        for one, pad, own in zip(trace.sequences, pads, written, strict=True)
    ]
    states, several = hidden(trace), attentions(trace)
    kept = affordable(several, ROOM - len(json.dumps(states)) - TABLES * len(json.dumps(sequences)))
    links = [one.to_dict() for one in pack(several, kept)]
    return {"sequences": sequences, "hidden": states, "attention": links, "kept": kept}


def hidden(trace: "Trace") -> list[dict[str, Any]]:
    """Norm and similarity of each layer's hidden states, as float32 [sequences, layers, tokens]."""
    sides: dict[str, dict[str, Values]] = {}
    for stage in trace.stages:
        if "norm" in stage.notes:
            side, _, name = stage.name.rpartition("coder ")
            side = f"{side}coder" if side else ""
            sides.setdefault(side, {})[name] = stage.values.astype(np.float32)
    found = []
    for side, layers in sides.items():
        states = list(layers.values())
        norms = np.stack([np.linalg.norm(state, axis=-1) for state in states], axis=1)
        similar = [_cosine(one, other) for one, other in pairwise(states)]
        own = {"name": side, "tokens": "written" if side == "decoder" else "read", "rows": list(layers)}
        pairs = base64(np.stack(similar, axis=1).astype("<f4")) if similar else ""
        found.append(own | {"norm": base64(norms.astype("<f4")), "similarity": pairs})
    return found


def attentions(trace: "Trace") -> list[Attention]:
    """The attention of each stack whose layers give a weight for each pair of tokens."""
    stages = {stage.name: stage.values for stage in trace.stages}
    written = stages["decoder_input_ids"].shape[1] if "decoder_input_ids" in stages else 0
    sizes = {"read": len(trace.sequences[0].ids), "written": written}
    found = []
    for name, queries, keys in KINDS:
        layers = [values for stage, values in stages.items() if stage.rpartition(" ")[0] == name]
        if len({one.shape for one in layers}) == 1 and layers[0].shape[-2:] == (sizes[queries], sizes[keys]):
            found.append(Attention(name, queries, keys, layers))
    return found


def _written(trace: "Trace") -> list[list[str]]:
    """What a decoder reads of each answer, where the encoder reads the text; by the names of the trace's tokens."""
    rows = {stage.name: stage.values for stage in trace.stages}.get("decoder_input_ids")
    if rows is None:
        return [[] for _ in trace.sequences]
    known: dict[int, str] = {}
    for one in trace.sequences:
        known |= dict(zip(one.ids, _names(one), strict=True))
    if trace.writing is not None:
        choices = [choice for path in trace.writing.paths.values() for choice in path]
        known |= {one.chosen.id: label(one.chosen.token, one.chosen.text) for one in choices}
    return [[_name(known, one, at) for at, one in enumerate(row)] for row in rows.tolist()]


def _names(tokens: Tokens) -> list[str]:
    return list(map(label, tokens.tokens, tokens.texts, tokens.special))


def _name(known: Mapping[int, str], token: int, at: int) -> str:
    return known.get(token, f"id {token}" if at else "start")


def _cosine(one: Values, other: Values) -> Values:
    sizes = np.linalg.norm(one, axis=-1) * np.linalg.norm(other, axis=-1)
    return np.asarray(np.einsum("btd,btd->bt", one, other) / np.maximum(sizes, np.finfo(np.float32).tiny))
