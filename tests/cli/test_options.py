"""How the options that commands share become recipe keys."""

import string
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.cli import main
from luthier.cli.options import names_of_labels, overrides
from luthier.errors import RecipeError, UsageError
from tests.cli.conftest import Stub

NAMES = st.lists(st.text(string.ascii_letters + "#-_ ä", min_size=1).filter(str.strip), min_size=1, max_size=4)


@pytest.mark.parametrize(
    ("setting", "key", "value"),
    [
        ("weight_decay=0.1", "training.weight_decay", 0.1),
        ("training.length_grouping=false", "training.length_grouping", False),
        ("freeze=['a.*', 'b']", "model.freeze", ["a.*", "b"]),
        ("metric_for_best=f1", "evaluation.metric_for_best", "f1"),
        ("data.columns.text=my column", "data.columns.text", "my column"),
        ("name=a=b", "model.name", "a=b"),
        ("class_weights={a = 1.0, b = 2.0}", "training.class_weights", {"a": 1.0, "b": 2.0}),
        (" seed = 7 ", "seed", 7),
        ("positive_label=1", "data.positive_label", "1"),
        ("metric_for_best= f1 ", "evaluation.metric_for_best", "f1"),
        ("name=", "model.name", ""),
    ],
)
def test_set_reads_toml_and_falls_back_to_text(
    stub: Stub, result: SimpleNamespace, setting: str, key: str, value: Any
) -> None:
    calls = stub("train", train=result)
    assert main(["train", "a.csv", "--set", setting]) == 0
    assert calls["train"].settings == {key: value}


def test_several_labels_are_a_list(stub: Stub, result: SimpleNamespace) -> None:
    calls = stub("train", train=result)
    assert main(["train", "a.csv", "--label", "joy, fear,anger"]) == 0
    assert calls["train"].settings == {"data.columns.labels": ["joy", "fear", "anger"]}


@pytest.mark.parametrize("command", ["train", "inspect", "evaluate"])
def test_labels_are_named(stub: Stub, command: str) -> None:
    calls = stub(command, **{command: SimpleNamespace(to_dict=dict, stops=False, directory="d")})
    assert (
        main([command, "runs/a", "a.csv", "--label-names", "0=bad, 1 = so so", "--label-names", "2=a=b", "--json"]) == 0
    )
    assert calls[command].settings == {"data.label_names": {"0": "bad", "1": "so so", "2": "a=b"}}


@pytest.mark.parametrize(
    ("pairs", "what"),
    [
        (["0"], "no code and name in '0'"),
        (["0=a,,"], "no code and name in ''"),
        (["0="], "no code"),
        (["=a"], "no code"),
    ],
)
def test_names_of_labels_are_pairs(pairs: list[str], what: str) -> None:
    with pytest.raises(UsageError, match=what) as caught:
        names_of_labels(pairs)
    assert caught.value.where == "--label-names" and "0=negative,1=positive" in caught.value.hint
    assert names_of_labels(None) is None


def test_a_label_is_named_once() -> None:
    with pytest.raises(UsageError, match="label '0' is named twice"):
        names_of_labels(["0=a", "0=b"])


@pytest.mark.parametrize("command", ["train", "inspect", "evaluate"])
def test_column_names_the_columns_of_any_role(stub: Stub, command: str) -> None:
    calls = stub(command, **{command: SimpleNamespace(to_dict=dict, stops=False, directory="d")})
    words = (
        f"{command} runs/a a.csv --column question=q --column text=title,body --column labels=joy --column labels=fear"
    )
    assert main([*words.split(), "--json"]) == 0
    assert calls[command].settings == {
        "data.columns.question": "q",
        "data.columns.text": ["title", "body"],
        "data.columns.labels": ["joy", "fear"],
    }


def test_only_what_was_given_overrides() -> None:
    options: dict[str, Any] = {
        "task": None,
        "data.test": [],
        "seed": 0,
        "model.fresh_tokenizer": False,
        "model.name": "",
    }
    given = {"seed": 0, "model.fresh_tokenizer": False, "model.name": ""}
    assert overrides(options, None, None, None, None) == given
    assert overrides({}, None, None, [], []) == {}


@given(NAMES)
def test_names_of_columns_are_separated_by_commas_and_stripped(names: list[str]) -> None:
    stripped = [name.strip() for name in names]
    value: Any = stripped if len(stripped) > 1 else stripped[0]
    role = "data.columns.labels" if len(stripped) > 1 else "data.columns.label"
    assert overrides({}, None, " , ".join(names), None, None) == {role: value}
    assert overrides({}, None, None, [f" answers ={','.join(names)}"], None) == {"data.columns.answers": value}


@pytest.mark.parametrize(
    ("given", "kind", "what", "where"),
    [
        ({"text": "a,b,c"}, UsageError, "text takes at most two columns", "text a,b,c"),
        ({"text": " "}, UsageError, "a column name is empty", "--text ' '"),
        ({"label": "a,"}, UsageError, "a column name is empty", "--label 'a,'"),
        ({"columns": ["stars"]}, UsageError, "no role in 'stars'", "--column"),
        ({"columns": ["text=a", "text=,b"]}, UsageError, "a column name is empty", "--column 'text=,b'"),
        ({"label": "a", "columns": ["label=b"]}, UsageError, "data.columns.label is set twice", "--column"),
        ({"settings": ["seed"]}, UsageError, "no value in 'seed'", "--set"),
        ({"settings": ["seed=1", "seed=2"]}, UsageError, "seed is set twice", "--set seed=2"),
        ({"settings": ["weight_decy=1"]}, RecipeError, "no recipe key 'weight_decy'", "--set weight_decy"),
    ],
)
def test_an_option_that_cannot_be_is_refused_with_its_place(
    given: dict[str, Any], kind: type[UsageError], what: str, where: str
) -> None:
    with pytest.raises(UsageError) as caught:
        overrides({}, given.get("text"), given.get("label"), given.get("columns"), given.get("settings"))
    assert (type(caught.value), caught.value.what, caught.value.where) == (kind, what, where)
    assert caught.value.hint
