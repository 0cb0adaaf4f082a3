"""What many tests need: a tiny model and small files of labelled text, built here and without a network."""

import os

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_DATASETS_DISABLE_PROGRESS_BARS"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["CUDA_VISIBLE_DEVICES"] = ""  # the numbers of the tests are those of a CPU
# A few processes of one thread each are faster than one process of many threads, and a waiting thread must not spin.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import csv
import gc
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes says how busy the machine is, not whether the code is right.
settings.register_profile("any speed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any speed")

WORDS = {
    "good": ["great", "lovely", "warm", "bright", "happy", "fine", "superb", "charming", "gentle", "sweet"],
    "bad": ["awful", "grim", "cold", "dull", "sad", "poor", "dreadful", "bitter", "harsh", "sour"],
    "other": [
        "the",
        "film",
        "a",
        "story",
        "of",
        "two",
        "people",
        "in",
        "town",
        "with",
        "music",
        "and",
        "long",
        "night",
    ],
}


# The settings of a training that Luthier otherwise decides from the data and the model, for tests of something else.
PLAIN: dict[str, Any] = {
    "training.batch_size": 16,
    "training.epochs": 3.0,
    "training.learning_rate": 5e-5,
    "training.warmup_ratio": 0.0,
    "training.fit_head": False,
    "training.eval_strategy": "epoch",
    "training.save_strategy": "epoch",
    "training.early_stopping_patience": 0,
    "evaluation.best_tolerance": 0.0,
}
PLAIN_BY_NAME = {key.rpartition(".")[2]: value for key, value in PLAIN.items()}  # as arguments of a function


def review(label: str, number: int) -> str:
    """A text of 4 to 24 words in which the label can be told from the words."""
    draw = random.Random(f"{label} {number}")
    words = [draw.choice(WORDS[label] if draw.random() < 0.4 else WORDS["other"]) for _ in range(draw.randint(3, 22))]
    return " ".join([draw.choice(WORDS[label]), *words, f"n{number}"])


def write_csv(path: Path, rows: list[dict[str, object]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def review_rows(n: int) -> list[dict[str, object]]:
    labels = ["good" if i % 2 else "bad" for i in range(n)]
    return [{"text": review(label, i), "label": label} for i, label in enumerate(labels)]


@pytest.fixture
def reviews(tmp_path: Path) -> Path:
    """A CSV of 120 texts with two labels."""
    return write_csv(tmp_path / "reviews.csv", review_rows(120))


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT of two layers with random weights and a WordPiece tokenizer over the words of `review`."""
    import torch
    from transformers import BertConfig, BertForMaskedLM

    from luthier.tokenizers.training import train_tokenizer

    directory = tmp_path_factory.mktemp("models") / "tiny-bert"
    tokenizer = train_tokenizer([review(label, i) for label in ("good", "bad") for i in range(300)], 300, "wordpiece")
    tokenizer.model_max_length = 64
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=64,
        pad_token_id=tokenizer.pad_token_id,
    )
    BertForMaskedLM(config).save_pretrained(directory)
    tokenizer.save_pretrained(directory)
    return directory


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Let the garbage collector look at what tests make only, and never at the half a million objects of all imports.

    Each training collects once, and the interpreter does so often: half of the time of a tiny training otherwise.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the table of the matrix, from the tests of all processes, and write it to docs/matrix.md.

    It stands here because the process that prints loads no other conftest when others run the tests.
    """
    if hasattr(terminalreporter.config, "workerinput"):
        return
    from tests.matrix.table import PAGE, collected, page, shown, whole

    cells = collected(terminalreporter)
    if not cells:
        return
    terminalreporter.section("architectures x tasks, in both engines")
    terminalreporter.write_line(shown(cells))
    if whole(cells):
        PAGE.write_text(page(cells), encoding="utf-8")
