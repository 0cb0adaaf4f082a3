"""The page of a comparison of tokenizers."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from luthier.errors import ResourceError
from luthier.tokenizers.advice import advise
from tests.reporting.tokenizers.made import COMPARISON, WORD


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp("page") / "tokenizers.html"
    COMPARISON.write_page(file, "luthier tokenizer compare <a.csv>")
    return file.read_text(encoding="utf-8")


def body(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page[page.index("<main") : page.index("</main>")]).split())


def test_the_page_answers_first_and_ends_with_how_to_redo_it(page: str) -> None:
    text = body(page)
    assert text.startswith("Best for a new model: unigram. No unknown words,")
    assert text.index("keep its own tokenizer") < text.index("What to do next") < text.index("Vocabulary and tokens")
    assert "luthier train a.csv --model minilm" in text and "luthier tokenizer compare &lt;a.csv&gt;" in text
    assert "['word', 'unigram', 'minilm']" in text.replace("&#39;", "'")


def test_sentences_are_cut_in_colours(page: str) -> None:
    assert '<span class="turn-1" title="1: prime, id 1">prime</span>' in page
    assert '<span class="special" title="2: [UNK], id 2">[UNK]</span>' in page
    assert page.count("8 tokens") == 1


def test_data_is_escaped_and_no_address_is_asked(page: str) -> None:
    assert "<script>alert" not in page and "<wait>" not in page
    assert "default-src &#39;none&#39;" in page or "default-src 'none'" in page
    assert "https://" not in body(page)


def test_charts_have_lengths_and_vocabularies(page: str) -> None:
    uses, lengths = re.findall(r'class="spec">(.*?)</script>', page, re.DOTALL)
    assert '{"name":"minilm","part":"unused","amount":26617,"place":1}' in uses
    assert '{"name":"word","p5":8.0,"p25":14.0,"median":19.0,"p75":26.0,"p95":40.0}' in lengths


def test_without_a_command_or_a_reason_their_parts_are_left_out(tmp_path: Path) -> None:
    alone = [COMPARISON.tokenizers[1]]
    plain = replace(COMPARISON, tokenizers=alone, sentences=[], advice=advise(alone, "t", "encoder"))
    plain.write_page(tmp_path / "p.html")
    text = body((tmp_path / "p.html").read_text(encoding="utf-8"))
    assert "Why not the others" not in text and "What stands out" not in text and "Command" not in text


def test_a_page_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(ResourceError):
        replace(COMPARISON, tokenizers=[WORD]).write_page(tmp_path / "file" / "p.html")
