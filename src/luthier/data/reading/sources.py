"""Open data in any form: a file, a folder of class folders, a saved dataset, a Hub dataset or a stream."""

import itertools
import random
import re
import stat
import sys
import weakref
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from luthier import text
from luthier.data.reading.choose import open_file
from luthier.data.reading.files import DataFile, find_file, missing, reading, spool
from luthier.data.reading.formats.folders import FolderReader, find_classes
from luthier.data.reading.formats.parallel import FileGroup, ParallelReader
from luthier.data.reading.formats.registry import registered
from luthier.data.reading.memory import name_of_copy
from luthier.data.reading.reader import Reader, Reading
from luthier.data.records import Record, Skipped
from luthier.errors import SourceError
from luthier.findings import Decision
from luthier.storage.disk import remove
from luthier.storage.temporary import temporary_file

STANDARD_INPUT = "-"
_OPEN_FILES = ("/dev/fd/", "/proc/self/fd/", "/dev/stdin")  # process substitution, such as <(zcat reviews.csv.gz)
_HUB_NAME = re.compile(r"[\w\-]+(\.[\w\-]+)*(/[\w.\-]+)?(:[\w.\-]+)?")


class Source:
    """A source of rows: a file, a folder of class folders, a split of a dataset, or a spooled stream.

    Args:
        name: Its name as the user wrote it.
        path: Its path; None if it is not local.
        reader: Its reader.
        digest: Computes the SHA-256 of its bytes.
    """

    def __init__(self, name: str, path: Path | None, reader: Reader, digest: Callable[[], str]) -> None:
        self.name = name
        self.path = path
        self._reader = reader
        self._digest = digest

    @property
    def format(self) -> str:
        """Format name: `csv jsonl json parquet arrow text fasttext conll parallel excel tmx folder dataset`."""
        return self._reader.format

    @property
    def columns(self) -> list[str]:
        """Column names in file order; `column1`, `column2`, ... if there is no header.

        For JSON lines, those of the first megabyte; later rows may have more.
        """
        return self._reader.columns

    @property
    def decisions(self) -> list[Decision]:
        """What was detected about the source, one line each."""
        return self._reader.decisions

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the bytes; for a folder, of the sorted relative file names and their bytes."""
        return self._digest()

    def records(self) -> Iterator[Record | Skipped]:
        """Yield every row as one record or one skipped row, numbered from 1. Can be called repeatedly.

        Raises:
            SourceError: The source no longer exists, or turns out to be damaged while it is read.
        """
        return self._reader.records()

    @cached_property
    def size(self) -> int:
        """Bytes that the source takes on disk; 0 if it is not local."""
        if self.path is None:
            return 0
        with reading(self.name, self.path):
            files = self.path.rglob("*") if self.path.is_dir() else [self.path]
            return sum(file.stat().st_size for file in files if file.is_file())

    def part(self, size: int) -> "tuple[Source, float] | None":
        """A source with a part of the rows, and its share of them; None if all of them must be read.

        It has no digest. Of a text, its name says that it is a sample, since only rows of the sample are numbered.

        Args:
            size: Bytes to read, about.
        """
        part = self._reader.part(size, self.size) if self.size > size else None
        if part is None:
            return None
        source = Source(part.reader.name, self.path, part.reader, str)
        amount = f"{text.size(part.share * self.size)} of {text.size(self.size)}"
        source.decisions.append(Decision("sample", amount, f"{part.how}; --all reads every row"))
        return source, part.share

    def __repr__(self) -> str:
        return f"Source({self.name!r}, {self.format})"


def open_source(spec: str | Path, *, stdin_to: Path | None = None, how: Reading | None = None) -> Source:
    """Open a source with a single split; for several splits, use `discover`.

    Args:
        spec: A path, a URL, the name of a Hub dataset with one split, or `-` for standard input.
        stdin_to: File to keep a stream in, a further one beside it; None for a temporary one, removed with the source.
        how: What is known of how to read it; None to detect everything.
    Raises:
        SourceError: The source is missing, empty, damaged or in an unsupported format.
    """
    name, how = str(spec), how or Reading()
    if name == STANDARD_INPUT:
        return _open_stream(name, None, stdin_to, how)
    if "://" in name:
        return _of_file(find_file(name, None), how)
    path = Path(spec).expanduser()
    with reading(name, path):
        found = path.stat() if _is_there(path) else None
    if found is None:
        return _only(open_hub(name), name)
    if stat.S_ISFIFO(found.st_mode) or is_stream(name):
        return _open_stream(name, path, stdin_to, how)
    if stat.S_ISDIR(found.st_mode):
        return _open_folder(name, path)
    return _of_file(find_file(name, path), how)


def is_stream(name: str) -> bool:
    """Whether a name is standard input or a file that the shell has opened: there is nothing to read a second time."""
    return name == STANDARD_INPUT or name.startswith(_OPEN_FILES)


def open_saved(name: str, path: Path) -> dict[str, Source]:
    """Open the splits of a dataset written by `save_to_disk`; a dataset without splits is called `train`.

    Raises:
        SourceError: It is damaged or has no rows.
    """
    from luthier.data.reading.formats.datasets import DatasetReader, load_saved

    sources = {}
    for split, dataset in load_saved(name, path).items():
        full = f"{name.rstrip('/')}/{split}" if split else name
        reader = DatasetReader.open(full, dataset, "a saved dataset")
        sources[split or "train"] = Source(full, path / split, reader, reader.digest)
    return sources


def open_hub(name: str) -> dict[str, Source]:
    """Open the splits of a Hub dataset; its configuration follows a colon (`nyu-mll/glue:mrpc`).

    Raises:
        SourceError: The name looks like a missing file, the Hub cannot be reached, or it has no such dataset.
    """
    path = Path(name)
    absent = missing(name, path)
    is_file = path.suffix.lower() in registered().suffixes
    if is_file or not _HUB_NAME.fullmatch(name) or absent.hint.startswith("did you mean"):
        raise absent
    from luthier.data.reading.formats.datasets import DatasetReader, load_hub

    sources = {}
    for split, dataset in load_hub(name).items():
        full = f"{name} [{split}]"
        reader = DatasetReader.open(full, dataset, "a dataset from the Hub")
        sources[split] = Source(full, None, reader, reader.digest)
    return sources


def is_saved(path: Path) -> bool:
    """Whether `save_to_disk` of `datasets` wrote this directory."""
    return (path / "dataset_dict.json").is_file() or (
        (path / "state.json").is_file() and (path / "dataset_info.json").is_file()
    )


def open_classes(name: str, path: Path, classes: dict[str, list[Path]]) -> Source:
    """Open a folder of class folders, as found by `find_classes`."""
    reader = FolderReader.open(name, path, classes)
    return Source(name, path, reader, reader.digest)


def open_parallel(folder: str, group: FileGroup) -> Source:
    """Open line-aligned files in several languages.

    Args:
        folder: Folder of the files, as the user wrote it.
        group: The files, as grouped by `group_languages`.
    Raises:
        SourceError: The files differ in their number of lines, or one of them cannot be read.
    """
    prefix = "" if folder == "." else folder.rstrip("/") + "/"
    name = f"{prefix}{group.name} ({', '.join(group.languages)})"
    reader = ParallelReader.open(name, [prefix + file.name for file in group.files], group)
    return Source(name, group.files[0], reader, reader.digest)


def sample(source: Source, n: int, seed: int) -> list[Record]:
    """Draw n records uniformly at random from a source, in source order.

    Samples the whole source, since a file sorted by label has a single label at its beginning.

    Args:
        source: Source to draw from.
        n: Number of records; all if there are fewer.
        seed: The same seed draws the same records.
    """
    draw = random.Random(seed)
    kept: list[Record] = []
    seen = 0
    for record in source.records():
        if isinstance(record, Skipped):
            continue
        seen += 1
        if len(kept) < n:
            kept.append(record)
        elif (place := draw.randrange(seen)) < n:
            kept[place] = record
    return sorted(kept, key=lambda record: record.row)


def _is_there(path: Path) -> bool:
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def _of_file(file: DataFile, how: Reading) -> Source:
    name = name_of_copy(file.path) if file.path else ""
    if not name:
        return Source(file.name, file.path, open_file(file, how), file.digest)
    reader = open_file(replace(file, name=name), how)
    reader.decisions[0] = Decision("format", "Parquet", "a copy of the data given in memory")
    return Source(name, file.path, reader, file.digest)


def _open_stream(name: str, path: Path | None, keep_in: Path | None, how: Reading) -> Source:
    """Copy standard input or a named pipe, which can be read only once, to a file and open it."""
    temporary = keep_in is None
    if keep_in is None:
        with reading(name):
            keep_in = temporary_file()
    else:
        further = (keep_in.with_name(f"{keep_in.name}-{number}") for number in itertools.count(2))
        keep_in = next(place for place in itertools.chain([keep_in], further) if not place.exists())
    try:
        if path is None:
            if sys.stdin is None:
                raise SourceError("standard input is closed", where=name, hint="pipe the data in, or pass a file")
            spool(sys.stdin.buffer, keep_in)
        else:
            with reading(name, path), path.open("rb") as stream:
                spool(stream, keep_in)
        found = find_file(str(keep_in), keep_in)
        source = _of_file(DataFile(name, keep_in, found.compression), how)
    except BaseException:
        if temporary:
            remove(keep_in)
        raise
    source.decisions.insert(0, Decision("kept in", str(keep_in), "a stream can be read only once"))
    if temporary:
        weakref.finalize(source, remove, keep_in)
    return source


def _open_folder(name: str, path: Path) -> Source:
    if is_saved(path):
        return _only(open_saved(name, path), name)
    if classes := find_classes(path):
        return open_classes(name, path, classes)
    hint = "pass one of its files; train and inspect accept the folder and look for splits"
    raise SourceError("the folder is neither a saved dataset nor a folder of class folders", where=name, hint=hint)


def _only(splits: dict[str, Source], name: str) -> Source:
    if len(splits) > 1:
        hint = f"choose one of them, such as {name.rstrip('/')}/{next(iter(splits))}"
        raise SourceError(f"the dataset has several splits: {', '.join(splits)}", where=name, hint=hint)
    return next(iter(splits.values()))
