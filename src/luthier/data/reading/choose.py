"""Which reader a file needs, decided by what it holds."""

from luthier.data.reading.files import DataFile, refuse_binary
from luthier.data.reading.formats.conll import ConllReader
from luthier.data.reading.formats.json import open_json
from luthier.data.reading.formats.passages import open_plain
from luthier.data.reading.readers import DelimitedReader, Reader, Reading, open_text
from luthier.errors import SourceError, nearest
from luthier.findings import Decision

TEXT_FORMS = ("text", "lines", "passages")  # plain text, and the two ways to read it
FORMATS = ("csv", "json", "jsonl", *TEXT_FORMS, "conll", "excel", "parquet", "arrow")
# Extensions by which a file in a folder is taken for data, without looking into it.
SUFFIXES = (
    *(".csv", ".tsv", ".tab", ".psv", ".txt", ".text"),
    *(".json", ".jsonl", ".jsonlines", ".ndjson"),
    *(".parquet", ".pq", ".arrow", ".feather", ".ipc", ".xlsx", ".xlsm"),
    *(".conll", ".bio", ".iob", ".iob2", ".bioes"),
)
_COLUMNAR = (b"PAR1", b"ARROW1", b"FEA1", b"\xff\xff\xff\xff")


def open_file(file: DataFile, how: Reading) -> Reader:
    """The reader for a file: its content decides, its extension only where the content leaves a choice.

    Raises:
        SourceError: It is empty, damaged, or of a kind that holds no rows.
    """
    if how.format and how.format not in FORMATS:
        raise SourceError(f"no format {how.format!r}", where=file.name, hint=nearest(how.format, FORMATS))
    head = file.head(1 << 16)
    if not head:
        raise SourceError("the file is empty", where=file.name, hint="give a file with rows of data")
    reader = _open_typed(file, head, how)
    if reader is None:
        refuse_binary(head, file.name)
        reader = _open_text(file, how)
    if file.compression:
        reader.decisions.insert(0, Decision("compression", file.compression, "from the first bytes"))
    return reader


def _open_typed(file: DataFile, head: bytes, how: Reading) -> Reader | None:
    if not head.startswith((*_COLUMNAR, b"PK\x03\x04")):
        return None
    # Arrow is half a second to import: only for files that need it.
    from luthier.data.reading.formats.typed import ColumnarFile, ExcelReader, is_excel

    if is_excel(head, file.suffix):
        return ExcelReader.open(file, how)
    return ColumnarFile.open(file, head)


def _open_text(file: DataFile, how: Reading) -> Reader:
    text = open_text(file, how.encoding)
    if how.format in ("", "json", "jsonl") and (reader := open_json(text, how)):
        return reader
    if how.format in ("", "conll") and not how.separator and (conll := ConllReader.open(text, how)):
        return conll
    if how.format in ("", "csv") and (table := DelimitedReader.open(text, how)):
        return table
    if how.format in ("", *TEXT_FORMS):
        return open_plain(text, how)
    raise SourceError(f"not readable as {how.format}", where=file.name, hint="leave the format out to have it found")
