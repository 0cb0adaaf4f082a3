"""How the tags of words are written: where a tag has its mark, and which tag is outside of entities.

`B-PER`, `b:PER` and `PER-B` say the same, and so do `O`, `o` and `OTHER`. A single tag does not tell the type `E-MAIL`
from the end of a `MAIL`, so that all tags of a dataset decide.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from luthier.findings import Decision
from luthier.text import listing

OUTSIDE = "O"
UNNAMED = "ENTITY"  # the type of tags that are only marks: B, I, O
# Begin and inside; end, single and middle of BIOES and BMES; last and unit of BILOU; W is a single word in BMEOW.
_PLACES = "BIESLUMW"
_PLACE = f"[{_PLACES}{_PLACES.lower()}]"
_MARK = r"[-_:./|]"
Style = Literal["B-PER", "b:PER", "PER-B", "B", "PER"]
_STYLES: dict[Style, re.Pattern[str]] = {
    "B-PER": re.compile(rf"(?P<place>[{_PLACES}])[-_](?P<kind>.+)"),
    "b:PER": re.compile(rf"(?P<place>{_PLACE}){_MARK}(?P<kind>.+)"),
    "PER-B": re.compile(rf"(?P<kind>.+){_MARK}(?P<place>{_PLACE})"),
    "B": re.compile(rf"(?P<place>{_PLACE})(?P<kind>)"),
    "PER": re.compile(r"(?!)"),
}
_SIGNS = {"o", "0", "other", "outside", "out", "none", "nil", "null", "_", "-"}
_SLIPS = {"o", "0"}  # beside O, these are O too
_WORDS = {"o", "other", "outside"}  # among tags without marks, no other sign is certain


@dataclass(frozen=True)
class Notation:
    """How the tags of a dataset are written.

    Args:
        style: An example of the style; that of `PER` has no marks.
        outside: The tags of words outside of entities.
    """

    style: Style = "B-PER"
    outside: tuple[str, ...] = (OUTSIDE,)

    @property
    def marked(self) -> bool:
        """Whether tags mark where an entity begins or goes on."""
        return self.style != "PER"

    def split(self, tag: str) -> tuple[str, str]:
        """The mark and type of a tag, such as `B` and `PER`: no mark if it has none, neither if it is outside."""
        if tag in self.outside:
            return "", ""
        found = _STYLES[self.style].fullmatch(tag)
        return (found["place"].upper(), found["kind"] or UNNAMED) if found else ("", tag)

    def reads(self, tag: str) -> bool:
        """Whether a tag has a mark, or is outside."""
        return not self.split(tag)[1] or bool(self.split(tag)[0])

    def decisions(self) -> list[Decision]:
        """What the tags mean, where they are not written as `B-PER` and `O`."""
        found = []
        if self.style in ("b:PER", "PER-B"):
            where = "end" if self.style == "PER-B" else "begin"
            found.append(Decision("tags", "read like B-PER and I-PER", f"they {where} with a mark like {self.style!r}"))
        if self.style == "B":
            found.append(Decision("tags", f"entities of one type, {UNNAMED}", "they are marks without types"))
        if signs := [repr(tag) for tag in self.outside if tag != OUTSIDE]:
            found.append(Decision("tags", f"{listing(signs)} read as {OUTSIDE}", "words outside of entities"))
        return found


STANDARD = Notation()


def notation_of(tags: Mapping[str, int]) -> Notation:
    """The notation of a dataset's tags, `STANDARD` if there are none.

    A style fits if it reads all tags but one, which is outside; `B-PER`, if it reads at least half of them.

    Args:
        tags: How often each tag occurs.
    """
    others = [tag for tag in tags if tag != OUTSIDE]
    if not others:
        return STANDARD
    best, read = max(((style, _read(style, others)) for style in _STYLES), key=lambda one: len(one[1]))
    few_bare = 2 * len(read) >= len(others) if best == "B-PER" else len(others) - len(read) <= 1
    if not few_bare or not _are_marks(best, read):
        commonest = max(others, key=lambda tag: tags[tag])
        sign = OUTSIDE not in tags and commonest.lower() in _WORDS
        return Notation("PER", (commonest if sign else OUTSIDE,))
    bare = [tag for tag in others if tag not in read]
    if OUTSIDE in tags:
        return Notation(best, (OUTSIDE, *(tag for tag in bare if tag.lower() in _SLIPS)))
    signs = bare if len(bare) == 1 else [tag for tag in bare if tag.lower() in _SIGNS]
    return Notation(best, tuple(signs) or (OUTSIDE,))


def _read(style: Style, tags: list[str]) -> dict[str, tuple[str, str]]:
    """The tags that a style reads, with their marks and types."""
    found = {tag: _STYLES[style].fullmatch(tag) for tag in tags}
    return {tag: (match["place"].upper(), match["kind"]) for tag, match in found.items() if match}


def _are_marks(style: Style, read: Mapping[str, tuple[str, str]]) -> bool:
    """Whether the marks of tags are those of entities, rather than initials of types such as `E-MAIL`."""
    places = {place for place, _ in read.values()}
    if style == "B":
        return "B" in places and len(places) > 1
    begun = bool(places & set("BI"))
    return (begun or len(read) > 1) if style == "B-PER" else (begun and len(read) > 1)
