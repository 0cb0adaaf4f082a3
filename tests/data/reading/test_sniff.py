"""Separator and quoting, found from the content."""

import pytest

from luthier.data.reading.sniff import Fit, find_dialect


def dialect_of(text: str, suffix: str = ".csv") -> tuple[str, str] | None:
    fit = find_dialect(text, "\n", True, suffix)
    return None if fit is None else (fit.dialect.separator, fit.dialect.quote)


def fitted(text: str, *, whole: bool = True, wanted: str | None = None) -> Fit:
    fit = find_dialect(text, "\n", whole, ".csv", wanted)
    assert fit is not None
    return fit


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
    fit = fitted('"he said \\"yes, no\\"",1\n"plain",0\n' * 3)
    assert (fit.dialect.escape, fit.agreeing) == ("\\", 1.0)


def test_blank_after_the_separator() -> None:
    fit = fitted('1, "one, two"\n2, "three"\n3, "four, five, six"\n')
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
        "",
    ],
)
def test_prose_is_no_table(text: str) -> None:
    assert dialect_of(text, ".txt") is None


@pytest.mark.parametrize(
    "line", ["let a{} = b;", "  color: red{};", "INSERT INTO table{};;", "word{} and word,", "one{} |"]
)
def test_a_separator_that_only_ends_lines_separates_nothing(line: str) -> None:
    text = "".join(line.format(i) + "\n" for i in range(30))
    assert dialect_of(text, ".txt") is None
    assert dialect_of("text,label\n" + "fine,\n" * 30, ".txt") == (",", '"')  # a name stands behind it


@pytest.mark.parametrize("quoted", ['"one, two"', '""', '"he said ""so"""', '"one\ntwo"'])
def test_quotes_that_csv_writes_around_few_cells_of_one_column_are_quotes(quoted: str) -> None:
    assert dialect_of("text\n" + "a fine sound\n" * 9 + quoted + "\n") == ("", '"')
    assert dialect_of(quoted + "\n" + "a fine sound\n" * 9) == ("", '"')


@pytest.mark.parametrize("line", ['"So," he said.', '"Fine."', '"one, two"\nthree, four'])
def test_quotes_that_csv_would_not_write_in_one_column_are_text(line: str) -> None:
    assert dialect_of("text\n" + "a fine sound\n" * 9 + line + "\n") == ("", "")


def test_csv_of_one_column_keeps_its_commas() -> None:
    assert dialect_of("review\ngood, very good\nbad\nwell, well, well\n") == ("", "")


def test_a_separator_that_is_asked_for_is_taken() -> None:
    fit = fitted("a,b;1\nc;0\nd;1\n", wanted=";")
    assert (fit.dialect.separator, fit.width, fit.agreeing) == (";", 2, 1.0)
    assert fitted("a,b\nc,d\n", wanted=";").width == 1
    assert find_dialect("", "\n", True, ".csv", ";") is None


def test_a_row_with_a_field_too_many_does_not_agree() -> None:
    fit = fitted("a;1\nb;2\nc;3;4\nd;5\n")
    assert (fit.width, fit.agreeing, len(fit.rows)) == (2, 0.75, 4)


def test_what_the_end_of_a_sample_cuts_is_no_fault() -> None:
    text = '"one, two",1\n' * 9 + '"three,\nfo'
    assert fitted(text, whole=False).agreeing == 1
    assert fitted(text).agreeing < 1


@pytest.mark.parametrize(
    ("text", "agrees"), [("a;b\n1;2\n3;4\n", True), ("b\n1;2\n3;4\n", True), ("a;b;c;d\n1;2\n3;4\n", False)]
)
def test_a_header_may_lack_the_name_of_the_row_names(text: str, agrees: bool) -> None:
    assert fitted(text, wanted=";").first_agrees is agrees


@pytest.mark.parametrize(
    ("text", "separator", "quoting"),
    [
        ("a\t1\nb\t0\n", "tab", "quotes are plain characters"),
        ('"No\t1\nYes\t0\n"So\t1\n', "tab", "quotes are plain characters"),
        ('"a, b",1\n"c",0\n', "comma", '", escaped by doubling'),
        ('"he said \\"yes, no\\"",1\n"plain",0\n', "comma", '", escaped with a backslash'),
        ("a~b\nc~d\n", "'~'", '", escaped by doubling'),
    ],
)
def test_the_separator_and_the_quoting_are_said(text: str, separator: str, quoting: str) -> None:
    found = fitted(text, wanted="~" if "~" in text else None).decisions()
    assert [(one.what, one.value) for one in found] == [("separator", separator), ("quoting", quoting)]
    assert all(one.why for one in found)


def test_a_single_column_has_no_separator() -> None:
    assert fitted("review\ngood, very good\nbad\n").decisions()[0].value == "none"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("text,label\ngood,1\nbad,0\n", "usual for this separator"),
        ('text,label\n"good, very good",1\nbad,0\n', "some fields are quoted with it"),
        ("text\tlabel\ngood\t1\nbad\t0\n", "the file has none"),
        ('text\tlabel\n"good\t1\nbad\t0\n', "the rows have the same number of fields only if quotes are text"),
    ],
)
def test_fields_are_only_said_to_be_quoted_where_there_are_quotes(text: str, why: str) -> None:
    assert fitted(text).decisions()[1].why == why


def test_a_damaged_first_line_does_not_hide_tabs() -> None:
    rows = "".join(f"text {n}\tTexte {n}\torigin {n}\n" for n in range(30))
    fit = find_dialect("damaged\n" + rows, "\n", True, ".txt")
    assert fit is not None
    assert (fit.dialect.separator, fit.width) == ("\t", 3)
    assert find_dialect("damaged\n" + rows[:200], "\n", True, ".txt") is None
    assert find_dialect("A text.\n" * 30 + "a\tb\n", "\n", True, ".txt") is None
