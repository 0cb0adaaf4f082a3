"""Reading rows as examples, and splitting off validation and test rows."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from luthier.data.reading.sources import Source, open_source
from luthier.data.table import Table
from luthier.errors import FindingError, RecipeError
from luthier.pipeline.preparation.split import make_splits, names_of, read_table
from luthier.tasks.phases import Recognised
from luthier.tasks.text_classification.task import TextClassification
from tests.conftest import review_rows, write_csv
from tests.tasks.by_hand import Row, recipe_of, recognised

ROWS: list[dict[str, Any]] = review_rows(100)
TASK: Recognised[Any] = recognised(TextClassification, ROWS)


def source(folder: Path, name: str, rows: Sequence[Row]) -> Source:
    return open_source(write_csv(folder / name, [dict(row) for row in rows]))


def table_of(folder: Path, **splits: Sequence[Row]) -> Table:
    """Read rows as the splits with these names."""
    return read_table({split: [source(folder, f"{split}.csv", rows)] for split, rows in splits.items()}, TASK, RECIPE)


RECIPE = recipe_of()


# -- reading ---------------------------------------------------------------------------------------------------------


def test_each_row_is_an_example_or_skipped_and_counted(tmp_path: Path) -> None:
    table = table_of(tmp_path, train=[*ROWS[:4], {"text": "no label", "label": ""}], test=ROWS[4:6])
    assert {split: len(examples) for split, examples in table.examples.items()} == {"train": 4, "test": 2}
    assert table.accounts["train"].to_dict() == {"read": 5, "kept": 4, "skipped": {"missing-label": 1}}
    assert [(one.row, one.reason) for one in table.skipped] == [(5, "missing-label")]
    assert table.examples["train"][1]["text"] == ROWS[1]["text"]


def test_a_split_column_assigns_rows_to_splits(tmp_path: Path) -> None:
    rows = [row | {"part": part} for row, part in zip(ROWS, ["train", "train", "dev", "test"], strict=False)]
    recipe = recipe_of(data__columns={"split": "part"})
    table = read_table({"train": [source(tmp_path, "all.csv", rows)]}, TASK, recipe)
    assert {split: len(examples) for split, examples in table.examples.items()} == {
        "train": 2,
        "validation": 1,
        "test": 1,
    }


@pytest.mark.parametrize(
    ("split", "use"), [("train", "learn from"), ("validation", "validate on"), ("test", "test on")]
)
def test_a_split_without_usable_rows_is_an_error_with_the_reasons(tmp_path: Path, split: str, use: str) -> None:
    bad = [{"text": "a film", "label": ""}, {"text": "", "label": "good"}, {"text": "a story", "label": ""}]
    with pytest.raises(FindingError) as caught:
        table_of(tmp_path, **({"train": ROWS} | {split: bad}))
    assert caught.value.what == (
        f"of 3 rows to {use} none is usable (2 missing-label, 1 empty-text): column 'label' is empty"
    )
    assert caught.value.where == str(tmp_path / f"{split}.csv")


def test_a_split_column_without_training_rows_is_an_error(tmp_path: Path) -> None:
    rows = [row | {"part": "test"} for row in ROWS]
    recipe = recipe_of(data__columns={"split": "part"})
    with pytest.raises(FindingError, match="'part', which names the split of each row, names no train row"):
        read_table({"train": [source(tmp_path, "all.csv", rows)]}, TASK, recipe)


def test_sources_are_listed_by_the_names_that_the_user_gave(tmp_path: Path) -> None:
    sources = [source(tmp_path, f"{letter}.csv", ROWS[:2]) for letter in "abcde"]
    names = [one.name for one in sources]
    assert names_of({"train": sources[:2], "test": [sources[0]]}) == ", ".join(names[:2])
    assert names_of({"train": sources}) == ", ".join(names[:3]) + " and 2 more"
    assert names_of({}) == ""


# -- splitting -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "sizes", "why"),
    [
        ((), "train 80, validation 10, test 10", "validation and test held out by seed 42, equal texts kept together"),
        (
            ("test",),
            "train 90, validation 10, test 20",
            "test given; validation held out by seed 42, equal texts kept together",
        ),
        (("validation",), "train 100, validation 20", "validation given"),
        (("validation", "test"), "train 100, validation 20, test 20", "validation and test given"),
    ],
)
def test_missing_splits_are_split_off_from_the_training_rows(
    tmp_path: Path, given: tuple[str, ...], sizes: str, why: str
) -> None:
    others = {split: review_rows(200 + 20 * (i + 1))[-20:] for i, split in enumerate(given)}
    table = table_of(tmp_path, train=ROWS, **others)
    examples, decision = make_splits(table, TASK, RECIPE)
    assert ", ".join(f"{split} {len(rows)}" for split, rows in examples.items()) == decision.value == sizes
    assert (decision.what, decision.why) == ("splits", why)
    texts = [text for rows in examples.values() for text in rows["text"]]
    assert len(texts) == len(set(texts)) == 100 + 20 * len(given), "every row is in one split"


def test_with_shares_of_0_nothing_is_held_out(tmp_path: Path) -> None:
    recipe = recipe_of(data__validation_share=0.0, data__test_share=0.0)
    examples, decision = make_splits(table_of(tmp_path, train=ROWS), TASK, recipe)
    assert (list(examples), decision.why) == (["train"], "nothing held out")


def test_no_split_is_empty(tmp_path: Path) -> None:
    examples, decision = make_splits(table_of(tmp_path, train=ROWS[:2]), TASK, RECIPE)
    assert list(examples) == ["train"]
    assert (decision.value, decision.why) == ("train 2", "nothing held out")


def test_equal_texts_are_in_the_same_split_and_the_split_depends_on_the_seed(tmp_path: Path) -> None:
    table = table_of(tmp_path, train=[row for row in ROWS[:50] for _ in range(3)])
    first, again, other = (make_splits(table, TASK, recipe_of(seed=seed))[0] for seed in (1, 1, 2))
    assert first["test"]["text"][:] == again["test"]["text"][:]
    assert set(first["test"]["text"]) != set(other["test"]["text"])
    sides = [set(rows["text"]) for rows in first.values()]
    assert len(sides) == 3 and sum(map(len, sides)) == len(set.union(*sides)) == 50


def test_splits_and_the_sample_can_have_seeds_of_their_own(tmp_path: Path) -> None:
    table = table_of(tmp_path, train=ROWS)

    def made(**values: Any) -> list[list[str]]:
        examples = make_splits(table, TASK, recipe_of(data__train_rows=10, **values))[0]
        return [examples["test"]["text"][:], examples["train"]["text"][:]]

    first = made(seed=5)
    assert made(seed=1, data__split_seed=5) == first
    test, sample = made(seed=1, data__split_seed=5, data__sample_seed=2)
    assert test == first[0] and set(sample) != set(first[1])


def test_train_rows_draws_a_stratified_sample_of_different_texts(tmp_path: Path) -> None:
    table = table_of(tmp_path, train=[*ROWS[:20], *ROWS[:20]], test=ROWS[50:])
    recipe = recipe_of(data__train_rows=6, data__validation_share=0.0)
    examples, decision = make_splits(table, TASK, recipe)
    assert len(set(examples["train"]["text"])) == len(examples["train"]) == 6
    assert sorted(examples["train"]["label"]) == ["bad"] * 3 + ["good"] * 3
    assert decision.value == "train 6, test 50"
    assert decision.why == "test given; training on a sample of 6"


def test_train_rows_above_the_number_of_different_rows_is_an_error(tmp_path: Path) -> None:
    recipe = recipe_of(data__train_rows=50, data__validation_share=0.0, data__test_share=0.0)
    with pytest.raises(RecipeError) as caught:
        make_splits(table_of(tmp_path, train=[*ROWS[:20], *ROWS[:20]]), TASK, recipe)
    assert caught.value.what == "train_rows is 50, and there are only 20 different training rows"
    assert caught.value.where == "data.train_rows"
    with pytest.raises(RecipeError, match="there is only 1 different training row\n"):
        make_splits(table_of(tmp_path, train=[ROWS[0], ROWS[0]]), TASK, recipe)


def test_runs_of_other_seeds_can_share_their_splits_and_their_sample(tmp_path: Path) -> None:
    table = table_of(tmp_path, train=ROWS)

    def split(**settings: Any) -> dict[str, list[str]]:
        examples, _ = make_splits(table, TASK, recipe_of(data__train_rows=40, **settings))
        return {name: rows["text"][:] for name, rows in examples.items()}

    assert split(seed=1, data__split_seed=5) == split(seed=2, data__split_seed=5) == split(seed=5)
    assert split(seed=1) != split(seed=5)
