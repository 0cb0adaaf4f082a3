"""Code that uses a finished model: with plain transformers, and with luthier."""

import json
import shlex
from dataclasses import dataclass
from pathlib import Path

# Tag on the Hugging Face hub by task.
HUB_TAGS = {
    "chat": "text-generation",
    "creative-writing": "text-generation",
    "generative-qa": "question-answering",
}
_GENERATED = ("text-generation", "creative-writing")
_SEQ2SEQ = ("summarization", "translation", "generative-qa")


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


def snippets(task: str, shape: str, run: Path) -> list[Snippet]:
    """How to use the model of a run.

    Args:
        task: Name of the task.
        shape: What a row looks like, such as `pair/one`.
        run: The run directory, as a user would type it.
    """
    place = run.as_posix()
    pair = shape.startswith("pair")
    rows = _rows(shape)
    call = f"import luthier\n\nmodel = luthier.load({_string(place)})\nprint(model.predict({rows}))"
    typed = "--file new-rows.csv" if pair else '"one text"'
    return [
        Snippet("With plain transformers", "python", transformers_code(task, shape, f"{place}/model")),
        Snippet("With luthier, from Python", "python", call),
        Snippet("With luthier, from a terminal", "shell", f"luthier predict {shlex.quote(place)} {typed}"),
    ]


def transformers_code(task: str, shape: str, model: str) -> str:
    """Code that loads a model directory with nothing but transformers.

    Args:
        task: Name of the task.
        shape: What a row looks like.
        model: Directory or hub name of the model.
    """
    if task == "text-classification":
        return _classification(shape, model)
    if task == "token-classification":
        return _pipeline(task, model, ', aggregation_strategy="simple"', '["one text", "another text"]')
    if task in _GENERATED:
        return _pipeline("text-generation", model, "", '"Once upon a time", max_new_tokens=100')
    if task == "chat":
        return _pipeline("text-generation", model, "", '[{"role": "user", "content": "Hello"}], max_new_tokens=100')
    if task in _SEQ2SEQ:
        return _seq2seq(model)
    return (
        "from transformers import AutoConfig, AutoTokenizer\n\n"
        f"config = AutoConfig.from_pretrained({_string(model)})\n"
        f"tokenizer = AutoTokenizer.from_pretrained({_string(model)})\n"
        "print(config.architectures)  # the class whose from_pretrained loads the model"
    )


def _classification(shape: str, model: str) -> str:
    options = ""
    if shape.endswith("several"):
        options = ', top_k=None, function_to_apply="sigmoid"'
    elif shape.endswith("number"):
        options = ', function_to_apply="none"'
    rows = _rows(shape)
    return _pipeline("text-classification", model, options, f"{rows}, truncation=True")


def _rows(shape: str) -> str:
    if shape.startswith("pair"):
        return '[{"text": "first text", "text_pair": "second text"}]'
    return '["one text", "another text"]'


def _pipeline(tag: str, model: str, options: str, arguments: str) -> str:
    return (
        "from transformers import pipeline\n\n"
        f'model = pipeline("{tag}", model={_string(model)}{options})\n'
        f"print(model({arguments}))"
    )


def _seq2seq(model: str) -> str:
    return (
        "from transformers import AutoModelForSeq2SeqLM, AutoTokenizer\n\n"
        f"tokenizer = AutoTokenizer.from_pretrained({_string(model)})\n"
        f"model = AutoModelForSeq2SeqLM.from_pretrained({_string(model)})\n"
        'inputs = tokenizer(["one text"], return_tensors="pt", truncation=True)\n'
        "outputs = model.generate(**inputs, max_new_tokens=100)\n"
        "print(tokenizer.batch_decode(outputs, skip_special_tokens=True))"
    )


def _string(value: str) -> str:
    """A Python string literal in double quotes."""
    return json.dumps(value, ensure_ascii=False)
