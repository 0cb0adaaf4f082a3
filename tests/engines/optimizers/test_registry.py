"""The registry of optimizers: ours, those of other packages, and those that cannot be used."""

from importlib.metadata import EntryPoint
from typing import Any

import pytest
from torch.optim import Adagrad

from luthier.engines.optimizers import OptimizerKind, registry
from luthier.engines.optimizers.builtin import BUILT_IN
from luthier.engines.optimizers.registry import find_optimizer
from luthier.errors import RecipeError

ADAGRAD = OptimizerKind("adagrad", "Adagrad", lambda: Adagrad, takes=("lr_decay",))
TAKEN = OptimizerKind("adamw", "another AdamW", lambda: Adagrad)


@pytest.fixture(autouse=True)
def plugins(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Installed plug-ins, one of which works."""
    here = __name__
    entries = [
        EntryPoint("adagrad", f"{here}:ADAGRAD", registry.GROUP),
        EntryPoint("adamw", f"{here}:TAKEN", registry.GROUP),
        EntryPoint("gone", f"{here}:NOTHING", registry.GROUP),
        EntryPoint("other", f"{here}:pytest", registry.GROUP),
    ]
    monkeypatch.setattr("luthier.plugins.entry_points", lambda group: entries)
    registry.registered.cache_clear()
    yield
    registry.registered.cache_clear()


def test_an_optimizer_of_another_package_is_found_beside_ours() -> None:
    assert find_optimizer("adagrad") is ADAGRAD
    assert [find_optimizer(kind.name) for kind in BUILT_IN] == list(BUILT_IN)


@pytest.mark.parametrize(
    ("name", "what"), [("gone", "cannot be used: AttributeError"), ("other", "not an OptimizerKind")]
)
def test_one_that_cannot_be_used_is_named_and_breaks_nothing(name: str, what: str) -> None:
    with pytest.raises(RecipeError, match=what) as caught:
        find_optimizer(name)
    assert caught.value.where == "training.optimizer"


def test_a_name_of_ours_cannot_be_taken() -> None:
    assert find_optimizer("adamw") is BUILT_IN[0]
    assert "the name 'adamw' is taken" in registry.registered()[1]["adamw"]


def test_a_name_that_is_not_there_has_a_suggestion() -> None:
    with pytest.raises(RecipeError, match="no optimizer 'adagrd'") as caught:
        find_optimizer("adagrd")
    assert "adagrad" in caught.value.hint
