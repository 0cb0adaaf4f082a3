"""Parquet and Arrow files."""

import json
from pathlib import Path

import pyarrow
import pyarrow.feather
import pyarrow.parquet
from pyarrow import ipc

from luthier.data.reading.sources import open_source
from tests.data.reading.rows import outcome, rows


def test_label_names_stored_with_parquet(tmp_path: Path) -> None:
    features = {"text": {"_type": "Value"}, "label": {"names": ["neg", "pos"], "_type": "ClassLabel"}}
    table = pyarrow.table({"text": ["a", "b", "c"], "label": [1, 0, -1]})
    table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    pyarrow.parquet.write_table(table, tmp_path / "t.parquet")
    source = open_source(tmp_path / "t.parquet")
    assert rows(source) == [["a", "pos"], ["b", "neg"], ["c", None]]
    assert any(one.what == "values of label" for one in source.decisions)


def test_label_names_stored_for_lists(tmp_path: Path) -> None:
    classes = {"names": ["O", "B-PER"], "_type": "ClassLabel"}
    features = {
        "tokens": {"feature": {"_type": "Value"}, "_type": "List"},
        "tags": {"feature": classes, "_type": "List"},
    }
    table = pyarrow.table({"tokens": [["a", "b", "c"], []], "tags": [[1, 0, -1], []]})
    table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    pyarrow.parquet.write_table(table, tmp_path / "t.parquet")
    source = open_source(tmp_path / "t.parquet")
    assert rows(source) == [[["a", "b", "c"], ["B-PER", "O", None]], [[], []]]
    assert [one.what for one in source.decisions if one.what.startswith("values of")] == ["values of tags"]


def test_arrow_text_that_is_not_valid_utf8(tmp_path: Path) -> None:
    raw = pyarrow.array([b"fine", b"bro\xffken", b"good"]).view(pyarrow.string())
    with ipc.new_file(tmp_path / "t.arrow", pyarrow.schema([("text", pyarrow.string())])) as stream:
        stream.write_batch(pyarrow.record_batch([raw], names=["text"]))
    assert outcome(open_source(tmp_path / "t.arrow")) == ["ok", "encoding", "ok"]


def test_values_that_are_none_cost_one_row_each(tmp_path: Path) -> None:
    text = pyarrow.array([b"fine", b"bro\xffken", b"good", b"fine"]).view(pyarrow.string())
    dates = pyarrow.array([0, 0, 10**8, 0], pyarrow.date32())
    pyarrow.parquet.write_table(pyarrow.table({"text": text, "day": dates}), tmp_path / "t.parquet")
    assert outcome(open_source(tmp_path / "t.parquet")) == ["ok", "encoding", "invalid-value", "ok"]


def test_bytes_are_text_if_they_are_utf8(tmp_path: Path) -> None:
    kinds = [pyarrow.binary(), pyarrow.large_binary(), pyarrow.binary_view(), pyarrow.binary(4)]
    for kind in kinds:
        table = pyarrow.table({"text": pyarrow.array([b"gut!", b"\xffbad", None], kind), "n": [1, 2, 3]})
        with ipc.new_file(tmp_path / "t.arrow", table.schema) as stream:
            stream.write_table(table)
        source = open_source(tmp_path / "t.arrow")
        assert rows(source) == [["gut!", 1], [b"\xffbad", 2], [None, 3]], kind
        assert [one.value for one in source.decisions if one.what == "bytes"] == ["column 'text'"], kind


def test_bytes_within_other_types_are_text(tmp_path: Path) -> None:
    nested = pyarrow.array([[{"b": "ä".encode()}]], pyarrow.list_(pyarrow.struct([("b", pyarrow.binary())])))
    coded = pyarrow.DictionaryArray.from_arrays(pyarrow.array([0]), pyarrow.array([b"pos"]))
    named = pyarrow.array([[(b"a", 1)]], pyarrow.map_(pyarrow.binary(), pyarrow.int8()))
    table = pyarrow.table({"nested": nested, "coded": coded, "named": named, "text": ["plain"]})
    pyarrow.parquet.write_table(table, tmp_path / "t.parquet")
    source = open_source(tmp_path / "t.parquet")
    assert rows(source) == [[[{"b": "ä"}], "pos", [["a", 1]], "plain"]]
    said = [one.value for one in source.decisions if one.what == "bytes"]
    assert said == ["column 'nested', column 'coded', column 'named'"]
