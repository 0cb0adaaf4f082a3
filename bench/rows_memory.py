"""Peak memory of training on few and on many short rows: what grows with the rows should be small beside the rest.

Each number of rows has a process of its own, with a model of two small layers and few steps, so that the rows weigh.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.environment import command_line, describe
from luthier.text import count, size

LIMIT = 1.10
KINDS = ("own", "all")
WORDS = 2_000  # of the generated texts
# Where a stage is looked up when it is called, its function, and its name in the table.
STAGES = (
    ("luthier.pipeline.preparation.prepare", "recognise_columns", "recognise"),
    ("luthier.pipeline.preparation.prepare", "read_table", "read"),
    ("luthier.pipeline.preparation.prepare", "make_splits", "split"),
    ("luthier.pipeline.preparation.prepare", "check", "check"),
    ("luthier.pipeline.preparation.prepare", "tokenize", "tokenize"),
    ("luthier.api.one_run", "keep_data", "keep the data"),
    ("luthier.engines.loop", "run", "train"),
    ("luthier.pipeline.training.finish", "_score", "score"),
    ("luthier.api.one_run", "report", "report"),
)
SETTINGS: dict[str, Any] = {
    "max_steps": 10,
    "precision": "fp32",
    "baselines": False,
    "fit_head": False,
    "validation_share": 0.01,
    "test_share": 0.01,
}


def write_rows(path: Path, rows: int) -> None:
    """Texts of 4 to 12 made-up words, with two labels."""
    draw = random.Random(0)
    words = ["".join(draw.choices("abcdefghijklmnopqrstuvwxyz", k=draw.randint(2, 8))) for _ in range(WORDS)]
    with path.open("w", encoding="utf-8") as file:
        file.write("text,label\n")
        for _ in range(rows):
            file.write(f"{' '.join(draw.choices(words, k=draw.randint(4, 12)))},{draw.choice(('good', 'bad'))}\n")


def tiny_model(folder: Path) -> None:
    """A BERT of two small layers, with MiniLM's tokenizer."""
    from transformers import AutoTokenizer, BertConfig, BertModel

    from luthier.models.sources import locate

    tokenizer = AutoTokenizer.from_pretrained(locate("minilm"))
    layers: dict[str, Any] = {
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 64,
    }
    BertModel(BertConfig(vocab_size=len(tokenizer), **layers)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


class Peak:
    """The most memory of this process since `begin`, in bytes: in all, and without mapped files.

    What is read from a mapped file stays in memory as long as nothing else needs the room.
    """

    def __init__(self) -> None:
        self.begin()
        threading.Thread(target=self._watch, daemon=True).start()

    def begin(self) -> None:
        self.found = {"all": 0, "own": 0}

    def read(self) -> dict[str, int]:
        """The most so far."""
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
        now = {
            line.partition(":")[0]: int(line.split()[1]) * 1024 for line in lines if line.startswith(("VmRSS", "RssA"))
        }
        self.found = {"all": max(self.found["all"], now["VmRSS"]), "own": max(self.found["own"], now["RssAnon"])}
        return self.found

    def _watch(self) -> None:
        while True:
            self.read()
            time.sleep(0.02)


def measure(data: Path, model: Path, command: str) -> dict[str, dict[str, int]]:
    """The peak of each stage of a training or an inspection."""
    import luthier

    found: dict[str, dict[str, int]] = {}
    peak = Peak()

    def measured(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def stage(*args: Any, **options: Any) -> Any:
            peak.begin()
            try:
                return function(*args, **options)
            finally:
                found[name] = peak.read()

        return stage

    for module, function, name in STAGES:
        place = import_module(module)
        setattr(place, function, measured(name, getattr(place, function)))
    with TemporaryDirectory() as folder:
        settings = SETTINGS | {"model": str(model)}
        if command == "train":
            luthier.train(data, run_dir=Path(folder) / "run", **settings)
        else:
            luthier.inspect(data, **settings)
    return found


def run(rows: int, work: Path, command: str) -> dict[str, dict[str, int]]:
    """The peaks of a new process."""
    data = work / f"{rows}.csv"
    if not data.exists():
        write_rows(data, rows)
    line = [sys.executable, "-m", "bench.rows_memory", "--child", str(data), "--model", str(work / "model")]
    environment = os.environ | {"HF_DATASETS_CACHE": str(work / "cache")}
    done = subprocess.run([*line, "--command", command], stdout=subprocess.PIPE, text=True, check=True, env=environment)
    found: dict[str, dict[str, int]] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs=2, default=[100_000, 2_000_000])
    parser.add_argument("--command", choices=["train", "inspect"], default="train")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--model", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        print(json.dumps(measure(args.child, args.model, args.command)))
        return
    with TemporaryDirectory() as folder:
        work = Path(folder)
        tiny_model(work / "model")
        few, many = (run(rows, work, args.command) for rows in args.rows)
    print(f"## Peak memory of `luthier {args.command}` by rows\n\n{describe()}\n- `{command_line()}`\n")
    columns = [f"{count(rows)} rows{what}" for what in ("", ", with mapped files") for rows in args.rows]
    print(f"| stage | {' | '.join(columns)} |\n|---|{'---:|' * len(columns)}")
    for name in few:
        peaks = [one[name][kind] for kind in KINDS for one in (few, many)]
        print(f"| {name} | {' | '.join(map(size, peaks))} |")
    own, whole = (max(one[kind] for one in many.values()) / max(one[kind] for one in few.values()) for kind in KINDS)
    print(f"\n- peak of all: {own:.2f} times (limit {LIMIT}), {whole:.2f} with mapped files")
    sys.exit(int(own > LIMIT))


if __name__ == "__main__":
    main()
