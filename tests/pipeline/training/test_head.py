"""The head that is fitted before the first step: what it gives, when it is left alone, and a run with it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from scipy.special import expit, log_softmax, logsumexp, softmax
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from transformers import AutoModelForMaskedLM, AutoTokenizer

from luthier.arrays import FloatArray
from luthier.console import Console
from luthier.engines.averages import evaluated
from luthier.engines.base import Training
from luthier.engines.events import Events
from luthier.engines.objective import LABELS
from luthier.errors import RecipeError
from luthier.metrics.baselines.linear import ridge
from luthier.pipeline.inference.infer import evenly
from luthier.pipeline.preparation.prepare import Prepared, prepare
from luthier.pipeline.recipes import build_recipe
from luthier.pipeline.training import head
from luthier.pipeline.training.assemble import assemble
from luthier.pipeline.training.finish import finish
from luthier.pipeline.training.head import FIT_HEAD, fit_head
from luthier.run_directory.run import Run
from luthier.storage.atomic import write_json, write_text
from luthier.tasks.registry import find, refuse_unused
from tests.conftest import review, write_csv
from tests.engines.helpers import (
    ENGINES,
    loss_gap,
    prepared_data,
    run_steps,
    same_weights,
    weight_gap,
    weights,
    with_settings,
)
from tests.listener import Listener
from tests.tasks.by_hand import quick
from tests.tasks.conftest import built as built  # noqa: PLC0414  # a fixture, for this module too

FITS: dict[str, Any] = {FIT_HEAD: True}


@pytest.fixture(autouse=True)
def large_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """The features of an untrained model hardly differ, so that the weights of its head are large."""
    monkeypatch.setattr(head, "NORM", np.inf)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Prepared:
    return prepared_data(tmp_path_factory.mktemp("head"), tiny_model, n=40, **FITS)


def labelled(folder: Path, model: Path, labels: list[str], **settings: Any) -> Prepared:
    """One text for each label, all of which train."""
    rows = [{"text": review("good" if i % 2 else "bad", i), "label": label} for i, label in enumerate(labels)]
    given = {"model.name": str(model), "data.validation_share": 0.0, "data.test_share": 0.0, "model.dropout": 0.0}
    overrides = quick("text-classification") | given | FITS | settings
    return prepare(build_recipe(write_csv(folder / "labels.csv", rows), overrides, folder, Console()), Console())


def fitted(prepared: Prepared) -> tuple[Training, bool]:
    """A training at its first step, and whether it was said that its head is fitted; if not, no weight has changed."""
    training, told = assemble(prepared), Listener()
    before = weights(training.model.train())
    fit_head(prepared, training, told)
    assert training.model.training
    values = [decision.value for decision in told.decisions if decision.what == "head"]
    said = values == ["fitted"]
    assert said or values == (["not fitted"] if prepared.recipe.training.fit_head else []), "whoever asked is told"
    assert same_weights(before, weights(training.model)) is not said
    return training, said


def seen(training: Training) -> tuple[FloatArray, FloatArray, FloatArray]:
    """What a BERT gives its head, its logits, and the labels, of each training row."""
    batch, model = training.collate([*training.rows]), training.model.eval()
    with torch.inference_mode():
        hidden = model.bert(**{name: tensor for name, tensor in batch.items() if name != LABELS})
        features, labels = hidden.pooler_output, batch[LABELS]
        logits = model.classifier(features)
    return features.double().numpy(), logits.double().numpy(), labels.numpy()


def regression(n: int) -> Any:
    return make_pipeline(StandardScaler(), LogisticRegression(C=2 / n, max_iter=300))


# -- what it gives ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", ["single/one", "pair/one"])
def test_one_of_several_labels_has_the_probabilities_of_scikit_learn(
    shape: str, tmp_path: Path, tiny_model: Path
) -> None:
    training, said = fitted(prepared_data(tmp_path, tiny_model, shape, n=40, **FITS))
    features, logits, labels = seen(training)
    expected = regression(len(labels)).fit(features, labels).predict_proba(features)
    assert said and logits.shape[1] == 2
    np.testing.assert_allclose(softmax(logits, axis=1), expected, atol=1e-4)


def test_each_of_several_labels_has_the_probability_of_scikit_learn(tmp_path: Path, tiny_model: Path) -> None:
    training, said = fitted(prepared_data(tmp_path, tiny_model, "single/several", n=40, **FITS))
    features, logits, labels = seen(training)
    assert said and labels.shape == (40, 3)
    for label in range(3):
        expected = regression(40).fit(features, labels[:, label]).predict_proba(features)[:, 1]
        np.testing.assert_allclose(expit(logits[:, label]), expected, atol=1e-4)


def test_a_number_is_predicted_by_ridge_regression(tmp_path: Path, tiny_model: Path) -> None:
    training, said = fitted(prepared_data(tmp_path, tiny_model, "pair/number", n=40, **FITS))
    features, logits, labels = seen(training)
    assert said
    np.testing.assert_allclose(logits, ridge(features, labels).outputs(features), atol=1e-4)
    assert np.square(logits[:, 0] - labels).mean() < labels.var()


@pytest.mark.parametrize("shape", ["single/one", "single/several", "pair/number"])
def test_large_weights_are_made_smaller_and_answer_the_same(
    shape: str, tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared = prepared_data(tmp_path, tiny_model, shape, n=40, **FITS)
    large = fitted(prepared)[0]
    monkeypatch.setattr(head, "NORM", 1.0)
    small = fitted(prepared)[0]
    _, logits, _ = seen(large)
    _, smaller, _ = seen(small)
    assert large.model.classifier.weight.detach().norm(dim=1).mean() > 1.1
    assert small.model.classifier.weight.detach().norm(dim=1).mean().item() == pytest.approx(1, abs=1e-5)
    share = np.linalg.norm(smaller) / np.linalg.norm(logits)
    np.testing.assert_allclose(smaller, share * logits, atol=1e-3)
    assert 0 < share < 0.95


def test_a_class_of_one_row_does_no_harm(tmp_path: Path, tiny_model: Path) -> None:
    training, said = fitted(labelled(tmp_path, tiny_model, [*["good", "bad"] * 12, "rare"]))
    features, logits, labels = seen(training)
    assert said and logits.shape == (25, 3) and (labels == labels[-1]).sum() == 1
    expected = regression(25).fit(features, labels).predict_proba(features)
    np.testing.assert_allclose(softmax(logits, axis=1), expected, atol=1e-4)


@pytest.mark.parametrize("shown", [1, 8])
def test_a_class_without_rows_in_the_sample_is_as_likely_as_one_row(
    shown: int, tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also if the sample has one class only."""
    monkeypatch.setattr(head, "ROWS", shown)
    training, said = fitted(labelled(tmp_path, tiny_model, ["good", "rare", *["bad", "good"] * 12]))
    _, logits, labels = seen(training)
    sampled = evenly(len(labels), shown)
    known, rare = sorted(set(labels[sampled].tolist())), labels[1]
    assert said and len(known) == min(shown, 2) and rare not in known
    odds = logits[sampled][:, rare] - logsumexp(logits[sampled][:, known], axis=1)
    assert odds.mean() == pytest.approx(-np.log(shown), abs=1e-4)
    assert np.isfinite(log_softmax(logits, axis=1)).all()


