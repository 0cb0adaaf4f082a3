"""A complete run whose recipe was edited since: its result is no answer to the new recipe."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from luthier.errors import FingerprintError
from luthier.recipe import Recipe
from luthier.run_directory.run import Run
from luthier.text import typed

MOST_SHOWN = 5
# With another value of these, rows that the run's model was trained on could be held out, or it may not fit the data.
DECIDE_ROWS = ("seed", "task", "data.", "model.")


def refuse_edited(run: Run) -> None:
    """Check that the recipe of a complete run is the one that its result was computed with.

    Raises:
        FingerprintError: The recipe was edited; the hint has the commands that follow the new one.
    """
    then = run.read_json(run.settings_file) or {}
    now = json.loads(json.dumps(_decisive(run.recipe)))
    changed = [key for key in sorted(then.keys() & now.keys()) if then[key] != now[key]]
    if changed:
        shown = "; ".join(f"{key}: {then[key]} -> {now[key]}" for key in changed[:MOST_SHOWN])
        raise FingerprintError(
            f"the run is complete, but its recipe has been edited since: {shown}",
            where=str(run.recipe_file),
            hint=f"{_commands(run, changed, then, now)}, or undo the edit",
        )


def _decisive(recipe: Recipe) -> dict[str, Any]:
    """The settings that the result depends on: those of the weights, and all of the evaluation."""
    scored = {key: value for key, value in recipe.flatten().items() if key.startswith("evaluation.")}
    # A saved tokenizer may have moved; a kind to train decides the tokens.
    trained = {} if recipe.model.saved_tokenizer else {"model.tokenizer": recipe.model.tokenizer}
    return recipe.flatten(may_change=False) | scored | trained


def _commands(run: Run, changed: Sequence[str], then: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """How to follow the edited recipe: from the run's model, where that is possible, or from the start."""
    start = f"luthier train {typed(run.recipe_file)}"
    more = _more(run, changed, then, now)
    if more is None or any(key.startswith(DECIDE_ROWS) for key in changed):
        return f"`{start}` trains anew"
    renewed = " --set fresh_tokenizer=false" if now["model.fresh_tokenizer"] else ""
    return f"`{start} --model {typed(run.model)}{renewed}{more}` continues from its model, `{start}` trains anew"


def _more(run: Run, changed: Sequence[str], then: Mapping[str, Any], now: Mapping[str, Any]) -> str | None:
    """The options for the steps or epochs that are left to do; None if the run has done more already."""
    done = run.read_json(run.result_file) or {}
    options = ""
    for key, option, finished in (
        ("training.max_steps", "--max-steps", done["steps"]),
        ("training.epochs", "--epochs", then["training.epochs"]),
    ):
        if key in changed and now[key] is not None:
            if now[key] <= finished:
                return None
            options += f" {option} {now[key] - finished:g}"
    return options
