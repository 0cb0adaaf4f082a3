"""Is the model that a newcomer gets without an argument a good one? Luthier's defaults beside others on twelve sets.

Every result is kept in `--work`, so that a table can be made in several sittings. `--try NAME="OPTIONS"` adds a
candidate: `luthier train` with these options. `--autogluon PYTHON` adds AutoGluon MultiModal, installed in another
environment, on the sets with one label a row. What becomes a default is chosen on validation rows (`--on validation`)
of other sets than MRPC, the whole of BBC News and XQuAD, which are kept for the end.
"""

import argparse
import json
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from scipy.stats import t

from bench.environment import command_line, describe
from bench.mrpc import minilm
from bench.quality_data import SETS, Set

OURS, FORMER = "luthier", "former defaults"
CANDIDATES = {
    OURS: "",
    FORMER: "--epochs 3 --lr 5e-5 --batch-size 16 --scheduler linear --set warmup_ratio=0 --set max_length=512"
    " --set eval_strategy=epoch --set early_stopping_patience=0 --set best_tolerance=0",
}
RANDOM_HEAD = ("--set", "fit_head=false")  # of the tasks that fit one
TRAINER, AUTOGLUON = "run_glue", "AutoGluon"
PEERS: Mapping[str, Callable[[Set], bool]] = {  # and the sets that they can do
    TRAINER: lambda one: one.classifies,
    AUTOGLUON: lambda one: one.one_label,
}
BASELINES = {"probe": "frozen features, linear", "tfidf": "TF-IDF, linear"}
QUICK, SEEDS, FEWER = 180, 5, 3  # seeds of a candidate whose first run takes less than 3 minutes, and of another one


@dataclass(frozen=True)
class Run:
    """The result of one candidate on one set with one seed.

    Args:
        score: By the set's metric.
        seconds: Of the whole process.
        baselines: Baseline to its score.
    """

    score: float
    seconds: float
    baselines: Mapping[str, float | None]


@dataclass(frozen=True)
class Bench:
    """Runs candidates, or takes their results from an earlier sitting.

    Args:
        data: Folder of the data sets.
        work: Folder for runs and results.
        split: What is scored, `test` or `validation`.
        candidates: Name to options of `luthier train`.
        autogluon: The Python of AutoGluon's environment; empty without one.
        seeds: At most so many for each candidate.
    """

    data: Path
    work: Path
    split: str
    candidates: Mapping[str, str]
    autogluon: str = ""
    seeds: int = SEEDS

    def runs(self, one: Set, candidate: str) -> list[Run]:
        """The runs of a candidate: of as many seeds as its speed allows."""
        first = self._run(one, candidate, 1)
        seeds = min(self.seeds, SEEDS if first.seconds < QUICK else FEWER)
        return [first, *(self._run(one, candidate, seed) for seed in range(2, seeds + 1))]

    def _run(self, one: Set, candidate: str, seed: int) -> Run:
        train, test = one.files(self.data, self.work / "data", seed, self.split)
        name = f"{one.name}-{self.split}-{candidate.replace(' ', '-')}-{seed}"
        files = ["--train", train, "--test", test, "--model", minilm(), "--output", self.work / "runs" / name]
        python = sys.executable
        if candidate == TRAINER:
            words = ["bench.trainer", *files, "--lr", "5e-5", "--batch-size", "8", "--pad", "--seed", seed]
        elif candidate == AUTOGLUON:
            python, words = self.autogluon, ["bench.multimodal", *files, "--metric", one.metric, "--seed", seed]
        else:
            head = RANDOM_HEAD if candidate == FORMER and one.classifies else ()
            options = [*one.options, *shlex.split(self.candidates[candidate]), *head, "--seed", seed, "--json", "-q"]
            words = ["luthier", "train", train, "--test", test, *options]
        command = [str(word) for word in (python, "-m", *words)]
        file = self.work / "results" / f"{name}.json"
        kept = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
        if kept.get("command") != command:
            kept = {"command": command} | self._measure(command, name, luthier=candidate not in PEERS)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(kept), encoding="utf-8")
        said = kept["said"]
        if candidate in PEERS:
            return Run(said[one.metric], kept["seconds"], {})
        baselines = {name: scores.get(one.metric) for name, scores in said["baselines"].items()}
        return Run(said["metrics"][one.metric]["value"], kept["seconds"], baselines)

    def _measure(self, command: list[str], name: str, *, luthier: bool) -> dict[str, Any]:
        print(name, file=sys.stderr, flush=True)
        where = ["--run-dir", str(self.work / "runs" / f"{name}-{time.time_ns()}")] if luthier else []
        start = time.perf_counter()
        done = subprocess.run([*command, *where], capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"{shlex.join(command)} failed: {done.stdout[-500:]}{done.stderr[-2000:]}")
        return {"seconds": time.perf_counter() - start, "said": json.loads(done.stdout)}


