"""Length limits, rows without a target, and the statistics of lengths."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from datasets import Dataset
from hypothesis import given
from hypothesis import strategies as st
from transformers import BertConfig, LlamaConfig

from luthier.data.table import Accounts, Table
from luthier.data.tokenized import Encoded, Limits
from luthier.errors import FindingError, UsageError
from luthier.models.loading import load_tokenizer
from luthier.pipeline.preparation.tokenize import choose_limits, lengths, targets_of, tokenize
from luthier.recipe import TokenizerKind
from luthier.tasks.chat.task import Chat
from luthier.tasks.phases import Bound
from luthier.tasks.registry import find
from luthier.tasks.text_classification.task import TextClassification
from luthier.tokenizers.training import train_tokenizer
from tests.tasks.by_hand import bound, learned, recipe_of
from tests.tasks.chat.templates import CHATML, with_template

CLASSIFIES = find("text-classification")


def encoded(full: Sequence[int], targets: Sequence[int] | None = None) -> Encoded:
    """Encoded rows with these lengths."""
    sizes = np.array(full, dtype=np.int64)
    asked = None if targets is None else np.array(targets, dtype=np.int64)
    return Encoded(Dataset.from_dict({"labels": list(full)}), sizes, sizes, asked, sizes * 0, sizes)


# -- the limits ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("full", "settings", "limit", "cut"),
    [
        ([5, 13], {}, 16, False),
        ([5, 64], {}, 64, False),
        ([5, 65], {}, 64, True),
        ([5, 13], {"data__max_length": 8}, 8, True),
        ([5, 5], {"data__max_length": 64}, 64, False),
    ],
)
def test_max_length_is_the_longest_row_up_to_the_limit_of_the_model(
    full: list[int], settings: dict[str, Any], limit: int, cut: bool
) -> None:
    recipe = recipe_of(**settings)
    limits, decision = choose_limits(recipe, CLASSIFIES, {"train": encoded(full)}, 64)
    assert limits.length == recipe.data.max_length == limit
    assert (decision.what, decision.value) == ("length", f"{limit} tokens")
    assert ("50.0 %" in decision.why) is cut
    assert limits.target is None and recipe.data.max_target_length is None


def test_held_out_rows_count_for_max_length_but_not_for_the_share_of_truncated_rows() -> None:
    whole = {"train": encoded([5, 6]), "test": encoded([20])}
    limits, decision = choose_limits(recipe_of(), CLASSIFIES, whole, 512)
    assert limits.length == 24
    limits, decision = choose_limits(recipe_of(data__max_length=8), CLASSIFIES, whole, 512)
    assert limits.length == 8 and "50.0 %" not in decision.why


@pytest.mark.parametrize(
    ("full", "length"),
    [
        ([256, 256, 400], 400),  # most rows are not longer than twice the beginning
        ([10, 264, 400], CLASSIFIES.beginning),
        ([264, 264, 10], CLASSIFIES.beginning),
    ],
)
def test_where_most_texts_are_long_their_beginning_is_read(full: list[int], length: int) -> None:
    limits, decision = choose_limits(recipe_of(), CLASSIFIES, {"train": encoded(full)}, 512)
    assert limits.length == length
    assert ("--set max_length=512 takes about" in decision.why) is (length == CLASSIFIES.beginning)
    whole = {"train": encoded(full)}
    assert choose_limits(recipe_of(data__max_length=300), CLASSIFIES, whole, 512)[0].length == 300
    assert choose_limits(recipe_of(), find("token-classification"), whole, 512)[0].length == max(full)
    assert choose_limits(recipe_of(), CLASSIFIES, whole, 100)[0].length == 100, "the model takes no more"


@pytest.mark.parametrize(("bytes_per_token", "length"), [(5.0, 128), (4.0, 128), (3.0, 171), (1.0, 512), (0.5, 512)])
def test_the_beginning_is_the_same_text_whatever_its_tokens_are(bytes_per_token: float, length: int) -> None:
    whole = {"train": encoded([2000, 2000, 10])}
    assert choose_limits(recipe_of(), CLASSIFIES, whole, 512, bytes_per_token)[0].length == length


def test_max_length_above_the_default_of_the_task_must_be_set_explicitly() -> None:
    whole = {"train": encoded([10, 11, 3000])}
    assert choose_limits(recipe_of(), CLASSIFIES, whole, 4096)[0].length == CLASSIFIES.longest == 512
    assert choose_limits(recipe_of(data__max_length=3000), CLASSIFIES, whole, 4096)[0].length == 3000


@pytest.mark.parametrize(
    ("task", "settings", "longest", "reads"),
    [
        ("text-classification", {}, 512, 512),
        ("text-classification", {"data__max_length": 40}, 512, 512),  # as in a recipe that was written out
        ("text-classification", {"data__max_length": 8}, 512, None),  # rows are cut, and the score is of cut rows
        ("text-classification", {}, 24, None),  # no more than in training
        ("text-classification", {"model__name": None, "model__from_scratch": "tiny"}, 512, None),
        ("token-classification", {}, 512, None),  # nothing is cut: longer texts are read in windows
        ("chat", {}, 8192, 8192),
    ],
)
def test_a_trained_model_reads_what_its_base_does_unless_rows_are_cut_or_it_is_new(
    task: str, settings: dict[str, Any], longest: int, reads: int | None
) -> None:
    recipe = recipe_of(**{"model__name": "minilm", **settings})
    limits, decision = choose_limits(recipe, find(task), {"train": encoded([5, 20])}, longest)
    assert limits.reads == reads
    assert (f"; the trained model reads up to {reads}" in decision.why) is (reads is not None)


@pytest.mark.parametrize("key", ["max_length", "max_target_length"])
def test_a_length_above_the_limit_of_the_model_is_an_error(key: str) -> None:
    with pytest.raises(UsageError, match=f"at most 64 tokens, but {key} is 65") as caught:
        choose_limits(recipe_of(**{f"data__{key}": 65}), CLASSIFIES, {"train": encoded([5])}, 64)
    assert (caught.value.where, caught.value.hint) == (f"data.{key}", f"--set {key}=64 or less")


def test_targets_have_their_own_limit() -> None:
    whole = {"train": encoded([20], [9]), "validation": encoded([4], [3])}
    recipe = recipe_of()
    limits, decision = choose_limits(recipe, find("translation"), whole, 512)
    assert (limits.length, limits.target) == (24, 16)
    assert decision.value == "24 tokens, targets 16"
    assert recipe.data.max_target_length == 16
    assert choose_limits(recipe_of(data__max_target_length=5), find("translation"), whole, 512)[0].target == 5


def test_stride_defaults_to_a_third_of_max_length_and_is_at_most_half_which_is_said() -> None:
    tags = find("token-classification")
    recipe = recipe_of(data__max_length=12)
    limits, decision = choose_limits(recipe, tags, {"train": encoded([5])}, 512)
    assert limits.stride == recipe.data.stride == 4
    assert "stride" not in decision.why
    wide = recipe_of(data__max_length=12, data__stride=11)
    limits, decision = choose_limits(wide, tags, {"train": encoded([5])}, 512)
    assert limits.stride == wide.data.stride == 6, "the recipe has the number that is used"
    assert decision.why == "as asked; the stride is 6, half of the length, instead of 11"


def test_rows_that_are_truncated_have_no_stride() -> None:
    recipe = recipe_of(data__max_length=12)
    assert choose_limits(recipe, CLASSIFIES, {"train": encoded([5])}, 512)[0].stride == 0
    assert recipe.data.stride is None
    none = recipe_of(data__max_length=12, data__stride=0)
    assert choose_limits(none, CLASSIFIES, {"train": encoded([5])}, 512)[0].stride == 0


@given(st.lists(st.integers(1, 2 * CLASSIFIES.beginning), min_size=1, max_size=10), st.integers(4, 1000))
def test_max_length_truncates_only_rows_above_the_limit(full: list[int], longest: int) -> None:
    limits, _ = choose_limits(recipe_of(), CLASSIFIES, {"train": encoded(full)}, longest)
    most = min(longest, 512)
    assert limits.length <= most
    assert limits.length >= min(max(full), most)
    assert limits.length % 8 == 0 or limits.length == most


# -- statistics ------------------------------------------------------------------------------------------------------


def test_length_statistics_are_of_the_rows_before_truncation() -> None:
    assert lengths(encoded([4, 8, 8, 12]), Limits(8)) == {
        "median": 8.0,
        "p95": pytest.approx(11.4),  # 85 % of the way from 8 to 12
        "max": 12,
        "truncated_share": 0.25,
        "max_length": 8,
        "histogram": {"edges": [4, 5, 6, 7, 8, 9, 10, 11, 12], "counts": [1, 0, 0, 0, 2, 0, 0, 1]},
    }
    with_targets = lengths(encoded([4, 8], [2, 6]), Limits(8, 4))
    assert with_targets["target"] == {"median": 4.0, "max": 6, "truncated_share": 0.5, "max_length": 4}


@given(st.lists(st.integers(1, 5000), min_size=1, max_size=50))
def test_the_histogram_counts_every_row_once(full: list[int]) -> None:
    histogram = lengths(encoded(full), Limits(8))["histogram"]
    assert sum(histogram["counts"]) == len(full)
    assert len(histogram["edges"]) == len(histogram["counts"]) + 1 <= 41


# -- tokens ----------------------------------------------------------------------------------------------------------


def table_of(examples: dict[str, Dataset]) -> Table:
    return Table(dict(examples), {split: Accounts(len(rows), len(rows)) for split, rows in examples.items()}, [])


def classification(texts: list[str], tiny_model: Path) -> tuple[Bound[Any], dict[str, Dataset]]:
    """The task on texts of two labels, with a tokenizer of whole words, and its examples."""
    rows = [{"text": text, "label": "good" if i % 2 else "bad"} for i, text in enumerate(texts)]
    task, columns = learned(TextClassification, rows)
    return bound(task, load_tokenizer(str(tiny_model))), {"train": Dataset.from_dict(columns)}


def test_rows_are_truncated_to_max_length_with_a_finding(tiny_model: Path) -> None:
    texts = ["great film", "the story of two people in town", "sad music", "cold night"]
    task, examples = classification(texts, tiny_model)
    examples["test"] = examples["train"].select([1, 2])
    recipe, table = recipe_of(data__max_length=6), table_of(examples)
    task, found, decision, findings = tokenize(task, examples, BertConfig(max_position_embeddings=64), recipe, table)
    assert [len(ids) for ids in found["train"].rows["input_ids"]] == [4, 6, 4, 4]
    assert found["train"].full_lengths.tolist() == [4, 9, 4, 4]
    assert found["train"].rows["labels"][:] == [0, 1, 0, 1]
    assert task.set_limits == Limits(6, None, 0)
    assert decision.value == "6 tokens"
    cut, held_out = [finding for finding in findings if finding.id == "truncation"]
    assert cut.rows == (2,) and cut.severity == "warning"
    assert held_out.message.startswith("1 of 2 test rows (50.0 %) has more than 6 tokens and is truncated")


def test_the_beginning_is_longer_in_characters_than_in_words() -> None:
    texts = ["a sentence of some words " * 60, "another sentence of words " * 60]
    task, columns = learned(TextClassification, [{"text": text, "label": text[:2]} for text in texts])
    train = Dataset.from_dict(columns)

    def length(kind: TokenizerKind) -> int:
        examples = {"train": train}
        tokenizer = train_tokenizer(texts, 100, kind)
        found, *_ = tokenize(bound(task, tokenizer), examples, BertConfig(), recipe_of(), table_of(examples))
        return found.set_limits.length

    assert (length("word"), length("char")) == (128, 512)


def test_unknown_tokens_give_a_finding(tiny_model: Path) -> None:
    task, examples = classification(["great film", "日 本 語", "sad music", "cold night"], tiny_model)
    config, recipe = BertConfig(max_position_embeddings=64), recipe_of(model__name=str(tiny_model))
    *_, findings = tokenize(task, examples, config, recipe, table_of(examples))
    (unknown,) = [finding for finding in findings if finding.id == "unknown-tokens"]
    assert unknown.rows == (2,) and '"日", "本", "語"' in unknown.message
    assert "--model FacebookAI/xlm-roberta-base, or" in unknown.action


def test_long_words_give_a_finding(tiny_model: Path) -> None:
    texts = [" ".join(["greatfilmlovelystory"] * 60), "sad music"] * 2
    task, examples = classification(texts, tiny_model)
    config, recipe = BertConfig(max_position_embeddings=64), recipe_of(model__from_scratch="tiny")
    *_, findings = tokenize(task, examples, config, recipe, table_of(examples))
    (many,) = [finding for finding in findings if finding.id == "many-tokens"]
    assert many.action == "Train another kind of tokenizer: --tokenizer byte-bpe knows every text."


LONG = " ".join(["what is the weather"] * 20)


def conversations(*asked: str) -> tuple[Bound[Any], Dataset]:
    """Chats in which each question is answered with a word, and the task with a tokenizer of bytes."""
    rows = [
        {"messages": [{"role": "user", "content": text}, {"role": "assistant", "content": f"Hi {i}"}]}
        for i, text in enumerate(asked)
    ]
    task, columns = learned(Chat, rows)
    tokenizer = with_template(CHATML)
    return task.bind(tokenizer, LlamaConfig())[0], Dataset.from_dict(columns)


def test_rows_without_a_target_are_skipped_and_counted() -> None:
    task, train = conversations("Hello", LONG, "How are you?")
    examples = {"train": train, "validation": train.select([0, 1]), "test": train.select([1])}
    table, recipe = table_of(examples), recipe_of(data__max_length=48)
    task, found, _, findings = tokenize(task, examples, LlamaConfig(), recipe, table)
    assert {split: rows["row"][:] for split, rows in examples.items()} == {"train": [1, 3], "validation": [1]}
    assert found.keys() == examples.keys(), "an empty split is removed"
    assert [dict(table.accounts[split].skipped) for split in ("train", "validation", "test")] == [
        {"no-target-left": 1}
    ] * 3
    lost = [finding for finding in findings if finding.id == "lost-targets"]
    assert [(finding.rows, finding.severity) for finding in lost] == [((2,), "error")] * 3
    assert [finding.message.partition(" (")[0] for finding in lost] == [
        "1 of 3 training rows",
        "1 of 2 validation rows",
        "1 of 1 test row",
    ]
    assert targets_of(task, found["train"]) == ["Hi 0<|im_end|>", "Hi 2<|im_end|>"]


def test_no_training_row_with_a_target_is_an_error() -> None:
    task, train = conversations(LONG, f"{LONG}?")
    examples = {"train": train}
    with pytest.raises(FindingError, match="no target left in any of 2 training rows") as caught:
        tokenize(task, examples, LlamaConfig(), recipe_of(data__max_length=48), table_of(examples))
    assert caught.value.where == "rows.jsonl"


def test_at_most_five_targets_are_shown() -> None:
    task, train = conversations(*(f"Hello {i}" for i in range(7)))
    examples = {"train": train}
    task, found, *_ = tokenize(task, examples, LlamaConfig(), recipe_of(), table_of(examples))
    assert targets_of(task, found["train"]) == [f"Hi {i}<|im_end|>" for i in range(5)]


def test_class_labels_are_not_shown_as_targets(tiny_model: Path) -> None:
    task, examples = classification(["great film", "sad music"], tiny_model)
    task, found, *_ = tokenize(task, examples, BertConfig(), recipe_of(), table_of(examples))
    assert targets_of(task, found["train"]) == []
