"""Several seeds in words."""

import pytest

from luthier.reporting.several.words import best_words, headline
from luthier.reporting.terminal.display import Grid, as_text
from luthier.reporting.terminal.seeds import seeds_pieces
from tests.reporting.several.test_seeds import values


def test_the_result_and_the_model_are_a_sentence_each() -> None:
    given = values(0.8, 0.82, 0.84)
    assert headline(given, {}) == (
        "Accuracy over 3 seeds: mean 0.820 (0.770-0.870), standard deviation 0.020, on 200 test rows."
    )
    assert best_words(given, {}) == (
        "Seed 2 is the model: the best accuracy on the validation rows, 0.820. No test row picked it."
    )


def test_seeds_for_which_the_metric_is_undefined_are_told() -> None:
    """A seed that collapsed has no correlation, and a mean without it is not that of three seeds."""
    given = values(0.8, None, 0.84)
    assert headline(given, {}).startswith("Accuracy over 3 seeds (defined for 2 of 3): mean 0.820")
    cells = [row[0] for piece in seeds_pieces(given) if isinstance(piece, Grid) for row in piece.rows]
    assert "accuracy (defined for 2 of 3)" in cells


def test_where_the_loss_picked_the_steps_the_score_is_the_first_metric() -> None:
    given = values(0.8, 0.82, 0.84) | {"metric_for_best": "loss"}
    assert headline(given, {}).startswith("Accuracy over 3 seeds: mean 0.820 (0.770-0.870)")
    assert best_words(given, {}).startswith("Seed 2 is the model: the best loss on the validation rows")
    lines = as_text(seeds_pieces(given)).splitlines()
    assert any(line.split() == ["seed", "validation", "loss", "accuracy,", "200", "test", "rows"] for line in lines)


@pytest.mark.parametrize("scores", [(None, None), (0.5,), (0.5, 0.5)])
def test_seeds_without_a_score_say_so(scores: tuple[float | None, ...]) -> None:
    given = values(*scores, best=None)
    assert ("not scored" in headline(given, {})) == (scores[0] is None)
    assert best_words(given, {}).startswith("No seed was picked as the model")
