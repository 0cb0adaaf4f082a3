"""The AutoML peer: AutoGluon's `MultiModalPredictor` as it comes, with a given checkpoint, in its own environment.

Its pins clash with Luthier's, so this file imports nothing of Luthier. It reads JSON lines: one or two texts, and a
`label`, which is a name or a number. AutoGluon does not do several labels a row, answers within a text, or translation.
It does tag words, but only as spans of characters and with every row padded to 512 tokens, so that is left out too.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
from scipy.stats import pearsonr
from sklearn.metrics import accuracy_score

METRICS: Mapping[str, Callable[[Any, Any], float]] = {
    "accuracy": accuracy_score,
    "pearson": lambda labels, found: pearsonr(labels, found)[0],
}
PACKAGES = ("autogluon.multimodal", "torch", "transformers", "lightning")


def read(file: Path) -> pd.DataFrame:
    """The rows of JSON lines, their values as they are: pandas' own reader makes numbers of labels such as "0"."""
    with file.open(encoding="utf-8") as lines:
        return pd.DataFrame([json.loads(line) for line in lines])


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """Fit on the training rows, part of which AutoGluon keeps for validation, and score on the test rows."""
    # AutoGluon needs torchvision, even for text. This module of it declares the shapes of operators for images, which
    # PyPI's torchvision lacks beside a CPU build of torch; texts call none of them.
    sys.modules["torchvision._meta_registrations"] = ModuleType("torchvision._meta_registrations")
    from autogluon.multimodal import MultiModalPredictor

    train, test = read(args.train), read(args.test)
    predictor = MultiModalPredictor(
        label="label",
        path=str(args.output),
        hyperparameters={"model.hf_text.checkpoint_name": args.model},
        enable_progress_bar=False,
    )
    started = time.perf_counter()
    predictor.fit(train, seed=args.seed, time_limit=args.time_limit)
    seconds = time.perf_counter() - started
    found = predictor.predict(test.drop(columns="label"))
    return {
        "seed": args.seed,
        "train_rows": len(train),
        "test_rows": len(test),
        args.metric: float(METRICS[args.metric](test["label"], found)),
        "columns": predictor.column_types,
        "problem": predictor.problem_type,
        "seconds": round(seconds, 1),
    }


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--train", type=Path, required=True, help="JSON lines")
    parser.add_argument("--test", type=Path, required=True, help="JSON lines")
    parser.add_argument("--model", required=True, help="directory or hub name")
    parser.add_argument("--output", type=Path, required=True, help="the predictor's directory")
    parser.add_argument("--metric", choices=METRICS, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--time-limit", type=float, help="seconds to fit for (default: none)")
    names = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    parser.add_argument("--version", action="version", version=names)
    return parser.parse_args()


def main() -> None:
    args = parse()
    with redirect_stdout(sys.stderr):  # standard output is for the result alone
        result = measure(args)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
