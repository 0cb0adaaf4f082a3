import pytest

from luthier.data.reading.formats.annotation.layout import choice


@pytest.mark.parametrize(
    ("values", "several", "cell"),
    [(["a"], False, "a"), ([], False, None), (["a", "b"], False, ["a", "b"]), (["a"], True, ["a"]), ([], True, [])],
)
def test_choices_are_a_cell(values, several, cell):
    assert choice(values, several=several) == cell
