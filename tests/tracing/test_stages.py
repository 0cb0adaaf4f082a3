"""Stages have names, shapes and notes that count no padding."""

import numpy as np
import torch

from luthier.tracing.record import Record, Stack
from luthier.tracing.stages import stages


def made(hidden: torch.Tensor) -> Stack:
    attention = torch.full((2, 1, 3, 3), 1 / 3)
    return Stack("", [hidden, hidden * 2], [attention])


def test_names_shapes_and_notes() -> None:
    hidden = torch.ones(2, 3, 4)
    hidden[1, 2] = 100.0  # padding
    batch = {"input_ids": torch.zeros(2, 3, dtype=torch.long), "attention_mask": torch.tensor([[1, 1, 1], [1, 1, 0]])}
    found = stages(batch, Record([made(hidden)], {"logits": torch.zeros(2, 5)}, {}))
    names = ["input_ids", "attention_mask", "embeddings", "attention 1", "layer 1", "logits"]
    assert [stage.name for stage in found] == names
    assert [stage.shape for stage in found] == [(2, 3), (2, 3), (2, 3, 4), (2, 1, 3, 3), (2, 3, 4), (2, 5)]
    assert found[2].notes == {"norm": 2.0}
    assert found[4].notes["norm"] == 4.0
    assert np.isclose(found[4].notes["similarity"], 1.0)
    assert np.isclose(found[3].notes["entropy"], np.log2(3))


def test_values_are_given_where_they_are_asked_for() -> None:
    (stage,) = stages({"input_ids": torch.tensor([[1, 2]])}, Record([], {}, {}))
    assert stage.to_dict(whole=True) == {"name": "input_ids", "shape": [1, 2], "values": [[1, 2]]}
    assert "values" not in stage.to_dict(whole=False)
