"""What a step does in both engines: the loss's weights, frozen layers, the rate, clipping, precision, stopping."""

from pathlib import Path

import pytest
import torch
from accelerate.state import GradientState
from torch import nn
from torch.distributions import Categorical, kl_divergence
from torch.nn import functional
from transformers import BertPreTrainedModel

from luthier.engines import engine_named
from luthier.engines.base import Step, Training
from luthier.errors import RecipeError
from luthier.pipeline.preparation.prepare import Prepared
from luthier.pipeline.training.assemble import assemble
from luthier.recipe import FastRecipe
from tests.engines.helpers import ENGINES, prepared_data, run_steps, same_weights, weight_gap, weights, with_settings


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Prepared:
    return prepared_data(tmp_path_factory.mktemp("data"), tiny_model, n=40)


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Prepared:
    return prepared_data(tmp_path_factory.mktemp("several"), tiny_model, "single/several", n=40)


def first_loss(prepared: Prepared, **settings: object) -> tuple[float, torch.Tensor, torch.Tensor]:
    """The loss that the loop reports for step 1, and the logits and labels it stands for, computed here."""
    settings = {"training__max_steps": 1, **settings}
    training = assemble(with_settings(prepared, **settings))
    features = training.collate([training.rows[int(row)] for row in training.plan.rows(0)])
    labels = features.pop("labels")
    with torch.no_grad():
        logits = training.model.train()(**features).logits
    return run_steps(prepared, **settings)[0].losses[0], logits, labels


def test_class_weights_and_smoothing_of_one_label(data: Prepared) -> None:
    loss, logits, labels = first_loss(
        data, training__class_weights={"good": 3.0}, training__label_smoothing=0.2, training__batch_size=8
    )
    weight = torch.tensor([1.0, 3.0])  # bad, good
    target = functional.one_hot(labels, 2) * 0.8 + 0.1
    by_hand = -(target * weight * functional.log_softmax(logits, dim=-1)).sum() / len(labels)
    assert loss == pytest.approx(float(by_hand), rel=1e-5)
    plain, _, _ = first_loss(data, training__batch_size=8)
    assert loss != pytest.approx(plain, rel=1e-2)


def test_class_weights_and_smoothing_of_several_labels(several: Prepared) -> None:
    loss, logits, labels = first_loss(
        several, training__class_weights={"odd": 2.5}, training__label_smoothing=0.2, training__batch_size=8
    )
    target = labels * 0.8 + 0.1
    each = -(target * functional.logsigmoid(logits) + (1 - target) * functional.logsigmoid(-logits))
    by_hand = (each * torch.tensor([1.0, 1.0, 2.5])).sum() / labels.numel()
    assert loss == pytest.approx(float(by_hand), rel=1e-5)


@pytest.mark.parametrize("engine", ENGINES)
def test_gradient_checkpointing_changes_no_loss(data: Prepared, engine: str) -> None:
    settings = {"training__engine": engine, "training__max_steps": 4, "model__dropout": 0.2}
    plain, _ = run_steps(data, **settings)
    saving, training = run_steps(data, training__gradient_checkpointing=True, **settings)
    assert any(getattr(module, "gradient_checkpointing", False) for module in training.model.modules())
    assert saving.losses == pytest.approx(plain.losses, rel=1e-6)
    assert all(torch.allclose(plain.weights[name], saving.weights[name], atol=1e-6) for name in plain.weights)


def test_a_model_without_gradient_checkpointing_is_refused(data: Prepared, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BertPreTrainedModel, "supports_gradient_checkpointing", False)
    with pytest.raises(RecipeError, match="BertForSequenceClassification does not support gradient checkpointing"):
        assemble(with_settings(data, training__gradient_checkpointing=True))


def test_neftune_is_noise_on_the_embeddings_in_training_only(data: Prepared) -> None:
    settings = {"training__max_steps": 3}
    plain, _ = run_steps(data, **settings)
    noisy, training = run_steps(data, training__neftune_noise_alpha=5.0, **settings)
    other, _ = run_steps(data, training__neftune_noise_alpha=5.0, training__engine="trainer", **settings)
    assert noisy.losses == pytest.approx(other.losses, rel=1e-6), "both engines draw the same noise"
    assert abs(noisy.losses[0] - plain.losses[0]) > 1e-4
    embeddings = training.model.get_input_embeddings().eval()
    ids = torch.tensor([[1, 2, 3]])
    assert torch.equal(embeddings(ids), embeddings.weight[ids])
    assert not torch.equal(embeddings.train()(ids), embeddings.weight[ids])
    assert noisy.weights.keys() == plain.weights.keys(), "nothing of it is saved"


