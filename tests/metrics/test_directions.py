"""Every metric that Luthier makes states its own direction."""

import numpy as np

from luthier.metrics.classification import classification_metrics
from luthier.metrics.diversity import diversity_metrics
from luthier.metrics.entities import entity_metrics
from luthier.metrics.language import language_metrics
from luthier.metrics.multilabel import multilabel_metrics
from luthier.metrics.overlap import rouge_metrics
from luthier.metrics.regression import regression_metrics
from luthier.metrics.spans import span_metrics
from luthier.metrics.translation import translation_metrics

LOWER = {"loss", "perplexity", "bits_per_byte", "mse", "mae", "repetition", "self_bleu"}


def test_every_metric_states_its_direction():
    texts, golds = ["one text", "another text here"], [["one text"], [""]]
    text_metrics = [
        *diversity_metrics(texts),
        *language_metrics([1.0, 2.0], [2, 3], [9, 17]),
        *rouge_metrics(texts, golds),
        *span_metrics(texts, golds),
        *translation_metrics(texts, golds),
    ]
    assert len(text_metrics) == 19
    labels, numbers = np.array([0, 1, 1]), np.array([0.1, 0.5, 0.9])
    found = [
        *text_metrics,
        *classification_metrics(labels, labels, 2),
        *multilabel_metrics(labels[:, None], labels[:, None]),
        *entity_metrics([["B-PER", "O"]], [["B-PER", "O"]]),
        *regression_metrics(numbers, numbers),
    ]
    assert {metric.name for metric in found} > LOWER
    assert {metric.name: metric.greater_is_better for metric in found} == {
        metric.name: metric.name not in LOWER for metric in found
    }
