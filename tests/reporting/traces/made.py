"""Traces to draw: of tiny untrained models of each family, and made by hand at any size."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from transformers import AutoTokenizer

from luthier.reporting.traces.trace import Trace
from luthier.tracing.anatomy import Anatomy, Part, anatomy
from luthier.tracing.decoding import Writing, candidates, choices
from luthier.tracing.record import record
from luthier.tracing.stages import Stage, stages
from luthier.tracing.text import Cut, Read, Tokens, cut
from tests.matrix.models import build

TEXTS = ["the warm story of two people", "a dull film"]
ANSWERS: dict[str, Any] = {
    "SequenceClassification": {"prediction": "good", "score": 0.7, "scores": {"good": 0.7, "bad": 0.3}},
    "TokenClassification": {"prediction": [{"type": "person", "text": "people", "start": 22, "end": 28, "score": 0.4}]},
    "QuestionAnswering": {"prediction": "story", "score": 0.2, "start": 9},
}


def traced(name: str, head: str, folder: Path) -> Trace:
    """What an untrained model of an architecture does with two texts, of which the second one is padded."""
    build(name, folder)
    model = getattr(transformers, f"AutoModelFor{head}").from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    batch = dict(tokenizer(TEXTS, padding=True, padding_side="right", return_tensors="pt"))
    if head == "Seq2SeqLM":
        batch["decoder_input_ids"] = batch["input_ids"][:, :3]
    with torch.inference_mode():
        found = record(model, batch)
    writing = None
    if head in ("CausalLM", "Seq2SeqLM"):
        logits, path = found.logits["logits"][0], batch["input_ids"][0, :3].tolist()
        first = candidates(logits[0], tokenizer)
        writing = Writing(first, {"answer": choices(logits[:3], path, tokenizer)}, [first[:3]] * 2)
    answer = ANSWERS.get(head, {"prediction": "a film"})
    return Trace(
        anatomy(model, name, "of any family", "of any task"),
        [Read({"text": text}, {"text": cut(text, tokenizer)}, 0) for text in TEXTS],
        [Tokens.of(row, tokenizer) for row in batch["input_ids"].tolist()],
        stages(batch, found),
        writing,
        [answer, answer],
        found.seconds,
    )


def made(n: int = 4, layers: int = 2, heads: int = 2, *, word: str = "word", unread: int = 0) -> Trace:
    """A trace of one text of n tokens, made by hand. All layers have the same attention."""
    rng = np.random.default_rng(0)
    weights = rng.dirichlet(np.full(n, 0.05), (1, heads, n)).astype(np.float32)
    states = [rng.standard_normal((1, n, 8)).astype(np.float32) for _ in range(layers + 1)]
    found = [Stage("input_ids", np.arange(n)[None]), Stage("attention_mask", np.ones((1, n), dtype=int))]
    for at, state in enumerate(states):
        found += [Stage(f"attention {at}", weights, {"entropy": 1.0})] if at else []
        notes = {"norm": 1.0, "similarity": 0.5} if at else {"norm": 1.0}
        found.append(Stage(f"layer {at}" if at else "embeddings", state, notes))
    found.append(Stage("logits", np.array([[2.0, 0.0]])))
    parts = [
        Part("embeddings", "Embedding", 80, 320),
        *(Part(f"layers.{i}", "Layer", 64, 256) for i in range(layers)),
        Part("head", "Linear", 16, 64, ("embeddings",)),
    ]
    seconds = {"embeddings": 1e-3} | {f"layers.{i}": 2e-3 for i in range(layers)} | {"head": 1e-3}
    odds = np.exp([2.0, 0.0]) / np.exp([2.0, 0.0]).sum()
    text = " ".join([word] * n)
    return Trace(
        Anatomy("m", "bert", "encoder", "text-classification", [layers], 8, heads, 10, 500, parts),
        [Read({"text": text}, {"text": Cut(text, text.lower(), tuple(text.split()))}, unread)],
        [Tokens(list(range(n)), [word] * n, [word] * n, [at == 0 for at in range(n)])],
        found,
        None,
        [{"prediction": "good", "score": odds[0], "scores": {"good": odds[0], "bad": odds[1]}}],
        seconds,
    )
