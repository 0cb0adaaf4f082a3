"""Translation metrics: BLEU and chrF as computed by sacreBLEU, from 0 to 100, with its signatures.

Both are functions of summed n-gram counts. The counts are taken sentence by sentence with sacreBLEU; only the last
step, from sums to score, is implemented here, to compute a thousand resamples at once.
"""

from collections.abc import Sequence

import numpy as np
import regex

from luthier.arrays import FloatArray
from luthier.metrics.base import Bounds, Metric, ratio

_WORD_ORDER = 4  # maximum n-gram order of BLEU
_CHARACTER_ORDER = 6  # maximum n-gram order of chrF
_BETA = 2  # of chrF: recall is weighted by beta squared

# Languages without spaces between words, and Korean, for which sacreBLEU's own tokenizer needs MeCab.
_CHARACTERS = {"ja", "jpn", "japanese", "ko", "kor", "korean", "th", "tha", "lo", "lao", "km", "khm", "my", "mya"}
_CHINESE = {"zh", "zho", "cmn", "yue", "chinese"}
_HAN = regex.compile(r"\p{Han}")
_UNSPACED = regex.compile(r"[\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]")
_LETTER = regex.compile(r"\p{L}")


def translation_metrics(
    predictions: Sequence[str], references: Sequence[Sequence[str]], target_language: str = ""
) -> list[Metric]:
    """Compute BLEU and chrF.

    Args:
        predictions: `n` texts.
        references: One or several texts for each; their number may differ.
        target_language: Code or English name of the language, such as `de`, `zh_CN`, `Japanese`; it determines BLEU's
            tokenizer. Empty to detect the script from the references.
    """
    for row, several in enumerate(references):
        if not several:
            raise ValueError(f"prediction {row} has no reference")
    tokenizer, bounds = bleu_tokenizer(references, target_language), Bounds(len(predictions), best=100.0)
    return [
        Metric("bleu", _word_counts(predictions, references, tokenizer), _bleu, bounds=bounds),
        Metric("chrf", _character_counts(predictions, references), _chrf, bounds=bounds),
    ]


def signatures(references: Sequence[Sequence[str]], target_language: str = "") -> dict[str, str]:
    """sacreBLEU's signature of each metric, which is needed to compare scores."""
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.metrics.chrf import CHRF

    # Only the number of references affects the signature; None is a missing reference.
    numbers = sorted({len(several) for several in references})
    shape = [["" if at < number else None for number in numbers] for at in range(numbers[-1])] if numbers else [[""]]
    metrics = {
        "bleu": BLEU(tokenize=bleu_tokenizer(references, target_language), references=shape),  # type: ignore[arg-type]
        "chrf": CHRF(references=shape),  # type: ignore[arg-type]
    }
    return {name: metric.get_signature().format() for name, metric in metrics.items()}


def bleu_tokenizer(references: Sequence[Sequence[str]], target_language: str = "") -> str:
    """The name of sacreBLEU's tokenizer for a language: `13a`, `zh`, or `char`."""
    language = regex.split(r"[-_ (]", target_language.lower())[0]
    if language:
        return "zh" if language in _CHINESE else "char" if language in _CHARACTERS else "13a"
    text = "".join(reference for several in references for reference in several)
    han, unspaced = len(_HAN.findall(text)), len(_UNSPACED.findall(text))
    if 2 * (han + unspaced) <= len(_LETTER.findall(text)):
        return "13a"
    return "char" if unspaced else "zh"


def _word_counts(predictions: Sequence[str], references: Sequence[Sequence[str]], tokenizer: str) -> FloatArray:
    """Statistics of BLEU, `[n, 10]`: lengths of prediction and closest reference, matching and predicted n-grams."""
    from sacrebleu.metrics.bleu import BLEU

    # effective_order changes a sentence's score, not its counts; without it, sacreBLEU warns for each sentence.
    bleu = BLEU(tokenize=tokenizer, effective_order=True, max_ngram_order=_WORD_ORDER)
    counts = np.zeros((len(predictions), 2 + 2 * _WORD_ORDER))
    for row, prediction, several in zip(counts, predictions, references, strict=True):
        score = bleu.sentence_score(prediction, several)
        row[:] = [score.sys_len, score.ref_len, *score.counts, *score.totals]
    return counts


def _bleu(sums: FloatArray) -> FloatArray:
    """Corpus BLEU with sacreBLEU's default smoothing (`exp`): the k-th order without a match counts 1 / 2^k matches."""
    predicted, reference = sums[..., 0], sums[..., 1]
    right, total = sums[..., 2 : 2 + _WORD_ORDER], sums[..., 2 + _WORD_ORDER :]
    missed = right == 0
    precision = ratio(np.where(missed, 0.5 ** np.cumsum(missed, axis=-1), right), total, empty=1.0)
    brevity = np.exp(np.minimum(0.0, 1 - ratio(reference, predicted, empty=np.inf)))
    defined = (total > 0).all(-1) & ~missed.all(-1)
    return np.where(defined, 100 * brevity * np.exp(np.log(precision).mean(-1)), 0.0)


def _character_counts(predictions: Sequence[str], references: Sequence[Sequence[str]]) -> FloatArray:
    """Statistics of chrF, `[n, 18]`: predicted, reference, matching n-grams of each order, for the best reference."""
    from sacrebleu.metrics.helpers import extract_all_char_ngrams

    counts = np.zeros((len(predictions), 3 * _CHARACTER_ORDER))
    for row, prediction, several in zip(counts, predictions, references, strict=True):
        ours = extract_all_char_ngrams(prediction, _CHARACTER_ORDER)
        by_reference = np.zeros((len(several), _CHARACTER_ORDER, 3))
        for cells, reference in zip(by_reference, several, strict=True):
            for cell, a, b in zip(cells, ours, extract_all_char_ngrams(reference, _CHARACTER_ORDER), strict=True):
                # Orders for which the reference is too short do not count against the prediction.
                cell[:] = [a.total() if b else 0, b.total(), sum(min(n, b[key]) for key, n in a.items() if key in b)]
        flat = by_reference.reshape(len(several), -1)
        row[:] = flat[_chrf(flat).argmax()]
    return counts


def _chrf(sums: FloatArray) -> FloatArray:
    """chrF: the F-score of precision and recall, averaged over the orders for which both texts have n-grams."""
    predicted, reference, shared = np.moveaxis(sums.reshape(*sums.shape[:-1], _CHARACTER_ORDER, 3), -1, 0)
    orders = ((predicted > 0) & (reference > 0)).sum(-1)
    precision = ratio(ratio(shared, predicted, empty=0.0).sum(-1), orders, empty=0.0)
    recall = ratio(ratio(shared, reference, empty=0.0).sum(-1), orders, empty=0.0)
    factor = _BETA**2
    return 100 * ratio((1 + factor) * precision * recall, factor * precision + recall, empty=0.0)
