"""Examples as token ids: measured uncut, cut within limits, and found again by their content."""

from collections.abc import Callable
from pathlib import Path
from shutil import copytree
from typing import Any

import numpy as np
import pytest
from datasets import Dataset
from transformers import ByT5Tokenizer, PreTrainedTokenizerFast

from luthier.data.batches import IGNORED
from luthier.data.tokenized import (
    COST,
    EXAMPLES,
    TARGET_LENGTH,
    TARGETS,
    Encode,
    Encoded,
    Examples,
    Features,
    Limits,
    content_digest,
    cut,
    measure,
    owner,
    tokenizer_digest,
)

TEXTS = ["a b c", "d", "x y a b", "e f"]


def of(texts: list[str]) -> Dataset:
    return Dataset.from_dict({"text": texts})


def whole(tokenizer: PreTrainedTokenizerFast) -> Encode:
    """Each text is one row, uncut."""
    return lambda batch: {"input_ids": tokenizer(list(batch["text"]))["input_ids"]}


def windows(tokenizer: PreTrainedTokenizerFast, length: int) -> Encode:
    """As many rows for a text as it takes; each learns its tokens."""

    def encode(batch: Examples) -> Features:
        rows: Features = {"input_ids": [], EXAMPLES: [], TARGETS: []}
        for place, text in enumerate(batch["text"]):
            ids = tokenizer(text, add_special_tokens=False)["input_ids"]
            for start in range(0, len(ids), length):
                rows["input_ids"].append(ids[start : start + length])
                rows[EXAMPLES].append([place])
                rows[TARGETS].append(len(rows["input_ids"][-1]))
        return rows

    return encode


@pytest.mark.usefixtures("cache")
def test_examples_are_measured_uncut(tokenizer: PreTrainedTokenizerFast) -> None:
    found = measure(of(TEXTS), whole(tokenizer), tokenizer, "key")
    assert list(found.rows["input_ids"]) == [[2, 4, 5, 6, 3], [2, 7, 3], [2, 1, 1, 4, 5, 3], [2, 8, 9, 3]]
    assert found.rows.column_names == ["input_ids"]
    assert found.lengths.tolist() == found.full_lengths.tolist() == [5, 3, 6, 4]
    assert found.unknown.tolist() == [0, 0, 2, 0]
    assert found.words.tolist() == [3, 1, 4, 2]  # unknown ones among them
    assert found.full_targets is None
    assert found.owners is None


@pytest.mark.usefixtures("cache")
def test_a_row_costs_all_its_sequences_and_its_target(tokenizer: PreTrainedTokenizerFast) -> None:
    def encode(batch: Examples) -> Features:
        return {"input_ids": [[[2, 4, 3], [2, 4, 5, 3]] for _ in batch["text"]], TARGET_LENGTH: [6, 0, 1, 0]}

    found = measure(of(TEXTS), encode, tokenizer, "key")
    assert found.lengths.tolist() == [13, 7, 8, 7]
    assert found.full_lengths.tolist() == [4] * 4
    assert found.full_targets is not None
    assert found.full_targets.tolist() == [6, 0, 1, 0]


@pytest.mark.usefixtures("cache")
def test_examples_within_the_limits_are_not_encoded_again(tokenizer: PreTrainedTokenizerFast) -> None:
    def never(batch: Examples) -> Features:
        raise AssertionError("called")

    examples = of(TEXTS)
    found = measure(examples, whole(tokenizer), tokenizer, "key")
    assert cut(found, examples, never, tokenizer, Limits(6), "key") is found


@pytest.mark.usefixtures("cache")
def test_a_long_example_may_become_several_rows(tokenizer: PreTrainedTokenizerFast) -> None:
    examples = of(TEXTS)
    found = measure(examples, whole(tokenizer), tokenizer, "key")
    pieces = cut(found, examples, windows(tokenizer, 2), tokenizer, Limits(2), "key")
    assert list(pieces.rows["input_ids"]) == [[4, 5], [6], [7], [1, 1], [4, 5], [8, 9]]
    assert pieces.owners == [[0], [0], [1], [2], [2], [3]]
    assert pieces.lengths.tolist() == [2, 1, 1, 2, 2, 2]
    assert COST not in pieces.rows.column_names
    assert pieces.full_lengths.tolist() == [5, 3, 6, 4]
    assert pieces.to_examples([1, 0, 4, 1]) == [0, 2]
    assert [owner(pieces.rows[place], place) for place in (1, 3)] == [0, 2]


