"""The recipe's optimizer: its groups and settings, updates that are skipped, and steps that learn."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim import Optimizer
from transformers import AutoModelForSequenceClassification
from transformers.optimization import Adafactor

from luthier.engines.averages import averages, evaluated
from luthier.engines.gradients import guard
from luthier.engines.optimizers.builtin import BUILT_IN
from luthier.engines.optimizers.groups import groups_of
from luthier.engines.optimizers.make import groups_to_train, make_optimizer
from luthier.engines.optimizers.schedules import make_scheduler, rates
from luthier.errors import RecipeError
from luthier.recipe import TrainingRecipe

CPU = torch.device("cpu")
KINDS = [kind.name for kind in BUILT_IN if kind.runs_on(CPU)]


def made(model: nn.Module, **settings: Any) -> Optimizer:
    return make_optimizer(model, TrainingRecipe(**settings), CPU)


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 80), nn.Tanh(), nn.Linear(80, 80), nn.Tanh(), nn.Linear(80, 2))


def learn(model: nn.Module, optimizer: Optimizer, steps: int, start: int = 0) -> Iterator[float]:
    """Learn a fixed function of fixed inputs, and yield the losses."""
    for step in range(start, start + steps):
        inputs = torch.randn(32, 6, generator=torch.Generator().manual_seed(step))
        loss = nn.functional.mse_loss(model(inputs), inputs[:, :2].sin())
        loss.backward()
        guard(optimizer, loss.detach(), torch.tensor(1.0))
        optimizer.step()
        optimizer.zero_grad()
        yield loss.item()


def test_frozen_parameters_are_not_optimized() -> None:
    model = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 2))
    model[0].requires_grad_(False)
    assert [p for group in made(model).param_groups for p in group["params"]] == list(model[1].parameters())


def test_adamw_has_the_settings_of_the_recipe() -> None:
    optimizer = made(nn.Linear(2, 2), learning_rate=3e-4, adam_beta1=0.8, adam_beta2=0.95, adam_epsilon=1e-6)
    assert isinstance(optimizer, torch.optim.AdamW)
    for group in optimizer.param_groups:
        assert (group["lr"], group["betas"], group["eps"]) == (3e-4, (0.8, 0.95), 1e-6)
        assert group["fused"], "a fused optimizer can skip an update without a synchronization"


@pytest.mark.parametrize("name", KINDS)
def test_the_groups_that_are_printed_are_those_of_the_optimizer(name: str, tiny_model: Path) -> None:
    model = AutoModelForSequenceClassification.from_pretrained(tiny_model)
    settings: dict[str, Any] = {"optimizer": name, "layer_decay": 0.5, "head_learning_rate": 1e-3}
    printed = groups_to_train(model, TrainingRecipe(**settings))
    found = {
        group["name"]: (group["lr"], group["weight_decay"], {id(p) for p in group["params"]})
        for group in made(model, **settings).param_groups
    }
    assert found == {
        group.name: (group.learning_rate, group.weight_decay, {id(p) for p in group.parameters.values()})
        for group in printed
    }


def test_adafactor_is_that_of_transformers_however_small_the_gradients() -> None:
    """The gradients of a clipped model of many parameters are far below torch's usual floor."""
    torch.manual_seed(0)
    ours, theirs = torch.nn.Linear(20, 30), torch.nn.Linear(20, 30)
    theirs.load_state_dict(ours.state_dict())
    before = ours.weight.detach().clone()
    plain = Adafactor(
        theirs.parameters(), lr=1e-2, relative_step=False, scale_parameter=True, warmup_init=False
    )  # which is T5's (Raffel et al. 2020) with a rate of our choice
    optimizer = made(ours, optimizer="adafactor", learning_rate=1e-2, weight_decay=0.0)
    for _ in range(20):
        for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
            one.grad = torch.randn_like(one) * 1e-6
            other.grad = one.grad.clone()
        optimizer.step()
        plain.step()
    assert float((ours.weight.detach() - before).abs().mean()) > 1e-3
    torch.testing.assert_close(list(ours.parameters()), list(theirs.parameters()), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", KINDS)
def test_every_optimizer_learns(name: str) -> None:
    model = network()
    rate = {"sgd": 0.1, "lion": 1e-3, "adafactor": 0.1}.get(name, 1e-2)
    losses = list(learn(model, made(model, optimizer=name, learning_rate=rate, weight_decay=0.0), 30))
    assert sum(losses[-5:]) < 0.5 * sum(losses[:5])


@pytest.mark.parametrize("name", KINDS)
def test_no_optimizer_changes_a_weight_once_a_loss_was_not_finite(name: str) -> None:
    model = network()
    optimizer = made(model, optimizer=name, learning_rate=1e-2)
    list(learn(model, optimizer, 2))
    before = [parameter.detach().clone() for parameter in model.parameters()]
    assert not guard(optimizer, torch.tensor(float("nan")), torch.tensor(1.0))
    list(learn(model, optimizer, 2))
    assert all(torch.equal(old, new) for old, new in zip(before, model.parameters(), strict=True)), "the flag is sticky"
    optimizer.found_inf = torch.zeros(())  # type: ignore[attr-defined]
    list(learn(model, optimizer, 1))
    assert not all(torch.equal(old, new) for old, new in zip(before, model.parameters(), strict=True))


@pytest.mark.parametrize("name", KINDS)
def test_a_saved_state_continues_bit_for_bit(name: str, tmp_path: Path) -> None:
    whole = network()
    optimizer = made(whole, optimizer=name, learning_rate=1e-2)
    list(learn(whole, optimizer, 4))
    torch.save({"model": whole.state_dict(), "optimizer": optimizer.state_dict()}, tmp_path / "saved.pt")
    expected = list(learn(whole, optimizer, 4, start=4))
    saved = torch.load(tmp_path / "saved.pt", weights_only=True)
    again = network()
    resumed = made(again, optimizer=name, learning_rate=1e-2)
    again.load_state_dict(saved["model"])
    resumed.load_state_dict(saved["optimizer"])
    assert list(learn(again, resumed, 4, start=4)) == expected
    assert all(torch.equal(a, b) for a, b in zip(whole.parameters(), again.parameters(), strict=True))
    assert {group["lr"] for group in resumed.param_groups} == {1e-2}


def test_eight_bits_take_a_quarter_of_the_moments() -> None:
    def size(name: str) -> int:
        model = nn.Linear(256, 256)
        optimizer = made(model, optimizer=name)
        for parameter in model.parameters():
            parameter.grad = torch.randn_like(parameter)
        optimizer.step()
        return sum(
            v.numel() * v.element_size() for s in optimizer.state.values() for v in s.values() if torch.is_tensor(v)
        )

    assert size("adamw_8bit") < 0.3 * size("adamw")


def test_a_schedule_free_optimizer_evaluates_the_average_of_its_weights() -> None:
    model = network()
    optimizer = made(model, optimizer="adamw_schedule_free", learning_rate=1e-2)
    list(learn(model, optimizer, 5))
    training = [parameter.detach().clone() for parameter in model.parameters()]
    with evaluated(optimizer):
        assert not torch.allclose(training[0], next(iter(model.parameters())))
    torch.testing.assert_close(training, list(model.parameters()))
    assert averages(optimizer) and not averages(made(model))
    list(learn(model, optimizer, 1, start=5))


def test_the_warm_up_of_a_schedule_free_optimizer_is_that_of_its_schedule() -> None:
    """The library has a warm-up of its own; both together would square it."""
    model = network()
    settings = {"learning_rate": 1.0, "lr_scheduler_type": "constant_with_warmup", "warmup_steps": 4}
    recipe = TrainingRecipe(optimizer="adamw_schedule_free", **settings)
    optimizer = make_optimizer(model, recipe, CPU)
    scheduler, used = make_scheduler(optimizer, recipe, 10), []
    for _ in learn(model, optimizer, 6):
        used.append(optimizer.param_groups[0]["scheduled_lr"])
        scheduler.step()
    assert used == rates(recipe, 10)[:6] == [0.0, 0.25, 0.5, 0.75, 1.0, 1.0]


@pytest.mark.parametrize(
    ("settings", "what", "hint"),
    [
        ({"optimizer": "adamw_8bt"}, "no optimizer 'adamw_8bt'", "adamw_8bit"),
        ({"optimizer": "paged_adamw_8bit"}, "paged_adamw_8bit needs cuda, not cpu", "--set optimizer=adamw_8bit"),
        ({"optimizer": "sgd", "optimizer_kwargs": {"momentm": 1}}, "sgd takes no argument 'momentm'", "momentum"),
        ({"optimizer_kwargs": {"x": 1}}, "adamw takes no argument 'x'", "remove it"),
        ({"optimizer": "sgd", "optimizer_kwargs": {"momentum": -1.0}}, "sgd cannot be made: Invalid momentum", ""),
    ],
)
def test_a_setting_that_cannot_be_is_refused(settings: dict[str, Any], what: str, hint: str) -> None:
    with pytest.raises(RecipeError, match=what) as caught:
        made(nn.Linear(2, 2), **settings)
    assert caught.value.where.startswith("training.optimizer") and hint in caught.value.hint


def test_an_optimizer_that_is_not_installed_names_what_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bitsandbytes", None)
    with pytest.raises(RecipeError, match="lion is not installed") as caught:
        made(nn.Linear(2, 2), optimizer="lion")
    assert caught.value.hint == "pip install bitsandbytes (the extra optimizers brings it)"


def test_an_older_torch_lacks_muon_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(torch.optim, "Muon")
    monkeypatch.delitem(sys.modules, "luthier.engines.optimizers.muon", raising=False)
    assert isinstance(made(nn.Linear(2, 2)), torch.optim.AdamW)
    with pytest.raises(RecipeError, match="muon is not installed") as caught:
        made(nn.Linear(2, 2), optimizer="muon")
    assert caught.value.hint == "pip install 'torch>=2.9'"


def test_matrices_between_embeddings_and_head_are_muons(tiny_model: Path) -> None:
    model = AutoModelForSequenceClassification.from_pretrained(tiny_model)
    recipe = TrainingRecipe(optimizer="muon")
    groups = groups_of(model, recipe, matrices_apart=True)
    (matrices,) = [group for group in groups if group.matrices]
    assert all(p.dim() == 2 for p in matrices.parameters.values())
    assert not any("embeddings" in name or "classifier" in name for name in matrices.parameters)
    assert sum(len(group.parameters) for group in groups) == len(list(model.parameters()))
