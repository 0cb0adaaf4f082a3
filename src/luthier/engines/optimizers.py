"""The optimizer and the schedule of the learning rate."""

from torch import nn
from torch.optim import AdamW, Optimizer
from torch.optim.lr_scheduler import LambdaLR
from transformers import get_scheduler

from luthier.errors import RecipeError
from luthier.recipe import TrainingRecipe

# Parameters of one dimension are biases and the scales and shifts of norms; decay would pull them towards 0.
_DECAYED_FROM_DIMENSIONS = 2


def make_optimizer(model: nn.Module, recipe: TrainingRecipe) -> Optimizer:
    """AdamW over the parameters that learn, with decay on matrices only (Loshchilov & Hutter 2019).

    It is fused: one pass over the memory a step, and the kernel can be told on the device to skip an update.
    """
    learning = [parameter for parameter in model.parameters() if parameter.requires_grad]
    decayed = [parameter for parameter in learning if parameter.dim() >= _DECAYED_FROM_DIMENSIONS]
    others = [parameter for parameter in learning if parameter.dim() < _DECAYED_FROM_DIMENSIONS]
    return AdamW(
        [{"params": decayed, "weight_decay": recipe.weight_decay}, {"params": others, "weight_decay": 0.0}],
        lr=recipe.learning_rate,
        betas=(recipe.adam_beta1, recipe.adam_beta2),
        eps=recipe.adam_epsilon,
        fused=True,
    )


def make_scheduler(optimizer: Optimizer, recipe: TrainingRecipe, total_steps: int) -> LambdaLR:
    """The schedule by its transformers name, with the warm-up of the recipe.

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
            hint="name only arguments that this schedule takes, such as num_cycles for cosine",
        ) from None
