"""Conversations in one text: with `Human:` and `Assistant:`, or the marks of a chat template, before the turns."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from luthier.text import sed_pattern

ASKING = ("user", "human", "prompter", "customer", "client", "\u7528\u6237")
ANSWERING = ("assistant", "gpt", "bot", "chatgpt", "chatbot", "model", "ai", "agent", "\u52a9\u624b")
SPEAKERS = "speakers"  # the form of texts with names before the turns
GOOD_SHARE = 0.95  # minimum share of the texts that are split into turns; other rows are skipped
_SOME_SHARE = 0.1  # minimum share from which some of the texts are conversations
_EDGES = 100  # characters in which the control tokens at the end of a turn are looked for
_LINES = 0.8  # minimum share of the lines that begin with a name, in a log of any two speakers
_TEXTS = 200  # to look through for names
_NAME = rf"\**(?P<name>{'|'.join((*ASKING, *ANSWERING, 'system', 'function response'))})\**[ \t]*[:\uff1a]\**"
_AT_LINE = re.compile(rf"^[ \t]*{_NAME}", re.IGNORECASE | re.MULTILINE)
_BOTH_IN_LINE = re.compile(
    rf"\s*({'|'.join(ASKING)})[ \t]*:(?=\s).*\s({'|'.join(ANSWERING)})[ \t]*:(?=\s)", re.IGNORECASE
)
_AFTER_BLANK = re.compile(rf"(?:\A|\n[ \t]*\n)[ \t]*{_NAME}", re.IGNORECASE)
_HEADING = re.compile(rf"#{{2,4}}[ \t]*{_NAME}", re.IGNORECASE)  # also in the middle of a line
# The marks that begin a turn, by the template that they are of; each mark or the name in it is one of `_MEANS`.
_MARKS = {
    "ChatML": re.compile(r"<\|im_start\|>[ \t]*(?P<name>\w+)[^\n<]{0,40}?(?:\n|(?=<)|$)"),
    "Llama 3": re.compile(r"<\|(?:start_header_id|header_start)\|>(?P<name>\w+)<\|(?:end_header_id|header_end)\|>"),
    "Gemma": re.compile(r"<start_of_turn>(?P<name>\w+)"),
    "Zephyr": re.compile(r"<\|(?P<name>system|user|assistant)\|>"),
    "DeepSeek": re.compile(r"<\uff5c(?P<name>User|Assistant)\uff5c>"),
    "Llama 2": re.compile(r"(?P<name>\[/?INST\]|<</?SYS>>|\[/?SYSTEM_PROMPT\])"),
    "Alpaca": re.compile(r"^###[ \t]*(?P<name>Instruction|Question|Input|Response|Answer|Output)[ \t]*:", re.MULTILINE),
    "Vicuna": re.compile(r"(?:(?<=\s)|(?<=>)|\A)(?P<name>USER|ASSISTANT):"),
}
# Each template's texts have one of these, which takes far less time to find than the marks.
_HINTS = {
    "ChatML": ("<|im_start|>",),
    "Llama 3": ("<|start_header_id|>", "<|header_start|>"),
    "Gemma": ("<start_of_turn>",),
    "Zephyr": ("<|assistant|>",),
    "DeepSeek": ("<\uff5cAssistant\uff5c>",),
    "Llama 2": ("[/INST]",),
    "Alpaca": ("### Response", "### Answer", "### Output", "###Response"),
    "Vicuna": ("ASSISTANT:",),
}
_HEADED = ("Alpaca", "Vicuna")  # templates with a system message above the first mark
_LATER = ("Input", "Response", "Output", "Answer")  # never the first mark
_MEANS = {
    **{name: name for name in ("system", "user", "assistant", "tool")},
    **{"model": "assistant", "ipython": "tool", "developer": "system"},
    **{"[inst]": "user", "[/inst]": "assistant", "<<sys>>": "system", "<</sys>>": "user"},
    **{"[system_prompt]": "system", "[/system_prompt]": "user"},
    **{"instruction": "user", "question": "user", "input": "user"},
    **{"response": "assistant", "answer": "assistant", "output": "assistant"},
}
# Tokens and headings that begin or end a text or a turn.
_EDGE = (
    r"</?s>|<bos>|<eos>|<end_of_turn>|<\|(?:im_end|end|eot_id|eom_id|eot|endoftext|begin_of_text|end_of_text)\|>"
    r"|<\uff5c(?:begin|end)\u2581of\u2581sentence\uff5c>|\[BOS\]|\[EOS\]"
)
_AT_START = re.compile(rf"\A(?:\s*(?:{_EDGE}))*\s*")
_AT_END = re.compile(rf"(?:\s*(?:{_EDGE}|^#{{2,3}}[ \t]*End[ \t]*$))+\s*\Z", re.MULTILINE)
_CONTROL = re.compile(r"<\|\w+\|>|\[/?INST\]|<</?SYS>>|<(?:start|end)_of_turn>|<\uff5c\w+\uff5c>")
_TIME = (
    r"[\[(]?(?:\d{1,4}[./-]\w{1,9}[./-]\d{2,4})[, T]+\d{1,2}:\d{2}(?::\d{2})?(?:\s?[AP]M)?[\])]?(?:[ \t]*[-:])?[ \t]+"
)
# Of the lines of a program's log.
LEVELS = {"TRACE", "DEBUG", "INFO", "NOTICE", "WARN", "WARNING", "ERROR", "CRITICAL", "FATAL"}
_FIELDS = {"password", "login", "name", "email", "e-mail", "phone", "address", "from", "to", "subject", "date", "title"}
# What is before a name in a log, for sed and for Python.
_TIMES = {"": "", "[^:]*:[^[:alpha:]]*([AP]M)?[^[:alpha:]]*": r"[^:]*:[\W\d_]*([AP]M)?[\W\d_]*"}
_MOST_RENAMED = 8
_NAMED = re.compile(rf"^[ \t]*(?P<time>{_TIME})?(?P<name>[^\W\d_][\w.'#\- ]{{0,30}}?)(?::(?=\s)|\uff1a|(?P<alone>$))")


@dataclass(frozen=True, slots=True)
class Transcripts:
    """What the texts of a column are as conversations.

    Args:
        form: `speakers`, or the template whose marks they have; empty if none, or hardly any, are conversations.
        share: Share of the texts that are split into turns.
        names: Speakers whose names begin the lines, none of which says who is to be learned.
        renaming: A script for `sed -E` that makes the second of them the assistant and the others users; empty if no
            simple one does.
        in_line: Names of the two sides, if most texts have both in one line.
    """

    form: str = ""
    share: float = 0.0
    names: tuple[str, ...] = ()
    renaming: str = ""
    in_line: tuple[str, str] | None = None

    @property
    def sure(self) -> bool:
        """Whether the texts are conversations; else only some of them are."""
        return bool(self.form) and self.share >= GOOD_SHARE


def turns_in(text: str) -> list[tuple[str, str]]:
    """The turns of a conversation: each speaker, in lower case, and what is said, possibly nothing.

    Turns start at lines, or all of them after a blank line, or at headings such as `### Human:`, or at the marks of a
    chat template, whose control tokens are left out; a text above Alpaca's and Vicuna's first mark is the system's.

    Returns:
        Empty if the text does not begin with a speaker or mark, if some turns follow a blank line and others do not, or
        if other control tokens are left: then it is not certain which of them are turns.
    """
    return _split(text)[1]


def without_end(text: str) -> str:
    """A text without the control tokens that end a turn."""
    return text[:-_EDGES] + _AT_END.sub("", text[-_EDGES:])


def transcripts_in(values: Sequence[object]) -> Transcripts:
    """What the texts of a column are as conversations, most of which have both sides.

    Args:
        values: The values that are not missing.
    """
    texts = [value for value in values if isinstance(value, str)]
    if not texts or len(texts) < len(values):
        return Transcripts()
    found = [_split(text) for text in texts]
    forms = Counter(form for form, _ in found if form)
    share = sum(forms.values()) / len(texts)
    both = sum({"user", "assistant"} <= {_side(name) for name, _ in turns} for _, turns in found)
    if share >= _SOME_SHARE and 2 * both >= sum(forms.values()):
        return Transcripts(max(forms, key=lambda form: forms[form]), share)
    together = [(match[1], match[2]) for text in texts if (match := _BOTH_IN_LINE.match(text))]
    if 2 * len(together) > len(texts):
        return Transcripts(in_line=together[0])
    names, renaming = _names(texts[:_TEXTS])
    return Transcripts(names=names, renaming=renaming)


def speaker_at(line: str) -> str:
    """Who speaks from the beginning of a line on: system, user, assistant or tool; empty if no mark says so."""
    line = _AT_START.sub("", line)
    if spoken := _AT_LINE.match(line) or _HEADING.match(line):
        return _side(spoken["name"].lower())
    marks = (mark for pattern in _MARKS.values() if (mark := pattern.match(line)))
    return next((_MEANS.get(mark["name"].lower(), "") for mark in marks), "")


def _split(text: str) -> tuple[str, list[tuple[str, str]]]:
    """The form of a text, and its turns; both empty if it is no conversation."""
    text = _bare(text)
    spoken = _spoken(text)
    if {"user", "assistant"} <= {_side(name) for name, _ in spoken}:
        return SPEAKERS, spoken
    for form in [form for form, hints in _HINTS.items() if any(hint in text for hint in hints)]:
        found = list(_MARKS[form].finditer(text))
        above = text[: found[0].start()].strip() if found else ""
        if not found or (above and form not in _HEADED) or found[0]["name"] in _LATER:
            continue
        turns = [(_MEANS.get(name, ""), said) for name, said in _pieces(text, found)]
        # A turn that only holds another mark, as [INST] before <<SYS>>; the last one may be still to come.
        turns = [turn for turn in turns[:-1] if turn[1]] + turns[-1:]
        turns = [("system", above)] * bool(above) + (_joined(turns) if form == "Alpaca" else turns)
        clean = all(role and not _CONTROL.search(said) for role, said in turns)
        if clean and {"user", "assistant"} <= {role for role, _ in turns}:
            return form, turns
    return SPEAKERS if spoken else "", spoken


def _bare(text: str) -> str:
    """A text without the control tokens and the whitespace around it."""
    return without_end(_AT_START.sub("", text).rstrip())


def _spoken(text: str) -> list[tuple[str, str]]:
    """The turns of a text that begins with the name of a speaker, as all turns do."""
    if _HEADING.match(text):
        return _pieces(text, list(_HEADING.finditer(text)))
    found = list(_AT_LINE.finditer(text)) if _AT_LINE.match(text) else []
    blank = len(list(_AFTER_BLANK.finditer(text))) if found else 0
    return _pieces(text, found) if found and blank in (1, len(found)) else []


def _pieces(text: str, marks: Sequence[re.Match[str]]) -> list[tuple[str, str]]:
    ends = [*(mark.start() for mark in marks[1:]), len(text)]
    pieces = (text[mark.end() : end] for mark, end in zip(marks, ends, strict=True))
    return [(mark["name"].lower(), _bare(said)) for mark, said in zip(marks, pieces, strict=True)]


def _joined(turns: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Turns, of which consecutive ones of the user are one: Alpaca's instruction and input."""
    joined: list[tuple[str, str]] = []
    for role, said in turns:
        if joined and joined[-1][0] == role == "user":
            joined[-1] = (role, f"{joined[-1][1]}\n\n{said}")
        else:
            joined.append((role, said))
    return joined


