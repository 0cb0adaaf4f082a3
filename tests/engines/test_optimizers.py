"""The optimizer and the learning rate schedule: weight decay, settings, and skipped updates."""

from pathlib import Path

import pytest
import torch
from torch import nn
from transformers import AutoModelForSequenceClassification, get_scheduler
from transformers.optimization import Adafactor

from luthier.engines.optimizers import GuardedAdafactor, make_optimizer, make_scheduler
from luthier.errors import RecipeError
from luthier.recipe import TrainingRecipe


def test_decay_is_on_matrices_only(tiny_model: Path) -> None:
    model = AutoModelForSequenceClassification.from_pretrained(tiny_model)
    decayed, others = make_optimizer(model, TrainingRecipe(weight_decay=0.3)).param_groups
    assert (decayed["weight_decay"], others["weight_decay"]) == (0.3, 0.0)
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    assert {names[id(p)] for p in others["params"]} == {
        name for name in names.values() if name.endswith(".bias") or "LayerNorm" in name
    }
    assert len(decayed["params"]) + len(others["params"]) == len(names)


def test_frozen_parameters_are_not_optimized() -> None:
    model = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 2))
    model[0].requires_grad_(False)
    groups = make_optimizer(model, TrainingRecipe()).param_groups
    assert [p for group in groups for p in group["params"]] == list(model[1].parameters())


def test_adamw_has_the_settings_of_the_recipe() -> None:
    recipe = TrainingRecipe(learning_rate=3e-4, adam_beta1=0.8, adam_beta2=0.95, adam_epsilon=1e-6)
    optimizer = make_optimizer(nn.Linear(2, 2), recipe)
    assert isinstance(optimizer, torch.optim.AdamW)
    for group in optimizer.param_groups:
        assert (group["lr"], group["betas"], group["eps"]) == (3e-4, (0.8, 0.95), 1e-6)
        assert group["fused"], "a fused optimizer can skip an update without a synchronization"


def test_adafactor_is_that_of_transformers_however_small_the_gradients() -> None:
    """The gradients of a clipped model of many parameters are far below torch's usual floor."""
    torch.manual_seed(0)
    ours, theirs = torch.nn.Linear(20, 30), torch.nn.Linear(20, 30)
    theirs.load_state_dict(ours.state_dict())
    before = ours.weight.detach().clone()
    recipe = TrainingRecipe(optimizer="adafactor", learning_rate=1e-2, weight_decay=0.0)
    plain = Adafactor(
        theirs.parameters(), lr=1e-2, relative_step=False, scale_parameter=True, warmup_init=False
    )  # which is T5's (Raffel et al. 2020) with a rate of our choice
    optimizer = make_optimizer(ours, recipe)
    for _ in range(20):
        for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
            one.grad = torch.randn_like(one) * 1e-6
            other.grad = one.grad.clone()
        optimizer.step()
        plain.step()
    assert float((ours.weight.detach() - before).abs().mean()) > 1e-3
    torch.testing.assert_close(list(ours.parameters()), list(theirs.parameters()), rtol=1e-4, atol=1e-6)


def test_adafactor_skips_flagged_updates_and_then_continues() -> None:
    model = nn.Linear(4, 3)
    optimizer = make_optimizer(model, TrainingRecipe(optimizer="adafactor", learning_rate=1e-2))
    assert isinstance(optimizer, GuardedAdafactor)
    weight = model.weight.detach().clone()

    def step() -> bool:
        """Run a step; whether the weights differ from the initial ones."""
        for parameter in model.parameters():
            parameter.grad = torch.ones_like(parameter)
        optimizer.step()
        return not torch.equal(weight, model.weight)

    flag = torch.ones(())
    optimizer.found_inf = flag
    assert not step() and optimizer.found_inf is flag
    assert not step(), "the flag is still set"
    optimizer.found_inf = torch.zeros(())
    assert step()


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("linear", {}),
        ("cosine", {"num_cycles": 1.5}),
        ("cosine_with_restarts", {"num_cycles": 2.0}),
        ("polynomial", {"power": 2.0, "lr_end": 1e-5}),
        ("constant", {}),
        ("constant_with_warmup", {}),
        ("inverse_sqrt", {"timescale": 50.0}),
    ],
)
@pytest.mark.parametrize("warmup", [{"warmup_steps": 4}, {"warmup_ratio": 0.2}, {}])
def test_every_schedule_is_that_of_transformers(
    name: str, arguments: dict[str, float], warmup: dict[str, float]
) -> None:
    if name == "constant" and warmup:
        pytest.skip("refused by the recipe, see test_recipe")
    recipe = TrainingRecipe(learning_rate=3e-4, lr_scheduler_type=name, lr_scheduler_kwargs=arguments, **warmup)
    ours = make_scheduler(make_optimizer(torch.nn.Linear(2, 2), recipe), recipe, 20)
    plain = torch.optim.SGD(torch.nn.Linear(2, 2).parameters(), lr=3e-4)
    theirs = get_scheduler(
        name, plain, 4 if warmup else 0, num_training_steps=20, scheduler_specific_kwargs=arguments or None
    )
    rates = []
    for scheduler in (ours, theirs):
        found = []
        for _ in range(20):
            found.append(scheduler.get_last_lr()[0])
            scheduler.optimizer.step()
            scheduler.step()
        rates.append(found)
    assert rates[0] == rates[1]
    assert rates[0][0] == (0.0 if warmup else pytest.approx(3e-4))


@pytest.mark.parametrize(
    ("name", "arguments"), [("linear", {"cycles": 2.0}), ("polynomial", {"lr_end": 1.0}), ("cosine", {"power": 1.0})]
)
def test_a_schedule_that_cannot_be_made_is_a_fault_of_the_recipe(name: str, arguments: dict[str, float]) -> None:
    recipe = TrainingRecipe(lr_scheduler_type=name, lr_scheduler_kwargs=arguments)
    with pytest.raises(RecipeError, match=name) as caught:
        make_scheduler(make_optimizer(torch.nn.Linear(2, 2), recipe), recipe, 20)
    assert caught.value.where == "training.lr_scheduler_kwargs"
