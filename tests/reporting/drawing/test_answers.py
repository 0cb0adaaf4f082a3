import json

import pytest

from luthier.reporting.panels import Mark, Pair, Series, SideBySide, Table
from tests.reporting.conftest import ARABIC, HOSTILE
from tests.reporting.test_page import read, words
from tests.reporting.words import write_report

POEM = "  two  blanks\n\nand\tlines\n" + HOSTILE


def pair(prediction="Paris", gold=("Paris",), marks=(), text="Anna lives in Paris.", **given):
    return Pair([("question", "Where?"), ("context", text)], list(gold), prediction, 0.5, "x.json", 3, marks, **given)


def panel(*pairs, **given):
    return SideBySide(list(pairs), given.pop("total", len(pairs)), "Errors", score_name="confidence", **given)


@pytest.fixture
def draw(make_run):
    """The sections of panels on the page of a run."""

    def drawn(*panels):
        document, content = read(write_report(make_run(upto="recipe"), panels))
        return document.xpath("//section[@class='panel']"), content

    return drawn


def test_answers_stand_side_by_side_with_marks_in_the_text(draw):
    marks = [Mark(14, 19, "gold", "LOC"), Mark(0, 4, "predicted", "PER"), Mark(14, 19, "predicted", "LOC")]
    (section,), _ = draw(
        panel(pair(marks=marks), pair("", (), marks=[Mark(0, 4, "gold", "PER")]), total=9, nothing="no entity")
    )
    first, second = section.xpath(".//article")
    marked = [(mark.get("class"), mark.text) for mark in first.xpath(".//mark")]
    assert marked == [("predicted", "Anna"), ("both", "Paris")]
    assert [words(tag) for tag in first.xpath(".//bdi[contains(@class,'tag')]")] == [
        "PER (predicted)", "LOC (reference and predicted)",
    ]  # fmt: skip
    assert words(first.xpath(".//header")[0]) == "confidence 0.500 x.json, row 3"
    assert [words(side) for side in first.xpath(".//div[contains(@class,'side')]")] == [
        "reference Paris",
        "model Paris",
    ]
    assert [words(side) for side in second.xpath(".//div[contains(@class,'side')]")] == [
        "reference no entity", "model no entity",
    ]  # fmt: skip
    assert words(section.xpath(".//p[@class='legend']")[0]) == "Marked: reference predicted both"
    assert "9 rows, 2 shown." in words(section)
    # Filtered by the labels of the marks: LOC is 0, PER is 1.
    assert [option.text for option in section.xpath(".//select[@name='gold']/option")] == ["all", "LOC", "PER"]
    assert (first.get("data-gold"), first.get("data-prediction")) == ("0", "0 1")
    assert (second.get("data-gold"), second.get("data-prediction")) == ("1", "")


def test_marks_that_overlap_keep_the_text_and_the_markup_whole(draw):
    marks = [Mark(0, 13, "gold", "A"), Mark(5, 19, "predicted", "B"), Mark(8, 10, "both", "<C>"), Mark(15, 99, "gold")]
    (section,), content = draw(panel(pair(marks=marks)))
    (text,) = section.xpath(".//p[@class='text'][.//mark]")
    assert "".join(text.xpath(".//text()[not(ancestor::bdi)]")) == "Anna lives in Paris."
    innermost = text.xpath(".//mark[not(mark)]")
    assert [(mark.text, len(mark.xpath("ancestor-or-self::mark"))) for mark in innermost] == [
        ("Anna ", 1), ("liv", 2), ("es", 3), (" in", 2), (" Paris", 1),
    ]  # fmt: skip
    assert content.count("<mark") == content.count("</mark>") and "<C>" not in content


def test_what_is_generated_keeps_its_white_space_and_never_becomes_markup(draw):
    (section,), content = draw(panel(pair(POEM, [ARABIC, "second right answer", ""], text=HOSTILE), pair(" \n ")))
    texts = section.xpath(".//div[contains(@class,'predicted')]//p[@class='text']")
    assert texts[0].text_content() == POEM and not len(texts[0])
    assert all(text.get("dir") == "auto" for text in section.xpath(".//p[@class='text']"))
    assert not section.xpath(".//img | .//script | .//b")
    (right,) = section.xpath(".//article[1]//div[@class='side gold']")
    assert words(right) == f"references (2) {ARABIC} second right answer"
    assert words(section.xpath(".//article[2]//div[contains(@class,'predicted')]")[0]).endswith(
        "3 characters of whitespace"
    )
    assert " 49 " not in content


def test_many_pairs_share_the_room_of_the_page(draw):
    pairs = [pair("word " * 4000, ["right " * 3000], text="long " * 4000, marks=[Mark(9000, 9004, "gold")])] * 150
    (section,), content = draw(panel(*pairs, total=3000))
    assert len(section.xpath(".//article")) == 100 and len(content) < 900_000
    assert "3,000 rows, 100 shown." in words(section)
    assert "Truncated on this page: 1,250 of 20,000 characters shown." in words(section)
    assert section.xpath("(.//article)[1]//summary//mark") and section.xpath("(.//article)[1]//p//mark")


def test_nothing_to_read(draw):
    (section,), _ = draw(panel())
    assert words(section).endswith("There are no such rows.")


def test_series_in_the_order_of_the_steps_with_the_first_and_the_last_open(draw):
    steps = [300, 0, 100, 200]
    one = Series("Samples", steps, [f"text of {step}\n  indented" for step in steps], asked="Once upon", note="Why.")
    other = Series("Samples", [0], [""], asked="")
    sections, _ = draw(one, other, Table("Then", ("a",), [("b",)]), other)
    assert [words(title) for title in sections[0].xpath("./h3")] == ["Samples"]
    first, second = sections[0].xpath("./article")
    assert [words(key) for key in first.xpath("./div/span[@class='key']")] == ["asked", "step 0", "step 300"]
    (between,) = first.xpath("./details")
    assert words(between.xpath("./summary")[0]) == "2 evaluations in between (steps 100 to 200)"
    assert [words(key) for key in between.xpath(".//span[@class='key']")] == ["step 100", "step 200"]
    assert first.xpath("./div[2]//p[@class='text']")[0].text == "text of 0\n  indented"
    assert words(second) == "step 0 empty"
    assert [words(section.xpath("./h3")[0]) for section in sections] == ["Samples", "Then", "Samples"]


def test_of_many_evaluations_some_are_shown(draw):
    steps = list(range(0, 1000, 10))
    (section,), _ = draw(Series("Samples", steps, [str(step) for step in steps]))
    assert words(section.xpath(".//summary")[0]) == "10 evaluations in between (steps 10 to 910); 88 more not shown"


def test_a_run_that_goes_on_shows_its_samples(make_run):
    from luthier.api.report import report

    run = make_run(upto="data")
    sample = {"row": 4, "asked": {"prompt": "Once"}, "text": HOSTILE}
    run.samples_file.write_text("".join(json.dumps(sample | {"step": step}) + "\n" for step in (0, 10)))
    document, _ = read(report(run.path))
    (strand,) = document.xpath("//article[@class='strand']")
    assert words(strand).startswith(f"asked Once step 0 {HOSTILE} step 10") and not strand.xpath(".//img")
    assert "Samples during training" in words(document.xpath("//section[@id='evidence']")[0])
