"""The two sides: how each predicts rows, and its answers in one form."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, pipeline

Row = Mapping[str, Any]
Answer = tuple[str, float]  # what is said, and a probability; 1 for generated text
Predict = Callable[[Sequence[Row]], tuple[float, list[Answer]]]  # to the seconds and the answers

NEW_TOKENS = 32
LABELS, TAGS, TEXT = "text-classification", "token-classification", "text-generation"


def ours(predictor: Any, task: str) -> Predict:
    """Luthier's `predict`."""
    asked = {"max_new_tokens": NEW_TOKENS, "do_sample": False} if task == TEXT else {}
    predictor = predictor.generating(asked)

    def answer(said: Mapping[str, Any]) -> Answer:
        if task == LABELS:
            return said["prediction"], max(said["scores"].values())
        return (" ".join(said["tags"]), said["score"]) if task == TAGS else (said["prediction"], 1.0)

    def predict(rows: Sequence[Row]) -> tuple[float, list[Answer]]:
        given = [_chat(row) for row in rows] if task == TEXT else rows
        began = time.perf_counter()
        found = predictor.predict(given)
        return time.perf_counter() - began, [answer(one) for one in found]

    return predict


def theirs(predictor: Any, task: str, size: int, precision: str) -> Predict:
    """The pipeline of transformers at a batch size, with the model in a precision."""
    make: Any = pipeline  # overloaded by the name of the task
    name, dtype = predictor.model.name_or_path, torch.bfloat16 if precision == "bf16" else torch.float32
    longest = predictor.task.set_limits.length
    if task == TEXT:
        tokenizer = AutoTokenizer.from_pretrained(name, padding_side="left")
        model = AutoModelForCausalLM.from_pretrained(name, dtype=dtype)
        pipe = make(task, model=model, tokenizer=tokenizer, device="cpu")
        how: dict[str, Any] = {"max_new_tokens": NEW_TOKENS, "do_sample": False, "return_full_text": False}
    else:
        pipe = make(task, model=name, device="cpu", dtype=dtype)
        how = {"truncation": True, "max_length": longest} if task == LABELS else {"ignore_labels": []}

    def predict(rows: Sequence[Row]) -> tuple[float, list[Answer]]:
        given: list[Any] = [_chat(row)["messages"] if task == TEXT else _text(row) for row in rows]
        began = time.perf_counter()
        found = pipe(given, batch_size=size, **how)
        return time.perf_counter() - began, [_answer(task, *pair) for pair in zip(rows, found, strict=True)]

    return predict


def _answer(task: str, row: Row, said: Any) -> Answer:
    if task == LABELS:
        return said["label"], said["score"]
    if task == TEXT:
        return said[0]["generated_text"].strip(), 1.0
    at, start, tags = {one["start"]: one for one in said}, 0, []
    for word in row["tokens"]:
        tags.append(at.get(start, {"entity": "O", "score": 0.0}))  # the tokenizer knows no part of the word
        start += len(word) + 1
    return " ".join(one["entity"] for one in tags), min(float(one["score"]) for one in tags)


def _text(row: Row) -> str:
    return " ".join(row["tokens"]) if "tokens" in row else row["text"]


def _chat(row: Row) -> dict[str, Any]:
    asked = "\n".join(filter(None, (row["instruction"], row["input"])))
    return {"messages": [{"role": "user", "content": asked}]}
