from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer

from luthier.metrics.bootstrap import score
from luthier.metrics.overlap import (
    ROUGE,
    lead_length,
    lead_sentences,
    rouge_metrics,
    rouge_tokens,
    sentence_spans,
    words,
)

SENTENCE = st.lists(st.sampled_from(["the", "cat", "sat", "Dog", "ran", "on", "it's"]), min_size=1, max_size=6)
TEXT = st.lists(SENTENCE.map(lambda tokens: " ".join(tokens).capitalize() + "."), max_size=3)


def values(metrics):
    return {metric.name: float(metric.on(np.ones((1, metric.n)))[0]) for metric in metrics}


def sentences(text):
    return [text[start:end] for start, end in sentence_spans(text)]


@given(st.lists(st.tuples(TEXT, st.lists(TEXT, min_size=1, max_size=3)), min_size=1, max_size=4))
def test_equal_to_rouge_score_on_sentences_that_are_known(cases):
    scorer = RougeScorer(list(ROUGE))
    expected = {name: [] for name in ROUGE}
    for prediction, references in cases:
        by_reference = [scorer.score("\n".join(reference), "\n".join(prediction)) for reference in references]
        for name in ROUGE:
            expected[name].append(max(found[name].fmeasure for found in by_reference))
    predictions = [" ".join(prediction) for prediction, _ in cases]
    references = [[" ".join(reference) for reference in several] for _, several in cases]
    found = values(rouge_metrics(predictions, references))
    assert found == pytest.approx({name: np.mean(parts) for name, parts in expected.items()})


def test_by_hand():
    # One-grams: 3 of 4 and of 5. Two-grams: 1 (the cat) of 3 and of 4. Longest subsequence: the cat ran.
    found = values(rouge_metrics(["The cat ran home"], [["the cat, he ran!"]], ("rouge1", "rouge2", "rougeL")))
    assert found == pytest.approx({"rouge1": 6 / 8, "rouge2": 2 / 6, "rougeL": 6 / 8})


def test_sentences_in_another_order_lower_only_the_subsequence_of_the_whole():
    found = values(rouge_metrics(["It rained. Dogs barked."], [["Dogs barked. It rained."]]))
    assert found == pytest.approx({"rouge1": 1, "rouge2": 2 / 3, "rougeL": 1 / 2, "rougeLsum": 1})


def test_best_reference_for_each_metric():
    found = values(rouge_metrics(["a b c d"], [["d c b a", "a b x y"]], ("rouge1", "rouge2")))
    assert found == pytest.approx({"rouge1": 1, "rouge2": 1 / 3})


def test_mean_and_interval():
    metrics = rouge_metrics(["a", "b", "c", "d"], [["a"], ["b"], ["c"], ["x"]])
    assert [metric.name for metric in metrics] == list(ROUGE)
    found = score(metrics[0])
    assert (found.value, found.n) == (0.75, 4)
    assert (found.low, found.high) == pytest.approx((0.3006, 0.9544), abs=1e-4)  # Wilson: each row is 0 or 1


def test_examples_without_references_and_no_examples():
    assert values(rouge_metrics(["", "a", " !"], [[], [], []], ["rougeL"])) == pytest.approx({"rougeL": 2 / 3})
    assert [score(metric).value for metric in rouge_metrics([], [])] == [None] * 4


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("The cat sat on the mat. It's café time.", "ascii"),
        ("Der Mann geht mit seinem Hund über die Straße und kauft auf dem Markt Äpfel", "ascii"),
        ("La ministre a présenté le projet de loi, que les députés doivent voter avant la fin de l'année", "ascii"),
        ("Мужчина идёт по улице", "words"),
        ("一个男人在街上", "words"),
        ("Người đàn ông đi bộ trên phố", "words"),
        ("Mężczyzna idzie przez ulicę ze swoim psem i kupuje jabłka", "words"),
        ("", "ascii"),
        ("!!!", "ascii"),
    ],
)
def test_what_rouge_is_computed_on(text, kept):
    assert rouge_tokens([[text]]) == kept


