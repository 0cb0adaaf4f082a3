"""Rule-based words of a text with their offsets, and tags for them from spans."""

import unicodedata
from collections.abc import Sequence

from luthier.data.records import Fault
from luthier.data.tag_notation import OUTSIDE
from luthier.tasks.token_classification.annotations import Span
from luthier.text import shorten

# Scripts written without spaces: each character is a word, so that every span begins and ends at word boundaries.
_ALONE = (
    *((0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF)),  # Thai and Lao, Burmese, Khmer
    *((0x3040, 0x30FF), (0x31F0, 0x31FF), (0xFF66, 0xFF9F)),  # kana
    *((0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x3FFFF)),  # Han
)
_JOINERS = "\u200c\u200d"

Tagged = tuple[list[tuple[int, int]], list[str]]  # the offsets of words, and their tags


def word_offsets(text: str) -> list[tuple[int, int]]:
    """The start and end of each word of a text.

    A word is a run of letters, digits and underscores; a single character of a script without spaces (Han, kana,
    Thai, Lao, Burmese, Khmer); or any other single character that is not whitespace. Combining accents and vowel signs
    belong to the character before.
    """
    offsets: list[tuple[int, int]] = []
    running = False  # whether the last word is a run that may continue
    for place, character in enumerate(text):
        end = offsets[-1][1] if offsets else -1
        if character.isspace():
            continue
        if end == place and _is_mark(character):
            offsets[-1] = (offsets[-1][0], place + 1)
            continue
        in_run = (character.isalnum() or character == "_") and not _stands_alone(character)
        if in_run and running and end == place:
            offsets[-1] = (offsets[-1][0], place + 1)
        else:
            offsets.append((place, place + 1))
        running = in_run
    return offsets


def tags_of_spans(text: str, spans: Sequence[Span]) -> Tagged | Fault:
    """The offsets of a text's words with tags in IOB2 for its spans, or why the spans are invalid.

    Whitespace at the ends of a span is trimmed; offsets are never changed otherwise.

    Args:
        text: The text.
        spans: Its spans, in any order.
    """
    offsets = word_offsets(text)
    begins = {start: place for place, (start, _) in enumerate(offsets)}
    ends = {end: place for place, (_, end) in enumerate(offsets)}
    tags = [OUTSIDE] * len(offsets)
    last: Span | None = None
    for given in sorted(spans, key=lambda span: (span["start"], span["end"])):
        span = _trimmed(text, given)
        if isinstance(span, Fault):
            return span
        if last is not None and span["start"] < last["end"]:
            return Fault("overlapping-spans", f"{_shown(text, last)} and {_shown(text, span)} overlap")
        last = span
        first, final = begins.get(span["start"]), ends.get(span["end"])
        if first is None:
            return _inside(text, span, offsets, span["start"], "begins")
        if final is None:
            return _inside(text, span, offsets, span["end"], "ends")
        tags[first : final + 1] = [f"B-{span['label']}"] + [f"I-{span['label']}"] * (final - first)
    return offsets, tags


def _trimmed(text: str, span: Span) -> Span | Fault:
    """A span without whitespace at its ends, or why it is invalid."""
    start, end = span["start"], span["end"]
    if start < 0 or end > len(text):
        return Fault("span-outside", f"{_shown(text, span)} is not inside the text of {len(text)} characters")
    covered = text[start:end]
    if not covered or covered.isspace():
        return Fault("empty-span", f"{_shown(text, span)} covers nothing")
    start += len(covered) - len(covered.lstrip())
    return Span(start=start, end=start + len(covered.strip()), label=span["label"])


def _inside(text: str, span: Span, offsets: Sequence[tuple[int, int]], place: int, what: str) -> Fault:
    start, end = next((start, end) for start, end in offsets if start < place < end)
    return Fault("span-inside-word", f"{_shown(text, span)} {what} inside the word {shorten(text[start:end], 40)!r}")


def _shown(text: str, span: Span) -> str:
    """A span with the text that it covers: `span 3-8 'Londo'`."""
    return f"span {span['start']}-{span['end']} {shorten(text[span['start'] : span['end']], 40)!r}"


def _is_mark(character: str) -> bool:
    return not character.isalnum() and (unicodedata.category(character)[0] == "M" or character in _JOINERS)


def _stands_alone(character: str) -> bool:
    code = ord(character)
    return code > 0x0DFF and any(low <= code <= high for low, high in _ALONE)
