"""Small files of rows for each task, in words that the tiny tokenizers of the matrix know."""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

WORDS = [
    *("the", "cat", "dog", "bird", "fish", "sat", "ran", "flew", "swam", "over", "under", "a", "mat", "tree", "house"),
    *("quickly", "slowly", "and", "then", "home", "red", "blue", "green", "big", "small", "old", "new", "man", "woman"),
    *("child", "saw", "heard", "liked", "it", "was", "not", "very", "good", "bad"),
]
ANIMALS = ("cat", "dog", "bird", "fish")
ROWS = 44

Row = dict[str, Any]


def words(draw: random.Random, low: int, high: int) -> str:
    return " ".join(draw.choice(WORDS) for _ in range(draw.randint(low, high)))


def _classes(draw: random.Random) -> Row:
    label = draw.choice(["good", "bad"])
    return {"text": f"{words(draw, 3, 18)} {label}", "label": label}


def _tags(draw: random.Random) -> Row:
    tokens = words(draw, 4, 18).split()
    return {"tokens": tokens, "ner_tags": ["B-ANIMAL" if token in ANIMALS else "O" for token in tokens]}


def _answers(draw: random.Random) -> Row:
    before, after = words(draw, 1, 7), words(draw, 1, 7)
    answer = draw.choice(ANIMALS)
    context = f"{before} {answer} {after}"
    answers = {"text": [answer], "answer_start": [len(before) + 1]}
    return {"question": f"the {words(draw, 2, 4)}", "context": context, "answers": answers}


def _stories(draw: random.Random) -> Row:
    return {"prompt": words(draw, 2, 5), "story": words(draw, 5, 40)}


def _turns(draw: random.Random) -> Row:
    pairs = [
        ({"role": "user", "content": words(draw, 2, 9)}, {"role": "assistant", "content": words(draw, 2, 9)})
        for _ in range(draw.randint(1, 3))
    ]
    return {"messages": [turn for pair in pairs for turn in pair]}


def _summaries(draw: random.Random) -> Row:
    document = words(draw, 8, 40)
    return {"document": document, "summary": " ".join(document.split()[:4])}


def _translations(draw: random.Random) -> Row:
    source = words(draw, 3, 12)
    return {"en": source, "de": " ".join(reversed(source.split()))}


def _written_answers(draw: random.Random) -> Row:
    context = words(draw, 6, 25)
    return {"question": f"the {words(draw, 2, 4)}", "context": context, "answer": " ".join(context.split()[1:4])}


MAKERS: dict[str, Callable[[random.Random], Row]] = {
    "text-classification": _classes,
    "token-classification": _tags,
    "question-answering": _answers,
    "text-generation": lambda draw: {"text": words(draw, 5, 60)},
    "chat": _turns,
    "creative-writing": _stories,
    "summarization": _summaries,
    "translation": _translations,
    "generative-qa": _written_answers,
}


def rows(task: str, n: int = ROWS, seed: int = 0) -> list[Row]:
    draw = random.Random(f"{task} {seed}")
    return [MAKERS[task](draw) for _ in range(n)]


def write(path: Path, task: str) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows(task)), encoding="utf-8")
    return path


def texts() -> list[str]:
    """What the tokenizers learn from."""
    draw = random.Random("texts")
    return [words(draw, 5, 15) for _ in range(300)]
