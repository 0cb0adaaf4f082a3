"""GGUF files become plain model directories: the same numbers and tokens, once, whole or not at all."""

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerBase

from luthier.errors import DamagedError, ResourceError
from luthier.models import gguf as ours
from luthier.models.gguf import converted
from luthier.models.loading import load_model, load_tokenizer
from luthier.storage.checksums import digest, verify
from luthier.tokenizers.training import train_tokenizer
from tests.conftest import review
from tests.listener import Listener

gguf = pytest.importorskip("gguf")
TEMPLATE = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
HEADS, GROUPS, LAYERS = 4, 2, 2


def turned(weight: torch.Tensor, heads: int) -> torch.Tensor:
    """The rows of a query or key matrix in the order of llama.cpp, which rotates neighbours instead of halves."""
    return weight.view(heads, 2, -1, weight.shape[1]).transpose(1, 2).reshape(weight.shape)


def write_gguf(path: Path, model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerBase) -> None:
    """As llama.cpp's own converter writes a LLaMA with a byte-level BPE."""
    config = model.config
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_block_count(LAYERS)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(GROUPS)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(10000.0)
    writer.add_vocab_size(config.vocab_size)
    words = json.loads(tokenizer.backend_tokenizer.to_str())["model"]
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(sorted(words["vocab"], key=words["vocab"].get))
    special = {token.content for token in tokenizer.added_tokens_decoder.values()}
    writer.add_token_types([3 if token in special else 1 for token in sorted(words["vocab"], key=words["vocab"].get)])
    writer.add_token_merges([" ".join(merge) for merge in words["merges"]])
    writer.add_bos_token_id(tokenizer.bos_token_id)
    writer.add_eos_token_id(tokenizer.eos_token_id)
    writer.add_pad_token_id(tokenizer.pad_token_id)
    writer.add_add_bos_token(False)
    writer.add_chat_template(TEMPLATE)
    weights = model.state_dict()
    names = {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight"}
    inside = {
        "input_layernorm": "attn_norm",
        "post_attention_layernorm": "ffn_norm",
        "self_attn.q_proj": "attn_q",
        "self_attn.k_proj": "attn_k",
        "self_attn.v_proj": "attn_v",
        "self_attn.o_proj": "attn_output",
        "mlp.gate_proj": "ffn_gate",
        "mlp.up_proj": "ffn_up",
        "mlp.down_proj": "ffn_down",
    }
    for layer in range(LAYERS):
        names |= {f"model.layers.{layer}.{a}.weight": f"blk.{layer}.{b}.weight" for a, b in inside.items()}
    for name, theirs in names.items():
        heads = {"attn_q": HEADS, "attn_k": GROUPS}.get(theirs.split(".")[-2])
        tensor = turned(weights[name], heads) if heads else weights[name]
        writer.add_tensor(theirs, tensor.numpy().astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, LlamaForCausalLM, PreTrainedTokenizerBase]:
    """A GGUF file, and the model and the tokenizer that are in it."""
    texts = [review(label, i) for label in ("good", "bad") for i in range(50)]
    tokenizer = train_tokenizer(texts, 500, family="decoder")
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        num_key_value_heads=GROUPS,
        max_position_embeddings=128,
        tie_word_embeddings=True,
    )
    model = LlamaForCausalLM(config).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    path = tmp_path_factory.mktemp("gguf") / "tiny.gguf"
    write_gguf(path, model, tokenizer)
    return path, model, tokenizer


@pytest.fixture
def make(
    original: tuple[Path, LlamaForCausalLM, PreTrainedTokenizerBase], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Path]:
    """Converts into a cache of the test's own."""
    monkeypatch.setenv("LUTHIER_CACHE", str(tmp_path / "cache"))
    ours._verify_once.cache_clear()
    return lambda **options: converted("tiny", [original[0]], **options)


