"""Record what `luthier train` computes on five data sets, without times and speeds, and compare two recordings.

A refactoring must change no recorded value. Every value is compared exactly, so both recordings must come from the
same machine and the same versions of the libraries.
"""

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.environment import describe

ENGINES = ("loop", "trainer")
STEPS = 20
SECTIONS = ("curves", "metrics", "predictions", "weights", "rows", "result")
TIMES = {"time", "seconds", "tokens_per_second", "train/tokens_per_second"}
FIRST_ROWS = 5  # predictions recorded in full, beside the digest of each column
# One thread: the order of the additions, and with it the last bit of a sum, depends on the number of threads.
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "HF_HUB_OFFLINE": "1"}

PRETRAINED = (
    "--model minilm --set training.learning_rate=5e-4 --set data.validation_share=0.03 --set data.test_share=0.03"
)
FROM_SCRATCH = (
    "--from-scratch tiny --set evaluation.samples=2 --set evaluation.generated_rows=16"
    " --set generation.max_new_tokens=16"
)
DATA_SETS = {
    "mrpc": f"mrpc/msr_paraphrase_train.txt --task text-classification {PRETRAINED}"
    " --set data.train_rows=320 --set data.max_length=64",
    "wnut17": f"wnut17/train.conll --task token-classification {PRETRAINED}"
    " --set data.train_rows=320 --set data.max_length=48",
    "xquad": f"xquad/xquad.en.json --task question-answering {PRETRAINED}"
    " --set data.train_rows=100 --set data.max_length=128 --set training.batch_size=8",
    "multi30k": f"multi30k --task translation {FROM_SCRATCH}"
    " --set data.train_rows=640 --set data.max_length=32 --set training.gradient_accumulation_steps=2",
    "alpaca": f"alpaca-demo/alpaca_en_demo.json --task chat {FROM_SCRATCH}"
    " --set model.architecture=llama --set data.train_rows=320 --set data.max_length=192",
}
EVALUATIONS = (
    "--set training.eval_strategy=steps --set training.eval_steps=10"
    " --set training.save_strategy=steps --set training.save_steps=10"
)


def record_run(data: Path, work: Path, name: str, engine: str, seed: int = 7) -> dict[str, Any]:
    """Train once and return what the run computed, by section.

    Args:
        data: The folder of the data sets; recorded names of sources are relative to it.
        work: Where the run directory goes; its checkpoints are deleted.
        name: One of `DATA_SETS`.
        engine: One of `ENGINES`.
        seed: Seed of the run.
    """
    run = work / f"{name}-{engine}"
    luthier = str(Path(sys.executable).with_name("luthier"))
    options = f"--engine {engine} --max-steps {STEPS} --precision fp32 --seed {seed} --json {EVALUATIONS}"
    command = [luthier, "train", *DATA_SETS[name].split(), *options.split(), "--run-dir", str(run)]
    started = time.perf_counter()
    process = subprocess.run(command, cwd=data, capture_output=True, text=True, check=False)
    if process.returncode:
        sys.exit(f"{name}/{engine}: exit status {process.returncode}\n{process.stdout}{process.stderr}")
    print(f"{name}/{engine}: {time.perf_counter() - started:.0f} s", file=sys.stderr)
    result, rows = json.loads(process.stdout), json.loads((run / "data.json").read_text(encoding="utf-8"))
    recorded = {
        "curves": curves(run / "curves.jsonl"),
        "metrics": without_times(json.loads((run / "metrics.json").read_text(encoding="utf-8"))),
        "predictions": predictions(run / "predictions.parquet", f"{data}/"),
        "weights": weights(run / "model"),
        # Counts by position (read, kept, skipped by reason): their keys are names, not behaviour.
        "rows": {split: list(account.values()) for split, account in rows["rows"].items()} | {"splits": rows["splits"]},
        "result": {key: result[key] for key in ("steps", "epochs", "best_step", "padding_share", "parameters")},
    }
    if result["steps"] != STEPS or not any(curve.startswith("eval/") for curve in recorded["curves"]):
        sys.exit(f"{name}/{engine}: {result['steps']} steps instead of {STEPS}, or no evaluation during training")
    shutil.rmtree(run / "checkpoints")
    return recorded


