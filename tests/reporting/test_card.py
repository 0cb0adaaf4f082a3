import ast
import re
import shutil

import pytest
import yaml
from huggingface_hub import ModelCard

from luthier.storage.atomic import write_json
from tests.reporting.words import model_card


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


HUB_TASKS = {
    "text-classification": "text-classification",
    "token-classification": "token-classification",
    "question-answering": "question-answering",
    "text-generation": "text-generation",
    "chat": "text-generation",
    "creative-writing": "text-generation",
    "summarization": "summarization",
    "translation": "translation",
    "generative-qa": "question-answering",
}


@pytest.mark.parametrize("task", HUB_TASKS)
def test_every_task_has_a_tag_and_code_on_the_hub(make_run, task):
    run = make_run(task=task)
    write_json(run.data_file, {"task": task, "shape": ""})
    write_json(run.task_file, {"task": task, "columns": {"text": "text"}, "prefix": "summarize: "})
    card = ModelCard(model_card(run))
    assert card.data.pipeline_tag == HUB_TASKS[task]
    assert {result.task_type for result in card.data.eval_results} == {HUB_TASKS[task]}
    (code,) = re.findall(r"```python\n(.*?)```", card.text, re.DOTALL)
    assert "from_pretrained(" in code or "pipeline(" in code
    ast.parse(code)


def test_metrics_are_called_what_the_hub_calls_them(make_run):
    score = {"value": 27.4, "low": 26.9, "high": 28.0, "n": 1000, "greater_is_better": True}
    metrics = {
        "loss": score | {"greater_is_better": False},
        "bleu": score,
        "chrf": score,
        "rouge1": score,
        "rougeL": score,
        "exact_match": score,
    }
    card = model_card(
        make_run(task="translation", metric_for_best="bleu", metrics=metrics, baselines={"copy": {"bleu": 5.1}})
    )
    assert ModelCard(card).data.metrics == ["loss", "sacrebleu", "chrf", "rouge", "exact_match"]
    assert "| BLEU | 27.4 (26.9-28.0) | 1,000 | 5.1 | not tested |" in card
    assert "| chrF | 27.4 (26.9-28.0) | 1,000 | no score | not tested |" in card


def test_a_model_from_scratch_says_so(make_run):
    run = make_run()
    text = run.recipe_file.read_text().replace('name = "minilm"', 'from_scratch = "tiny"\narchitecture = "llama"')
    run.recipe_file.write_text(text)
    card = model_card(run)
    assert "A new model (llama of size tiny, from scratch), trained for text-classification " in card
    assert "text-classification (single/one) with Luthier." in card
    assert "fine-tuned" not in card and ModelCard(card).data.base_model is None
