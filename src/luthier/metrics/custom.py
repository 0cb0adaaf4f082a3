"""Custom metrics: `module:function`, `path/file.py:function`, or `evaluate:NAME` of the `evaluate` package.

The number of its required arguments decides what the function gets; a printed decision says which it was:

- Two: `function(predictions, references)`, the final predictions and the gold values: label names, texts, numbers,
  tags. If its first argument is named like the gold values (`y_true`, `references`, `labels`, `target`), they come
  first, as in scikit-learn.
- One: `compute_metrics(p)` of the Hugging Face `Trainer`, with an `EvalPrediction`: `p.predictions` and `p.label_ids`
  are the raw outputs and the label ids (see `Bound.trainer_outputs` for each task), with -100 as padding.

It returns a number or a dict of numbers. A number whose name is already taken by another metric gets the name of the
module in front: `mine.accuracy`. For the interval, the function is called on at most 200 resamples, since the cost of a
call is unknown.

`:min` or `:max` at the end of the spec (`module:function:min`) states the direction of all its numbers: whether a lower
or a higher value is better. `evaluate` metrics do not state their direction either, so they need the same ending.
"""

import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import lru_cache
from hashlib import blake2b
from numbers import Real
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

import numpy as np

from luthier.arrays import IntArray
from luthier.errors import UsageError, nearest
from luthier.findings import Decision
from luthier.metrics.base import ResampledMetric

RESAMPLES = 200
_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
_DIRECTIONS = {"min": False, "max": True}
_FORMS = "module:function, path/file.py:function or evaluate:NAME, then :min or :max to state the direction"
# First argument of a function that takes the gold values first, as those of scikit-learn and torchmetrics do.
_GOLD_FIRST = {"y_true", "true", "references", "labels", "label_ids", "target", "targets", "gold", "truth"}

Values = Sequence[Any] | np.ndarray
Function = Callable[..., Any]


class Outputs(Protocol):
    """The raw outputs of a model and the label ids of `n` examples, as the Hugging Face `Trainer` collects them."""

    @property
    def n(self) -> int: ...

    def on(self, indices: IntArray) -> tuple[Any, Any]:
        """Predictions and label ids of some of the examples, each an array or a tuple of arrays; may be changed."""


def custom_metrics(
    spec: str,
    predictions: Values,
    references: Values,
    *,
    outputs: Outputs | None = None,
    taken: Collection[str] = (),
    resamples: int = RESAMPLES,
) -> list[ResampledMetric]:
    """Compute a custom metric: one metric for each number that the function returns.

    Args:
        spec: `module:function`, `path/file.py:function` or `evaluate:NAME[/CONFIG]`, followed by `:min` or `:max` to
            state the direction.
        predictions: `n` final predictions: label names, texts, numbers.
        references: `n` gold values of the same kind.
        outputs: Raw outputs and label ids, for a function with one argument.
        taken: Names of other metrics.
        resamples: Maximum number of resamples for the interval; 0 for no interval.

    Raises:
        UsageError: The function cannot be found, fails, takes other arguments, or returns something that is not a
            number or a dict of them.
    """
    spec, greater_is_better = _split_direction(spec)
    function = load(spec)
    if _takes_one(function, spec):
        assert outputs is not None, "a function with one argument gets raw outputs"
        n, call = outputs.n, _on_outputs(function, outputs)
    else:
        n, call = len(references), _on_pairs(function, predictions, references)
    evaluations = _Evaluations(spec, call)
    numbers = evaluations.numbers(np.arange(n))
    names = {name: _free_name(name, spec, taken) for name in numbers}
    return [
        ResampledMetric(names[name], n, evaluations.function(name), greater_is_better, resamples) for name in numbers
    ]


def takes_outputs(spec: str) -> bool:
    """Whether a custom metric takes one argument, an `EvalPrediction` with the raw outputs.

    Raises:
        UsageError: The function cannot be found, or takes neither one argument nor two.
    """
    spec, _ = _split_direction(spec)
    return _takes_one(load(spec), spec)


def how_called(spec: str, outputs: Outputs | None) -> Decision:
    """What a custom metric gets, and why.

    Args:
        spec: As in `custom_metrics`.
        outputs: Examples of the raw outputs, if a custom metric takes them.
    """
    spec, _ = _split_direction(spec)
    function, name = load(spec), spec.rpartition(":")[2]
    if outputs is not None and _takes_one(function, spec):
        predictions, label_ids = map(_shapes, outputs.on(np.arange(outputs.n)))
        gets = f"p.predictions {predictions} and p.label_ids {label_ids}"
        return Decision(f"metric {spec}", f"{name}(p)", f"one argument, as in the Hugging Face Trainer: {gets}")
    first = _gold_first(function)
    called = f"{name}({first}=references, predictions)" if first else f"{name}(predictions, references)"
    why = f"its first argument is named {first}" if first else "two arguments: final predictions and gold values"
    return Decision(f"metric {spec}", called, why)


