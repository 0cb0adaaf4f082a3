"""Attention over packed rows, with kernels of GPUs replaced by ones that keep to the same interfaces."""

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
import transformers
from torch import Tensor
from torch.nn.attention import varlen as torch_varlen
from transformers import Gemma3TextConfig, ModernBertConfig, PretrainedConfig

from luthier.engines.objective import Objective
from luthier.fast import fast, passes, varlen
from luthier.fast.varlen import BY_FLASH_ATTN, BY_ROWS, BY_TORCH, Core, Heads, Rule, core_for, is_right
from luthier.recipe import FastRecipe
from tests.fast.models import CELLS, batch_for, load, loss_and_gradient, same, summed

CPU = torch.device("cpu")
PADDED = (
    "Gemma 2",
    "DeBERTa-v3",
    "ALBERT",
    "LED",
    "T5",
    "T5 v1.1",
)  # no packed rows, or a bias for each pair of tokens
LENGTHS = (7, 1, 22, 4)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[Rule]:
    """The rules of attention over packed rows, which runs on a CPU too."""
    found: list[Rule] = []

    def attend(heads: Heads, starts: tuple[Tensor, Tensor], longest: tuple[int, int], rule: Rule) -> Tensor:
        found.append(rule)
        return BY_ROWS.attend(heads, starts, longest, rule)

    core = Core(attend, BY_ROWS.dtypes, drops=True, step=1)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)  # the model stays on the CPU
    monkeypatch.setattr(passes, "core_for", lambda device: core)
    return found


@pytest.mark.parametrize("left", [False, True])
@pytest.mark.parametrize(("name", "head"), CELLS)
def test_loss_and_gradient_are_those_of_the_padded_batch(
    name: str, head: str, left: bool, folder: Path, calls: list[Rule]
) -> None:
    model = load(name, head, folder)
    batch = batch_for(model, head, LENGTHS, left=left)
    plain = loss_and_gradient(model, Objective(summed), batch)
    assert same(loss_and_gradient(model, Objective(summed, around=fast(model, FastRecipe())), batch), plain)
    reads_padding = left and head == "SequenceClassification"
    assert bool(calls) == (name not in PADDED and not reads_padding)


def test_the_recipe_turns_it_off(folder: Path, calls: list[Rule]) -> None:
    model = load("LLaMA", "CausalLM", folder)
    passes_off = fast(model, FastRecipe.build({"attention": False}))
    loss_and_gradient(model, Objective(summed, around=passes_off), batch_for(model, "CausalLM", LENGTHS))
    assert not calls


def test_autocast_makes_half_of_rotary_queries(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[torch.dtype] = []

    def attend(heads: Heads, starts: tuple[Tensor, Tensor], longest: tuple[int, int], rule: Rule) -> Tensor:
        found.extend(part.dtype for part in heads)
        return BY_ROWS.attend(heads, starts, longest, rule)

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(passes, "core_for", lambda device: Core(attend, (torch.bfloat16,), drops=True, step=1))
    model = load("LLaMA", "CausalLM", folder)
    batch = batch_for(model, "CausalLM", LENGTHS)
    around = fast(model, FastRecipe())
    with torch.autocast("cpu", torch.bfloat16), around(batch):
        model(**batch)
    assert set(found) == {torch.bfloat16}


SIZES = {"vocab_size": 50, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "pad_token_id": 0}
LAYERS = ["sliding_attention", "full_attention"]


@pytest.mark.parametrize(
    ("config", "head"),
    [
        (
            ModernBertConfig(**SIZES, num_attention_heads=4, layer_types=LAYERS, local_attention=8),
            "TokenClassification",
        ),
        (
            Gemma3TextConfig(
                **SIZES, num_attention_heads=4, num_key_value_heads=2, head_dim=8, layer_types=LAYERS, sliding_window=4
            ),
            "CausalLM",
        ),
    ],
    ids=["ModernBERT", "Gemma 3"],
)
def test_windows_are_kept(config: PretrainedConfig, head: str, calls: list[Rule]) -> None:
    torch.manual_seed(0)
    model = getattr(transformers, f"AutoModelFor{head}").from_config(config).eval()
    batch = batch_for(model, head, LENGTHS)
    plain = loss_and_gradient(model, Objective(summed), batch)
    assert same(loss_and_gradient(model, Objective(summed, around=fast(model, FastRecipe())), batch), plain)
    assert {rule.window is None for rule in calls} == {True, False}


def of_torch(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    cu_seq_q: Tensor,
    cu_seq_k: Tensor,
    max_q: int,
    max_k: int,
    *,
    scale: float | None = None,
    window_size: tuple[int, int] = (-1, -1),
    enable_gqa: bool = False,
) -> Tensor:
    """`varlen_attn`, row by row."""
    assert enable_gqa == (query.shape[1] != key.shape[1])
    causal, window = window_size[1] == 0, None if window_size[0] < 0 else window_size[0] + 1
    rule = Rule(causal, window, scale)
    return BY_ROWS.attend(Heads(query, key, value), (cu_seq_q, cu_seq_k), (max_q, max_k), rule)


def of_flash_attn(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    cu_seqlens_q: Tensor,
    cu_seqlens_k: Tensor,
    max_seqlen_q: int,
    max_seqlen_k: int,
    dropout_p: float = 0.0,
    softmax_scale: float | None = None,
    causal: bool = False,
    window_size: tuple[int, int] = (-1, -1),
    deterministic: bool = False,
) -> Tensor:
    """`flash_attn_varlen_func`, row by row."""
    assert causal == (window_size[1] == 0)
    window = None if window_size[0] < 0 else window_size[0] + 1
    rule = Rule(causal, window, softmax_scale, dropout_p)
    return BY_ROWS.attend(Heads(q, k, v), (cu_seqlens_q, cu_seqlens_k), (max_seqlen_q, max_seqlen_k), rule)


def install(monkeypatch: pytest.MonkeyPatch, kernel: Callable[..., Tensor]) -> None:
    """Make a kernel the one of flash-attn."""
    module = ModuleType("flash_attn")
    module.flash_attn_varlen_func = kernel  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "flash_attn", module)


