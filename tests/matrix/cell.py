"""One cell of the matrix: an architecture on a task, from training in both engines to plain transformers."""

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
import transformers
from peft import PeftConfig, PeftModel
from safetensors.torch import load_file
from transformers import AutoConfig, AutoTokenizer, GenerationConfig

import luthier
from luthier.learning_curves.record import read_curves
from luthier.tasks.chat.template import prompt_ids
from luthier.tasks.registry import find, shapes_using
from tests.matrix.data import Row, rows, write
from tests.tasks.by_hand import quick

STEPS = 8
SETTINGS: dict[str, Any] = {
    "training.max_steps": STEPS,
    "training.epochs": 30,
    "training.batch_size": 8,
    "training.gradient_accumulation_steps": 2,
    "training.save_strategy": "steps",
    "training.save_steps": 4,
    "training.keep_checkpoints": True,
    "data.max_length": 96,
}


def losses(run: Path) -> list[float]:
    return read_curves(run / "curves.jsonl")["train/loss"].values


def train(folder: Path, model: Path, task: str, engine: str, more: Mapping[str, Any] | None = None) -> Path:
    """A run of eight steps, with more settings."""
    data = folder / f"{task}.jsonl"
    if not data.exists():
        write(data, task)
    texts = {"generation.repetition_penalty": 1.0} if shapes_using(find(task), "generation") else {}
    overrides = quick(task) | SETTINGS | texts | {"task": task, "model.name": str(model), "training.engine": engine}
    overrides |= more or {}
    return luthier.train(data, run_dir=folder / f"{task}-{engine}", **overrides).run.path


def same_losses(one: Path, other: Path) -> float:
    """The largest relative difference of a step's loss."""
    pairs = list(zip(losses(one), losses(other), strict=True))
    assert len(pairs) == STEPS
    assert len({first for first, _ in pairs}) == STEPS, "equal losses would prove nothing"
    return max(abs(first - second) / abs(first) for first, second in pairs)


def evaluated_again(run: Path) -> tuple[Any, Any]:
    """The run's own metrics, and those of evaluating it once more."""
    again = luthier.evaluate(run)
    return tuple(json.loads((place / "metrics.json").read_text()) for place in (run, again.directory))


def resumed(run: Path, folder: Path) -> dict[str, torch.Tensor]:
    """The weights that a copy of the run ends with, once it has lost all that came after its first checkpoint."""
    copy = folder / f"{run.name}-resumed"
    shutil.copytree(run, copy)
    shutil.rmtree(copy / "model")
    shutil.rmtree(copy / "evaluations", ignore_errors=True)
    shutil.rmtree(copy / "checkpoints" / f"step-{STEPS:06d}")
    for name in ("result.json", "metrics.json", "predictions.parquet", "task.json", "report.html"):
        (copy / name).unlink(missing_ok=True)
    luthier.resume(copy)
    assert losses(copy) == losses(run)
    return weights(copy)


def weights(run: Path) -> dict[str, torch.Tensor]:
    """What the model directory of a run holds: all weights, or those of an adapter."""
    (file,) = (run / "model").glob("*.safetensors")
    return load_file(file)


def asked(task: str, row: Row) -> Row:
    """A row without what is to be found out."""
    hidden = {"label", "ner_tags", "answers", "story", "summary", "de", "answer", "response"}
    row = {key: value for key, value in row.items() if key not in hidden}
    if task == "chat":
        row["messages"] = row["messages"][:-1]
    return row


def plain_answers(run: Path, task: str, questions: Sequence[Row]) -> list[Any]:
    """What plain transformers says, by the means that its documentation shows for each head."""
    directory = run / "model"
    tokenizer = AutoTokenizer.from_pretrained(directory)
    loader = getattr(transformers, f"AutoModelFor{find(task).auto_class}")
    if (directory / "adapter_config.json").is_file():
        base = PeftConfig.from_pretrained(directory).base_model_name_or_path
        model = loader.from_pretrained(base, config=AutoConfig.from_pretrained(directory))
        model = PeftModel.from_pretrained(model, directory).merge_and_unload().eval()
        if model.can_generate():
            model.generation_config = GenerationConfig.from_pretrained(directory)
    else:
        model = loader.from_pretrained(directory).eval()
    with torch.inference_mode():
        return [PLAIN[task](model, tokenizer, question, run) for question in questions]


