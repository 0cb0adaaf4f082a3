"""The values that a page draws are those of the stages."""

import base64
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.distance import cosine

from luthier.reporting.drawing.cuts import padding
from luthier.reporting.drawing.heat import attentions, heat, hidden
from luthier.tracing.stages import Stage, Values
from tests.reporting.traces.made import made, traced


def floats(text: str, *shape: int) -> Values:
    return np.frombuffer(base64.b64decode(text), "<f4").reshape(shape)


def test_norms_and_similarities_are_those_of_the_stages() -> None:
    trace = made(n=5, layers=3)
    (found,) = hidden(trace)
    assert (found["name"], found["tokens"], found["rows"]) == (
        "",
        "read",
        ["embeddings", "layer 1", "layer 2", "layer 3"],
    )
    norms, similar = floats(found["norm"], 1, 4, 5), floats(found["similarity"], 1, 3, 5)
    before, after = trace.stage("layer 1")[0, 2], trace.stage("layer 2")[0, 2]
    assert norms[0, 2, 2] == pytest.approx(float(np.linalg.norm(after)))
    assert similar[0, 1, 2] == pytest.approx(1 - cosine(before, after), abs=1e-6)


def test_an_encoder_decoder_has_two_stacks_and_three_attentions(tmp_path: Path) -> None:
    trace = traced("BART", "Seq2SeqLM", tmp_path / "model")
    found = heat(trace, [padding(tokens, {}) for tokens in trace.sequences])
    assert [(stack["name"], stack["tokens"]) for stack in found["hidden"]] == [
        ("encoder", "read"),
        ("decoder", "written"),
    ]
    assert [stack["rows"] for stack in found["hidden"]] == [["embeddings", "layer 1", "layer 2"]] * 2
    assert [(one["queries"], one["keys"]) for one in found["attention"]] == [
        ("read", "read"), ("written", "written"), ("written", "read"),
    ]  # fmt: skip
    assert len(found["sequences"][0]["written"]) == 3


def test_attention_that_is_not_between_all_tokens_is_left_out() -> None:
    trace = made()
    assert len(attentions(trace)) == 1
    window = [replace(s, values=s.values[..., :2]) if s.name.startswith("attention ") else s for s in trace.stages]
    assert attentions(replace(trace, stages=window)) == []
    assert heat(replace(trace, stages=window), [np.zeros(4)])["attention"] == []


def test_tokens_that_nobody_has_named_have_their_ids(tmp_path: Path) -> None:
    trace = replace(traced("T5", "Seq2SeqLM", tmp_path / "model"), writing=None)
    ids = np.array([[9_999_998, 9_999_999]] * 2)
    other = [Stage("decoder_input_ids", ids) if stage.name == "decoder_input_ids" else stage for stage in trace.stages]
    found = heat(replace(trace, stages=other), [padding(tokens, {}) for tokens in trace.sequences])
    assert found["sequences"][0]["written"] == ["start", "id 9999999"]
