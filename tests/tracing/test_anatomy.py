"""The parts of a model add up to the whole."""

from pathlib import Path

import pytest
import transformers

from luthier.tracing.anatomy import anatomy, parts, stacks
from tests.matrix.models import ARCHITECTURES, LAYERS, OTHERS, WIDTH, build

KNOWN = ARCHITECTURES | OTHERS


@pytest.mark.parametrize("name", ["BERT", "ModernBERT", "GPT-2", "LLaMA", "BART", "T5", "OPT"])
def test_the_parts_hold_all_parameters_once(name: str, tmp_path: Path) -> None:
    head = KNOWN[name][1]
    model = getattr(transformers, f"AutoModelFor{head}").from_pretrained(build(name, tmp_path / "model"))
    found = parts(model)
    assert sum(part.parameters for part in found) == model.num_parameters()
    assert sum(part.n_bytes for part in found) == 4 * model.num_parameters()
    assert [len(layers) for _, layers in stacks(model)] == [LAYERS] * (2 if head == "Seq2SeqLM" else 1)


def test_shared_weights_are_named(tmp_path: Path) -> None:
    model = transformers.AutoModelForCausalLM.from_pretrained(build("GPT-2", tmp_path / "model"))
    (head,) = [part for part in parts(model) if part.name == "lm_head"]
    assert (head.parameters, head.shares) == (0, ("transformer.wte",))


def test_the_anatomy_is_that_of_the_configuration(tmp_path: Path) -> None:
    model = transformers.AutoModelForMaskedLM.from_pretrained(build("BERT", tmp_path / "model"))
    found = anatomy(model, "mine", "encoder", "a task")
    assert (found.architecture, found.stacks, found.width, found.heads) == ("bert", [LAYERS], WIDTH, 4)
    assert found.vocabulary == model.config.vocab_size
    assert found.parameters == model.num_parameters()
