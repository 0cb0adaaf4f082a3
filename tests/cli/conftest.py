"""Stand-ins for the functions that the commands call: the command line is tested without any model or data."""

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

Stub = Callable[..., dict[str, Any]]
CapSys = pytest.CaptureFixture[str]
NOT_SETTINGS = ("all_rows", "console", "cost", "run_dir", "seeds")  # the arguments that are no recipe keys


@pytest.fixture(autouse=True)
def own_temporary_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Tracebacks that are kept for a person go where pytest clears up."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> Stub:
    """`stub("train", train=result)` puts a module `luthier.api.train` in place; the calls land in what it returns.

    A value is what the function gives back; an exception is raised.
    """

    def put(module: str, **functions: Any) -> dict[str, Any]:
        calls: dict[str, Any] = {}

        def fake(name: str, value: Any) -> Callable[..., Any]:
            def call(*args: Any, **kwargs: Any) -> Any:
                settings = {key: value for key, value in kwargs.items() if key not in NOT_SETTINGS}
                calls[name] = SimpleNamespace(args=args, kwargs=kwargs, settings=settings)
                if isinstance(value, BaseException):
                    raise value
                return value(*args, **kwargs) if callable(value) else value

            return call

        replacement = ModuleType(f"luthier.api.{module}")
        for name, value in functions.items():
            setattr(replacement, name, fake(name, value))
        monkeypatch.setitem(sys.modules, f"luthier.api.{module}", replacement)
        monkeypatch.setattr(f"luthier.api.{module}", replacement, raising=False)
        return calls

    return put


@pytest.fixture
def result() -> SimpleNamespace:
    """What a training gives back."""
    value = {
        "run": "runs/a",
        "metric_for_best": "accuracy",
        "metrics": {
            "accuracy": {
                "value": 0.942,
                "low": 0.917,
                "high": 0.963,
                "n": 445,
                "split": "test",
                "greater_is_better": True,
            },
            "mcc": None,
        },
        "baselines": {"majority": {"accuracy": 0.23}, "tfidf": {"accuracy": 0.978}},
        "differences": {"tfidf": {"accuracy": {"value": -0.036, "low": -0.06, "high": -0.01, "n": 445}}},
        "steps": 120,
        "epochs": 3.0,
        "seconds": 250.0,
        "tokens_per_second": 12345.6,
        "report": "runs/a/report.html",
        "next": "luthier chat runs/a",
    }
    return SimpleNamespace(to_dict=lambda: value, advice=None)
