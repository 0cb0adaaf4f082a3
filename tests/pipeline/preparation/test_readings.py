"""Where the columns fit no task clearly, recognising stops and offers commands, each of which works."""

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import BertConfig, GPT2Config

from luthier.data.columns.profile import Recognition, profile
from luthier.data.reading.memory import write_copy
from luthier.data.records import Record
from luthier.errors import ColumnError
from luthier.pipeline.preparation.readings import task_commands, unread
from luthier.pipeline.preparation.recognise import recognise
from luthier.recipe import Recipe
from luthier.tasks.registry import find, provisional
from luthier.tasks.text_classification.task import TextClassification
from tests.tasks.smallest import Stance

Cell = Callable[[int], Any]
ENGLISH = ["the bow", "a string", "the peg", "one scroll", "that bridge", "some wood", "no glue"]
FRENCH = ["une corde", "cet archet", "la cheville", "du bois", "de la colle", "le chevalet", "un manche"]


def english(i: int) -> str:
    return f"{ENGLISH[i % 7]} and {ENGLISH[i // 7 % 7]} of item {i} were worn"


def french(i: int) -> str:
    return f"{FRENCH[i % 7]} et {FRENCH[i // 7 % 7]} du no {i} sont usés"


def lengthy(i: int) -> str:
    return " ".join(english(i + k) for k in range(5))


def mood(i: int) -> str:
    return ["good", "bad"][i * i % 3 % 2]


def license_of(i: int) -> str:
    return ["CC0", "CC-BY"][i % 2]


def name_of(i: int) -> dict[str, Any]:
    return {"name": mood(i)}


def shares(i: int) -> list[float]:
    return [i / 100, 1 - i / 100]


def nothing(i: int) -> str:
    return ""


def table(columns: dict[str, Cell], rows: int = 80) -> Any:
    made = [{name: cell(i) for name, cell in columns.items()} for i in range(rows)]
    return profile([Record("data.csv", i, row) for i, row in enumerate(made, 1)])


def recognised(columns: dict[str, Cell], model: Any = None, task: str | None = None, **named: Any) -> Recognition:
    recipe = Recipe.build({"data": {"train": ["my data.csv"], "columns": named}, **({"task": task} if task else {})})
    return recognise(recipe, table(columns), "my data.csv", model)


def refused(columns: dict[str, Cell], model: Any = None, **named: Any) -> tuple[str, list[list[str]]]:
    """The message, and the words of each command that is offered."""
    with pytest.raises(ColumnError) as caught:
        recognised(columns, model, **named)
    assert caught.value.exit_code == 3
    return caught.value.what, [shlex.split(part) for part in caught.value.hint.split("`")[1::2]]


