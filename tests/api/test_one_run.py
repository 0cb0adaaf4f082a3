"""A run is begun once, and goes on where it was: what `train`, `resume` and sets of runs share."""

from pathlib import Path
from typing import Any

import pytest

from luthier.api import one_run
from luthier.api.one_run import begin, go_on
from luthier.console import Console
from luthier.engines.events import Events
from luthier.errors import RunError
from luthier.pipeline.recipes import with_changes
from luthier.recipe import Recipe
from luthier.run_directory.log import Tee
from tests.conftest import review_rows, write_csv
from tests.faults.runs import SETTINGS, Outcome, quick_report


def test_a_run_is_begun_once_and_its_end_is_told_again(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(one_run, "report", quick_report)
    (tmp_path / "spool").mkdir()
    data = write_csv(tmp_path / "data.csv", review_rows(40))
    values: dict[str, Any] = {**SETTINGS, "model.name": str(tiny_model), "data.train": [str(data)]}
    recipe = with_changes(Recipe(), values)
    arguments = (tmp_path / "spool", tmp_path / "run", Events.listening([]), Tee(Console()))
    result = begin(recipe, *arguments)
    outcome = Outcome.of(result.run.path)
    with pytest.raises(RunError, match="already contains a run"):
        begin(recipe, *arguments)
    assert go_on(tmp_path / "run", Events.listening([]), Tee(Console())).to_dict() == result.to_dict()
    outcome.assert_same(Outcome.of(result.run.path))
