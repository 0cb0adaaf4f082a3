"""One side of a case in a process of its own; prints what it measured as JSON."""

import argparse
import json
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from bench.training.cases import CASES
from bench.training.ours import prepared, run_ours, validation_loss
from bench.training.sides import OURS, TRL
from luthier.recipe import FastRecipe

PARTS = tuple(FastRecipe.model_fields)


def one(args: argparse.Namespace) -> dict[str, Any]:
    """Seconds, losses and peak memory of a side; the validation loss too, if all rows were trained on."""
    case, steps = CASES[args.case], args.steps or None
    off = args.off if args.side == OURS else PARTS
    chosen = {"precision": args.precision, "max_steps": steps, **{f"fast.{part}": False for part in off}}
    chosen |= {"model.dropout": 0.0} if args.no_dropout else {}
    found = prepared(case, args.data, args.work, args.seed, chosen)
    if args.side == OURS:
        result = run_ours(found)
    else:
        from bench.training.peers import run_sft, run_trainer

        run = run_sft if args.side in TRL else run_trainer
        result = run(found, args.side, case.longest, steps, args.work / "trainer")
    model = result.pop("model")
    if not steps:
        result["validation_loss"] = validation_loss(found, model, case.held_rows)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--case", choices=CASES, required=True)
    parser.add_argument("--side", required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--precision", default="fp32")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int, default=0, help="stop early")
    parser.add_argument("--off", nargs="*", choices=PARTS, default=[], help="parts of the fast path to leave out")
    parser.add_argument("--no-dropout", action="store_true")
    args = parser.parse_args()
    with redirect_stdout(sys.stderr):  # standard output is for the result alone
        result = one(args)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
