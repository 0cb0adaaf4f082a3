"""What a result shows fits a terminal and a notebook, and cannot break out of the notebook's page."""

import re

from luthier.reporting.terminal.display import WIDTH, Fields, Grid, as_html, as_text

LONG = "word " * 40
PIECES = [
    "a line",
    Fields([("name", "value"), ("a longer name", LONG), ("empty", "")]),
    Grid(["label", "rows"], [["a", "1"], ["x" * 200, "20"]], numbers=(1,)),
]


def test_text_is_at_most_80_columns_wide() -> None:
    shown = as_text(PIECES)
    assert 75 <= max(map(len, shown.splitlines())) <= WIDTH == 80
    assert shown.splitlines()[:2] == ["a line", "name           value"]
    assert re.search(r"^a longer name  word word", shown, re.MULTILINE)
    assert re.search(r"^ {15}word word", shown, re.MULTILINE), "wrapped lines are indented"
    assert not re.search(r"[ \t]$|\n\n\n|\x1b", shown, re.MULTILINE)


def test_a_path_is_never_broken() -> None:
    path = "/runs/" + "x" * 100
    assert path in as_text([Fields([("report", path)])])


def test_html_is_escaped() -> None:
    evil = "<script>alert('&')</script>"
    shown = as_html([evil, Fields([(evil, evil)]), Grid([evil], [[evil]])])
    assert "<script" not in shown
    assert shown.count("&lt;script&gt;alert(&#x27;&amp;&#x27;)") == 5


def test_numbers_are_aligned_to_the_right() -> None:
    assert as_html([PIECES[2]]).count('text-align:right">20<') == 1
    assert re.search(r"^ a +1$", as_text([PIECES[2]]), re.MULTILINE)


def test_words_in_a_table_are_not_broken() -> None:
    label = "Landwirtschaftsministerium/Umweltverschmutzung"
    shown = as_text(
        [Grid(["label", "rows", "what it says"], [[label, "1,234", "a long text of many words " * 4]], (1,))]
    )
    assert label in shown
    assert {word for line in shown.splitlines() for word in line.split()} >= {"label", "1,234", "words"}
    endless = as_text([Grid(["label", "rows"], [["x" * 500, "1"]])])
    assert max(map(len, endless.splitlines())) < 100, "what is no word is broken"
