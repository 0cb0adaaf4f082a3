"""The libraries below say nothing, unless the user wants to hear them."""

import gc
import json
import os
import subprocess
import sys

import pytest

from luthier.cli import libraries
from luthier.cli.libraries import QUIET

SPEAKS = """
import json, logging, os, sys, warnings
from luthier.cli.libraries import QUIET, silence
silence()
warnings.warn("a library warns")
logging.getLogger("some.library").warning("a library logs")
json.dump({name: os.environ[name] for name in QUIET}, sys.stdout)
"""


def speak(**variables: str) -> tuple[dict[str, str], str]:
    """The variables after `silence`, and what a library that speaks then leaves on standard error."""
    environment = {name: value for name, value in os.environ.items() if name not in QUIET} | variables
    done = subprocess.run(
        [sys.executable, "-c", SPEAKS], capture_output=True, text=True, env=environment, check=True, timeout=60
    )
    return json.loads(done.stdout), done.stderr


def test_warnings_and_logs_of_libraries_are_silenced_for_child_processes_too() -> None:
    variables, errors = speak()
    assert errors == ""
    assert variables == QUIET
    assert variables["TRANSFORMERS_VERBOSITY"] == "error"


def test_what_the_user_has_set_stands() -> None:
    variables, _ = speak(TRANSFORMERS_VERBOSITY="debug", HF_HUB_DISABLE_TELEMETRY="0")
    assert variables == QUIET | {"TRANSFORMERS_VERBOSITY": "debug", "HF_HUB_DISABLE_TELEMETRY": "0"}


def test_the_collector_rests_while_libraries_are_imported_and_never_visits_what_they_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    during: list[bool] = []
    monkeypatch.setattr(libraries, "import_module", lambda name: during.append(gc.isenabled()))
    try:
        libraries.load()
        assert gc.get_freeze_count() > 1000
    finally:
        gc.unfreeze()
    assert during == [False] * len(libraries.LARGE) and gc.isenabled()
