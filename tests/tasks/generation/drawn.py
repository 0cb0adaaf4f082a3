"""Texts, stories and tiny models that the tests of writing tasks share."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from transformers import PreTrainedTokenizerBase

from luthier.tasks.text_generation.task import TextGeneration
from tests.matrix.data import words
from tests.tasks.by_hand import Row, learned

Built = Callable[[str], Path]


def text(i: int, low: int = 3, high: int = 30) -> str:
    return words(random.Random(f"document {i}"), low, high)


def stories(n: int) -> list[Row]:
    return [{"prompt": text(i, 2, 5), "story": text(i + 1000, 5, 30)} for i in range(n)]


def drawn_documents(tokenizer: PreTrainedTokenizerBase, n: int, high: int = 30) -> tuple[Any, dict[str, list[Any]]]:
    task, examples = learned(TextGeneration, [{"text": text(i, 2, high)} for i in range(n)])
    return task, examples
