"""Questions that are answered in words: what is read, the baselines, and the scores."""

from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest

from luthier.data.records import Fault
from luthier.tasks.generative_qa.task import GenerativeQA
from tests.matrix.data import rows as drawn
from tests.tasks.by_hand import bound, learned, run, values_of
from tests.tasks.generation.drawn import Built
from tests.tasks.generation.encoder_decoders import FAST, predicted, scores_of
from tests.tasks.question_answering.squad import official_f1


def test_a_question_is_read_with_its_context_and_alone() -> None:
    task, examples = learned(GenerativeQA, drawn("generative-qa", 6))
    row = drawn("generative-qa", 6)[0]
    assert task.shape == "context"
    assert examples["text"][0] == f"question: {row['question']} context: {row['context']}"
    closed, examples = learned(GenerativeQA, [{"question": f"what is {i}", "answer": f"it is {i}"} for i in range(6)])
    assert (closed.shape, examples["text"][0], examples["target"][0]) == ("closed", "question: what is 0", "it is 0")


def test_answers_are_scored_as_by_squad(built: Built, tmp_path: Path) -> None:
    data = [{"question": f"what is it {i}", "answers": ["the cat", "a cat"] if i % 2 else ["dog"]} for i in range(60)]
    made = run(tmp_path, built("T5"), data, task="generative-qa", **FAST)
    said, scores = predicted(made), scores_of(made)
    golds = [[gold] if isinstance(gold, str) else gold for gold in said["gold"]]
    pairs = list(zip(said["prediction"], golds, strict=True))
    assert scores["f1"]["value"] == pytest.approx(np.mean([official_f1(text, gold) for text, gold in pairs]))
    exact = [any(official_f1(text, [one]) == 1 for one in gold) for text, gold in pairs]
    assert scores["exact_match"]["value"] == pytest.approx(np.mean(exact))
    assert scores["f1"]["value"] > 0


def test_the_baseline_is_the_nearest_sentence_or_the_answer_to_the_nearest_question() -> None:
    questions, known = learned(GenerativeQA, drawn("generative-qa", 9))
    said = bound(questions, Mock()).baselines(known, known)["nearest-sentence"]
    assert all(a["prediction"] in row["context"] for a, row in zip(said, drawn("generative-qa", 9), strict=True))
    data = [{"question": f"what is it {word}", "answer": word} for word in ("cat", "dog", "bird", "fish")]
    closed, known = learned(GenerativeQA, data)
    asked = {"text": ["question: it is a fish is it"]}
    assert bound(closed, Mock()).baselines(known, asked)["nearest-question"] == [{"prediction": "fish"}]


def test_a_reader_sees_question_and_context_apart() -> None:
    rows = drawn("generative-qa", 3)
    task, examples = learned(GenerativeQA, rows)
    assert task.inputs(examples) == {name: [row[name] for row in rows] for name in ("question", "context")}
    closed, examples = learned(GenerativeQA, [{"question": f"what is {i}", "answer": f"it is {i}"} for i in range(6)])
    assert closed.inputs(examples) == {"question": [f"what is {i}" for i in range(6)]}


def test_the_words_between_question_and_context_may_be_in_either() -> None:
    rows = [
        {"question": f"What does context: {i} mean?", "context": f"In context: {i} it means {i}.", "answer": f"{i}"}
        for i in range(4)
    ]
    task, examples = learned(GenerativeQA, rows)
    assert task.inputs(examples) == {name: [row[name] for row in rows] for name in ("question", "context")}
    said = bound(task, Mock()).baselines(examples, examples)["nearest-sentence"]
    assert [answer["prediction"] for answer in said] == [row["context"] for row in rows]
    by_role = task.query({"question": rows[0]["question"], "context": rows[0]["context"]})
    assert isinstance(by_role, dict)
    assert task.inputs({name: [value] for name, value in by_role.items()})["question"] == [rows[0]["question"]]


def test_metrics_are_computed_again_from_what_was_predicted() -> None:
    rows = drawn("generative-qa", 3)
    task, examples = learned(GenerativeQA, rows)
    kept = {**task.inputs(examples), "gold": task.gold(examples)}
    again = task.examples_of(kept)
    assert (again["targets"], again["target"]) == (examples["targets"], examples["target"])


def test_a_question_that_has_no_answer_cannot_be_learned() -> None:
    task, _ = learned(GenerativeQA, drawn("generative-qa", 3))
    fault = task.kind.example(task, drawn("generative-qa", 1)[0] | {"answer": []})
    assert isinstance(fault, Fault)
    assert fault.reason == "no-answer"


def test_each_way_to_answer_is_compared_with_every_right_one() -> None:
    task, examples = learned(
        GenerativeQA, [{"question": f"who {i}", "answers": ["Ada", "Ada Byron"]} for i in range(4)]
    )
    costs = {"nll": 1.0, "tokens": 1, "bytes": 3}
    said = [{"prediction": text, **costs} for text in ("ada byron.", "the Ada", "Charles", None)]
    found = values_of(task, said, examples)
    assert found["exact_match"] == found["f1"] == pytest.approx(2 / 3)
    assert found["loss"] == 1.0
