"""The list of all checks, by name."""

import re

from luthier.data.checks import CHECKS


def test_every_check_is_listed_by_name_with_its_severities() -> None:
    assert list(CHECKS) == sorted(CHECKS)
    for meaning in CHECKS.values():
        assert re.match(r"(info|warning|error)\b.*: [a-z]", meaning)
