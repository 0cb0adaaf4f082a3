"""Detect the format of a file by its content."""

from luthier.data.reading.files import DataFile, refuse_binary
from luthier.data.reading.formats.annotation.exported import converted
from luthier.data.reading.formats.registry import registered
from luthier.data.reading.formats.words.rows import of_sentences
from luthier.data.reading.markup import refuse_marked_lines, refuse_markup
from luthier.data.reading.reader import BinaryFormat, Reader, Reading, TextFormat, open_text
from luthier.errors import SourceError
from luthier.findings import Decision


def open_file(file: DataFile, how: Reading) -> Reader:
    """Open a file with the reader for its content; the extension only matters if the content is ambiguous.

    Raises:
        SourceError: The file is empty, damaged or of an unsupported type.
    """
    head = file.head(1 << 16)
    if not head:
        raise SourceError("the file is empty", where=file.name, hint="pass a file with rows of data")
    reader = _open_binary(file, head, how)
    if reader is None:
        refuse_binary(head, file.name)
        reader = _open_text(file, how)
    reader = of_sentences(reader) or reader
    if file.compression:
        reader.decisions.insert(0, Decision("compression", file.compression, "from the first bytes"))
    reader.decisions += [Decision(f"format {name}", "not available", why) for name, why in registered().broken.items()]
    return converted(reader, how)


def _open_binary(file: DataFile, head: bytes, how: Reading) -> Reader | None:
    """The reader for the first bytes of a binary file; None for text."""
    for one in registered().formats:
        if isinstance(one, BinaryFormat) and head.startswith(one.magic) and (reader := one.open(file, head, how)):
            return reader
    return None


def _open_text(file: DataFile, how: Reading) -> Reader:
    text = open_text(file)
    refuse_markup(text.sample, file.name)
    tried = (one.open(text, how) for one in registered().formats if isinstance(one, TextFormat))
    reader = next(reader for reader in tried if reader is not None)  # the last one reads any text
    if reader.format == "text" and not how.by_line:
        refuse_marked_lines(text.sample_lines(), file.name)
    return reader
