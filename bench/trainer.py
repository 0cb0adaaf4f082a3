"""The reference peer: a plain Hugging Face `Trainer` script, in the manner of run_glue, on two-label TSV files."""

import argparse
import csv
import json
import time
from pathlib import Path

import numpy as np
import torch
from datasets import Dataset
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


def read_rows(path: Path, header: list[str] | None, texts: list[str], label: str) -> Dataset:
    """The texts and labels of a TSV file. Its quotes are text: reading them as quotes would merge rows."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = [
            {"texts": [row[text] for text in texts], "label": int(row[label])}
            for row in csv.DictReader(file, header, delimiter="\t", quoting=csv.QUOTE_NONE)
        ]
    return Dataset.from_list(rows)


def tokenize(rows: Dataset, tokenizer: PreTrainedTokenizerBase, max_length: int) -> Dataset:
    """Ids of the texts, truncated, not padded: the collator pads each batch to its longest row."""
    return rows.map(
        lambda batch: tokenizer(*map(list, zip(*batch["texts"], strict=True)), truncation=True, max_length=max_length),
        batched=True,
        remove_columns=["texts"],
    )


def compute_metrics(prediction: EvalPrediction) -> dict[str, float]:
    """Accuracy and the F1 of label 1 (paraphrase), as GLUE scores MRPC."""
    answers = np.argmax(prediction.predictions, axis=-1)
    return {
        "accuracy": float(accuracy_score(prediction.label_ids, answers)),
        "f1": float(f1_score(prediction.label_ids, answers)),
    }


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
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32")
    parser.add_argument("--max-steps", type=int, default=-1, help="stop early")
    parser.add_argument("--output", type=Path, required=True, help="the Trainer's output directory")
    parser.add_argument("--losses", type=Path, help="file for the loss of every step, one a line")
    return parser.parse_args()


def main() -> None:
    args = parse()
    set_seed(args.seed)
    tokenizer = AutoTokenizer.from_pretrained(args.model)
    model = AutoModelForSequenceClassification.from_pretrained(args.model, num_labels=2)
    train, test = (
        tokenize(read_rows(path, args.header, args.texts, args.label), tokenizer, args.max_length)
        for path in (args.train, args.test)
    )
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
        data_collator=DataCollatorWithPadding(tokenizer),
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
        "accuracy": scores["eval_accuracy"],
        "f1": scores["eval_f1"],
        "steps": trainer.state.global_step,
        "seconds": round(seconds, 1),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
