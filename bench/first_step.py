"""A training's way to its first step, stage by stage: `luthier train` beside a minimal script, each in new processes.

The script imports transformers, loads the same model and tokenizes the same rows. The ratio compares it with what
`luthier train` does to the same end; what it does besides for its user is listed apart, with the reason.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from bench.environment import command_line, describe

LIMIT = 1.3
STARTED = "BENCH_STARTED"  # the environment variable with the time at which the process was started
START, REST, END = "Python and imports", "decisions, the run directory, and the rest", "the first step"
# Where a stage is looked up when it is called, its function, and its name in the table.
STAGES = (
    ("luthier.pipeline.preparation.prepare", "recognise_columns", "open, recognise the columns"),
    ("luthier.pipeline.preparation.prepare", "load_parts", "load configuration and tokenizer"),
    ("luthier.pipeline.preparation.prepare", "read_table", "read the rows"),
    ("luthier.pipeline.preparation.prepare", "make_splits", "split"),
    ("luthier.pipeline.preparation.prepare", "check", "check the data"),
    ("luthier.pipeline.preparation.prepare", "check_metrics", "try the metrics"),
    ("luthier.pipeline.preparation.prepare", "tokenize", "tokenize"),
    ("luthier.api.one_run", "decide_precision", "measure the precisions"),
    ("luthier.pipeline.training.finish", "assemble", "load the model"),
    ("luthier.pipeline.training.assemble", "fast_training", "try the fast path"),
    ("luthier.pipeline.training.finish", "fingerprint", "fingerprint of the run"),
    ("luthier.pipeline.training.finish", "fit_head", "fit the head"),
    ("luthier.pipeline.training.finish", "_estimate", "estimate the memory"),
)
APART = {
    "measure the precisions": "chooses fp32 or bf16 by what is faster here; --precision fp32 skips it",
    "try the fast path": "its results are compared with the plain ones; --set fast.unpad=false and so on skip it",
    "fit the head": "a pass over the training rows, for a better first loss; --set fit_head=false skips it",
    "estimate the memory": "says whether the run fits before it starts",
    END: "",
}
Times = dict[str, float]


class Timeline:
    """Wall and processor seconds of each stage, without those of the stages within it."""

    def __init__(self) -> None:
        self.wall: Times = {}
        self.processor: Times = {}
        self._within: list[list[float]] = [[0.0, 0.0]]
        self._began = float(os.environ[STARTED]), 0.0

    def add(self, name: str, began: tuple[float, float], inner: Sequence[float] = (0.0, 0.0)) -> None:
        """Count what passed since `began` to a stage."""
        wall, processor = (now - then for now, then in zip(self.now(), began, strict=True))
        self.wall[name] = self.wall.get(name, 0.0) + wall - inner[0]
        self.processor[name] = self.processor.get(name, 0.0) + processor - inner[1]
        self._within[-1][0] += wall
        self._within[-1][1] += processor

    def stage(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, timed."""

        def timed(*args: Any, **options: Any) -> Any:
            began = self.now()
            self._within.append([0.0, 0.0])
            try:
                return function(*args, **options)
            finally:
                self.add(name, began, self._within.pop())

        return timed

    def since_start(self, name: str) -> None:
        """Count what passed since the process started, and is counted nowhere else."""
        self.add(name, self._began, self._within[-1][:])

    def print(self) -> None:
        """Print the times for the process that started this one."""
        print(json.dumps({"wall": self.wall, "processor": self.processor}), flush=True)

    @staticmethod
    def now() -> tuple[float, float]:
        return time.time(), time.process_time()


def ours(data: Path, work: Path) -> None:
    """Run `luthier train` up to its first step, and print its timeline."""
    timeline = Timeline()
    from luthier.cli import main as luthier
    from luthier.cli.libraries import load

    load()  # as the command does, before its modules
    import_module("luthier.cli.app")
    import_module("luthier.api.train")
    timeline.since_start(START)
    for module, name, stage in STAGES:
        place = import_module(module)
        setattr(place, name, timeline.stage(stage, getattr(place, name)))
    loop = import_module("luthier.engines.loop")
    engine = loop.run

    def first(training: Any, on_step: Any, events: Any = None) -> None:
        began = timeline.now()

        def done(step: Any) -> bool:
            timeline.add(END, began)
            timeline.since_start(REST)
            timeline.print()
            os._exit(0)

        engine(training, done, events)

    setattr(loop, "run", first)  # noqa: B010  # looked up when the engine is chosen
    luthier(["train", str(data), "--model", "minilm", "--run-dir", str(work / "run"), "--quiet"])


