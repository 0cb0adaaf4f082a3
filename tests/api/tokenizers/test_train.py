"""`train_tokenizer`: the tokenizer of each kind on data of several forms, what is printed, and what is refused."""

import gzip
import shlex
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoTokenizer

import luthier
from luthier.cli import main
from luthier.errors import DataError, ModelError, RecipeError, SourceError, UsageError
from luthier.storage.checksums import verify
from luthier.tokenizers.kinds import KINDS
from tests.cli.conftest import CapSys
from tests.conftest import review_rows, write_csv
from tests.listener import Listener
from tests.tasks.by_hand import quick

SPLITS = (("train", "apple"), ("test", "pear"))


@pytest.fixture(scope="module")
def reviews(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_csv(tmp_path_factory.mktemp("data") / "reviews.csv", review_rows(60))


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_trained_and_loads_with_plain_transformers(kind: str, reviews: Path, tmp_path: Path) -> None:
    made = luthier.train_tokenizer(reviews, tmp_path / "t", kind=kind, vocabulary_size=400)
    read = AutoTokenizer.from_pretrained(made.directory)
    assert read.is_fast and len(read) == made.vocabulary_size <= 400
    verify(made.directory)
    assert (made.kind, made.rows.to_dict(), made.sample) == (kind, {"read": 60, "kept": 60, "skipped": {}}, 60)
    texts = [str(row["text"]) for row in review_rows(60)]
    ids = [token for text in texts for token in read(text, add_special_tokens=False)["input_ids"]]
    assert made.tokens_per_word == pytest.approx(len(ids) / sum(len(text.split()) for text in texts))
    assert made.unknown_share == pytest.approx(ids.count(read.unk_token_id) / len(ids))
    again = luthier.train_tokenizer(reviews, tmp_path / "again", kind=kind, vocabulary_size=400)
    one, other = ((place.directory / "tokenizer.json").read_bytes() for place in (made, again))
    assert one == other


def test_the_choices_are_printed(reviews: Path, tmp_path: Path) -> None:
    told = Listener()
    luthier.train_tokenizer(reviews, tmp_path / "t", console=told)
    said = {decision.what: (decision.value, decision.why) for decision in told.decisions}
    assert said["tokenizer"] == ("wordpiece", "the kind of bert: pieces of words, as in BERT")
    assert said["special tokens"] == ("[PAD] [UNK] [CLS] [SEP] [MASK]", "those of bert, an encoder")
    assert said["rows"] == ("every row", "also those that `luthier train` will hold out")
    assert {"text", "label", "normalization", "pre-tokenization"} <= said.keys()
    assert said["vocabulary"][1] == "no further pair of tokens occurs twice"
    assert list(said)[-1] == "vocabulary"


def test_rows_of_other_splits_are_not_read(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    for split, word in SPLITS:
        write_csv(
            tmp_path / "d" / f"{split}.csv", [{"text": f"{word} {i % 9} {word}", "label": i % 2} for i in range(40)]
        )
    told = Listener()
    made = luthier.train_tokenizer(tmp_path / "d", tmp_path / "t", kind="word", console=told)
    vocabulary = AutoTokenizer.from_pretrained(made.directory).get_vocab()
    assert "apple" in vocabulary and "pear" not in vocabulary and made.rows.read == 40
    assert ("rows", "the training rows") in [(decision.what, decision.value) for decision in told.decisions]
    rows = [{"text": f"{word} {i % 9}", "label": i % 2, "split": split} for i in range(40) for split, word in SPLITS]
    told = Listener()
    made = luthier.train_tokenizer(write_csv(tmp_path / "a.csv", rows), tmp_path / "u", kind="word", console=told)
    vocabulary = AutoTokenizer.from_pretrained(made.directory).get_vocab()
    assert "apple" in vocabulary and "pear" not in vocabulary and made.rows.read == 40
    assert ("rows", "the training rows") in [(decision.what, decision.value) for decision in told.decisions]


def test_a_compressed_text_file_is_for_decoders_and_skipped_rows_are_counted(tmp_path: Path) -> None:
    with gzip.open(tmp_path / "a.txt.gz", "wt", encoding="utf-8") as file:
        file.writelines(f"Zeile {i} mit Wörtern\n" for i in range(80))
    made = luthier.train_tokenizer(tmp_path / "a.txt.gz", tmp_path / "t", kind="byte-bpe", vocabulary_size=300)
    read = AutoTokenizer.from_pretrained(made.directory)
    assert read.bos_token == "<|startoftext|>" and made.rows.kept == 80
    assert read.decode(read("  größer\n", add_special_tokens=False)["input_ids"]) == "  größer\n"
    rows = [{"text": f"text {i}" if i % 4 else "", "label": f"{i % 2}"} for i in range(80)]
    told = Listener()
    made = luthier.train_tokenizer(rows, tmp_path / "u", kind="char", console=told, text="text", label="label")
    assert made.rows.to_dict() == {"read": 80, "kept": 60, "skipped": {"empty-text": 20}}
    assert "skipped-rows" in [finding.id for finding in told.findings]
    assert made.next == f"luthier train DATA --from-scratch tiny --tokenizer {tmp_path / 'u'}"


@pytest.mark.parametrize(
    ("given", "start"),
    [
        ({"family": "decoder"}, "<|startoftext|>"),
        ({"architecture": "gpt2"}, "<|startoftext|>"),
        ({"architecture": "roberta"}, "<s>"),
        ({"family": "encoder"}, "[CLS]"),
    ],
)
def test_the_family_or_the_architecture_decides_the_special_tokens(
    given: dict[str, Any], start: str, reviews: Path, tmp_path: Path
) -> None:
    made = luthier.train_tokenizer(reviews, tmp_path / "t", kind="word", **given)
    assert AutoTokenizer.from_pretrained(made.directory)("great").tokens()[0] == start


@pytest.mark.parametrize("given", [{}, {"text": "text", "label": "label"}, {"architecture": "distilbert"}])
def test_the_next_command_works(
    given: dict[str, Any], reviews: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: CapSys
) -> None:
    monkeypatch.chdir(tmp_path)
    made = luthier.train_tokenizer(str(reviews), "my tokenizer", kind="char", **given)
    words = shlex.split(made.next)
    assert words[:7] == ["luthier", "train", str(reviews), "--from-scratch", "tiny", "--tokenizer", "my tokenizer"]
    assert main([*words[1:], "--dry-run"]) == 0
    assert "tokenizer: " + str(tmp_path / "my tokenizer") in " ".join(capsys.readouterr().err.split())


def test_a_model_is_trained_with_the_tokenizer_wherever_it_is_now(reviews: Path, tmp_path: Path) -> None:
    made = luthier.train_tokenizer(reviews, tmp_path / "t", kind="char")
    settings = quick("text-classification") | {"model": None, "from_scratch": "tiny", "max_steps": 2}
    result = luthier.train(reviews, run_dir=tmp_path / "run", tokenizer=str(made.directory), **settings)
    kept = AutoTokenizer.from_pretrained(result.model_path)
    assert kept.backend_tokenizer.to_str() == AutoTokenizer.from_pretrained(made.directory).backend_tokenizer.to_str()
    assert len(result.predictor().predict(["so great"])) == 1


def test_an_output_in_use_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    (tmp_path / "t").mkdir()
    (tmp_path / "t" / "mine").write_text("x")
    for place in (tmp_path / "t", tmp_path / "t" / "mine"):
        with pytest.raises(UsageError, match="the output directory exists already"):
            luthier.train_tokenizer("nowhere.csv", place)
    assert (tmp_path / "t" / "mine").read_text() == "x"


def test_an_empty_directory_is_written(reviews: Path, tmp_path: Path) -> None:
    (tmp_path / "t").mkdir()
    assert (luthier.train_tokenizer(reviews, tmp_path / "t", kind="char").directory / "tokenizer.json").is_file()


@pytest.mark.parametrize(
    ("given", "error", "what"),
    [
        ({"kind": "bep"}, UsageError, "no kind of tokenizer 'bep'"),
        ({"family": "decodr"}, UsageError, "no family 'decodr'"),
        ({"architecture": "bret"}, ModelError, "architecture 'bret'"),
        ({"architecture": "llama", "family": "encoder"}, UsageError, "llama is a decoder, not an encoder"),
        ({"architecture": "mbart", "kind": "char"}, ModelError, "tokenizer class of its own"),
        ({"epochs": 3}, RecipeError, "tokenizers do not use training.epochs"),
        ({"kind": "byte-bpe", "vocabulary_size": 100}, UsageError, "4 special tokens and 256 bytes"),
        ({"text": "txt"}, DataError, "no column 'txt'"),
        ({"kind": 3}, UsageError, "no kind of tokenizer 3"),
        ({"vocabulary_size": 0}, UsageError, "vocabulary_size must be a positive whole number, got 0"),
        ({"vocabulary_size": "4k"}, UsageError, "vocabulary_size must be a positive whole number, got '4k'"),
    ],
)
def test_wrong_settings_are_refused_and_nothing_is_written(
    given: dict[str, Any], error: type[Exception], what: str, reviews: Path, tmp_path: Path
) -> None:
    with pytest.raises(error, match=what):
        luthier.train_tokenizer(reviews, tmp_path / "t", **given)
    assert list(tmp_path.iterdir()) == []


def test_data_without_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(SourceError, match="the file is empty"):
        luthier.train_tokenizer(tmp_path / "empty.csv", tmp_path / "t")
    blank = write_csv(tmp_path / "blank.csv", [{"text": " ", "label": "a"}, {"text": "", "label": "b"}])
    with pytest.raises(DataError, match="of 2 rows to learn from none is usable"):
        luthier.train_tokenizer(blank, tmp_path / "t", text="text", label="label")