UNCLEAR: dict[str, tuple[dict[str, Cell], str, list[str]]] = {
    "two languages": (
        {"column1": english, "column2": french, "column3": lambda i: f"CC-BY 2.0 (France) Attribution: #{i} (user{i})"},
        "text-generation would ignore 2 columns: ",
        ["text-generation column1", "translation column1 column2", "translation column2 column1"],
    ),
    "two languages, numbers and a few licenses": (
        {
            "1": lambda i: 10 + i,
            "2": english,
            "3": lambda i: 90 + 2 * i,
            "4": french,
            "5": license_of,
        },
        "only a guess",
        ["text-generation 2", "translation 2 4", "translation 4 2"],
    ),
    "a long and a short text": (
        {"long": lengthy, "kurz": english},
        "'kurz' has 80 different values",
        ["summarization long kurz", "text-generation long"],
    ),
    "shares of labels": (
        {"text": english, "labels": shares},
        "lists of numbers",
        ["text-generation text"],
    ),
    "a word in each row": ({"text": english, "keyword": lambda i: f"k{i % 60}"}, "'keyword'", ["text-generation text"]),
    "another label in each row": (
        {"text": english, "class": lambda i: f"c{i}"},
        "text-generation would ignore 1 column: 'class' is an id",
        ["text-generation text"],
    ),
    "no label is filled in": ({"text": english, "label": nothing}, "'label' is empty", ["text-generation text"]),
    "a list of objects": (
        {"text": english, "label": lambda i: [{"name": mood(i)}]},
        "'label' holds lists of objects of name",
        ["text-classification text label.name", "text-generation text"],
    ),
    "Label Studio's export": (
        {
            "id": lambda i: i,
            "data": lambda i: {"text": english(i)},
            "annotations": lambda i: [{"by": 1, "result": [{"type": "choices", "value": {"choices": [mood(i)]}}]}],
        },
        "no task fits the columns",
        ["text-classification data.text annotations.result.value.choices", "text-generation data.text"],
    ),
    "no text but the label": ({"text": nothing, "label": mood}, "'text' is empty", []),
    "nothing but labels": ({"label": mood}, "'label' has 2 different values", []),
    "an id and labels": ({"id": lambda i: i, "stars": lambda i: i % 5}, "'stars' has 5", []),
    "a long label": ({"text": nothing, "label": english}, "'text' is empty", []),
    "the other column is a title": (
        {"text": nothing, "title": english, "label": mood},
        "'text' is empty",
        ["text-classification title label", "text-generation title"],
    ),
    "a passage beside question and answer": (
        {"article": lengthy, "question": lambda i: f"which {i}?", "options": lambda i: ["a", "b"], "answer": mood},
        "not the texts of 'article'",
        ["text-classification article answer", "text-generation article"],
    ),
    "an answer beside flags": (
        {"title": english, "answer": french, "binary": lambda i: "YN"[i % 2], "useful": lambda i: "YN"[i % 3 % 2]},
        "not the texts of 'answer'",
        [
            "chat title answer",
            "text-classification title binary",
            "text-classification title useful",
            "text-generation title",
        ],
    ),
    "prompts that recur": (
        {"remark": english, "prompt": lambda i: f"Say {i % 2} things", "boxes": lambda i: [{"x": i}]},
        "'boxes' holds lists of objects",
        ["summarization remark prompt", "text-generation remark"],
    ),
    "aspects as keys": (
        {"comment": english, "label": lambda i: {"room": mood(i), **({"staff": mood(i + 1)} if i % 3 else {})}},
        "'label' holds objects of room, staff",
        [
            "text-classification comment label.room",
            "text-classification comment label.staff",
            "text-generation comment",
        ],
    ),
    "a turn of a conversation in each row": (
        {"text": english, "role": lambda i: ["prompter", "assistant"][i % 2]},
        "one turn of a conversation",
        ["text-classification text role", "text-generation text"],
    ),
    "no source": ({"source": nothing, "target": french}, "'source' is empty", []),
    "no question": ({"question": nothing, "reply": french}, "'question' is empty", ["text-generation reply"]),
}


def test_what_is_derived_from_a_text_may_be_longer() -> None:
    found = recognised({"sentence": english, "sentence_parse": lambda i: f"{lengthy(i)} {lengthy(i)}", "label": mood})
    assert found.columns == {"text": "sentence", "label": "label"}


@pytest.mark.parametrize("case", UNCLEAR)
def test_unclear_columns_stop_with_the_likely_readings(case: str) -> None:
    columns, words, readings = UNCLEAR[case]
    message, commands = refused(columns)
    assert words in message
    found = []
    for command in commands:
        assert command[:3] == ["luthier", "train", "my data.csv"]
        options = dict(zip(command[3::2], command[4::2], strict=True))
        found.append(" ".join(options.values()))
        # The command does what it says: its task takes these columns.
        again = recognised(columns, None, options["--task"], **{k[2:]: v for k, v in options.items() if k != "--task"})
        assert again.task == options["--task"]
        assert set(options.values()) == {again.task, *map(str, again.columns.values())}
    assert found == readings


def test_judged_replies_are_offered_by_the_judgement_whole_and_as_a_pair() -> None:
    message, commands = refused({"prompt": english, "completion": french, "label": lambda i: i % 2 == 0})
    assert "'label' may say which replies are good" in message
    found = [" ".join(command[4:]) for command in commands]
    assert found[:3] == [
        "chat --text prompt --label completion --column desirable=label",
        "chat --text prompt --label completion",
        "text-classification --text prompt,completion --label label",
    ]


def test_only_tasks_of_the_model_are_offered() -> None:
    columns, _, _ = UNCLEAR["a list of objects"]
    assert [command[4] for command in refused(columns, GPT2Config())[1]] == ["text-classification", "text-generation"]
    assert [command[4] for command in refused(columns, BertConfig())[1]] == ["text-classification"]


