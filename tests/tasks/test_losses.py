"""The loss that several tasks sum: that of torch, over the labels that count."""

import math

import pytest
import torch
from torch import nn

from luthier.data.batches import IGNORED
from luthier.tasks.losses import summed_cross_entropy


def test_labels_of_any_shape_are_summed_but_for_the_ignored() -> None:
    labels = torch.tensor([[0, 3, IGNORED], [1, IGNORED, IGNORED]])
    assert float(summed_cross_entropy(torch.zeros(2, 3, 4), labels)) == pytest.approx(3 * math.log(4))
    assert float(summed_cross_entropy(torch.zeros(2, 4), torch.tensor([0, IGNORED]))) == pytest.approx(math.log(4))
    assert float(summed_cross_entropy(torch.randn(1, 2, 4), torch.full((1, 2), IGNORED))) == 0.0


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_it_is_torchs_cross_entropy(smoothing: float) -> None:
    torch.manual_seed(0)
    logits, labels = torch.randn(2, 3, 5), torch.tensor([[0, 4, IGNORED], [1, 2, 3]])
    expected = nn.CrossEntropyLoss(ignore_index=IGNORED, reduction="sum", label_smoothing=smoothing)
    found = summed_cross_entropy(logits, labels, smoothing)
    assert float(found) == pytest.approx(float(expected(logits.view(-1, 5), labels.view(-1))), rel=1e-6)


def test_logits_of_half_precision_are_summed_in_single() -> None:
    found = summed_cross_entropy(torch.zeros(1, 3000, 4, dtype=torch.bfloat16), torch.zeros(1, 3000, dtype=torch.long))
    assert found.dtype == torch.float32
    assert float(found) == pytest.approx(3000 * math.log(4), rel=1e-5)
