"""Conversations in plain text: `User:` and `Assistant:`, or the marks of a chat template, at the starts of lines."""

import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from luthier.data.columns.transcripts import Transcripts, speaker_at, transcripts_in
from luthier.data.reading.blocks import TextReader
from luthier.data.reading.charset import line_fault, strip_end
from luthier.data.reading.reader import Reading, TextFile, TextFormat
from luthier.data.records import Record, Skipped
from luthier.errors import SourceError
from luthier.findings import Decision
from luthier.text import count, sed_pattern

MOST = 20  # questions in a conversation, from which it may be several
_TABLES = (".csv", ".tsv", ".tab", ".psv", ".conll")
_RULE = re.compile(r"\s*(?:[-=*_~]{3,}|<\|endoftext\|>|</s>)\s*")
_BEGIN = re.compile(r"\s*(?:<s>|<bos>|<\|begin_of_text\|>|<\|endoftext\|>)")
_PREAMBLE = "Below is an instruction"  # of Alpaca's template, which has two


@dataclass(frozen=True, slots=True)
class Break:
    """Where a conversation begins.

    Args:
        how: In words.
        starts: Whether a line that is not blank begins one, given the number of blank lines above it.
        between: Whether a line only separates them.
    """

    how: str
    starts: Callable[[str, int], bool]
    between: Callable[[str], bool] = lambda line: False


@dataclass
class DialogReader(TextReader):
    """Reads one row per conversation."""

    at: Break

    def records(self) -> Iterator[Record | Skipped]:
        with self.text.lines() as lines:
            for number, (place, held) in enumerate(_pieces(lines, self.at), start=1):
                faults = (line_fault(line) for line in held)
                if fault := next(filter(None, faults), None):
                    yield fault.at(self.name, number, f"from line {count(place)}")
                else:
                    text = "".join(strip_end(line) + "\n" for line in held).rstrip("\n")
                    yield Record(self.name, number, {"text": text})

    def row_start(self, lines: Sequence[str]) -> int | None:
        starts = (place - 1 for place, _ in _pieces(lines, self.at))
        return next((start for start in starts if start), None)


def open_dialogs(text: TextFile, how: Reading) -> DialogReader | None:
    """The reader if the text begins with a speaker or a template's mark, as its conversations do, else None."""
    lines = text.first_lines()
    first = next((line for line in lines if line.strip() and not _is_rule(line)), "")
    if how.by_line or text.file.suffix in _TABLES or not _may_begin(first):
        return None
    for at in _breaks(first, lines):
        texts = ["\n".join(held) for _, held in _pieces(lines, at)]
        texts = texts if text.whole else texts[:-1]
        if len(texts) > 1 and (found := transcripts_in(texts)).sure:
            return _reader(text, found, at)
    whole = Break("the whole file is one", lambda line, blank: False, _is_rule)
    found = transcripts_in(["\n".join(held) for _, held in _pieces(lines, whole)])
    if not found.sure:
        return None
    questions = [line for line in lines if speaker_at(line) == "user"]
    if len(questions) > MOST and not any(map(_is_rule, lines)):
        mark = first.split(":")[0] + ":" if ":" in first else first.strip()
        command = shlex.join(["sed", "-E", f"s/^{sed_pattern(mark)}/---\\n&/", text.file.name])
        hint = f"put a line of --- between them; if each begins with {mark!r}, `{command}` does so"
        raise SourceError(
            "it is unclear where a conversation ends and the next begins", where=text.file.name, hint=hint
        )
    return _reader(text, found, whole)


def _is_rule(line: str) -> bool:
    return bool(_RULE.fullmatch(line))


def _reader(text: TextFile, found: Transcripts, at: Break) -> DialogReader:
    decisions = [Decision("format", "conversations", f"one row for each: {at.how}"), text.encoding.decision()]
    return DialogReader(text.file.name, "text", ["text"], decisions, text, at)


def _may_begin(line: str) -> bool:
    return bool(speaker_at(line) or _BEGIN.match(line)) or line.startswith(_PREAMBLE) or "ASSISTANT:" in line


def _breaks(first: str, lines: Sequence[str]) -> list[Break]:
    """The places where conversations may begin, the most certain first."""
    repeated = not speaker_at(first) or first.lstrip().startswith("###")  # other marks begin each turn of the user's
    answers = any(speaker_at(line) == "assistant" and not above.strip() for above, line in pairwise(lines))
    found = [
        Break("lines of dashes or the like are between them", lambda line, blank: False, _is_rule),
        Break("blank lines are between them", lambda line, blank: blank > 1),
        Break("a blank line is between them", lambda line, blank: blank > 0),
    ]
    if not answers:
        asks = ("user", "system")
        found.append(Break("a blank line is between them", lambda line, blank: blank > 0 and speaker_at(line) in asks))
    if repeated:
        opening = (first.strip(), _PREAMBLE) if first.startswith(_PREAMBLE) else (first.strip(),)
        found.append(Break(f"each begins with {first.strip()[:40]!r}", lambda line, blank: line.startswith(opening)))
    return [
        *found,
        Break("each begins with a system message", lambda line, blank: speaker_at(line) == "system"),
        Break("each begins with a mark", lambda line, blank: bool(_BEGIN.match(line))),
        Break("one per line", lambda line, blank: True),
    ]


def _pieces(lines: Iterable[str], at: Break) -> Iterator[tuple[int, list[str]]]:
    """The lines of each conversation, with the number of the first one."""
    held: list[str] = []
    start, blank, split = 1, 0, False
    for place, line in enumerate(lines, start=1):
        if at.between(line):
            split = True
        elif not line.strip():
            blank += 1
        else:
            if held and (split or at.starts(line, blank)):
                yield start, held
                held = []
            start = start if held else place
            held += [*["\n"] * (blank if held else 0), line]
            blank, split = 0, False
    if held:
        yield start, held


FORMAT = TextFormat(names=("dialogs",), suffixes=(), open=open_dialogs)