def test_an_adapter_saves_the_fitted_head(tmp_path: Path, tiny_model: Path) -> None:
    more = {"model.adapter.kind": "lora", "model.adapter.rank": 2}
    training, said = fitted(prepared_data(tmp_path, tiny_model, n=40, **FITS, **more))
    batch = training.collate([*training.rows])
    with torch.inference_mode():
        logits = training.model.eval()(**{name: tensor for name, tensor in batch.items() if name != LABELS}).logits
    assert said and (logits.argmax(-1) == batch[LABELS]).float().mean() > 0.7
    training.model.save_pretrained(tmp_path / "adapter")
    saved = load_file(tmp_path / "adapter" / "adapter_model.safetensors")["base_model.model.classifier.weight"]
    learned = training.model.get_parameter("classifier.modules_to_save.default.weight")
    assert learned.requires_grad and torch.equal(saved, learned)


def test_the_average_of_the_weights_begins_with_the_fitted_head(data: Prepared) -> None:
    training, said = fitted(with_settings(data, training__ema_decay=0.9))
    learned = weights(training.model)
    with evaluated(training.optimizer, training.ema):
        assert said and same_weights(weights(training.model), learned)


# -- what is left alone ----------------------------------------------------------------------------------------------


def test_a_head_that_comes_with_the_checkpoint_is_left_alone(data: Prepared, tmp_path: Path) -> None:
    training, _ = fitted(data)
    training.model.save_pretrained(tmp_path / "model")
    data.task.tokenizer.save_pretrained(tmp_path / "model")
    again, said = fitted(prepared_data(tmp_path, tmp_path / "model", n=40, **FITS))
    assert not said and same_weights(weights(again.model), weights(training.model))
    other = prepared_data(tmp_path, tmp_path / "model", "single/several", n=40, **FITS)
    assert fitted(other)[1], "for other labels the head is new"


def test_a_head_without_a_bias_is_left_alone(built: Callable[[str], Path], tmp_path: Path) -> None:
    training, said = fitted(prepared_data(tmp_path, built("GPT-2"), n=40, **FITS))
    assert not said and training.model.score.bias is None


