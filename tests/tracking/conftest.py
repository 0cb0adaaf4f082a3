"""Where the trackers of the tests keep what they receive."""

from pathlib import Path

import pytest

from tests.tracking.held import keep_here


@pytest.fixture(autouse=True)
def services(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing leaves this machine."""
    keep_here(tmp_path, monkeypatch)
