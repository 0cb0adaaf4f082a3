"""The choices of a decoder, and what its layers would say."""

from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from luthier.tracing.decoding import candidates, choices, follow, lens
from tests.matrix.models import ARCHITECTURES, FAMILIES, OTHERS, build

DECODERS = [name for name, (_, head, *_) in (ARCHITECTURES | OTHERS).items() if FAMILIES[head] == "decoder"]


@pytest.mark.parametrize("name", DECODERS)
def test_the_last_layer_says_what_the_model_says(name: str, tmp_path: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(build(name, tmp_path / "model")).eval()
    batch = {"input_ids": torch.tensor([[5, 9, 7, 11]])}
    said = lens(model, batch)
    assert said is not None
    assert said.shape == (2, model.config.vocab_size)
    torch.testing.assert_close(said[-1], model(**batch).logits[0, -1], rtol=0, atol=1e-5)
    assert not torch.equal(said[0], said[1])


def test_a_model_whose_last_layer_is_read_otherwise_has_no_lens(tmp_path: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(build("LLaMA", tmp_path / "model")).eval()
    model.model.norm.register_forward_hook(lambda _, args, output: output + args[0].mean(1, keepdim=True))
    assert lens(model, {"input_ids": torch.tensor([[5, 9]])}) is None


def test_the_path_that_was_taken_and_what_could_have_been(tmp_path: Path) -> None:
    folder = build("GPT-2", tmp_path / "model")
    model, tokenizer = AutoModelForCausalLM.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)
    prompt, path = [5, 9, 7], [11, 4]
    logits = follow(model, prompt, path)
    with torch.inference_mode():
        whole = model(input_ids=torch.tensor([[*prompt, *path]])).logits[0]
    torch.testing.assert_close(logits, whole[2:4], rtol=0, atol=1e-6)
    found = choices(logits, path, tokenizer)
    assert [one.chosen.id for one in found] == path
    assert found[0].chosen.probability == pytest.approx(float(whole[2].softmax(-1)[11]), rel=1e-5)
    best = candidates(whole[2], tokenizer, 3)
    assert [one.id for one in best] == whole[2].topk(3).indices.tolist()
    assert list(found[0].candidates[:3]) == best
