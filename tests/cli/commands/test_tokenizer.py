"""`luthier tokenizer train`: what it passes on, and what it prints."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from luthier.api.tokenizers.train import TrainedTokenizer
from luthier.cli import main
from luthier.data.table import Accounts
from luthier.errors import UsageError
from tests.cli.conftest import CapSys, Stub

MADE = TrainedTokenizer(Path("t"), "bpe", 4000, Accounts(60, 60), 60, 1.5, 0.0, "luthier train a.csv --tokenizer t")


def test_options_are_passed_on_and_the_result_is_printed(stub: Stub, capsys: CapSys) -> None:
    calls = stub("tokenizers.train", train_tokenizer=MADE)
    words = "tokenizer train a.csv b.csv --output t --kind bpe --vocab-size 4000 --family encoder --architecture bert"
    assert main([*words.split(), "--task", "translation", "--text", "x,y", "--column", "target=z"]) == 0
    assert calls["train_tokenizer"].args == (["a.csv", "b.csv"], Path("t"))
    assert calls["train_tokenizer"].settings == {
        "kind": "bpe",
        "vocabulary_size": 4000,
        "family": "encoder",
        "architecture": "bert",
        "task": "translation",
        "data.columns.text": "x",
        "data.columns.text_pair": "y",
        "data.columns.target": "z",
    }
    assert capsys.readouterr().out.splitlines() == [
        "t",
        "4,000 tokens, 1.500 tokens per word, 0.0 % unknown tokens",
        "trained on 60 rows",
        "next    luthier train a.csv --tokenizer t",
    ]


def test_a_sample_is_said_and_texts_without_words_have_no_rate(stub: Stub, capsys: CapSys) -> None:
    stub("tokenizers.train", train_tokenizer=replace(MADE, sample=20, tokens_per_word=None, unknown_share=0.25))
    assert main(["tokenizer", "train", "a.csv", "--output", "t"]) == 0
    assert "4,000 tokens, 25.0 % unknown tokens (in a random sample of 20 rows)" in capsys.readouterr().out


def test_json_is_one_object(stub: Stub, capsys: CapSys) -> None:
    stub("tokenizers.train", train_tokenizer=MADE)
    assert main(["tokenizer", "train", "a.csv", "--output", "t", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["directory"] == "t" and found["rows"] == {"read": 60, "kept": 60, "skipped": {}}
    assert found["tokens_per_word"] == 1.5


@pytest.mark.parametrize("words", [["--vocab-size", "0"], ["--vocab-size", "many"]])
def test_a_size_that_is_none_is_refused(words: list[str], stub: Stub, capsys: CapSys) -> None:
    stub("tokenizers.train", train_tokenizer=UsageError("never called"))
    assert main(["tokenizer", "train", "a.csv", "--output", "t", *words]) == 2
    assert "--vocab-size" in capsys.readouterr().err
