"""Linear models on features that are already computed, such as the embeddings of a frozen model."""

import warnings
from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp

from luthier.arrays import FloatArray, IntArray

# Weight of half the squared norm beside the mean loss, on standardized features. With embeddings of MiniLM, it is the
# best of powers of ten on 200 rows of BBC News and on 2,000 of SST-2.
_REGULARISATION = 0.5
_RIDGES = np.logspace(-3, 2, 11)  # tried by leave-one-out, as shares of the number of rows
_TRIED = 1_000  # rows to try them on, which is much faster than on many
NEVER = -20.0  # log odds of a label without training rows


@dataclass(frozen=True)
class Linear:
    """A linear model.

    Args:
        weight: `[c, d]`.
        bias: `[c]`.
    """

    weight: FloatArray
    bias: FloatArray

    def outputs(self, features: FloatArray) -> FloatArray:
        """Logits, or predicted numbers, `[n, c]`, for features `[n, d]`."""
        outputs: FloatArray = features @ self.weight.T + self.bias
        return outputs

    def shrunk(self, norm: float) -> "Linear":
        """The same with outputs closer to 0, if the rows of its weights are longer than a norm on average."""
        rows = float(np.linalg.norm(self.weight, axis=1).mean())
        share = min(1.0, norm / rows) if rows else 1.0
        return Linear(share * self.weight, share * self.bias)


def softmax_regression(features: FloatArray, labels: IntArray, n_labels: int, unseen: float = NEVER) -> Linear:
    """Logistic regression for one of several labels; its softmax gives their probabilities.

    Args:
        features: `[n, d]`.
        labels: `[n]` label ids.
        n_labels: Number of labels, `c`.
        unseen: Log odds of a label without rows, on average.
    """
    present = np.unique(labels)
    if len(present) == 1:
        found = Linear(np.zeros((1, features.shape[1])), np.zeros(1))
    else:
        found = _logistic(features, labels)
        if len(present) == 2:  # scikit-learn gives the difference of two logits
            weight, bias = found.weight / 2, found.bias / 2
            found = Linear(np.concatenate([-weight, weight]), np.concatenate([-bias, bias]))
    others = float(logsumexp(found.outputs(features), axis=1).mean())
    weight, bias = np.zeros((n_labels, features.shape[1])), np.full(n_labels, others + unseen)
    weight[present], bias[present] = found.weight, found.bias
    return Linear(weight, bias)


def binary_regressions(features: FloatArray, labels: IntArray, unseen: float = NEVER) -> Linear:
    """A logistic regression for each label; its sigmoid gives the probability of the label.

    Args:
        features: `[n, d]`.
        labels: `[n, c]` of 0 and 1.
        unseen: Log odds of a label without rows; its opposite is that of a label without others.
    """
    constant = labels.min(axis=0) == labels.max(axis=0)
    weight, bias = np.zeros((labels.shape[1], features.shape[1])), np.where(labels[0] == 1, -unseen, unseen)
    for label in np.flatnonzero(~constant):
        found = _logistic(features, labels[:, label])
        weight[label], bias[label] = found.weight[0], found.bias[0]
    return Linear(weight, bias)


def ridge(features: FloatArray, values: FloatArray) -> Linear:
    """Ridge regression; its regularization has the smallest error by leave-one-out, on at most 1,000 rows.

    Args:
        features: `[n, d]`.
        values: `[n]`.
    """
    from sklearn.linear_model import Ridge, RidgeCV

    scaled, mean, scale = _standardized(features)
    some = slice(None, None, -(-len(values) // _TRIED))
    n = len(values[some])
    regularisation = RidgeCV(_RIDGES * n).fit(scaled[some], values[some]).alpha_ / n
    model = Ridge(regularisation * len(values)).fit(scaled, values)
    return _for_raw(model.coef_.reshape(1, -1), np.atleast_1d(model.intercept_), mean, scale)


def _logistic(features: FloatArray, labels: IntArray) -> Linear:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    scaled, mean, scale = _standardized(features)
    with warnings.catch_warnings():
        # Without convergence it is still a baseline.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = LogisticRegression(C=1 / (_REGULARISATION * len(labels)), max_iter=300).fit(scaled, labels)
    return _for_raw(model.coef_, model.intercept_, mean, scale)


def _standardized(features: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Features with mean 0 and standard deviation 1, and the mean and deviation that they had."""
    mean, scale = features.mean(axis=0), features.std(axis=0)
    scale = np.where(scale > 1e-6, scale, 1.0)  # a constant stays 0
    return (features - mean) / scale, mean, scale


def _for_raw(weight: FloatArray, bias: FloatArray, mean: FloatArray, scale: FloatArray) -> Linear:
    """A model of standardized features as one of the features themselves."""
    weight = weight / scale
    return Linear(weight, bias - weight @ mean)
