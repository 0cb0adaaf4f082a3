"""What a trace records is what plain transformers computes, and leaves the model as it was."""

from pathlib import Path

import pytest
import torch
import transformers
from torch import Tensor
from transformers import AutoTokenizer, PreTrainedModel

from luthier.tracing.record import EAGER, record
from tests.matrix.models import ARCHITECTURES, FAMILIES, OTHERS, build

KNOWN = ARCHITECTURES | OTHERS
CLOSE = {"rtol": 0.0, "atol": 1e-6}


def loaded(folder: Path, name: str, **settings: str) -> PreTrainedModel:
    head = KNOWN[name][1]
    made: PreTrainedModel = getattr(transformers, f"AutoModelFor{head}").from_pretrained(folder, **settings)
    return made.eval()


def batch_of(folder: Path, family: str) -> dict[str, Tensor]:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    texts = ["the warm story of two people", "a dull film"]
    batch = dict(tokenizer(texts, padding=True, padding_side="right", return_tensors="pt"))
    if family == "encoder-decoder":
        batch["decoder_input_ids"] = batch["input_ids"][:, :3]
    return batch


def hooks(model: PreTrainedModel) -> int:
    return sum(len(module._forward_hooks) + len(module._forward_pre_hooks) for module in model.modules())


@torch.inference_mode()
@pytest.mark.parametrize("name", KNOWN)
def test_every_value_is_that_of_plain_transformers(name: str, tmp_path: Path) -> None:
    folder, family = build(name, tmp_path / "model"), FAMILIES[KNOWN[name][1]]
    batch = batch_of(folder, family)
    model, plain = loaded(folder, name), loaded(folder, name)
    before = model(**batch).logits
    found = record(model, batch)
    torch.testing.assert_close(model(**batch).logits, before, rtol=0, atol=0)  # nothing is left behind
    said = plain(**batch, output_hidden_states=True)
    plain(**batch, output_attentions=True)
    assert hooks(model) == hooks(plain)  # transformers keeps its own
    torch.testing.assert_close(found.logits["logits"], said.logits, **CLOSE)
    names = {"": "", "encoder": "encoder_", "decoder": "decoder_"}
    for stack in found.stacks:
        hidden = said[f"{names[stack.side]}hidden_states"]
        assert len(stack.hidden) == len(hidden) > 2
        for mine, theirs in zip(stack.hidden, hidden, strict=True):
            torch.testing.assert_close(mine, theirs, **CLOSE)
    weights = loaded(folder, name, attn_implementation=EAGER)(**batch, output_attentions=True)
    for stack in found.stacks:
        theirs = weights[f"{names[stack.side]}attentions"]
        assert len(stack.attention) == len(theirs) >= 2
        for one, other in zip(stack.attention, theirs, strict=True):
            torch.testing.assert_close(one, other, **CLOSE)
    if family == "encoder-decoder":
        for one, other in zip(found.stacks[1].cross, weights.cross_attentions, strict=True):
            torch.testing.assert_close(one, other, **CLOSE)


def test_the_time_of_each_layer_is_known(tmp_path: Path) -> None:
    folder = build("BERT", tmp_path / "model")
    found = record(loaded(folder, "BERT"), batch_of(folder, "encoder"))
    assert list(found.seconds) == ["embeddings", "bert.encoder.layer.0", "bert.encoder.layer.1", "head"]
    assert all(seconds >= 0 for seconds in found.seconds.values())