def _split_direction(spec: str) -> tuple[str, bool | None]:
    """Split a spec into the part without direction and whether a higher value is better (None if not stated)."""
    named, _, direction = spec.rpartition(":")
    # `module:max` names the function `max`.
    return (named, _DIRECTIONS[direction]) if direction in _DIRECTIONS and ":" in named else (spec, None)


def load(spec: str) -> Function:
    """Load the function named by a spec without direction.

    Raises:
        UsageError: There is no such module, file or function, or importing it fails.
    """
    place, colon, name = spec.rpartition(":")
    if not colon or not place or not name:
        raise UsageError(
            f"{spec!r} does not name a metric",
            where="evaluation.metrics",
            hint=f"write {_FORMS}",
        )
    if place == "evaluate":
        return _from_evaluate(name)
    if ":" in place.removeprefix(Path(place).anchor):
        what = f"the direction of a metric is min or max, not {name!r}"
        raise UsageError(what, where=f"metric {spec!r}", hint=f"write {place}:min or {place}:max")
    module = _module(place, spec)
    function: object = getattr(module, name, None)
    if not callable(function):
        functions = [key for key, value in vars(module).items() if inspect.isfunction(value)]
        raise UsageError(f"{place} has no function {name!r}", where=f"metric {spec!r}", hint=nearest(name, functions))
    return function


class _Evaluations:
    """Cached calls of the function, shared by the metrics of one dict."""

    def __init__(self, spec: str, call: Callable[[IntArray], Any]) -> None:
        self.spec = spec
        self.call = call
        self.done: dict[bytes, dict[str, float]] = {}

    def numbers(self, indices: IntArray) -> dict[str, float]:
        """Call the function on some of the examples.

        Raises:
            UsageError: The function fails or returns something other than numbers.
        """
        key = blake2b(indices.tobytes()).digest()
        if key not in self.done:
            try:
                result = self.call(indices)
            except Exception as error:
                raise UsageError(
                    f"{self.spec} failed with {type(error).__name__}: {error}",
                    where=_last_line(error),
                    hint="fix the function, or remove the metric",
                ) from error
            self.done[key] = _as_numbers(result, self.spec)
        return self.done[key]

    def function(self, name: str) -> Callable[[IntArray], float]:
        """A function for one number on a resample; nan if the call fails, like AUC when a single class is drawn."""

        def value(indices: IntArray) -> float:
            try:
                return self.numbers(indices).get(name, float("nan"))
            except UsageError:
                return float("nan")

        return value


def _on_pairs(function: Function, predictions: Values, references: Values) -> Callable[[IntArray], Any]:
    """Wrap a function of predictions and references so that it takes the indices of the examples."""
    first, second = (references, predictions) if _gold_first(function) else (predictions, references)
    return lambda indices: function(_take(first, indices), _take(second, indices))


def _on_outputs(function: Function, outputs: Outputs) -> Callable[[IntArray], Any]:
    """Wrap a function of one `EvalPrediction` so that it takes the indices of the examples."""
    # A slow import, but already loaded in a process that trains a model.
    from transformers import EvalPrediction

    def call(indices: IntArray) -> Any:
        predictions, label_ids = outputs.on(indices)
        return function(EvalPrediction(predictions=predictions, label_ids=label_ids))

    return call


def _takes_one(function: Function, spec: str) -> bool:
    """Whether a function has exactly one required argument; without a known signature, it takes two.

    Raises:
        UsageError: It can be called with neither one argument nor two.
    """
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return False
    parameters = signature.parameters.values()
    required = [p for p in parameters if p.kind in _POSITIONAL and p.default is inspect.Parameter.empty]
    open_ended = any(p.kind is inspect.Parameter.VAR_POSITIONAL for p in parameters)
    one = len(required) == 1 and not open_ended
    try:
        signature.bind(*[None] * (1 if one else 2))
    except TypeError:
        raise UsageError(
            f"{spec} takes neither one argument nor two: {spec.rpartition(':')[2]}{signature}",
            where=f"metric {spec!r}",
            hint="def compute_metrics(p), as in the Hugging Face Trainer, or def metric(predictions, references)",
        ) from None
    return one


