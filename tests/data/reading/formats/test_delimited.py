"""Tables of fields: every row arrives exactly, as one record or as skipped."""

import csv
import io
from pathlib import Path

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from luthier.data.reading.charset import Encoding
from luthier.data.reading.files import find_file
from luthier.data.reading.formats.delimited import DelimitedReader
from luthier.data.reading.reader import Reading, TextFile
from luthier.data.reading.sources import open_source
from luthier.data.records import Record, Skipped
from tests.data.reading.rows import outcome, rows, tables, write

ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
LATIN = st.text(st.characters(codec="latin-1", exclude_categories=["Cc"]), max_size=12)
FAST = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


def as_csv(table: list[list[str]], separator: str, newline: str) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=separator, quoting=csv.QUOTE_ALL, lineterminator=newline).writerows(table)
    return text.getvalue()


@FAST
@given(
    tables(ANY_TEXT),
    st.sampled_from(",;|\t"),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
@example([["", ",", "STAR"], ["", "", ","]], ";", "\r\n", "utf-8")  # all rows below the header have commas
def test_quoted_tables_round_trip(
    tmp_path: Path, table: list[list[str]], separator: str, newline: str, codec: str
) -> None:
    text = as_csv([["text", "text2", "label"], *table], separator, newline)
    source = open_source(write(tmp_path, "table.csv", text.encode(codec)))
    assert source.columns == ["text", "text2", "label"]
    assert rows(source) == table


@FAST
@given(tables(LATIN))
def test_latin_1_tables_round_trip(tmp_path: Path, table: list[list[str]]) -> None:
    text = as_csv([["text", "text2", "label"], *table], ",", "\n")
    file = find_file("table.csv", write(tmp_path, "table.csv", text.encode("latin-1")))
    reader = DelimitedReader.open(TextFile(file, Encoding("latin-1", ""), text, True, "\n"), Reading())
    assert reader is not None
    assert [list(row.values.values()) for row in reader.records() if isinstance(row, Record)] == table


@FAST
@given(tables(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\t\n\r"), max_size=12), width=2))
def test_plain_tabs_round_trip(tmp_path: Path, table: list[list[str]]) -> None:
    """Where quotes are characters, nothing but tabs and line ends may not stand in a field."""
    plain = [[cell.replace('"', "''") for cell in row] for row in table]
    text = "sep=\t\n" + "".join(f"{'x'}\t{a}\t{b}\n" for a, b in plain)
    source = open_source(write(tmp_path, "table.tsv", text), how=Reading(header=False))
    assert rows(source) == [["x", *row] for row in plain]


def test_words_for_nothing_stay_text(tmp_path: Path) -> None:
    table = [["NA", "1"], ["null", "0"], ["None", "1"], ["nan", "0"], ["", "1"], [" kept ", "0"], ["N/A", "1"]]
    text = "text,label\n" + "".join(f"{a},{b}\n" for a, b in table)
    assert rows(open_source(write(tmp_path, "t.csv", text))) == table


def test_headerless_file_without_last_newline(tmp_path: Path) -> None:
    source = open_source(write(tmp_path, "t.tsv", "a fine film\t1\na bad film\t0\nthe end\t1"))
    assert source.columns == ["column1", "column2"]
    assert rows(source)[-1] == ["the end", "1"]
    assert [one.value for one in source.decisions if one.what == "header"] == ["no"]


def test_ragged_rows_are_set_aside_with_their_line(tmp_path: Path) -> None:
    text = "text,label\n" + "fine,1\n" * 5 + "too,many,1\n\nfew\n" + "bad,0\n" * 5
    source = open_source(write(tmp_path, "t.csv", text))
    assert outcome(source) == ["ok"] * 5 + ["field-count"] * 2 + ["ok"] * 5
    skipped = [one for one in source.records() if isinstance(one, Skipped)]
    assert [one.detail for one in skipped] == ["line 7: 3 fields instead of 2", "line 9: 1 field instead of 2"]


def test_an_open_quote_swallows_nothing(tmp_path: Path) -> None:
    good = '"one, two",1\n' * 10
    for broken in ('"never closed,1\n', 'fine,"never closed\n'):
        source = open_source(write(tmp_path, "t.csv", "text,label\n" + good + broken + good + "plain,0\n" * 10))
        assert outcome(source) == ["ok"] * 10 + ["unclosed-quote"] + ["ok"] * 20
        detail = next(one.detail for one in source.records() if isinstance(one, Skipped))
        assert "line 12" in detail
    at_end = open_source(write(tmp_path, "t.csv", "text,label\n" + good + '"never closed,1\nplain,0\n'))
    assert outcome(at_end) == ["ok"] * 10 + ["unclosed-quote", "ok"]
    stray = open_source(write(tmp_path, "t.csv", "text,label\n" + good + '"Hello" she said,1\n' + good))
    assert outcome(stray) == ["ok"] * 10 + ["stray-quote"] + ["ok"] * 10


def test_an_open_quote_far_below_the_sample(tmp_path: Path) -> None:
    good = '"one, two",1\n' * 100_000
    source = open_source(write(tmp_path, "t.csv", "text,label\n" + good + '"never closed,1\n' + "plain,0\n" * 20_000))
    results = outcome(source)
    assert (results.count("ok"), results.count("unclosed-quote")) == (120_000, 1)


def test_excel_states_its_separator(tmp_path: Path) -> None:
    source = open_source(write(tmp_path, "t.csv", "sep=;\r\ntext;label\r\nfine, yes;1\r\nbad;0\r\n"))
    assert source.columns == ["text", "label"]
    assert rows(source) == [["fine, yes", "1"], ["bad", "0"]]


def test_a_quoted_empty_field_is_a_row_and_a_blank_line_is_none(tmp_path: Path) -> None:
    text = "text,label\n" + 'fine,"1"\n' * 10 + '""\n   \n' + "bad,0\n"
    source = open_source(write(tmp_path, "t.csv", text), how=Reading(header=True))
    assert outcome(source) == ["ok"] * 10 + ["field-count", "ok"]


def test_the_name_of_the_only_column_may_be_a_value(tmp_path: Path) -> None:
    source = open_source(write(tmp_path, "t.csv", "word\nfine\nword\nbad\n"), how=Reading(header=True))
    assert rows(source) == [["fine"], ["word"], ["bad"]]
