"""Code that uses a finished model: with plain transformers, and with luthier."""

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Tag on the Hugging Face hub by task; it has done away with text2text-generation.
HUB_TAGS = {
    "chat": "text-generation",
    "creative-writing": "text-generation",
    "generative-qa": "question-answering",
}
_SEQ2SEQ = ("summarization", "translation", "generative-qa")
_NOTHING: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Snippet:
    """A piece of code to copy.

    Args:
        title: What it is for.
        language: `python` or `shell`.
        code: The code.
    """

    title: str
    language: str
    code: str


def hub_tag(task: str) -> str:
    """The pipeline tag under which the Hugging Face hub files a model of a task."""
    return HUB_TAGS.get(task, task)


def snippets(task: str, shape: str, run: Path, card: Mapping[str, Any] = _NOTHING) -> list[Snippet]:
    """How to use the model of a run.

    Args:
        task: Name of the task.
        shape: What a row looks like, such as `pair/one`.
        run: The run directory, as a user would type it.
        card: What the task wrote beside the model.
    """
    place = run.as_posix()
    first, *second = _row(task, shape, card)
    row = f"({_string(first)}, {_string(second[0])})" if second else _string(first)
    if {"prompt", "story"} <= set(card.get("columns", ())):
        row = f'{{"prompt": {row}}}'
    call = f"import luthier\n\nmodel = luthier.load({_string(place)})\nprint(model.predict([{row}]))"
    found = [
        Snippet("With plain transformers", "python", transformers_code(task, shape, f"{place}/model", card)),
        Snippet("With luthier, from Python", "python", call),
        Snippet("With luthier, from a terminal", "shell", predict_command(task, shape, run, card)),
    ]
    if task == "chat":
        found.insert(2, Snippet("A conversation, in a terminal", "shell", next_command(task, shape, run, card)))
    return found


def next_command(task: str, shape: str, run: Path, card: Mapping[str, Any] = _NOTHING) -> str:
    """What to type to try the model of a run; arguments as for `snippets`."""
    if task == "chat":
        return f"luthier chat {shlex.quote(run.as_posix())}"
    return predict_command(task, shape, run, card)


def predict_command(task: str, shape: str, run: Path, card: Mapping[str, Any] = _NOTHING) -> str:
    """A prediction from a terminal; arguments as for `snippets`."""
    first, *second = _row(task, shape, card)
    row = [shlex.quote(first), *(f"--pair {shlex.quote(text)}" for text in second)]
    return " ".join(["luthier predict", shlex.quote(run.as_posix()), *row])


def transformers_code(task: str, shape: str, model: str, card: Mapping[str, Any] = _NOTHING) -> str:
    """Code that uses a model directory with nothing but transformers.

    Args:
        task: Name of the task.
        shape: What a row looks like.
        model: Directory or hub name of the model.
        card: What the task wrote beside the model.
    """
    row = _row(task, shape, card)
    if task == "text-classification":
        return _classification(shape, model)
    if task == "token-classification":
        # A word has the tag of its first piece, as in training.
        return _pipeline(task, model, ', aggregation_strategy="first"', f"[{_string(row[0])}]")
    if task == "question-answering":
        return _extraction(row, model, card)
    if task in ("text-generation", "creative-writing"):
        prompt = f"{row[0]}\n\n" if "prompt" in card.get("columns", ()) else row[0]
        return _pipeline("text-generation", model, "", f"{_string(prompt)}, return_full_text=False")
    if task == "chat":
        return _chat(row[0], model)
    if task in _SEQ2SEQ:
        question = "question: {}" if len(row) == 1 else "question: {} context: {}"
        words = question.format(*row) if task == "generative-qa" else row[0]
        return _seq2seq(str(card.get("prefix") or "") + words, model)
    return (
        "from transformers import AutoConfig, AutoTokenizer\n\n"
        f"config = AutoConfig.from_pretrained({_string(model)})\n"
        f"tokenizer = AutoTokenizer.from_pretrained({_string(model)})\n"
        "print(config.architectures)  # the class whose from_pretrained loads the model"
    )


def _row(task: str, shape: str, card: Mapping[str, Any]) -> tuple[str, ...]:
    """The texts of a row to try."""
    if task == "text-classification" and shape.startswith("pair"):
        return "first text", "second text"
    if task == "question-answering" or (task == "generative-qa" and "context" in card.get("columns", ("context",))):
        return "Who wrote the letter?", "Anna wrote the letter on Monday."
    return (_TEXTS.get(task, "one text"),)


