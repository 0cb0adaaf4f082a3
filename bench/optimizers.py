"""Every optimizer on 32 rows of MRPC: does it learn, are both engines equal, and how large is its state."""

import argparse
import itertools
import shutil
import sys
from pathlib import Path
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
    (checkpoint,) = sorted((work / "checkpoints").iterdir())[-1:]
    state = torch.load(checkpoint / "tensors.pt", weights_only=True)["optimizer"]
    return {
        "losses": list(curves["train/loss"].values),
        "rates": list(curves["train/learning_rate"].values),
        "state": held(state),
    }


def held(state: Any) -> int:
    """Bytes of the tensors in a state."""
    if torch.is_tensor(state):
        return state.numel() * state.element_size()
    inner = state.values() if isinstance(state, dict) else state if isinstance(state, list | tuple) else ()
    return sum(map(held, inner))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/mrpc"), help="folder of the MRPC files")
    parser.add_argument("--work", type=Path, required=True, help="folder for runs")
    args = parser.parse_args()
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
