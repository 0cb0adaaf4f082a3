"""Is the model that a newcomer gets without an argument a good one? Luthier's defaults beside others on twelve sets.

Every result is kept in `--results`, so that a table can be made in several sittings; remove its lines to measure
anew. `--try NAME="OPTIONS"` adds a candidate: `luthier train` with these options. `--autogluon PYTHON` adds AutoGluon
MultiModal, installed in another environment, on the sets with one label a row and on tags. What becomes a default is
chosen on validation rows (`--on validation`) of other sets than MRPC, all of BBC News, and XQuAD, which are kept for
the end.
"""

import argparse
import json
import resource
import shlex
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from scipy.stats import t

from bench.environment import command_line, commit, describe, processor
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
    TRAINER: lambda one: one.one_label,
    AUTOGLUON: lambda one: one.one_label or one.tags,
}
BASELINES = {"probe": "frozen features, linear", "tfidf": "TF-IDF, linear"}
LIMIT = 1_500  # seconds that AutoGluon may fit for, after which it gives its best model: over twice what Luthier takes
QUICK, SEEDS, FEWER = 180, 5, 3  # seeds of a candidate whose first run takes less than 3 minutes, and of another one
RESULTS = Path(__file__).with_name("quality.jsonl")


@dataclass(frozen=True)
class What:
    """What is run.

    Args:
        set: Name of the set.
        split: What is scored, `test` or `validation`.
        candidate: Its name.
        options: Those of `luthier train` that make the candidate.
        seed: Of the training rows and of the training.
    """

    set: str
    split: str
    candidate: str
    options: str
    seed: int

    @property
    def name(self) -> str:
        return f"{self.set}-{self.split}-{self.candidate.replace(' ', '-')}-{self.seed}"


@dataclass(frozen=True)
class Run:
    """The result of a run.

    Args:
        score: By the set's metric.
        seconds: Of the whole process.
        processor: Seconds of the processor, which other work beside it hardly changes; None in older results.
        baselines: Baseline to its score.
        commit: What was measured.
        machine: And where.
    """

    score: float
    seconds: float
    baselines: Mapping[str, float | None]
    commit: str
    machine: str
    processor: float | None = None


class Results:
    """Results in a file of JSON lines, one a run.

    Args:
        file: It may grow while others add to it, but not shrink.
    """

    def __init__(self, file: Path) -> None:
        self._file, self._kept = file, dict[What, Run]()
        for line in file.read_text(encoding="utf-8").splitlines() if file.exists() else ():
            values = json.loads(line)
            what = What(**{field.name: values.pop(field.name) for field in fields(What)})
            self._kept[what] = Run(**values)

    def kept(self, what: What) -> Run | None:
        """The kept result, if there is one."""
        return self._kept.get(what)

    def of(self, what: What, measure: Callable[[], Run]) -> Run:
        """The kept result, or one that is measured now and kept."""
        if what not in self._kept:
            self._kept[what] = run = measure()
            with self._file.open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(what) | asdict(run)) + "\n")
        return self._kept[what]


@dataclass(frozen=True)
class Bench:
    """Runs candidates, or takes their results from an earlier sitting.

    Args:
        data: Folder of the data sets.
        work: Folder for runs.
        results: Those of earlier sittings.
        split: What is scored, `test` or `validation`.
        candidates: Name to options of `luthier train`.
        autogluon: The Python of AutoGluon's environment; empty without one.
        seeds: At most so many for each candidate.
    """

    data: Path
    work: Path
    results: Results
    split: str
    candidates: Mapping[str, str]
    autogluon: str = ""
    seeds: int = SEEDS

    def runs(self, one: Set, candidate: str) -> list[Run]:
        """The runs of a candidate: of as many seeds as its speed allows."""
        first = self._run(one, candidate, 1)
        seeds = min(self.seeds, SEEDS if first.seconds < QUICK else FEWER)
        return [first, *(self._run(one, candidate, seed) for seed in range(2, seeds + 1))]

    def kept(self, one: Set, candidate: str) -> list[Run]:
        """The kept runs of a candidate."""
        found = (self.results.kept(self._what(one, candidate, seed)) for seed in range(1, self.seeds + 1))
        return [run for run in found if run is not None]

    def _run(self, one: Set, candidate: str, seed: int) -> Run:
        what = self._what(one, candidate, seed)
        return self.results.of(what, lambda: self._measured(one, what))

    def _what(self, one: Set, candidate: str, seed: int) -> What:
        head = RANDOM_HEAD if candidate == FORMER and one.classifies else ()
        options = shlex.join([*shlex.split(self.candidates.get(candidate, "")), *head])
        return What(one.name, self.split, candidate, options, seed)

    def _measured(self, one: Set, what: What) -> Run:
        train, test = one.files(self.data, self.work / "data", what.seed, self.split)
        output = self.work / "runs" / f"{what.name}-{time.time_ns()}"  # a run that was stopped may have left its folder
        files = ["--train", train, "--test", test, "--model", minilm(), "--output", output]
        python = sys.executable
        if what.candidate == TRAINER:
            words = ["bench.trainer", *files, "--lr", "5e-5", "--batch-size", "8", "--pad", "--seed", what.seed]
        elif what.candidate == AUTOGLUON:
            limited = ["--metric", one.metric, "--seed", what.seed, "--time-limit", LIMIT]
            python, words = self.autogluon, ["bench.multimodal", *files, *limited]
        else:
            options = [*one.options, *shlex.split(what.options), "--seed", what.seed, "--json", "-q"]
            words = ["luthier", "train", train, "--test", test, *options, "--run-dir", output]
        said, seconds, used = _said([str(word) for word in (python, "-m", *words)], what.name)
        if what.candidate in PEERS:
            score, baselines = said[one.metric], {}
        else:
            score = said["metrics"][one.metric]["value"]
            baselines = {name: scores.get(one.metric) for name, scores in said["baselines"].items()}
        return Run(score, round(seconds, 1), baselines, commit(), processor(), round(used, 1))


