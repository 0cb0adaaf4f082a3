"""What a trace answers, in a sentence, and the steps that lead there."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from luthier.reporting.drawing.cuts import cutting
from luthier.reporting.drawing.way import headline, plain, steps
from luthier.tracing.stages import Stage
from tests.reporting.traces.made import made, traced

SPAN = {"type": "person", "text": "Ada", "score": 0.5}


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"prediction": "good", "score": 0.99974}, "The model answers “good” with a probability above 99.9 %."),
        ({"prediction": 3.25, "score": None}, "The model answers 3.250."),
        ({"prediction": ["a", "b"], "score": 0.5}, "The model finds a, b with a probability of 50.0 %."),
        ({"prediction": [], "score": 0.0}, "The model finds nothing in this text with a probability of 0.0 %."),
        ({"prediction": "", "score": 0.6}, "The model finds no answer with a probability of 60.0 %."),
        ({"prediction": [SPAN]}, "The model finds 1 span: person “Ada” (50.0 %)."),
        (
            {"prediction": [SPAN] * 4},
            f"The model finds 4 spans: {', '.join(['person “Ada” (50.0 %)'] * 3)} and 1 more.",
        ),
    ],
)
def test_the_answer_in_a_sentence(answer: dict[str, Any], said: str) -> None:
    assert headline(replace(made(), answers=[answer])) == said


def test_a_model_that_writes(tmp_path: Path) -> None:
    trace = traced("GPT-2", "CausalLM", tmp_path / "model")
    assert headline(trace).startswith("The model writes “a film”; the most probable first token is “")
    assert headline(replace(trace, answers=[{"prediction": ""}])).startswith("The model writes nothing; ")
    assert lines(trace)["Post-processing"].startswith("softmax: a probability for each next token")


def lines(trace: Any) -> dict[str, str]:
    cuttings = [cutting(tokens, {}) for tokens in trace.sequences]
    return {step.title: "; ".join(filter(None, step.lines)) for step in steps(trace, cuttings)}


def test_the_steps_have_the_figures_of_the_text() -> None:
    found = lines(made(word="Word", unread=2))
    assert found["Text"] == "19 characters; “Word Word Word Word”"
    assert found["Tokenizer"] == "normalized, then cut into 4 pieces; 10 tokens in the vocabulary"
    assert found["Token ids"] == "1 x 4: 4 tokens, of which 1 special; 0, 1, 2, 3; 2 tokens cut off"
    assert (found["Model"], found["Logits"]) == ("bert: 2 layers, 500 parameters; 6 ms", "1 x 2: 2.000, 0.000")
    assert found["Post-processing"] == "softmax: a probability for each label"


@pytest.mark.parametrize(
    ("logits", "scores", "said"),
    [
        ([[0.0, 2.0]], {"a": 0.5, "b": 1 / (1 + np.exp(-2.0))}, "sigmoid: a probability for each label"),
        ([[0.0, 2.0]], {"a": 0.3, "b": 0.7}, "calibrated probabilities of the labels"),
        ([[3.0]], None, "none: the logit is the answer"),
        ([[[3.0, 1.0]] * 4], None, "softmax for each token: a label for each word, words joined to spans"),
    ],
)
def test_what_is_done_to_the_logits(logits: Any, scores: Any, said: str) -> None:
    trace = made()
    answer = {"prediction": "a", "score": 0.5, "scores": scores}
    other = replace(trace, stages=[*trace.stages[:-1], Stage("logits", np.array(logits))], answers=[answer])
    assert lines(other)["Post-processing"] == said


def test_an_input_is_said_as_text() -> None:
    assert [plain({"tokens": ["a", "b"]}), plain({"text": "c"}), plain({})] == ["a b", "c", ""]
