"""The page of a trace: one file of a bounded size for every family, in which no text becomes markup."""

import base64
import json
import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from lxml import html

from luthier.cli import main
from luthier.reporting.drawing import heat
from luthier.reporting.drawing.links import MOST
from luthier.reporting.traces.page import write_page
from luthier.reporting.traces.trace import Trace
from tests.reporting.conftest import HOSTILE
from tests.reporting.test_render import digests, parts
from tests.reporting.traces.made import made, traced

HEADS = {
    "SequenceClassification": "DistilBERT",
    "TokenClassification": "BERT",
    "QuestionAnswering": "BERT",
    "CausalLM": "GPT-2",
    "Seq2SeqLM": "T5",
}


def read(trace: Trace, folder: Path, command: str = "") -> Any:
    content = write_page(folder / "trace.html", trace, command).read_text(encoding="utf-8")
    return html.document_fromstring(content, parser=html.HTMLParser(huge_tree=True))


def words(element: Any) -> str:
    return " ".join(element.text_content().split())


def values(document: Any) -> Any:
    return json.loads(document.xpath("//script[@id='values']")[0].text)


@pytest.mark.parametrize(("head", "name"), [*HEADS.items(), ("Seq2SeqLM", "BART"), ("CausalLM", "LLaMA")])
def test_every_family_has_a_page(head: str, name: str, tmp_path: Path) -> None:
    document = read(traced(name, head, tmp_path / "model"), tmp_path)
    sections = [section.get("id") for section in document.xpath("//main/section[@id]")]
    optional = {
        "writing": head in ("CausalLM", "Seq2SeqLM"),
        "strips": head in ("TokenClassification", "QuestionAnswering"),
    }
    asked = ["way", "tokens", "hidden", "attention", "writing", "strips", "scores", "redo"]
    assert sections == [one for one in asked if optional.get(one, True)]
    levels = [
        int(heading.tag[1]) for heading in document.xpath("//main//*[self::h1 or self::h2 or self::h3 or self::h4]")
    ]
    assert levels[0] == 1 and all(after - before <= 1 for before, after in pairwise(levels))
    assert len(document.xpath("//svg[@class='picture']")) == 2
    found = values(document)
    sides = ["encoder", "decoder"] if head == "Seq2SeqLM" else [""]
    assert [stack["name"] for stack in found["hidden"]] == sides
    kinds = ["encoder attention", "decoder attention", "cross-attention"] if head == "Seq2SeqLM" else ["attention"]
    assert [one["name"] for one in found["attention"]] == kinds
    assert sum(found["sequences"][1]["padding"]) > 0


def test_a_long_text_keeps_the_strongest_links_below_5_MB(tmp_path: Path) -> None:
    trace = made(512, layers=30, heads=9)
    document = read(trace, tmp_path)
    assert (tmp_path / "trace.html").stat().st_size < 5_000_000
    (links,) = values(document)["attention"]
    assert (links["kept"], links["wide"]) == (MOST, True)
    assert "at most 8" in words(document.xpath("//section[@id='attention']")[0])
    assert len(base64.b64decode(links["to"])) == 2 * 30 * 9 * 512 * 8


