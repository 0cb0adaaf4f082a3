"""What trackers share."""

import pytest

from luthier.errors import UsageError
from luthier.tracking.base import flat, require


def test_tables_become_dotted_keys() -> None:
    assert flat({"a": {"b": {"c": 1}, "d": {}}, "e": [2], "f": None}) == {"a.b.c": 1, "a.d": {}, "e": [2], "f": None}


def test_a_package_that_is_not_installed_is_named_with_the_extra_that_brings_it() -> None:
    require("json", "json")
    with pytest.raises(UsageError, match="'shelf' needs the package luthier_gone, which is not installed") as error:
        require("shelf", "luthier_gone")
    assert error.value.hint == "pip install 'luthier[track]'"
