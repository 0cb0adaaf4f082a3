"""Whether `luthier predict --file` keeps memory flat, keeps the order, and survives being killed."""

import argparse
import json
import os
import random
import subprocess
import sys
import time
from contextlib import suppress
from itertools import zip_longest
from pathlib import Path

from bench.environment import command_line, describe

WORDS = ("river", "market", "goal", "minister", "film", "software", "profit", "election", "match", "album", "budget")
DEADLINE = 600  # seconds to wait for the output to grow before a kill is given up


def write_rows(path: Path, rows: int) -> None:
    """JSON lines with an id that counts and a text of three to nine words."""
    chance = random.Random(rows)
    with path.open("w", encoding="utf-8") as file:
        for number in range(rows):
            text = " ".join(chance.choices(WORDS, k=chance.randint(3, 9)))
            file.write(json.dumps({"id": number, "text": text}) + "\n")


def start(run: str, source: Path, output: Path) -> subprocess.Popen[bytes]:
    luthier = str(Path(sys.executable).with_name("luthier"))
    command = [luthier, "predict", run, "--file", str(source), "--output", str(output)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL)


def finish(process: subprocess.Popen[bytes]) -> float:
    """Wait for a process and return the peak resident memory of it and its children in MiB."""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"luthier predict: exit code {process.returncode}")
    unit = 2**20 if sys.platform == "darwin" else 2**10  # ru_maxrss: bytes there, KiB on Linux
    return usage.ru_maxrss / unit


def check(source: Path, output: Path) -> int:
    """Compare the output with its input row by row and return the number of rows.

    Raises:
        SystemExit: A row is missing, doubled, out of order, changed, or without a prediction.
    """
    rows = 0
    with source.open(encoding="utf-8") as asked, output.open(encoding="utf-8") as answered:
        for rows, (question, line) in enumerate(zip_longest(asked, answered, fillvalue="{}"), start=1):
            row, answer = json.loads(question), json.loads(line)
            if {key: answer.get(key) for key in row} != row or answer.get("prediction") is None or not row:
                sys.exit(f"{output}, line {rows}: {line[:200]!r} does not answer {question[:200]!r}")
    return rows


def whole_part(output: Path) -> bytes:
    """The complete lines of an output that a kill may have cut."""
    held = output.read_bytes()
    return held[: held.rfind(b"\n") + 1]


def memory_table(run: str, sizes: list[int], work: Path) -> None:
    """Predict files of several sizes and print peak memory, time, and the ratio of the peaks."""
    print("| rows | peak RSS, MiB | seconds | rows/s |\n|---:|---:|---:|---:|")
    peaks = []
    for size in sizes:
        source, output = work / f"{size}.jsonl", work / f"{size}.out.jsonl"
        write_rows(source, size)
        output.unlink(missing_ok=True)
        started = time.perf_counter()
        peaks.append(finish(start(run, source, output)))
        seconds = time.perf_counter() - started
        rows = check(source, output)
        print(f"| {rows:,} | {peaks[-1]:.0f} | {seconds:.0f} | {rows / seconds:,.0f} |", flush=True)
    print(f"\n- peak of the largest / peak of the smallest: {peaks[-1] / peaks[0]:.3f}; order kept, all rows there")


def grown(output: Path, least: int, process: subprocess.Popen[bytes]) -> bool:
    """Wait until a file has so many bytes; False when the process ends first."""
    deadline = time.monotonic() + DEADLINE
    while time.monotonic() < deadline:
        if output.exists() and output.stat().st_size >= least:
            return True
        if process.poll() is not None:
            return False
        time.sleep(0.01)
    process.kill()
    sys.exit(f"{output} did not reach {least:,} bytes in {DEADLINE} seconds")


def smallest_while_running(output: Path, process: subprocess.Popen[bytes]) -> int:
    """The smallest size that the output has while a process runs: what it was allowed to lose."""
    smallest = output.stat().st_size
    while process.poll() is None and output.exists():
        with suppress(FileNotFoundError):
            smallest = min(smallest, output.stat().st_size)
        time.sleep(0.01)
    process.wait()
    return smallest


def kill_and_rerun(run: str, rows: int, kills: int, work: Path) -> None:
    """Kill a prediction several times, run it to its end, and check that nothing was lost, doubled or redone."""
    source, output = work / f"kill-{rows}.jsonl", work / f"kill-{rows}.out.jsonl"
    part = output.with_name(f"{output.name}.part")  # takes the name of the output when the last row is done
    write_rows(source, rows)
    for left in (output, part, part.with_name(f"{part.name}.json")):
        left.unlink(missing_ok=True)
    chance = random.Random()
    before = b""
    for _ in range(kills):
        process = start(run, source, output)
        # An answer is longer than its row, so the input's size is less than the output's: the kill comes midway.
        step = int(source.stat().st_size * chance.uniform(0.1, 0.9) / kills)
        if not grown(part, len(before) + max(step, 1), process):
            sys.exit("the prediction ended before it could be killed: give it more rows")
        process.kill()
        process.wait()
        before = whole_part(part)
        print(f"- killed after {len(before.splitlines()):,} whole lines", flush=True)
    process = start(run, source, output)
    smallest = smallest_while_running(part, process)
    if process.returncode:
        sys.exit(f"the rerun ended with exit code {process.returncode}")
    print(f"- after the rerun: {check(source, output):,} of {rows:,} rows, each once and in order")
    kept = smallest >= len(before) and output.read_bytes().startswith(before)
    print(f"- what was whole was {'kept, the rerun went on from it' if kept else 'NOT kept: it was done again'}")
    if not kept:
        sys.exit(1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", required=True, help="run directory; a tiny model is enough")
    parser.add_argument("--work", type=Path, required=True, help="folder for inputs and outputs")
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument(
        "--kills", type=int, default=0, help="instead: kill so many times, then rerun (first of --rows)"
    )
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    print(f"## Prediction of a large file\n\n{describe()}\n- `{command_line()}`\n", flush=True)
    if args.kills:
        kill_and_rerun(args.run, args.rows[0], args.kills, args.work)
    else:
        memory_table(args.run, sorted(args.rows), args.work)


if __name__ == "__main__":
    main()
