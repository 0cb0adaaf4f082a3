"""Keeps the libraries below quiet: what a user needs to know is said in our own words."""

import logging
import os
import warnings

QUIET = {
    "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "PYTHONWARNINGS": "ignore",
    "TORCH_CPP_LOG_LEVEL": "ERROR",
    "TRANSFORMERS_NO_ADVISORY_WARNINGS": "1",
    "TRANSFORMERS_VERBOSITY": "error",
}


def silence() -> None:
    """Ask the libraries for silence. Has to be called before any of them is imported.

    A variable that the user has set already stands. Child processes inherit the variables.
    """
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    warnings.simplefilter("ignore")
    # Without any handler, Python prints the warnings of every logger to standard error.
    logging.getLogger().addHandler(logging.NullHandler())
