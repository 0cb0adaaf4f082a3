"""Training steps: Luthier beside the Hugging Face `Trainer`, all sides in turns, each in a process of its own.

All sides have the same token ids, initial weights, batch size, rate and number of rows. Losses are compared first, with
dropout off and on the same batches; a case whose losses differ is printed as invalid, not as fast.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median, stdev
from typing import Any

import torch

from bench.environment import command_line, describe
from bench.quality_data import SETS
from luthier.recipe import FastRecipe

PARTS = tuple(FastRecipe.model_fields)
OURS, SAME, DYNAMIC, GROUPED, PADDED = "luthier", "same", "dynamic", "grouped", "padded"
RATIOS = {
    SAME: "ratio_same_batches",
    DYNAMIC: "ratio_vs_trainer",
    GROUPED: "ratio_vs_trainer_grouped",
    PADDED: "ratio_vs_trainer_padded",
}
SAYS = {
    OURS: "`luthier train`",
    SAME: "`Trainer`, Luthier's batches",
    DYNAMIC: "`Trainer`, dynamic padding",
    GROUPED: "`Trainer`, `group_by_length`",
    PADDED: "`Trainer`, padded to the maximum",
}
TOLERANCE = 1e-5  # relative difference of the losses of a step, without dropout
COMPARED = 10  # steps whose losses are compared


@dataclass(frozen=True)
class Case:
    """What is trained on.

    Args:
        data: Name of a set of `bench.quality_data`.
        rows: Rows of the pass that is timed.
        settings: Recipe keys.
        longest: Maximum tokens of a row; what `padded` pads to.
        held_out: The split whose loss is compared.
    """

    data: str
    rows: int
    settings: Mapping[str, Any]
    longest: int = 128
    held_out: str = "validation"


MINILM = {"model": "minilm"}
TRANSLATION = {"task": "translation", "data.columns": {"source": "de", "target": "en"}, "from_scratch": "small"}
CASES = {
    "mrpc-minilm": Case("mrpc", 640, MINILM, held_out="test"),
    "sst2-minilm": Case("sst2", 1_280, MINILM),
    "bbc-minilm": Case("bbc", 128, MINILM, 512),
    "wnut17-minilm": Case("wnut17", 640, MINILM | {"task": "token-classification"}),
    "xquad-minilm": Case("xquad", 128, MINILM | {"task": "question-answering"}, 384),
    "mrpc-bert": Case("mrpc", 320, {"from_scratch": "base", "architecture": "bert"}, held_out="test"),
    "mrpc-modernbert": Case("mrpc", 320, {"from_scratch": "base", "architecture": "modernbert"}, held_out="test"),
    "multi30k-t5": Case("multi30k", 640, TRANSLATION | {"architecture": "t5"}),
    "multi30k-bart": Case("multi30k", 640, TRANSLATION | {"architecture": "bart"}),
}


# -- one side, in its own process --------------------------------------------------------------------------------------


def prepared(case: Case, data: Path, work: Path, seed: int, settings: Mapping[str, Any]) -> Any:
    """The rows as Luthier encodes them, which all sides train on."""
    from luthier.console import Console
    from luthier.pipeline.prepare import prepare
    from luthier.pipeline.recipes import build_recipe

    chosen = next(one for one in SETS if one.name == case.data)
    train, valid = chosen.files(data, work / "data", seed, case.held_out)
    common = {
        "epochs": 1.0,
        "batch_size": 16,
        "learning_rate": 5e-5,
        "warmup_ratio": 0.0,
        "lr_scheduler_type": "linear",
    }
    more = {
        "validation": str(valid),
        "seed": seed,
        "max_length": case.longest,
        "train_rows": case.rows,
        "engine": "loop",
    }
    return prepare(
        build_recipe(str(train), {**common, **more, **case.settings, **settings}, work, Console()), Console()
    )


def run_ours(found: Any) -> dict[str, Any]:
    """The engine `loop` on the plan of `luthier train`."""
    from luthier import allocator
    from luthier.engines.loop import new_accelerator
    from luthier.engines.loop import steps as loop
    from luthier.pipeline.fast_path import keeps_pages
    from luthier.pipeline.training.assemble import assemble

    training = assemble(found)
    accelerator, losses, tokens, places = new_accelerator(training), [], 0, 0
    began = time.perf_counter()
    with nullcontext() if keeps_pages(found.recipe, training.device) else allocator.kept():
        for step in loop(training, accelerator):
            losses.append(float(step.loss.detach()))
            tokens, places = tokens + step.tokens, places + step.padded_tokens
    seconds = time.perf_counter() - began
    return {
        "seconds": seconds,
        "losses": losses,
        "tokens": tokens,
        "padding": 1 - tokens / places,
        "model": training.model,
    }


def run_trainer(found: Any, side: str, longest: int, steps: int | None, output: Path) -> dict[str, Any]:
    """A `Trainer` with its own loop and loss, on the same rows and initial weights."""
    from torch.utils.data import DataLoader
    from transformers import Trainer, TrainerCallback, TrainingArguments

    from luthier.data.batches import train_loader
    from luthier.pipeline.training.assemble import batch_plan, fresh_model

    model, recipe = fresh_model(found), found.recipe
    model.config.use_cache = False
    rows, collate, plan = found.encoded["train"].rows, found.task.collator(model), batch_plan(found)
    if side == PADDED:
        collate = _to_length(collate, longest, found.task.tokenizer.pad_token_id)

    class Clock(TrainerCallback):
        """Times the steps, without what the `Trainer` does before and after them."""

        def __init__(self) -> None:
            self.began = self.ended = 0.0
            self.losses: list[float] = []

        def on_step_begin(self, *_: Any, **__: Any) -> None:
            self.began = self.began or time.perf_counter()

        def on_step_end(self, *_: Any, **__: Any) -> None:
            self.ended = time.perf_counter()

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
            self.losses.extend([logs["loss"]] if "loss" in logs else [])

    class Planned(Trainer):
        """With `same`, the batches are Luthier's."""

        def get_train_dataloader(self) -> Any:
            if side != SAME:
                return super().get_train_dataloader()
            stop = steps or plan.steps_per_epoch
            loader = train_loader(plan, rows, collate, start=0, stop=stop)
            return DataLoader([batch.tensors for batch in loader], batch_size=None)  # type: ignore[arg-type]

    clock = Clock()
    trainer = Planned(
        model=model,
        args=TrainingArguments(
            output_dir=str(output),
            num_train_epochs=1,
            max_steps=steps or -1,
            per_device_train_batch_size=recipe.training.batch_size,
            learning_rate=recipe.training.learning_rate,
            weight_decay=recipe.training.weight_decay,
            lr_scheduler_type="linear",
            seed=recipe.seed,
            bf16=recipe.training.precision == "bf16",
            logging_steps=1 if steps else 500,
            train_sampling_strategy="group_by_length" if side == GROUPED else "random",
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
            remove_unused_columns=False,
            use_cpu=True,
        ),
        train_dataset=rows,
        data_collator=collate,
        callbacks=[clock],
    )
    trainer.train()
    return {"seconds": clock.ended - clock.began, "losses": clock.losses, "model": model}


