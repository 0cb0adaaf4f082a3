import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF

from luthier.metrics.bootstrap import resample_counts, score
from luthier.metrics.translation import bleu_tokenizer, signatures, translation_metrics

SENTENCE = st.lists(st.sampled_from(["a", "der", "Hund,", "läuft", "über", "die", "3.5", "(x)", "ab"]), max_size=9)
TEXT = SENTENCE.map(" ".join)
CASES = st.lists(st.tuples(TEXT, st.lists(TEXT, min_size=1, max_size=3)), min_size=1, max_size=8)


def values(metrics):
    return {metric.name: float(metric.on(np.ones((1, metric.n)))[0]) for metric in metrics}


def transposed(references):
    """As sacreBLEU takes them: the first of each, the second of each; None where there is none."""
    most = max(map(len, references))
    return [[several[at] if at < len(several) else None for several in references] for at in range(most)]


def theirs(predictions, references, tokenizer="13a"):
    references = transposed(references)
    bleu = BLEU(tokenize=tokenizer).corpus_score(predictions, references).score
    return {"bleu": bleu, "chrf": CHRF().corpus_score(predictions, references).score}


@given(CASES)
def test_equal_to_sacrebleu(cases):
    predictions, references = [p for p, _ in cases], [r for _, r in cases]
    found = values(translation_metrics(predictions, references))
    assert found == pytest.approx(theirs(predictions, references), rel=1e-9, abs=1e-9)


@given(st.lists(st.tuples(st.text(max_size=20), st.lists(st.text(max_size=20), min_size=1, max_size=2)), min_size=1))
def test_equal_to_sacrebleu_on_any_text(cases):
    predictions, references = [p for p, _ in cases], [r for _, r in cases]
    found = values(translation_metrics(predictions, references, "de"))
    assert found == pytest.approx(theirs(predictions, references), rel=1e-9, abs=1e-9)


def test_every_resample_equals_sacrebleu_on_its_sentences():
    rng = np.random.default_rng(0)
    vocabulary = np.array(["ein", "Mann", "mit", "Hut", "geht", "über", "die", "Straße", "."])
    references = [
        [" ".join(rng.choice(vocabulary, rng.integers(1, 9))) for _ in range(rng.integers(1, 4))] for _ in range(25)
    ]
    predictions = [" ".join(w for w in several[0].split() if rng.random() < 0.8) for several in references]
    (counts,) = resample_counts(25, 30, 0)
    ours = {metric.name: metric.on(counts) for metric in translation_metrics(predictions, references)}
    for row in range(30):
        drawn = np.repeat(np.arange(25), counts[row].astype(int))
        expected = theirs([predictions[i] for i in drawn], [references[i] for i in drawn])
        assert {name: found[row] for name, found in ours.items()} == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_by_hand():
    # BLEU: 4/4, 3/3, 2/2, 1/1 right, 4 words for 5: exp(1 - 5/4).
    assert values(translation_metrics(["a b c d"], [["a b c d e"]]))["bleu"] == pytest.approx(100 * np.exp(-0.25))
    # chrF: characters 2/2 and 2/3, pairs 1/1 and 1/2, the reference's triple has no counterpart.
    precision, recall = 1, (2 / 3 + 1 / 2) / 2
    expected = 100 * 5 * precision * recall / (4 * precision + recall)
    assert values(translation_metrics(["a b"], [["abc"]]))["chrf"] == pytest.approx(expected)


def test_perfect_and_hopeless():
    text = ["ein Mann geht über die Straße"]
    assert values(translation_metrics(text, [text])) == pytest.approx({"bleu": 100, "chrf": 100})
    assert values(translation_metrics(["qqq"], [text])) == {"bleu": 0, "chrf": 0}
    assert values(translation_metrics([""], [text])) == {"bleu": 0, "chrf": 0}
    assert [score(metric).value for metric in translation_metrics([], [])] == [None, None]


def test_an_example_without_reference_is_refused():
    with pytest.raises(ValueError, match="prediction 1 has no reference"):
        translation_metrics(["a", "b"], [["a"], []])


@pytest.mark.parametrize(
    ("language", "tokenizer"),
    [
        ("de", "13a"),
        ("German", "13a"),
        ("zh", "zh"),
        ("zh_CN", "zh"),
        ("zho_Hans", "zh"),
        ("Chinese (traditional)", "zh"),
        ("ja", "char"),
        ("ja_XX", "char"),
        ("ko-KR", "char"),
        ("tha_Thai", "char"),
    ],
)
def test_tokenizer_of_a_language(language, tokenizer):
    references = [["Hund 我爱北京 コーヒー"]]
    assert bleu_tokenizer(references, language) == tokenizer
    predictions = ["Hund 我爱南京 コーヒ"]
    found = values(translation_metrics(predictions, references, language))
    assert found == pytest.approx(theirs(predictions, references, tokenizer))
    assert f"|tok:{tokenizer}|" in signatures(references, language)["bleu"]


@pytest.mark.parametrize(
    ("reference", "tokenizer"),
    [("Der Hund.", "13a"), ("我爱北京", "zh"), ("私はコーヒーが好き", "char"), ("개가 달린다", "13a"), ("", "13a")],
)
def test_without_a_language_the_letters_decide(reference, tokenizer):
    assert bleu_tokenizer([[reference]]) == tokenizer


@pytest.mark.parametrize("references", [[["a"], ["b"]], [["a", "b"], ["c", "d"]], [["a"], ["b", "c"], ["d", "e", "f"]]])
def test_signatures_are_those_of_sacrebleu(references):
    expected = {}
    for name, metric in (("bleu", BLEU()), ("chrf", CHRF())):
        metric.corpus_score(["x"] * len(references), transposed(references))
        expected[name] = str(metric.get_signature())
    assert signatures(references) == expected
    assert "nrefs:1|" in signatures([])["bleu"]
