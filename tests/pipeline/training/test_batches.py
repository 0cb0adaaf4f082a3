"""Batches by a token budget: told, refused if a row is too long, the same in both engines, resumed exactly."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from luthier.api.resume import resume
from luthier.api.train import train
from luthier.engines.events import Event
from luthier.errors import RecipeError
from luthier.learning_curves.record import read_curves
from luthier.pipeline.training.batches import decide_tokens
from tests.conftest import PLAIN_BY_NAME, review_rows
from tests.engines.helpers import loss_gap, prepared_data, run_steps, weight_gap
from tests.tasks.by_hand import recipe_of

TOKENS = 150
QUICK = PLAIN_BY_NAME | {"batch_size": None, "tokens_per_batch": TOKENS, "max_steps": 8, "resamples": 100}


def test_a_decision_says_steps_and_rows() -> None:
    (decision,) = decide_tokens(recipe_of(training__tokens_per_batch=60), np.array([30, 30, 20, 20, 20, 60]))
    assert (decision.what, decision.value) == ("tokens per batch", "60 with padding")
    assert decision.why.startswith("3 steps per epoch, 1 to 3 rows each; other batches")
    assert decide_tokens(recipe_of(), np.array([30])) == []


def test_a_row_longer_than_the_budget_is_an_error_with_what_to_do() -> None:
    with pytest.raises(RecipeError, match="2 of 3 training rows are longer; the longest has 90 tokens") as refused:
        decide_tokens(recipe_of(training__tokens_per_batch=60), np.array([30, 61, 90]))
    assert refused.value.hint == "--tokens-per-batch 90 or more, or shorter rows with --set max_length=60"


def test_engines_and_accumulation_agree(tmp_path: Path, tiny_model: Path) -> None:
    settings: dict[str, Any] = {"training.batch_size": None, "training.tokens_per_batch": TOKENS}
    prepared = prepared_data(tmp_path, tiny_model, **settings)
    runs = [
        run_steps(
            prepared,
            training__engine=engine,
            training__gradient_accumulation_steps=parts,
            training__max_steps=15,
            training__learning_rate=1e-3,
        )
        for engine in ("loop", "trainer")
        for parts in (1, 3)
    ]
    (reference, training), *others = runs
    sizes = {len(training.plan.rows(step)) for step in range(15)}
    assert len(sizes) > 2, "batches of one size would not tell"
    for other, _ in others:
        assert loss_gap(reference, other) <= 1e-5 and weight_gap(reference, other) <= 1e-5


@pytest.mark.parametrize("engine", ["loop", "trainer"])
def test_a_resumed_run_has_the_same_losses(tiny_model: Path, tmp_path: Path, engine: str) -> None:
    def stop(event: Event) -> None:
        raise KeyboardInterrupt

    saving = {"save_strategy": "steps", "save_steps": 3}
    settings: dict[str, Any] = QUICK | saving | {"engine": engine, "precision": "fp32"}
    rows = review_rows(60)
    through = train(rows, run_dir=tmp_path / "through", model=str(tiny_model), **settings)
    with pytest.raises(KeyboardInterrupt):
        train(rows, run_dir=tmp_path / "run", model=str(tiny_model), callbacks=[("checkpoint", stop)], **settings)
    assert resume(tmp_path / "run").metrics == through.metrics
    one, other = (read_curves(tmp_path / name / "curves.jsonl")["train/loss"].values for name in ("through", "run"))
    assert list(one) == list(other) and len(one) == 8