def test_scripts_that_rouge_score_drops():
    assert RougeScorer(["rouge1"]).score("кот спит", "кот спит")["rouge1"].fmeasure == 0
    found = values(rouge_metrics(["кот спит", "我爱北京"], [["Кот не спит"], ["我去北京"]], ("rouge1", "rougeL")))
    assert found == pytest.approx({"rouge1": (4 / 5 + 3 / 4) / 2, "rougeL": (4 / 5 + 3 / 4) / 2})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Don't PANIC, 42 times_over!", ["don", "t", "panic", "42", "times", "over"]),
        ("Straße über e\u0301te\u0301", ["straße", "über", "e\u0301te\u0301"]),
        ("हिन्दी भाषा", ["हिन्दी", "भाषा"]),  # vowel signs are marks, no letters
        ("مرحبا بالعالم", ["مرحبا", "بالعالم"]),
        ("我在2024年", ["我", "在", "2024", "年"]),
        ("コーヒーを", ["コ", "ー", "ヒ", "ー", "を"]),
        ("안녕 하세요", ["안녕", "하세요"]),
        ("สวัสดี", ["ส", "วั", "ส", "ดี"]),
        ("🙂 …", []),
    ],
)
def test_words(text, expected):
    assert words(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two! Three? Four", ["One.", "Two!", "Three?", "Four"]),
        ("Dr. Smith met J. F. Kennedy. They left.", ["Dr. Smith met J. F. Kennedy.", "They left."]),
        ("Is it so? No. Then go.", ["Is it so?", "No.", "Then go."]),
        ('"Why?" he said. "Go!" She went.', ['"Why?" he said.', '"Go!"', "She went."]),
        ("It costs 3.50 at a.com, e.g. Wait... what?", ["It costs 3.50 at a.com, e.g. Wait... what?"]),
        (" A line\n\nanother \r\n", ["A line", "another"]),
        ("今日は。明日は\uff01「はい。」終わり", ["今日は。", "明日は\uff01", "「はい。」", "終わり"]),
        ("एक। दो।", ["एक।", "दो।"]),
        ("", []),
        (" \n ", []),
        ("...", ["..."]),
    ],
)
def test_sentences(text, expected):
    assert sentences(text) == expected


@given(st.text(alphabet="aB .!?\n。”", max_size=40))
def test_sentences_leave_out_nothing_but_blanks(text):
    spans = sentence_spans(text)
    assert "".join("".join(sentences(text)).split()) == "".join(text.split())
    assert all(start < end for start, end in spans)
    assert all(before[1] <= after[0] for before, after in pairwise(spans))


@pytest.mark.parametrize(
    ("piece", "n"), [("\n", 0), (" ", 0), (".", 1), ('."', 1), ("a", 1), ("A. ", 1), (". ", 50_000), ("a b\n", 50_000)]
)
def test_long_texts_of_one_kind_take_no_time(piece, n):
    # One of them took minutes when the character after each stop was looked for by a pattern.
    assert len(sentence_spans(piece * 50_000)) == n


def test_lead_sentences():
    documents = ["A one. B two.  C three.", "Only this", ""]
    assert lead_sentences(documents, 2) == ["A one. B two.", "Only this", ""]
    assert lead_sentences(documents, 9) == ["A one. B two.  C three.", "Only this", ""]


def test_turns_of_a_dialogue_are_its_sentences():
    dialogue = "#Person1#: Hello. How are you?\n#Person2#: Fine! And you?\n#Person1#: Good."
    assert lead_sentences([dialogue], 1) == ["#Person1#: Hello. How are you?"]
    chat = "Anna Lee: Hi! You there?\r\nBob: Yes. Why?\r\n"
    assert lead_sentences([chat], 2) == ["Anna Lee: Hi! You there?\r\nBob: Yes. Why?"]
    prose = "Note: this is it. And more.\nThen more came. The end."
    assert lead_sentences([prose], 1) == ["Note: this is it."]


def test_lead_length():
    # Mean lead of 1, 2, 3 sentences: (2 + 1) / 2, (5 + 3) / 2, (9 + 3) / 2 words.
    documents = ["A one. B two three. C four five six.", "Dogs. E seven."]
    for summary, n in (("w " * 1, 1), ("w " * 2, 1), ("w " * 3, 2), ("w " * 4, 2), ("w " * 6, 3), ("w " * 99, 3)):
        assert lead_length(documents, [summary, summary]) == n
    assert lead_length([], []) == 1
    assert lead_length([""], ["a b"]) == 1