def _said(command: list[str], name: str) -> tuple[dict[str, Any], float, float]:
    """What a command prints as JSON, its seconds, and those of the processor."""
    print(name, file=sys.stderr, flush=True)
    start, before = time.perf_counter(), _processor_seconds()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{shlex.join(command)} failed: {done.stdout[-500:]}{done.stderr[-2000:]}")
    return json.loads(done.stdout), time.perf_counter() - start, _processor_seconds() - before


def _processor_seconds() -> float:
    """Of all processes that this one has started and that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def measured_on(runs: Iterable[Run]) -> str:
    """The commits and machines of runs, with the number of runs of each."""
    found = Counter((run.commit, run.machine) for run in runs)
    return "\n".join(f"- {number} runs at commit {made}, {machine}" for (made, machine), number in found.items())


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
        busy = [run.processor for run in runs if run.processor is not None]
        used = f"{mean(busy):.0f}" if busy else ""
        lines.append((name, interval([run.score for run in runs]), apart, seconds, used, str(len(runs))))
    for key, name in BASELINES.items():
        known = [(score, run.score) for run in reference if (score := run.baselines.get(key)) is not None]
        if known:
            pairs = [score - other for score, other in known]
            lines.append((name, interval([score for score, _ in known]), interval(pairs), "", "", str(len(known))))
    return [f"| {' | '.join((one.name if not i else '', *line))} |" for i, line in enumerate(lines)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the data sets")
    parser.add_argument("--work", type=Path, required=True, help="folder for runs")
    parser.add_argument("--results", type=Path, default=RESULTS, help="file that keeps results (default: %(default)s)")
    parser.add_argument("--on", choices=("test", "validation"), default="test", help="the rows that are scored")
    parser.add_argument("--only", nargs="+", metavar="SET", choices=[one.name for one in SETS], help="only these sets")
    parser.add_argument("--try", nargs="+", metavar="NAME=OPTIONS", default=[], dest="tried", help="more candidates")
    parser.add_argument("--without", nargs="+", metavar="NAME", default=[], help="leave candidates out")
    parser.add_argument("--autogluon", metavar="PYTHON", default="", help=f"add {AUTOGLUON} from this environment")
    parser.add_argument("--seeds", type=int, default=SEEDS, help="most seeds per candidate (default: %(default)s)")
    parser.add_argument("--kept", action="store_true", help="show what --results keeps, and run nothing")
    args = parser.parse_args()
    options = CANDIDATES | dict(one.partition("=")[::2] for one in args.tried)
    without = [*args.without, *([] if args.autogluon or args.kept else [AUTOGLUON])]
    names = [name for name in (*options, *PEERS) if name not in without]
    if not names:
        parser.error("no candidate is left")
    bench = Bench(args.data, args.work, Results(args.results), args.on, options, args.autogluon, args.seeds)
    print(f"## Defaults on the {args.on} rows, MiniLM\n\n{describe()}")
    if AUTOGLUON in names and not args.kept:
        asked = [args.autogluon, "-m", "bench.multimodal", "--version"]
        told = subprocess.run(asked, stdout=subprocess.PIPE, text=True, check=True).stdout
        print("- versions for AutoGluon:", *told.split())
    print(f"- `{command_line()}`\n")
    columns = ("set", "candidate", "score", f"difference to {names[0]}", "seconds", "of the processor", "seeds")
    print(f"| {' | '.join(columns)} |\n|---|---|{'---:|' * 5}")
    every: list[Run] = []
    for one in SETS:
        if args.only and one.name not in args.only:
            continue
        able = [name for name in names if name not in PEERS or PEERS[name](one)]
        if not able:
            print(f"{one.name} is skipped: {', '.join(names)} cannot do it", file=sys.stderr)
            continue
        found = {name: bench.kept(one, name) if args.kept else bench.runs(one, name) for name in able}
        found = {name: runs for name, runs in found.items() if runs}
        if not found:
            continue
        print("\n".join(row(one, found)), flush=True)
        every += [run for runs in found.values() for run in runs]
    print(f"\n{measured_on(every)}")


if __name__ == "__main__":
    main()
