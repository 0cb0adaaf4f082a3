"""Example code for a trained model in reports, model cards and the terminal, with plain transformers and luthier."""

import json
import shlex
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from luthier.errors import ModelError
from luthier.models.adapters.load import BASE, Base
from luthier.models.sources import locate
from luthier.reporting.task_words import Snippet, TaskWords
from luthier.run_directory.run import Run
from luthier.text import typed

if TYPE_CHECKING:
    from luthier.tasks.phases import Fitted


def words(task: "Fitted[Any]", run: Path) -> TaskWords:
    """The task's wording, with example code for the model of a run.

    Args:
        task: The fitted task.
        run: The run directory, as a user would type it.
    """
    kind, place = task.kind, run.as_posix()
    row = kind.trial(task)
    call = f"import luthier\n\nmodel = luthier.load({string(place)})\nprint(model.predict([{literal(row)}]))"
    code = kind.transformers_code(task, f"{place}/model")
    base = (Run(run).read_json(Run(run).task_file) or {}).get(BASE)
    plain = Snippet("With plain transformers", "python", code)
    if base:
        code = adapter_code(code, kind.auto_class, f"{place}/model", Base(**base))
        plain = Snippet("With plain transformers and peft", "python", code)
    snippets = [
        plain,
        Snippet("With Luthier, from Python", "python", call),
        Snippet("With Luthier, from a terminal", "shell", predict_command(row, run)),
    ]
    return replace(kind.page_words(), snippets=snippets, next_command=predict_command(row, run))


def predict_command(row: Mapping[str, Any], run: Path) -> str:
    """The command that predicts a row: texts as arguments, anything else as JSON."""
    place, texts = typed(run), list(row.values())
    if len(texts) > 2 or not all(isinstance(text, str) for text in texts):
        return f"luthier predict {place} --row {shlex.quote(json.dumps(dict(row), ensure_ascii=False))}"
    first, *second = texts
    return " ".join(["luthier predict", place, shlex.quote(first), *(f"--pair {shlex.quote(text)}" for text in second)])


def literal(row: Mapping[str, Any]) -> str:
    """A row as a Python literal: a text, a pair of texts, or a dictionary."""
    texts = list(row.values())
    if len(texts) > 2 or not all(isinstance(text, str) for text in texts):
        return json.dumps(dict(row), ensure_ascii=False)
    first, *second = map(string, texts)
    return f"({first}, {second[0]})" if second else first


def pipeline_code(tag: str, model: str, options: str, arguments: str) -> str:
    """Code that calls a transformers pipeline."""
    return (
        "from transformers import pipeline\n\n"
        f'model = pipeline("{tag}", model={string(model)}{options})\n'
        f"print(model({arguments}))"
    )


def load_code(auto_class: str, model: str) -> str:
    """Code that loads a model and its tokenizer."""
    return (
        f"from transformers import AutoModelFor{auto_class}, AutoTokenizer\n\n"
        f"tokenizer = AutoTokenizer.from_pretrained({string(model)})\n"
        f"model = AutoModelFor{auto_class}.from_pretrained({string(model)})"
    )


def adapter_code(code: str, auto_class: str, model: str, base: Base) -> str:
    """Code that uses an adapter, from code that uses a whole model.

    Args:
        code: Passes the directory to `from_pretrained` of the auto class, or to `pipeline`.
        auto_class: Class name after `AutoModelFor`.
        model: The directory.
        base: The base model of the adapter.
    """
    grown, options, ready = base.grown_to != base.vocabulary, "", "merge_and_unload()"
    imports = ["AutoConfig", f"AutoModelFor{auto_class}"]
    if base.four_bit:  # it stays in 4 bits, so the adapter is not merged
        imports, ready = [*imports, "BitsAndBytesConfig"], "get_base_model()"
        options = ", quantization_config=bits"
    lines = [
        "from peft import PeftModel",
        f"from transformers import {', '.join(imports)}",
        "",
        f"config = AutoConfig.from_pretrained({string(model)}{f', vocab_size={base.vocabulary}' if grown else ''})",
        *(
            ['bits = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True)']
            if base.four_bit
            else []
        ),
        f"base = AutoModelFor{auto_class}.from_pretrained({string(_place(base.name))}, config=config{options})",
        *([f"base.resize_token_embeddings({base.grown_to})"] if grown else []),
        f"adapted = PeftModel.from_pretrained(base, {string(model)}).{ready}",
    ]
    whole = code.replace(f"AutoModelFor{auto_class}.from_pretrained({string(model)})", "adapted")
    whole = whole.replace(f"model={string(model)}", f"model=adapted, tokenizer={string(model)}")
    return "\n".join(lines) + f"\n\n{whole}"


def _place(name: str) -> str:
    """What `from_pretrained` takes for a model; the name itself if it is no longer there."""
    try:
        return locate(name)
    except ModelError:
        return name


def string(value: str) -> str:
    """A Python string literal in double quotes."""
    return json.dumps(value, ensure_ascii=False)