PLAIN = {f"fast__{part}": False for part in FastRecipe.model_fields}
R_DROP = {"training__r_drop_alpha": 0.7, "model__dropout": 0.3}


def test_r_drop_is_the_mean_loss_of_two_passes_and_their_weighted_divergence(data: Prepared) -> None:
    training = assemble(with_settings(data, **R_DROP, **PLAIN))
    features = training.collate([training.rows[int(row)] for row in training.plan.rows(0)])
    labels = features.pop("labels")
    with torch.no_grad():
        logits = training.model.train()(**{name: torch.cat([one, one]) for name, one in features.items()}).logits
    loss = functional.cross_entropy(logits, torch.cat([labels, labels]))
    p, q = (Categorical(logits=half) for half in logits.chunk(2))
    loss += 0.7 * (kl_divergence(p, q) + kl_divergence(q, p)).mean() / 2
    assert run_steps(data, training__max_steps=1, **R_DROP, **PLAIN)[0].losses == [pytest.approx(float(loss), rel=1e-5)]


def test_both_engines_take_the_same_steps_with_r_drop(data: Prepared) -> None:
    one, other = (run_steps(data, training__engine=engine, training__max_steps=6, **R_DROP)[0] for engine in ENGINES)
    assert other.losses == pytest.approx(one.losses, rel=1e-6) and weight_gap(one, other) <= 1e-6
    assert one.losses != run_steps(data, training__max_steps=6, model__dropout=0.3)[0].losses


def _without_dropout(training: Training) -> None:
    """As R-Drop is refused without dropout, it is switched off afterwards."""
    training.model.double()
    for module in training.model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0


def _with_another_second_pass(training: Training) -> None:
    """In place of dropout, which draws other numbers for other micro-batches."""

    def change(module: nn.Module, inputs: object, logits: torch.Tensor) -> torch.Tensor:
        first, second = logits.chunk(2)
        return torch.cat([first, 3 * second])

    _without_dropout(training)
    training.model.classifier.register_forward_hook(change)


def test_r_drop_of_equal_passes_is_the_plain_loss(data: Prepared) -> None:
    plain, _ = run_steps(data, lambda training: training.model.double(), training__max_steps=6)
    for engine in ENGINES:
        found, _ = run_steps(data, _without_dropout, training__engine=engine, training__max_steps=6, **R_DROP)
        assert found.losses == pytest.approx(plain.losses, rel=1e-6) and weight_gap(plain, found) <= 1e-6


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("shape", ["one", "several"])
def test_r_drop_is_the_same_in_one_micro_batch_and_in_three(
    data: Prepared, several: Prepared, shape: str, engine: str
) -> None:
    prepared = {"one": data, "several": several}[shape]
    settings = {"training__engine": engine, "training__max_steps": 6, **R_DROP}
    whole, _ = run_steps(prepared, _with_another_second_pass, **settings)
    parts, _ = run_steps(prepared, _with_another_second_pass, training__gradient_accumulation_steps=3, **settings)
    assert parts.losses == pytest.approx(whole.losses, rel=1e-6) and weight_gap(whole, parts) <= 1e-6
    settings["training__r_drop_alpha"] = 0.1
    assert run_steps(prepared, _with_another_second_pass, **settings)[0].losses[0] < whole.losses[0]


def test_r_drop_without_any_dropout_is_refused(data: Prepared) -> None:
    with pytest.raises(RecipeError, match="the model has no dropout") as caught:
        assemble(with_settings(data, training__r_drop_alpha=1.0))
    assert (caught.value.where, caught.value.hint) == ("training.r_drop_alpha", "--set dropout=0.1")
    assemble(with_settings(data, training__r_drop_alpha=1.0, training__neftune_noise_alpha=5.0))  # noise differs too


@pytest.mark.parametrize("engine", ENGINES)
def test_frozen_parameters_stay_as_they_are_bit_for_bit(data: Prepared, engine: str) -> None:
    before: dict[str, torch.Tensor] = {}
    trace, training = run_steps(
        data,
        lambda training: before.update(weights(training.model)),
        model__freeze=["bert.embeddings.*", "*.layer.0.*"],
        training__engine=engine,
        training__max_steps=5,
        training__learning_rate=1e-2,
    )
    frozen = [name for name in before if name.startswith("bert.embeddings.") or ".layer.0." in name]
    moved = [name for name, parameter in training.model.named_parameters() if name not in frozen]
    assert len(frozen) >= 20 and len(moved) >= 15
    assert all(torch.equal(before[name], trace.weights[name]) for name in frozen)
    assert all(not torch.equal(before[name], trace.weights[name]) for name in moved)
    learning = {id(p) for group in training.optimizer.param_groups for p in group["params"]}
    assert len(learning) == len(moved)


