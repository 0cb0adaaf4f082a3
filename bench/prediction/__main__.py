"""`python -m bench.prediction`: one case, both sides."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from bench.environment import command_line, describe
from bench.prediction import __doc__ as about
from bench.prediction.cases import CASES
from bench.prediction.sides import TEXT, Answer, Predict, ours, theirs

TOLERANCE = 1e-5  # difference of a probability
OURS, OURS_LOWER = "luthier", "luthier, bf16"
FEWER = 5  # one by one, the pipeline predicts every fifth row, and its seconds count so many times


def compared(ours: Sequence[Answer], theirs: Sequence[Answer]) -> tuple[float, float]:
    """The share of answers that differ, and the largest difference of a probability of those that do not."""
    pairs = list(zip(ours, theirs, strict=True))
    gaps = [abs(one[1] - other[1]) for one, other in pairs if one[0] == other[0]]
    return 1 - len(gaps) / len(pairs), max(gaps, default=0.0)


def measured(args: argparse.Namespace) -> dict[str, Any]:
    """Predict the rows with every side in turns, and compare the answers with Luthier's in fp32."""
    import luthier

    case = CASES[args.case]
    rows = case.inputs(args.data, args.rows or case.rows)
    name = case.model(args.data, args.work)
    predictor = luthier.load(name, device="cpu")
    sides: dict[str, tuple[Predict, int]] = {OURS: (ours(predictor, case.task), 1)}
    for precision in dict.fromkeys(("fp32", args.precision)):
        if precision != "fp32":
            lower = luthier.load(name, device="cpu", precision=precision)
            sides[OURS_LOWER] = (ours(lower, case.task), 1)
        for size in args.sizes:
            named = f"pipeline, {size} at once" + (", bf16" if precision != "fp32" else "")
            sides[named] = (theirs(predictor, case.task, size, precision), FEWER if size == 1 else 1)
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    differ: dict[str, tuple[float, float]] = {}
    for predict, _ in sides.values():
        predict(rows[:8])  # the first pass also chooses and loads kernels
    for _ in range(args.repeats):
        for name, (predict, step) in sides.items():
            taken, found = predict(rows[::step])
            seconds[name].append(taken * len(rows) / len(rows[::step]))
            if name == OURS:
                right = found
            differ[name] = compared(right[::step], found)
    plain = {name: found for name, found in differ.items() if "bf16" not in name}
    best = min(median(seconds[name]) for name in plain if name != OURS)
    most = 0.01 if case.task == TEXT else 0.0  # of answers, as two tokens can be equally likely within rounding
    return {
        "case": args.case,
        "rows": len(rows),
        **{f"ratio_of_{name.replace(', ', '_')}": best / median(seconds[name]) for name in seconds if OURS in name},
        "outputs_equal": all(share <= most and gap <= TOLERANCE for share, gap in plain.values()),
        "differ": differ,
        "seconds": {name: [min(of), median(of), max(of)] for name, of in seconds.items()},
    }


def table(found: dict[str, Any]) -> str:
    """The measurement as markdown."""
    best = min(middle for name, (_, middle, _) in found["seconds"].items() if OURS not in name and "bf16" not in name)
    lines = [
        f"- answers in fp32: {'equal' if found['outputs_equal'] else 'NOT EQUAL: the ratios are invalid'}",
        "",
        "| | seconds: min, median, max | best pipeline in fp32 / it | other answers | largest difference of a score |",
        "|---|---:|---:|---:|---:|",
    ]
    for name, (least, middle, most) in found["seconds"].items():
        share, gap = found["differ"][name]
        ratio, times = f"{best / middle:.2f}", f"{least:.1f}, {middle:.1f}, {most:.1f}"
        lines.append(f"| {name} | {times} | {ratio} | {100 * share:.1f} % | {gap:.1e} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--case", choices=CASES, default="sst2")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the public data sets")
    parser.add_argument("--work", type=Path, required=True, help="folder for the run, which is trained once")
    parser.add_argument("--rows", type=int, help="fewer or more rows than the case has")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1, 16, 64], help="batch sizes of the pipeline")
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32", help="bf16 adds both sides in it")
    parser.add_argument("--json", action="store_true", help="print one object")
    args = parser.parse_args()
    found = measured(args)
    if args.json:
        print(json.dumps(found))
        return
    print(
        f"## Predictions of {found['rows']:,} rows: {args.case}\n\n{describe()}\n- `{command_line()}`\n{table(found)}"
    )


if __name__ == "__main__":
    main()
