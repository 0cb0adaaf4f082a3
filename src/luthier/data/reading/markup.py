"""Refuse texts with signs of their own that no format reads, such as XML: they would be learned as words."""

import re
import shlex
from collections import Counter
from collections.abc import Sequence

from luthier.data.columns.tagged import are_tags
from luthier.data.columns.transcripts import LEVELS, speaker_at
from luthier.data.tag_notation import OUTSIDE
from luthier.errors import SourceError
from luthier.text import listing

_CONVERT = "convert it to CSV or JSON lines, one row per text"
_XML = f"{_CONVERT}; of XML, Luthier reads only TMX"
_BEGINNINGS = (  # what a text looks like, how it begins, what to do
    (
        "an HTML page, not data",
        r"<(!doctype\s+html|html)\b",
        "pass the address of the file itself, or save the page's table as CSV",
    ),
    ("XML", r"<\?xml\s", _XML),
    ("ARFF", r"(%.*\s+)*@relation\s", _CONVERT),
    ("a gettext catalogue", r'(#.*\s+)*msgid\s+"', f"{_CONVERT}, or to TMX"),
    ("subtitles", r"WEBVTT\b|\d+\s+\d\d:\d\d:\d\d[,.]\d+\s+-->", _CONVERT),
    ("rich text", r"\{\\rtf", "save it as plain text"),
    ("corrections in M2", r"(S [^\n]*\n\s*)+A -?\d+ -?\d+\|\|\|", _CONVERT),
    ("annotations of PubTator", r"\w+\|t\|[^\n]*\n\w+\|a\|", _CONVERT),
)
_TAGGED = r"(?:\S*[^\W\d_]\S*/[A-Z][A-Z$-]*|[^\w\s]+/\S+|\d\S*/\S+)"  # sings/VBZ ./.
_LINES = (  # the same, and what its lines are like
    ("XML or SGML", re.compile(r"<[^<>]+>(.*<[^<>]+>)?"), _XML),
    ("parse trees", re.compile(r"\(\S* .*\(.*\)\s*\)"), _CONVERT),
    (
        "words with tags behind a slash",
        re.compile(rf"{_TAGGED}(?:\s+{_TAGGED})+"),
        "write one word and its tag per line",
    ),
    (
        "conversations with __eou__ behind the turns",
        re.compile(r".*__eou__.*"),
        "convert it to JSON lines, with the turns of a conversation in a list `messages`",
    ),
    ("texts with a list at the end of each line", re.compile(r"[^\[{].*\S\s*\[\s*(['\"]).*\1\s*\]"), _CONVERT),
    (
        "numbers of features (LIBSVM)",
        re.compile(r"\S+(\s+\d+:[\d.eE+-]+)+(\s*#.*)?"),
        "pass the texts that they were made of",
    ),
)
_LABEL = r"[+-]?\d{1,2}|[^\W\d_]+:\w+"  # 0, +1 or DESC:manner
_WORD = r"[^\W\d_][\w-]*"
# Where a line has its label, the label (also LOC and [spam]; | pos, (pos) and #spam), and how sed makes it a column.
_LABELS = (
    (
        "begins",
        re.compile(rf"({_LABEL}|[A-Z]{{2,}}(?=\s.*[a-z])(?!.*;$)|\[{_WORD}\])\s+\S.*"),
        r"s/^[[:space:]]*\[?([^][:space:]]+)\]?[[:space:]]+/\1\t/",
    ),
    (
        "ends",
        re.compile(rf".*\S\s+({_LABEL}|\|\s*{_WORD}|\({_WORD}\)|#{_WORD})"),
        r"s/[[:space:]]+(\|[[:space:]]*|[(#])?([^[:space:])]+)\)?[[:space:]]*$/\t\2/",
    ),
)
_MOST_WORDS = 10  # labels that are words
_FEWEST, _MOST = 3, 0.9  # lines, and the share of them that must be alike
_FEWEST_LABELLED, _RECURRING = 20, 5  # lines, and how many there must be of each label on average


def refuse_markup(text: str, name: str) -> None:
    """Refuse a text that begins like markup.

    Args:
        text: Its beginning.
        name: Its name.
    Raises:
        SourceError: It is an HTML page, which servers send instead of data, or one of several other kinds.
    """
    start = text.lstrip("\ufeff \t\r\n")
    for what, beginning, hint in _BEGINNINGS:
        if re.match(beginning, start, re.IGNORECASE):
            raise SourceError(f"looks like {what}", where=name, hint=hint)


def refuse_marked_lines(lines: Sequence[str], name: str) -> None:
    """Refuse a text whose lines are markup.

    Args:
        lines: The first ones that are not blank.
        name: Its name.
    Raises:
        SourceError: Nearly all are.
    """
    spoken = sum(bool(speaker_at(line)) for line in lines)  # <s>[INST] and the like are no markup
    for what, form, hint in _LINES:
        if sum(bool(form.fullmatch(line.strip())) for line in lines) - spoken >= max(_FEWEST, _MOST * len(lines)):
            raise SourceError(f"looks like {what}", where=name, hint=hint)
    _refuse_tagged(lines, name)
    _refuse_labelled(lines, name)


def _refuse_tagged(lines: Sequence[str], name: str) -> None:
    """Refuse lines of a word and its tag with no blank line between the sentences, which a CoNLL file has."""
    fields = [line.split() for line in lines]
    width, n = Counter(map(len, fields)).most_common(1)[0] if fields else (0, 0)
    tags = Counter(one[-1] for one in fields if one)
    if n >= max(_FEWEST_LABELLED, _MOST * len(lines)) and width > 1 and OUTSIDE in tags and are_tags(tags):
        script = shlex.join(["sed", "-E", "s/^[.!?\u3002\uff01\uff1f]+[[:blank:]].*/&\\n/", name])
        what = "each line has a word and its tag, but nothing says where a sentence ends"
        hint = f"put a blank line between sentences; `{script} > sentences.conll` puts one after each full stop"
        raise SourceError(what, where=name, hint=hint)


def _refuse_labelled(lines: Sequence[str], name: str) -> None:
    """Refuse lines of which each begins or ends with a label, such as TREC's."""
    longer = [line.strip() for line in lines if len(line.split()) > 1]
    for where, form, swap in _LABELS:
        labels = [match[1] for line in longer if (match := form.fullmatch(line))]
        found = set(labels)
        enough = len(labels) >= max(_FEWEST_LABELLED, _MOST * len(lines), _RECURRING * len(found))
        words = {label.strip("[]") for label in found if not re.fullmatch(_LABEL, label)}
        few = len(found) > 1 and len(words) <= _MOST_WORDS and not (words and words <= LEVELS)
        if enough and few and len(labels) == len(longer):
            table = shlex.join(["sed", "-E", swap, name])
            what = f"each line {where} with what looks like a label: {listing(sorted(found), 4)}"
            hint = f"`{table} > labelled.tsv` makes it a column; `--set data.format=text` reads the lines as they are"
            raise SourceError(what, where=name, hint=hint)
