"""Tiny models with random weights of every architecture, each with a tokenizer of its own class."""

import inspect
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import sentencepiece
import torch
import transformers
from transformers import CONFIG_MAPPING, PretrainedConfig, PreTrainedTokenizerBase, set_seed

from luthier.tokenizers.training import train_tokenizer
from tests.matrix.data import texts

WIDTH, LAYERS, HEADS, INNER, PLACES = 32, 2, 4, 64, 256
# What the configurations of transformers call these; each knows some of the names.
SIZES: dict[str, Any] = {
    **dict.fromkeys(("hidden_size", "embedding_size", "d_model", "n_embd", "dim", "hidden_dim"), WIDTH),
    **dict.fromkeys(("num_hidden_layers", "num_layers", "n_layers", "n_layer", "num_decoder_layers"), LAYERS),
    **dict.fromkeys(("encoder_layers", "decoder_layers"), LAYERS),
    **dict.fromkeys(("num_attention_heads", "num_heads", "n_heads", "n_head"), HEADS),
    **dict.fromkeys(("encoder_attention_heads", "decoder_attention_heads"), HEADS),
    **dict.fromkeys(("intermediate_size", "n_inner", "d_ff", "encoder_ffn_dim", "decoder_ffn_dim", "ffn_dim"), INNER),
    **dict.fromkeys(("head_dim", "d_kv", "query_pre_attn_scalar"), WIDTH // HEADS),
    **dict.fromkeys(("max_position_embeddings", "n_positions", "max_encoder_position_embeddings"), PLACES),
    **dict.fromkeys(("max_decoder_position_embeddings",), PLACES),
    "num_key_value_heads": 2,
    "word_embed_proj_dim": WIDTH,
    "attention_window": 16,
    "sliding_window": 16,
    "pad_to_multiple_of": 1,
}
Tokenizers = Callable[[Path], PreTrainedTokenizerBase]


def own(name: str, folder: Path) -> PreTrainedTokenizerBase:
    """A tokenizer of a class of transformers, trained on the matrix's texts."""
    return getattr(transformers, name)().train_new_from_iterator(texts(), 400)


def ours(family: str, architecture: str, folder: Path) -> PreTrainedTokenizerBase:
    """One of ours, for architectures whose checkpoints have the general class."""
    return train_tokenizer(texts(), 400, family=family, architecture=architecture)


def marian(folder: Path) -> PreTrainedTokenizerBase:
    """Marian's pair: a SentencePiece model for each side, and the vocabulary of both."""
    for side in ("source", "target"):
        with (folder / f"{side}.spm").open("wb") as file:
            sentencepiece.SentencePieceTrainer.train(
                sentence_iterator=iter(texts()), model_writer=file, vocab_size=80, minloglevel=2, hard_vocab_limit=False
            )
    pieces = sentencepiece.SentencePieceProcessor(model_file=str(folder / "source.spm"))
    learned = [pieces.id_to_piece(i) for i in range(pieces.get_piece_size())]
    names = dict.fromkeys(
        ["</s>", "<unk>", *(piece for piece in learned if piece not in ("<s>", "</s>", "<unk>")), "<pad>"]
    )
    (folder / "vocab.json").write_text(json.dumps({piece: i for i, piece in enumerate(names)}), encoding="utf-8")
    return transformers.MarianTokenizer(
        source_spm=str(folder / "source.spm"), target_spm=str(folder / "target.spm"), vocab=str(folder / "vocab.json")
    )


# Name in the table -> model_type, head that it is saved with, its tokenizer, further settings.
ARCHITECTURES: dict[str, tuple[str, str, Tokenizers, dict[str, Any]]] = {
    "BERT": ("bert", "MaskedLM", partial(own, "BertTokenizer"), {}),
    "DistilBERT": ("distilbert", "MaskedLM", partial(own, "BertTokenizer"), {"hidden_dim": INNER}),
    "ModernBERT": ("modernbert", "MaskedLM", partial(ours, "encoder", "modernbert"), {}),
    "GPT-2": ("gpt2", "CausalLM", partial(own, "GPT2Tokenizer"), {}),
    "LLaMA": ("llama", "CausalLM", partial(own, "LlamaTokenizer"), {}),
    "Gemma": ("gemma", "CausalLM", partial(own, "GemmaTokenizer"), {}),
    "Gemma 2": ("gemma2", "CausalLM", partial(own, "GemmaTokenizer"), {}),
    "Gemma 3 (text)": ("gemma3_text", "CausalLM", partial(own, "GemmaTokenizer"), {}),
    "SmolLM 1 and 2": ("llama", "CausalLM", partial(own, "GPT2Tokenizer"), {"tie_word_embeddings": True}),
    "SmolLM 3": ("smollm3", "CausalLM", partial(ours, "decoder", "smollm3"), {}),
    "BART": ("bart", "Seq2SeqLM", partial(own, "RobertaTokenizer"), {}),
    "T5": ("t5", "Seq2SeqLM", partial(own, "T5Tokenizer"), {}),
    "T5 v1.1": (
        "t5",
        "Seq2SeqLM",
        partial(own, "T5Tokenizer"),
        {"feed_forward_proj": "gated-gelu", "tie_word_embeddings": False},
    ),
    "Marian": ("marian", "Seq2SeqLM", marian, {}),
    "mBART": ("mbart", "Seq2SeqLM", partial(own, "MBart50Tokenizer"), {}),
}
OTHERS: dict[str, tuple[str, str, Tokenizers, dict[str, Any]]] = {
    "RoBERTa": ("roberta", "MaskedLM", partial(own, "RobertaTokenizer"), {"max_position_embeddings": PLACES + 2}),
    "DeBERTa-v3": ("deberta-v2", "MaskedLM", partial(own, "DebertaV2Tokenizer"), {}),
    "ELECTRA": ("electra", "MaskedLM", partial(own, "BertTokenizer"), {}),
    "ALBERT": ("albert", "MaskedLM", partial(own, "AlbertTokenizer"), {}),
    "XLM-R": ("xlm-roberta", "MaskedLM", partial(own, "XLMRobertaTokenizer"), {"max_position_embeddings": PLACES + 2}),
    "Qwen 2": ("qwen2", "CausalLM", partial(own, "Qwen2Tokenizer"), {}),
    "Mistral": ("mistral", "CausalLM", partial(own, "LlamaTokenizer"), {}),
    "Phi": ("phi", "CausalLM", partial(own, "GPT2Tokenizer"), {}),
    "OPT": ("opt", "CausalLM", partial(own, "GPT2Tokenizer"), {}),
    "Pegasus": ("pegasus", "Seq2SeqLM", partial(own, "T5Tokenizer"), {}),
    "LED": ("led", "Seq2SeqLM", partial(own, "RobertaTokenizer"), {}),
}
FAMILIES = {"MaskedLM": "encoder", "CausalLM": "decoder", "Seq2SeqLM": "encoder-decoder"}


def build(name: str, folder: Path) -> Path:
    """A directory with a tiny model and its tokenizer, as `save_pretrained` writes them."""
    kind, head, make_tokenizer, settings = (ARCHITECTURES | OTHERS)[name]
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = make_tokenizer(folder)
    config = configuration(kind, tokenizer, settings)
    set_seed(0)
    model = getattr(transformers, f"AutoModelFor{head}").from_config(config, dtype=torch.float32)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def configuration(kind: str, tokenizer: PreTrainedTokenizerBase, settings: dict[str, Any]) -> PretrainedConfig:
    made = CONFIG_MAPPING[kind]
    known = inspect.signature(made).parameters
    end = tokenizer.eos_token_id if tokenizer.eos_token_id is not None else tokenizer.sep_token_id
    pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else end
    start = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else end
    # BART and its like begin with the end token, T5 and Marian with padding.
    decoder_start = end if kind in ("bart", "mbart", "led") else pad
    ids = {"pad_token_id": pad, "bos_token_id": start, "eos_token_id": end, "decoder_start_token_id": decoder_start}
    sizes = {**SIZES, "vocab_size": len(tokenizer), **ids, **settings}
    config = made(**{key: value for key, value in sizes.items() if key in known or key in settings})
    if config.is_encoder_decoder:
        config.decoder_start_token_id = decoder_start
    return config