@pytest.mark.usefixtures("cache")
def test_owners_are_counted_over_all_examples_and_not_over_a_batch(tokenizer: PreTrainedTokenizerFast) -> None:
    examples = of(["a", "a b c"] * 600)  # `datasets` hands over a thousand at once
    found = measure(examples, whole(tokenizer), tokenizer, "key")
    pieces = cut(found, examples, windows(tokenizer, 2), tokenizer, Limits(2), "key")
    assert pieces.owners is not None
    assert pieces.owners == [[n] for n in range(1200) for _ in range(1 + n % 2)]


@pytest.mark.usefixtures("cache")
@pytest.mark.parametrize(
    ("limits", "again"), [(Limits(9), False), (Limits(9, target=4), False), (Limits(9, target=3), True)]
)
def test_a_long_target_is_cut_too(tokenizer: PreTrainedTokenizerFast, limits: Limits, again: bool) -> None:
    def encode(batch: Examples) -> Features:
        return whole(tokenizer)(batch) | {TARGET_LENGTH: [4] * len(batch["text"])}

    examples = of(TEXTS)
    found = measure(examples, encode, tokenizer, "key")
    pieces = cut(found, examples, encode, tokenizer, limits, "key")
    assert (pieces is not found) is again
    assert pieces.lengths.tolist() == [9, 7, 10, 8]


@pytest.mark.usefixtures("cache")
def test_packed_examples_share_a_row(tokenizer: PreTrainedTokenizerFast) -> None:
    def packed(batch: Examples) -> Features:
        places = list(range(len(batch["text"])))
        return {"input_ids": [[4, 5], [6]], EXAMPLES: [places[:3], places[3:]], TARGETS: [2, 1]}

    examples = of(TEXTS)
    found = measure(examples, whole(tokenizer), tokenizer, "key")
    pieces = cut(found, examples, packed, tokenizer, Limits(99), "key", packed=True)
    assert pieces.owners == [[0, 1, 2], [3]]
    assert pieces.to_examples([0, 1]) == [0, 1, 2, 3]
    assert pieces.without_target == []


@pytest.mark.usefixtures("cache")
def test_limits_that_leave_nothing_give_no_rows(tokenizer: PreTrainedTokenizerFast) -> None:
    examples = of(TEXTS)
    found = measure(examples, whole(tokenizer), tokenizer, "key")

    def nothing(batch: Examples) -> Features:
        return {"input_ids": [], EXAMPLES: []}

    pieces = cut(found, examples, nothing, tokenizer, Limits(1), "key")
    assert (len(pieces.rows), pieces.lengths.tolist(), pieces.owners) == (0, [], [])
    assert set(pieces.rows.column_names) == {"input_ids", EXAMPLES}


def encoded(n: int, columns: dict[str, list[Any]]) -> Encoded:
    """Rows of so many examples."""
    rows = Dataset.from_dict(columns)
    ones = np.ones(n, dtype=np.int64)
    return Encoded(rows, np.arange(len(rows)), ones, None, ones * 0, ones)


def test_an_example_of_which_no_row_has_a_target_is_named() -> None:
    assert encoded(4, {EXAMPLES: [[0], [0], [1], [2, 3]], TARGETS: [0, 2, 0, 5]}).without_target == [1]
    assert encoded(3, {EXAMPLES: [[0], [2]], TARGETS: [1, 0]}).without_target == [1, 2]
    assert encoded(2, {TARGETS: [0, 1]}).without_target == [0]
    assert encoded(2, {"labels": [0, 1]}).without_target == []


def test_rows_without_a_label_are_not_learned_from() -> None:
    labels = [[IGNORED, IGNORED], [IGNORED, 5], [7, 8]]
    left = encoded(3, {"labels": labels, TARGETS: [0, 1, 2]}).learnable()
    assert list(left.rows["labels"]) == labels[1:]
    assert left.lengths.tolist() == [1, 2]
    assert left.owners == [[1], [2]]
    assert len(left.full_lengths) == 3
    owned = encoded(3, {"labels": labels, TARGETS: [0, 1, 2], EXAMPLES: [[0], [0], [2]]}).learnable()
    assert owned.owners == [[0], [2]]


def test_rows_that_all_have_a_label_stay_the_same_object() -> None:
    for rows in (encoded(2, {"labels": [[1], [IGNORED, 2]], TARGETS: [1, 1]}), encoded(2, {"labels": [1, 2]})):
        assert rows.learnable() is rows


def test_without_owners_row_and_example_are_the_same() -> None:
    assert encoded(3, {"labels": [0, 1, 2]}).to_examples([2, 0]) == [2, 0]
    assert owner({"labels": 1}, 7) == 7


