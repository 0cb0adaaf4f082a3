"""Read the bytes of a source: local or remote, compressed or not; refuse unsupported file types."""

import bz2
import gzip
import hashlib
import io
import lzma
import os
import re
import stat
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast

from luthier.errors import SourceError, nearest
from luthier.storage.disk import CHUNK, copy
from luthier.storage.temporary import seekable
from luthier.text import listing

# Compression is detected from the first bytes, not from the extension.
COMPRESSIONS = {
    "gzip": re.compile(rb"\x1f\x8b"),
    "zstd": re.compile(rb"\x28\xb5\x2f\xfd"),
    "bzip2": re.compile(rb"BZh[1-9](1AY&SY|\x17rE8P\x90)"),  # a first block, or the end of an empty file
    "xz": re.compile(rb"\xfd7zXZ\x00"),
}
COMPRESSION_SUFFIXES = {".gz": "gzip", ".zst": "zstd", ".zstd": "zstd", ".bz2": "bzip2", ".xz": "xz"}

# File types that users give by mistake. None of them is ever opened.
REFUSED = {
    b"\x89PNG": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"GIF8": "a GIF picture",
    b"%PDF-": "a PDF",
    b"PK\x03\x04": "a zip archive: unpack it first",
    b"PK\x05\x06": "an empty zip archive",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive: unpack it first",
    b"Rar!": "a RAR archive: unpack it first",
    b"\x89HDF": "an HDF5 file: save it as Parquet or CSV",
    b"\xd0\xcf\x11\xe0": "an old Excel or Word file: save it as .xlsx or CSV",
    b"SQLite format 3\x00": "an SQLite database: export the table as CSV",
    b"\x93NUMPY": "a NumPy array: save it as CSV or Parquet",
    b"GGUF": "a GGUF model",
    b"\x7fELF": "a program",
    b"RIFF": "audio or video",
    b"ID3": "audio",
    b"OggS": "audio",
    b"fLaC": "audio",
}
# These are words, which a text may begin with; in such a file, bytes follow soon that no text has.
_WORDS = {b"GIF8", b"Rar!", b"GGUF", b"RIFF", b"ID3", b"OggS", b"fLaC"}
NOT_FOUND = 404
CHECK = "check the address and the network, or download the file first"
_NO_TEXT = re.compile(rb"[\0-\x08\x0e-\x1f]")


@dataclass(frozen=True, slots=True)
class DataFile:
    """A file that can be read repeatedly.

    Args:
        name: Its name as the user wrote it.
        path: Its path; None if `name` is a URL.
        compression: `gzip`, `zstd`, `bzip2`, `xz`, or empty.
        content: Decompressed bytes that are read in place of those of the file; None to read the file.
    """

    name: str
    path: Path | None
    compression: str = ""
    content: bytes | None = field(default=None, repr=False)

    @property
    def suffix(self) -> str:
        """As `suffix_of`."""
        return suffix_of(self.path.name if self.path else self.name.split("?")[0])

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """Open the file as a stream of decompressed bytes.

        Raises:
            SourceError: The file cannot be opened, or turns out to be damaged while it is read.
        """
        if self.content is not None:
            yield io.BytesIO(self.content)
            return
        with reading(self.name, self.path), self._raw() as raw, _decompressed(raw, self.compression) as stream:
            yield stream

    @contextmanager
    def open_seekable(self) -> Iterator[BinaryIO]:
        """Like `open`, but seekable: a compressed file is decompressed to a temporary file."""
        with self.open() as stream:
            if not self.compression:
                yield stream
                return
            with seekable(stream) as plain:
                yield plain

    def head(self, size: int) -> bytes:
        """The first `size` bytes, decompressed."""
        with self.open() as stream:
            return stream.read(size)

    def stored(self, size: int) -> int:
        """How many stored bytes hold the first `size` decompressed bytes, about."""
        with reading(self.name, self.path), self._raw() as raw, _decompressed(raw, self.compression) as stream:
            stream.read(size)
            return raw.tell()

    def digest(self) -> str:
        """SHA-256 of the stored bytes (the compressed ones of a compressed file)."""
        whole = hashlib.sha256()
        with reading(self.name, self.path), self._raw() as raw:
            while block := raw.read(CHUNK):
                whole.update(block)
        return whole.hexdigest()

    @contextmanager
    def _raw(self) -> Iterator[BinaryIO]:
        if self.path is not None:
            with self.path.open("rb") as stream:
                yield stream
        else:
            with _remote(self.name) as stream:
                yield stream


def suffix_of(name: str) -> str:
    """The extension of a file name in lower case, ignoring that of a compression: `.csv` for `reviews.CSV.gz`."""
    path = PurePosixPath(name.lower())
    return PurePosixPath(path.stem).suffix if path.suffix in COMPRESSION_SUFFIXES else path.suffix


def find_file(name: str, path: Path | None) -> DataFile:
    """Find a file and detect its compression from its first bytes.

    Raises:
        SourceError: It is missing, unreadable, not a regular file, or its name is not UTF-8.
    """
    check_name(name)
    with reading(name, path):
        if path is not None and not stat.S_ISREG(path.stat().st_mode):
            raise SourceError("not a file", where=name, hint="pass a file, a folder, or - for standard input")
        with DataFile(name, path)._raw() as raw:
            first = raw.read(16)
    return DataFile(name, path, next((kind for kind, magic in COMPRESSIONS.items() if magic.match(first)), ""))


