"""Options that set recipe keys, in the commands that take them."""

import io
from inspect import signature
from types import SimpleNamespace
from typing import Any

import pytest

from luthier.cli import main
from luthier.cli.settings import SAMPLING, SETTINGS, by_name, takes
from luthier.errors import UsageError
from luthier.other_tools import place_of
from luthier.recipe import Recipe
from tests.cli.conftest import Stub

GENERATION = ["--temperature", "0.7", "--top-p", "0.9", "--top-k", "5", "--max-new-tokens", "8", "--num-beams", "2"]
ASKED = {"temperature": 0.7, "top_p": 0.9, "top_k": 5, "max_new_tokens": 8, "num_beams": 2}


def test_settings_of_generation_go_to_each_command_that_generates(
    stub: Stub, result: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    found = SimpleNamespace(to_dict=result.to_dict, directory="there")
    chats, scores = stub("chat", chat=SimpleNamespace()), stub("evaluate", evaluate=found)
    predicts = stub("predict", predict=[], predict_file=1)
    words = [*GENERATION, "--seed", "3"]
    assert main(["chat", "runs/a", *words]) == main(["evaluate", "runs/a", "--json", *words]) == 0
    assert main(["predict", "runs/a", "--file", "f.csv", *words]) == 0
    assert main(["predict", "runs/a", "--file", "f.csv", "--output", "o.jsonl", *words]) == 0
    assert chats["chat"].settings == {"system": "", "seed": 3, **ASKED}
    assert scores["evaluate"].settings == {"seed": 3, **{f"generation.{name}": ASKED[name] for name in ASKED}}
    for call in predicts.values():
        assert call.settings == {"precision": "fp32", "seed": 3, **ASKED}


@takes("--task --lora first --label-names --set", *SAMPLING[-1:])
def command(out: str, changes: dict[str, Any], rest: int = 1, first: int = 2) -> int:
    assert out == "out" and changes.pop("seed", 0) in (0, 7)
    return len(changes) + 100 * rest + 1000 * first


def given(**options: Any) -> dict[str, Any]:
    """What typer passes: every parameter, those of options that were not given with their defaults."""
    return {
        "rest": 0,
        "first": 0,
        "task": None,
        "lora": False,
        "label_names": None,
        "set": None,
        "seed": None,
    } | options


def test_options_have_the_order_of_the_help_below_parameters_that_are_not_listed() -> None:
    assert list(signature(command).parameters) == ["out", "rest", "task", "lora", "first", "label_names", "set", "seed"]


def test_options_that_are_given_are_changes_and_own_parameters_stay() -> None:
    assert command("out", **given(rest=3, first=4)) == 4300
    assert command("out", **given(task="chat", lora=True, label_names=["0=a"], set=["epochs=2"], seed=7)) == 4
    with pytest.raises(UsageError, match="task is set twice"):
        command("out", **given(task="chat", set=["task=chat"]))


def test_a_flag_sets_its_value() -> None:
    assert (SETTINGS["--lora"].value(True), SETTINGS["--lora"].value(False)) == ("lora", None)
    assert SETTINGS["--keep-checkpoints"].value(True) is True


def test_the_keys_exist_and_errors_name_their_options() -> None:
    keys = {
        setting.key: setting for setting in SETTINGS.values() if setting.key not in ("text", "label", "column", "set")
    }
    assert keys.keys() <= {*Recipe.known_keys(), "seed", "task", "device", "model.adapter.kind"}
    named = {key: place_of(key) for key in keys if not place_of(key).startswith("--set")}
    assert named == {key: keys[key].option for key in named} and len(named) > 20


def test_functions_take_settings_of_generation_by_name() -> None:
    assert by_name({"generation.top_p": 0.5, "seed": 1, "device": "cpu"}) == {"top_p": 0.5, "seed": 1, "device": "cpu"}