def _to_length(collate: Any, longest: int, padding: int) -> Any:
    """A collator whose inputs are all padded to one length."""

    def collated(rows: Any) -> dict[str, torch.Tensor]:
        batch = collate(rows)
        width = batch["input_ids"].shape[1]
        return {
            name: torch.nn.functional.pad(tensor, (0, longest - width), value=padding if name == "input_ids" else 0)
            if name != "labels"
            else tensor
            for name, tensor in batch.items()
        }

    return collated


def validation_loss(found: Any, model: Any) -> float:
    """The mean loss of the trained model on held-out rows."""
    from luthier.pipeline.inference.infer import Asked, answer

    some = {name: column[:400] for name, column in found.splits["validation"][:400].items()}
    asked = Asked(some, found.encoded["validation"].rows, found.encoded["validation"].lengths)
    size = min(400, asked.size)
    rows = [asked.rows[i] for i in range(size)]
    _, loss = answer(found.task, model.eval(), Asked(some, rows, asked.lengths[:size]), found.recipe, generated=0)
    return float(loss or 0)


def one(args: argparse.Namespace) -> dict[str, Any]:
    """One side of a case in this process: seconds, losses and peak memory."""
    case, steps = CASES[args.case], args.steps or None
    off = {} if args.side == OURS else {f"fast.{part}": False for part in PARTS}
    off |= {f"fast.{part}": False for part in args.off}
    chosen = {"precision": args.precision, "max_steps": steps, **off}
    chosen |= {"model.dropout": 0.0} if args.no_dropout else {}
    found = prepared(case, args.data, args.work, args.seed, chosen)
    if args.side == OURS:
        result = run_ours(found)
    else:
        result = run_trainer(found, args.side, case.longest, steps, args.work / "trainer")
    model = result.pop("model")
    result["peak"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    if not steps:
        result["validation_loss"] = validation_loss(found, model)
    return result


def profiled(args: argparse.Namespace, work: Path) -> str:
    """Where the time of Luthier's steps goes, by operation; the profiler takes some of it."""
    found = prepared(CASES[args.case], args.data, work, args.seed, {"precision": args.precision, "max_steps": COMPARED})
    with torch.profiler.profile() as profile:
        run_ours(found)
    shown: str = profile.key_averages().table(sort_by="self_cpu_time_total", row_limit=25, max_name_column_width=45)
    return shown


# -- all sides, in turns -----------------------------------------------------------------------------------------------


def launched(args: argparse.Namespace, work: Path, side: str, *options: str) -> dict[str, Any]:
    """The result of one side, in a new process."""
    command = [sys.executable, "-m", "bench.training", "--case", args.case, "--data", str(args.data)]
    command += ["--work", str(work), "--side", side, "--precision", args.precision, *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{side}: exit code {done.returncode}\n{done.stderr[-2000:]}")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def gap(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The largest relative difference of the losses of a step."""
    return max(abs(one - other) / abs(other) for one, other in zip(ours, theirs, strict=True))


def matrix_rate(precision: str) -> float:
    """Floating-point operations a second of matrix products of the size that MiniLM has."""
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    one, other = torch.randn(1024, 384, dtype=dtype), torch.randn(384, 1536, dtype=dtype)
    best = float("inf")
    for _ in range(50):
        began = time.perf_counter()
        one @ other
        best = min(best, time.perf_counter() - began)
    return 2 * 1024 * 384 * 1536 / best


def measured(args: argparse.Namespace, work: Path) -> dict[str, Any]:
    """Compare the losses, then time every side `--repeats` times."""
    steps = ("--steps", str(COMPARED), "--no-dropout")
    losses = {side: launched(args, work, side, *steps)["losses"] for side in (OURS, SAME)}
    apart = gap(losses[OURS], losses[SAME])
    sides = [side for side in SAYS if side != PADDED or args.case.startswith(("mrpc", "sst2", "xquad"))]
    runs: dict[str, list[dict[str, Any]]] = {side: [] for side in sides}
    variants = {f"without {part}": ("--off", part) for part in PARTS} if args.ablation else {}
    runs |= {name: [] for name in variants}
    for repeat in range(args.repeats):
        for side in runs:
            if args.json is False:
                print(f"{side}, {repeat + 1} of {args.repeats}", file=sys.stderr)
            runs[side].append(
                launched(
                    args, work, side if side in sides else OURS, "--seed", str(repeat + 1), *variants.get(side, ())
                )
            )
    seconds = {side: [run["seconds"] for run in found] for side, found in runs.items()}
    ours = median(seconds[OURS])
    found = {name: median(seconds[side]) / ours for side, name in RATIOS.items() if side in seconds}
    spread = {side: [run["validation_loss"] for run in runs[side]] for side in sides}
    return {
        "case": args.case,
        "precision": args.precision,
        **found,
        "losses_equal": apart <= TOLERANCE,
        "largest_loss_difference": apart,
        "same_validation_loss": {side: agree(spread[OURS], spread[side]) for side in sides},
        "seconds": {side: [min(of), median(of), max(of)] for side, of in seconds.items()},
        "validation_loss": {side: mean(of) for side, of in spread.items()},
        "peak_memory_bytes": {side: max(run["peak"] for run in found) for side, found in runs.items()},
        "tokens_per_second": median(run["tokens"] / run["seconds"] for run in runs[OURS]),
        "padding_share": median(run["padding"] for run in runs[OURS]),
        "matrix_rate": matrix_rate(args.precision),
    }


def agree(ours: Sequence[float], theirs: Sequence[float]) -> bool:
    """Whether two means over seeds are within two standard errors of their difference; one seed cannot tell."""
    if len(ours) < 2:
        return False
    error = (stdev(ours) ** 2 / len(ours) + stdev(theirs) ** 2 / len(theirs)) ** 0.5
    return abs(mean(ours) - mean(theirs)) <= 2 * error


def table(found: Mapping[str, Any]) -> str:
    """The measurement as markdown."""
    verdict = "equal" if found["losses_equal"] else "NOT EQUAL: the ratios are invalid"
    lines = [
        f"- losses of {COMPARED} steps without dropout, same batches: {verdict} "
        f"(largest relative difference {found['largest_loss_difference']:.1e})",
        f"- Luthier: {found['tokens_per_second']:,.0f} tokens a second without padding, of which there is "
        f"{100 * found['padding_share']:.1f} %; matrix products of this size alone: "
        f"{found['matrix_rate'] / 1e9:,.0f} GFLOP/s",
        "",
        "| | seconds: min, median, max | ratio | validation loss | peak memory |",
        "|---|---:|---:|---:|---:|",
    ]
    ours = found["seconds"][OURS][1]
    for side, (least, middle, most) in found["seconds"].items():
        loss, held = found["validation_loss"].get(side), found["peak_memory_bytes"][side]
        valid = found["losses_equal"] if side == SAME else found["same_validation_loss"].get(side, True)
        ratio = f"{middle / ours:.2f}" if valid else f"{middle / ours:.2f} (invalid)"
        said = "" if loss is None else f"{loss:.4f}"
        times = f"{least:.1f}, {middle:.1f}, {most:.1f}"
        lines.append(f"| {SAYS.get(side, side)} | {times} | {ratio} | {said} | {held / 2**20:,.0f} MiB |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--case", choices=CASES, default="mrpc-minilm")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the public data sets")
    parser.add_argument("--repeats", type=int, default=3, help="runs of each side, each with its own seed")
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32", help="of all sides")
    parser.add_argument("--ablation", action="store_true", help="also time Luthier without each part of the fast path")
    parser.add_argument("--busy", action="store_true", help="beside one process that keeps a core busy")
    parser.add_argument("--profile", action="store_true", help="only show where the time of Luthier's steps goes")
    parser.add_argument("--json", action="store_true", help="print one object")
    parser.add_argument("--work", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--side", help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, default=1, help=argparse.SUPPRESS)
    parser.add_argument("--steps", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--off", nargs="*", default=[], help=argparse.SUPPRESS)
    parser.add_argument("--no-dropout", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.side:
        print(json.dumps(one(args)))
        return
    if args.profile:
        with tempfile.TemporaryDirectory() as work:
            print(f"{describe()}\n- `{command_line()}`\n\n{profiled(args, Path(work))}")
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
    print(f"- `{command_line()}`\n{table(found)}")


if __name__ == "__main__":
    main()