@pytest.mark.parametrize("engine", ENGINES)
def test_the_rate_of_a_step_is_the_one_that_its_update_used(data: Prepared, engine: str) -> None:
    used: list[float] = []

    def spy(training: Training) -> None:
        training.optimizer.register_step_pre_hook(lambda opt, *_: used.append(opt.param_groups[0]["lr"]))

    trace, _ = run_steps(data, spy, training__engine=engine, training__max_steps=6, training__warmup_steps=2)
    assert trace.rates == used
    assert trace.rates[0] == 0.0 and trace.rates[2] == pytest.approx(5e-5) and trace.rates[3] < trace.rates[2]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("parts", [1, 3])
def test_gradients_are_clipped_before_the_update_and_the_norm_before_clipping_is_told(
    data: Prepared, engine: str, parts: int
) -> None:
    clipped: list[float] = []

    def spy(training: Training) -> None:
        def note(*_: object) -> None:
            gradients = [p.grad for p in training.model.parameters() if p.grad is not None]
            clipped.append(float(torch.nn.utils.get_total_norm(gradients)))

        training.optimizer.register_step_post_hook(note)  # a fused optimizer clips within its step

    trace, _ = run_steps(
        data,
        spy,
        training__engine=engine,
        training__max_steps=4,
        training__max_grad_norm=0.05,
        training__gradient_accumulation_steps=parts,
    )
    assert sum(norm > 0.05 for norm in trace.norms) >= 3, "nothing was there to clip"
    assert clipped == pytest.approx([min(norm, 0.05) for norm in trace.norms], rel=1e-4)
    free, _ = run_steps(data, training__engine=engine, training__max_steps=1, training__max_grad_norm=100.0)
    assert free.norms[0] == pytest.approx(trace.norms[0], rel=1e-4)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_run_in_another_precision_may_follow_in_the_same_process(data: Prepared, engine: str) -> None:
    full, _ = run_steps(data, training__engine=engine, training__max_steps=3)
    half, _ = run_steps(data, training__engine=engine, training__max_steps=3, training__precision="bf16")
    again, _ = run_steps(data, training__engine=engine, training__max_steps=3)
    assert same_weights(full.weights, again.weights)
    assert half.losses != full.losses
    assert half.losses == pytest.approx(full.losses, rel=0.05)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_run_that_broke_off_inside_a_step_leaves_the_next_one_alone(data: Prepared, engine: str) -> None:
    """accelerate keeps for the whole process whether gradients are due; False would make every update do nothing."""
    reference, _ = run_steps(data, training__engine=engine, training__max_steps=3)
    GradientState()._set_sync_gradients(False)
    after, _ = run_steps(data, training__engine=engine, training__max_steps=3)
    assert same_weights(reference.weights, after.weights)


@pytest.mark.parametrize("engine", ENGINES)
def test_an_engine_stops_when_it_is_asked_to(data: Prepared, engine: str) -> None:
    training = assemble(with_settings(data, training__engine=engine, training__max_steps=6))
    seen: list[int] = []

    def on_step(step: Step) -> bool:
        seen.append(step.step)
        return step.step == 2

    engine_named(engine)(training, on_step)
    assert seen == [1, 2] and training.state.step == 2
    engine_named(engine)(training, lambda step: bool(seen.append(step.step)))
    assert seen == [1, 2, 3, 4, 5, 6] and training.state.step == 6


@pytest.mark.parametrize("engine", ENGINES)
def test_tokens_of_a_step_are_counted_with_and_without_padding(data: Prepared, engine: str) -> None:
    settings = {"training__engine": engine, "training__gradient_accumulation_steps": 2, "training__max_steps": 3}
    _, training = run_steps(data, training__batch_size=40, training__epochs=9.0, **settings)
    lengths = sorted(training.plan.lengths.tolist())
    assert training.state.tokens == 3 * sum(lengths)
    assert training.state.padded_tokens == 3 * 20 * (lengths[19] + lengths[39])
