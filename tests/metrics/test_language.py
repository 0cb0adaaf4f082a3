import math

import numpy as np
import pytest
import torch

from luthier.metrics.bootstrap import resample_counts, score
from luthier.metrics.language import language_metrics


def values(metrics):
    return {metric.name: float(metric.on(np.ones((1, metric.n)))[0]) for metric in metrics}


def test_by_hand():
    found = values(language_metrics(np.array([6.0, 2.0]), np.array([3, 1]), np.array([10, 6])))
    assert found == pytest.approx({"loss": 2.0, "perplexity": math.exp(2), "bits_per_byte": 8 / math.log(2) / 16})


def test_uniform_over_bytes_is_eight_bits():
    n = np.array([5, 17])
    found = values(language_metrics(n * math.log(256), n, n))
    assert found == pytest.approx({"loss": math.log(256), "perplexity": 256, "bits_per_byte": 8})


def test_loss_is_that_of_one_long_batch():
    torch.manual_seed(0)
    logits, labels = torch.randn(12, 7, dtype=torch.float64), torch.randint(7, (12,))
    nll = torch.nn.functional.cross_entropy(logits, labels, reduction="none")
    documents = [slice(0, 2), slice(2, 9), slice(9, 12)]
    sums = np.array([float(nll[part].sum()) for part in documents])
    tokens = np.array([len(labels[part]) for part in documents])
    found = values(language_metrics(sums, tokens, tokens * 3))
    assert found["loss"] == pytest.approx(float(torch.nn.functional.cross_entropy(logits, labels)))


def test_resamples_weigh_documents_by_their_tokens():
    nll, tokens = np.array([1.0, 8.0, 30.0]), np.array([1, 4, 10])
    metrics = language_metrics(nll, tokens, tokens)
    (counts,) = resample_counts(3, 20, 0)
    for row, drawn in enumerate(np.repeat(np.arange(3), row.astype(int)) for row in counts):
        loss = nll[drawn].sum() / tokens[drawn].sum()
        expected = [loss, math.exp(loss), loss / math.log(2)]
        assert [metric.on(counts)[row] for metric in metrics] == pytest.approx(expected)


def test_less_is_better_and_what_has_no_value_is_not_defined():
    metrics = language_metrics(np.array([0.0]), np.array([0]), np.array([0]))
    assert not any(metric.greater_is_better for metric in metrics)
    assert [score(metric).value for metric in metrics] == [None, None, None]
    assert [score(m).value for m in language_metrics(np.array([np.nan]), np.array([1]), np.array([1]))] == [None] * 3
    hopeless = {m.name: score(m).value for m in language_metrics(np.array([1e4]), np.array([1]), np.array([1]))}
    assert hopeless["loss"] == 1e4 and hopeless["perplexity"] is None
    assert [score(metric).value for metric in language_metrics([], [], [])] == [None, None, None]


def test_wrong_shapes_are_refused():
    with pytest.raises(ValueError, match=r"must all be \[n\]"):
        language_metrics(np.array([1.0]), np.array([1, 2]), np.array([1]))
