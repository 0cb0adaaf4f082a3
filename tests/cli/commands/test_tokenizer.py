"""`luthier tokenizer`: what its commands pass on, and what they print."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from luthier.api.tokenizers.compare import compare_tokenizers
from luthier.api.tokenizers.train import TrainedTokenizer
from luthier.cli import main
from luthier.data.table import Accounts
from luthier.errors import UsageError
from tests.cli.conftest import CapSys, Stub
from tests.reporting.tokenizers.made import COMPARISON

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


def test_a_comparison_is_passed_on_and_printed(stub: Stub, capsys: CapSys) -> None:
    calls = stub("tokenizers.compare", compare_tokenizers=COMPARISON)
    words = "tokenizer compare a.csv bpe minilm --vocab-size 4000 --valid b.csv --text x --label y --task t"
    assert main(words.split()) == 0
    assert calls["compare_tokenizers"].args == (["a.csv"], ["bpe", "minilm"])
    assert calls["compare_tokenizers"].settings == {
        "vocabulary_size": 4000,
        "task": "t",
        "data.validation": ["b.csv"],
        "data.columns.text": "x",
        "data.columns.label": "y",
    }
    out = capsys.readouterr().out
    assert COMPARISON.advice.sentence[:40] in out and COMPARISON.commands[0] in " ".join(out.split())


def test_a_comparison_is_one_object(stub: Stub, capsys: CapSys) -> None:
    stub("tokenizers.compare", compare_tokenizers=COMPARISON)
    assert main(["tokenizer", "compare", "a.csv", "bpe", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["advice"]["name"] == "unigram" and found["rows"]["split"] == "validation"
    assert found["tokenizers"][0]["measures"]["unused"] == 95


def test_without_a_name_the_kinds_are_offered(stub: Stub, capsys: CapSys) -> None:
    stub("tokenizers.compare", compare_tokenizers=lambda data, names, **_: compare_tokenizers(data, names))
    assert main(["tokenizer", "compare", "a.csv"]) == 2
    assert "byte-bpe" in capsys.readouterr().err


def test_a_page_is_written_with_the_command(stub: Stub, capsys: CapSys, tmp_path: Path) -> None:
    stub("tokenizers.compare", compare_tokenizers=COMPARISON)
    page = tmp_path / "a.html"
    assert main(["tokenizer", "compare", "a.csv", "bpe", "--output", str(page)]) == 0
    assert f"page    {page}" in capsys.readouterr().out and page.read_text().startswith("<!doctype html>")
    assert main(["tokenizer", "compare", "a.csv", "bpe", "--output", "a.pdf"]) == 2
    assert "a comparison cannot be written as .pdf" in capsys.readouterr().err
