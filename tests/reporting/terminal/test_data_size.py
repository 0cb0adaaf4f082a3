"""The score against the number of rows in a terminal."""

from pathlib import Path

from luthier.learning_curves.data_size import DataSizes
from luthier.reporting.data_size import advise
from luthier.reporting.terminal.data_size import size_pieces, size_plot
from luthier.reporting.terminal.display import as_text
from tests.learning_curves.test_data_size import made
from tests.reporting.test_data_size import SCORED


def shown(found: DataSizes, *, drawn: bool = False) -> str:
    pieces = size_pieces(
        found, "accuracy", advise(found, SCORED), SCORED.directory, picture=Path("a.png"), notes=["short"], drawn=drawn
    )
    return as_text(pieces)


def test_each_size_is_a_line_and_what_is_extrapolated_says_so() -> None:
    lines = shown(made()).splitlines()
    assert [line.split()[0] for line in lines if "0." in line][:6] == ["100", "250", "500", "1,000", "2,000", "4,000"]
    assert sum("extrapolated" in line for line in lines) == 2
    assert any(line.startswith("advice") for line in lines) and lines[-1].split() == ["picture", "a.png"]
    assert max(map(len, lines)) <= 80
    unclear = shown(made(repeats=1))
    assert "extrapolated" not in unclear and "--repeats 3" in unclear and "note" in unclear


def test_the_plot_has_a_mark_for_each_size_and_reaches_as_far_as_is_extrapolated() -> None:
    assert size_plot(made(), "accuracy").count("●") == 4
    assert size_plot(made(), "accuracy").splitlines()[-1].endswith("4,000 training rows (log)")
    assert size_plot(made(repeats=1), "accuracy").splitlines()[-1].endswith("1,000 training rows (log)")
    assert "●" in shown(made(), drawn=True) and "●" not in shown(made())
