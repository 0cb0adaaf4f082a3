"""How long `luthier --help` takes as a whole process, and whether `import luthier` stays free of heavy libraries."""

import argparse
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

from bench.environment import command_line, describe

HEAVY = ("torch", "transformers", "numpy", "datasets", "accelerate", "sklearn", "scipy", "pandas", "pyarrow")
LIMIT = 0.3


def help_seconds(runs: int) -> list[float]:
    """Wall time of `luthier --help`, from starting the process to its end, once per run."""
    luthier = str(Path(sys.executable).with_name("luthier"))
    seconds = []
    for _ in range(runs):
        started = time.perf_counter()
        subprocess.run([luthier, "--help"], stdout=subprocess.DEVNULL, check=True)
        seconds.append(time.perf_counter() - started)
    return seconds


def heavy_imports() -> list[str]:
    """Which of `HEAVY` a fresh interpreter holds after `import luthier`."""
    probe = "import sys, luthier; print('\\n'.join(sys.modules))"
    output = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True).stdout
    return sorted(set(HEAVY) & set(output.split()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10)
    args = parser.parse_args()
    seconds = help_seconds(args.runs)
    loaded = heavy_imports()
    fastest, middle = min(seconds), median(seconds)
    print(f"## Start-up\n\n{describe()}\n- `{command_line()}`\n")
    print(f"- `luthier --help`, {args.runs} runs: fastest {fastest:.3f} s, median {middle:.3f} s (limit {LIMIT} s)")
    print(f"- `import luthier` loads of {', '.join(HEAVY)}: {', '.join(loaded) or 'none'}")
    if middle >= LIMIT or loaded:
        sys.exit(1)


if __name__ == "__main__":
    main()
