"""Luthier fine-tunes transformer language models, evaluates them and predicts with them.

The names below are the public API. Each is imported on first use, so that `import luthier` is fast.
The command `tasks` is `list_tasks` here, because `luthier.tasks` is a package.
"""

import logging
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from luthier.api.chat import chat
    from luthier.api.compare import compare
    from luthier.api.doctor import doctor
    from luthier.api.evaluate import evaluate
    from luthier.api.inspect import inspect
    from luthier.api.learning_curves.curves import curves
    from luthier.api.learning_curves.datasize import datasize
    from luthier.api.learning_curves.lr_find import lr_find
    from luthier.api.learning_curves.track import track
    from luthier.api.learning_curves.watch import watch
    from luthier.api.merge import merge
    from luthier.api.predict import predict, predict_file
    from luthier.api.prune import prune
    from luthier.api.report import report
    from luthier.api.resume import resume
    from luthier.api.runs import runs
    from luthier.api.tokenizers.compare import compare_tokenizers
    from luthier.api.tokenizers.train import train_tokenizer
    from luthier.api.trace import trace
    from luthier.api.train import train
    from luthier.engines.events import Stop
    from luthier.errors import LuthierError
    from luthier.pipeline.inference.predictor import load
    from luthier.recipe import Recipe
    from luthier.run_directory.run import Run
    from luthier.tasks.registry import registry as list_tasks

__all__ = [
    "LuthierError",
    "Recipe",
    "Run",
    "Stop",
    "__version__",
    "chat",
    "compare",
    "compare_tokenizers",
    "curves",
    "datasize",
    "doctor",
    "evaluate",
    "inspect",
    "list_tasks",
    "load",
    "lr_find",
    "merge",
    "predict",
    "predict_file",
    "prune",
    "report",
    "resume",
    "runs",
    "trace",
    "track",
    "train",
    "train_tokenizer",
    "watch",
]

__version__ = "0.1.0"

_HOMES = {
    "LuthierError": ("luthier.errors", "LuthierError"),
    "Recipe": ("luthier.recipe", "Recipe"),
    "Run": ("luthier.run_directory.run", "Run"),
    "Stop": ("luthier.engines.events", "Stop"),
    "chat": ("luthier.api.chat", "chat"),
    "compare": ("luthier.api.compare", "compare"),
    "curves": ("luthier.api.learning_curves.curves", "curves"),
    "datasize": ("luthier.api.learning_curves.datasize", "datasize"),
    "doctor": ("luthier.api.doctor", "doctor"),
    "evaluate": ("luthier.api.evaluate", "evaluate"),
    "inspect": ("luthier.api.inspect", "inspect"),
    "lr_find": ("luthier.api.learning_curves.lr_find", "lr_find"),
    "list_tasks": ("luthier.tasks.registry", "registry"),
    "load": ("luthier.pipeline.inference.predictor", "load"),
    "merge": ("luthier.api.merge", "merge"),
    "predict": ("luthier.api.predict", "predict"),
    "predict_file": ("luthier.api.predict", "predict_file"),
    "prune": ("luthier.api.prune", "prune"),
    "report": ("luthier.api.report", "report"),
    "resume": ("luthier.api.resume", "resume"),
    "runs": ("luthier.api.runs", "runs"),
    "trace": ("luthier.api.trace", "trace"),
    "track": ("luthier.api.learning_curves.track", "track"),
    "train": ("luthier.api.train", "train"),
    "watch": ("luthier.api.learning_curves.watch", "watch"),
    "compare_tokenizers": ("luthier.api.tokenizers.compare", "compare_tokenizers"),
    "train_tokenizer": ("luthier.api.tokenizers.train", "train_tokenizer"),
}


# transformers imports bitsandbytes, which warns of a missing kernel on standard error unless its logger has a handler.
logging.getLogger("bitsandbytes").addHandler(logging.NullHandler())


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'luthier' has no attribute {name!r}")
    module, attribute = _HOMES[name]
    value = getattr(import_module(module), attribute)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
