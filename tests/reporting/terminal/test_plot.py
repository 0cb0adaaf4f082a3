"""Curves as text."""

from hypothesis import given
from hypothesis import strategies as st

from luthier.reporting.terminal.plot import Curve, plot


def test_a_line_and_marks_on_their_axes() -> None:
    drawn = plot([Curve([0, 10], [0.0, 1.0], "blue"), Curve([5], [0.5], "red", marked=True)], 24, 6, last_step=10)
    assert drawn.plain.splitlines() == [
        "  1                 ⣀⠤⠒⠉",
        "                ⣀⠤⠒⠉    ",
        "0.5         ⣀●⠒⠉        ",
        "        ⣀⠤⠒⠉            ",
        "  0 ⣀⠤⠒⠉                ",
        "    0            step 10",
    ]
    assert {span.style for span in drawn.spans} >= {"blue", "red"}
    named = plot([Curve([0, 10], [0.0, 1.0], "blue")], 24, 6, axis=("100", "4,000 rows"))
    assert named.plain.splitlines()[-1] == "    100       4,000 rows"


@given(
    st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=200),
    st.integers(10, 200),
    st.integers(3, 40),
    st.integers(0, 500),
)
def test_any_curve_fits_its_width_and_height(values: list[float], width: int, height: int, last: int) -> None:
    curve = Curve(list(range(1, len(values) + 1)), values, "blue")
    lines = plot([curve, Curve([], [], "red", marked=True)], width, height, last_step=last).plain.splitlines()
    assert len(lines) == height
    margin = max(len(line) - len(line.lstrip()) for line in lines)
    assert max(map(len, lines[:-1])) <= max(width, margin + 12)
    assert any(character > "\u2800" for line in lines for character in line)
