"""The measurements that `make bench` makes, one after the other; the rest need a run or a choice, see README.md."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    work = ROOT / "runs" / "bench"
    for command in (["bench.startup"], ["bench.training"], ["bench.mrpc", "--work", str(work / "mrpc")]):
        code = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, check=False).returncode
        if code:
            sys.exit(code)


if __name__ == "__main__":
    main()
