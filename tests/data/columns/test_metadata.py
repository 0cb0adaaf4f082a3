"""Columns that describe the text of their row, by their name or by what they hold."""

import pytest

from luthier.data.columns.metadata import is_about, is_metadata
from luthier.data.columns.profile import profile
from luthier.data.records import Record

LICENSE = "CC-BY 2.0 (France) Attribution: example.org #{0} (user{0})"


@pytest.mark.parametrize(
    ("name", "cell", "about", "metadata"),
    [
        ("source", "web {0}", True, True),
        ("review_date", "{0}", True, True),
        ("title", "the bow {0}", False, True),
        ("column3", LICENSE, True, True),
        ("column3", "https://example.org/{0}", True, True),
        ("column3", "see https://example.org/{0} for more", False, False),
        ("label", "good {0}", False, False),
        ("text", "", False, False),
    ],
)
def test_metadata_is_known_by_its_name_or_its_content(name: str, cell: str, about: bool, metadata: bool) -> None:
    column = profile([Record("rows", i, {name: cell.format(i)}) for i in range(1, 21)])[name]
    assert (is_about(column), is_metadata(column)) == (about, metadata)
