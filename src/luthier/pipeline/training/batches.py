"""The batches of a recipe: the rows of each optimizer step."""

from luthier import processes
from luthier.arrays import IntArray
from luthier.data.batches import BatchPlan
from luthier.errors import RecipeError
from luthier.findings import Decision
from luthier.recipe import Recipe
from luthier.text import count, plural


def plan_of(recipe: Recipe, lengths: IntArray) -> BatchPlan:
    """The rows of each optimizer step.

    Args:
        recipe: Its batch size is decided.
        lengths: `[rows]` tokens of each training row.
    """
    training = recipe.training
    return BatchPlan(
        lengths,
        training.batch_size,
        training.gradient_accumulation_steps,
        recipe.seed,
        training.length_grouping,
        processes.rank(),
        processes.count(),
        training.tokens_per_batch,
    )


def decide_tokens(recipe: Recipe, lengths: IntArray) -> list[Decision]:
    """Check a recipe's token budget, if it has one, and say what it makes of the training rows; arguments as above.

    Raises:
        RecipeError: A row is longer than the budget.
    """
    tokens, longest = recipe.training.tokens_per_batch, int(lengths.max())
    if tokens is None:
        return []
    if longest > tokens:
        over = int((lengths > tokens).sum())
        raise RecipeError(
            f"tokens_per_batch is {count(tokens)}, but {count(over)} of {plural(len(lengths), 'training row')} are"
            f" longer; the longest has {plural(longest, 'token')}",
            where="training.tokens_per_batch",
            hint=f"--tokens-per-batch {longest} or more, or shorter rows with --set max_length={tokens}",
        )
    plan = plan_of(recipe, lengths)
    sizes = [len(plan.rows(step)) for step in range(plan.steps_per_epoch)]
    few, most = min(sizes), max(sizes)
    rows = f"{count(few)} to {plural(most, 'row')}" if few < most else plural(most, "row")
    steps = plural(len(sizes), "step")
    why = f"{steps} per epoch, {rows} each; other batches than --batch-size makes, and so other losses"
    return [Decision("tokens per batch", f"{count(tokens)} with padding", why)]
