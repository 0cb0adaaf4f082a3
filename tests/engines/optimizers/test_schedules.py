"""Learning rate schedules are those of transformers; one that follows a metric waits for evaluations."""

import pytest
import torch
from torch.optim import SGD
from torch.optim.lr_scheduler import ReduceLROnPlateau
from transformers import get_scheduler

from luthier.engines.optimizers.schedules import (
    end_with,
    make_scheduler,
    rates,
    step_after_evaluation,
    step_schedule,
    warmup_steps,
)
from luthier.errors import RecipeError
from luthier.recipe import TrainingRecipe


def test_warm_up_is_given_in_steps_or_as_a_share() -> None:
    assert warmup_steps(TrainingRecipe(warmup_steps=7), 100) == 7
    assert warmup_steps(TrainingRecipe(warmup_ratio=0.25), 50) == 12
    assert warmup_steps(TrainingRecipe(), 50) == 0


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
        ("cosine_with_min_lr", {"min_lr_rate": 0.1}),
        ("cosine_warmup_with_min_lr", {"min_lr_rate": 0.1}),
        ("warmup_stable_decay", {"num_decay_steps": 5.0, "decay_type": "linear"}),
    ],
)
@pytest.mark.parametrize("warmup", [{"warmup_steps": 4}, {"warmup_ratio": 0.2}, {}])
def test_every_schedule_is_that_of_transformers(
    name: str, arguments: dict[str, float], warmup: dict[str, float]
) -> None:
    if name == "constant" and warmup:
        pytest.skip("refused by the recipe, see test_recipe")
    recipe = TrainingRecipe(learning_rate=3e-4, lr_scheduler_type=name, lr_scheduler_kwargs=arguments, **warmup)
    ours = make_scheduler(SGD(torch.nn.Linear(2, 2).parameters(), lr=recipe.learning_rate), recipe, 20)
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
    if name != "cosine_warmup_with_min_lr":  # whose warm-up begins above 0
        assert rates[0][0] == (0.0 if warmup else pytest.approx(3e-4))


@pytest.mark.parametrize(
    ("name", "arguments"), [("linear", {"cycles": 2.0}), ("polynomial", {"lr_end": 1.0}), ("cosine", {"power": 1.0})]
)
def test_a_schedule_that_cannot_be_made_is_a_fault_of_the_recipe(name: str, arguments: dict[str, float]) -> None:
    recipe = TrainingRecipe(lr_scheduler_type=name, lr_scheduler_kwargs=arguments)
    with pytest.raises(RecipeError, match=name) as caught:
        make_scheduler(SGD(torch.nn.Linear(2, 2).parameters(), lr=recipe.learning_rate), recipe, 20)
    assert caught.value.where == "training.lr_scheduler_kwargs"


def test_the_rates_of_a_schedule_are_known_beforehand() -> None:
    assert rates(TrainingRecipe(learning_rate=1.0, warmup_steps=2), 4) == [0.0, 0.5, 1.0, 0.5]
    recipe = TrainingRecipe(lr_scheduler_type="reduce_lr_on_plateau")
    assert rates(recipe, 4) == [], "it follows a metric"


@pytest.mark.parametrize("name", ["linear", "cosine", "polynomial", "constant_with_warmup", "inverse_sqrt"])
@pytest.mark.parametrize("total", [9, 40])
def test_a_schedule_can_end_with_another_step(name: str, total: int) -> None:
    """In every group, from the step on whose rate is not yet set; also after a resume."""
    recipe = TrainingRecipe(learning_rate=3e-4, lr_scheduler_type=name, warmup_ratio=0.1)
    groups = [{"params": list(torch.nn.Linear(2, 2).parameters()), "lr": rate} for rate in (3e-4, 1e-4)]
    scheduler = make_scheduler(SGD(groups, lr=3e-4), recipe, 20)
    for step in range(8):
        if step == 5:
            end_with(scheduler, recipe, total)
            scheduler.load_state_dict(scheduler.state_dict())
        scheduler.optimizer.step()
        scheduler.step()
        expected = rates(recipe, total if step >= 5 else 20)[step + 1]
        assert scheduler.get_last_lr() == pytest.approx([expected, expected / 3])


def test_a_schedule_that_follows_a_metric_is_not_stepped_with_the_optimizer() -> None:
    optimizer = SGD(torch.nn.Linear(2, 2).parameters(), lr=0.1)
    recipe = TrainingRecipe(
        lr_scheduler_type="reduce_lr_on_plateau", lr_scheduler_kwargs={"patience": 0.0, "factor": 0.5}
    )
    scheduler = make_scheduler(optimizer, recipe, 10)
    assert isinstance(scheduler, ReduceLROnPlateau)
    for loss in (1.0, 2.0):
        step_schedule(scheduler)
        step_after_evaluation(scheduler, loss)
    assert scheduler.get_last_lr() == [0.05]
    linear = make_scheduler(optimizer, TrainingRecipe(), 10)
    before = linear.get_last_lr()
    step_after_evaluation(linear, 1.0)
    assert linear.get_last_lr() == before
    with pytest.raises(RecipeError, match="follows the validation loss"):
        TrainingRecipe.build({"lr_scheduler_type": "reduce_lr_on_plateau", "eval_strategy": "no"})
    with pytest.raises(RecipeError, match="takes no warm-up"):
        TrainingRecipe.build({"lr_scheduler_type": "reduce_lr_on_plateau", "warmup_steps": 3})
