"""Rows read and tokenized per second: Luthier beside `datasets`, with the same tokenizer, in turns.

Luthier's tokenizing also finds what was tokenized before, by a digest of the rows, and counts tokens, unknown ones and
words; its reading accounts for every row. The tokens are compared first.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from bench.environment import command_line, describe
from luthier.text import count

os.environ.setdefault("HF_DATASETS_DISABLE_PROGRESS_BARS", "1")
LIMIT = 1.2  # times as long as `datasets.map`


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds of a call, and its result."""
    began = time.perf_counter()
    found = work()
    return time.perf_counter() - began, found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the public data sets")
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    lines = (args.data / "sst2" / "train.tsv").read_text(encoding="utf-8").splitlines()
    lines = (lines * -(-args.rows // len(lines)))[: args.rows]
    with TemporaryDirectory() as folder:
        os.environ["HF_DATASETS_CACHE"] = folder
        path = Path(folder) / "rows.tsv"
        path.write_text("\n".join(["text\tlabel", *lines]) + "\n", encoding="utf-8")
        seconds = measure(path, args.repeats)
    print(f"## Reading and tokenizing, {args.rows:,} rows of SST-2, MiniLM\n\n{describe()}\n- `{command_line()}`\n")
    print("| | rows/s | seconds (min, median, max) |\n|---|---:|---:|")
    for name, found in seconds.items():
        low, middle, high = min(found), median(found), max(found)
        print(f"| {name} | {count(round(args.rows / middle))} | {low:.2f}, {middle:.2f}, {high:.2f} |")
    ratio = median(seconds["tokenize: Luthier"]) / median(seconds["tokenize: `datasets.map(batched=True)`"])
    print(f"\n- Luthier's tokenizing takes {ratio:.2f} times as long as `datasets.map` (limit {LIMIT})")
    sys.exit(int(ratio > LIMIT))


def measure(path: Path, repeats: int) -> dict[str, list[float]]:
    """Seconds of each way to read and to tokenize, in turns."""
    from transformers import AutoTokenizer

    from luthier.models.sources import locate

    tokenizer = AutoTokenizer.from_pretrained(locate("minilm"))
    turns = [measured(path, tokenizer, f"turn{number}") for number in range(repeats)]
    return {name: [turn[name] for turn in turns] for name in turns[0]}


def measured(path: Path, tokenizer: Any, name: str) -> dict[str, float]:
    """Seconds of each way, once; the name keeps what is cached apart."""
    from datasets import Dataset, load_dataset
    from transformers import BertConfig

    from luthier.console import Console
    from luthier.data.examples import values_of
    from luthier.data.tokenized import measure as tokenize
    from luthier.pipeline.preparation.opening import open_sources, recognise_columns
    from luthier.pipeline.preparation.split import read_table
    from luthier.pipeline.recipes import build_recipe

    seconds = {}
    recipe = build_recipe(path, {}, path.parent, Console())
    sources = open_sources(recipe, None)
    reader = recognise_columns(recipe, sources, None).reader
    seconds["read: Luthier"], table = timed(lambda: read_table(sources, reader, recipe))
    options = {"delimiter": "\t", "quoting": 3, "cache_dir": f"{path.parent}/{name}"}
    seconds["read: `datasets.load_dataset`"], _ = timed(lambda: load_dataset("csv", data_files=str(path), **options))
    rows = table.examples["train"]
    task = reader.fit(rows, recipe).bind(tokenizer, BertConfig())[0]
    seconds["tokenize: Luthier"], ours = timed(
        lambda: tokenize(rows, lambda batch: task.encode(batch, training=True), tokenizer, name)
    )
    texts = list(values_of(rows, "text"))
    plain = Dataset.from_dict({"text": texts})
    seconds["tokenize: `datasets.map(batched=True)`"], theirs = timed(
        lambda: plain.map(
            lambda batch: tokenizer(batch["text"]),
            batched=True,
            remove_columns="text",
            cache_file_name=f"{path.parent}/{name}.arrow",
            new_fingerprint=name,
        )
    )
    blocks = [texts[start : start + 1000] for start in range(0, len(texts), 1000)]
    seconds["tokenize: the tokenizer alone"], _ = timed(lambda: [tokenizer(block) for block in blocks])
    if list(values_of(ours.rows, "input_ids")) != list(values_of(theirs, "input_ids")):
        sys.exit("the tokens differ: the times compare nothing")
    return seconds


if __name__ == "__main__":
    main()
