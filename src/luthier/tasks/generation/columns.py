"""Recognise the column of text to generate, or of stories and their prompts."""

import math
import shlex
from collections.abc import Sequence

from luthier.data.columns.metadata import HEADING_NAMES, is_about
from luthier.data.columns.profile import ColumnProfile, Recognition, words_of
from luthier.data.columns.roles import (
    Columns,
    Given,
    Profiles,
    asked,
    by_name,
    is_named,
    is_prose,
    said,
    unused,
    with_split,
)
from luthier.findings import Decision
from luthier.tasks.text_classification.columns import recognise_classification
from luthier.tasks.text_classification.label_columns import LABEL_NAMES
from luthier.text import listing, share

GENERATION, WRITING = "text-generation", "creative-writing"
WRITING_SHAPES = ("prompt", "story")
# Best first.
TEXT_NAMES = ("text", "content", "document", "body", "article", "code", "passage", "page", "sentence", "raw content")
STORY_NAMES = ("story", "stories", "poem", "poems", "lyrics", "lyric", "tale", "fiction", "song", "script", "scene")
PROMPT_NAMES = ("prompt", "writing prompt", "prompts", "premise", "title", "topic", "theme", "heading")


def recognise_text(profiles: Profiles, *, given: Given, shape: str | None) -> Recognition | None:
    """Find the `text` column. The more a table looks like data of another task, the lower the confidence.

    Arguments and errors as in `Task.recognise`; the task has neither label nor shapes.
    """
    named = asked(profiles, given, ["text"], "")
    if named is None or shape:
        return None
    texts = _texts(profiles)
    chosen = str(named["text"]) if named else texts[0] if texts else ""
    if not chosen:
        return None
    others = [name for name in texts if name != chosen and not _describes_text(profiles[name])]
    how = "as given" if named else "by name" if is_named(chosen, TEXT_NAMES) else "by content"
    why = [said("text", profiles[chosen], how), *unused(others, "also text; --text takes another")]
    columns = with_split(profiles, given, {"text": chosen}, why)
    rest = [name for name in profiles if name not in (chosen, *others, columns.get("split"))]
    why += unused(rest, "the task reads a text alone")
    unclear = "" if named else _conversations(profiles[chosen])
    return Recognition(GENERATION, "", columns, _confidence(profiles, others), why, unclear)


def likely_text(profiles: Profiles) -> list[Columns]:
    """The column of text that may have been meant."""
    found: list[Columns] = [{"text": name} for name in _texts(profiles) if not is_named(name, LABEL_NAMES)]
    return found[:1]


def recognise_writing(profiles: Profiles, *, given: Given, shape: str | None) -> Recognition | None:
    """Find the `story` and, if there is one, its `prompt`.

    Arguments and errors as in `Task.recognise`. `label` stands for the story and `text` for its prompt; alone, `text`
    is the story. The shape is `prompt` for prompts with stories, `story` for stories alone; None for either.
    """
    if shape and shape not in WRITING_SHAPES:
        return None
    alone = "story" not in given and "label" not in given
    named = asked(profiles, given, ["story"] if alone and "prompt" not in given else ["prompt"], "story")
    if named is None or any(isinstance(name, list) for name in named.values()):
        return None
    stories = by_name(profiles, STORY_NAMES, is_prose)
    story = str(named.get("story") or next(iter([*stories, *_texts(profiles)]), ""))
    if not story or (shape == "story" and "prompt" in named):
        return None
    columns: Columns = {"story": story}
    free = {name: column for name, column in profiles.items() if name != story}
    prompts = [name for name in by_name(free, PROMPT_NAMES, is_prose) if is_named(name, PROMPT_NAMES)]
    if shape != "story" and ("prompt" in named or prompts):
        columns = {"prompt": named.get("prompt") or prompts[0], "story": story}
    if shape == "prompt" and "prompt" not in columns:
        return None
    why = [
        said(role, profiles[str(name)], "as given" if role in named else "by name") for role, name in columns.items()
    ]
    found = "prompt" if "prompt" in columns else "story"
    why.append(Decision("shape", found, "a prompt and its story" if found == "prompt" else "stories alone"))
    sure = _writing_confidence(profiles, columns)
    certain = "story" in named and sure > 0.9 and named.keys() == columns.keys()
    return Recognition(WRITING, found, with_split(profiles, given, columns, why), 1.0 if certain else sure, why)