@pytest.mark.parametrize(
    "columns",
    [
        {"text": english},
        {"id": lambda i: i, "url": lambda i: f"https://a/{i}", "title": lambda i: f"no {i} of all", "text": english},
        {"text": english, "source": lambda i: ["web", "print"][i % 2], "split": lambda i: ["train", "test"][i % 2]},
        {"text": english, "notes": nothing, "Unnamed: 3": nothing, "version": lambda i: "1"},
        {"line": english, "license": license_of},
    ],
    ids=" ".join,
)
def test_text_with_its_metadata_is_text(columns: dict[str, Cell]) -> None:
    found = recognised(columns)
    assert found.task == "text-generation"
    assert unread(found, table(columns)) == []


CELLS: dict[str, Cell] = {
    **{"english": english, "french": french, "mood": mood, "nothing": nothing, "shares": shares, "words": lengthy},
    **{"number": lambda i: i % 7, "id": lambda i: i, "ratio": lambda i: (i * 37 % 80) / 9, "constant": lambda i: "x"},
    "flags": lambda i: [i % 2, i // 2 % 2, 1],
    "object": lambda i: {"a": mood(i), "b": i},
    "objects": lambda i: [{"a": mood(i)}],
}
NAMES = ["text", "label", "labels", "target", "source", "a", "b", "title", "category", "column1", "column2", "review"]


@given(st.dictionaries(st.sampled_from(NAMES), st.sampled_from(sorted(CELLS)), min_size=1, max_size=4))
@settings(max_examples=150)
def test_no_table_is_learned_as_text_while_a_column_may_be_its_label(kinds: dict[str, str]) -> None:
    """Whatever the table: the text that is learned is a text, no label, and no other column may be needed."""
    columns = {name: CELLS[kind] for name, kind in kinds.items()}
    try:
        found = recognised(columns)
    except ColumnError as error:
        for part in error.hint.split("`")[1::2]:
            assert shlex.split(part)[:2] == ["luthier", "train"]
        return
    used = {name for names in found.columns.values() for name in ([names] if isinstance(names, str) else names)}
    for name in used:
        assert "." in name or kinds[name] not in ("object", "objects", "shares", "nothing"), found
    if find(found.task).unlabelled:
        assert all(kinds[name] in ("english", "french", "words") or name == "text" for name in used), found
        left = {name: kind for name, kind in kinds.items() if name not in used and name not in ("title", "source")}
        assert set(left.values()) <= {"constant", "id", "nothing"}, found
        assert not left.keys() & {"label", "labels", "target", "category"}, found


def test_fields_of_objects_are_columns_where_they_are_clear() -> None:
    nested: dict[str, Cell] = {
        "id": lambda i: i,
        "review": lambda i: {"body": english(i), "title": "x"},
        "meta": lambda i: {"rating": i % 5},
    }
    found = recognised(nested)
    assert (found.task, found.shape) == ("text-classification", "single/one")
    assert found.columns == {"text": "review.body", "label": "meta.rating"}
    found = recognised({"text": english, "source": lambda i: ["web", "print"][i % 2], "label": name_of})
    assert found.columns == {"text": "text", "label": "label.name"}


def test_an_object_that_the_user_names_is_refused_with_its_fields() -> None:
    columns: dict[str, Cell] = {"text": english, "label": lambda i: {"name": mood(i), "by": i}}
    with pytest.raises(ColumnError, match=r"(?s)holds objects of by, name.*--label label\.by, --label label\.name"):
        recognised(columns, None, "text-classification", label="label")
    for asked in ({"text": "tags"}, {"text": "tags", "label": "mood"}, {"text": "text", "label": "label"}):
        more: dict[str, Cell] = columns | {"tags": lambda i: [mood(i)], "mood": mood}
        with pytest.raises(
            ColumnError, match=r"column '(tags' holds lists of texts|label' holds objects).* no task can"
        ):
            recognised(more, None, None, **asked)
    assert recognised(columns, None, "text-classification", label="label.name").columns["label"] == "label.name"
    with pytest.raises(ColumnError, match=r"no column 'label\.nam'"):
        recognised(columns, None, "text-classification", label="label.nam")


class Agrees(Stance):
    """Reads the same columns."""

    name = "agrees"


class Shout(TextClassification):
    """Extends a task of Luthier's, and recognises as that one does."""

    name = "shout"


def test_a_task_that_extends_another_is_recognised_as_itself() -> None:
    profiles = table({"text": english, "label": mood})
    with provisional(Shout()):
        named = Recipe.build({"task": "shout", "data": {"train": ["data.csv"]}})
        assert recognise(named, profiles, "data.csv", None).task == "shout"
        with pytest.raises(ColumnError, match="text-classification, shout fit the columns equally well"):
            recognise(Recipe.build({"data": {"train": ["data.csv"]}}), profiles, "data.csv", None)


def test_tasks_of_other_packages_that_fit_equally_well_are_offered() -> None:
    profiles = table({"claim": english, "reply": french, "stance": lambda i: str(i % 2)})
    recipe = Recipe.build({"data": {"train": ["data.csv"]}})
    with provisional(Stance()):
        assert recognise(recipe, profiles, "data.csv", None).task == "stance"
        with (
            provisional(Agrees()),
            pytest.raises(ColumnError, match="stance, agrees fit the columns equally") as caught,
        ):
            recognise(recipe, profiles, "data.csv", None)
        ready = ["`luthier train data.csv --task stance`", "`luthier train data.csv --task agrees`"]
        assert caught.value.hint == f"run one of: {'; '.join(ready)}; or set --task"
        named = Recipe.build({"task": "stance", "data": {"train": ["data.csv"], "columns": {"claim": "claim"}}})
        with provisional(Agrees()):
            assert recognise(named, profiles, "data.csv", None).task == "stance"
        assert task_commands(named, ["stance"]) == ["luthier train data.csv --task stance --column claim=claim"]
        new = Recipe.build({"data": {"train": ["d.csv"]}, "model": {"from_scratch": "tiny"}})
        assert task_commands(new, ["stance"]) == ["luthier train d.csv --from-scratch tiny --task stance"]


def test_whole_numbers_in_no_order_may_be_the_target() -> None:
    what, offered = refused({"text": english, "salary": lambda i: 20_000 + 7_919 * i % 10_007})
    assert what.endswith("text-generation would ignore 1 column: 'salary' has 80 different numbers in 80 rows")
    assert [words[words.index("--task") + 1] for words in offered] == ["text-classification", "text-generation"]
    assert offered[0][-2:] == ["--label", "salary"]
    for rows in ({"nr": lambda i: 3 * i}, {"nr": lambda i: -i}, {"post_id": lambda i: 7_919 * i % 10_007}):
        assert recognised({"text": english, **rows}).task == "text-generation"


def test_data_in_memory_is_offered_as_calls(tmp_path: Path) -> None:
    rows = [{"text": english(i), "salary": 7_919 * i % 10_007} for i in range(80)]
    write_copy(rows, tmp_path / "train.parquet")
    recipe = Recipe.build({"data": {"train": [str(tmp_path / "train.parquet")]}, "model": {"from_scratch": "tiny"}})
    with pytest.raises(ColumnError) as caught:
        recognise(recipe, profile([Record("list", i, row) for i, row in enumerate(rows, 1)]), "list of dicts", None)
    calls = [part for part in caught.value.hint.split("`") if part.startswith("luthier.")]
    how = "from_scratch='tiny', task="
    assert calls == [
        f"luthier.train(data, {how}'text-classification', text='text', label='salary')",
        f"luthier.train(data, {how}'text-generation', text='text')",
    ]


@pytest.mark.parametrize(
    "choices",
    [
        {"choices": lambda i: [f"the {i}th bow", "a peg"]},
        {"options": lambda i: {"text": [f"the {i}th bow", "a peg"], "label": ["A", "B"]}},
        {"ending0": french, "ending1": lambda i: f"{french(i)} aussi"},
        {"option_a": french, "option_b": lambda i: f"{french(i)} aussi"},
    ],
)
@pytest.mark.parametrize("label", ["answer", "label"])
def test_the_number_of_a_choice_is_no_class(choices: dict[str, Cell], label: str) -> None:
    what, _ = refused({"question": english, **choices, label: lambda i: i * i % 3 % 2})
    assert next(iter(choices)) in what
    assert recognised({"question": english, "choice_of_wood": mood}).columns["label"] == "choice_of_wood"
