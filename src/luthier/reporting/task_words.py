"""What a task tells the report about itself. The report knows no task by name."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Snippet:
    """A piece of code to copy.

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
    """A task in the words of a page.

    Args:
        hub_tag: The pipeline tag under which the Hugging Face hub files a model of the task.
        counted: What is counted by name in the training rows, in the singular and the plural.
        long_rows: What happens to a row that is longer than `limit` tokens, such as `read in windows of {limit}
            tokens`; empty where it is cut.
        metrics: Metric to what it is called, where the task scores something else than rows.
        languages: The languages of the model, as the hub wants them.
        snippets: How to use the model, the plainest first.
        next_command: What to type to try the model.
    """

    hub_tag: str
    counted: tuple[str, str] = ("Label", "Labels")
    long_rows: str = ""
    metrics: Mapping[str, str] = field(default_factory=dict)
    languages: Sequence[str] = ()
    snippets: Sequence[Snippet] = ()
    next_command: str = ""

    @classmethod
    def unknown(cls, task: str) -> "TaskWords":
        """Of a task that is not installed here."""
        return cls(hub_tag=task)