@pytest.mark.parametrize(
    "more",
    [
        {FIT_HEAD: False},
        {"model.freeze": ["classifier.*"]},
        {"model.name": None, "model.from_scratch": "tiny", "model.vocabulary_size": 300},
    ],
)
def test_a_head_is_left_alone_if_asked_frozen_or_on_a_new_model(
    more: dict[str, Any], tmp_path: Path, tiny_model: Path
) -> None:
    assert not fitted(prepared_data(tmp_path, tiny_model, n=40, **FITS | more))[1]


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"model.name": "GPT-2"}, "the head is no linear layer with a bias"),
        ({"model.freeze": ["classifier.*"]}, "it is frozen"),
        ({"model.name": None, "model.from_scratch": "tiny", "model.vocabulary_size": 300}, "a new model has no feat"),
    ],
)
def test_whoever_asks_for_a_head_that_cannot_be_fitted_is_told_why(
    more: dict[str, Any], why: str, built: Callable[[str], Path], tmp_path: Path, tiny_model: Path
) -> None:
    if more.get("model.name"):
        more = more | {"model.name": str(built(more["model.name"]))}
    asked, told, silent = prepared_data(tmp_path, tiny_model, n=20, **FITS | more), Listener(), Listener()
    fit_head(asked, assemble(asked), told)
    assert [one.value for one in told.decisions] == ["not fitted"] and told.decisions[0].why.startswith(why)
    asked.recipe.training.model_fields_set.discard("fit_head")
    fit_head(asked, assemble(asked), silent)
    assert silent.decisions == []


def test_tasks_without_such_a_head_refuse_the_setting() -> None:
    refuse_unused(find("text-classification"), "single/one", [FIT_HEAD])
    for task, shape in (("question-answering", ""), ("token-classification", "tokens")):
        with pytest.raises(RecipeError, match=rf"task {task} does not use training\.fit_head"):
            refuse_unused(find(task), shape, [FIT_HEAD])


@pytest.mark.parametrize(
    ("name", "new"), [("DistilBERT", True), ("RoBERTa", True), ("DeBERTa-v3", True), ("ModernBERT", True)]
)
def test_heads_of_other_architectures_are_found(
    name: str, new: bool, built: Callable[[str], Path], tmp_path: Path
) -> None:
    assert fitted(prepared_data(tmp_path, built(name), n=40, **FITS))[1] is new


# -- the run ---------------------------------------------------------------------------------------------------------


def test_both_engines_train_alike_from_a_fitted_head_also_in_micro_batches(tmp_path: Path, tiny_model: Path) -> None:
    model = AutoModelForMaskedLM.from_pretrained(tiny_model)
    with torch.no_grad():  # the features of an untrained model hardly differ, so the weights of its head would be large
        for weight in model.bert.encoder.parameters():
            weight *= 10 if weight.dim() == 2 else 1
    model.save_pretrained(tmp_path / "model")
    AutoTokenizer.from_pretrained(tiny_model).save_pretrained(tmp_path / "model")
    data = prepared_data(tmp_path, tmp_path / "model", n=40, **FITS)

    def fit(training: Training) -> None:
        fit_head(data, training, Console())

    loop, trainer = (run_steps(data, fit, training__engine=engine)[0] for engine in ENGINES)
    parts, _ = run_steps(data, fit, training__gradient_accumulation_steps=4)
    plain, _ = run_steps(data)
    assert loss_gap(loop, trainer) < 1e-5 and weight_gap(loop, trainer) < 1e-5
    assert loss_gap(loop, parts) < 1e-5
    assert loop.losses[0] < plain.losses[0]


def test_fitting_draws_no_random_number(data: Prepared) -> None:
    training = assemble(with_settings(data, model__dropout=0.5))
    before = torch.get_rng_state()
    fit_head(data, training, Console())
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(("event", "at"), [("step", 2), ("checkpoint", 3)])
def test_a_run_stopped_before_or_after_its_first_checkpoint_is_resumed_bit_for_bit(
    event: str, at: int, data: Prepared, tmp_path: Path
) -> None:
    settings: dict[str, Any] = {
        "training__ema_decay": 0.5,
        "training__save_strategy": "steps",
        "training__save_steps": 3,
    }
    prepared = with_settings(data, model__dropout=0.2, **settings)

    def ended(name: str, events: Events) -> Run:
        run = Run(tmp_path / name) if (tmp_path / name).exists() else Run.create(tmp_path / name)
        write_json(run.data_file, prepared.to_dict())
        write_text(run.recipe_file, prepared.recipe.to_toml())
        finish(run, prepared, events, Listener())
        return run

    def stop(happened: Any) -> None:
        if happened.step == at:
            raise KeyboardInterrupt

    events = Events()
    events.on(event, stop)
    through = ended("through", Events())
    with pytest.raises(KeyboardInterrupt):
        ended("stopped", events)
    saved = list((tmp_path / "stopped" / "checkpoints").glob("step-*"))
    assert len(saved) == (event == "checkpoint")
    resumed = ended("stopped", Events())
    assert same_weights(*(load_file(run.model / "model.safetensors") for run in (through, resumed)))
