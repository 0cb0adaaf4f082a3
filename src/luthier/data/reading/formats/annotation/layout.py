"""How the rows of an export are converted."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from luthier.data.records import Fault

Convert = Callable[[Mapping[str, Any]], dict[str, Any] | Fault]


@dataclass(frozen=True)
class Layout:
    """The layout of an export.

    Args:
        tool: The tool that exported the rows.
        why: What was recognised.
        convert: An ordinary row for an exported one, or why it is skipped.
    """

    tool: str
    why: str
    convert: Convert


def choice(values: Sequence[Any], *, several: bool) -> Any:
    """What was chosen, as the cell of a label column: a list if several can be, else a single value.

    More values than one where the others have one are kept as a list, so that the row is skipped with a reason.
    """
    return list(values) if several or len(values) > 1 else next(iter(values), None)
