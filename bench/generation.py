"""Evaluation by generation: Luthier's loss and texts beside `Seq2SeqTrainer.predict` at several batch sizes, in turns.

The texts are compared first; where they differ, the times are printed as invalid. The model is trained from scratch for
some steps, once, in the work folder.
"""

import argparse
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import torch
from transformers import (
    AutoModelForSeq2SeqLM,
    DataCollatorForSeq2Seq,
    PrinterCallback,
    Seq2SeqTrainer,
    Seq2SeqTrainingArguments,
)

from bench.environment import command_line, describe
from bench.training.cases import CASES
from bench.training.ours import prepared, run_ours
from luthier.pipeline.inference.infer import Asked, answer

MOST = 0.01  # share of texts that may differ, as two tokens can be equally likely within rounding
OURS = "luthier"
CHOSEN = {"generation.max_new_tokens": 40, "precision": "fp32", "batch_size": 32, "learning_rate": 5e-4}

Predict = Callable[[], tuple[float, list[str]]]  # to the seconds and the texts


def ours(found: Any, folder: Path, rows: int) -> Predict:
    """Luthier's pass over the rows: loss and generated texts."""
    examples = {name: column[:rows] for name, column in found.splits["validation"][:rows].items()}
    encoded = found.encoded["validation"]
    asked = Asked(examples, [encoded.rows[i] for i in range(rows)], encoded.lengths[:rows])
    model = AutoModelForSeq2SeqLM.from_pretrained(folder).eval()

    def predict() -> tuple[float, list[str]]:
        began = time.perf_counter()
        answers, _ = answer(found.task, model, asked, found.recipe)
        return time.perf_counter() - began, [one["prediction"] for one in answers]

    return predict


def theirs(found: Any, folder: Path, rows: int, size: int, output: Path) -> Predict:
    """The same of a `Seq2SeqTrainer`, with the batch size of `per_device_eval_batch_size`."""
    model, tokenizer = AutoModelForSeq2SeqLM.from_pretrained(folder), found.task.tokenizer
    encoded = found.encoded["validation"].rows
    given = [{name: encoded[i][name] for name in ("input_ids", "attention_mask", "labels")} for i in range(rows)]
    arguments = Seq2SeqTrainingArguments(
        output_dir=str(output),
        predict_with_generate=True,
        per_device_eval_batch_size=size,
        use_cpu=True,
        report_to="none",
        disable_tqdm=True,
    )
    trainer = Seq2SeqTrainer(model, arguments, data_collator=DataCollatorForSeq2Seq(tokenizer, model))
    trainer.remove_callback(PrinterCallback)

    def predict() -> tuple[float, list[str]]:
        began = time.perf_counter()
        ids: Any = trainer.predict(given).predictions  # type: ignore[arg-type]  # a list has all that it needs
        ids[ids < 0] = tokenizer.pad_token_id
        texts = [str(text).strip() for text in tokenizer.batch_decode(ids, skip_special_tokens=True)]
        return time.perf_counter() - began, texts

    return predict


def measured(args: argparse.Namespace) -> dict[str, Any]:
    """Train the model unless the folder has it, evaluate with all sides in turns, and compare their texts."""
    case = replace(CASES[args.case], rows=3_200)
    found = prepared(case, args.data, args.work, 1, CHOSEN | {"max_steps": args.steps})
    folder = args.work / f"{args.case}-{args.steps}"
    if not (folder / "config.json").is_file():
        run_ours(found)["model"].save_pretrained(folder)
    rows = min(args.rows, len(found.encoded["validation"].rows))
    sides = {OURS: ours(found, folder, rows)}
    sides |= {
        f"`Seq2SeqTrainer`, {size} at once": theirs(found, folder, rows, size, args.work / "trainer")
        for size in args.sizes
    }
    if args.profile:
        with torch.profiler.profile() as profile:
            sides[OURS]()
        print(profile.key_averages().table(sort_by="self_cpu_time_total", row_limit=25, max_name_column_width=45))
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    differ: dict[str, float] = {}
    for _ in range(args.repeats):
        for name, predict in sides.items():
            taken, texts = predict()
            seconds[name].append(taken)
            if name == OURS:
                right = texts
            differ[name] = share(right, texts)
    best = min(median(of) for name, of in seconds.items() if name != OURS)
    return {
        "case": args.case,
        "rows": rows,
        "mean_words": sum(len(text.split()) for text in right) / rows,
        "ratio_vs_best_trainer": best / median(seconds[OURS]),
        "outputs_equal": max(differ.values()) <= MOST,
        "differ": differ,
        "seconds": {name: [min(of), median(of), max(of)] for name, of in seconds.items()},
    }


def share(ours: Sequence[str], theirs: Sequence[str]) -> float:
    """The share of texts that differ."""
    return sum(one != other for one, other in zip(ours, theirs, strict=True)) / len(ours)


def table(found: dict[str, Any]) -> str:
    """The measurement as markdown."""
    ours = found["seconds"][OURS][1]
    lines = [
        f"- {found['rows']:,} texts of {found['mean_words']:.1f} words: "
        f"{'equal' if found['outputs_equal'] else 'NOT EQUAL: the ratios are invalid'}",
        "",
        "| | seconds: min, median, max | ratio | other texts |",
        "|---|---:|---:|---:|",
    ]
    for name, (least, middle, most) in found["seconds"].items():
        times, apart = f"{least:.1f}, {middle:.1f}, {most:.1f}", f"{100 * found['differ'][name]:.1f} %"
        lines.append(f"| {name} | {times} | {middle / ours:.2f} | {apart} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--case", choices=[name for name in CASES if "multi30k" in name], default="multi30k-t5")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the public data sets")
    parser.add_argument("--work", type=Path, required=True, help="folder for the model, which is trained once")
    parser.add_argument("--steps", type=int, default=1_200, help="optimizer steps of the training")
    parser.add_argument("--rows", type=int, default=400)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--sizes", type=int, nargs="+", default=[8, 64], help="batch sizes of the `Seq2SeqTrainer`")
    parser.add_argument("--profile", action="store_true", help="also show where the time of Luthier's pass goes")
    parser.add_argument("--json", action="store_true", help="print one object")
    args = parser.parse_args()
    found = measured(args)
    if args.json:
        print(json.dumps(found))
        return
    print(f"## Evaluation by generation: {args.case}\n\n{describe()}\n- `{command_line()}`\n{table(found)}")


if __name__ == "__main__":
    main()
