"""Detect the dialect of a text: its separator, and whether quotes enclose fields or are plain characters.

Every candidate is tried with the code that later reads the whole file, and the one under which the rows agree on their
number of fields wins. clevercsv finds the same separators on real files, but mistakes prose for a table separated by
spaces and takes seconds per megabyte.
"""

import io
import re
from collections import Counter
from dataclasses import dataclass, replace

from luthier.data.reading.charset import strip_end
from luthier.data.reading.dialect import STRAY, UNCLOSED, Dialect, FieldRow
from luthier.findings import Decision
from luthier.text import plural, share

SEPARATORS_BY_SUFFIX = {".csv": ",", ".tsv": "\t", ".tab": "\t", ".psv": "|"}
_SAMPLE_LINES = 5_000
_SURE_ROWS = 20  # of tab-separated rows, so that a first row of another width is a damaged one
# In the order in which ties are resolved: a tab rarely occurs in prose.
SEPARATORS = {"\t": "tab", ",": "comma", ";": "semicolon", "|": "pipe"}


@dataclass(frozen=True, slots=True)
class Fit:
    """How well a dialect fits a sample.

    Args:
        dialect: The dialect.
        width: Number of fields in most rows.
        agreeing: Share of the rows with `width` fields and no fault.
        rows: The rows of the sample.
        quotes: Whether the sample has quotes, be they around fields or plain characters.
    """

    dialect: Dialect
    width: int
    agreeing: float
    rows: list[FieldRow]
    quotes: bool

    @property
    def first_agrees(self) -> bool:
        """Whether the first row has `width` fields, or one fewer (a header without a name for the row names)."""
        return len(self.rows[0].fields) in (self.width, self.width - 1)

    def decisions(self) -> list[Decision]:
        dialect = self.dialect
        agree = f"{share(self.agreeing)} of the first {plural(len(self.rows), 'row')}"
        if dialect.separator:
            name = SEPARATORS.get(dialect.separator, repr(dialect.separator))
            separator = Decision("separator", name, f"{agree} have {self.width} fields")
        else:
            separator = Decision("separator", "none", "no character splits the lines into the same number of fields")
        if not dialect.quote:
            same = "the rows have the same number of fields only if quotes are text"
            why = same if self.quotes else "the file has none"
            return [separator, Decision("quoting", "quotes are plain characters", why)]
        escaped = "with a backslash" if dialect.escape else "by doubling"
        why = "some fields are quoted with it" if self.quotes else "usual for this separator"
        return [separator, Decision("quoting", f"{dialect.quote}, escaped {escaped}", why)]


def find_dialect(sample: str, newline: str, whole: bool, suffix: str, wanted: str | None = None) -> Fit | None:
    """Find the dialect under which the rows of a sample agree; None for plain text.

    Args:
        sample: Beginning of the file.
        newline: Line ending.
        whole: Whether the sample is the whole file.
        suffix: File extension; a .csv file is a table even if it has a single column.
        wanted: Separator that the file states.
    """
    lines = _sample_lines(sample, newline, whole)
    first = next((line for line in lines if strip_end(line)), "")
    tabbed = sum("\t" in line for line in lines) >= 0.9 * len(lines)  # also if the first line is damaged
    found = [one for one in SEPARATORS if one in first or (one == "\t" and tabbed)]
    separators = found if wanted is None else [wanted]
    fits = [fit for one in separators if (fit := _best_quoting(lines, newline, one, whole)) is not None]
    if wanted is not None:
        return fits[0] if fits else None
    table = suffix in SEPARATORS_BY_SUFFIX
    fits = [fit for fit in fits if fit.width > 1 and _is_table(fit, table)]
    if fits:
        return max(fits, key=lambda fit: _rank(fit, suffix))
    return _one_column(lines, newline, suffix, whole) if table else None


def _sample_lines(sample: str, newline: str, whole: bool) -> list[str]:
    lines = list(io.StringIO(sample, newline=newline))
    if not whole and len(lines) > 1:
        lines.pop()
    return lines[:_SAMPLE_LINES]


def _is_table(fit: Fit, table: bool) -> bool:
    """Whether a separator separates fields and is not just punctuation; less strict for table extensions."""
    if table:
        return fit.agreeing >= 0.5
    if fit.dialect.separator == "\t":
        return (fit.first_agrees or len(fit.rows) >= _SURE_ROWS) and fit.agreeing >= 0.9
    if not any(field.strip() for row in fit.rows if len(row.fields) == fit.width for field in row.fields[1:]):
        return False  # the lines end in it, as those of a program in semicolons
    # In prose, a comma is followed by a space; a single line of text is no evidence.
    text = "".join(strip_end(field) + "\n" for row in fit.rows for field in row.fields[1:])
    prose = sum(field.startswith(" ") for field in text.splitlines()) > 0.5 * max(1, text.count("\n"))
    return fit.first_agrees and fit.agreeing >= 0.95 and len(fit.rows) > 1 and not prose


def _one_column(lines: list[str], newline: str, suffix: str, whole: bool) -> Fit | None:
    """The fit of a table with one column: its separator may still be the reason why some fields are quoted."""
    separator = SEPARATORS_BY_SUFFIX[suffix]
    fit = _best_quoting(lines, newline, separator, whole)
    if fit and fit.dialect.quote and (fit.width, fit.agreeing) == (1, 1) and _quotes_needed("".join(lines), separator):
        return _fit(lines, newline, replace(fit.dialect, separator=""), whole)
    return _best_quoting(lines, newline, "", whole)


