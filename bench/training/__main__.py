"""`python -m bench.training`: one case, all its sides, or where the time of Luthier's steps goes."""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.environment import command_line, describe
from bench.training import __doc__ as about
from bench.training.cases import CASES
from bench.training.ours import prepared, profiled
from bench.training.table import table
from bench.training.turns import measured


def main() -> None:
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--case", choices=CASES, default="mrpc-minilm")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the public data sets")
    parser.add_argument("--repeats", type=int, default=3, help="runs of each side, each with its own seed")
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32", help="of all sides")
    parser.add_argument("--trl", metavar="PYTHON", default="", help="add `SFTTrainer` from this environment")
    parser.add_argument("--ablation", action="store_true", help="also time Luthier without each part of the fast path")
    parser.add_argument("--busy", action="store_true", help="beside one process that keeps a core busy")
    parser.add_argument("--profile", action="store_true", help="only show where the time of Luthier's steps goes")
    parser.add_argument("--json", action="store_true", help="print one object")
    args = parser.parse_args()
    if args.profile:
        case = CASES[args.case]
        with tempfile.TemporaryDirectory() as work:
            settings = {"precision": args.precision, "max_steps": case.compared}
            print(f"{describe()}\n- `{command_line()}`\n")
            print(profiled(prepared(case, args.data, Path(work), 1, settings)))
        return
    busy = subprocess.Popen([sys.executable, "-c", "while True: pass"]) if args.busy else None
    try:
        with tempfile.TemporaryDirectory() as work:
            found = measured(args, Path(work))
    finally:
        if busy is not None:
            busy.kill()
    if args.json:
        print(json.dumps(found))
        return
    print(f"## {args.case}, {args.precision}{', beside a busy process' if args.busy else ''}\n\n{describe()}")
    if args.trl:
        told = [args.trl, "-c", "from importlib.metadata import version; print('trl', version('trl'))"]
        print(f"- beside it: {subprocess.run(told, capture_output=True, text=True, check=True).stdout.strip()}")
    print(f"- `{command_line()}`\n{table(found)}")


if __name__ == "__main__":
    main()
