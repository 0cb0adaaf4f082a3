"""What has been imported is not garbage: the `Trainer` collects after every run, and that took longer than the run."""

import gc
import importlib
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="module", autouse=True)
def frozen_imports() -> Iterator[None]:
    for module in ("luthier.api.train", "luthier.engines.trainer"):
        importlib.import_module(module)
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()
