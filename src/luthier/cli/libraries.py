"""The underlying libraries of a command: silenced, as Luthier itself prints what users need to know, and loaded."""

import gc
import logging
import os
import warnings
from importlib import import_module

QUIET = {
    "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "PYTHONWARNINGS": "ignore",
    "TORCH_CPP_LOG_LEVEL": "ERROR",
    "TRANSFORMERS_NO_ADVISORY_WARNINGS": "1",
    "TRANSFORMERS_VERBOSITY": "error",
}


LARGE = ("datasets", "transformers.modeling_utils")  # of every command with a model; they import torch


def silence() -> None:
    """Silence the libraries. Call this before any of them is imported.

    Variables that the user has set are kept. Child processes inherit the variables.
    """
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    warnings.simplefilter("ignore")
    # Without a handler, Python prints the warnings of every logger to standard error.
    logging.getLogger().addHandler(logging.NullHandler())


def load() -> None:
    """Import `LARGE` without looking for garbage, and never look among what they made.

    Imports make many objects that stay; to go through them again and again takes a fifth of the time.
    """
    gc.disable()
    try:
        for name in LARGE:
            import_module(name)
        gc.freeze()
    finally:
        gc.enable()
