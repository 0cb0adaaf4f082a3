"""The picture of the score against the number of rows."""

from pathlib import Path

from luthier.learning_curves.plot import save
from luthier.reporting.drawing.data_size import size_figure
from tests.learning_curves.test_data_size import made


def test_the_picture_has_the_runs_and_the_curve_only_if_it_is_determined(tmp_path: Path) -> None:
    drawn, alone = size_figure(made(), "accuracy"), size_figure(made(repeats=1), "accuracy")
    assert len(drawn.spec()["layer"]) == 6 and "extrapolated beyond 1,000 rows" in drawn.caption
    assert len(alone.spec()["layer"]) == 3 and "power law" not in alone.caption
    assert "<svg" in save(drawn, tmp_path / "sizes.svg").read_text(encoding="utf-8")
