import itertools

import pytest

from luthier.reporting.headline import headline
from luthier.reporting.verdict import strongest
from luthier.storage.atomic import write_json
from tests.reporting.conftest import build_run, cut_short
from tests.reporting.words import read_content


def entry(value, low, high, n=100, better=True):
    return {"value": value, "low": low, "high": high, "n": n, "split": "test", "greater_is_better": better}


TRANSLATION = {
    "task": "translation",
    "metric_for_best": "loss",
    "metrics": {
        "loss": entry(2.1, 2.05, 2.15, 1000, better=False),
        "bleu": entry(27.4, 26.1, 28.9),
        "chrf": entry(51.0, 50.0, 52.0),
    },
    "baselines": {"copy": {"bleu": 5.1, "chrf": 16.2}},
    "differences": {"copy": {"bleu": {"value": 22.3, "low": 21.0, "high": 23.6}}},
}
UNTUNED = {"untuned": {"loss": 2.6, "bleu": 20.0, "chrf": 45.0}}


@pytest.fixture
def said(tmp_path):
    """The headline of a run with such metrics."""
    fresh = itertools.count()

    def headlined(**metrics):
        run = build_run(tmp_path / f"run {next(fresh)}", upto="metrics", **metrics)
        return headline(read_content(run))

    return headlined


def test_where_the_main_metric_has_no_baseline_the_first_that_has_one_is_judged(said):
    found = said(**TRANSLATION)
    assert found.sentence == (
        "BLEU 27.4 (26.1-28.9) on 100 test rows, 22.3 (21.0-23.6) above copying the source: significant (95 %)."
    )
    assert found.notes == ("Loss 2.100 (2.050-2.150) on 1,000 test rows.",) and found.tone == "good"


def test_less_is_better_for_a_loss_and_every_baseline_is_heard(said):
    differences = {"untuned": {"loss": {"value": -0.5, "low": -0.56, "high": -0.44}}, **TRANSLATION["differences"]}
    found = said(**TRANSLATION | {"baselines": TRANSLATION["baselines"] | UNTUNED, "differences": differences})
    assert found.sentence == (
        "Loss 2.100 (2.050-2.150) on 1,000 test rows, 0.500 (0.440-0.560) below the model before fine-tuning: "
        "significant (95 %)."
    )
    assert found.notes == (
        "BLEU 27.4 (26.1-28.9) on 100 test rows, 22.3 (21.0-23.6) above copying the source: significant (95 %).",
    )
    assert found.tone == "good"


def test_a_baseline_that_is_better_is_said_first_on_whatever_metric(said):
    differences = {
        "untuned": {"loss": {"value": -0.5, "low": -0.56, "high": -0.44}},
        "copy": {"bleu": {"value": -2.0, "low": -2.5, "high": -1.5}},
    }
    found = said(**TRANSLATION | {"baselines": TRANSLATION["baselines"] | UNTUNED, "differences": differences})
    assert found.sentence.startswith(
        "Copying the source is significantly better: BLEU 5.1 against this model's 27.4 (26.1-28.9) on 100 test rows,"
    )
    assert found.notes[0].startswith("Loss 2.100") and found.tone == "bad"
    worse = {"untuned": {"loss": {"value": 0.5, "low": 0.4, "high": 0.6}}}
    found = said(**TRANSLATION | {"baselines": UNTUNED, "differences": worse})
    assert found.sentence == (
        "The model before fine-tuning is significantly better: loss 2.600 against this model's 2.100 (2.050-2.150) on "
        "1,000 test rows, a difference of 0.500 (0.400-0.600); fine-tuning did not pay off in this run."
    )


def test_of_several_baselines_the_one_with_the_lowest_loss_is_the_strongest(said):
    baselines = {"trigram": {"loss": 2.3, "perplexity": 9.97}, "untuned": {"loss": 2.6, "perplexity": 13.5}}
    found = said(
        task="chat",
        metric_for_best="loss",
        metrics={
            "loss": entry(2.1, 2.0, 2.2, better=False),
            "perplexity": entry(8.2, 7.4, 9.0, better=False),
            "rougeL": entry(0.2, 0.1, 0.3),
        },
        baselines=baselines,
        differences={"trigram": {"loss": {"value": -0.2, "low": -0.45, "high": 0.05}}},
    )
    assert found.sentence == (
        "Not significantly better than a trigram model: loss 2.100 (2.000-2.200) on 100 test rows against 2.300, "
        "a difference of -0.200 (-0.450 to 0.050)."
    )
    assert found.notes == () and found.tone == "bad"


def test_without_a_direction_no_baseline_is_said_to_be_beaten(said):
    metrics = {"f1": entry(0.5, 0.4, 0.6), "wer": entry(0.2, 0.1, 0.3, better=None)}
    baselines = {"copy": {"f1": 0.3, "wer": 0.6}}
    differences = {"copy": {"wer": {"value": -0.4, "low": -0.5, "high": -0.3}}}
    found = said(metric_for_best="wer", metrics=metrics, baselines=baselines, differences=differences)
    assert found.tone == "open" and "significant" not in found.sentence


def test_only_a_model_that_beats_no_baseline_gets_advice(make_run, tmp_path):
    worse = {"tfidf": {"accuracy": {"value": -0.05, "low": -0.08, "high": -0.02}}}
    run = cut_short(make_run(differences=worse))
    assert headline(read_content(run)).advice.command == f"luthier train {run.recipe_file} --epochs 9"
    assert headline(read_content(cut_short(build_run(tmp_path / "better")))).advice is None


def test_entities_are_called_so(said):
    found = said(
        task="token-classification",
        metric_for_best="f1",
        metrics={"f1": entry(0.5, 0.4, 0.6)},
        baselines={"tag-dictionary": {"f1": 0.2}},
        differences={"tag-dictionary": {"f1": {"value": 0.3, "low": 0.2, "high": 0.4}}},
    )
    assert found.sentence.startswith("F1 of entities 0.500 (0.400-0.600) on 100 test rows, 0.300 (0.200-0.400) above")


def test_a_run_that_held_nothing_out_is_done_all_the_same(make_run):
    run = make_run()
    run.metrics_file.unlink()
    assert headline(read_content(run)).sentence.startswith(
        "The run is complete but has no score: no rows were held out"
    )


def test_a_run_without_validation_has_no_curve_to_name(make_run):
    run = make_run(upto="data")
    write_json(run.data_file, {"task": "summarization", "labels": {}, "label_counts": {"train": {}}})
    assert headline(read_content(run)).sentence == "The run stopped before its first step and has no final score."


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
