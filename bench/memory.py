"""Memory of training: with and without gradient checkpointing, and as estimated before the first step.

Each run has a process of its own; the peak is that of its training steps, beyond what was held before the model was
loaded.
"""

import argparse
import gzip
import itertools
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import luthier
from bench.environment import command_line, describe
from bench.optimizers import rows as mrpc
from luthier.learning_curves.record import read_curves
from luthier.text import size

TOLERANCE = 1e-5
COMMON: dict[str, Any] = {
    "epochs": 1,
    "precision": "fp32",
    "validation_share": 0.0,
    "test_share": 0.0,
    "eval_strategy": "no",
    "baselines": False,
}


def plays(data: Path, n: int, words: int) -> list[dict[str, Any]]:
    """Rows of so many words of Shakespeare."""
    text = (data / "tinyshakespeare" / "input.txt").read_text(encoding="utf-8").split()
    return [{"text": " ".join(text[i * words : (i + 1) * words])} for i in range(n)]


def captions(data: Path, n: int) -> list[dict[str, Any]]:
    """English captions and their German translations."""
    one, other = (data / "multi30k" / f"train.{language}.gz" for language in ("en", "de"))
    with gzip.open(one, "rt", encoding="utf-8") as english, gzip.open(other, "rt", encoding="utf-8") as german:
        pairs = itertools.islice(zip(english, german, strict=True), n)
        return [{"en": first.strip(), "de": second.strip()} for first, second in pairs]


def pairs(data: Path, n: int) -> list[dict[str, Any]]:
    return [dict(row) for row in mrpc(data / "mrpc" / "msr_paraphrase_train.txt", n)]


ENCODER = {"text": ["first", "second"], "label": "label", "batch_size": 16, "model": "minilm"}
DECODER = {"task": "text-generation", "text": "text", "model": "smollm2"}
CASES: dict[str, tuple[Callable[[Path], list[dict[str, Any]]], dict[str, Any]]] = {
    "MiniLM, classification": (lambda data: pairs(data, 64), ENCODER),
    "MiniLM, classification, gradient checkpointing, Adafactor": (
        lambda data: pairs(data, 128),
        ENCODER | {"batch_size": 64, "gradient_checkpointing": True, "optimizer": "adafactor"},
    ),
    "SmolLM2, text generation": (
        lambda data: plays(data, 12, 90),
        DECODER | {"batch_size": 4, "max_length": 128},
    ),
    "new T5 (small), translation": (
        lambda data: captions(data, 512),
        {"task": "translation", "from_scratch": "small", "architecture": "t5", "batch_size": 64, "max_steps": 4}
        | {"data.columns.source": "en", "data.columns.target": "de"},
    ),
}
LONG = {
    f"SmolLM2, 512 tokens, gradient checkpointing {'on' if on else 'off'}": (
        lambda data: plays(data, 6, 450),
        DECODER | {"batch_size": 3, "max_length": 512, "gradient_checkpointing": on, "max_steps": 2, "dropout": 0.0},
    )
    for on in (False, True)
}


def run(name: str, data: Path) -> dict[str, Any]:
    """Train a case in a new process; its memory, losses and seconds."""
    command = [sys.executable, "-m", "bench.memory", "--case", name, "--data", str(data)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    print(f"{name}: {found}", file=sys.stderr, flush=True)
    return found


def train(name: str, data: Path) -> dict[str, Any]:
    rows, settings = (CASES | LONG)[name]
    with TemporaryDirectory() as folder:
        result = luthier.train(rows(data), run_dir=Path(folder) / "run", **COMMON | settings).to_dict()
        losses = list(read_curves(Path(folder) / "run" / "curves.jsonl")["train/loss"].values)
    return {"losses": losses, "seconds": result["seconds"], **result["training_memory"]}


def checkpointing(data: Path) -> Iterator[str]:
    """The table of gradient checkpointing, off and on."""
    yield "| gradient checkpointing | peak | estimated | seconds/step | losses |"
    yield "|---|---:|---:|---:|---|"
    off, on = (run(name, data) for name in LONG)
    for name, found in (("off", off), ("on", on)):
        losses = ", ".join(f"{loss:.6f}" for loss in found["losses"])
        seconds = found["seconds"] / len(found["losses"])
        estimated = size(found["estimated"]["total"])
        yield f"| {name} | {size(found['measured_bytes'])} | {estimated} | {seconds:.1f} | {losses} |"
    gap = max(abs(a - b) / abs(a) for a, b in zip(off["losses"], on["losses"], strict=True))
    yield f"\n- peak on / off: {on['measured_bytes'] / off['measured_bytes']:.2f}; losses differ by {gap:.1g}"
    if gap > TOLERANCE:
        sys.exit(f"the losses differ by {gap}")


def estimates(data: Path) -> Iterator[str]:
    """The table of estimates and measured peaks."""
    yield "| model | estimated | measured | estimated / measured | weights | gradients | optimizer | activations |"
    yield "|---|---:|---:|---:|---:|---:|---:|---:|"
    for name in CASES:
        found = run(name, data)
        estimated, measured = found["estimated"], found["measured_bytes"]
        parts = [estimated[part] for part in ("weights", "gradients", "optimizer_state", "activations")]
        cells = [size(estimated["total"]), size(measured), f"{estimated['total'] / measured:.2f}", *map(size, parts)]
        yield f"| {name} | {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the data sets")
    parser.add_argument("--case", help="train this case only, and print JSON")
    args = parser.parse_args()
    if args.case:
        print(json.dumps(train(args.case, args.data)))
        return
    print(f"## Memory of training, fp32\n\n{describe()}\n- `{command_line()}`\n", flush=True)
    for line in itertools.chain(checkpointing(args.data), ["\n"], estimates(args.data)):
        print(line, flush=True)


if __name__ == "__main__":
    main()
