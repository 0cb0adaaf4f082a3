"""A trace in a terminal: what is shown of it, and that it fits."""

from dataclasses import replace

import numpy as np

from luthier.reporting.terminal.display import Fields, Grid, as_text
from luthier.reporting.traces.trace import Trace
from luthier.tracing.anatomy import Anatomy, Part
from luthier.tracing.decoding import Candidate, Choice, Writing
from luthier.tracing.stages import Stage
from luthier.tracing.text import Cut, Read, Tokens

LAYERS = [Part(f"bert.layer.{i}", "BertLayer", 100, 400) for i in range(3)]
PARTS = [Part("embeddings", "Embedding", 50, 200), *LAYERS, Part("head", "Linear", 0, 0, ("embeddings",))]
MODEL = Anatomy("mine", "bert", "encoder", "text-classification", [3], 4, 1, 10, 350, PARTS)


def tokens(n: int) -> Tokens:
    names = ["[CLS]", *(f"t{i}" for i in range(n - 2)), "[SEP]"]
    return Tokens(list(range(n)), names, names, [True, *[False] * (n - 2), True])


def made(n: int, writing: Writing | None = None) -> Trace:
    attention = np.full((1, 1, n, n), 0.1)
    attention[0, 0, 1, 2] = 0.9
    attention[0, 0, 0, 1] = 1.0  # of a special token, which is not shown
    stages = [
        Stage("input_ids", np.arange(n)[None]),
        Stage("attention_mask", np.ones((1, n), dtype=int)),
        Stage("embeddings", np.ones((1, n, 4)), {"norm": 2.0}),
        Stage("attention 1", attention, {"entropy": 1.5}),
        Stage("layer 1", np.full((1, n, 4), 2.0), {"norm": 4.0, "similarity": 0.5}),
        Stage("logits", np.array([[1.0, -1.0]])),
    ]
    read = Read({"text": "Some text"}, {"text": Cut("Some text", "some text", ("some", "text"))}, 7)
    answer = {"prediction": "good", "score": 0.9, "scores": {"good": 0.9, "bad": 0.1}}
    seconds = {"embeddings": 0.001, "bert.layer.0": 0.5, "bert.layer.1": 0.5, "head": 0.001}
    return Trace(MODEL, [read], [tokens(n)], stages, writing, [answer], seconds)


def test_the_stages_from_the_text_to_the_answer() -> None:
    model, parts, read, rows, layers, _, answer = made(5)._pieces()
    assert isinstance(parts, Grid) and isinstance(rows, Grid) and isinstance(layers, Grid)
    assert model == Fields(
        [("model", "mine: bert, 3 layers of width 4 with 1 attention head, 350 parameters; text-classification")]
    )
    assert parts.rows[1] == ["bert.layer.0 to bert.layer.2", "3 x BertLayer", "300", "1.2 kB", "1.0 s"]
    assert parts.rows[2][0] == "head, shared with embeddings"
    shown = [("text", "Some text"), ("normalized", "some text"), ("pieces", "some | text"), ("cut off", "7 tokens")]
    assert read == Fields(shown)
    assert rows.rows[1] == ["1", "t0", "1", "1", "2.00", "4.00"]
    assert layers.rows[1] == ["layer 1", "1 x 5 x 4", "4.00", "0.50", "1.50", "t0 to t1, head 1: 0.90"]
    assert isinstance(answer, Fields)
    assert dict(answer.values)["scores"] == "good 0.900, bad 0.100"
    assert dict(answer.values)["logits"] == "1 x 2: 1.000, -1.000"


def test_an_empty_text_is_said() -> None:
    trace = replace(made(5), inputs=[Read({"text": " "}, {"text": Cut(" ", " ", ())}, 0)])
    assert trace._pieces()[2] == Fields([("text", "(empty)")])


def test_long_sequences_fold() -> None:
    rows = made(100)._pieces()[3]
    assert isinstance(rows, Grid)
    assert [row[0] for row in rows.rows] == [*map(str, range(24)), "", *map(str, range(96, 100))]
    assert rows.rows[24][1] == "... 72 more tokens"


def test_a_model_that_writes_shows_its_choices() -> None:
    said = [Candidate(i, f"Ġw{i}", f" w{i}", 0.5 / (i + 1)) for i in range(6)]
    path = [Choice(said[1], said)]
    pieces = made(5, Writing(said, {"greedy": path, "sampled": path}, [said[:3]]))._pieces()
    lens, greedy, _, last = pieces[-4:]
    assert isinstance(lens, Grid) and isinstance(greedy, Grid) and isinstance(last, Fields)
    assert lens.rows == [["layer 1", "' w0' 50.0 %", "' w1' 25.0 %", "' w2' 16.7 %"]]
    assert greedy.rows == [["1", "' w1' 25.0 %", "' w0' 50.0 %, ' w2' 16.7 %, ' w3' 12.5 %"]]
    assert dict(last.values)["next"].startswith("' w0' 50.0 %, ' w1' 25.0 %")


def test_a_trace_fits_a_terminal() -> None:
    assert max(map(len, as_text(made(40)._pieces()).splitlines())) <= 100
