"""Line-aligned files: line n of each is the same sentence in another language, source and target, or text and label."""

import hashlib
import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from luthier.data.reading.charset import line_fault, strip_end
from luthier.data.reading.files import COMPRESSION_SUFFIXES, find_file
from luthier.data.reading.reader import RowReader, TextFile, open_text
from luthier.data.records import Record, Skipped
from luthier.errors import SourceError
from luthier.findings import Decision
from luthier.text import count, listing, plural

# ISO 639-1. Other files with such an extension (.cs, .ts) have no counterpart in another language.
_CODES = (
    "aa ab af ak am an ar as av ay az ba be bg bi bm bn bo br bs ca ce ch co cr cs cv cy da de dv dz ee el en eo es et "
    "eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik io is it iu ja jv ka kg ki "
    "kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb nd ne ng nl nn "
    "no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl sm sn so sq sr ss st su sv sw "
    "ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu"
)
LANGUAGES = frozenset(_CODES.split())
_LANGUAGE = re.compile(r"^(?P<stem>.+)[._](?P<language>[a-z]{2})(?P<region>[_-][A-Za-z]{2,4})?(?P<end>(\.txt)?)$")
# As the scripts of fairseq, Transformers and OpenNMT write them: train.source, train.src, src-train.txt, source.txt.
_SIDES = (("source", "target"), ("src", "tgt"), ("src", "trg"))
_WORD = "source|target|src|tgt|trg"
_SIDE = re.compile(rf"(?P<stem>.+)[._-](?P<last>{_WORD})|(?P<first>{_WORD})([._-](?P<rest>.+))?")
# Words for texts and for labels in the names of plain text files: `train_text.txt` and `train_labels.txt`.
_TEXTS = {
    *("text", "texts", "sentence", "sentences", "sents", "input", "inputs"),
    *("data", "tweets", "reviews", "docs", "x"),
}
_LABELS = {"label", "labels", "class", "classes", "category", "categories", "intent", "intents", "y"}
_PLAIN = {"", "txt", *_TEXTS, *_LABELS}


@dataclass(frozen=True, slots=True)
class FileGroup:
    """Files that belong together: a single one, one for each language or side, or texts and their labels.

    Args:
        name: The file name, without the language if there are several.
        files: The files, in the order of `languages`.
        languages: Empty for a single file; `source` and `target` for sides, `label` and `text` for labels of texts.
    """

    name: str
    files: tuple[Path, ...]
    languages: tuple[str, ...] = ()


@dataclass
class ParallelReader(RowReader):
    """Reads one row per line, with one column per file."""

    texts: list[TextFile]

    @classmethod
    def open(cls, name: str, names: list[str], group: FileGroup) -> "ParallelReader":
        """Open the files of a group.

        Args:
            name: Name of the source.
            names: Names of the files, as the user would write them.
            group: The files and their languages.
        Raises:
            SourceError: The files differ in their number of lines, or one of them cannot be read.
        """
        pairs = zip(names, group.files, strict=True)
        texts = [open_text(find_file(one, path)) for one, path in pairs]
        sizes = [_count_lines(text) for text in texts]
        if len(set(sizes)) > 1:
            held = ", ".join(f"{one}: {plural(size, 'line')}" for one, size in zip(names, sizes, strict=True))
            hint = "line n of each must belong together; pass only one file if they do not"
            raise SourceError("the parallel files differ in length", where=held, hint=hint)
        why = f"{listing([path.name for path in group.files])} have {plural(sizes[0], 'line')} each"
        encodings = [text.encoding.decision() for text in texts]
        decisions = [Decision("format", "parallel text", why), *dict.fromkeys(encodings)]
        return cls(name, "parallel", list(group.languages), decisions, texts)

    def records(self) -> Iterator[Record | Skipped]:
        with ExitStack() as stack:
            lines = [stack.enter_context(text.lines()) for text in self.texts]
            for number, row in enumerate(zip_longest(*lines), start=1):
                if None in row:
                    hint = "try again when no program writes to them"
                    raise SourceError("the parallel files changed while they were read", where=self.name, hint=hint)
                if not self.wanted(number - 1):
                    continue
                if fault := next(filter(None, map(line_fault, row)), None):
                    yield fault.at(self.name, number, f"line {count(number)}")
                else:
                    yield Record(self.name, number, dict(zip(self.columns, map(strip_end, row), strict=True)))

    def digest(self) -> str:
        """SHA-256 of the digests of the files, in the order of the languages."""
        return hashlib.sha256("".join(text.file.digest() for text in self.texts).encode()).hexdigest()


def group_languages(files: list[Path]) -> list[FileGroup]:
    """Group files that differ only in their language (`train.de`, `train.en`), their side, or text and label."""
    groups: dict[tuple[Path, str, str], dict[str, Path]] = {}
    grouped: list[FileGroup] = []
    single: list[Path] = []
    for file in files:
        known = _split_language(file.name) or _split_side(file.name) or _split_label(file.name)
        kind, name, part = known or ("", file.name, "")
        group = groups.setdefault((file.parent, kind, name), {}) if kind else {}
        if kind and part not in group:  # `t.de` and `t_de` are two files of one language
            group[part] = file
        else:
            single.append(file)
    for (_, kind, name), group in groups.items():
        parts = tuple(sorted(group))
        if parts in (*_SIDES, ("label", "text")) or (kind == "language" and len(parts) > 1):
            columns = _SIDES[0] if parts in _SIDES else parts
            grouped.append(FileGroup(name, tuple(group[part] for part in parts), columns))
        else:
            single += group.values()
    return sorted([*grouped, *(FileGroup(file.name, (file,)) for file in single)], key=lambda group: group.files)


def _split_language(name: str) -> tuple[str, str, str] | None:
    """The kind `language`, the name without it, and it: `train.gz`, `de` for `train.de.gz`. None without a language."""
    plain, end = _uncompressed(name)
    found = _LANGUAGE.match(plain)
    if found is None or found["language"] not in LANGUAGES:
        return None
    return "language", found["stem"] + found["end"] + end, found["language"] + (found["region"] or "")


def _split_side(name: str) -> tuple[str, str, str] | None:
    """The kind `side`, the name without it, and it: `train.txt`, `src` for `src-train.txt`. None without a side."""
    plain, end = _uncompressed(name)
    bare = plain.removesuffix(".txt")
    found = _SIDE.fullmatch(bare)
    if found is None:
        return None
    name = found["stem"] or found["rest"] or "*"
    return "side", name + plain.removeprefix(bare) + end, found["last"] or found["first"]


def _uncompressed(name: str) -> tuple[str, str]:
    """A file name without the extension of its compression, and that."""
    end = Path(name).suffix if Path(name).suffix.lower() in COMPRESSION_SUFFIXES else ""
    return name.removesuffix(end), end


def _split_label(name: str) -> tuple[str, str, str] | None:
    """The kind `label`, the name without its word for texts or labels, and `text` or `label`. None without a word."""
    plain, end = _uncompressed(name)
    parts = re.split(r"([._-])", plain)
    words = [part.lower() for part in parts]
    known = [place for place, word in enumerate(words) if word in _TEXTS | _LABELS]
    if len(known) != 1 or (words[-1] if len(words) > 1 else "") not in _PLAIN:
        return None
    word = words[known[0]]
    if len(word) == 1 and len(words) < 4:  # x.txt may be anything, x_train.txt is not
        return None
    parts[known[0]] = "*"
    return "label", "".join(parts) + end, "text" if word in _TEXTS else "label"


def _count_lines(text: TextFile) -> int:
    with text.lines() as lines:
        return sum(1 for _ in lines)
