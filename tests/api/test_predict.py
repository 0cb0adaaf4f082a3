"""`predict`: answers in the order of the input, for texts, rows and files of any size, also after an interruption."""

import itertools
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from datasets import Dataset, DatasetDict

from luthier.api.predict import predict, predict_file
from luthier.cli import main
from luthier.data.reading.sources import Source
from luthier.data.records import Record, Skipped
from luthier.errors import ColumnError, DamagedError, DataError, FindingError, ModelError, SourceError, UsageError
from luthier.models.loading import load_tokenizer
from luthier.pipeline.inference import predictor as module
from luthier.pipeline.inference.predictor import Predictor, load
from tests.conftest import review, write_csv
from tests.listener import Listener
from tests.tasks.chat.templates import GEMMA

Tuned = Callable[[str], Path]
TEXTS = [review("good" if i % 3 else "bad", i) for i in range(300)]


@pytest.fixture(scope="module")
def predictor(run: Path) -> Predictor:
    return load(run)


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    return write_csv(tmp_path / "texts.csv", [{"id": i, "text": text} for i, text in enumerate(TEXTS)])


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_each_text_has_the_answer_it_has_alone(predictor: Predictor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK", 64)  # several chunks, each batched by length
    together = predictor.predict(TEXTS)
    assert len(together) == len(TEXTS)
    for text, answer in itertools.islice(zip(TEXTS, together, strict=True), 0, None, 17):
        alone = predictor.predict([text])[0]
        assert answer["prediction"] == alone["prediction"]
        assert answer["scores"] == pytest.approx(alone["scores"], abs=1e-6)
    assert len({round(answer["score"], 6) for answer in together}) > 100, "equal answers would not show their order"


def test_a_text_a_mapping_and_a_column_of_the_data_are_the_same(predictor: Predictor) -> None:
    expected = predictor.predict([TEXTS[0]])
    assert predictor.predict(TEXTS[0]) == expected
    assert predictor.predict([{"text": TEXTS[0], "id": 3}]) == expected
    assert predictor.predict([{"review": TEXTS[0]}]) == expected, "a single column is the text"
    alone = list(predictor.stream([Record("t", i, {"review": text}) for i, text in enumerate(TEXTS[:3])]))
    assert [row["prediction"] for row in alone] == [row["prediction"] for row in predictor.predict(TEXTS[:3])]
    assert predictor.predict([(TEXTS[0],)]) == expected
    assert predictor.predict([]) == []


def test_a_text_that_was_cut_says_so(predictor: Predictor) -> None:
    short, long = predictor.predict(["a lovely film", "lovely " * 500])
    assert "truncated" not in short
    assert long["truncated"] is True


def test_pairs_go_to_models_of_pairs_and_texts_to_those_of_texts(predictor: Predictor, tuned: Tuned) -> None:
    pairs = load(tuned("pair/one"))
    assert len(pairs.predict([("a film", "a story"), ("two", "people")])) == 2
    with pytest.raises(UsageError, match="takes 2 texts per row, not 1") as caught:
        pairs.predict(["a film"])
    assert "--pair" in caught.value.hint
    with pytest.raises(UsageError, match="takes 1 text per row, not 2"):
        predictor.predict([("a film", "a story")])
    with pytest.raises(ColumnError, match="no column 'other'"):
        pairs.predict([{"text": "a film"}])
    # Each in a batch of its own: rows of one batch may round differently.
    (empty,), (missing,) = (pairs.predict([{"text": "a film", "other": other}]) for other in ("", None))
    assert empty["prediction"] is not None and empty == missing


def test_rows_keep_their_fields_and_a_bad_row_its_place(predictor: Predictor) -> None:
    rows: list[Record | Skipped] = [
        Record("t", 1, {"id": 1, "text": TEXTS[0]}),
        Skipped("t", 2, "bad-quoting", "line 3"),
        Record("t", 3, {"id": 3}),
        Record("t", 4, {"id": 4, "text": TEXTS[1]}),
    ]
    answers = list(predictor.stream(rows))
    alone = predictor.predict(TEXTS[:2])
    assert [answer.get("id") for answer in answers] == [1, None, 3, 4]
    assert [answers[0]["prediction"], answers[3]["prediction"]] == [answer["prediction"] for answer in alone]
    assert answers[1] == {"row": 2, "prediction": None, "error": "bad-quoting: line 3"}
    assert answers[2] == {"id": 3, "prediction": None, "error": "missing-column: no column 'text'"}


def test_a_column_that_the_first_row_lacks_is_not_in_the_file(predictor: Predictor) -> None:
    with pytest.raises(ColumnError, match="no column 'text'") as caught:
        list(predictor.stream([Record("t.csv", 1, {"txt": "a", "id": 1})]))
    assert caught.value.where == "t.csv"
    assert "did you mean 'txt'?" in caught.value.hint


def test_a_file_is_streamed(run: Path, texts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK", 10)
    read = 0
    records = Source.records

    def counted(self: Any) -> Iterator[Record | Skipped]:
        nonlocal read
        for record in records(self):
            read += 1
            yield record

    monkeypatch.setattr(Source, "records", counted)
    answers = predict(run, str(texts))
    assert read == 0
    assert next(answers)["id"] == "0"
    assert read == 10, "one chunk and no more"


def test_a_file_gives_a_line_for_each_row_in_order(run: Path, texts: Path, tmp_path: Path) -> None:
    output = tmp_path / "answers.jsonl"
    assert predict_file(run, str(texts), output) == len(TEXTS)
    found = lines(output)
    assert [row["text"] for row in found] == TEXTS
    assert [row["id"] for row in found] == [str(i) for i in range(len(TEXTS))]
    assert [row["prediction"] for row in found] == [row["prediction"] for row in load(run).predict(TEXTS)]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["answers.jsonl", "texts.csv"]


def test_rows_that_all_fail_are_an_error_and_some_are_a_warning(run: Path, tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text('{"text": null, "error": "e"}\n' * 2)
    for answer in (
        lambda: list(predict(run, str(tmp_path / "t.jsonl"), text="text")),
        lambda: predict_file(run, str(tmp_path / "t.jsonl"), tmp_path / "answers.jsonl", text="text"),
    ):
        with pytest.raises(
            FindingError, match="no row could be predicted: missing-text: column 'text' is empty"
        ) as caught:
            answer()
        assert caught.value.where == f"{tmp_path / 't.jsonl'}, 2 rows" and caught.value.exit_code == 3
    assert [row["error"] for row in lines(tmp_path / "answers.jsonl")] == ["missing-text: column 'text' is empty"] * 2
    with (tmp_path / "t.jsonl").open("a") as file:
        file.write(json.dumps({"text": TEXTS[0], "error": "e"}) + "\n")
    console = Listener()
    assert len(list(predict(run, str(tmp_path / "t.jsonl"), console=console))) == 3
    assert console.warned == ["2 of 3 rows were not predicted: see `error` in the output"]


def test_the_rows_own_fields_are_not_lost_to_those_of_the_answer(run: Path, tmp_path: Path, capsys: Any) -> None:
    file, console = tmp_path / "t.jsonl", Listener()
    rows = [{"text": text, "score": 4, "prediction": "mine", "truncated": True} for text in TEXTS[:3]]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    predict_file(run, file, tmp_path / "o.jsonl", console=console)
    for row, answer in zip(lines(tmp_path / "o.jsonl"), load(run).predict(TEXTS[:3]), strict=True):
        assert {name: row.pop(f"input_{name}") for name in ("score", "prediction", "truncated")} == {
            "score": 4,
            "prediction": "mine",
            "truncated": True,
        }
        assert row == {"text": row["text"], **answer}
    assert [one.what for one in console.decisions].count("column names") == 1
    assert not console.warned, "no text was truncated"
    assert main(["predict", str(run), "--row", json.dumps(rows[0]), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["input_score"] == 4


@pytest.mark.parametrize("stop_after", [1, 99, 100, 299])
def test_an_interrupted_file_goes_on_without_loss(
    stop_after: int, run: Path, texts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CHUNK", 50)
    whole = tmp_path / "whole.jsonl"
    predict_file(run, str(texts), whole)
    output = tmp_path / "answers.jsonl"
    interrupt(monkeypatch, stop_after, lambda: predict_file(run, str(texts), output))
    assert not output.exists()
    part = tmp_path / "answers.jsonl.part"
    with part.open("ab") as file:
        file.write(b'{"id": "half a li')  # a kill ends in the middle of a line
    assert predict_file(run, str(texts), output) == len(TEXTS)
    assert [row["text"] for row in lines(output)] == TEXTS
    assert output.read_text() == whole.read_text()
    assert not part.exists()


@pytest.mark.parametrize("stop_after", [3, 4, 6, 11])
def test_an_interrupted_file_ends_with_the_texts_that_it_would_have_had(
    stop_after: int, built: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CHUNK", 4)
    rows = [
        {"text": f"the {animal} {verb}"} for animal in ("cat", "dog", "bird") for verb in ("sat", "ran", "sang", "")
    ]
    settings: dict[str, Any] = {"temperature": 1.5, "max_new_tokens": 6, "seed": 3}
    predict_file(built("LLaMA"), rows, tmp_path / "whole.jsonl", **settings)
    interrupt(monkeypatch, stop_after, lambda: predict_file(built("LLaMA"), rows, tmp_path / "o.jsonl", **settings))
    predict_file(built("LLaMA"), rows, tmp_path / "o.jsonl", **settings)
    assert (tmp_path / "o.jsonl").read_text() == (tmp_path / "whole.jsonl").read_text()


def test_a_resumed_file_counts_the_rows_before_too(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK", 1)
    file, console = tmp_path / "t.jsonl", Listener()
    rows = [{"text": None}, {"text": "film " * 600}, {"text": TEXTS[0]}, {"text": None}]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    interrupt(monkeypatch, 2, lambda: predict_file(run, file, tmp_path / "o.jsonl", text="text"))
    predict_file(run, file, tmp_path / "o.jsonl", text="text", console=console)
    assert console.said == ["resuming after row 2 of an earlier run"]
    truncated, failed = console.warned
    assert truncated == "1 row was truncated to the model's max_length: see `truncated` in the output"
    assert failed == "2 of 4 rows were not predicted: see `error` in the output"


def interrupt(monkeypatch: pytest.MonkeyPatch, after: int, call: Callable[[], Any]) -> None:
    """Make a call that is interrupted after a number of rows."""
    stream = Predictor.stream

    def stopped(self: Predictor, rows: Any, console: Any) -> Iterator[dict[str, Any]]:
        yield from itertools.islice(stream(self, rows, console), after)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Predictor, "stream", stopped)
        with pytest.raises(KeyboardInterrupt):
            call()


def test_a_conversation_that_the_template_refuses_has_an_error_and_stops_nothing(
    built: Callable[[str], Path], tmp_path: Path
) -> None:
    model = shutil.copytree(built("LLaMA"), tmp_path / "model")
    tokenizer = load_tokenizer(str(model))
    tokenizer.chat_template = GEMMA
    tokenizer.save_pretrained(model)
    user = {"role": "user", "content": "Hello"}
    rows = [{"messages": [user]}, {"messages": [user, user]}, {"messages": [user]}]
    assert predict_file(model, rows, tmp_path / "o.jsonl", max_new_tokens=4) == 3
    first, refused, last = lines(tmp_path / "o.jsonl")
    assert first == last and first["prediction"] is not None
    assert refused["prediction"] is None
    assert refused["error"].startswith("refused-conversation: the chat template refuses the conversation: ")
    with pytest.raises(DataError, match="refused-conversation"):
        load(model).predict([rows[1]])


def test_an_unfinished_output_of_another_source_is_not_taken_up(run: Path, texts: Path, tmp_path: Path) -> None:
    output = tmp_path / "answers.jsonl"
    (tmp_path / "answers.jsonl.part").write_text('{"a": 1}\n')
    with pytest.raises(UsageError, match="unfinished output of another source or model"):
        predict_file(run, str(texts), output)
    assert not output.exists()


def test_the_command_writes_lines_for_a_file_and_for_texts(run: Path, texts: Path, capsys: Any) -> None:
    assert main(["predict", str(run), "--file", str(texts)]) == 0
    assert [json.loads(line)["id"] for line in capsys.readouterr().out.splitlines()] == [str(i) for i in range(300)]
    assert main(["predict", str(run), "a lovely film", "a grim story", "--json"]) == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["text"] for row in found] == ["a lovely film", "a grim story"]
    assert all(row["scores"].keys() == {"bad", "good"} for row in found)


def test_a_model_directory_is_verified_before_it_is_believed(run: Path, tmp_path: Path) -> None:
    model = tmp_path / "model"
    shutil.copytree(run / "model", model)
    card = model / "luthier.json"
    card.write_text(card.read_text().replace('"good"', '"bad "'))
    with pytest.raises(DamagedError, match="does not match its checksum") as caught:
        load(model)
    assert caught.value.where == str(card)
    (model / "manifest.json").unlink()
    assert load(model).task.learned.names == ("bad", "bad ")  # meant: the manifest is gone


def test_a_model_without_the_head_of_a_task_is_refused(tiny_model: Path) -> None:
    with pytest.raises(ModelError, match="not fine-tuned for a task"):
        load(tiny_model)


def test_rows_in_memory_are_predicted(run: Path, predictor: Predictor, tmp_path: Path) -> None:
    expected = predictor.predict(TEXTS[:10])
    asked = [{"id": i, "text": text} for i, text in enumerate(TEXTS[:10])]
    for data in (asked, pd.DataFrame(asked), Dataset.from_list(asked)):
        found = list(predict(run, data))
        assert [row["id"] for row in found] == list(range(10))
        assert [row["prediction"] for row in found] == [row["prediction"] for row in expected]
    alone = list(predict(run, TEXTS[:10]))
    assert [row["text"] for row in alone] == TEXTS[:10]
    assert [row["prediction"] for row in alone] == [row["prediction"] for row in expected]
    assert predict_file(run, pd.DataFrame(asked), tmp_path / "o.jsonl") == 10
    assert [row["id"] for row in lines(tmp_path / "o.jsonl")] == list(range(10))
    whole = Dataset.from_list(asked)
    splits = DatasetDict(train=whole.select(range(5)), validation=whole.select(range(5, 10)))
    with pytest.raises(UsageError, match="one source at a time"):
        predict(run, splits)


def test_columns_of_other_names_are_recognised_as_in_training(run: Path, predictor: Predictor, tmp_path: Path) -> None:
    expected = [row["prediction"] for row in predictor.predict(TEXTS[:40])]
    heard = Listener()
    labelled = [{"id": i, "stars": 1 + i % 5, "body": text} for i, text in enumerate(TEXTS[:40])]
    found = list(predict(run, write_csv(tmp_path / "other.csv", labelled), console=heard))
    assert [row["prediction"] for row in found] == expected
    assert str(heard.decisions[-1]).startswith("text: column 'body'")
    bare = [{"id": i, "body": text} for i, text in enumerate(TEXTS[:40])]
    assert [row["prediction"] for row in predict(run, bare)] == expected, "rows to predict have no label"


def test_of_two_texts_none_is_guessed(run: Path, predictor: Predictor, tmp_path: Path) -> None:
    rows = [{"head": other, "tail": text} for other, text in zip(TEXTS[40:80], TEXTS[:40], strict=True)]
    file = write_csv(tmp_path / "my two.csv", rows)
    with pytest.raises(ColumnError, match="no column 'text', which the model was trained on") as caught:
        predict(run, file)
    again = f"luthier predict {run} --file '{file}' --text"
    assert caught.value.hint == f"choose one: {again} head or {again} tail; columns: head, tail"
    expected = [row["prediction"] for row in predictor.predict(TEXTS[:40])]
    assert [row["prediction"] for row in predict(run, file, text="tail")] == expected
    assert predict_file(run, file, tmp_path / "o.jsonl", text="tail") == 40
    assert [row["prediction"] for row in lines(tmp_path / "o.jsonl")] == expected
    with pytest.raises(ColumnError, match="no column 'tai'"):
        predict(run, file, text="tai")
    with pytest.raises(UsageError, match="the model takes 1 input: text"):
        predict(run, file, text=["head", "tail"])


def test_a_header_alone_above_the_texts_is_no_row(run: Path, tmp_path: Path) -> None:
    file = tmp_path / "column"  # without an extension, as a stream
    file.write_text("text\n" + "\n".join(TEXTS[:30]) + "\n")
    assert [row["text"] for row in predict(run, file)] == TEXTS[:30]


def test_a_short_text_above_longer_ones_is_no_header(run: Path, tmp_path: Path) -> None:
    long = [" ".join([text] * 3) for text in TEXTS[:20]]
    for name in ("one.csv", "one.txt"):
        file, console = tmp_path / name, Listener()
        file.write_text("\n".join(["Good", *long]) + "\n")
        assert [next(iter(row.values())) for row in predict(run, file, console=console)] == ["Good", *long]
        assert any(str(line).startswith("encoding: ") for line in console.decisions), "what was detected is said"
    pd.DataFrame({"Good": long}).to_excel(tmp_path / "one.xlsx", index=False)
    assert len(list(predict(run, tmp_path / "one.xlsx"))) == 21
    file = tmp_path / "one.csv"
    for column in ("review", "text"):  # a common name, and the name in training
        file.write_text("\n".join([column, *long]) + "\n")
        assert [row[column] for row in predict(run, file)] == long
    file.write_text("\n".join(["Kommentar", *long]) + "\n")
    console = Listener()
    assert len(list(predict(run, file, console=console))) == 21
    assert "header: no ('Kommentar' is not the name of a column that the model knows)" in map(str, console.decisions)
    assert len(list(predict(run, file, text="Kommentar"))) == 20, "a column that was named is a header"


def test_a_call_that_fails_leaves_nothing_that_blocks_the_next(
    run: Path, texts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(self: Source) -> Iterator[Record | Skipped]:
        yield Record("texts.csv", 1, {"text": TEXTS[0]})
        raise SourceError("the compressed file is damaged")

    output = tmp_path / "answers.jsonl"
    with monkeypatch.context() as patch:
        patch.setattr(Source, "records", failing)
        with pytest.raises(SourceError):
            predict_file(run, str(texts), output)
    assert [path.name for path in tmp_path.iterdir()] == ["texts.csv"]
    assert predict_file(run, [{"text": text} for text in TEXTS[:3]], output) == 3


def test_what_was_answered_before_an_error_is_kept_for_the_next_call(
    run: Path, texts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CHUNK", 10)
    records, output, console = Source.records, tmp_path / "answers.jsonl", Listener()

    def failing(self: Source) -> Iterator[Record | Skipped]:
        yield from itertools.islice(records(self), 25)
        raise SourceError("the disk of the source is away")

    with monkeypatch.context() as patch:
        patch.setattr(Source, "records", failing)
        with pytest.raises(SourceError):
            predict_file(run, str(texts), output, console=console)
    assert len(lines(tmp_path / "answers.jsonl.part")) == 20
    assert "the same command resumes there" in console.said[-1]
    assert predict_file(run, str(texts), output, console=console) == len(TEXTS)
    assert "resuming after row 20 of an earlier run" in console.said
    assert [row["text"] for row in lines(output)] == TEXTS