def _texts(profiles: Profiles) -> list[str]:
    """The columns of text, best first: by name, then by length."""
    prose = [
        name
        for name, column in profiles.items()
        if (is_prose(column) and not _is_classes(column)) or _is_text_by_name(column)
    ]

    def rank(name: str) -> tuple[bool, bool, float]:
        column = profiles[name]
        size = math.log2(1 + column.mean_chars) * column.distinct_share
        return is_about(column), not is_named(name, TEXT_NAMES), -size

    return sorted(prose, key=rank)


def _is_text_by_name(column: ColumnProfile) -> bool:
    """Whether a column counts as text because of its name, even if it holds formulas or symbols."""
    plain = not (column.list_share or column.structure.lengths or column.missing_share == 1)
    return plain and is_named(column.name, TEXT_NAMES[:1])


def _is_classes(column: ColumnProfile) -> bool:
    """Whether a column is a label rather than a text: named like one, or a few short values that recur."""
    short = column.mean_words < 4
    few = column.distinct_share <= 0.5 if is_named(column.name, LABEL_NAMES) else column.distinct_share <= 0.2
    return short and few and column.n >= 20


def _describes_text(column: ColumnProfile) -> bool:
    """Whether a column describes the text of its row, like a title or a source, rather than being a text itself."""
    headed = bool(HEADING_NAMES & set(words_of(column.name)))
    return headed or column.mean_words < (4 if is_about(column) else 2)


def _confidence(profiles: Profiles, others: Sequence[str]) -> float:
    rival = recognise_classification(profiles, given={}, shape=None)
    if rival is not None and rival.confidence > 0.3:
        return 0.2
    # Repeated titles make poor labels; so do dates and sources.
    held = [column for column in profiles.values() if column.structure.lengths or column.list_share]
    return 0.25 if others or held else 0.6 if rival is not None else 0.85


def _conversations(column: ColumnProfile) -> str:
    """What is unclear about texts that may be conversations; empty if nothing."""
    found = column.transcripts
    if found.form and not found.sure:
        return f"{share(found.share)} of the texts in {column.name!r} are conversations, and the others are not"
    if found.in_line:
        one, two = found.in_line
        script = rf"s/^/\n/; s/[[:blank:]]+({one}|{two}):/\n\1:/g"
        return (
            f"the texts of {column.name!r} have '{one}:' and '{two}:' in one line: if they are conversations, begin a"
            f" line with each, as `{shlex.join(['sed', '-E', script])}` does in a text file"
        )
    if found.names:
        begun = " and ".join(map(repr, found.names)) if len(found.names) == 2 else listing(found.names, 4)
        others = "the other" if len(found.names) == 2 else "the others"
        does = f", as `{shlex.join(['sed', '-E', found.renaming])}` does in a text file" if found.renaming else ""
        return (
            f"the lines of {column.name!r} begin with {begun}: if they speak with each other, write 'Assistant:' for"
            f" the one to learn and 'User:' for {others}{does}"
        )
    return ""


def _writing_confidence(profiles: Profiles, columns: Columns) -> float:
    if not is_named(str(columns["story"]), STORY_NAMES):
        # Any text may be a story; only the user knows, unless there is a prompt for it.
        return 0.15 if "prompt" not in columns or is_named(str(columns["prompt"]), PROMPT_NAMES[3:]) else 0.55
    rival = recognise_classification(profiles, given={}, shape=None)
    labelled = rival.confidence if rival is not None and columns["story"] in rival.columns.values() else 0.0
    if "prompt" in columns:
        return 0.7 if labelled > 0.8 else 0.95
    return 0.5 if labelled > 0.5 else 0.92
