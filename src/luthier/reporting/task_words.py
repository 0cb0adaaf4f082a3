"""Texts that a task supplies for reports, so that the reporting code does not depend on any task."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Snippet:
    """A code snippet to copy.

    Args:
        title: What it is for.
        language: `python` or `shell`.
        code: The code.
    """

    title: str
    language: str
    code: str


@dataclass(frozen=True, slots=True)
class TaskWords:
    """The texts that a task supplies for reports.

    Args:
        hub_tag: The task's pipeline tag on the Hugging Face Hub.
        counted: What `label_counts` counts: the noun in singular and plural.
        long_rows: What happens to a row of more than `limit` tokens, such as `read in windows of {limit}
            tokens`; empty where it is truncated.
        metrics: Display names of metrics, where they differ from the common ones.
        languages: Language codes of the model, in the form that the Hub expects.
        snippets: Code that uses the model, simplest first.
        next_command: Shell command to try the model.
        of_rows: Whether `label_counts` counts rows, so that shares are of the rows; else a row may have one several
            times, as entities.
    """

    hub_tag: str
    counted: tuple[str, str] = ("Label", "Labels")
    long_rows: str = ""
    metrics: Mapping[str, str] = field(default_factory=dict)
    languages: Sequence[str] = ()
    snippets: Sequence[Snippet] = ()
    next_command: str = ""
    of_rows: bool = True
