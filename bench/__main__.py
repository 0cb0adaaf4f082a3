"""`python -m bench` makes the measurements of `make bench` in turn; `python -m bench NAME ...` makes one of them."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    work = ROOT / "runs" / "bench"
    every = (["startup"], ["first_step"], ["training"], ["mrpc", "--work", str(work / "mrpc")])
    for name, *options in [sys.argv[1:]] if sys.argv[1:] else every:  # the rest need a run or a choice, see README.md
        code = subprocess.run([sys.executable, "-m", f"bench.{name}", *options], cwd=ROOT, check=False).returncode
        if code:
            sys.exit(code)


if __name__ == "__main__":
    main()
