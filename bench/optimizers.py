"""Every optimizer on 32 rows of MRPC: does it learn, are both engines equal, and how large is its state.

With `--pair A B`, these two on all of MRPC instead: 3 epochs, 3 seeds each, in turns.
"""

import argparse
import itertools
import shutil
import sys
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import torch

import luthier
from bench.environment import command_line, describe
from bench.mrpc import minilm
from luthier.engines.optimizers.builtin import BUILT_IN
from luthier.learning_curves.record import read_curves
from luthier.text import size

STEPS, BATCH_SIZE, PARTS = 20, 16, 2
ENGINES = ("loop", "trainer")
SCHEDULES = ("linear", "cosine")
SEEDS = (1, 2, 3)


def rows(file: Path, n: int) -> list[dict[str, str]]:
    """The first rows of a file of MRPC, which has no quotes and a byte-order mark."""
    with file.open(encoding="utf-8-sig") as lines:
        fields = [line.rstrip("\n").split("\t") for line in itertools.islice(lines, 1, n + 1)]
    return [{"first": field[3], "second": field[4], "label": field[0]} for field in fields]


def run(data: list[dict[str, str]], optimizer: str, schedule: str, engine: str, work: Path) -> dict[str, Any]:
    """Losses of a run, the bytes of its optimizer's state, and its learning rates."""
    shutil.rmtree(work, ignore_errors=True)
    luthier.train(
        data,
        text=["first", "second"],
        label="label",
        model=str(minilm()),
        engine=engine,
        optimizer=optimizer,
        lr_scheduler_type=schedule,
        max_steps=STEPS,
        epochs=STEPS,
        batch_size=BATCH_SIZE,
        gradient_accumulation_steps=PARTS,
        precision="fp32",
        dropout=0.0,
        validation_share=0.0,
        test_share=0.0,
        eval_strategy="no",
        keep_checkpoints=True,
        run_dir=work,
    )
    curves = read_curves(work / "curves.jsonl")
    return {
        "losses": list(curves["train/loss"].values),
        "rates": list(curves["train/learning_rate"].values),
        "state": state_of(work),
    }


def state_of(work: Path) -> int:
    """Bytes of the optimizer's state in the newest checkpoint of a run."""
    (checkpoint,) = sorted((work / "checkpoints").iterdir())[-1:]
    return held(torch.load(checkpoint / "tensors.pt", weights_only=True)["optimizer"])


def held(state: Any) -> int:
    """Bytes of the tensors in a state."""
    if torch.is_tensor(state):
        return state.numel() * state.element_size()
    inner = state.values() if isinstance(state, dict) else state if isinstance(state, list | tuple) else ()
    return sum(map(held, inner))


def scored(folder: Path, optimizer: str, seed: int, work: Path) -> dict[str, float]:
    """Accuracy on the test rows of MRPC, seconds of training, and bytes of the optimizer's state."""
    shutil.rmtree(work, ignore_errors=True)
    result = luthier.train(
        folder / "msr_paraphrase_train.txt",
        test=str(folder / "msr_paraphrase_test.txt"),
        model=str(minilm()),
        optimizer=optimizer,
        epochs=3,
        seed=seed,
        precision="fp32",
        baselines=False,
        keep_checkpoints=True,
        run_dir=work,
    )
    accuracy = result.metrics["accuracy"].value
    assert accuracy is not None
    return {"accuracy": accuracy, "seconds": result.seconds, "state": state_of(work)}


def compare(folder: Path, pair: list[str], work: Path) -> None:
    """Print accuracy, seconds and state of two optimizers over three seeds, in turns."""
    found: dict[str, list[dict[str, float]]] = {name: [] for name in pair}
    for seed in SEEDS:
        for name in pair:
            found[name].append(scored(folder, name, seed, work / name))
            print(f"{name}, seed {seed}: {found[name][-1]}", file=sys.stderr, flush=True)
    print(
        f"## {' and '.join(pair)}: MRPC, MiniLM, 3 epochs, fp32, seeds {SEEDS}\n\n{describe()}\n- `{command_line()}`\n"
    )
    print("| optimizer | accuracy | seconds | state |\n|---|---:|---:|---:|")
    for name, runs in found.items():
        scores = [one["accuracy"] for one in runs]
        cells = (
            f"{mean(scores):.3f} ± {stdev(scores):.3f}",
            f"{mean(one['seconds'] for one in runs):.0f}",
            size(runs[0]["state"]),
        )
        print(f"| {name} | {' | '.join(cells)} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/mrpc"), help="folder of the MRPC files")
    parser.add_argument("--work", type=Path, required=True, help="folder for runs")
    parser.add_argument("--pair", nargs=2, metavar=("A", "B"), help="two optimizers on all rows, three seeds each")
    args = parser.parse_args()
    if args.pair:
        compare(args.data, args.pair, args.work)
        return
    data = rows(args.data / "msr_paraphrase_train.txt", 32)
    print(f"## Optimizers: {STEPS} steps of MiniLM on 32 rows of MRPC, batch {BATCH_SIZE} in {PARTS} parts, fp32\n")
    print(f"{describe()}\n- `{command_line()}`\n")
    print("| optimizer | schedule | loss, first 5 steps | last 5 | engines differ by | state | rates |")
    print("|---|---|---:|---:|---:|---:|---|")
    for kind in BUILT_IN:
        if not kind.runs_on(torch.device("cpu")):
            continue
        for schedule in kind.schedules[:1] or SCHEDULES:
            found = {engine: run(data, kind.name, schedule, engine, args.work / kind.name) for engine in ENGINES}
            loop, trainer = (found[engine] for engine in ENGINES)
            gap = max(abs(a - b) / abs(a) for a, b in zip(loop["losses"], trainer["losses"], strict=True))
            first, last = sum(loop["losses"][:5]) / 5, sum(loop["losses"][-5:]) / 5
            if not last < first or gap > 1e-5:
                print(f"{kind.name} with {schedule} is invalid: {first} -> {last}, engines differ by {gap}")
                sys.exit(1)
            rates = f"{loop['rates'][0]:.3g} to {loop['rates'][-1]:.3g}"
            cells = (kind.name, schedule, f"{first:.3f}", f"{last:.3f}", f"{gap:.1g}", size(loop["state"]), rates)
            print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
