"""Tokenizers that Luthier trains: what a round trip loses, and what training costs beside the tokenizers library alone.

`losses` trains each kind on three corpora, loads it with `AutoTokenizer`, and encodes and decodes 10,000 lines.
`speed` trains a BPE vocabulary of 16,000 tokens on generated text, by `luthier tokenizer train` and by the library in
turn, and compares the vocabularies, the seconds and the peak memory; `--megabytes 100 1000` shows whether it grows.
"""

import argparse
import gzip
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import AutoTokenizer

import luthier
from bench.environment import command_line, describe
from bench.quality_data import SETS
from luthier.tokenizers.kinds import KINDS
from luthier.tokenizers.losses import KINDS_OF_LOSS, losses_of
from luthier.tokenizers.measures import unknown_words
from luthier.tokenizers.suitability import encode

LINES = 10_000
SIZE = 16_000
WORDS, LONGEST_WORD = 200_000, 6  # made-up words, which occur as Zipf's law says; syllables of a word
WORDS_A_LINE = 150  # about a kilobyte: a document
ALONE = "alone"


def corpora(data: Path) -> Mapping[str, list[str]]:
    """The lines of BBC News, Multi30k in German, and Tiny Shakespeare."""
    (bbc,) = (one for one in SETS if one.name == "bbc")
    articles = [str(row["text"]) for split in ("train", "validation", "test") for row in bbc.read(data, split)]
    german = gzip.decompress((data / "multi30k" / "train.de.gz").read_bytes()).decode()
    plays = (data / "tinyshakespeare" / "input.txt").read_text(encoding="utf-8")
    texts = {"BBC News": "\n".join(articles), "Multi30k, German": german, "Tiny Shakespeare": plays}
    return {name: [line for line in text.split("\n") if line.strip()] for name, text in texts.items()}


def losses(data: Path, work: Path) -> Iterator[str]:
    """A line of the table for each corpus and kind."""
    for name, lines in corpora(data).items():
        file = work / f"{name.split()[0].lower()}.jsonl"
        file.write_text("".join(json.dumps({"text": line}) + "\n" for line in lines), encoding="utf-8")
        sample = random.Random(0).sample(lines, LINES)
        words = {word: 1 for line in sample for word in line.split()}
        for kind in KINDS:
            directory = work / f"{file.stem}-{kind}"
            if not directory.exists():
                luthier.train_tokenizer(file, directory, kind=kind, family="decoder")
            tokenizer = AutoTokenizer.from_pretrained(directory)
            ids = encode(tokenizer, sample)
            back = tokenizer.batch_decode(ids, clean_up_tokenization_spaces=False)
            exact = sum(line == one for line, one in zip(sample, back, strict=True))
            lost = losses_of(tokenizer, sample, ids, unknown_words(tokenizer, words))
            shares = [f"{round(LINES * lost[loss]):,}" for loss in KINDS_OF_LOSS]
            yield f"| {' | '.join((name, kind, f'{len(tokenizer):,}', f'{exact:,}', *shares))} |"


@dataclass(frozen=True)
class Spent:
    """What a process took.

    Args:
        seconds: From start to end.
        processor: Seconds of the processor.
        mebibytes: Peak of its memory.
    """

    seconds: float
    processor: float
    mebibytes: float


def generate(file: Path, megabytes: int) -> None:
    """Write text of about so many megabytes, of made-up words; a line is a document."""
    rng = np.random.default_rng(0)
    syllables = [
        consonant + vowel for consonant in "bdfghklmnprstvwz" for vowel in ("a", "e", "i", "o", "u", "ai", "ou")
    ]
    words = np.array(
        ["".join(rng.choice(syllables, rng.integers(1, LONGEST_WORD))) for _ in range(WORDS)], dtype=object
    )
    below = np.cumsum(1 / np.arange(1, WORDS + 1))
    with file.open("w", encoding="utf-8") as output:
        while output.tell() < megabytes * 1_000_000:
            drawn = words[np.searchsorted(below, rng.random((1_000, WORDS_A_LINE)) * below[-1])]
            output.writelines(" ".join(line) + ".\n" for line in drawn)


def alone(file: Path, output: Path) -> None:
    """Train as `luthier tokenizer train --kind byte-bpe` does for a decoder, with the tokenizers library alone."""
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    special = ["<|pad|>", "<|startoftext|>", "<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=SIZE, min_frequency=2, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    with file.open(encoding="utf-8") as lines:
        backend.train_from_iterator((line.rstrip("\n") for line in lines), trainer)
    backend.save(str(output))


def spent(command: list[str]) -> Spent:
    """Run a command."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{' '.join(command)} failed")
    return Spent(time.perf_counter() - start, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def speed(work: Path, megabytes: int, rounds: int) -> Iterator[str]:
    """A line of the table for each side, and one for their ratio, after the vocabularies were found equal."""
    file = work / f"{megabytes}.txt"
    generate(file, megabytes)
    taken: dict[str, list[Spent]] = {ALONE: [], "luthier": []}
    merges = []
    for turn in range(rounds):
        ours, theirs = work / f"{megabytes}-{turn}", work / f"{megabytes}-{turn}.json"
        taken[ALONE].append(spent([sys.executable, "-m", "bench.tokenizers", ALONE, str(file), str(theirs)]))
        options = ["--kind", "byte-bpe", "--vocab-size", str(SIZE), "--family", "decoder", "--output", str(ours), "-q"]
        taken["luthier"].append(spent([sys.executable, "-m", "luthier", "tokenizer", "train", str(file), *options]))
        merges += [json.loads(one.read_text())["model"]["merges"] for one in (theirs, ours / "tokenizer.json")]
    file.unlink()
    if any(one != merges[0] for one in merges):
        sys.exit("the vocabularies differ")
    best = {name: min(several, key=lambda one: one.seconds) for name, several in taken.items()}
    for name, one in best.items():
        yield f"| {megabytes} MB | {name} | {one.seconds:.1f} | {one.processor:.1f} | {one.mebibytes:.0f} |"
    ratio = [getattr(best["luthier"], key) / getattr(best[ALONE], key) for key in ("seconds", "processor")]
    yield f"| | ratio | {ratio[0]:.2f} | {ratio[1]:.2f} | |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("losses", "speed"):
        one = commands.add_parser(name)
        one.add_argument("--work", type=Path, required=True, help="folder for data and tokenizers")
        if name == "losses":
            one.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the data sets")
        else:
            one.add_argument("--megabytes", type=int, nargs="+", default=[100, 1000], help="of generated text")
            one.add_argument("--rounds", type=int, default=1, help="in turn; the fastest of each side counts")
    one = commands.add_parser(ALONE)
    one.add_argument("file", type=Path)
    one.add_argument("output", type=Path)
    args = parser.parse_args()
    if args.command == ALONE:
        alone(args.file, args.output)
        return
    args.work.mkdir(parents=True, exist_ok=True)
    print(f"{describe()}\n- `{command_line()}`\n")
    if args.command == "losses":
        print(f"| corpus | kind | tokens | exact | {' | '.join(KINDS_OF_LOSS)} |\n|---|---|{'---:|' * 8}")
        for line in losses(args.data, args.work):
            print(line, flush=True)
        return
    print("| text | | seconds | seconds of the processor | peak MiB |\n|---|---|---:|---:|---:|")
    for megabytes in args.megabytes:
        for line in speed(args.work, megabytes, args.rounds):
            print(line, flush=True)


if __name__ == "__main__":
    main()