def _gold_first(function: Function) -> str:
    """The name of the first argument of a function that takes the gold values first; empty for any other function."""
    try:
        first = next(iter(inspect.signature(function).parameters), "")
    except (TypeError, ValueError):
        return ""
    return first if first in _GOLD_FIRST else ""


def _shapes(values: Any) -> str:
    """The type and shape of an array, or of each of a tuple."""
    if isinstance(values, tuple):
        return f"({', '.join(map(_shapes, values))})"
    return f"{values.dtype} [{', '.join(['rows', *map(str, values.shape[1:])])}]"


def _free_name(name: str, spec: str, taken: Collection[str]) -> str:
    """The name of a number, with the module and then the function in front if it is taken."""
    place, _, function = spec.rpartition(":")
    module = Path(place).stem if place.endswith(".py") else place.rpartition(".")[2]
    return next((free for free in (name, f"{module}.{name}") if free not in taken), f"{module}.{function}.{name}")


def _take(values: Values, indices: IntArray) -> Values:
    return values[indices] if isinstance(values, np.ndarray) else [values[i] for i in indices]


def _as_numbers(result: object, spec: str) -> dict[str, float]:
    """Convert a result to numbers by name: a single number gets the function's name, those of a dict their keys."""
    if isinstance(result, Mapping):
        numbers = {str(key): _as_number(value) for key, value in result.items()}
    else:
        numbers = {spec.rpartition(":")[2]: _as_number(result)}
    wrong = [key for key, value in numbers.items() if value is None]
    if wrong or not numbers:
        raise UsageError(
            f"{spec} returned {type(result).__name__} instead of a number or a dict of numbers",
            where=f"metric {spec!r}" + (f", key {wrong[0]!r}" if wrong and isinstance(result, Mapping) else ""),
            hint="return a float, or a dict such as {'accuracy': 0.9}",
        )
    return {key: value for key, value in numbers.items() if value is not None}


def _as_number(value: object) -> float | None:
    """Convert a Python number, NumPy scalar or zero-dimensional tensor to float; None for anything else."""
    if isinstance(value, Real):
        return float(value)
    if getattr(value, "shape", None) == () and hasattr(value, "item"):
        inner = value.item()
        return float(inner) if isinstance(inner, Real) else None
    return None


def _module(place: str, spec: str) -> ModuleType:
    """Import the module of a spec, from a file or by name."""
    path = Path(place)
    try:
        if place.endswith(".py"):
            if not path.is_file():
                beside = [str(found) for found in path.parent.glob("*.py")]
                hint = nearest(place, beside) or f"{path.parent.absolute()} holds no Python file"
                raise UsageError(f"no file {place}", where=f"metric {spec!r}", hint=hint)
            return _from_file(path.absolute(), path.stat().st_mtime_ns)
        return importlib.import_module(place)
    except UsageError:
        raise
    except Exception as error:
        missing = isinstance(error, ModuleNotFoundError) and error.name == place.partition(".")[0]
        raise UsageError(
            f"no module {place!r}" if missing else f"{place} cannot be imported: {type(error).__name__}: {error}",
            where=f"metric {spec!r}" if missing else _last_line(error),
            hint=f"write {_FORMS}" if missing else "",
        ) from error


@lru_cache(maxsize=32)
def _from_file(path: Path, changed: int) -> ModuleType:
    """Run a file as a module; once for each of its versions, since it may load something large."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise UsageError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _from_evaluate(name: str) -> Function:
    """Load `glue/mrpc` as `evaluate.load("glue", "mrpc")`, else (a user's metric) as `evaluate.load("glue/mrpc")`."""
    try:
        evaluate = importlib.import_module("evaluate")
    except ImportError as error:
        raise UsageError(
            f"metric evaluate:{name} needs the package evaluate",
            hint=f"{Path(sys.executable).name} -m pip install evaluate",
        ) from error
    first, _, second = name.partition("/")
    attempts = [(first, second), (name,)] if second else [(name,)]
    problem: Exception | None = None
    for attempt in attempts:
        try:
            metric = evaluate.load(*attempt)
        except Exception as error:
            problem = problem or error
            continue
        return lambda predictions, references: metric.compute(predictions=predictions, references=references)
    raise UsageError(
        f"evaluate cannot load {name!r}: {type(problem).__name__}: {problem}",
        hint="it downloads its metrics from the Hub: check the name and the connection",
    ) from problem


def _last_line(error: BaseException) -> str:
    """File and line that raised the error."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename}, line {trace.tb_lineno}" if trace else ""
