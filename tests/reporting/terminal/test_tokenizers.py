"""A comparison of tokenizers as text."""

import io
from dataclasses import replace

from rich.console import Console

from luthier.reporting.terminal.display import show
from luthier.reporting.terminal.tokenizers import comparison_pieces, cut, measured_on, notes_on
from luthier.reporting.tokenizers.comparison import Rows
from tests.reporting.tokenizers.made import COMPARISON, MODEL, SENTENCE, UNIGRAM, WORD


def test_eight_tokenizers_fit_into_100_columns() -> None:
    many = replace(COMPARISON, tokenizers=[WORD, UNIGRAM, MODEL] * 2 + [replace(WORD, name="wordpiece-old"), UNIGRAM])
    stream = io.StringIO()
    show(comparison_pieces(many), Console(file=stream, width=100))
    lines = [line.rstrip() for line in stream.getvalue().splitlines()]
    assert max(map(len, lines)) <= 100
    text = "\n".join(lines)
    for said in ("7.0 %", "30,522", "1.30", "0.520", "100.0 %", "3.9 M", "over 512", "line breaks"):
        assert said in text
    assert text.rstrip().endswith("luthier train a.csv --model minilm")


def test_which_rows_were_measured_is_said() -> None:
    assert measured_on(COMPARISON) == "on 200 of 223 validation rows; trained on 1,779 other rows"
    whole = replace(COMPARISON, rows=Rows(40, 9, 9, "test"), tokenizers=[MODEL])
    assert measured_on(whole) == "on 9 test rows"


def test_unknown_words_and_the_hardest_label_are_named() -> None:
    assert notes_on(UNIGRAM) == []
    words, label = notes_on(WORD)
    assert words == "unknown words: Forsyth (22), <script>alert(1… (17)"
    many = replace(WORD.measures, unknown_words=[(f"w{i}", 9 - i) for i in range(5)])
    assert notes_on(replace(WORD, measures=many))[0] == "unknown words, such as w0 (9), w1 (8), w2 (7)"
    assert label == (
        "texts of 'tech & <b>' have 1.50 tokens per word and 20.0 % unknown words; all texts 1.20 and 7.0 %"
    )


def test_a_sentence_is_cut_with_bars_within_words() -> None:
    assert cut(SENTENCE.tokens["word"], [1, 2, 3]) == "The prime [UNK] <│wait│>"
    assert cut(SENTENCE.tokens["unigram"], [1, 2, 4]) == "The prime move│rs │<│wait│>"
    assert cut(SENTENCE.tokens["minilm"], []) == "the│prime│move│##rs│<│wait│>"
