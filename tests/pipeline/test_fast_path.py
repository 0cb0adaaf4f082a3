"""What is on in training is said, with the reason for what is off."""

from pathlib import Path

import pytest
import torch

from luthier import allocator
from luthier.console import Console
from luthier.fast import Fast
from luthier.fast.varlen import BY_FLASH_ATTN, BY_TORCH, Core
from luthier.pipeline import fast_path
from luthier.pipeline.fast_path import READS_PADDING, allowed, decide, keeps_pages
from luthier.pipeline.preparation.prepare import Prepared, prepare
from luthier.pipeline.recipes import build_recipe
from luthier.pipeline.training.assemble import assemble
from luthier.recipe import FastRecipe, Recipe
from luthier.tasks.question_answering.task import QuestionAnswering
from luthier.tasks.text_classification.task import TextClassification
from tests.engines.helpers import prepared_data, with_settings

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Prepared:
    return prepared_data(tmp_path_factory.mktemp("fast"), tiny_model, "single/one")


def test_only_a_task_that_ignores_padding_is_computed_without() -> None:
    class Kind:
        def __init__(self, kind: type) -> None:
            self.kind = kind

    assert allowed(Kind(TextClassification), FastRecipe()) == FastRecipe()  # type: ignore[arg-type]
    reads = allowed(Kind(QuestionAnswering), FastRecipe())  # type: ignore[arg-type]
    assert (reads.unpad, reads.last_layer, reads.attention, reads.dropout_masks) == (False, False, True, True)


def said(prepared: Prepared, device: torch.device = CPU, pages: str = "") -> tuple[str, str]:
    training = assemble(prepared)
    passes = training.objective.around
    assert isinstance(passes, Fast)
    found = decide(prepared.task, passes, prepared.recipe.fast, device, pages)
    assert found.what == "fast path"
    return found.value, found.why


def test_a_classifier_of_bert_has_all_parts(data: Prepared) -> None:
    assert said(data) == ("unpadding, attention, dropout masks, last layer, memory pages", "")


def test_what_is_off_has_a_reason(data: Prepared) -> None:
    value, why = said(with_settings(data, fast__unpad=False), pages="the allocator is not glibc's")
    assert value == "attention, dropout masks, last layer"
    assert "unpadding: the recipe turns it off" in why
    assert "memory pages: the allocator is not glibc's" in why
    value, why = said(data, torch.device("meta"), "it is for CPUs")
    assert value == "unpadding, last layer"
    assert "dropout masks: it is for CPUs" in why


@pytest.mark.parametrize(
    ("core", "on", "reason"),
    [
        (BY_FLASH_ATTN, True, ""),
        (BY_TORCH, False, "attention: the model drops attention weights, which takes flash-attn"),
        (None, False, "attention: neither flash-attn nor torch's varlen_attn works here"),
    ],
)
def test_attention_of_a_gpu_needs_a_kernel(
    data: Prepared, monkeypatch: pytest.MonkeyPatch, core: Core | None, on: bool, reason: str
) -> None:
    monkeypatch.setattr(fast_path, "core_for", lambda device: core)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    value, why = said(with_settings(data, model__dropout=0.1, device="cpu"), torch.device("meta"))
    assert ("attention" in value.split(", ")) == on
    assert reason in why
    assert ("attention" in why) == (not on)


def test_a_task_that_reads_padding_says_so(data: Prepared, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(data.task.kind), "ignores_padding", False)
    value, why = said(data)
    assert value == "attention, dropout masks, memory pages"
    assert f"unpadding: {READS_PADDING}" in why


def test_logits_are_left_out_unless_a_loss_needs_them(tmp_path: Path) -> None:
    path = tmp_path / "texts.jsonl"
    path.write_text("".join(f'{{"text": "the cat sat {i}"}}\n' for i in range(40)), encoding="utf-8")
    settings = {"task": "text-generation", "from_scratch": "tiny", "precision": "fp32", "dropout": 0.1}
    data = prepare(build_recipe(path, settings, tmp_path, Console()), Console())
    assert "logits" in said(data)[0].split(", ")
    for changes in ({"training__r_drop_alpha": 1.0}, {"training__precision": "fp16"}):
        value, why = said(with_settings(data, **changes))
        assert "logits" not in value
        assert "logits: R-Drop and fp16 need them" in why


def test_memory_is_kept_only_for_training_on_a_cpu_with_glibc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(allocator, "available", lambda: True)
    assert keeps_pages(Recipe.build({}), CPU) == ""
    assert keeps_pages(Recipe.build({"fast": {"pages": False}}), CPU) == "the recipe turns it off"
    assert keeps_pages(Recipe.build({}), torch.device("meta")) == "it is for CPUs"
    checkpointed = Recipe.build({"training": {"gradient_checkpointing": True}})
    assert "gradient checkpointing" in keeps_pages(checkpointed, CPU)
    monkeypatch.setattr(allocator, "available", lambda: False)
    assert "glibc" in keeps_pages(Recipe.build({}), CPU)