def _side(name: str) -> str:
    return "user" if name in ASKING else "assistant" if name in ANSWERING else name


def _names(texts: Sequence[str]) -> tuple[tuple[str, ...], str]:
    """The names that begin the lines of a log, the most frequent first, and a script for sed that renames them.

    There are two in the whole of it or in each text, or any with times.
    """
    lines = [[line.rstrip() for line in text.splitlines() if line.strip()] for text in texts]
    marked = [[mark for line in some if (mark := _NAMED.match(line))] for some in lines]
    found = [[mark for mark in marks if mark["time"] or mark["alone"] is None] for marks in marked]
    total, alone = sum(map(len, lines)), sum(mark["alone"] is not None for marks in found for mark in marks)
    if 2 * alone > total:  # a name alone, behind a time, heads the lines that are said
        return (), ""
    n = sum(map(len, found))
    counts = Counter(mark["name"] for marks in found for mark in marks)
    timed = sum(bool(mark["time"]) for marks in found for mark in marks)
    names = tuple(name for name, _ in counts.most_common())
    if len(names) < 2 or n < 6 or counts.keys() <= LEVELS or {name.lower() for name in names} & _FIELDS:
        return (), ""
    two = len(names) == 2 and min(counts.values()) * 5 >= n
    if (2 * timed >= total and 3 * len(names) <= n) or (n >= _LINES * total and two):
        return names, _renaming(names, lines, [mark.string for marks in found for mark in marks])
    each = sum(len({mark["name"] for mark in marks}) == 2 and len(marks) > 2 for marks in found) >= _LINES * len(texts)
    return (names[:2], "") if n >= _LINES * total and each else ((), "")


def _renaming(names: Sequence[str], lines: Sequence[Sequence[str]], said: Sequence[str]) -> str:
    """The script that renames all speakers of a log; empty if it would leave some, or be long."""
    first = next(some[0] for some in lines if some)
    for script, pattern in _TIMES.items():
        known = re.compile(f"{pattern}({'|'.join(map(re.escape, names))}):")
        if len(names) <= _MOST_RENAMED and all(map(known.match, said)):
            one, two, *more = map(sed_pattern, names)
            users = f"({'|'.join([one, *more])})" if more else one
            start = "" if known.match(first) else f"/^{script}({'|'.join([one, two, *more])}):/,$!d; "
            return f"{start}s/^{script}{users}:/User:/; s/^{script}{two}:/Assistant:/"
    return ""
