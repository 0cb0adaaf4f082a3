"""A folder with one subfolder per class and one text file per row."""

import hashlib
import os
import re
import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from luthier.data.reading.charset import CUT, LONGEST_LINE, Encoding, find_encoding, line_fault
from luthier.data.reading.files import check_name, reading
from luthier.data.reading.reader import RowReader
from luthier.data.records import Record, Skipped
from luthier.errors import SourceError
from luthier.findings import Decision
from luthier.text import listing, plural

_SUFFIXES = (".txt", ".text")
_UNLABELLED = re.compile(r"unsup(ervised)?|(un|not?[ _-]?)label(l?ed|s)?", re.IGNORECASE)
# Where a file has its label in the name, how, what makes it the shell variable c from f, and the least share of the
# files that have a number of their own: neg_001 and neg1, 001_neg, IMDb's 0_9 with a number and a rating, and 1_001.
# Beside labels that are numbers, those of parts of books and dates recur.
_CLASSES_IN_NAMES = (
    ("begin", re.compile(r"(?P<label>[^\W\d_]+)[_. -]?(?P<own>\d+)"), 'c="${f%%[_0-9. -]*}"', 0),
    ("end", re.compile(r"(?P<own>\d+)[_. -](?P<label>[^\W\d_]+)"), 'c="${f%.*}"; c="${c##*[_. -]}"', 0),
    ("end", re.compile(r"(?P<own>\d+)_(?P<label>\d{1,2})"), 'c="${f%.*}"; c="${c##*_}"', 0.5),
    ("begin", re.compile(r"(?P<label>\d{1,2})_(?P<own>\d+)"), 'c="${f%%_*}"', 1),
)
_FEWEST_IN_NAMES, _MOST_IN_NAMES = 5, 20  # files of each label, and labels
# Number of files, spread over all classes, used to detect the encoding of those that are not UTF-8.
_ENCODING_FILES = 2_000


@dataclass
class FolderReader(RowReader):
    """Reads one row per file: its text, and the name of its class folder."""

    root: Path
    files: list[Path]
    fallback: Encoding | None

    @classmethod
    def open(cls, name: str, root: Path, classes: dict[str, list[Path]]) -> "FolderReader":
        files = [file for label in sorted(classes) for file in classes[label]]
        for file in files:
            check_name(str(file))
        fallback, invalid = _fallback(files, name)
        labels = Decision("label", listing(sorted(classes)), "names of the folders")
        form = Decision("format", "folder", f"one folder per class, {plural(len(files), 'file')}")
        unnamed = [entry.name for entry in unlabelled(root) if entry.name not in classes]
        ignored = [Decision("ignored", listing(unnamed), "named as texts without a label")] if unnamed else []
        utf8 = Decision("encoding", "utf-8", "valid throughout")
        if fallback is not None:
            utf8 = Decision("encoding", f"utf-8, else {fallback.name}", f"{plural(invalid, 'file')} not valid UTF-8")
        return cls(name, "folder", ["text", "label"], [form, utf8, labels, *ignored], root, files, fallback)

    def records(self) -> Iterator[Record | Skipped]:
        for number, file in enumerate(self.files, start=1):
            if not self.wanted(number - 1):
                continue
            inside = file.relative_to(self.root)
            text = self._text(file)
            if fault := line_fault(text):
                yield fault.at(inside.as_posix(), number)
            else:
                yield Record(inside.as_posix(), number, {"text": text, "label": inside.parts[0]})

    def digest(self) -> str:
        """SHA-256 of the sorted relative file names, each with the SHA-256 of its file."""
        whole = hashlib.sha256()
        for file in sorted(self.files):
            with reading(str(file), file):
                content = hashlib.sha256(file.read_bytes()).digest()
            whole.update(file.relative_to(self.root).as_posix().encode("utf-8", "surrogateescape") + b"\0" + content)
        return whole.hexdigest()

    def _text(self, file: Path) -> str:
        with reading(str(file), file):
            if file.stat().st_size > LONGEST_LINE:
                return CUT
            content = file.read_bytes()
        try:
            return content.decode("utf-8-sig")
        except UnicodeDecodeError:
            encoding = self.fallback or Encoding("utf-8-sig", "")
            return content.decode(encoding.name, "luthier-mark")


def find_classes(folder: Path) -> dict[str, list[Path]]:
    """The class folders and their text files, at any depth; empty if there are fewer than two classes.

    A folder of unlabelled texts beside two or more classes, such as `unsup` of the IMDb data, is no class.
    """
    with reading(str(folder), folder):
        folders = sorted(entry for entry in folder.iterdir() if entry.is_dir())
    seen = (entry for entry in folders if not entry.name.startswith((".", "__")))
    classes = {entry.name: files for entry in seen if (files := _text_files(entry))}
    labelled = {name: files for name, files in classes.items() if not _UNLABELLED.fullmatch(name)}
    classes = labelled if len(labelled) > 1 else classes
    return classes if len(classes) > 1 else {}


def refuse_classes_in_names(files: Sequence[Path], name: str) -> None:
    """Refuse texts whose names seem to contain their label, as `neg_001.txt`: without it they would be plain text.

    Args:
        files: Those of a folder.
        name: The folder's name.
    Raises:
        SourceError: All texts are called so, with several classes.
    """
    texts = [file for file in files if file.suffix.lower() in _SUFFIXES]
    for where, form, label, least in _CLASSES_IN_NAMES:
        found = [match for file in texts if (match := form.fullmatch(file.stem))]
        counts = Counter(match["label"].lower() for match in found)
        own = len({match["own"] for match in found}) >= least * len(found)
        recurring = 1 < len(counts) <= _MOST_IN_NAMES and min(counts.values()) >= _FEWEST_IN_NAMES
        if recurring and own and len(found) == len(texts):
            move = f'for f in *.txt; do {label}; mkdir -p "$c"; mv "$f" "$c"; done'
            makes = f"`(cd {shlex.quote(name)} && {move})` makes a folder of each"
            hint = f"{makes}; `--set data.format=text` reads plain text"
            what = f"the files' names may {where} with labels: {listing(sorted(counts), 6)}"
            raise SourceError(what, where=name, hint=hint)


def unlabelled(folder: Path) -> list[Path]:
    """The folders whose names say that their texts have no label."""
    with reading(str(folder), folder):
        return sorted(entry for entry in folder.iterdir() if _UNLABELLED.fullmatch(entry.name) and entry.is_dir())


def _text_files(folder: Path) -> list[Path]:
    """All .txt and .text files below a folder; if none, the files without extension (as in 20 Newsgroups)."""
    files = [Path(where) / name for where, _, names in os.walk(folder) for name in names if not name.startswith(".")]
    texts = [file for file in files if file.suffix.lower() in _SUFFIXES]
    bare = [file for file in files if not file.suffix or file.suffix[1:].isdigit()]
    return sorted(texts or bare)


def _fallback(files: list[Path], name: str) -> tuple[Encoding | None, int]:
    """The encoding of the files that are not UTF-8, and their number among the files checked."""
    step = max(1, len(files) // _ENCODING_FILES)
    invalid: list[bytes] = []
    for file in files[::step]:
        with reading(str(file), file):
            content = file.read_bytes()[:LONGEST_LINE]
        try:
            content.decode("utf-8")
        except UnicodeDecodeError:
            invalid.append(content)
    if not invalid:
        return None, 0
    found = find_encoding(b"\n".join(invalid), name)
    return (None if found.name.startswith("utf-8") else found), len(invalid)
