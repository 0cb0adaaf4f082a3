"""An option that a command does not have: the recipe key, the nearest option, or the setting of another tool."""

import pytest

from luthier.cli import main
from luthier.cli.unknown import instead_of
from tests.cli.conftest import CapSys

OPTIONS = ("--set", "--epochs", "--batch-size", "--grad-accumulation", "--lr", "--device")


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        ("--weight-decay 0.1", "use --set weight_decay=0.1"),
        ("--weight_decay=0.1", "use --set weight_decay=0.1"),
        ("--learning-rate 1e-4", "use --lr 0.0001"),
        ("--label-smoothing", "use --set label_smoothing=true"),
        ("--per-device-train-batch-size 4 --grad-accumulation 4", "use --batch-size 16"),
        (
            "--per_device_train_batch_size 4 --gradient_accumulation_steps=4",
            "use --batch-size 16 --grad-accumulation 4",
        ),
        ("--group-by-length --epochs 3", "use --set length_grouping=true"),
        ("--batchsize 8", "did you mean --batch-size?"),
        ("--batch 8", "did you mean --batch-size?"),
        ("--wieght-decay 0.1", "did you mean --set weight_decay=0.1?"),
        ("--zzz 1", ""),
    ],
)
def test_what_to_use_instead(words: str, hint: str) -> None:
    option = words.split(maxsplit=1)[0].partition("=")[0]
    found = instead_of(option, OPTIONS, ["train", "a.csv", *words.split()])
    assert found.startswith(hint)
    assert bool(found) is bool(hint)


def test_options_that_the_command_lacks_are_set_as_keys() -> None:
    assert instead_of("--epochs", ["--set", "--task"], ["inspect", "a.csv", "--epochs", "3"]) == "use --set epochs=3"


def test_a_command_without_recipe_knows_its_own_options_only() -> None:
    assert instead_of("--weight-decay", ["--file"], ["predict", "r", "--weight-decay", "1"]) == ""
    assert instead_of("--fil", ["--file"], ["predict", "r", "--fil", "x"]) == "did you mean --file?"


def test_the_command_says_it(capsys: CapSys) -> None:
    assert main(["train", "a.csv", "--weight-decay", "0.1"]) == 2
    assert capsys.readouterr().err.splitlines()[1:] == ["where: luthier train", "hint: use --set weight_decay=0.1"]
