"""Encoding, separator, quoting and header, found from the content."""

import pytest

from luthier.data.reading.charset import find_encoding
from luthier.data.reading.header import find_header, name_columns, unique_names
from luthier.data.reading.sniff import find_dialect
from luthier.errors import SourceError


def dialect_of(text: str, suffix: str = ".csv") -> tuple[str, str] | None:
    fit = find_dialect(text, "\n", True, suffix)
    return None if fit is None else (fit.dialect.separator, fit.dialect.quote)


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_separator_is_found_whatever_the_extension(separator: str) -> None:
    text = "".join(f"text number {n}{separator}{n % 2}\n" for n in range(20))
    for suffix in (".csv", ".tsv", ".txt", ""):
        found = dialect_of(text, suffix)
        assert found is not None
        assert found[0] == separator


def test_quotes_that_are_plain_characters_stay_plain() -> None:
    rows = ['1\t"Yes," he said.\tHe said "yes".', '0\t"No\tNobody.', '1\tHe said "so\tSo.', '0\t"All of it."\tNothing.']
    assert dialect_of("\n".join(rows * 5) + "\n", ".txt") == ("\t", "")


def test_quotes_around_separators_and_line_ends_are_quotes() -> None:
    assert dialect_of('text,label\n"one, two",1\nthree,0\n"four\nfive",1\n') == (",", '"')


def test_quoted_columns_of_a_tsv_are_quoted() -> None:
    assert dialect_of('"good"\t1\n"bad"\t0\n"fine"\t1\n', ".tsv") == ("\t", '"')


def test_one_quoted_sentence_in_a_tsv_is_text() -> None:
    rows = ["a plain sentence\t1"] * 30 + ['"Go away."\t0']
    assert dialect_of("\n".join(rows) + "\n", ".tsv") == ("\t", "")


def test_a_slip_does_not_make_quotes_text() -> None:
    assert dialect_of('text,label\n"never closed,1\nbad,0\nfine,1\n') == (",", '"')
    assert dialect_of('text,label\n"Great!",1\nSo so, really,0\nbad,0\n') == (",", '"')
    assert dialect_of('"Yes" he said,1\n"No" she said,0\n"So" they said,1\nfine,1\n') == (",", "")


def test_apostrophes_quote_when_whole_columns_stand_in_them() -> None:
    assert dialect_of("'good, really',1\n'bad',0\n'so, so',1\n'fine',1\n") == (",", "'")


def test_backslash_before_quotes() -> None:
    fit = find_dialect('"he said \\"yes, no\\"",1\n"plain",0\n' * 3, "\n", True, ".csv")
    assert fit is not None
    assert (fit.dialect.escape, fit.agreeing) == ("\\", 1.0)


def test_blank_after_the_separator() -> None:
    fit = find_dialect('1, "one, two"\n2, "three"\n3, "four, five, six"\n', "\n", True, ".csv")
    assert fit is not None
    assert (fit.dialect.skip_blank, fit.width) == (True, 2)


def test_decimal_commas_are_no_separator() -> None:
    assert dialect_of("Ein Satz;1,5\nNoch einer;2,0\nDer letzte;3,5\n") == (";", '"')


def test_apostrophes_in_a_tsv_are_text() -> None:
    assert dialect_of("'good'\t1\n''\t0\n", ".tsv") == ("\t", "")


@pytest.mark.parametrize(
    "text",
    [
        "Hello, world\nYes, sir\nWell, then\n",
        "First Citizen:\nBefore we proceed, hear me speak.\n\nAll:\nSpeak, speak.\n",
        "one line, only\n",
    ],
)
def test_prose_is_no_table(text: str) -> None:
    assert dialect_of(text, ".txt") is None


def test_csv_of_one_column_keeps_its_commas() -> None:
    assert dialect_of("review\ngood, very good\nbad\nwell, well, well\n") == ("", "")


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([["text", "label"], ["fine", "pos"], ["awful", "neg"]], True),
        ([["Sentence", "Stars"], ["fine", "5"], ["awful", "1"]], True),
        ([["ID", "Tweet", "anger"], ["a1", "hello there", "0"], ["a2", "well", "1"]], True),
        ([["", "review_text", "x"], ["0", "good", "a"], ["1", "bad", "b"]], True),
        (
            [
                ["befund", "urteil"],
                ["ein recht langer Satz ueber den Befund", "a"],
                ["noch ein recht langer Satz", "b"],
            ],
            True,
        ),
        ([["a fine film", "1"], ["a bad film", "0"]], False),
        ([["a fine film", "positive"], ["a bad film", "negative"], ["another", "positive"]], False),
        ([["what a story", "positive"], ["no", "negative"]], False),
        ([["5.0", "A plane.", "A jet."], ["3,8", "A man.", "A boy."]], False),
        ([["dog", "Hund"], ["cat", "Katze"]], False),
        ([["just one line"]], False),
        ([["text", "label"]], True),
    ],
)
def test_header_from_content(rows: list[list[str]], expected: bool) -> None:
    found, why = find_header(rows)
    assert found is expected, why
    assert why


def test_names_become_unique_and_are_said() -> None:
    columns, decisions = name_columns([" text ", "", "text", "text_2"], 4)
    assert columns == ["text", "column2", "text_3", "text_2"]
    assert "'' -> 'column2'" in decisions[0].value
    assert unique_names(["a", "a", "a"]) == ["a", "a_2", "a_3"]


def test_header_with_one_name_fewer() -> None:
    assert name_columns(["text", "label"], 3)[0] == ["column1", "text", "label"]
    assert name_columns(["text", "label"], 3, empty_last=True)[0] == ["text", "label", "column3"]


TEXTS = {
    "utf-8": ("naïve café, 日本語, 🎻\n", "utf-8"),
    "utf-8-sig": ("naïve café\n", "utf-8-sig"),
    "utf-16": ("naïve 日本語 text\n", "utf-16"),
    "utf-16-le": ("a plain text with é\n" * 3, "utf-16-le"),
    "utf-16-be": ("a plain text with é\n" * 3, "utf-16-be"),
    "utf-32": ("naïve\n", "utf-32"),
    "latin-1": ("naïve café: très bon\n", "cp1252"),
    "cp1252": ("it\u2019s a \u201cgood\u201d one \u2013 for 5 €\n", "cp1252"),
    "cp1251": ("Очень хороший фильм, мне понравилось, спасибо всем за работу\n" * 5, "cp1251"),
    "shift_jis": ("これはとても良い映画でした。ありがとうございます。\n" * 5, "shift_jis"),
}


@pytest.mark.parametrize("written", TEXTS)
def test_encoding_round_trip(written: str) -> None:
    text, expected = TEXTS[written]
    found = find_encoding(text.encode(written), "data")
    assert found.name == expected
    assert found.decode(text.encode(written)) == text
    assert found.why


def test_a_few_bad_bytes_do_not_make_a_utf8_file_latin() -> None:
    assert find_encoding("müde, größer, schön\n".encode() * 5 + b"broken \xff here\n", "data").name == "utf-8"
    assert find_encoding(b"plain text\n" * 5 + b"broken \xff here\n", "data").name == "utf-8"


def test_what_is_no_text_is_refused() -> None:
    with pytest.raises(SourceError, match="binary"):
        find_encoding(bytes(range(256)) * 4, "data")
    with pytest.raises(SourceError, match="no encoding 'utf-nine'"):
        find_encoding(b"text", "data", "utf-nine")
