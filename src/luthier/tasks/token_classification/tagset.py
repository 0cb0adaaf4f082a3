"""The tags of a dataset, as they are written and as a model learns them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from luthier.data.tag_notation import OUTSIDE, STANDARD, Notation, notation_of
from luthier.metrics.entities import Entity, each_tag, entities
from luthier.tasks.token_classification import tags


@dataclass(frozen=True)
class Tags:
    """The tags of a dataset.

    Args:
        scheme: Scheme of the tags in the data.
        types: The entity types; in the scheme `PLAIN`, the tags.
        given: The tags of a model without a task card, which may be in any scheme.
        all_subwords: Whether training uses every token of a word, not only the first.
        notation: How the tags in the data are written.
    """

    scheme: str = "IOB2"
    types: tuple[str, ...] = ()
    given: tuple[str, ...] = ()
    all_subwords: bool = False
    notation: Notation = STANDARD

    @classmethod
    def of(cls, rows: Sequence[Sequence[str]]) -> "Tags":
        """The scheme and the notation of the tags of a dataset."""
        notation = notation_of(Counter(tag for row in rows for tag in row))
        return cls(tags.scheme_of(rows, notation), notation=notation)

    @property
    def names(self) -> tuple[str, ...]:
        """The tags of the model: O, then B- and I- of each type."""
        marked = (OUTSIDE, *(f"{place}-{kind}" for kind in self.types for place in "BI"))
        return self.given or (self.types if self.plain else marked)

    @property
    def plain(self) -> bool:
        """Whether each tag counts by itself, rather than as part of an entity."""
        return self.scheme == tags.PLAIN

    def valid(self, found: Sequence[str]) -> list[str]:
        """Convert tags of the data to valid IOB2, unless they are plain."""
        return list(found) if self.plain else tags.repair(self.iob2(found))

    def iob2(self, found: Sequence[str]) -> list[str]:
        """Convert tags of the data to IOB2; invalid tags stay invalid."""
        return tags.to_iob2(found, self.scheme, self.notation)

    def entities(self, found: Sequence[str]) -> list[Entity]:
        """The entities in tags of the data, or each tag."""
        return each_tag(found) if self.plain else entities(self.valid(found))