@pytest.fixture
def counting(tokenizer: PreTrainedTokenizerFast) -> tuple[list[int], Encode]:
    """An encoding, and the sizes of the batches that it was called with."""
    calls: list[int] = []

    def encode(batch: Examples) -> Features:
        calls.append(len(batch["text"]))
        return whole(tokenizer)(batch)

    return calls, encode


@pytest.mark.usefixtures("cache")
def test_what_was_encoded_is_found_again_by_its_content(
    tokenizer: PreTrainedTokenizerFast, counting: tuple[list[int], Encode]
) -> None:
    calls, encode = counting
    first = measure(of(TEXTS), encode, tokenizer, "key")
    tokenizer(["a", "b c"], padding=True, truncation=True, max_length=2)  # what it did last decides nothing
    again = measure(of(list(TEXTS)), encode, tokenizer, "key")
    assert calls == [4]
    assert list(again.rows["input_ids"]) == list(first.rows["input_ids"])
    assert again.unknown.tolist() == first.unknown.tolist()


@pytest.mark.usefixtures("cache")
def test_another_key_or_text_is_encoded_anew(
    tokenizer: PreTrainedTokenizerFast, counting: tuple[list[int], Encode]
) -> None:
    calls, encode = counting
    measure(of(TEXTS), encode, tokenizer, "key")
    measure(of(TEXTS), encode, tokenizer, "another key")
    measure(of([*TEXTS, "a"]), encode, tokenizer, "key")
    tokenizer.add_tokens(["x"])
    assert measure(of(TEXTS), encode, tokenizer, tokenizer_digest(tokenizer)).unknown.tolist() == [0, 0, 1, 0]
    assert calls == [4, 4, 5, 4]


def test_without_a_place_for_the_cache_examples_are_encoded_in_memory(
    cache: Path, tokenizer: PreTrainedTokenizerFast
) -> None:
    cache.write_text("a file, and no folder")
    assert measure(of(TEXTS), whole(tokenizer), tokenizer, "key").lengths.tolist() == [5, 3, 6, 4]


@pytest.mark.parametrize(
    "other",
    [
        {"text": ["a", "b"], "n": [1, 3]},
        {"text": ["b", "a"], "n": [2, 1]},
        {"text": ["a", "b"], "m": [1, 2]},
        {"text": ["a", "b"]},
        {"text": ["a", "b"], "n": ["1", "2"]},
        {"text": ["a"], "n": [1]},
    ],
)
def test_a_digest_tells_tables_apart(other: dict[str, list[Any]]) -> None:
    table = {"text": ["a", "b"], "n": [1, 2]}
    digest = content_digest(Dataset.from_dict(table))
    assert digest == content_digest(Dataset.from_dict(dict(table)))
    assert digest != content_digest(Dataset.from_dict(other))


CHANGES: dict[str, Callable[[PreTrainedTokenizerFast], object]] = {
    "a word": lambda tokenizer: tokenizer.add_tokens(["g"]),
    "a template": lambda tokenizer: setattr(tokenizer, "chat_template", "{{ messages }}"),
    "truncation on the left": lambda tokenizer: setattr(tokenizer, "truncation_side", "left"),
    "token types": lambda tokenizer: tokenizer.model_input_names.append("token_type_ids"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_tokenizer_has_another_digest_once_its_tokens_change(tokenizer: PreTrainedTokenizerFast, change: str) -> None:
    before = tokenizer_digest(tokenizer)
    tokenizer(["a", "b c"], padding=True, truncation=True, max_length=2)
    assert tokenizer_digest(tokenizer) == before
    CHANGES[change](tokenizer)
    assert tokenizer_digest(tokenizer) != before


def test_a_tokenizer_written_in_python_has_the_digest_of_its_vocabulary_and_arguments(tmp_path: Path) -> None:
    assert tokenizer_digest(ByT5Tokenizer()) == tokenizer_digest(ByT5Tokenizer())
    assert tokenizer_digest(ByT5Tokenizer()) != tokenizer_digest(ByT5Tokenizer(extra_ids=10))
    assert tokenizer_digest(ByT5Tokenizer()) != tokenizer_digest(ByT5Tokenizer(do_lower_case=True))
    ByT5Tokenizer().save_pretrained(tmp_path / "one")
    copytree(tmp_path / "one", tmp_path / "other")
    one, other = (tokenizer_digest(ByT5Tokenizer.from_pretrained(tmp_path / name)) for name in ("one", "other"))
    assert one == other, "a moved tokenizer is the same one"
