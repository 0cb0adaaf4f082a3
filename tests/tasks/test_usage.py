"""The code that a report gives away is run, and says what luthier says of the same model."""

import ast
import contextlib
import io

import numpy as np
import pytest

from tests.conftest import review

TEXTS = [
    "Anna met Paul in Paris. Who wrote the letter? Anna wrote the letter on Monday.",
    "Once upon a time there was one text, and another text. Hello! question: context: summarize: translate",
    *(review(label, i) for label in ("good", "bad") for i in range(100)),
]
SIZES = {
    "BertConfig": {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64},
    "GPT2Config": {"n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": 256},
    "T5Config": {"d_model": 32, "d_kv": 16, "d_ff": 64, "num_layers": 2, "num_heads": 2},
    "BartConfig": {
        **{"d_model": 32, "encoder_layers": 2, "decoder_layers": 2, "max_position_embeddings": 256},
        **{f"{part}_attention_heads": 2 for part in ("encoder", "decoder")},
        **{f"{part}_ffn_dim": 64 for part in ("encoder", "decoder")},
    },
}
GREEDY = {"settings": {"max_new_tokens": 8}, "seed": 0}
LABELS = {"names": ["bad", "good", "other"], "positive": None, "threshold": 0.5}
QA = {"question": "question", "context": "context"}
# Task, shape and columns of the rows; what the task learned; configuration and tokenizer.
CASES = {
    "text-classification": ("single/one", {"text": "text"}, LABELS, "BertConfig", "BertTokenizer"),
    "text-classification, pair": (
        *("pair/several", {"text": "text", "text_pair": "other"}, LABELS | {"threshold": 0.4}),
        *("BertConfig", "BertTokenizer"),
    ),
    "token-classification": (
        *("tokens", {"tokens": "tokens"}, {"scheme": "IOB2", "types": ["person", "place"], "all_subwords": False}),
        *("BertConfig", "BertTokenizer"),
    ),
    "question-answering": ("answerable", QA, {"threshold": 0.0, "most_tokens": 5}, "BertConfig", "BertTokenizer"),
    "question-answering, none": (
        *("unanswerable-too", QA, {"unanswerable": True, "threshold": -9.0, "most_tokens": 5}),
        *("BertConfig", "BertTokenizer"),
    ),
    "text-generation": ("", {"text": "text"}, GREEDY, "GPT2Config", "GPT2Tokenizer"),
    "creative-writing": ("prompt", {"prompt": "prompt", "story": "story"}, GREEDY, "GPT2Config", "GPT2Tokenizer"),
    "chat": ("prompt", {"prompt": "prompt", "response": "response"}, GREEDY, "GPT2Config", "GPT2Tokenizer"),
    "summarization": (
        *("", {"document": "text", "summary": "summary"}, GREEDY | {"prefix": "summarize: "}),
        *("T5Config", "T5Tokenizer"),
    ),
    "translation": (
        "en-de",
        {"source": "en", "target": "de"},
        GREEDY | {"prefix": ""},
        "BartConfig",
        "RobertaTokenizer",
    ),
    "generative-qa": (
        *("context", QA | {"answers": "answers"}, GREEDY | {"prefix": ""}),
        *("BartConfig", "RobertaTokenizer"),
    ),
}


@pytest.fixture(scope="module", params=CASES)
def made(request, tmp_path_factory):
    """A run directory with a tiny model of a task, and the task."""
    return request.param.split(",")[0], *make(request.param, tmp_path_factory.mktemp("run with 'quotes'"))


def make(case, folder):
    import torch
    import transformers

    from luthier.data.tokenized import Limits
    from luthier.models.export import save_model
    from luthier.tasks.registry import restore

    shape, columns, more, config_name, tokenizer_name = CASES[case]
    name = case.split(",")[0]
    task = restore({"task": name, "shape": shape, "columns": columns, "details": {}, "learned": more})
    tokenizer = getattr(transformers, tokenizer_name)().train_new_from_iterator(TEXTS, 400)
    torch.manual_seed(7)
    config = getattr(transformers, config_name)(vocab_size=len(tokenizer), **SIZES[config_name], **task.model_config())
    for token in ("pad", "bos", "eos"):
        setattr(config, f"{token}_token_id", getattr(tokenizer, f"{token}_token_id"))
    task, _ = task.bind(tokenizer, config)
    config.vocab_size = len(tokenizer)
    if config.is_encoder_decoder:
        config.decoder_start_token_id = config.eos_token_id if "Bart" in config_name else config.pad_token_id
    model = getattr(transformers, f"AutoModelFor{task.kind.auto_class}").from_config(config).eval()
    limits = Limits(128, 32 if config.is_encoder_decoder else None)
    with torch.no_grad():  # random weights answer alike, whatever they are asked
        for weights in model.parameters():
            weights.mul_(4)
    task = task.within(limits)
    task.configure(model)
    if task.outputs_per_token(model):
        # Something is written, whatever the weights.
        model.generation_config.update(suppress_tokens=tokenizer.all_special_ids, forced_eos_token_id=None)
    save_model(folder / "model", model, tokenizer, task.card(), "")
    (folder / "recipe.toml").write_text("")
    return folder, task


def run(code):
    """What code prints."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(code, {})
    return printed.getvalue().rstrip("\n")


def test_the_code_says_what_luthier_says(made):
    name, folder, task = made
    plain, own = (run(found.code) for found in task.words(folder).snippets[:2])
    (answer,) = ast.literal_eval(own)
    prediction = answer["prediction"]
    if name == "text-classification":
        found = ast.literal_eval(plain)[0]
        scores = {one["label"]: one["score"] for one in (found if isinstance(found, list) else [found])}
        assert scores == {label: pytest.approx(answer["scores"][label], abs=1e-5) for label in scores}
        assert len(scores) == (3 if task.shape.endswith("several") else 1)
    elif name == "token-classification":
        found = eval(plain, {"np": np})[0]
        said = [(one["entity_group"], one["start"], one["end"]) for one in found]
        assert said and said == [(found["type"], found["start"], found["end"]) for found in prediction]
    elif name in ("text-generation", "creative-writing"):
        assert prediction and ast.literal_eval(plain)[0]["generated_text"].rstrip() == prediction
    elif name in ("question-answering", "chat"):
        assert plain.strip() == prediction
        assert bool(prediction) == (task.shape != "unanswerable-too")
    else:
        assert prediction and [text.strip() for text in ast.literal_eval(plain)] == [prediction]
