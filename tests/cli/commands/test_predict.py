"""`luthier predict`: texts, pairs, rows or a file go in, lines for a person or for a program come out."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from luthier.cli import main
from tests.cli.conftest import CapSys, Stub

Answers = Sequence[Mapping[str, Any]]


def predictor(answers: Answers | Callable[[Sequence[Any]], Answers]) -> SimpleNamespace:
    """What `load` gives back; `answers` are what it says to any texts, or what makes them of the texts."""

    def fields(item: Any) -> Any:
        if isinstance(item, Mapping):
            return item
        return {"text": item} if isinstance(item, str) else dict(zip(("text", "text_pair"), item, strict=True))

    return SimpleNamespace(predict=answers if callable(answers) else lambda texts: answers, fields=fields)


def test_what_a_model_wrote_stands_whole_below_what_it_was_asked(stub: Stub, capsys: CapSys) -> None:
    stub("predict", load=lambda target, **how: predictor([{"prediction": "One line.\nAnother."}]))
    assert main(["predict", "runs/a", "Tell me."]) == 0
    assert capsys.readouterr().out == "> Tell me.\nOne line.\nAnother.\n\n"


def test_entities_are_named_with_their_types(stub: Stub, capsys: CapSys) -> None:
    found = [{"text": "Ada", "type": "person", "start": 0, "end": 3}, {"text": "Bath", "type": "place"}]
    stub("predict", load=lambda target, **how: predictor([{"prediction": found, "score": 0.5}]))
    assert main(["predict", "runs/a", "Ada in Bath"]) == 0
    assert capsys.readouterr().out == "Ada (person), Bath (place)  0.500  Ada in Bath\n"


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        ({"prediction": ["joy", "fear"], "score": 0.5}, "joy, fear  0.500  a film\n"),
        ({"prediction": list("abcdefgh"), "score": 0.5}, "a, b, c, d, e, f, g, h  0.500  a film\n"),
        ({"prediction": "", "score": 0.5}, "(no answer)  0.500  a film\n"),
        ({"prediction": None, "error": "empty-text: nothing in it"}, "empty-text: nothing in it  a film\n"),
        ({"prediction": None}, "no answer  a film\n"),
        # Kinds that only tasks of other packages have.
        ({"prediction": 1200, "score": 0.5}, "1200  0.500  a film\n"),
        ({"prediction": True}, "True  a film\n"),
        ({"prediction": {"stars": 3}}, "{'stars': 3}  a film\n"),
    ],
)
def test_every_kind_of_answer_is_a_line(stub: Stub, answer: dict[str, Any], line: str, capsys: CapSys) -> None:
    stub("predict", load=lambda target, **how: predictor([answer]))
    assert main(["predict", "runs/a", "a\nfilm"]) == 0
    assert capsys.readouterr().out == line


def test_predict_texts(stub: Stub, capsys: CapSys) -> None:
    answers = [{"prediction": "yes", "score": 0.98765}, {"prediction": [], "score": 0.1}]
    stub("predict", load=lambda target, **how: predictor(answers))
    assert main(["predict", "runs/a", "good", "bad"]) == 0
    assert capsys.readouterr().out == "yes  0.988  good\n(none)  0.100  bad\n"
    assert main(["predict", "runs/a", "good", "bad", "--json"]) == 0
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == [
        {"text": "good"} | answers[0],
        {"text": "bad"} | answers[1],
    ]


def test_texts_that_were_cut_are_told(stub: Stub, capsys: CapSys) -> None:
    stub("predict", load=lambda target, **how: predictor([{"prediction": "yes", "score": 0.9, "truncated": True}]))
    assert main(["predict", "runs/a", "a long text"]) == 0
    told = capsys.readouterr()
    assert told.out == "yes  0.900  a long text\n"
    assert "1 row was truncated to the model's max_length: --json marks which" in told.err


def test_settings_of_generation_go_with_texts(stub: Stub, capsys: CapSys) -> None:
    asked: list[Any] = []

    def generating(settings: Any, console: Any) -> SimpleNamespace:
        asked.append(settings)
        return predictor([{"prediction": "Another answer."}])

    stub("predict", load=lambda target, **how: SimpleNamespace(generating=generating))
    assert main(["predict", "runs/a", "Tell me.", "--temperature", "0", "--max-new-tokens", "5"]) == 0
    assert asked == [{"temperature": 0.0, "max_new_tokens": 5}]
    assert capsys.readouterr().out == "> Tell me.\nAnother answer.\n\n"


def test_predict_pairs(stub: Stub, capsys: CapSys) -> None:
    seen: list[Any] = []

    def answer(pairs: Sequence[Any]) -> Answers:
        seen.extend(pairs)
        return [{"prediction": 3.25} for _ in pairs]

    stub("predict", load=lambda target, **how: predictor(answer))
    assert main(["predict", "runs/a", "one", "--pair", "two"]) == 0
    assert seen == [("one", "two")]
    assert capsys.readouterr().out == "3.250  one | two\n"
    assert main(["predict", "runs/a", "one", "--pair", "two", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"text": "one", "text_pair": "two", "prediction": 3.25}


def test_predict_rows(stub: Stub, capsys: CapSys) -> None:
    rows = [{"question": "Who?", "context": "Ada wrote it."}, {"question": "When?", "context": "In 1843."}]
    seen: list[Any] = []

    def answer(given: Sequence[Any]) -> Answers:
        seen.extend(given)
        return [{"prediction": "Ada", "score": 0.75} for _ in given]

    stub("predict", load=lambda target, **how: predictor(answer))
    words = [word for row in rows for word in ("--row", json.dumps(row))]
    assert main(["predict", "runs/a", *words]) == 0
    assert seen == rows
    assert capsys.readouterr().out == "Ada  0.750  Who? | Ada wrote it.\nAda  0.750  When? | In 1843.\n"
    assert main(["predict", "runs/a", *words, "--json"]) == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert found == [row | {"prediction": "Ada", "score": 0.75} for row in rows]


@pytest.mark.parametrize(
    ("row", "what"), [('{"text": ', "--row is not JSON: "), ('["a"]', "--row is not a JSON object"), ("3", "object")]
)
def test_a_row_that_is_no_json_object_is_refused(row: str, what: str, capsys: CapSys) -> None:
    assert main(["predict", "runs/a", "--row", row, "--json"]) == 2
    error = json.loads(capsys.readouterr().out)["error"]
    assert what in error["message"]
    assert error["where"] == f"--row {row!r}"
    assert "write an object" in error["hint"]


@pytest.mark.parametrize("words", [["a", "--row", "{}"], ["--row", "{}", "--file", "f.csv"], ["a", "--file", "f.csv"]])
def test_inputs_of_two_kinds_are_refused(words: list[str], capsys: CapSys) -> None:
    assert main(["predict", "runs/a", *words]) == 2
    assert "texts, --row and --file cannot be combined" in capsys.readouterr().err


def test_predict_a_file_streams_lines(stub: Stub, capsys: CapSys) -> None:
    rows = [{"text": "ä", "prediction": "x", "score": 1.0}, {"text": "b", "prediction": "y", "score": 0.5}]
    calls = stub("predict", predict=lambda target, source, **rest: iter(rows))
    assert main(["predict", "runs/a", "--file", "-", "--device", "cuda:1"]) == 0
    assert calls["predict"].args == ("runs/a", "-")
    assert calls["predict"].kwargs["device"] == "cuda:1"
    assert "text" not in calls["predict"].kwargs
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == rows


def test_predict_a_file_to_a_file(stub: Stub, capsys: CapSys) -> None:
    calls = stub("predict", predict_file=1_000_000)
    assert main(["predict", "runs/a", "--file", "f.csv", "--output", "o.jsonl"]) == 0
    assert calls["predict_file"].args == ("runs/a", "f.csv", Path("o.jsonl"))
    assert capsys.readouterr().out == "1,000,000 rows written to o.jsonl\n"
    assert main(["predict", "runs/a", "--file", "f.csv", "--output", "o.jsonl", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"rows": 1_000_000, "output": "o.jsonl"}


def test_columns_go_with_a_file(stub: Stub, capsys: CapSys) -> None:
    calls = stub("predict", predict=[], predict_file=3)
    words = ["predict", "runs/a", "--file", "f.csv", "--text", "a,b", "--column", "context=c"]
    assert main(words) == main([*words, "--output", "o.jsonl"]) == 0
    for call in calls.values():
        assert call.settings == {"precision": "fp32", "text": "a", "text_pair": "b", "context": "c"}
    assert main(["predict", "runs/a", "a film", "--text", "a"]) == 2
    assert "columns belong to --file" in capsys.readouterr().err


def test_a_file_is_not_predicted_as_a_text(stub: Stub, tmp_path: Path, capsys: CapSys) -> None:
    stub("predict", load=lambda target, **how: predictor([{"prediction": "x"}]))
    (tmp_path / "f.csv").touch()
    assert main(["predict", "runs/a", str(tmp_path / "f.csv")]) == 2
    assert f"--file {tmp_path / 'f.csv'} predicts its rows" in capsys.readouterr().err
    assert main(["predict", "runs/a", "long " * 5_000]) == 0