@pytest.mark.parametrize(
    ("room", "said"),
    [(1000, "at most 2 here instead of 8, so that it stays below 5 MB"), (100, "the input is too long for a page")],
)
def test_where_eight_links_do_not_fit_fewer_are_kept(
    room: int, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trace = made(40)
    monkeypatch.setattr(heat, "TABLES", 0)
    monkeypatch.setattr(heat, "ROOM", len(json.dumps(heat.hidden(trace))) + room)
    assert said in words(read(trace, tmp_path).xpath("//section[@id='attention']")[0])


def test_the_best_answers_to_a_question_and_the_spans_of_a_tagger(tmp_path: Path) -> None:
    best = [{"text": "Ada", "start": 1200, "score": 0.75}, {"text": "Ada L", "start": 1200, "score": 0.25}]
    spans = [{"type": "person", "text": "Ada", "score": 0.5}]
    for answer, row in (
        ({"prediction": "Ada", "score": 0.75, "n_best": best}, ["Ada", "1,200", "0.750"]),
        ({"prediction": spans, "score": 0.5}, ["Ada", "person", "0.500"]),
    ):
        document = read(replace(made(), answers=[answer]), tmp_path)
        first = document.xpath("//section[@id='scores']//tbody/tr")[0]
        assert [words(cell) for cell in first if words(cell)] == row


def test_no_text_becomes_markup_and_nothing_is_asked_of_the_network(tmp_path: Path) -> None:
    trace = made(word=HOSTILE)
    hostile = replace(trace, answers=[{"prediction": HOSTILE, "score": 0.6, "scores": {HOSTILE: 0.6, "b": 0.4}}])
    document = read(hostile, tmp_path, f"luthier trace m {HOSTILE}")
    assert not document.xpath("//img") and not document.xpath("//*[@style or @*[starts-with(name(), 'on')]]")
    assert len(document.xpath("//script[not(@type)]")) == 2
    assert not [link for link in document.xpath("//@href | //@src") if not link.startswith(("#", "data:"))]
    assert values(document)["sequences"][0]["read"][1] == HOSTILE
    assert words(document.xpath("//section[@id='redo']//pre")[0]).startswith("luthier trace m <script>")


def test_the_policy_allows_the_scripts_and_the_style_of_the_page(tmp_path: Path) -> None:
    content = write_page(tmp_path / "trace.html", made()).read_text(encoding="utf-8")
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', content)
    assert len(parts(content, "script")) == 2
    assert all(
        digest in policy.replace("&#39;", "'") for tag in ("script", "style") for digest in digests(content, tag)
    )


def test_the_tables_have_the_figures_without_a_script(tmp_path: Path) -> None:
    document = read(made(unread=3), tmp_path)
    assert words(document.xpath("//h1")[0]) == "The model answers “good” with a probability of 88.1 %."
    assert "3 tokens cut off" in words(document.xpath("//section[@id='tokens']")[0])
    tables = [
        [[words(cell) for cell in row if words(cell)] for row in table.xpath(".//tbody/tr")]
        for table in document.xpath("//section[@id='scores']//table")
    ]
    assert tables[0] == [["good", "2.000", "0.881"], ["bad", "0.000", "0.119"]]
    assert tables[1][:2] == [["embeddings", "1.0 ms"], ["layer 1", "layers.0", "2.0 ms"]]
    assert tables[2][1:] == [
        ["layers.0 to 1", "2 x Layer", "128", "512 bytes"],
        ["head", "Linear, shared with embeddings", "16", "64 bytes"],
    ]


def test_a_long_table_of_tokens_is_folded(tmp_path: Path) -> None:
    for n, opened in ((4, 1), (100, 0)):
        document = read(made(n), tmp_path)
        assert len(document.xpath("//section[@id='tokens']//details[@open]")) == opened


def test_the_snippet_gives_the_same_inputs(tmp_path: Path) -> None:
    trace = made()
    one = words(read(trace, tmp_path).xpath("//section[@id='redo']//pre")[0])
    assert "luthier.trace('m', 'word word word word')" in one
    row = replace(trace.inputs[0], values={"tokens": ["a", "b"]}, cuts={})
    two = words(read(replace(trace, inputs=[row]), tmp_path).xpath("//section[@id='redo']//pre")[0])
    assert "luthier.trace('m', {'tokens': ['a', 'b']})" in two


def test_the_command_writes_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setattr("luthier.api.trace.trace", lambda *_, **__: made())
    file = tmp_path / "trace.html"
    words_of = ["trace", "m", "two words", "--output", str(file)]
    monkeypatch.setattr("sys.argv", ["/somewhere/luthier", *words_of])
    assert main(words_of) == 0
    assert capsys.readouterr().out.endswith(f"page    {file}\n")
    document = html.parse(file).getroot()
    assert words(document.xpath("//section[@id='redo']//pre")[0]) == f"luthier trace m 'two words' --output {file}"
