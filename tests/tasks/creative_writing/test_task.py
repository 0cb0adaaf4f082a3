"""Creative writing from rows of prompts and stories to samples, scores, and a model of anybody's."""

import json
import math
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

import luthier
from luthier.pipeline.samples import read_samples
from luthier.run_directory.predictions import read_predictions
from luthier.tasks.creative_writing.task import CreativeWriting
from tests.tasks.by_hand import learned, quickly, run, values_of
from tests.tasks.generation.drawn import Built, stories

SAMPLING: dict[str, Any] = {
    "generation__do_sample": True,
    "generation__max_new_tokens": 8,
    "training__eval_on_start": True,
    "training__save_strategy": "epoch",
    "training__batch_size": 4,
    "data__max_length": 64,
}


@pytest.fixture(scope="module")
def written(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that samples stories at the start and after each of two epochs."""
    folder = tmp_path_factory.mktemp("stories")
    settings = SAMPLING | {"generation__temperature": 0.7, "training__keep_checkpoints": True}
    return run(folder, built("LLaMA"), stories(40), **settings)


def test_what_is_written_at_each_evaluation_is_kept(written: Path) -> None:
    samples = list(read_samples(written / "samples.jsonl"))
    steps = sorted({sample["step"] for sample in samples})
    assert len(steps) == 3 and steps[0] == 0
    assert len(samples) == 3 * 2
    rows = {step: [sample["row"] for sample in samples if sample["step"] == step] for step in steps}
    assert rows[0] == rows[steps[1]] == rows[steps[2]], "the same rows each time"
    asked = {sample["row"]: sample["asked"]["prompt"] for sample in samples}
    assert all(prompt == f"{stories(40)[row - 1]['prompt']}\n\n" for row, prompt in asked.items())
    assert len({sample["text"] for sample in samples}) > 3, "another model writes something else"


def test_the_same_run_writes_the_same(written: Path, built: Built, tmp_path: Path) -> None:
    again = run(tmp_path, built("LLaMA"), stories(40), **SAMPLING, generation__temperature=0.7)
    assert (again / "samples.jsonl").read_text() == (written / "samples.jsonl").read_text()
    both = [read_predictions(place / "predictions.parquet") for place in (again, written)]
    assert both[0] is not None and both[1] is not None
    assert both[0]["prediction"] == both[1]["prediction"]


def test_a_resumed_run_has_the_same_samples(written: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(written, copy)
    for name in ("result.json", "metrics.json", "predictions.parquet", "task.json", "report.html"):
        (copy / name).unlink()
    shutil.rmtree(copy / "model")
    newest = max(path.name for path in (copy / "checkpoints").iterdir() if path.name.startswith("step-"))
    shutil.rmtree(copy / "checkpoints" / newest)
    with quickly(tmp_path):
        luthier.resume(copy)
    assert (copy / "samples.jsonl").read_text() == (written / "samples.jsonl").read_text()
    assert (copy / "metrics.json").read_text() == (written / "metrics.json").read_text()


def test_the_settings_of_sampling_are_the_model_s_own_from_then_on(written: Path) -> None:
    saved = json.loads((written / "model" / "generation_config.json").read_text())
    wanted = {"do_sample": True, "temperature": 0.7, "top_p": 0.95, "repetition_penalty": 1.1, "max_new_tokens": 8}
    assert {key: saved[key] for key in wanted} == wanted
    tokenizer = AutoTokenizer.from_pretrained(written / "model")
    model: Any = AutoModelForCausalLM.from_pretrained(written / "model")
    prompt = str(stories(50)[45]["prompt"])
    ids = tokenizer(prompt + "\n\n", return_tensors="pt")
    torch.manual_seed(42)  # that of the recipe
    plain = str(tokenizer.decode(model.generate(**ids)[0, ids["input_ids"].shape[1] :], skip_special_tokens=True))
    assert luthier.load(written).predict([prompt])[0]["prediction"] == plain.rstrip() != ""


def test_the_scores_of_a_run_are_those_of_what_it_wrote(written: Path) -> None:
    found = json.loads((written / "metrics.json").read_text())["metrics"]
    predictions = read_predictions(written / "predictions.parquet")
    assert predictions is not None
    nll, tokens, sizes = (sum(predictions[name]) for name in ("nll", "tokens", "bytes"))
    assert sizes == sum(len(story.encode()) for story in predictions["gold"])
    assert found["perplexity"]["value"] == pytest.approx(math.exp(nll / tokens))
    assert found["bits_per_byte"]["value"] == pytest.approx(nll / math.log(2) / sizes)
    told = [story for story in predictions["prediction"] if story is not None]
    assert len(told) == 3 and found["distinct_1"]["n"] == 3
    assert all(found[name]["value"] is not None for name in ("distinct_2", "distinct_3", "repetition", "self_bleu"))


# -- scores ----------------------------------------------------------------------------------------------------------


def test_stories_are_scored_by_how_much_they_vary_and_the_loss_by_every_row() -> None:
    task, _ = learned(CreativeWriting, stories(4))
    costs = {"nll": 2.0, "tokens": 4, "bytes": 8}
    said = [{"prediction": text, **costs} for text in ("a cat sat", "a cat sat", None, "")]
    found = values_of(task, said, {})
    assert found.keys() == set(CreativeWriting.metric_names)
    assert found["distinct_1"] == 3 / 6, "one story is told twice"
    assert found["self_bleu"] == pytest.approx(1.0)
    assert found["loss"] == 0.5
    assert {metric.n for metric in task.metrics(said, {})} == {3, 4}, "an empty story was written too"


def test_without_stories_there_is_the_loss_alone() -> None:
    task, _ = learned(CreativeWriting, stories(4))
    unwritten = [{"prediction": None, "nll": 2.0, "tokens": 4, "bytes": 8}]
    assert values_of(task, unwritten, {}).keys() == {"loss", "perplexity", "bits_per_byte"}


def test_scores_of_stories_that_are_all_empty_are_no_error() -> None:
    task, _ = learned(CreativeWriting, stories(4))
    empty = [{"prediction": "", "nll": 2.0, "tokens": 4, "bytes": 8}] * 3
    assert values_of(task, empty, {}).keys() == set(CreativeWriting.metric_names)


def test_stories_are_sampled_unless_a_recipe_says_otherwise() -> None:
    sampled, _ = learned(CreativeWriting, stories(4))
    greedy, _ = learned(CreativeWriting, stories(4), generation__do_sample=False)
    assert (sampled.learned.settings.do_sample, sampled.learned.settings.top_p) == (True, 0.95)
    assert greedy.learned.settings.do_sample is False
