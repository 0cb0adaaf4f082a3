"""Setting up a training: number of steps, initial weights, precision, and the fingerprint of a run."""

import shutil
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from transformers import AutoModelForSeq2SeqLM, BertForMaskedLM

from luthier.console import Console
from luthier.data.batches import BatchPlan
from luthier.errors import ModelError, RecipeError
from luthier.pipeline.preparation.prepare import Prepared
from luthier.pipeline.training import assemble as assembling
from luthier.pipeline.training.assemble import assemble, decide_precision, fingerprint, fresh_model
from tests.engines.helpers import prepared_data, same_weights, weights, with_settings
from tests.listener import Listener
from tests.tasks.by_hand import recipe_of
from tests.tasks.conftest import built as built  # noqa: PLC0414  # a fixture, for this module too


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Prepared:
    """83 rows: 5 batches of 16 and one of 3 an epoch."""
    return prepared_data(tmp_path_factory.mktemp("assemble"), tiny_model)


@pytest.fixture(scope="module")
def from_nothing(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Prepared:
    more: dict[str, Any] = {
        "model.name": None,
        "model.from_scratch": "tiny",
        "model.vocabulary_size": 300,
        "model.dropout": 0.2,
    }
    return prepared_data(tmp_path_factory.mktemp("scratch"), tiny_model, n=20, **more)


# -- steps -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("epochs", "most", "steps"),
    [(2.0, None, 12), (0.5, None, 3), (0.01, None, 1), (1.01, None, 7), (2.0, 5, 5), (0.5, 100, 3)],
)
def test_the_number_of_steps_is_rounded_up_and_capped_at_max_steps(epochs: float, most: int | None, steps: int) -> None:
    plan = BatchPlan(np.ones(83, dtype=np.int64), 16)
    assert plan.steps_per_epoch == 6
    training = recipe_of(training__epochs=epochs, training__max_steps=most).training
    assert training.total_steps(plan.steps_per_epoch) == steps


@pytest.mark.parametrize(("planned", "most", "steps"), [(5, None, 5), (5, 3, 3), (500, None, 12)])
def test_planned_steps_are_those_of_the_training(planned: int, most: int | None, steps: int) -> None:
    settings = {"training__max_time": "10m", "training__planned_steps": planned, "training__max_steps": most}
    assert recipe_of(training__epochs=2.0, **settings).training.total_steps(6) == steps


def test_a_product_that_is_whole_but_for_rounding_is_not_rounded_up() -> None:
    plan = BatchPlan(np.ones(100, dtype=np.int64), 1)
    assert 1.1 * plan.steps_per_epoch > 110
    assert recipe_of(training__epochs=1.1).training.total_steps(plan.steps_per_epoch) == 110


