"""LoRA beside full fine-tuning: MiniLM on MRPC and SmolLM2 on the Alpaca demo. What learns, what it takes and gives.

Each run is a process of its own, and so is its peak of memory. The adapter is then merged, and plain peft loads it:
both must give the same outputs.
"""

import argparse
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch
import transformers
from peft import AutoPeftModel, PeftConfig
from transformers import AutoTokenizer

import luthier
from bench.environment import command_line, describe
from luthier.text import number, quantity, share, size

TEXT = "The strings of the old instrument were worn, so the luthier replaced them."
COMMON = ("--set", "keep_checkpoints=true", "--set", "save_total_limit=1", "--set", "baselines=false", "--json", "-q")
JOBS: dict[str, tuple[str, ...]] = {
    "MiniLM, MRPC, 3 epochs, fp32": (
        *("mrpc/msr_paraphrase_train.txt", "--test", "mrpc/msr_paraphrase_test.txt", "--model", "minilm"),
        *("--epochs", "3", "--precision", "fp32"),
    ),
    "SmolLM2, Alpaca demo, 1 epoch, bf16": (
        *("alpaca-demo/alpaca_en_demo.json", "--model", "smollm2", "--task", "chat", "--epochs", "1"),
        *("--precision", "bf16", "--set", "generated_rows=0", "--set", "samples=0"),
    ),
}
SCORES = ("accuracy", "perplexity")


def train(data: Path, job: tuple[str, ...], more: tuple[str, ...], run: Path) -> dict[str, Any]:
    """Run `luthier train` in a process of its own; what it prints, and the size of its checkpoint and its model."""
    shutil.rmtree(run, ignore_errors=True)
    words = [str(data / word) if (data / word).is_file() else word for word in job]
    command = [sys.executable, "-m", "luthier", "train", *words, *COMMON, *more, "--run-dir", str(run)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{command} failed: {done.stdout[-500:]}{done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout)
    (checkpoint,) = sorted((run / "checkpoints").iterdir())[-1:]
    return found | {"checkpoint": held(checkpoint), "model": held(run / "model")}


def held(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.iterdir())


def plain_peft(run: Path) -> float:
    """The largest difference of logits between Luthier's model and the one that plain peft loads."""
    predictor = luthier.load(run, device="cpu")
    name = predictor.task.kind.auto_class
    loader = getattr(__import__("peft"), f"AutoPeftModelFor{name}", AutoPeftModel)
    labels = {} if name == "CausalLM" else {"num_labels": predictor.model.config.num_labels}
    assert PeftConfig.from_pretrained(run / "model").base_model_name_or_path
    model = loader.from_pretrained(run / "model", **labels).eval()
    inputs = AutoTokenizer.from_pretrained(run / "model")(TEXT, return_tensors="pt")
    with torch.inference_mode():
        return float((model(**inputs).logits - predictor.model(**inputs).logits).abs().max())


def row(name: str, found: dict[str, Any]) -> str:
    score = next(metric for metric in SCORES if metric in found["metrics"])
    entry = found["metrics"][score]
    cells = (
        name,
        f"{quantity(found['trainable_parameters'])} ({share(found['trainable_parameters'] / found['parameters'])})",
        size(found["checkpoint"]),
        size(found["model"]),
        size(found["peak_memory_bytes"]),
        f"{found['seconds']:.0f}",
        f"{score} {number(entry['value'])} ({number(entry['low'])}-{number(entry['high'])})",
    )
    return f"| {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the data sets")
    parser.add_argument("--work", type=Path, required=True, help="folder for runs")
    parser.add_argument("--training", choices=("full", "LoRA"), nargs="+", default=["full", "LoRA"])
    parser.add_argument("--only", default="", help="run only the jobs whose name contains this")
    args = parser.parse_args()
    transformers.logging.set_verbosity_error()
    print(f"## Adapters beside full fine-tuning\n\n{describe()}\n- `{command_line()}`\n")
    for job, words in JOBS.items():
        if args.only not in job:
            continue
        print(f"{job}:\n\n| training | learns | checkpoint | model | peak memory | seconds | score |")
        print("|---|---:|---:|---:|---:|---:|---:|")
        for name in args.training:
            more = ("--lora",) if name == "LoRA" else ()
            run = args.work / f"{words[0].partition('/')[0]}-{name}"
            print(row(name, train(args.data, words, more, run)), flush=True)
        shutil.rmtree(run / "merged", ignore_errors=True)
        merged, plain = luthier.merge(run).difference, plain_peft(run)
        print(
            f"\nMerged, the outputs differ by {merged:.1g} (relative); loaded by plain peft, by {plain:.1g}.\n",
            flush=True,
        )
        if max(merged, plain) > 1e-4:
            sys.exit("invalid: the outputs differ")


if __name__ == "__main__":
    main()
