"""Silences the underlying libraries: Luthier itself prints what users need to know."""

import logging
import os
import warnings

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


def silence() -> None:
    """Silence the libraries. Call this before any of them is imported.

    Variables that the user has set are kept. Child processes inherit the variables.
    """
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    warnings.simplefilter("ignore")
    # Without a handler, Python prints the warnings of every logger to standard error.
    logging.getLogger().addHandler(logging.NullHandler())