def _rank(fit: Fit, suffix: str) -> tuple[object, ...]:
    separator = fit.dialect.separator
    decimal = separator == "," and _decimal_commas(fit)
    return (
        fit.first_agrees,
        not decimal,
        round(fit.agreeing, 2),
        separator == SEPARATORS_BY_SUFFIX.get(suffix),
        -list(SEPARATORS).index(separator),
    )


def _decimal_commas(fit: Fit) -> bool:
    """Whether all commas are between digits, as in `5,0`, and the fields contain another separator."""
    pairs = [(a, b) for row in fit.rows for a, b in zip(row.fields, row.fields[1:], strict=False)]
    return all(a[-1:].isdigit() and b[:1].isdigit() for a, b in pairs) and any(
        ";" in field or "\t" in field or "|" in field for row in fit.rows for field in row.fields
    )


def _best_quoting(lines: list[str], newline: str, separator: str, whole: bool) -> Fit | None:
    """Decide if quotes enclose fields or are plain characters: whichever makes more rows agree, else by other signs."""
    text = "".join(lines)
    plain = _fit(lines, newline, Dialect(separator, quote=""), whole)
    if plain is None:
        return None
    if '"' not in text:
        # Apostrophes are mostly text. They are quotes if each line has a field in them, and one contains the separator.
        apostrophes = _quoted_fields(text, separator, "'") if separator not in ("", "\t") else []
        if len(apostrophes) >= len(lines) and any(separator in field for field in apostrophes):
            fit = _fit(lines, newline, Dialect(separator, quote="'"), whole)
            if fit is not None and fit.agreeing == 1:
                return fit
        # A tab-separated file without any quote is rarely written by a program that quotes.
        return plain if separator in ("", "\t") else replace(plain, dialect=Dialect(separator))
    candidates = [Dialect(separator)]
    if '\\"' in text:
        candidates.append(Dialect(separator, escape="\\"))
    if re.search(re.escape(separator) + ' +"', text) and separator.strip():
        candidates += [replace(one, skip_blank=True) for one in candidates]
    fits = [fit for one in candidates if (fit := _fit(lines, newline, one, whole)) is not None]
    quoted = max(fits, key=lambda fit: (fit.agreeing, not fit.dialect.skip_blank))
    agreeing = _agreeing_without_broken(quoted, text)
    if agreeing != plain.agreeing and (quoted.width > 1) == (plain.width > 1):
        return quoted if agreeing > plain.agreeing else plain
    usual = separator not in ("", "\t") and agreeing >= quoted.agreeing
    return quoted if usual or _quotes_needed(text, separator) or _quoted_columns(plain) else plain


def _agreeing_without_broken(quoted: Fit, text: str) -> float:
    """The share of agreeing rows, not counting a few broken quotes.

    One per file, or one per hundred rows if others are intact, is a typo; in a tab-separated file it is plain text.
    """
    broken = sum(row.fault is not None and row.fault.reason in (UNCLOSED, STRAY) for row in quoted.rows)
    separator = quoted.dialect.separator
    slips = max(1, len(quoted.rows) // 100 if _quoted_fields(text, separator, '"') else 0)
    if separator in ("", "\t") or broken > slips or broken == len(quoted.rows):
        return quoted.agreeing
    return quoted.agreeing * len(quoted.rows) / (len(quoted.rows) - broken)


def _quoted_fields(text: str, separator: str, quote: str) -> list[str]:
    """The contents of fields that begin and end with a quote."""
    edge = re.escape(separator) if separator else "(?!)"
    pattern = rf"(?:^|(?<={edge})){quote}((?:[^{quote}]|{quote}{quote})*){quote}(?={edge}|\r?$)"
    return [found[1] for found in re.finditer(pattern, text, re.MULTILINE)]


def _quotes_needed(text: str, separator: str) -> bool:
    """Whether a quoted field needs its quotes: it is empty or contains a separator, a line break or a doubled quote."""
    fields = _quoted_fields(text, separator, '"')
    return any(not field or '""' in field or "\n" in field or (separator and separator in field) for field in fields)


def _quoted_columns(plain: Fit) -> bool:
    """Whether most cells of some column are in quotes."""
    rows = [row.fields for row in plain.rows if len(row.fields) == plain.width]
    cells: Counter[int] = Counter()
    in_quotes: Counter[int] = Counter()
    for fields in rows[1:] or rows:
        for column, field in enumerate(fields):
            cells[column] += bool(field)
            in_quotes[column] += len(field) > 1 and field[0] == '"' == field[-1]
    return any(in_quotes[column] > 0.5 * cells[column] for column in cells if cells[column])


def _fit(lines: list[str], newline: str, dialect: Dialect, whole: bool) -> Fit | None:
    rows = dialect.parse(lines, newline)
    if not whole:
        # A quote that is open at the end of the sample is not a fault of the file.
        open_at_end = next((n for n, row in enumerate(rows) if row.fault and row.fault.reason == UNCLOSED), None)
        if open_at_end is not None and open_at_end > len(rows) // 2:
            rows = rows[:open_at_end]
    if not rows:
        return None
    widths = Counter(len(row.fields) for row in rows if row.fields)
    width = widths.most_common(1)[0][0] if widths else 1
    good = sum(len(row.fields) == width and row.fault is None for row in rows)
    quotes = any((dialect.quote or '"') in line for line in lines)
    return Fit(dialect, width, good / len(rows), rows, quotes)