def check_name(name: str) -> None:
    """Refuse a file name that cannot be written to the files of a run.

    Raises:
        SourceError: The name is not valid UTF-8.
    """
    readable = name.encode("utf-8", "backslashreplace").decode("utf-8")
    if readable != name:
        raise SourceError("the file name is not valid UTF-8", where=readable, hint="rename the file")


def refuse_binary(head: bytes, name: str) -> None:
    """Refuse unsupported file types.

    Raises:
        SourceError: The first bytes are those of an unsupported file type.
    """
    words = _NO_TEXT.search(head[:32]) is None
    fitting = (magic for magic in REFUSED if head.startswith(magic) and not (words and magic in _WORDS))
    kind = next((REFUSED[magic] for magic in fitting), "")
    if not kind and head[:1] == b"\x80" and head[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"):
        kind = "a Python pickle, which can run code: never opened"
    if not kind and head[257:262] == b"ustar":
        kind = "a tar archive: unpack it first"
    if not kind and head[8:9] == b"{" and int.from_bytes(head[:8], "little") < 1 << 32:
        kind = "a safetensors model"
    if kind:
        raise SourceError(f"looks like {kind}", where=name, hint="pass CSV, TSV, JSON, Parquet, Arrow or text")


def spool(stream: BinaryIO, target: Path) -> None:
    """Copy a stream that can be read only once to a file that can be read again."""
    with reading(str(target), target):
        copy(stream, target)


@contextmanager
def reading(name: str, path: Path | None = None) -> Iterator[None]:
    """Convert errors of the operating system and of decompressors to errors with a hint.

    Raises:
        SourceError: In place of the original error.
    """
    try:
        yield
    except FileNotFoundError as error:
        raise missing(name, path) from error
    except (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile) as error:
        raise SourceError(f"the compressed file is damaged: {error}", where=name, hint="download it again") from error
    except PermissionError as error:
        raise SourceError("no permission to read it", where=name, hint="check the file's permissions") from error
    except OSError as error:
        # For a damaged file, decompressors raise OSError without errno.
        what = error.strerror or f"the file is damaged: {error}"
        raise SourceError(what, where=name, hint="check the path, or download the file again") from error


def missing(name: str, path: Path | None) -> SourceError:
    """The error for a path that does not exist, with existing names in the hint."""
    if path is None:
        return SourceError("not found at this address", where=name, hint="check the address")
    folder = path.parent
    while not folder.is_dir() and folder != folder.parent:
        folder, path = folder.parent, folder
    try:
        names = sorted(entry.name for entry in folder.iterdir())
    except OSError:
        names = []
    hint = nearest(path.name, names)
    if not hint.startswith("did you mean"):
        place = "the current directory" if folder == Path() else folder
        hint = f"check the path; {place} " + (f"has {listing(names)}" if names else "is empty")
    return SourceError("no such file or folder", where=name, hint=hint)


@contextmanager
def _decompressed(raw: BinaryIO, compression: str) -> Iterator[BinaryIO]:
    if not compression:
        yield raw
    elif compression == "zstd":
        # The package zstandard accepts a truncated stream as complete; pyarrow raises an error.
        import pyarrow

        with pyarrow.CompressedInputStream(raw, "zstd") as stream:
            yield stream
    else:
        with {"gzip": gzip, "bzip2": bz2, "xz": lzma}[compression].open(raw, "rb") as stream:
            yield cast(BinaryIO, stream)


@contextmanager
def _remote(url: str) -> Iterator[BinaryIO]:
    import fsspec

    try:
        stream = fsspec.open(url, "rb").open()
    except FileNotFoundError as error:  # fsspec raises it for every fault of the network too
        cause = error.__cause__
        if cause is None or getattr(cause, "status", 0) == NOT_FOUND:
            raise
        raise SourceError(f"cannot be downloaded: {_fault(cause)}", where=url, hint=CHECK) from error
    except PermissionError:
        raise
    except ImportError as error:
        named = re.search(r"[Ii]nstall (\w+)", str(error))
        package, scheme = named[1] if named else "aiohttp", url.partition("://")[0]
        what = f"reading {scheme}:// needs a package that is not installed"
        raise SourceError(what, where=url, hint=f"pip install {package}; or download the file first") from error
    except Exception as error:  # every protocol has its own errors, without a common base class
        raise SourceError(f"cannot be downloaded: {_fault(error)}", where=url, hint=CHECK) from error
    try:
        with stream:
            yield stream
    except Exception as error:
        if type(error).__module__.partition(".")[0] != "aiohttp":  # whose errors share no class below Exception
            raise
        hint = "repeat the command; or download the file first"
        raise SourceError(f"the download broke off: {_fault(error)}", where=url, hint=hint) from error


def _fault(error: BaseException) -> str:
    """What went wrong, from the innermost cause of a download's error."""
    while error.__cause__ is not None:
        error = error.__cause__
    if status := getattr(error, "status", None):
        return f"{status} {getattr(error, 'message', '')}".strip()
    if isinstance(error, ConnectionError) and error.errno:
        return os.strerror(error.errno)
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
