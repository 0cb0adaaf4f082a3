"""Held-out files without labels are not used, unless the user named them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from luthier.pipeline.preparation.opening import Found, open_sources, recognise_columns
from luthier.recipe import Recipe

Row = Callable[[int], dict[str, Any]]


def text(i: int, **others: Any) -> dict[str, Any]:
    return {"text": f"The {i} strings of this lute sound well in a hall.", **others}


def written(folder: Path, **splits: Row) -> Path:
    for split, row in splits.items():
        lines = [json.dumps(row(i + 100 * len(split))) + "\n" for i in range(60 if split == "train" else 20)]
        (folder / f"{split}.jsonl").write_text("".join(lines))
    return folder


def found_in(*specs: Path, **named: list[Path]) -> Found:
    data = {name: list(map(str, paths)) for name, paths in {"train": list(specs), **named}.items()}
    recipe = Recipe.model_validate({"data": data})
    return recognise_columns(recipe, open_sources(recipe, None), None)


def train(i: int) -> dict[str, Any]:
    return text(i, label=i % 2)


@pytest.mark.parametrize(
    ("test", "why"),
    [
        (text, "'label' has no value in all of its 20 rows"),
        (lambda i: text(i, id=i), "'label' has no value"),
        (lambda i: text(i, label=""), "'label' has no value"),
        (lambda i: text(i, label=None), "'label' has no value"),
        (lambda i: text(i, label=-1), "'label' is '-1', which no training row has,"),
        (lambda i: text(i, label="?"), "'label' is '?'"),
    ],
)
def test_a_test_file_without_labels_is_not_used(tmp_path: Path, test: Row, why: str) -> None:
    found = found_in(written(tmp_path, train=train, test=test))
    assert list(found.sources) == ["train"]
    (said,) = [one for one in found.decisions if one.value == "test.jsonl"]
    assert (said.what, said.why[: len(why)]) == ("not used", why)
    assert f"`luthier predict RUN --file {tmp_path}/test.jsonl`" in said.why


@pytest.mark.parametrize(
    "test",
    [
        lambda i: text(i, label=i % 2),
        lambda i: text(i, label=1),
        lambda i: text(i, label=[None, 1][i % 2]),
        lambda i: text(i, label=[-1, 1][i % 2]),
        lambda i: text(i, label=7),  # unseen, which is told
        lambda i: text(i, gold=i % 2),  # perhaps the labels
    ],
)
def test_a_test_file_that_may_have_labels_is_kept(tmp_path: Path, test: Row) -> None:
    assert list(found_in(written(tmp_path, train=train, test=test)).sources) == ["train", "test"]


def test_a_class_of_training_is_no_placeholder(tmp_path: Path) -> None:
    folder = written(tmp_path, train=lambda i: text(i, label=i % 3 - 1), test=lambda i: text(i, label=-1))
    assert list(found_in(folder).sources) == ["train", "test"]


def test_a_file_that_was_named_as_test_data_is_kept(tmp_path: Path) -> None:
    folder = written(tmp_path, train=train, test=text)
    assert list(found_in(folder / "train.jsonl", test=[folder / "test.jsonl"]).sources) == ["train", "test"]


def test_other_targets_may_be_missing_too(tmp_path: Path) -> None:
    several = written(tmp_path, train=lambda i: text(i, toxic=i % 2, rude=i // 2 % 2, dull=1 - i % 2), test=text)
    assert list(found_in(several).sources) == ["train"]
    number = written(tmp_path, train=lambda i: text(i, score=i / 7), test=lambda i: text(i, score=-1.0))
    assert list(found_in(number).sources) == ["train"]


def test_texts_alone_have_no_labels_to_miss(tmp_path: Path) -> None:
    assert list(found_in(written(tmp_path, train=text, test=text)).sources) == ["train", "test"]
