"""All sides of a case in turns, after their losses were compared."""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import mean, median, stdev
from typing import Any

import torch

from bench.training.cases import CASES
from bench.training.one import PARTS
from bench.training.sides import OURS, RATIOS, SAME, TRL

TOLERANCE = {"fp32": 1e-5, "bf16": 1e-3}  # relative difference of the losses of a step, without dropout


def measured(args: argparse.Namespace, work: Path) -> dict[str, Any]:
    """Compare the losses, then time every side `--repeats` times. A side of TRL may fail, with its `errors`."""
    case = CASES[args.case]
    steps = ("--steps", str(case.compared), "--no-dropout")
    losses = {side: launched(args, work, side, *steps)["losses"] for side in (OURS, SAME)}
    apart = gap(losses[OURS], losses[SAME])
    variants = {f"without {part}": ("--off", part) for part in PARTS} if args.ablation else {}
    runs: dict[str, list[dict[str, Any]]] = {
        name: [] for name in (*(side for side in case.sides if side not in TRL or args.trl), *variants)
    }
    errors: dict[str, str] = {}
    for repeat in range(args.repeats):
        for name in [name for name in runs if name not in errors]:
            print(f"{name}, {repeat + 1} of {args.repeats}", file=sys.stderr)
            side, options = (OURS, variants[name]) if name in variants else (name, ())
            run = launched(args, work, side, "--seed", str(repeat + 1), *options)
            if "error" in run:
                errors[name] = run["error"]
            else:
                runs[name].append(run)
    runs = {name: found for name, found in runs.items() if name not in errors}
    seconds = {name: [run["seconds"] for run in found] for name, found in runs.items()}
    ours = median(seconds[OURS])
    held = {name: [run["validation_loss"] for run in runs[name]] for name in runs if name not in variants}
    return {
        "case": args.case,
        "precision": args.precision,
        **{name: median(seconds[side]) / ours for side, name in RATIOS.items() if side in seconds},
        "losses_equal": apart <= TOLERANCE[args.precision],
        "compared_steps": case.compared,
        "largest_loss_difference": apart,
        "same_validation_loss": {side: agree(held[OURS], of) for side, of in held.items()},
        "seconds": {name: [min(of), median(of), max(of)] for name, of in seconds.items()},
        "validation_loss": {side: mean(of) for side, of in held.items()},
        "peak_memory_bytes": {name: max(run["peak"] for run in found) for name, found in runs.items()},
        "tokens_per_second": median(run["tokens"] / run["seconds"] for run in runs[OURS]),
        "padding_share": median(run["padding"] for run in runs[OURS]),
        "matrix_rate": matrix_rate(args.precision),
        "errors": errors,
    }


def launched(args: argparse.Namespace, work: Path, side: str, *options: str) -> dict[str, Any]:
    """The result of one side in a new process; a side of TRL that fails has its `error` instead."""
    python = args.trl if side in TRL else sys.executable
    command = [python, "-m", "bench.training.one", "--case", args.case, "--side", side, "--data", str(args.data)]
    command += ["--work", str(work), "--precision", args.precision, *options]
    # TRL's environment holds TRL alone; the rest is this one's.
    path = {"PYTHONPATH": os.pathsep.join(part or str(Path.cwd()) for part in sys.path)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | path)
    if done.returncode and side in TRL:
        return {"error": done.stderr.strip().splitlines()[-1]}
    if done.returncode:
        sys.exit(f"{side}: exit code {done.returncode}\n{done.stderr[-2000:]}")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def gap(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The largest relative difference of the losses of a step."""
    return max(abs(one - other) / abs(other) for one, other in zip(ours, theirs, strict=True))


def agree(ours: Sequence[float], theirs: Sequence[float]) -> bool:
    """Whether two means over seeds are within two standard errors of their difference; one seed cannot tell."""
    if len(ours) < 2:
        return False
    error = (stdev(ours) ** 2 / len(ours) + stdev(theirs) ** 2 / len(theirs)) ** 0.5
    return abs(mean(ours) - mean(theirs)) <= 2 * error


def matrix_rate(precision: str) -> float:
    """Floating-point operations a second of matrix products of the size that MiniLM has."""
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    one, other = torch.randn(1024, 384, dtype=dtype), torch.randn(384, 1536, dtype=dtype)
    best = float("inf")
    for _ in range(50):
        began = time.perf_counter()
        one @ other
        best = min(best, time.perf_counter() - began)
    return 2 * 1024 * 384 * 1536 / best
