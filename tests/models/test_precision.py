"""The precision is chosen by what was measured."""

import pytest
import torch

from luthier.errors import UsageError
from luthier.models import precision


def test_every_rate_is_positive():
    rates = precision.measure("cpu")
    assert "fp32" in rates
    assert all(rate > 0 for rate in rates.values())


@pytest.mark.parametrize(
    ("rates", "chosen"),
    [
        ({"fp32": 100.0, "bf16": 119.0}, "fp32"),
        ({"fp32": 100.0, "bf16": 121.0}, "bf16"),
        ({"fp32": 100.0, "bf16": 1.0}, "fp32"),
        ({"fp32": 100.0}, "fp32"),
    ],
)
def test_fp32_stays_unless_the_other_is_clearly_faster(monkeypatch, rates, chosen):
    monkeypatch.setattr(precision, "measure", lambda device, precisions: rates)
    found, why = precision.choose("cpu")
    assert found == chosen
    assert "bf16" in why


def test_a_slow_precision_is_timed_on_a_small_product(monkeypatch):
    monkeypatch.setattr(precision, "_timed", lambda matrix: 1.0)
    assert len(precision._product_worth_timing(torch.device("cpu"), torch.float32)) == precision.SMALLEST
    monkeypatch.setattr(precision, "_timed", lambda matrix: 0.0)
    largest = precision.LARGEST["cpu"]
    assert len(precision._product_worth_timing(torch.device("cpu"), torch.float32)) == largest


def test_the_rate_counts_the_operations_of_the_product(monkeypatch):
    monkeypatch.setattr(precision, "_timed", lambda matrix: 1.0)
    rates = precision.measure("cpu", ["fp32"])
    assert rates == {"fp32": 2 * precision.SMALLEST**3 / 1e9}


def test_a_precision_that_computes_wrong_is_left_out(monkeypatch):
    sound = precision._is_sound
    monkeypatch.setattr(precision, "_is_sound", lambda device, dtype: dtype != torch.bfloat16 and sound(device, dtype))
    assert "bf16" not in precision.measure("cpu", ["fp32", "bf16"])


def test_a_precision_that_the_device_lacks_is_left_out(monkeypatch):
    def lacking(device, dtype):
        raise RuntimeError("not implemented for 'Half'")

    monkeypatch.setattr(precision, "_is_sound", lacking)
    assert precision.measure("cpu", ["fp16"]) == {}


def test_a_precision_that_a_device_lacks_is_refused_with_one_that_it_has():
    assert precision.weights_dtype("bf16", torch.device("cpu")) == torch.bfloat16
    with pytest.raises(UsageError) as unknown:
        precision.weights_dtype("int3", torch.device("cpu"))
    assert "fp32" in str(unknown.value.hint)
    with pytest.raises(UsageError) as unable:
        precision.weights_dtype("fp16", torch.device("cpu"))
    assert "bf16" in str(unable.value.hint)