def curves(path: Path) -> dict[str, list[str]]:
    """The points of each curve, in the order of the file."""
    found: dict[str, list[str]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        point = json.loads(line)
        if point["name"] not in TIMES:
            text = f"{point['value']!r} at step {point['step']}, epoch {point['epoch']!r}"
            found.setdefault(point["name"], []).append(text)
    return found


def without_times(value: Any) -> Any:
    """A JSON value without the entries that are times or speeds."""
    if isinstance(value, dict):
        return {key: without_times(entry) for key, entry in value.items() if key not in TIMES}
    return [without_times(entry) for entry in value] if isinstance(value, list) else value


def predictions(path: Path, prefix: str) -> dict[str, Any]:
    """Type, digest and first values of each column. The prefix is removed from names of sources."""
    import pyarrow.parquet as pq

    columns: dict[str, Any] = {}
    for name, column in zip((table := pq.read_table(path)).column_names, table.columns, strict=True):
        content = [value.removeprefix(prefix) if isinstance(value, str) else value for value in column.to_pylist()]
        digest = hashlib.sha256(repr(content).encode()).hexdigest()
        columns[name] = {"type": str(column.type), "count": len(content), "sha256": digest}
        columns[name]["first"] = content[:FIRST_ROWS]
    return columns


def weights(directory: Path) -> dict[str, Any]:
    """Number of tensors and one digest over name, type, shape and bytes of each."""
    import torch
    from safetensors.torch import load_file

    tensors = {name: value for path in directory.glob("*.safetensors") for name, value in load_file(path).items()}
    digest = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    return {"tensors": len(tensors), "sha256": digest.hexdigest()} if tensors else {}


def differences(first: dict[str, Any], second: dict[str, Any]) -> tuple[dict[str, tuple[str, str]], int]:
    """What differs between two recordings' runs, as path to both values, and how many values were compared.

    Exits where there is nothing to compare: no runs, an empty section of a run, or different runs.
    """
    for runs in (first, second):
        empty = [f"{name}/{section}" for name, run in runs.items() for section in SECTIONS if not run.get(section)]
        if not runs or empty:
            sys.exit(f"nothing to compare: {', '.join(empty) or 'a recording'} is empty")
    if first.keys() != second.keys():
        sys.exit(f"the recordings cover different runs: {', '.join(first)}; {', '.join(second)}")
    before, after = dict(values(first)), dict(values(second))
    paths = dict.fromkeys([*before, *after])
    pairs = {path: (before.get(path, "absent"), after.get(path, "absent")) for path in paths}
    return {path: (one, other) for path, (one, other) in pairs.items() if one != other}, len(pairs)


def values(node: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Each scalar of a JSON value, as Python writes it (floats exactly), with its path."""
    if isinstance(node, dict | list) and node:
        for key, entry in node.items() if isinstance(node, dict) else enumerate(node):
            yield from values(entry, f"{path}/{key}" if path else str(key))
    else:
        yield path, repr(node)


def record(data: Path, work: Path, names: list[str]) -> dict[str, Any]:
    """A recording: the machine, versions, commit and number of threads, and the runs."""
    runs = {f"{name}/{engine}": record_run(data, work, name, engine) for name in names for engine in ENGINES}
    return {"environment": describe().splitlines(), "runs": runs}


def compare(first: Path, second: Path) -> int:
    """Print each difference between two recordings; the exit status is 1 when there is one."""
    before, after = (json.loads(path.read_text(encoding="utf-8")) for path in (first, second))
    found, total = differences(before["runs"], after["runs"])
    for path, recording in ((first, before), (second, after)):
        print("\n".join([str(path), *recording["environment"]]))
    for place, (one, other) in found.items():
        print(f"{place}: {one} | {other}")
    count = len(before["runs"])
    print(f"{count} runs, {len(found)} of {total} values differ" if found else f"{count} runs, {total} values equal")
    return 1 if found else 0


def control(data: Path, work: Path) -> int:
    """Check that another seed and a dropped row are seen in curves and weights; the exit status is 1 if one is not."""
    name, engine = "mrpc", "loop"
    source = DATA_SETS[name].split()[0]
    lines = (data / source).read_bytes().splitlines(keepends=True)
    shortened = work / "data" / source
    shortened.parent.mkdir(parents=True)
    shortened.write_bytes(b"".join(lines[:100] + lines[101:]))
    base = record_run(data, work / "base", name, engine)
    changes = {
        "another seed": record_run(data, work / "seed", name, engine, seed=8),
        "one row dropped": record_run(work / "data", work / "row", name, engine),
    }
    status = 0
    for change, changed in changes.items():
        found, total = differences({f"{name}/{engine}": base}, {f"{name}/{engine}": changed})
        sections = Counter(place.split("/")[2] for place in found)
        seen = {"curves", "weights"} <= sections.keys()
        print(f"{change}: {'seen' if seen else 'NOT SEEN'}, {len(found)} of {total} values differ")
        for section, number in sections.items():
            place, (one, other) = next(item for item in found.items() if item[0].split("/")[2] == section)
            print(f"- {section}: {number}, such as {place}: {one} | {other}")
        status = status if seen else 1
    return status


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    recording = commands.add_parser("record", help="train on each data set with both engines and write a recording")
    controlling = commands.add_parser("control", help="check that compare notices another seed and a dropped row")
    for command in (recording, controlling):
        command.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the data sets")
        command.add_argument("--work", type=Path, required=True, help="new folder for the runs")
    recording.add_argument("--output", type=Path, required=True, help="the recording, a JSON file")
    recording.add_argument("--only", nargs="+", choices=list(DATA_SETS), default=list(DATA_SETS), metavar="NAME")
    comparing = commands.add_parser("compare", help="compare two recordings; exit status 1 when anything differs")
    comparing.add_argument("recordings", type=Path, nargs=2)
    args = parser.parse_args()
    if args.command == "compare":
        sys.exit(compare(*args.recordings))
    os.environ.update(ENVIRONMENT)
    data, work = args.data.resolve(), args.work.resolve()
    if args.command == "control":
        sys.exit(control(data, work))
    args.output.write_text(json.dumps(record(data, work, args.only), indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
