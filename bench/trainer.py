"""The reference peer: a plain Hugging Face `Trainer` script, in the manner of run_glue.

It reads TSV files with two labels, or JSON lines: text columns, and `label`, a name or a number. As run_glue, it knows
neither several labels a row nor tags.
"""

import argparse
import csv
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from scipy.stats import pearsonr
from sklearn.metrics import accuracy_score, f1_score
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    DataCollatorWithPadding,
    EvalPrediction,
    PreTrainedTokenizerBase,
    PrinterCallback,
    Trainer,
    TrainingArguments,
    set_seed,
)

METRICS = ("accuracy", "f1", "pearson")


def read_rows(path: Path, header: list[str] | None, texts: list[str], label: str) -> Dataset:
    """The texts and labels of a file. Quotes of a TSV file are text: reading them as quotes would merge rows."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        if path.suffix == ".jsonl":
            return Dataset.from_list([read_row(json.loads(line)) for line in file])
        rows = csv.DictReader(file, header, delimiter="\t", quoting=csv.QUOTE_NONE)
        return Dataset.from_list([{"texts": [row[text] for text in texts], "label": int(row[label])} for row in rows])


def read_row(row: dict[str, Any]) -> dict[str, Any]:
    """A row of JSON lines: its texts, and its label."""
    label = row.pop("label")
    return {"texts": list(row.values()), "label": label}


def encode_labels(train: Dataset, test: Dataset) -> tuple[Dataset, Dataset, int, str]:
    """Names of labels as ids; also the number of outputs, and transformers' name for the problem."""
    if isinstance(train[0]["label"], float):
        return train, test, 1, "regression"
    names = {name: number for number, name in enumerate(sorted(set(train["label"])))}
    encoded = [rows.map(lambda row: {"label": names[row["label"]]}) for rows in (train, test)]
    return *encoded, len(names), "single_label_classification"


def tokenize(rows: Dataset, tokenizer: PreTrainedTokenizerBase, max_length: int) -> Dataset:
    """Ids of the texts, truncated, not padded: the collator pads each batch to its longest row."""
    return rows.map(
        lambda batch: tokenizer(*map(list, zip(*batch["texts"], strict=True)), truncation=True, max_length=max_length),
        batched=True,
        remove_columns=["texts"],
    )


def compute_metrics(prediction: EvalPrediction) -> dict[str, float]:
    """The metrics of GLUE: accuracy and the F1 of label 1, or Pearson's correlation."""
    outputs, labels = np.asarray(prediction.predictions), np.asarray(prediction.label_ids)
    if outputs.shape[-1] == 1:
        return {"pearson": float(pearsonr(outputs[:, 0], labels)[0])}
    answers = np.argmax(outputs, axis=-1)
    found = {"accuracy": float(accuracy_score(labels, answers))}
    return found | ({"f1": float(f1_score(labels, answers))} if outputs.shape[-1] == 2 else {})


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--train", type=Path, required=True, help="such as msr_paraphrase_train.txt")
    parser.add_argument("--test", type=Path, required=True, help="such as msr_paraphrase_test.txt")
    parser.add_argument("--header", nargs="+", help="column names of files that have none")
    parser.add_argument("--texts", nargs="+", default=["#1 String", "#2 String"], help="one or two columns")
    parser.add_argument("--label", default="Quality", help="column of 0 and 1")
    parser.add_argument("--model", required=True, help="directory or hub name")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--epochs", type=float, default=3)
    parser.add_argument("--lr", type=float, default=2e-5)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--max-length", type=int, default=128)
    parser.add_argument("--pad", action="store_true", help="pad to the maximum length, as run_glue does")
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32")
    parser.add_argument("--max-steps", type=int, default=-1, help="stop early")
    parser.add_argument("--output", type=Path, required=True, help="the Trainer's output directory")
    parser.add_argument("--losses", type=Path, help="file for the loss of every step, one a line")
    return parser.parse_args()


def main() -> None:
    args = parse()
    set_seed(args.seed)
    tokenizer = AutoTokenizer.from_pretrained(args.model)
    rows = (read_rows(path, args.header, args.texts, args.label) for path in (args.train, args.test))
    train, test, outputs, problem = encode_labels(*rows)
    train, test = (tokenize(one, tokenizer, args.max_length) for one in (train, test))
    model = AutoModelForSequenceClassification.from_pretrained(args.model, num_labels=outputs, problem_type=problem)
    padding = {"padding": "max_length", "max_length": args.max_length} if args.pad else {}
    trainer = Trainer(
        model=model,
        args=TrainingArguments(
            output_dir=str(args.output),
            seed=args.seed,
            num_train_epochs=args.epochs,
            max_steps=args.max_steps,
            learning_rate=args.lr,
            per_device_train_batch_size=args.batch_size,
            per_device_eval_batch_size=32,
            lr_scheduler_type="linear",
            weight_decay=0.01,
            bf16=args.precision == "bf16",
            use_cpu=not torch.cuda.is_available(),
            logging_steps=1,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
        ),
        train_dataset=train,
        eval_dataset=test,
        data_collator=DataCollatorWithPadding(tokenizer, **padding),
        processing_class=tokenizer,
        compute_metrics=compute_metrics,
    )
    trainer.remove_callback(PrinterCallback)  # standard output is for the result alone
    started = time.perf_counter()
    trainer.train()
    seconds = time.perf_counter() - started
    scores = trainer.evaluate()
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    if args.losses:
        args.losses.write_text("".join(f"{loss!r}\n" for loss in losses), encoding="utf-8")
    result = {
        "seed": args.seed,
        "train_rows": len(train),
        "test_rows": len(test),
        **{name: scores[f"eval_{name}"] for name in METRICS if f"eval_{name}" in scores},
        "steps": trainer.state.global_step,
        "seconds": round(seconds, 1),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
