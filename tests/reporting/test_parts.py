import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.reporting import names
from luthier.reporting.drawing.confusions import arrange
from luthier.reporting.drawing.intervals import EDGE, WIDTH, Scale, mark
from luthier.reporting.headline import strongest
from luthier.reporting.panels import Confusion, Score
from luthier.tasks.registry import find
from tests.reporting.words import task_of

finite = st.floats(-1e6, 1e6, allow_nan=False)


@given(
    st.integers(1, 20).flatmap(
        lambda n: st.lists(st.lists(st.integers(0, 30), min_size=n, max_size=n), min_size=n, max_size=n)
    )
)
def test_an_arranged_matrix_keeps_every_row(counts):
    n = len(counts)
    found = arrange(Confusion([f"c{i}" for i in range(n)], counts))
    assert found.total == sum(map(sum, counts))
    assert found.errors == found.total - sum(counts[i][i] for i in range(n))
    for label, row in zip(found.labels, found.rows, strict=True):
        assert sum(cell.count for cell in row) == sum(counts[int(label[1:])])
        shares = [cell.share for cell in row if cell.share is not None]
        assert not shares or sum(shares) == pytest.approx(1)
    assert len(found.labels) + found.hidden == n
    sizes = [pair.count for pair in found.pairs]
    assert sizes == sorted(sizes, reverse=True) and all(sizes)


@given(st.lists(finite, min_size=1, max_size=20))
def test_a_scale_holds_its_values(values):
    scale = Scale.over(values)
    slack = 1e-6 * max(1.0, abs(scale.low), abs(scale.high))
    assert scale.low - slack <= min(values) <= max(values) <= scale.high + slack
    assert all(EDGE <= scale.at(value) <= WIDTH - EDGE for value in values)


def test_a_drawing():
    scale = Scale(0.0, 1.0)
    assert mark(scale, Score(None)) is None
    drawn = mark(scale, Score(0.5, 0.25, 0.75), [0.0, None])
    assert drawn is not None
    assert (drawn.dot, drawn.low, drawn.high, drawn.ticks) == (60.0, 32.0, 88.0, (4.0,))
    assert mark(scale, Score(0.5)).low is None
    assert Scale.over([0.903, 0.971]).ends == ("0.90", "0.98")
    assert Scale.over([None]) == scale


def test_the_strongest_baseline_is_the_one_that_is_hardest_to_beat():
    metrics = {
        "metrics": {"accuracy": {"greater_is_better": True}, "rmse": {"greater_is_better": False}},
        "baselines": {"a": {"accuracy": 0.3, "rmse": 2.0}, "b": {"accuracy": 0.2, "rmse": 1.0}, "c": None},
    }
    assert strongest(metrics, "accuracy") == "a"
    assert strongest(metrics, "rmse") == "b"
    assert strongest(metrics, "f1") is None
    assert strongest(metrics | {"metrics": {"rmse": {"greater_is_better": True}}}, "rmse") == "a"
    assert strongest(metrics | {"metrics": {"rmse": {"greater_is_better": None}}}, "rmse") is None


@pytest.mark.parametrize(
    "task",
    ["text-classification", "token-classification", "question-answering", "text-generation", "chat", "creative-writing",
     "summarization", "translation", "generative-qa"],
)  # fmt: skip
@pytest.mark.parametrize("shape", ["single/one", "pair/several", "single/number", ""])
def test_code_to_copy_is_code(task, shape, tmp_path):
    if shape and shape not in find(task).shapes:
        shape = ""
    found = task_of(task, shape).words(tmp_path / 'odd "name"').snippets
    for snippet in found:
        if snippet.language == "python":
            ast.parse(snippet.code)
    assert found[-1].code.startswith("luthier predict '")
    assert task_of(task, shape).words(tmp_path).hub_tag


def test_what_comes_next_fits_the_task(tmp_path):
    assert task_of("chat").words(tmp_path).next_command == f"luthier chat {tmp_path}"
    assert (
        task_of("text-classification", "single/one").words(tmp_path).next_command
        == f"luthier predict {tmp_path} 'one text'"
    )
    question = f"luthier predict {tmp_path} 'Who wrote the letter?' --pair 'Anna wrote the letter on Monday.'"
    assert task_of("question-answering", "answerable").words(tmp_path).next_command == question


def test_averaged_metrics_are_named_by_their_average():
    assert [names.metric(name) for name in ("f1_macro", "precision_weighted", "mcc", "log_loss")] == [
        "macro F1", "weighted precision", "Matthews correlation", "log loss",
    ]  # fmt: skip


def code_of(shape):
    task = task_of("text-classification", shape)
    return task.kind.transformers_code(task, "m")


def test_code_follows_the_shape_of_the_rows():
    assert "text_pair" in code_of("pair/one")
    assert 'function_to_apply="sigmoid"' in code_of("single/several")
    assert 'function_to_apply="none"' in code_of("single/number")