_TEXTS = {
    "token-classification": "Anna met Paul in Paris.",
    "text-generation": "Once upon a time",
    "creative-writing": "Once upon a time",
    "chat": "Hello",
    "generative-qa": "Who wrote the letter?",
}


def _classification(shape: str, model: str) -> str:
    options = ""
    if shape.endswith("several"):
        options = ', top_k=None, function_to_apply="sigmoid"'
    elif shape.endswith("number"):
        options = ', function_to_apply="none"'
    pair = '[{"text": "first text", "text_pair": "second text"}]'
    rows = pair if shape.startswith("pair") else '["one text", "another text"]'
    return _pipeline("text-classification", model, options, f"{rows}, truncation=True")


def _pipeline(tag: str, model: str, options: str, arguments: str) -> str:
    return (
        "from transformers import pipeline\n\n"
        f'model = pipeline("{tag}", model={_string(model)}{options})\n'
        f"print(model({arguments}))"
    )


def _extraction(row: tuple[str, ...], model: str, card: Mapping[str, Any]) -> str:
    """The likeliest piece of the context; no answer where that was learned and is likelier."""
    question, context = row
    lines = [
        "import torch",
        "from transformers import AutoModelForQuestionAnswering, AutoTokenizer",
        "",
        f"tokenizer = AutoTokenizer.from_pretrained({_string(model)})",
        f"model = AutoModelForQuestionAnswering.from_pretrained({_string(model)})",
        f"question, context = {_string(question)}, {_string(context)}",
        "# A context that is too long is cut here; luthier reads it in windows.",
        "inputs = tokenizer(",
        '    question, context, truncation="only_second", return_offsets_mapping=True, return_tensors="pt"',
        ")",
        'places = inputs.pop("offset_mapping")[0].tolist()',
        "with torch.inference_mode():",
        "    outputs = model(**inputs)",
        "start, end = outputs.start_logits[0], outputs.end_logits[0]",
        "inside = torch.tensor([part == 1 for part in inputs.sequence_ids(0)])",
        f"allowed = (inside[:, None] & inside).triu().tril({int(card.get('most_tokens') or 30) - 1})",
        "scores = (start[:, None] + end).masked_fill(~allowed, -torch.inf)",
        "first, last = divmod(int(scores.argmax()), len(inside))",
        "answer = context[places[first][0] : places[last][1]]",
    ]
    if card.get("shape") == "unanswerable-too":
        threshold = float(card.get("threshold") or 0.0)
        lines.append(f'print("" if start[0] + end[0] - scores.max() > {threshold!r} else answer)  # "": no answer')
    else:
        lines.append("print(answer)")
    return "\n".join(lines)


def _chat(said: str, model: str) -> str:
    return (
        "from transformers import AutoModelForCausalLM, AutoTokenizer\n\n"
        f"tokenizer = AutoTokenizer.from_pretrained({_string(model)})\n"
        f"model = AutoModelForCausalLM.from_pretrained({_string(model)})\n"
        f'messages = [{{"role": "user", "content": {_string(said)}}}]\n'
        "inputs = tokenizer.apply_chat_template(\n"
        '    messages, add_generation_prompt=True, return_dict=True, return_tensors="pt"\n'
        ")\n"
        "outputs = model.generate(**inputs)\n"
        'reply = outputs[0, inputs["input_ids"].shape[1] :]\n'
        "print(tokenizer.decode(reply, skip_special_tokens=True))"
    )


def _seq2seq(words: str, model: str) -> str:
    return (
        "from transformers import AutoModelForSeq2SeqLM, AutoTokenizer\n\n"
        f"tokenizer = AutoTokenizer.from_pretrained({_string(model)})\n"
        f"model = AutoModelForSeq2SeqLM.from_pretrained({_string(model)})\n"
        f"texts = [{_string(words)}]\n"
        'inputs = tokenizer(texts, padding=True, truncation=True, return_tensors="pt")\n'
        "outputs = model.generate(**inputs)\n"
        "print(tokenizer.batch_decode(outputs, skip_special_tokens=True))"
    )


def _string(value: str) -> str:
    """A Python string literal in double quotes."""
    return json.dumps(value, ensure_ascii=False)
