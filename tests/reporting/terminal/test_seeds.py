"""Several seeds in the terminal: a row for each seed, a row for each metric, in 80 columns."""

from luthier.reporting.terminal.display import as_text
from luthier.reporting.terminal.seeds import seeds_pieces
from tests.reporting.several.test_seeds import values


def test_the_seeds_and_their_mean_are_tables_of_80_columns() -> None:
    lines = as_text(seeds_pieces(values(0.8, 0.82, 0.84))).splitlines()
    assert lines[0].startswith("Accuracy over 3 seeds: mean 0.820")
    assert any(line.split() == ["2", "(the", "model)", "0.820", "0.820", "(0.700-0.900)"] for line in lines)
    assert any(line.split() == ["accuracy", "0.820", "0.020", "(0.770-0.870)"] for line in lines)
    assert max(map(len, lines)) <= 80


def test_seeds_without_scores_or_a_mean_are_shown_too() -> None:
    nothing = as_text(seeds_pieces(values(None, None, best=None)))
    assert "not scored" in nothing and "No seed was picked" in nothing and "mean " not in nothing.splitlines()[-1]
    assert "0.500" in as_text(seeds_pieces(values(0.5)))