def test_the_numbers_and_the_tokens_are_those_of_the_file(
    original: tuple[Path, LlamaForCausalLM, PreTrainedTokenizerBase], make: Callable[..., Path]
) -> None:
    _, model, tokenizer = original
    directory = make()
    verify(directory)
    ids = torch.tensor([tokenizer("great story of two people", add_special_tokens=False)["input_ids"]])
    for read in (
        load_model("CausalLM", str(directory)),
        AutoModelForCausalLM.from_pretrained(directory, dtype=torch.float32),
    ):
        torch.testing.assert_close(read.eval()(ids).logits, model(ids).logits, rtol=1e-5, atol=1e-5)
        assert {parameter.dtype for parameter in read.parameters()} == {torch.float32}
        assert (read.config.eos_token_id, read.config.pad_token_id) == (tokenizer.eos_token_id, tokenizer.pad_token_id)
    for read in (load_tokenizer(str(directory)), AutoTokenizer.from_pretrained(directory)):
        for text in ("great story", " Two  people\n", "ünï 日本 🙂", "<|im_start|>user<|im_end|><|endoftext|>"):
            assert read(text)["input_ids"] == tokenizer(text, add_special_tokens=False)["input_ids"]
            assert read.decode(read(text)["input_ids"]) == text
        assert len(read("<|im_start|>")["input_ids"]) == 1
        assert (read.eos_token, read.pad_token) == (tokenizer.eos_token, tokenizer.pad_token)
        assert read.model_max_length == 128
        assert read.chat_template == TEMPLATE


def test_digits_are_tokens_of_their_own_where_the_model_s_tokenizer_has_them_so(make: Callable[..., Path]) -> None:
    assert load_tokenizer(str(make())).tokenize(" n12") == ["Ġn", "12"]
    assert load_tokenizer(str(make(digits=True))).tokenize(" n12") == ["Ġn", "1", "2"]


def test_a_file_is_converted_once_and_said_to_be(make: Callable[..., Path]) -> None:
    told = Listener()
    first = make(console=told)
    assert len(told.said) == 1 and "converting tiny" in told.said[0] and "once" in told.said[0]
    assert make(console=told) == first
    assert len(told.said) == 1
    assert [path.name for path in first.parent.iterdir() if path.name != ".lock"] == [first.name]


def test_parts_are_the_file(
    original: tuple[Path, LlamaForCausalLM, PreTrainedTokenizerBase], make: Callable[..., Path], tmp_path: Path
) -> None:
    content = original[0].read_bytes()
    parts = [tmp_path / "a", tmp_path / "b"]
    parts[0].write_bytes(content[:5000])
    parts[1].write_bytes(content[5000:])
    joined = converted("tiny", parts, sha256=digest(original[0]))
    assert joined == make()
    parts[1].write_bytes(content[5000:-1] + b"?")
    with pytest.raises(DamagedError, match="GGUF file is damaged"):
        converted("tiny", parts, sha256=digest(original[0]))


def test_what_was_damaged_since_is_converted_again(make: Callable[..., Path]) -> None:
    directory = make()
    (directory / "tokenizer.json").write_text("{}")
    ours._verify_once.cache_clear()
    assert make() == directory
    verify(directory)


def test_a_full_disk_leaves_nothing_and_says_where(
    make: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: object, **kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(LlamaForCausalLM, "save_pretrained", full)
    with pytest.raises(ResourceError, match="No space left") as caught:
        make()
    assert caught.value.where == str(tmp_path / "cache" / "models")
    assert "LUTHIER_CACHE" in caught.value.hint
    assert [path.name for path in (tmp_path / "cache" / "models").iterdir()] == [".lock"]


def test_a_cache_that_cannot_be_made_is_told(
    make: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("LUTHIER_CACHE", str(tmp_path / "file"))
    with pytest.raises(ResourceError, match="tiny cannot be converted"):
        make()


def test_two_at_once_convert_once(make: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    convert, calls = ours._convert, []

    def slow(*args: object) -> None:
        calls.append(args)
        time.sleep(0.3)
        convert(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(ours, "_convert", slow)
    found: list[Path] = []
    threads = [threading.Thread(target=lambda: found.append(make())) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 2 and found[0] == found[1]
    assert len(calls) == 1
