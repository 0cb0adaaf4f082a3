"""The optimizer and the learning rate schedule."""

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn
from torch.optim import Adafactor, AdamW, Optimizer
from torch.optim.lr_scheduler import LambdaLR
from transformers import get_scheduler

from luthier.errors import RecipeError
from luthier.recipe import TrainingRecipe

# One-dimensional parameters are biases and the weights of norms; decay would pull them towards 0.
_DECAYED_FROM_DIMENSIONS = 2


def make_optimizer(model: nn.Module, recipe: TrainingRecipe) -> Optimizer:
    """The recipe's optimizer over the trainable parameters, with weight decay on matrices only.

    AdamW (Loshchilov & Hutter 2019) is fused: one pass over memory per step, and a flag on the device makes the kernel
    skip an update.
    """
    learning = [parameter for parameter in model.parameters() if parameter.requires_grad]
    groups = [
        {"params": [p for p in learning if p.dim() >= _DECAYED_FROM_DIMENSIONS], "weight_decay": recipe.weight_decay},
        {"params": [p for p in learning if p.dim() < _DECAYED_FROM_DIMENSIONS], "weight_decay": 0.0},
    ]
    if recipe.optimizer == "adafactor":
        # Torch's default for the first eps, 1.2e-7, is larger than the mean squared gradient of a clipped model.
        return GuardedAdafactor(groups, lr=recipe.learning_rate, eps=(1e-15, 1e-3))
    return AdamW(
        groups,
        lr=recipe.learning_rate,
        betas=(recipe.adam_beta1, recipe.adam_beta2),
        eps=recipe.adam_epsilon,
        fused=True,
    )


class GuardedAdafactor(Adafactor):
    """Adafactor (Shazeer & Stern 2018) that makes no update while `found_inf` is set, as fused optimizers do.

    It updates each matrix in proportion to the size of its values; its only moments are the row and column means of the
    squared gradients. Torch has no fused kernel for it, so each step waits for the device to read the flag.
    """

    found_inf: Tensor | None = None

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        flag, self.found_inf = self.found_inf, None  # torch's Adafactor raises if the flag is set
        try:
            return None if flag is not None and flag.item() else super().step(closure)  # type: ignore[no-untyped-call]
        finally:
            self.found_inf = flag


def make_scheduler(optimizer: Optimizer, recipe: TrainingRecipe, total_steps: int) -> LambdaLR:
    """The recipe's learning rate schedule, by its transformers name, with warm-up.

    Raises:
        RecipeError: The schedule does not take the recipe's `lr_scheduler_kwargs`.
    """
    warmup = recipe.warmup_steps or round(recipe.warmup_ratio * total_steps)
    try:
        return get_scheduler(
            recipe.lr_scheduler_type,
            optimizer,
            num_warmup_steps=warmup,
            num_training_steps=total_steps,
            scheduler_specific_kwargs=dict(recipe.lr_scheduler_kwargs),
        )
    except (TypeError, ValueError) as error:
        raise RecipeError(
            f"the schedule {recipe.lr_scheduler_type} cannot be made: {error}",
            where="training.lr_scheduler_kwargs",
            hint="use only arguments of this schedule, such as num_cycles for cosine",
        ) from None