def interval(values: Sequence[float]) -> str:
    """A mean over seeds, with its 95 % interval by Student's t."""
    if len(values) < 2:
        return f"{mean(values):.3f}"
    half = float(t.ppf(0.975, len(values) - 1)) * stdev(values) / len(values) ** 0.5
    return f"{mean(values):.3f} ± {half:.3f}"


def row(one: Set, found: Mapping[str, Sequence[Run]]) -> list[str]:
    """A line for each candidate, with its paired difference to the first one, and one for each baseline."""
    reference, lines = next(iter(found.values())), []
    for name, runs in found.items():
        pairs = [run.score - other.score for run, other in zip(runs, reference, strict=False)]
        apart = "" if runs is reference else interval(pairs)
        seconds = f"{mean(run.seconds for run in runs):.0f}"
        lines.append((name, interval([run.score for run in runs]), apart, seconds, str(len(runs))))
    for key, name in BASELINES.items():
        known = [(score, run.score) for run in reference if (score := run.baselines.get(key)) is not None]
        if known:
            pairs = [score - other for score, other in known]
            lines.append((name, interval([score for score, _ in known]), interval(pairs), "", str(len(known))))
    return [f"| {' | '.join((one.name if not i else '', *line))} |" for i, line in enumerate(lines)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the data sets")
    parser.add_argument("--work", type=Path, required=True, help="folder for runs and results; results in it are kept")
    parser.add_argument("--on", choices=("test", "validation"), default="test", help="the rows that are scored")
    parser.add_argument("--only", nargs="+", metavar="SET", choices=[one.name for one in SETS], help="only these sets")
    parser.add_argument("--try", nargs="+", metavar="NAME=OPTIONS", default=[], dest="tried", help="more candidates")
    parser.add_argument("--without", nargs="+", metavar="NAME", default=[], help="leave candidates out")
    parser.add_argument("--autogluon", metavar="PYTHON", default="", help=f"add {AUTOGLUON} from this environment")
    parser.add_argument("--seeds", type=int, default=SEEDS, help="most seeds per candidate (default: %(default)s)")
    args = parser.parse_args()
    options = CANDIDATES | dict(one.partition("=")[::2] for one in args.tried)
    without = [*args.without, *([] if args.autogluon else [AUTOGLUON])]
    names = [name for name in (*options, *PEERS) if name not in without]
    if not names:
        parser.error("no candidate is left")
    bench = Bench(args.data, args.work, args.on, options, args.autogluon, args.seeds)
    print(f"## Defaults on the {args.on} rows, MiniLM\n\n{describe()}")
    if AUTOGLUON in names:
        asked = [args.autogluon, "-m", "bench.multimodal", "--version"]
        told = subprocess.run(asked, stdout=subprocess.PIPE, text=True, check=True).stdout
        print("- versions for AutoGluon:", *told.split())
    print(f"- `{command_line()}`\n")
    print(f"| set | candidate | score | difference to {names[0]} | seconds | seeds |\n|---|---|---:|---:|---:|---:|")
    for one in SETS:
        if args.only and one.name not in args.only:
            continue
        able = [name for name in names if name not in PEERS or PEERS[name](one)]
        if not able:
            print(f"{one.name} is skipped: {', '.join(names)} cannot do it", file=sys.stderr)
            continue
        found = {name: bench.runs(one, name) for name in able}
        print("\n".join(row(one, found)), flush=True)


if __name__ == "__main__":
    main()
