"""One self-contained page: its scripts and its style are within, and no data becomes markup."""

import base64
import hashlib
import json
import re
from typing import Any

import pytest
from jinja2 import UndefinedError

from luthier.reporting.drawing.intervals import Scale, mark
from luthier.reporting.panels import Score
from luthier.reporting.render import render, vega_bundle
from tests.reporting.conftest import HOSTILE

RUN = {"key": "A", "name": "first", "place": 0}


def page(charts: bool = False, **given: Any) -> str:
    """A comparison of one run, the smallest page there is."""
    values: dict[str, Any] = {"headline": "Nothing", "contenders": [RUN]}
    values |= {"notes": [], "tables": [], "recipes": [], "curves": [], "several": False, "remarks": []}
    return render("comparison.html", charts=charts, **values | given)


def parts(content: str, tag: str) -> list[str]:
    return re.findall(f"<{tag}>(.*?)</{tag}>", content, re.DOTALL)


def test_the_chart_library_is_there_only_where_there_are_charts() -> None:
    (own,), both = parts(page(), "script"), parts(page(charts=True), "script")
    assert both == [vega_bundle(), own]
    assert len(own) < 20_000 and len(vega_bundle()) > 500_000


def digests(content: str, tag: str) -> list[str]:
    made = [base64.b64encode(hashlib.sha256(part.encode()).digest()).decode() for part in parts(content, tag)]
    return [f"'sha256-{digest}'" for digest in made]


@pytest.mark.parametrize("charts", [False, True])
def test_the_policy_names_the_digest_of_each_script_and_style_and_nothing_else(charts: bool) -> None:
    content = page(charts)
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', content)
    rules = dict(rule.strip().split(" ", 1) for rule in policy.replace("&#39;", "'").split(";"))
    for tag, name in (("script", "script-src"), ("style", "style-src")):
        assert rules[name].split() == digests(content, tag)
    assert (rules["default-src"], rules["base-uri"], rules["form-action"]) == ("'none'", "'none'", "'none'")


def test_data_never_becomes_markup() -> None:
    content = page(headline=HOSTILE, notes=[HOSTILE])
    assert "<img" not in content and "{{ 7 * 7 }}" in content
    assert len(parts(content, "script")) == 1


def test_the_numbers_and_intervals_of_a_headline_are_not_broken_into_lines() -> None:
    said = "Loss 2.100 (2.050-2.150) on 1,000 rows, -0.45 to 0.050 apart, not 3rd of TF-IDF & <b>"
    (headline,) = re.findall(r'<h1 id="answer">(.*?)</h1>', page(headline=said))
    assert re.findall(r'<span class="unbroken">(.*?)</span>', headline) == [
        "2.100", "(2.050-2.150)", "1,000", "-0.45 to 0.050", "3", "TF-IDF",
    ]  # fmt: skip
    assert re.sub("</?span[^>]*>", "", headline) == said.replace("&", "&amp;").replace("<b>", "&lt;b&gt;")


def test_a_value_that_a_template_names_and_nobody_gives_is_an_error() -> None:
    with pytest.raises(UndefinedError, match="several"):
        render("comparison.html", charts=False, headline="", contenders=[RUN], notes=[])


def test_scores_in_cells_have_the_digits_of_their_metric() -> None:
    scale, score = Scale(0.0, 60.0), Score(27.413, 26.94, 28.02)
    entry = {"contender": RUN, "score": score, "n": 1000, "drawing": mark(scale, score), "difference": None}
    table = {"metric": "bleu", "words": "bleu", "scale": scale, "entries": [entry]}
    content = page(tables=[table])
    assert "<strong>27.4</strong>" in content and "(26.9-28.0)" in content and "1,000" in content
    assert 'cx="55.2"' in content  # 4 + 112 * 27.413 / 60


class Drawn:
    """Stands for a figure."""

    title, caption, wide = "Loss", "", False

    def spec(self) -> dict[str, str]:
        return {"description": f"Größe {HOSTILE}"}


def test_the_specification_of_a_chart_is_json_that_cannot_end_its_script() -> None:
    content = page(curves=[Drawn()])
    (spec,) = re.findall(r'<script type="application/json" class="spec">(.*?)</script>', content, re.DOTALL)
    assert json.loads(spec) == Drawn().spec()
    assert "Größe" in spec and "<" not in spec