def theirs(data: Path, model: str) -> None:
    """Do what a minimal script does before its first step, and print its timeline."""
    timeline = Timeline()
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    timeline.since_start(START)
    rows = [line.split("\t")[0] for line in data.read_text(encoding="utf-8").splitlines()[1:]]
    timeline.stage("load the model", AutoModelForSequenceClassification.from_pretrained)(model, num_labels=2)
    tokenizer = timeline.stage("load configuration and tokenizer", AutoTokenizer.from_pretrained)(model)
    timeline.stage("tokenize", tokenizer)(rows, truncation=True)
    timeline.print()


def run(who: str, data: Path, work: Path) -> dict[str, Times]:
    """The timeline of a new process, and with an empty cache."""
    from luthier.models.sources import locate  # not above: the new processes import this module too

    with TemporaryDirectory(dir=work) as folder:
        command = [sys.executable, "-m", "bench.first_step", "--child", who, "--rows-in", str(data), "--work", folder]
        command += ["--model", locate("minilm")]
        environment = os.environ | {"HF_DATASETS_CACHE": str(Path(folder) / "cache"), STARTED: str(time.time())}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    found: dict[str, Times] = json.loads(done.stdout.splitlines()[-1])
    return found


def middle(runs: Sequence[Mapping[str, Times]], clock: str) -> Times:
    """The median of each stage."""
    return {stage: median(one[clock].get(stage, 0.0) for one in runs) for stage in runs[0][clock]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the public data sets")
    parser.add_argument("--rows", type=int, default=2_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--child", choices=["ours", "theirs"], help=argparse.SUPPRESS)
    parser.add_argument("--rows-in", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--work", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--model", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        return theirs(args.rows_in, args.model) if args.child == "theirs" else ours(args.rows_in, args.work)
    with TemporaryDirectory() as work:
        lines = (args.data / "sst2" / "train.tsv").read_text(encoding="utf-8").splitlines()[: args.rows]
        data = Path(work) / "sst2.tsv"
        data.write_text("\n".join(["text\tlabel", *lines]) + "\n", encoding="utf-8")
        pairs = [[run(who, data, Path(work)) for who in ("ours", "theirs")] for _ in range(args.repeats)]
    print(f"## The way to the first step, {args.rows:,} rows of SST-2, MiniLM\n\n{describe()}\n- `{command_line()}`\n")
    both = [(middle([one[who] for one in pairs], clock)) for clock in ("wall", "processor") for who in (0, 1)]
    ratio = table(*both)
    sys.exit(int(ratio > LIMIT))


def table(wall: Times, their_wall: Times, processor: Times, their_processor: Times) -> float:
    """Print the stages; returns how many times as long as the script it takes to do the same."""
    columns = (wall, their_wall, processor, their_processor)
    print("| stage | `luthier train` | script | processor | processor, script |\n|---|---:|---:|---:|---:|")

    def row(name: str, values: Sequence[float | None]) -> None:
        print(f"| {name} | {' | '.join('' if value is None else f'{value:.2f} s' for value in values)} |")

    for stage in [stage for stage in wall if stage not in APART]:
        row(stage, [column.get(stage) for column in columns])
    sums = [sum(value for stage, value in column.items() if stage not in APART) for column in columns]
    row("**in all**", sums)
    for stage, why in APART.items():
        row(f"{stage} ({why})" if why else stage, [wall.get(stage), None, processor.get(stage), None])
    print(f"\n- ratio {sums[0] / sums[1]:.2f} (limit {LIMIT}), of processor time {sums[2] / sums[3]:.2f}")
    return sums[2] / sums[3]


if __name__ == "__main__":
    main()
