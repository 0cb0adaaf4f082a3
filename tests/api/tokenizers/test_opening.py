"""The data of the tokenizer commands, and the commands that name it."""

from pathlib import Path

import pytest

from luthier.api.tokenizers.opening import checked_size, opened
from luthier.console import Console
from luthier.errors import RecipeError, UsageError
from tests.conftest import review_rows, write_csv
from tests.listener import Listener


def test_the_command_has_the_settings_of_the_data(tmp_path: Path) -> None:
    data, valid = (write_csv(tmp_path / name, review_rows(40)) for name in ("a b.csv", "valid.csv"))
    settings = {"text": "text", "label": "label", "task": "text-classification", "data.validation": [str(valid)]}
    told = Listener()
    with opened(str(data), settings, told) as held:
        assert set(held.sources) == {"train", "validation"} and held.found.reader.name == "text-classification"
    assert held.train_command("--tokenizer", "bpe") == (
        f"luthier train '{data}' --tokenizer bpe --column text=text --column label=label --task text-classification"
        f" --valid {valid}"
    )
    assert {"text", "label"} <= {decision.what for decision in told.decisions}


def test_data_in_memory_has_no_path() -> None:
    with opened(review_rows(40), {"label": "label"}, Console()) as held:
        assert held.train_command("--tokenizer", "bpe") == "luthier train DATA --tokenizer bpe"


def test_settings_of_a_model_are_refused() -> None:
    with (
        pytest.raises(RecipeError, match=r"tokenizers do not use training\.epochs"),
        opened("a.csv", {"epochs": 3}, Console()),
    ):
        pass


@pytest.mark.parametrize("size", [0, -1, "4k", 2.5])
def test_a_size_is_a_positive_whole_number(size: object) -> None:
    assert checked_size(None) is None and checked_size(400) == 400
    with pytest.raises(UsageError, match="must be a positive whole number"):
        checked_size(size)  # type: ignore[arg-type]