@given(st.integers(1, 50), st.integers(1, 300), st.integers(1, 20))
def test_whole_epochs_have_a_whole_number_of_steps_each(epochs: int, n: int, size: int) -> None:
    plan = BatchPlan(np.ones(n, dtype=np.int64), size)
    assert recipe_of(training__epochs=epochs).training.total_steps(plan.steps_per_epoch) == epochs * -(-n // size)


# -- the training ----------------------------------------------------------------------------------------------------


def test_a_new_training_is_at_step_0_with_the_settings_of_the_recipe(data: Prepared) -> None:
    prepared = with_settings(data, training__gradient_accumulation_steps=4, training__epochs=2.0)
    training = assemble(prepared)
    assert (training.state.step, training.total_steps) == (0, 12)
    assert (training.plan.parts, training.plan.batch_size, training.plan.steps_per_epoch) == (4, 16, 6)
    assert training.device == torch.device("cpu")
    assert training.recipe is prepared.recipe.training
    assert training.model.config.use_cache is False
    batch = training.collate([training.rows[int(row)] for row in training.plan.rows(0)])
    outputs, loss = training.objective(training.model, batch)
    assert outputs.logits.shape == (16, 2) and loss is not None and loss.isfinite()


def test_the_optimizer_has_no_frozen_parameters(data: Prepared) -> None:
    training = assemble(with_settings(data, model__freeze=["bert.*"]))
    names = {id(p): name for name, p in training.model.named_parameters()}
    learning = {names[id(p)] for group in training.optimizer.param_groups for p in group["params"]}
    assert learning == {"classifier.weight", "classifier.bias"}


# -- the model -------------------------------------------------------------------------------------------------------


def test_only_the_new_head_of_a_pretrained_model_depends_on_the_seed(data: Prepared) -> None:
    torch.manual_seed(99)  # earlier draws must not matter
    first = weights(fresh_model(data))
    torch.manual_seed(7)
    assert same_weights(first, weights(fresh_model(data)))
    other = weights(fresh_model(with_settings(data, seed=7)))
    changed = {name for name in first if not torch.equal(first[name], other[name])}
    assert "classifier.weight" in changed
    assert all(name.startswith(("classifier.", "bert.pooler.")) for name in changed)


def test_all_weights_of_a_model_from_scratch_depend_on_the_seed(from_nothing: Prepared) -> None:
    model: Any = fresh_model(from_nothing)
    first = weights(model)
    assert same_weights(first, weights(fresh_model(from_nothing)))
    other = weights(fresh_model(with_settings(from_nothing, seed=7)))
    words = "bert.embeddings.word_embeddings.weight"
    assert not torch.equal(first[words], other[words])
    assert model.get_input_embeddings().num_embeddings == len(from_nothing.task.tokenizer) <= 300
    assert {module.p for module in model.modules() if isinstance(module, nn.Dropout)} == {0.2}
    assert model.config.id2label == {0: "bad", 1: "good"}


def test_a_model_with_weights_that_are_not_finite_is_refused_before_the_first_step(
    tmp_path: Path, tiny_model: Path
) -> None:
    broken = BertForMaskedLM.from_pretrained(tiny_model)
    with torch.no_grad():
        broken.bert.encoder.layer[1].output.dense.weight[0, 0] = torch.nan
    shutil.copytree(tiny_model, tmp_path / "broken")
    broken.save_pretrained(tmp_path / "broken")
    prepared = prepared_data(tmp_path, tmp_path / "broken", n=20)
    with pytest.raises(ModelError, match=r"not finite, in 1 parameter, such as .*layer\.1\.output\.dense\.weight"):
        fresh_model(prepared)


@pytest.mark.parametrize(("name", "needs_start"), [("T5", True), ("BART", True), ("mBART", False)])
def test_an_encoder_decoder_needs_a_start_token_unless_it_begins_with_a_language(
    name: str, needs_start: bool, built: Callable[[str], Path]
) -> None:
    model = AutoModelForSeq2SeqLM.from_pretrained(built(name))
    assembling._require_start(model, name)
    model.config.decoder_start_token_id = None
    with pytest.raises(ModelError, match="decoder_start_token_id") if needs_start else nullcontext():
        assembling._require_start(model, name)


def test_a_fresh_tokenizer_gets_new_embeddings_and_keeps_the_layers(tmp_path: Path, tiny_model: Path) -> None:
    more: dict[str, Any] = {"model.fresh_tokenizer": True, "model.vocabulary_size": 150}
    prepared = prepared_data(tmp_path, tiny_model, n=20, **more)
    model, before = fresh_model(prepared), fresh_model(prepared_data(tmp_path, tiny_model, n=20))
    embeddings = model.get_input_embeddings()
    assert embeddings.num_embeddings == model.config.vocab_size == len(prepared.task.tokenizer) <= 150
    assert model.config.pad_token_id == prepared.task.tokenizer.pad_token_id
    old, new = weights(before), weights(model)
    kept = [name for name in old if name.startswith("bert.encoder.")]
    assert len(kept) > 20 and all(torch.equal(old[name], new[name]) for name in kept)


# -- the precision ---------------------------------------------------------------------------------------------------


def test_automatic_precision_is_measured_and_printed(data: Prepared, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assembling, "choose", lambda device: ("bf16", f"measured on {device}"))
    prepared, told = with_settings(data, training__precision="auto"), Listener()
    prepared.decisions = []
    decide_precision(prepared, told)
    assert prepared.recipe.training.precision == "bf16"
    (decision,) = told.decisions
    assert (decision.what, decision.value, decision.why) == ("precision", "bf16", "measured on cpu")
    assert prepared.decisions == told.decisions


def test_an_explicit_precision_is_not_measured(data: Prepared, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assembling, "choose", lambda device: pytest.fail("measured"))
    prepared, told = with_settings(data, training__precision="bf16"), Listener()
    decide_precision(prepared, told)
    assert prepared.recipe.training.precision == "bf16" and told.decisions == []


def test_fp16_on_a_cpu_is_an_error_that_names_the_key(data: Prepared) -> None:
    with pytest.raises(RecipeError) as caught:
        decide_precision(with_settings(data, training__precision="fp16"), Console())
    assert caught.value.where == "training.precision"


# -- the fingerprint -------------------------------------------------------------------------------------------------


def changed_keys(one: Prepared, other: Prepared) -> set[str]:
    before, after = (fingerprint(prepared, fresh_model(prepared)) for prepared in (one, other))
    assert before.keys() == after.keys()
    return {key for key in before if before[key] != after[key]}


@pytest.mark.parametrize(
    ("setting", "value", "changed"),
    [
        ("training__learning_rate", 1e-3, {"training.learning_rate"}),
        ("seed", 7, {"seed", "initial weights"}),
        ("training__save_steps", 7, set()),
        ("evaluation__resamples", 200, set()),
        ("data__train", ["elsewhere.csv"], set()),
    ],
)
def test_the_fingerprint_covers_the_settings_that_affect_the_weights(
    data: Prepared, setting: str, value: object, changed: set[str]
) -> None:
    assert changed_keys(data, with_settings(data, **{setting: value})) == changed


def test_the_fingerprint_changes_with_the_content_of_the_data(tmp_path: Path, tiny_model: Path) -> None:
    before = prepared_data(tmp_path, tiny_model, n=20)
    assert before.sources["train"][0].digest
    after = prepared_data(tmp_path, tiny_model, n=22)  # writes the same file anew
    assert changed_keys(before, after) == {"train data"}


def test_the_fingerprint_changes_with_a_single_weight(data: Prepared) -> None:
    model: Any = fresh_model(data)
    before = fingerprint(data, model)
    with torch.no_grad():
        model.classifier.bias[1] += 1e-6
    after = fingerprint(data, model)
    assert {key for key in before if before[key] != after[key]} == {"initial weights"}
