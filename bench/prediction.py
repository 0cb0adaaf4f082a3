"""Predictions of a classifier: `predict` beside the `pipeline` of transformers at several batch sizes, in turns."""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from bench.environment import command_line, describe

TOLERANCE = 1e-5  # difference of a probability


def texts(data: Path, rows: int) -> list[str]:
    """The first rows of SST-2."""
    lines = (data / "sst2" / "train.tsv").read_text(encoding="utf-8").splitlines()
    return [line.split("\t")[0] for line in lines[:rows]]


def ours(predictor: Any, rows: Sequence[str]) -> tuple[float, list[tuple[str, float]]]:
    began = time.perf_counter()
    found = predictor.predict(rows)
    return time.perf_counter() - began, [(one["prediction"], max(one["scores"].values())) for one in found]


def theirs(pipe: Any, rows: Sequence[str], size: int) -> tuple[float, list[tuple[str, float]]]:
    began = time.perf_counter()
    found = pipe(list(rows), batch_size=size, truncation=True)
    return time.perf_counter() - began, [(one["label"], one["score"]) for one in found]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the public data sets")
    parser.add_argument("--run", type=Path, required=True, help="a run of text-classification with one label")
    parser.add_argument("--rows", type=int, default=6_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1, 16, 64], help="batch sizes of the pipeline")
    parser.add_argument("--json", action="store_true", help="print one object")
    args = parser.parse_args()
    from transformers import pipeline

    import luthier

    rows, predictor = texts(args.data, args.rows), luthier.load(args.run)
    pipe = pipeline("text-classification", model=str(args.run / "model"), device="cpu")
    seconds: dict[str, list[float]] = {"luthier": [], **{f"pipeline {size}": [] for size in args.sizes}}
    apart = 0.0
    for _ in range(args.repeats):
        taken, found = ours(predictor, rows)
        seconds["luthier"].append(taken)
        for size in args.sizes:
            taken, said = theirs(pipe, rows, size)
            seconds[f"pipeline {size}"].append(taken)
            gaps = [abs(one[1] - other[1]) for one, other in zip(found, said, strict=True) if one[0] == other[0]]
            if len(gaps) < len(rows):
                sys.exit(f"{len(rows) - len(gaps)} predictions differ: the times compare nothing")
            apart = max(apart, *gaps)
    best = min(median(of) for name, of in seconds.items() if name != "luthier")
    result = {
        "ratio_vs_best_pipeline": best / median(seconds["luthier"]),
        "largest_difference": apart,
        "outputs_equal": apart <= TOLERANCE,
        "seconds": {name: [min(of), median(of), max(of)] for name, of in seconds.items()},
    }
    if args.json:
        print(json.dumps(result))
        return
    print(f"## Predictions of {args.rows:,} rows of SST-2\n\n{describe()}\n- `{command_line()}`")
    print(f"- largest difference of a probability: {apart:.1e}\n\n| | seconds: min, median, max |\n|---|---:|")
    for name, of in seconds.items():
        print(f"| {name} | {min(of):.1f}, {median(of):.1f}, {max(of):.1f} |")
    print(f"\nbest pipeline / luthier = {result['ratio_vs_best_pipeline']:.2f}")


if __name__ == "__main__":
    main()
