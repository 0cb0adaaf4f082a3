"""Data that an installed package ships is found without importing the package."""

import sys
from pathlib import Path

import pytest

from luthier.data.reading.packages import resolve
from luthier.errors import SourceError


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on the path of Python, with a package that ships data and cannot be imported, and a lone module."""
    (tmp_path / "luthier_shipped" / "data").mkdir(parents=True)
    (tmp_path / "luthier_shipped" / "__init__.py").write_text("raise AssertionError('imported')\n")
    (tmp_path / "luthier_alone.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


@pytest.mark.parametrize("spec", ["reviews.csv", "-", "https://example.org/package:a/b", "organisation/set", ""])
def test_other_specs_stay_as_they_are(spec: str) -> None:
    assert resolve(spec) == spec


def test_data_lies_in_the_folder_of_the_package(site: Path) -> None:
    assert Path(resolve("package:luthier_shipped/data/t.csv")) == site / "luthier_shipped" / "data" / "t.csv"
    assert Path(resolve("package:luthier_shipped")) == site / "luthier_shipped"
    assert "luthier_shipped" not in sys.modules


@pytest.mark.parametrize("name", ["luthier_nowhere", "luthier_alone", "not-a-name", "luthier.data", "__main__", ""])
def test_a_package_that_ships_no_data_is_refused(site: Path, name: str) -> None:
    with pytest.raises(SourceError) as caught:
        resolve(f"package:{name}/data")
    assert repr(name) in caught.value.what
    assert caught.value.where == f"package:{name}/data"
    assert "pip install" in caught.value.hint
    assert name or "package:NAME/PATH" in caught.value.hint
