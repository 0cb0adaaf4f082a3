import os
import sys
from types import ModuleType

import numpy as np
import pytest

from luthier.errors import UsageError
from luthier.metrics.bootstrap import difference, score, scores
from luthier.metrics.custom import custom_metrics, how_called, load, takes_outputs
from luthier.pipeline.inference.outputs import RawOutputs

SOURCE = """
import numpy as np

calls = []

def share(predictions, references):
    calls.append(len(references))
    return sum(p == r for p, r in zip(predictions, references)) / len(references)

def several(predictions, references):
    calls.append(len(references))
    right = np.array(predictions) == np.array(references)
    return {"right": right.mean(), "wrong": int((~right).sum())}

def compute_metrics(eval_pred):
    logits, labels = eval_pred
    assert eval_pred.predictions is logits and eval_pred.label_ids is labels
    return {"accuracy": (np.argmax(logits, axis=-1) == labels).mean()}

def fails(predictions, references):
    return {}["no such key"]

def fails_at_times(predictions, references):
    if len(set(references)) < 2:
        raise ValueError("only one class")
    return 0.5 + len(set(predictions)) / 100

def words(predictions, references):
    return "good"

def nested(predictions, references):
    return {"f1": 0.5, "by_class": [0.1, 0.9]}

def nothing(predictions, references):
    return {}

def not_a_number(predictions, references):
    return float("nan")

CONSTANT = 3
"""


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(SOURCE, encoding="utf-8")
    return str(path)


def test_a_function_of_a_file(source):
    predictions, references = ["a", "b", "b", "a"] * 10, ["a", "b", "a", "a"] * 10
    (metric,) = custom_metrics(f"{source}:share", predictions, references)
    found = score(metric)
    assert metric.name == "share"
    assert found.value == 0.75
    assert found.low < 0.75 < found.high
    assert score(metric) == found


