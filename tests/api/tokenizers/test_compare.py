"""`compare_tokenizers`: what is trained and measured on which rows, the result, and what is refused."""

import json
import shlex
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoTokenizer, GPT2Config

import luthier
from luthier.cli import main
from luthier.errors import DataError, ModelError, UsageError
from luthier.tokenizers.kinds import KINDS
from tests.cli.conftest import CapSys
from tests.conftest import review_rows, write_csv
from tests.listener import Listener


@pytest.fixture(scope="module")
def reviews(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_csv(tmp_path_factory.mktemp("data") / "reviews.csv", review_rows(120))


def test_all_kinds_and_a_model_are_measured(reviews: Path, tiny_model: Path) -> None:
    told = Listener()
    found = luthier.compare_tokenizers(reviews, [*KINDS, str(tiny_model)], vocabulary_size=400, console=told)
    assert [one.name for one in found.tokenizers] == [*KINDS, str(tiny_model)]
    assert (found.rows.trained, found.rows.measured, found.rows.held, found.rows.split) == (96, 12, 12, "validation")
    assert all(one.measures.vocabulary <= 400 for one in found.tokenizers if one.trained)
    assert found["word"].measures.unknown_words_share > 0  # each review has a number of its own
    assert not any(found["byte-bpe"].measures.losses.values())
    assert all(one.seconds_per_step > 0 for one in found.tokenizers)
    assert found["char"].embedding_parameters == 128 * found["char"].measures.vocabulary
    assert found.advice.dropped.keys() >= {"word", "char"}
    assert all(sentence.tokens.keys() == {one.name for one in found.tokenizers} for sentence in found.sentences)
    assert {"splits", *KINDS} <= {decision.what for decision in told.decisions}
    assert json.loads(json.dumps(found.to_dict()))["advice"]["name"] == found.advice.name
    assert found.advice.sentence.split()[0] in repr(found) and "<table>" in found._repr_html_()


def test_the_commands_work(
    reviews: Path, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: CapSys
) -> None:
    monkeypatch.chdir(tmp_path)
    for names in (["bpe", str(tiny_model)], ["char", str(tiny_model)]):
        found = luthier.compare_tokenizers(str(reviews), names, text="text", label="label")
        assert len(found.commands) == 2
        for command in found.commands:
            assert main([*shlex.split(command)[1:], "--dry-run"]) == 0, capsys.readouterr().err


def test_given_validation_rows_are_measured_without_those_in_training(tmp_path: Path) -> None:
    train = [{"text": f"apple {i}", "label": "ab"[i % 2]} for i in range(40)]
    valid = [{"text": f"pear {i}", "label": "ab"[i % 2]} for i in range(9)] + train[:3]
    files = [write_csv(tmp_path / f"{name}.csv", rows) for name, rows in (("a", train), ("b", valid))]
    found = luthier.compare_tokenizers(
        files[0], ["word", "byte-bpe"], validation=[str(files[1])], task="text-classification"
    )
    assert (found.rows.trained, found.rows.measured) == (40, 9)
    assert ("pear", 9) in found["word"].measures.unknown_words
    assert "--task text-classification" in found.commands[0] and f"--valid {files[1]}" in found.commands[0]


def test_a_saved_tokenizer_is_named_by_its_directory(
    reviews: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    luthier.train_tokenizer(reviews, "word", kind="char")
    found = luthier.compare_tokenizers(reviews, ["word", "./word"])
    assert found["./word"].measures.tokens_per_word > 3 * found["word"].measures.tokens_per_word
    assert (found["word"].trained, found["./word"].trained, found["./word"].families) == (True, False, ())


def test_pairs_are_rows_of_two_texts_and_those_of_an_encoder_decoder_are_apart() -> None:
    pairs = [{"sentence1": f"one {i}", "sentence2": f"two words {i}", "label": i % 2} for i in range(60)]
    found = luthier.compare_tokenizers(pairs, ["word"], task="text-classification")
    assert found["word"].measures.lengths.longest == 5 + 3
    apart = [{"text": f"one {i}", "target": f"zwei Worte {i}"} for i in range(60)]
    found = luthier.compare_tokenizers(
        apart, ["word"], task="translation", columns={"source": "text", "target": "target"}
    )
    assert found.family == "encoder-decoder" and found["word"].measures.lengths.longest == 3 + 1


@pytest.mark.parametrize(
    ("names", "given", "error", "what"),
    [
        ([], {}, UsageError, "there is nothing to compare"),
        ("bpe", {}, UsageError, "names is one text"),
        (["bpe", "char", "bpe"], {}, UsageError, "bpe is named twice"),
        (["bpe", "unigrm"], {}, ModelError, "did you mean 'unigram'"),
        (["nowhere/model"], {}, ModelError, "no tokenizer 'nowhere/model'"),
        (["byte-bpe"], {"vocabulary_size": 100}, UsageError, "a byte-bpe vocabulary of 100 tokens is too small"),
        (["bpe"], {"vocabulary_size": 0}, UsageError, "vocabulary_size must be a positive whole number"),
        (["bpe"], {"text": "txt"}, DataError, "no column 'txt'"),
        (["bpe"], {"epochs": 3}, UsageError, "tokenizers do not use training.epochs"),
        (["bpe"], {"validation_share": 0.0, "test_share": 0.0}, DataError, "no rows are held out"),
    ],
)
def test_wrong_calls_are_refused(
    names: Any, given: dict[str, Any], error: type[Exception], what: str, reviews: Path
) -> None:
    with pytest.raises(error) as caught:
        luthier.compare_tokenizers(reviews, names, **given)
    assert what in str(caught.value)


def test_a_directory_without_a_tokenizer_is_refused(reviews: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="the directory has no tokenizer"):
        luthier.compare_tokenizers(reviews, [str(tmp_path)])


def test_rows_that_are_all_in_training_are_refused(tmp_path: Path) -> None:
    same = write_csv(tmp_path / "a.csv", [{"text": f"apple {i}", "label": "ab"[i % 2]} for i in range(40)])
    with pytest.raises(DataError, match="the texts of all validation rows are also in the training rows"):
        luthier.compare_tokenizers(same, ["word"], validation=[str(same)])


def test_skipped_rows_are_said_and_a_name_is_quoted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny_model: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my model").symlink_to(tiny_model)
    rows = [{**row, "text": row["text"] if i % 4 else ""} for i, row in enumerate(review_rows(120))]
    told = Listener()
    found = luthier.compare_tokenizers(rows, ["my model"], console=told, text="text", label="label")
    assert "skipped-rows" in [finding.id for finding in told.findings]
    assert found.commands[0] == "luthier train DATA --from-scratch tiny --tokenizer 'my model'"
    assert found.commands[1].startswith("luthier train DATA --model 'my model'")


def test_a_model_of_another_family_has_no_command_and_sets_no_limit(reviews: Path, tmp_path: Path) -> None:
    gpt = tmp_path / "gpt"
    luthier.train_tokenizer(reviews, tmp_path / "alone", family="decoder")
    AutoTokenizer.from_pretrained(tmp_path / "alone").save_pretrained(gpt)
    GPT2Config(n_positions=32).save_pretrained(gpt)
    found = luthier.compare_tokenizers(reviews, [str(gpt)])
    assert (found.advice.name, found.commands) == (None, [])
    assert "it does not put" in found.advice.dropped[str(gpt)]
    assert found[str(gpt)].measures.lengths.limit == 1024
    found.write_page(tmp_path / "page.html", "")
    (command,) = luthier.compare_tokenizers(reviews, ["bpe", str(gpt)]).commands
    assert "--tokenizer bpe" in command
