"""The AutoML peer: AutoGluon's `MultiModalPredictor` as it comes, with a given checkpoint, in its own environment.

Its pins clash with Luthier's, so this file imports nothing of Luthier. It reads JSON lines: one or two texts, and a
`label`, which is a name or a number; or `tokens` and `ner_tags`, which AutoGluon learns as spans of characters, with
every row padded to 512 tokens. It does not do several labels a row, answers within a text, or translation.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import redirect_stdout
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
from scipy.stats import pearsonr
from sklearn.metrics import accuracy_score

Span = Mapping[str, Any]  # an entity as AutoGluon writes it: its `entity_group`, `start` and `end`


def span_f1(labels: Sequence[str], found: Sequence[Sequence[Span]]) -> float:
    """The F1 of entities of which type, start and end are right, which is that of seqeval for the same words."""
    wanted = {(row, *entity) for row, spans in enumerate(labels) for entity in _entities(json.loads(spans))}
    given = {(row, *entity) for row, spans in enumerate(found) for entity in _entities(spans)}
    return 2 * len(wanted & given) / (len(wanted) + len(given))


def _entities(spans: Sequence[Span]) -> Iterator[tuple[str, int, int]]:
    return ((span["entity_group"], int(span["start"]), int(span["end"])) for span in spans)


METRICS: Mapping[str, Callable[[Any, Any], float]] = {
    "accuracy": accuracy_score,
    "pearson": lambda labels, found: pearsonr(labels, found)[0],
    "f1": span_f1,
}
PACKAGES = ("autogluon.multimodal", "torch", "transformers", "lightning")


def read(file: Path) -> pd.DataFrame:
    """The rows of JSON lines, their values as they are: pandas' own reader makes numbers of labels such as "0"."""
    with file.open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    return pd.DataFrame([marked(**row) if "ner_tags" in row else row for row in rows])


def marked(tokens: Sequence[str], ner_tags: Sequence[str]) -> dict[str, str]:
    """A sentence and its entities: the words joined by spaces, and a span of characters for each entity."""
    spans: list[dict[str, Any]] = []
    start = 0
    for token, tag in zip(tokens, ner_tags, strict=True):
        if tag.startswith("B-"):
            spans.append({"entity_group": tag[2:], "start": start, "end": start + len(token)})
        elif tag.startswith("I-"):
            spans[-1]["end"] = start + len(token)
        start += len(token) + 1
    return {"text": " ".join(tokens), "label": json.dumps(spans)}


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """Fit on the training rows, part of which AutoGluon keeps for validation, and score on the test rows."""
    # AutoGluon needs torchvision, even for text. This module of it declares the shapes of operators for images, which
    # PyPI's torchvision lacks beside a CPU build of torch; texts call none of them.
    sys.modules["torchvision._meta_registrations"] = ModuleType("torchvision._meta_registrations")
    from autogluon.multimodal import MultiModalPredictor

    train, test = read(args.train), read(args.test)
    problem, model = ("ner", "ner_text") if args.metric == "f1" else (None, "hf_text")
    predictor = MultiModalPredictor(
        label="label",
        problem_type=problem,
        path=str(args.output),
        hyperparameters={f"model.{model}.checkpoint_name": args.model},
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