def test_a_function_of_a_module(source, monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(str(tmp_path))
    (metric,) = custom_metrics("mine:share", np.array([0, 1]), np.array([0, 0]), resamples=0)
    assert score(metric).value == 0.5 and score(metric).low is None
    sys.modules.pop("mine")


def test_the_numbers_of_a_dict_share_their_calls(source, monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(str(tmp_path))
    metrics = custom_metrics("mine:several", np.arange(30) % 3, np.arange(30) % 2, resamples=50)
    right, wrong = scores(metrics)
    assert [m.name for m in metrics] == ["right", "wrong"]
    assert right.value == pytest.approx(1 / 3)
    assert wrong.value == 20
    assert sys.modules.pop("mine").calls == [30] * 51


def test_compute_metrics_gets_the_outputs(source):
    logits = np.array([[2.0, 1.0], [0.0, 3.0], [1.0, 0.0]])
    outputs = RawOutputs([{}] * 3)
    outputs.add(np.arange(3), [logits], [np.array([0, 1, 1])])
    (metric,) = custom_metrics(f"{source}:compute_metrics", [], [], outputs=outputs)
    assert metric.name == "accuracy"
    assert score(metric).value == pytest.approx(2 / 3)


ORDERS = """
def compute_metrics(p, *, more=1):
    return 0.5

def pair(predictions, references, more=1):
    return list(predictions) == [1, 1] and list(references) == [0, 1]

def gold_first(y_true, y_pred):
    return list(y_pred) == [1, 1] and list(y_true) == [0, 1]

def open_ended(*values):
    return len(values)

def three(a, b, c):
    return 0.5

def keyword(p, *, tokenizer):
    return 0.5

def none():
    return 0.5
"""


@pytest.mark.parametrize(
    ("name", "one", "called"),
    [
        ("compute_metrics", True, "compute_metrics(p)"),
        ("pair", False, "pair(predictions, references)"),
        ("gold_first", False, "gold_first(y_true=references, predictions)"),
        ("open_ended", False, "open_ended(predictions, references)"),
    ],
)
def test_the_arguments_decide_what_a_function_gets_and_the_decision_says_it(tmp_path, name, one, called):
    (tmp_path / "orders.py").write_text(ORDERS, encoding="utf-8")
    spec = f"{tmp_path / 'orders.py'}:{name}"
    outputs = RawOutputs([{}] * 2)
    outputs.add(np.arange(2), [np.zeros((2, 3), np.float32)], [np.array([0, 1])])
    assert takes_outputs(spec) is takes_outputs(f"{spec}:max") is one
    decision = how_called(f"{spec}:max", outputs)
    assert (decision.what, decision.value) == (f"metric {spec}", called)
    assert ("p.predictions float32 [rows, 3] and p.label_ids int64 [rows]" in decision.why) is one
    (metric,) = custom_metrics(spec, [1, 1], [0, 1], outputs=outputs, resamples=0)
    assert score(metric).value == {"compute_metrics": 0.5, "open_ended": 2}.get(name, 1)


@pytest.mark.parametrize("name", ["three", "keyword", "none"])
def test_a_function_of_other_arguments_is_refused(tmp_path, name):
    (tmp_path / "orders.py").write_text(ORDERS, encoding="utf-8")
    with pytest.raises(UsageError, match=f"{name} takes neither one argument nor two") as caught:
        takes_outputs(f"{tmp_path / 'orders.py'}:{name}")
    assert "def compute_metrics(p)" in caught.value.hint


def test_recall_of_scikit_learn_is_not_precision():
    """With the predictions first, 1/4 would come out."""
    (metric,) = custom_metrics("sklearn.metrics:recall_score", [1, 1, 1, 1], [1, 0, 0, 0], resamples=0)
    assert score(metric).value == 1


def test_a_taken_name_gets_the_module_in_front(source):
    def named(taken):
        metrics = custom_metrics(f"{source}:several", [0, 1], [0, 0], taken=taken)
        return {metric.name: score(metric).value for metric in metrics}

    assert named(["accuracy"]) == {"right": 0.5, "wrong": 1}
    assert named(["right"]) == {"mine.right": 0.5, "wrong": 1}
    assert named(["right", "mine.right"]) == {"mine.several.right": 0.5, "wrong": 1}


def test_a_file_is_run_once_for_each_of_its_versions(tmp_path):
    file = tmp_path / "loads.py"
    for number in (1, 2):
        file.write_text(f"def value(predictions, references):\n    return {number}\n", encoding="utf-8")
        os.utime(file, ns=(number, number))
        first = load(f"{file}:value")
        assert first([], []) == number
        assert load(f"{file}:value") is first


def test_two_models_are_compared_in_pairs(source):
    references = np.arange(100) % 2
    (a,) = custom_metrics(f"{source}:share", references, references)
    (b,) = custom_metrics(f"{source}:share", np.zeros(100), references)
    gap = difference(a, b)
    assert gap.value == 0.5 and gap.excludes_zero


def test_a_resample_on_which_it_fails_is_left_out(source):
    (metric,) = custom_metrics(f"{source}:fails_at_times", [0, 1, 2], [0, 1, 1])
    found = score(metric)
    assert found.value == pytest.approx(0.53)
    assert found.low is not None


def test_a_failing_function_is_named_with_its_error(source):
    with pytest.raises(UsageError, match=r"mine\.py:fails failed with KeyError: 'no such key'") as caught:
        custom_metrics(f"{source}:fails", [0], [0])
    assert isinstance(caught.value.__cause__, KeyError)
    assert caught.value.where.startswith(source) and "line" in caught.value.where


@pytest.mark.parametrize(
    ("name", "message", "where"),
    [("words", "returned str", ""), ("nested", "returned dict", "'by_class'"), ("nothing", "returned dict", "")],
)
def test_what_is_no_number_is_refused(source, name, message, where):
    with pytest.raises(UsageError, match=message) as caught:
        custom_metrics(f"{source}:{name}", [0], [0])
    assert where in caught.value.where


def test_nan_is_not_defined(source):
    (metric,) = custom_metrics(f"{source}:not_a_number", [0, 1], [0, 1])
    assert score(metric).value is None


@pytest.mark.parametrize("spec", ["accuracy", ":accuracy", "module:", ""])
def test_what_names_no_function_is_refused(spec):
    with pytest.raises(UsageError, match="does not name a metric"):
        load(spec)


def test_missing_things_are_named(source, tmp_path):
    with pytest.raises(UsageError, match="no module 'no_such_module'") as caught:
        load("no_such_module:f")
    assert "path/file.py:function" in caught.value.hint
    with pytest.raises(UsageError, match="no file"):
        load(f"{tmp_path / 'none.py'}:f")
    with pytest.raises(UsageError, match="no function 'shar'") as caught:
        load(f"{source}:shar")
    assert caught.value.hint == "did you mean 'share'?"
    with pytest.raises(UsageError, match="no function 'CONSTANT'"):
        load(f"{source}:CONSTANT")


def test_a_file_that_cannot_be_imported(tmp_path):
    (tmp_path / "broken.py").write_text("1 / 0\n", encoding="utf-8")
    with pytest.raises(UsageError, match="ZeroDivisionError") as caught:
        load(f"{tmp_path / 'broken.py'}:f")
    assert caught.value.where.endswith("broken.py, line 1")
    (tmp_path / "needs.py").write_text("import no_such_module\n", encoding="utf-8")
    with pytest.raises(UsageError, match="No module named 'no_such_module'"):
        load(f"{tmp_path / 'needs.py'}:f")


@pytest.mark.parametrize(("direction", "greater"), [("", None), (":min", False), (":max", True)])
def test_the_spec_states_the_direction_of_all_its_numbers(source, direction, greater):
    metrics = custom_metrics(f"{source}:several{direction}", [0, 1], [0, 0])
    assert [(m.name, m.greater_is_better) for m in metrics] == [("right", greater), ("wrong", greater)]
    (metric,) = custom_metrics(f"{source}:share{direction}", [0, 1], [0, 0])
    assert (metric.name, metric.greater_is_better) == ("share", greater)


def test_a_function_may_be_called_max_and_other_directions_are_refused(tmp_path, source):
    (tmp_path / "lowest.py").write_text("def max(predictions, references):\n    return 0.5\n", encoding="utf-8")
    for direction, greater in ((":min", False), ("", None)):
        (metric,) = custom_metrics(f"{tmp_path / 'lowest.py'}:max{direction}", [0], [0])
        assert (metric.name, metric.greater_is_better) == ("max", greater)
    with pytest.raises(UsageError, match="the direction of a metric is min or max, not 'lower'") as caught:
        custom_metrics(f"{source}:share:lower", [0], [0])
    assert caught.value.hint == f"write {source}:share:min or {source}:share:max"


class FakeMetric:
    def compute(self, *, predictions, references):
        return {"accuracy": float(np.mean(np.array(predictions) == np.array(references))), "f1": 0.5}


def fake_evaluate(known):
    module = ModuleType("evaluate")
    module.asked = []

    def load(*names):
        module.asked.append(names)
        if names not in known:
            raise FileNotFoundError(f"no metric {names}")
        return FakeMetric()

    module.load = load
    return module


@pytest.mark.parametrize(
    ("name", "asked"),
    [("accuracy", [("accuracy",)]), ("glue/mrpc", [("glue", "mrpc")]), ("me/mine", [("me", "mine"), ("me/mine",)])],
)
def test_evaluate(monkeypatch, name, asked):
    module = fake_evaluate({("accuracy",), ("glue", "mrpc"), ("me/mine",)})
    monkeypatch.setitem(sys.modules, "evaluate", module)
    metrics = custom_metrics(f"evaluate:{name}", [0, 1, 1, 1], [0, 1, 1, 0])
    assert [m.name for m in metrics] == ["accuracy", "f1"]
    assert score(metrics[0]).value == 0.75
    assert module.asked == asked
    directions = [custom_metrics(f"evaluate:{name}{said}", [0], [0])[1].greater_is_better for said in (":min", "")]
    assert directions == [False, None]


def test_evaluate_without_the_package_or_the_metric(monkeypatch):
    monkeypatch.setitem(sys.modules, "evaluate", None)
    with pytest.raises(UsageError, match="needs the package evaluate") as caught:
        load("evaluate:accuracy")
    assert "pip install evaluate" in caught.value.hint
    monkeypatch.setitem(sys.modules, "evaluate", fake_evaluate(set()))
    with pytest.raises(UsageError, match="evaluate cannot load 'a/b': FileNotFoundError: no metric") as caught:
        load("evaluate:a/b")
    assert isinstance(caught.value.__cause__, FileNotFoundError)
