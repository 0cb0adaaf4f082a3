"""The functions in a notebook: every kind of data trains, and results show themselves as tables."""

from pathlib import Path
from typing import Any

import nbclient
import nbformat
import pytest

from tests.conftest import review_rows

SETUP = """
import luthier, pandas as pd
from datasets import Dataset, DatasetDict
rows = {rows!r}
quick = dict(model={model!r}, max_steps=4, resamples=100, precision="fp32")
"""
CELLS = [
    "luthier.inspect(rows, cost=False, model=quick['model'])",
    "result = luthier.train(rows, run_dir='from-rows', **quick)\nresult",
    "luthier.train(pd.DataFrame(rows), run_dir='from-frame', **quick)",
    "whole = Dataset.from_list(rows)\n"
    "splits = DatasetDict(train=whole.select(range(60)), test=whole.select(range(60, 80)))\n"
    "luthier.train(splits, run_dir='from-splits', **quick)",
    "luthier.train(result.run.recipe, run_dir='from-recipe')",
    "luthier.evaluate('from-rows', pd.DataFrame(rows))",
    "pd.DataFrame(luthier.predict('from-rows', ['a lovely film']))",
]


@pytest.mark.slow
def test_a_notebook_shows_what_comes_of_each_call(tiny_model: Path, tmp_path: Path) -> None:
    sources = [SETUP.format(rows=review_rows(80), model=str(tiny_model)), *CELLS]
    v4: Any = nbformat.v4
    notebook = v4.new_notebook(cells=[v4.new_code_cell(source) for source in sources])
    nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    shown = [_shown(cell) for cell in notebook.cells[1:]]
    assert len(shown) == len(CELLS)
    for outputs in shown:
        assert "<table" in outputs["text/html"]
    assert "single/one" in shown[0]["text/html"] and "task     text-classification" in shown[0]["text/plain"]
    for outputs in shown[1:6]:
        assert "accuracy" in outputs["text/html"] and " accuracy " in outputs["text/plain"]
    assert "model, 20 test rows" in shown[3]["text/plain"], "the splits as given"
    assert shown[4]["text/plain"].splitlines()[:8] == shown[1]["text/plain"].splitlines()[:8], "the recipe repeats it"
    assert "model, 80 test rows" in shown[5]["text/plain"]
    assert "prediction" in shown[6]["text/html"]


def _shown(cell: Any) -> dict[str, str]:
    """What a cell shows as its value; it prints nothing."""
    assert [output for output in cell.outputs if output.output_type != "execute_result"] == []
    (output,) = cell.outputs
    return output.data