def _class(model: Any, tokenizer: Any, row: Row, run: Path) -> str:
    logits = model(**tokenizer(row["text"], return_tensors="pt")).logits
    return str(model.config.id2label[int(logits.argmax())])


def _tags(model: Any, tokenizer: Any, row: Row, run: Path) -> list[str]:
    """The tag of each word's first token, found by where the words stand."""
    text = " ".join(row["tokens"])
    encoded = tokenizer(text, return_tensors="pt", return_offsets_mapping=True)
    offsets = encoded.pop("offset_mapping")[0].tolist()
    best = model(**encoded).logits[0].argmax(-1).tolist()
    found, start = [], 0
    for word in row["tokens"]:
        here = range(start, start + len(word))
        first = next(i for i, (low, high) in enumerate(offsets) if low < high and set(range(low, high)) & set(here))
        tag = model.config.id2label[best[first]]
        # Luthier's tags are valid IOB2: an I- that does not continue an entity of its type starts one.
        stray = tag.startswith("I-") and tag[2:] not in [before[2:] for before in found[-1:]]
        found.append(f"B-{tag[2:]}" if stray else tag)
        start += len(word) + 1
    return found


def _span(model: Any, tokenizer: Any, row: Row, run: Path) -> str:
    encoded = tokenizer(row["question"], row["context"], return_tensors="pt", return_offsets_mapping=True)
    offsets, parts = encoded.pop("offset_mapping")[0].tolist(), encoded.sequence_ids(0)
    outputs = model(**encoded)
    inside = [i for i, part in enumerate(parts) if part == 1 and offsets[i][1] > offsets[i][0]]
    start, end = outputs.start_logits[0], outputs.end_logits[0]
    pairs = [(float(start[i] + end[j]), -i, -j) for i in inside for j in inside if i <= j < i + 30]
    _, first, last = max(pairs)
    # The tokens of some tokenizers begin with the space before a word.
    return str(row["context"][offsets[-first][0] : offsets[-last][1]]).strip()


def _continuation(model: Any, tokenizer: Any, row: Row, run: Path) -> str:
    prompt = row["text"] if "text" in row else row["prompt"] + "\n\n"
    encoded = tokenizer(prompt, return_tensors="pt")
    if encoded["input_ids"][0, -1] == tokenizer.eos_token_id:
        encoded = {key: value[:, :-1] for key, value in encoded.items()}
    ids = model.generate(**encoded)[0, encoded["input_ids"].shape[1] :]
    return str(tokenizer.decode(ids, skip_special_tokens=True)).rstrip()


def _reply(model: Any, tokenizer: Any, row: Row, run: Path) -> str:
    ids = torch.tensor([prompt_ids(tokenizer, row["messages"])])
    written = model.generate(ids, attention_mask=torch.ones_like(ids))[0, ids.shape[1] :]
    return str(tokenizer.decode(written, skip_special_tokens=True)).strip()


def _written(model: Any, tokenizer: Any, row: Row, run: Path) -> str:
    card: Mapping[str, Any] = json.loads((run / "model" / "luthier.json").read_text())
    text = row.get("document") or row.get("en") or f"question: {row['question']} context: {row['context']}"
    asked = tokenizer(card["learned"]["prefix"] + text, return_tensors="pt", truncation=True, max_length=96)
    ids = model.generate(**asked)[0]
    return str(tokenizer.decode(ids, skip_special_tokens=True)).strip()


PLAIN: dict[str, Any] = {
    "text-classification": _class,
    "token-classification": _tags,
    "question-answering": _span,
    "text-generation": _continuation,
    "creative-writing": _continuation,
    "chat": _reply,
    "summarization": _written,
    "translation": _written,
    "generative-qa": _written,
}


def our_answers(run: Path, task: str, questions: Sequence[Row]) -> list[Any]:
    answers = luthier.load(run).predict(questions)
    return [answer["tags" if task == "token-classification" else "prediction"] for answer in answers]


def questions(task: str) -> list[Row]:
    return [asked(task, row) for row in rows(task, 4, seed=1)]
