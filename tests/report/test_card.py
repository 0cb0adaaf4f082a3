import shutil

import yaml
from huggingface_hub import ModelCard

from luthier.report.card import model_card


def test_the_hub_reads_the_front_matter(make_run):
    card = ModelCard(model_card(make_run()))
    data = card.data
    assert data.library_name == "transformers" and data.pipeline_tag == "text-classification"
    assert data.metrics == ["accuracy", "f1", "matthews_correlation"]
    assert "luthier" in data.tags
    accuracy = data.eval_results[0]
    assert (accuracy.metric_type, accuracy.metric_value, accuracy.dataset_name) == ("accuracy", 0.9528, "bbc")


def test_scores_stand_with_intervals_and_baselines(make_run):
    card = model_card(make_run())
    assert "| Accuracy | 0.953 (0.933-0.971) | 445 | 0.229 | 0.926 | 0.027 (0.009-0.045) |" in card
    assert "| Matthews correlation | 0.941 (0.915-0.963) | 445 | not defined | 0.907 | 0.034 (0.011-0.057) |" in card
    assert "1,677 train, 97 validation, 445 test" in card
    assert 'pipeline("text-classification", model=".")' in card


def test_what_a_user_must_know_is_told_and_harmless(make_run):
    card = model_card(make_run())
    assert "- 3 test rows also stand in the training data." in card
    assert "<script>" not in card


def test_a_card_is_written_before_the_run_is_done(make_run, tmp_path):
    for upto in ("recipe", "data", "curves", "metrics"):
        run = make_run(upto=upto)
        card = model_card(run)
        front = yaml.safe_load(card.split("---")[1])
        assert front["library_name"] == "transformers"
        assert ("model-index" in front) == (upto == "metrics")
        shutil.rmtree(run.path)


def test_a_metric_that_is_not_defined_is_no_result(make_run):
    run = make_run(metrics={"accuracy": None}, baselines={}, differences={})
    card = model_card(run)
    assert "| Accuracy | not defined |  | not tested |" in card
    assert "model-index" not in card