def test_each_kernel_is_called_by_its_own_interface(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch_varlen, "varlen_attn", of_torch)
    install(monkeypatch, of_flash_attn)
    assert is_right(BY_TORCH, CPU)
    assert is_right(BY_FLASH_ATTN, CPU)
    with torch.no_grad():
        assert is_right(BY_TORCH, CPU)
    with torch.inference_mode():
        assert is_right(BY_TORCH, CPU)


@pytest.mark.parametrize("change", [{"window_size": (-1, 0), "causal": True}, {"softmax_scale": 1.0}])
def test_a_kernel_that_computes_something_else_is_not_used(
    monkeypatch: pytest.MonkeyPatch, change: dict[str, Any]
) -> None:
    install(monkeypatch, lambda *args, **options: of_flash_attn(*args, **options | change))
    assert not is_right(BY_FLASH_ATTN, CPU)


def test_a_kernel_that_fails_is_not_used() -> None:
    assert not is_right(BY_TORCH, CPU)  # torch's is for GPUs
    assert not is_right(BY_FLASH_ATTN, CPU)  # not installed


def test_torch_s_kernel_takes_these_arguments() -> None:
    """Without a GPU, torch at least checks them, and tells the shape."""
    starts = torch.zeros(4, dtype=torch.int32, device="meta")
    query, key = (torch.empty(10, heads, 16, dtype=torch.bfloat16, device="meta") for heads in (4, 2))
    found = BY_TORCH.attend(Heads(query, key, key), (starts, starts), (6, 6), Rule(causal=True, window=3, scale=0.2))
    assert found.shape == query.shape


def test_there_is_none_for_a_cpu() -> None:
    assert core_for(CPU) is None


def test_what_a_kernel_takes() -> None:
    query = torch.empty(1, 4, 10, 64, dtype=torch.bfloat16)
    assert BY_TORCH.takes(query, query, Rule())
    assert not BY_TORCH.takes(query, query, Rule(dropout=0.1))
    assert BY_FLASH_ATTN.takes(query, query, Rule(dropout=0.1))
    assert not BY_FLASH_ATTN.takes(query.float(), query.float(), Rule())
    assert not BY_FLASH_ATTN.takes(query, query[..., :32], Rule())
    assert not BY_FLASH_ATTN.takes(query[..., :20], query[..., :20], Rule())


def test_the_first_core_that_is_right_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch_varlen, "varlen_attn", of_torch)
    monkeypatch.setattr(varlen, "is_right", lambda core, device: is_right(core, CPU))
    core_for.cache_clear()
    try:
        assert core_for(torch.device("cuda")) is BY_TORCH
    finally:
        core_for.cache_clear()
