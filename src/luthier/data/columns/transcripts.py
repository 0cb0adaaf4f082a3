"""Conversations written as one text: `Human:` and `Assistant:` before the turns."""

import re
from collections.abc import Sequence

ASKING = ("user", "human", "prompter", "customer", "client")
ANSWERING = ("assistant", "gpt", "bot", "chatgpt", "chatbot", "model", "ai", "agent")
GOOD_SHARE = 0.95  # minimum share of the texts that are split into turns; other rows are skipped
_NAME = rf"\**(?P<name>{'|'.join((*ASKING, *ANSWERING, 'system'))})\**[ \t]*:\**"
_AT_LINE = re.compile(rf"^[ \t]*{_NAME}", re.IGNORECASE | re.MULTILINE)
_AFTER_BLANK = re.compile(rf"(?:\A|\n[ \t]*\n)[ \t]*{_NAME}", re.IGNORECASE)
_HEADING = re.compile(rf"#{{2,4}}[ \t]*{_NAME}", re.IGNORECASE)  # also in the middle of a line


def turns_in(text: str) -> list[tuple[str, str]]:
    """The turns of a conversation: each speaker, in lower case, and what is said, possibly nothing.

    Turns start at lines, or all of them after a blank line, or at headings such as `### Human:`.

    Returns:
        Empty if the text does not begin with a speaker, or if some turns follow a blank line and others do not: then
        it is not certain which of them are turns.
    """
    text = text.strip()
    found = list(_HEADING.finditer(text))
    if not found:
        found, blank = list(_AT_LINE.finditer(text)), list(_AFTER_BLANK.finditer(text))
        if len(blank) not in (1, len(found)):
            return []
    if not found or found[0].start():
        return []
    ends = [*(mark.start() for mark in found[1:]), len(text)]
    return [(mark["name"].lower(), text[mark.end() : end].strip()) for mark, end in zip(found, ends, strict=True)]


def are_transcripts(values: Sequence[object]) -> bool:
    """Whether a column holds conversations, most of which have both sides.

    Args:
        values: The values that are not missing.
    """
    if not values or not all(isinstance(value, str) and turns_in(value) for value in values[:5]):
        return False
    found = [turns_in(value) if isinstance(value, str) else [] for value in values]
    speakers = [{name for name, _ in turns} for turns in found]
    both = sum(bool(names & set(ASKING)) and bool(names & set(ANSWERING)) for names in speakers)
    return sum(map(bool, found)) >= GOOD_SHARE * len(values) and 2 * both >= len(values)
