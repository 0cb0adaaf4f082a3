"""The values that metrics can take."""

import numpy as np

from luthier.metrics.base import Metric, mean
from luthier.metrics.bootstrap import value_of
from luthier.metrics.classification import classification_metrics
from luthier.metrics.diversity import diversity_metrics
from luthier.metrics.entities import entity_metrics
from luthier.metrics.language import language_metrics
from luthier.metrics.limits import limits_of, within
from luthier.metrics.multilabel import multilabel_metrics
from luthier.metrics.overlap import rouge_metrics
from luthier.metrics.regression import regression_metrics
from luthier.metrics.spans import span_metrics
from luthier.metrics.translation import translation_metrics


def test_every_metric_has_its_best_value_where_it_ends() -> None:
    """All but the diversity of texts, whose best value a text need not have, are at it when every answer is right."""
    texts = ["a text of five words", "another text that is longer"]
    golds = [[text] for text in texts]
    labels, numbers = np.array([0, 1, 1]), np.array([0.1, 0.5, 0.9])
    right = [
        *language_metrics(np.zeros(2), np.array([2, 3]), np.array([9, 17])),
        *rouge_metrics(texts, golds),
        *span_metrics(texts, golds),
        *translation_metrics(texts, golds),
        *classification_metrics(labels, labels, 2),
        *multilabel_metrics(labels[:, None], labels[:, None]),
        *entity_metrics([["B-PER", "O"]], [["B-PER", "O"]]),
        *regression_metrics(numbers, numbers),
    ]
    for metric in right:
        best = limits_of(metric)[1 if metric.greater_is_better else 0]
        np.testing.assert_allclose(value_of(metric), best, atol=1e-9, err_msg=metric.name)
    for metric in diversity_metrics(texts):
        assert limits_of(metric) == (0.0, 1.0)


def test_correlations_may_be_negative_and_nothing_is_known_of_others() -> None:
    found = {metric.name: limits_of(metric) for metric in regression_metrics(np.arange(3.0), np.arange(3.0))}
    assert found["pearson"] == found["spearman"] == (-1.0, 1.0) and found["r2"] == (None, 1.0)
    custom: Metric = mean("mine", np.zeros(3), greater_is_better=False)
    assert limits_of(custom) == (None, None)
    assert within((None, 1.0), -0.5, 1.5) == (-0.5, 1.0) and within((0.0, None), -0.5, 1.5) == (0.0, 1.5)
