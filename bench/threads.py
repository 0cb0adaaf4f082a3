"""MiniLM on SST-2, alone and beside a busy process: OpenMP's default, Luthier's choice, a `Trainer` script."""

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from bench.environment import command_line, describe
from bench.mrpc import minilm
from luthier.text import plural
from luthier.threads import SETS_SPINS, SETS_THREADS, SPINS

STEPS, BATCH_SIZE = "30", "16"
DEFAULT = 300_000  # libgomp's spin count where nothing sets one


@contextmanager
def busy_processes(count: int) -> Iterator[None]:
    """Keep some cores busy."""
    loops = [subprocess.Popen(["sh", "-c", "while :; do :; done"]) for _ in range(count)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


def luthier_command(train: Path, test: Path, precision: str, work: Path) -> list[str]:
    options = {
        "--test": test,
        "--model": "minilm",
        "--max-steps": STEPS,
        "--batch-size": BATCH_SIZE,
        "--precision": precision,
        "--set": "validation_share=0",
        "--run-dir": work / "luthier",
        "--lr": 2e-5,
    }
    words = [str(word) for pair in options.items() for word in pair]
    words += ["--set", "warmup_ratio=0", "--set", "fit_head=false"]  # as the peer
    return [str(Path(sys.executable).with_name("luthier")), "train", str(train), *words, "--json"]


def trainer_command(train: Path, test: Path, precision: str, work: Path) -> list[str]:
    options = {
        "--train": train,
        "--test": test,
        "--label": "label",
        "--model": minilm(),
        "--max-steps": STEPS,
        "--batch-size": BATCH_SIZE,
        "--precision": precision,
        "--output": work / "trainer",
    }
    words = [str(word) for pair in options.items() for word in pair]
    return [sys.executable, "-m", "bench.trainer", *words, "--header", "text", "label", "--texts", "text"]


def seconds(command: list[str], spins: int | None, work: Path) -> float:
    """Seconds of training, as the tool reports them."""
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    chosen = {} if spins is None else {SPINS: str(spins)}
    done = subprocess.run(command, env=os.environ | chosen, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)}: exit code {done.returncode}\n{done.stdout[-1000:]}\n{done.stderr[-1000:]}")
    spent: float = json.loads(done.stdout)["seconds"]
    return spent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/sst2"), help="folder of the SST-2 files")
    parser.add_argument("--work", type=Path, required=True, help="folder for runs")
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32")
    parser.add_argument("--repeats", type=int, default=3, help="the table has medians")
    parser.add_argument("--busy", type=int, nargs="+", default=[0, 1], help="busy processes beside it, a column each")
    parser.add_argument("--spins", type=int, nargs="*", default=[], help="instead: a row for each of these spin counts")
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    for name in (*SETS_THREADS, *SETS_SPINS):
        os.environ.pop(name, None)
    train, test = args.data / "train.tsv", args.work / "test.tsv"  # a score is not the point: 32 rows will do
    test.write_text(
        "".join((args.data / "dev.tsv").read_text(encoding="utf-8").splitlines(True)[:32]), encoding="utf-8"
    )
    luthier, trainer = (
        make(train, test, args.precision, args.work / "run") for make in (luthier_command, trainer_command)
    )
    rows: dict[str, tuple[list[str], int | None]] = {f"spin count {spins:,}": (luthier, spins) for spins in args.spins}
    rows = rows or {
        f"luthier, OpenMP's default ({DEFAULT:,} spins)": (luthier, DEFAULT),
        "luthier": (luthier, None),
        "Trainer script": (trainer, None),
    }
    spent: dict[tuple[str, int], list[float]] = defaultdict(list)
    for _ in range(args.repeats):  # in turns, so that a machine that slows down slows all
        for busy in args.busy:
            for name, (command, spins) in rows.items():
                with busy_processes(busy):
                    spent[name, busy].append(seconds(command, spins, args.work / "run"))
                print(f"{name}, {busy} busy: {spent[name, busy][-1]:.1f} s", file=sys.stderr)
    print(f"## {STEPS} steps of MiniLM on SST-2, batch {BATCH_SIZE}, {args.precision}\n\n{describe()}")
    print(f"- `{command_line()}`\n")
    heads = ["alone" if busy == 0 else f"beside {plural(busy, 'busy process', 'busy processes')}" for busy in args.busy]
    print(f"| seconds of training | {' | '.join(heads)} |\n|---{'|---:' * len(heads)}|")
    for name in rows:
        columns = [spent[name, busy] for busy in args.busy]
        cells = [f"{median(times):.1f} ({min(times):.1f}-{max(times):.1f})" for times in columns]
        print(f"| {name} | {' | '.join(cells)} |")
    print(
        f"\nMedian of {args.repeats}, and the range. The `Trainer` script runs with the defaults of torch and OpenMP;"
    )
    print("its batches mix lengths and hold more padding.")


if __name__ == "__main__":
    main()
