import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.reporting import names


@pytest.mark.parametrize(
    ("name", "score", "written"),
    [
        ("accuracy", (0.95282, 0.93, 0.97), "0.953 (0.930-0.970)"),
        ("bleu", (27.413, 26.94, 28.02), "27.4 (26.9-28.0)"),
        ("chrf", (-0.04, -0.14, 0.02), "0.0 (-0.1 to 0.0)"),
        ("loss", (3.2101, 3.1, 3.3), "3.210 (3.100-3.300)"),
        ("perplexity", (28341.3, 27912.0, 28788.0), "28,300 (27,900-28,800)"),
        ("perplexity", (9.83, 9.1, 10.43), "9.8 (9.1-10.4)"),
        ("perplexity", (-412.2, -420.0, -405.4), "-412 (-420 to -405)"),
        ("perplexity", (1.0432, None, None), "1.04"),
        ("mae", (123456.7, 120012.0, 130000.0), "123,000 (120,000-130,000)"),
        ("mse", (0.00042, 0.00039, 0.00046), "0.000420 (0.000390-0.000460)"),
        ("mae", (0.0, None, None), "0.000"),
        ("f1", (None, None, None), "not defined"),
        ("f1", (0.5, math.nan, 0.6), "0.500"),
    ],
)
def test_scores_have_the_digits_that_a_reader_needs(name, score, written):
    assert names.score(name, *score) == written


@given(st.sampled_from(["perplexity", "bleu", "rmse"]), st.floats(-1e7, 1e7))
def test_a_number_is_rounded_and_nothing_else(name, value):
    shown = float(names.number(name, value).replace(",", ""))
    assert shown == pytest.approx(value, rel=0.005, abs=0.0501 if name == "bleu" else 0.000501)
    assert not names.number(name, value).startswith("-0.0") or shown < 0


def test_the_metrics_of_the_nine_tasks_have_names():
    said = {
        name: names.metric(name) for name in ("bleu", "chrf", "distinct_2", "self_bleu", "bits_per_byte", "rougeLsum")
    }
    assert list(said.values()) == ["BLEU", "chrF", "distinct-2", "self-BLEU", "bits per byte", "ROUGE-Lsum"]
    assert [names.metric(name) for name in ("exact_match", "f1_answerable", "no_answer_accuracy")] == [
        "exact match", "F1 on answerable questions", "accuracy on unanswerable questions",
    ]  # fmt: skip
    assert names.metric("f1", {"f1": "F1 of entities"}) == "F1 of entities" and names.metric("f1") == "F1"
    assert [names.capital(word) for word in ("chrF", "self-BLEU", "")] == ["chrF", "Self-BLEU", ""]


def test_averaged_metrics_are_named_by_their_average():
    assert [names.metric(name) for name in ("f1_macro", "precision_weighted", "mcc", "log_loss")] == [
        "macro F1", "weighted precision", "Matthews correlation", "log loss",
    ]  # fmt: skip
    assert names.metric("ema_f1_macro") == "macro F1 of the EMA weights"
