"""The table `tracking`: a name alone is a list of one, and nothing in it decides weights."""

import pytest

from luthier.errors import RecipeError
from luthier.recipe import Recipe


def test_one_name_is_a_list_of_one() -> None:
    tracking = Recipe.build({"tracking": {"trackers": "csv", "tags": ["a", "b"], "artefacts": "report"}}).tracking
    assert (tracking.trackers, tracking.tags, tracking.artefacts) == (["csv"], ["a", "b"], ["report"])


def test_it_may_change_before_a_resume() -> None:
    assert not any(key.startswith("tracking.") for key in Recipe().flatten(may_change=False))


@pytest.mark.parametrize("wrong", [{"artefacts": "weights"}, {"wait": -1}, {"trackers": 3}])
def test_wrong_values(wrong: dict[str, object]) -> None:
    with pytest.raises(RecipeError, match=next(iter(wrong))):
        Recipe.build({"tracking": wrong})
